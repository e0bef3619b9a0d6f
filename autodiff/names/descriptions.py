"""Docstrings and signatures of rows, made from the rows, for ``help(ad.tanh)`` and editors.

A row gives one sentence (``doc``); its signature, its counterpart in NumPy, the values it saves for the backward pass,
and a worked example follow from the other facts. All of it is made at first need, so importing costs nothing.
Never here: a sentence about one particular operation.
"""

from __future__ import annotations

import inspect
import math
import re
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from ..leaves import tensor
from ..registry import DISPATCH, PUBLIC, Op
from ..registry.singular_points import Point

_modules: list[Any] = []  # set by ``describe_rows``


@cache
def signature(op: Op) -> inspect.Signature:
    """Return the signature of a row: its operands, its static arguments with their defaults, and the arguments that
    only its composite takes."""
    P = inspect.Parameter
    if op.variadic:
        operands = [P(op.inputs[0], P.POSITIONAL_ONLY)]
    elif isinstance(op.fn, np.ufunc) or not op.statics:
        operands = [P(name, P.POSITIONAL_OR_KEYWORD) for name in op.inputs]
    else:
        operands = []
    if operands and not op.variadic:
        return inspect.Signature(operands)
    given = [p for p in inspect.signature(op.fn).parameters.values() if p.kind is not P.VAR_POSITIONAL]
    statics = [p for p in given if p.name in op.statics] if op.variadic else given
    if op.variadic:
        statics = [p.replace(kind=P.KEYWORD_ONLY) for p in statics]
    more = [inspect.signature(op.widened).parameters[name] for name in sorted(op.more)] if op.widened else []
    more = [p.replace(kind=P.KEYWORD_ONLY) for p in more if p.name not in op.inputs]
    return inspect.Signature([p.replace(annotation=P.empty) for p in (*operands, *statics, *more)])


def counterparts(function: Any) -> list[str]:
    """Return the names of the NumPy functions that call a row or a composite, as ``np.linalg.norm``."""
    found = []
    for key, target in DISPATCH.items():
        if target is not function:
            continue
        of, how = key if isinstance(key, tuple) else (key, "")
        if how or not hasattr(of, "__name__"):
            continue
        module = str(getattr(of, "__module__", None) or "numpy").replace("numpy", "np", 1)
        module = "np" if isinstance(of, np.ufunc) else module
        found.append(f"{module}.{of.__name__}")
    return found


@cache
def docstring(op: Op) -> str:
    """Return the docstring of a row: its sentence, its arguments, its derivative's facts, and an example that was
    run."""
    parts = [op.doc if op.doc.endswith((".", ")")) else op.doc + "."]
    names = ", ".join(op.inputs)
    if op.variadic:
        parts.append(f"{names}: a sequence of Tensors, Scalars, arrays or numbers.")
    elif not op.elementwise:
        parts.append(f"{names}: {'a Tensor or an array' if len(op.inputs) == 1 else 'Tensors or arrays'}.")
    elif len(op.inputs) == 1:
        parts.append(f"{names}: a Tensor, Scalar, array or number of any shape.")
    else:
        parts.append(f"{names}: Tensors, Scalars, arrays or numbers, broadcast against each other.")
    numpy = " and ".join(f"``{name}``" for name in counterparts(op))
    if numpy:
        parts.append(f"Arguments as in {numpy}. Given a Tensor or a Scalar, NumPy calls this operation.")
    if any(op.vjps):
        constant = [name for name, rule in zip(op.inputs, op.vjps, strict=False) if rule is None]
        if constant and not op.variadic:
            parts.append(f"No derivative flows to {' or '.join(f'``{name}``' for name in constant)}.")
        kept = sorted({name for names in op.reads for name in names if name not in ("i", "buffer", "kept")})
        kept = [name for name in kept if name not in op.statics]
        parts.append("Saved for the backward pass: " + (", ".join(f"``{name}``" for name in kept) or "nothing") + ".")
    else:
        parts.append("Its derivative is 0 wherever it exists.")
    parts += [_point(op, p) for p in op.points if not p.static and not any(map(_no_point, p.operands))][:3]
    if not op.complex:
        parts.append("Raises MissingRuleError for recorded complex numbers.")
    text = "\n\n".join([parts[0], "\n".join(parts[1:])])
    shown = op.example or example(op)
    return text + ("\n\n" + shown if shown else "")


