"""`check_module`: a layer's derivatives with respect to its inputs and every one of its parameters.

The layer becomes a function of (inputs, parameters) through `nn.functional_call`, so that all properties of functions
apply to it. Buffers that a call updates are put back, and a seeded generator makes random layers the same function in
every call.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

import autodiff as ad
from autodiff.testing.check import Options, check_subject, default_seed
from autodiff.testing.subjects.this_engine import engine_subject, plain
from autodiff.testing.properties.table import selected
from autodiff.testing.reporting.report import DerivativeReport
from autodiff.testing.subjects.function_under_test import Arguments

__all__ = ["check_module"]


def check_module(
    m: Any,
    *inputs: Any,
    kwargs: dict[str, Any] | None = None,
    order: int = 1,
    examples: int = 30,
    properties: Any = "default",
    dtypes: Sequence[Any] = (np.float64,),
    kinks: str = "accept",
    seed: int | None = None,
    max_weak: float = 0.2,
    raises: bool = True,
    explain: bool = True,
) -> DerivativeReport:
    """Check a layer, a loss or a whole network.

    Args:
        m: an `nn.Module`. Its parameters are checked in float64, whatever dtype they have.
        inputs: arrays or strategies for its inputs; floating ones are differentiated.
        kwargs: keyword arguments of the call.
        order, examples, properties, dtypes, kinks, seed, max_weak, raises, explain: as in `check_derivatives`. Single
            precision is left out by default, because a layer casts its input to its parameters' dtype.

    Returns:
        A `DerivativeReport`; arguments after the inputs are the parameters, in the order of `named_parameters()`.

    Raises:
        DerivativeError: a property is violated.
        InconclusiveError: too little could be proven.

    >>> import nn
    >>> check_module(nn.Linear(2, 3, rng=0), np.ones((4, 2))).ok
    True
    """
    import nn

    parameters = {name: np.array(p.data, np.float64) for name, p in m.named_parameters()}
    names, buffers = list(parameters), [(b, np.array(b.data)) for _, b in m.named_buffers()]
    fixed = default_seed(type(m).__name__)

    def call(*args: Any, **kw: Any) -> Any:
        values, rest = dict(zip(names, args[len(args) - len(names) :])), args[: len(args) - len(names)]
        nn.seed(fixed)  # a random layer must be one function while it is being measured
        try:
            return nn.functional_call(m, values, *rest, **kw)
        finally:
            for b, before in buffers:
                if not np.array_equal(b.data, before):
                    b.data = before

    subject = engine_subject(call, ("reverse", "forward"), order, type(m).__name__, value=_on_constants(call))
    options = Options(
        selected(properties),
        fixed if seed is None else seed,
        examples,
        order,
        kinks,
        tuple(np.dtype(d).type for d in dtypes),
        max_weak=max_weak,
        stop_early=not explain,
    )
    report = check_subject(subject, [*inputs, Arguments(*parameters.values())], kwargs, options, explain=explain)
    if raises:
        report.raise_if_wrong()
    return report


def _on_constants(call: Any) -> Any:
    def value(*args: Any, **kw: Any) -> Any:
        with ad.no_grad(), np.errstate(all="ignore"):
            return plain(
                call(
                    *[
                        ad.tensor(a, requires_grad=False, copy=False)
                        if isinstance(a, np.ndarray) and a.dtype.kind == "f"
                        else a
                        for a in args
                    ],
                    **kw,
                )
            )

    return value
