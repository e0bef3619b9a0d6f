"""Recording: evaluate an operation, and make the node that its derivative will need.

Every row calls ``record`` when it is called. The values that the rules of the live operands name are saved; a
constant operand costs nothing. On floats the local derivatives are computed at once, by the same rules.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import repeat
from math import isfinite
from typing import Any

import numpy as np

from .batching.handle import Batched
from .batching.routes import run_row
from .errors import MissingRuleError, kind_of, leaves_graph, missing_argument
from .graph import FLOAT64, Node, new_float_node, new_node, notes_of
from .modes import State, state
from .modes.diagnostics import explain, observe, refuse_complex, run_by_library
from .other_arrays import by_library, is_foreign, plain_array
from .registry import Op, set_recorder
from .variable import Variable, is_live, wrap
from .writes.views import note_view

ARITHMETIC = (ZeroDivisionError, OverflowError, ValueError)  # raised by Python's floats where NumPy gives inf or nan
# raised by a function on operands that do not fit
REFUSALS = (ValueError, TypeError, IndexError, NotImplementedError, AttributeError)


def record(op: Op, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Evaluate an operation, and record it when a derivative can flow through it."""
    operands, static = op.bind(args, kwargs)
    if static is not op.defaults:
        for key, value in static.items():
            if isinstance(value, Variable):
                if value.__class__ is Batched:
                    return run_row(op, operands, static)
                if is_live(value):
                    raise leaves_graph(f"{op.name}(..., {key}=...)", ".data", "the formula in NumPy functions")
                static[key] = value.data
    others = [x for x in operands if x.__class__ is not np.ndarray]
    if any([isinstance(x, Variable) for x in others]):
        return op.run(*operands, static)
    if others and any([is_foreign(x) for x in others]):
        return run_by_library(op, operands, static)
    return op.fn(*operands, **static)


def record_operands(op: Op, operands: Iterable[Any], static: dict[str, Any]) -> Any:
    """Evaluate and record an operation whose arguments are already sorted into operands and static ones."""
    now = state()
    floor, rules, many = now.floor, op.vjps, op.variadic
    raw: list[Any] = []
    parents: list[Any] = []
    arrays = live = held = False
    for x in operands if now.trace is None else map(now.trace.operand, operands):
        node: Any = None
        if isinstance(x, Variable):
            if x.__class__ is Batched:
                return run_row(op, operands, static)
            value = x._data
            node = x.node
            held = held or node is not None
            if value.__class__ is not float:
                arrays = True
            if node is not None and node.serial >= floor and (many or rules[len(raw)] is not None):
                live = True
            else:
                node = value if value.__class__ is float else None
        elif x.__class__ is float or x.__class__ is int or x.__class__ is bool:
            value, node = x, float(x)
        elif isinstance(x, np.generic) and x.dtype.kind in "fiub":
            value = x.item()  # weak, as a Python number is: it never upcasts float32
            node = float(value)
        elif isinstance(x, complex | np.complexfloating):
            value = x.real + 1j * x.imag if isinstance(x, np.generic) else x  # weak as well
        else:
            value = x if x is None else plain_array(x)
            arrays = arrays or x is not None
        raw.append(value)
        parents.append(node)
    if (not op.complex and held) or not arrays:
        refuse_complex(op, raw, arrays)
    if op.elementwise and not arrays and (static is op.defaults or not static):
        return _record_scalar(op, [float(v) if v is not None else None for v in raw], parents, static, now, operands)
    if static.get("out") is not None:
        raise missing_argument(op.name, "out")
    if not (op.elementwise or op.weak) and any([v.__class__ is float for v in raw]):  # rules read shapes and dtypes
        kinds = [v.dtype for v in raw if hasattr(v, "dtype") and v.dtype.kind == "f"]
        dtype = np.result_type(*kinds) if kinds else FLOAT64
        raw = [np.asarray(v, dtype) if v.__class__ is float else v for v in raw]
    kept, other = None, any([v.__class__ not in (np.ndarray, float) and is_foreign(v) for v in raw])
    try:
        if other:
            y = by_library(op.fn, raw, static)
        elif op.keep is not None and live:
            y, kept = op.keep(*raw, **static)
        else:
            y = op.fn(*raw, **static)
    except REFUSALS as error:
        explain(op, error, raw)
        raise
    if y.__class__ is not np.ndarray and isinstance(y, np.generic | float | int):
        y = float(y) if not arrays or op.name == "to_scalar" else np.asarray(y)
    if y.__class__ is not float and y.dtype.kind not in "fc":
        if live and y.dtype.kind not in "iub":
            raise MissingRuleError(f"{op.name} gave {kind_of(y)}, through which no derivative can flow.")
        if live:
            return y  # integers and booleans made of recorded values are plain: nothing flows through them
    out = wrap(y, None)
    if live:
        save = repeat(op.save[0]) if many else op.save
        saved = tuple(
            [s(y, raw, static, i, kept) if isinstance(p, Node) else None for i, (p, s) in enumerate(zip(parents, save))]
        )
        if y.__class__ is float:  # a Scalar's node keeps its value and gradient
            out.node = new_node(op, tuple(parents), saved, static, now.scope, None, FLOAT64, y)
            notes_of(out.node).keep_grad = True
        else:
            out.node = new_node(op, tuple(parents), saved, static, now.scope, y.shape, y.dtype)
    if not now.plain:
        observe(op, out, raw, now, operands, static)
    if y.__class__ is np.ndarray and y.base is not None and np.may_share_memory(y, raw[0]):
        note_view(next(iter(operands)), out)
    return out


def _record_scalar(op: Op, raw: list[Any], parents: Any, static: Any, now: State, operands: Iterable[Any]) -> Any:
    """Record an elementwise operation on floats: its local derivatives are computed now, by the same rules."""
    live = [isinstance(p, Node) for p in parents]
    y: Any = None
    try:
        y = (op.scalar or op.fn)(*raw, **static)
        partials = _partials(op, 1.0, y, raw, live, static)
    except ARITHMETIC:
        partials = None
    if partials is None:  # where Python raises, NumPy returns inf or nan
        values = [v if v is None else np.float64(v) for v in raw]
        y = op.fn(*values, **static)
        with np.errstate(all="ignore"):
            partials = _partials(op, np.float64(1.0), y, values, live, static)
    y = float(y)
    out = wrap(y, None)
    if any(live):
        ends = [p if on else v for p, on, v in zip(parents, live, raw, strict=True)]
        partials = [float(d) for d in partials]
        out.node = new_float_node(op, ends, partials, now.scope, y)
        if not isfinite(sum(partials)):
            notes_of(out.node)  # a node with notes makes the walk take its careful path from here on
    if not now.plain:
        observe(op, out, raw, now, operands, static)
    return out


def _partials(op: Op, g: Any, y: Any, raw: list[Any], live: list[bool], static: dict[str, Any]) -> list[Any]:
    """Return local derivatives by the row's own rules; 0 for a constant operand."""
    return [
        op.rule(i)(g, *op.save[0 if op.variadic else i](y, raw, static, i)) if on else 0.0  # type: ignore[misc]
        for i, on in enumerate(live)
    ]


set_recorder(record, record_operands)
