"""`check_module`: a layer's derivatives with respect to its inputs and every one of its parameters.

The layer becomes a function of (inputs, parameters) through `nn.functional_call`, so that all properties of functions
apply to it. Buffers that a call updates are put back, and such a layer is left out of "checkpointed equals plain".
Every random generator starts each call in the same state: a random layer is then one function while it is measured.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

import nn
from autodiff.testing import Arguments, DerivativeReport, check_derivatives

__all__ = ["check_module"]


def check_module(
    m: Any,
    *inputs: Any,
    kwargs: dict[str, Any] | None = None,
    examples: int = 30,
    dtypes: Sequence[Any] = (np.float64,),
    **options: Any,
) -> DerivativeReport:
    """Check a layer, a loss or a whole network.

    Args:
        m: an `nn.Module`. Its parameters are checked in float64, whatever dtype they have.
        inputs: arrays or strategies for its inputs; floating ones are differentiated.
        kwargs: keyword arguments of the call.
        examples: how many examples to search.
        dtypes: precisions to check. Single precision is left out by default, because a layer casts its input to its
            parameters' dtype.
        options: `order`, `properties`, `kinks`, `seed`, `max_weak`, `raises`, `explain` of `check_derivatives`.

    Returns:
        A `DerivativeReport`; arguments after the inputs are the parameters, in the order of `named_parameters()`.

    Raises:
        DerivativeError: a property is violated.
        InconclusiveError: too few results were certain.

    >>> import nn
    >>> check_module(nn.Linear(2, 3, rng=0), np.ones((4, 2))).ok
    True
    """
    parameters = {name: np.array(p.data, np.float64) for name, p in m.named_parameters()}
    names, buffers = list(parameters), [(b, np.array(b.data)) for _, b in m.named_buffers()]
    own, default = [g for g in m.generators() if g is not nn.default_generator()], nn.default_generator()
    before = [(g, g.bit_generator.state) for g in (default, *own)]
    # the same numbers in every run of the check, independent of earlier draws from the default generator
    start = [(default, np.random.default_rng(0).bit_generator.state), *before[1:]]

    def call(*args: Any, **kw: Any) -> Any:
        values, rest = dict(zip(names, args[len(args) - len(names) :])), args[: len(args) - len(names)]
        for generator, state in start:
            generator.bit_generator.state = state
        try:
            return nn.functional_call(m, values, *rest, **kw)
        finally:
            for b, value in buffers:
                if not np.array_equal(b.data, value):
                    b.data = value

    call.__name__ = type(m).__name__
    if buffers and m.training:  # such as running statistics: `checkpoint` cannot run a function again that writes
        options.setdefault("properties", "-P26")
    given = [*inputs, Arguments(*parameters.values())]
    try:
        return check_derivatives(call, *given, kwargs=kwargs, examples=examples, dtypes=dtypes, **options)
    finally:
        for generator, state in before:
            generator.bit_generator.state = state