def _point(op: Op, p: Point) -> str:
    """Return a sentence on the derivative at a singular point of numbers."""
    where = ", ".join(f"{name} = {x:g}" for name, x in zip(op.inputs, p.operands, strict=False))
    gradient = " and ".join(f"{g:g}" for g in p.gradient if g is not None)
    why = {"convention": ", by convention", "shared": ", shared evenly"}.get(p.kind, "")
    return f"At {where} the derivative{'s are' if ' and ' in gradient else ' is'} {gradient}{why}."


def _no_point(x: Any) -> bool:
    """Return whether a singular point is left out of a docstring: an array, or the other of the two zeros."""
    return not isinstance(x, int | float) or (x == 0 and math.copysign(1.0, x) < 0)


def public_path(op: Op) -> str:
    """Return where a user finds a row: ``ad.tanh``, ``ad.linalg.det``; empty for a row that is not public."""
    if PUBLIC.get(op.name) is op:
        return f"ad.{op.name}"
    for module in _modules:
        for name in module.__all__:
            if getattr(module, name) is op:
                return f"ad.{module.__name__.rpartition('.')[2]}.{name}"
    return ""


def example(op: Op) -> str:
    """Return an example of a row on small numbers and its gradient, as a doctest whose results are computed here."""
    path = public_path(op)
    if not path or op.draw is not None:
        return ""
    if op.elementwise:
        shapes, static = [(2,)] * len(op.inputs), {}
    elif op.samples:
        shapes, static = op.samples[0]
    else:
        return ""
    made = [_numbers(shape, domain, i) for i, (shape, domain) in enumerate(zip(shapes, op.domain * len(shapes)))]
    names = [f"{op.inputs[0]}{i}" for i in range(len(made))] if op.variadic else list(op.inputs)
    given = f"[{', '.join(names)}]" if op.variadic else ", ".join(names)
    call = f"{path}({', '.join([given, *[f'{k}={_written(v)}' for k, v in static.items()]])})"
    live = [rule is not None for rule in (op.vjps * len(made) if op.variadic else op.vjps)]
    lines = [">>> import autodiff as ad, numpy as np"]
    values: list[Any] = []
    for name, (source, value), on in zip(names, made, live, strict=True):
        lines.append(f">>> {name} = {f'ad.tensor({source})' if on else f'np.array({source})'}")
        values.append(tensor(value) if on else value)
    with np.errstate(all="ignore"):
        y = op(values, **static) if op.variadic else op(*values, **static)
    if not any(live):
        return "\n".join([*lines, f">>> {call}", repr(y)])
    total = "" if op.elementwise or op.linear else "np.square"  # a sum alone is constant for softmax and the like
    (np.square(y) if total else y).sum().backward()
    name, first = names[live.index(True)], values[live.index(True)]
    lines.append(f">>> {f'{total}({call})' if total else call}.sum().backward(); {name}.grad.round(4)")
    return "\n".join([*lines, re.sub(r"\n\s*\n", "\n<BLANKLINE>\n", repr(first.grad.round(4)))])


def _written(value: Any) -> str:
    """Return a static argument as source."""
    return f"np.{value.__name__}" if isinstance(value, type) and issubclass(value, np.generic) else repr(value)


def _numbers(shape: tuple[int, ...], domain: tuple[float, float], i: int) -> tuple[str, Any]:
    """Return numbers of a shape inside an interval, and the source that writes them."""
    low, high = domain
    n = math.prod(shape)
    if math.isinf(low) and math.isinf(high):
        values = [round(0.5 + k - 0.25 * i, 4) * (-1) ** (k % 2) for k in range(n)]
    elif math.isinf(high):
        values = [round(low + 0.5 + k + 0.25 * i, 4) for k in range(n)]
    else:
        values = [round(low + (high - low) * (k + 1 + 0.5 * i) / (n + 2), 4) for k in range(n)]
    array = np.reshape(np.array(values), shape)
    return repr(array.tolist()), array


class _Described:
    """An attribute of a row that is computed when it is read; on the class ``Op``, the attribute of the class."""

    def __init__(self, describe: Callable[[Op], Any], own: Any) -> None:
        self.describe, self.own = describe, own

    def __get__(self, row: Op | None, cls: type) -> Any:
        return self.own if row is None else self.describe(row)


def describe_rows(*modules: Any) -> None:
    """Give every row a docstring and a signature. modules: those in which rows are public beside ``ad``."""
    _modules[:] = modules
    Op.__signature__ = _Described(signature, None)  # type: ignore[attr-defined]
    Op.__doc__ = _Described(docstring, Op.__doc__)  # type: ignore[assignment]
