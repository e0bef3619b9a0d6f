"""`check_op`: every property, on one row of the registry, with inputs made from the facts of the row.

A row names its domain, its static arguments and some shapes (`samples`), and sometimes how to draw its operands
(`draw`). From these come a strategy and a subject; nothing has to be written for a new row.
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any

import numpy as np
from hypothesis import strategies as st

import autodiff as ad
from autodiff.testing.check import Call, Options, check_subject, default_seed
from autodiff.testing.inputs import strategies
from autodiff.testing.properties.table import selected
from autodiff.testing.reporting.report import DerivativeReport
from autodiff.testing.subjects.function_under_test import Arguments, Subject
from autodiff.testing.subjects.this_engine import engine_subject

_CHANGE_DTYPE = ("astype", "scatter", "to_scalar")  # rows whose purpose or argument is a dtype

__all__ = ["check_op", "op_calls", "op_subject"]


def op_subject(row: Any, order: int = 2, modes: tuple[str, ...] = ("reverse", "forward")) -> Subject:
    """Return the subject of a row: its plain NumPy function is the oracle, its recorded form is under test."""

    def recorded(*operands: Any, **static: Any) -> Any:
        return row(list(operands), **static) if row.variadic else row(*operands, **static)

    subject = engine_subject(recorded, modes, order, row.name, value=row.fn)
    subject.op = row
    subject.extras["elementwise"] = row.elementwise
    return subject


def _named_subject(name: str, order: int, modes: tuple[str, ...]) -> Subject:
    return op_subject(ad.ops.OPS[name], order, modes)


def op_calls(row: Any, dtype: Any = np.float64, wide: bool = True) -> st.SearchStrategy[Arguments]:
    """Return a strategy for calls of a row: operands inside its domain, in its sample shapes and in smaller ones, with
    its static arguments.
    """
    if row.samples is None and _takes_integers(row):
        whole = st.integers(-2, 3)
        return st.tuples(strategies.tensors(domain=row.domain[0], dtype=dtype, wide=wide), whole).map(
            lambda p: Arguments(*p)
        )
    if row.samples is None:
        domain = row.domain if len(row.inputs) > 1 else row.domain[0]
        if len(row.inputs) > 1:
            return strategies.broadcastable(len(row.inputs), domain, dtype, wide=wide)
        return strategies.tensors(strategies.shapes(zero=True), domain, dtype, wide=wide).map(Arguments)

    @st.composite
    def calls(draw: Any) -> Arguments:
        shapes, static = draw(st.sampled_from(list(row.samples)))
        sides = sorted({n for shape in shapes for n in shape})
        if draw(
            st.booleans()
        ):  # other lengths, the same where they were the same; a call that does not fit them is refused
            other = {n: draw(st.sampled_from([n, 1, 2, 0 if n else n])) for n in sides}
            shapes = tuple(tuple(other[n] for n in shape) for shape in shapes)
        if row.draw is not None:
            operands = row.draw(np.random.default_rng(draw(st.integers(0, 2**16))), *shapes)
            return Arguments(*[np.asarray(x) for x in operands], **static)
        domains = row.domain * len(shapes) if row.variadic else row.domain
        spread = wide and draw(st.integers(0, 3)) == 0
        return Arguments(
            *[draw(strategies.tensors(s, d, dtype, wide=spread)) for s, d in zip(shapes, domains)], **static
        )

    return calls()


def _takes_integers(row: Any) -> bool:
    """Return whether the second operand has no derivative and must be an integer (as in ldexp)."""
    if len(row.inputs) != 2 or row.rule(1) is not None:
        return False
    try:
        row.fn(1.5, 1.5)
    except TypeError:
        return True
    return False


def check_op(
    op: Any,
    *,
    order: int = 2,
    examples: int = 50,
    properties: Any = "default",
    dtypes: Sequence[Any] = (np.float64, np.float32),
    modes: tuple[str, ...] = ("reverse", "forward"),
    kinks: str = "accept",
    seed: int | None = None,
    max_weak: float = 0.2,
    raises: bool = True,
    processes: bool = False,
) -> DerivativeReport:
    """Check one row of the registry.

    Args:
        op: the row, or its name.
        order: 2 checks second derivatives as well.
        examples: how many calls to draw.
        properties, dtypes, modes, kinks, seed, max_weak, raises, processes: as in `check_derivatives`.

    Returns:
        A `DerivativeReport`.

    Raises:
        DerivativeError: a property is violated.
        InconclusiveError: too little could be proven.
        KeyError: there is no row of this name.

    >>> check_op("tanh", examples=5).ok
    True
    """
    row = ad.ops.OPS[op] if isinstance(op, str) else op
    live = [i for i in range(len(row.inputs)) if row.rule(i) is not None]
    wrt = None if row.variadic or not live else tuple(live)
    options = Options(
        selected(properties),
        default_seed(row.name) if seed is None else seed,
        examples,
        order,
        kinks,
        tuple(np.dtype(d).type for d in dtypes),
        keeps_dtype=row.name not in _CHANGE_DTYPE,
        max_weak=max_weak,
        wrt=wrt,
        elsewhere=(_named_subject, (row.name, order, modes)) if processes else None,
    )
    # a row with kinks may have jumps, which mixed scales would put at every step
    calls = op_calls(row, wide=row.kink is None)
    chosen = dict(order=order, examples=examples, properties=properties, dtypes=dtypes, modes=modes, kinks=kinks)
    usual = inspect.signature(check_op).parameters
    given = {key: value for key, value in chosen.items() if value is not usual[key].default}
    known = ad.ops.OPS.get(row.name) is row
    call = Call("check_op", repr(row.name), given, inputs_from_row=True) if known else None
    report = check_subject(op_subject(row, order, modes), (calls,), None, options, call)
    if raises:
        report.raise_if_wrong()
    return report
