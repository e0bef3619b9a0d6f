"""The values that a rule reads, by its parameter names: these, and no others, are saved for it."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

Rule = Callable[..., Any]


def keywords(fn: Callable[..., Any], skip: int) -> dict[str, Any]:
    """Return names and defaults of a function's parameters (None: no default) after the first ``skip``, without
    *args."""
    fn = getattr(fn, "__wrapped__", fn)
    code = getattr(fn, "__code__", None)
    if code is None:  # a function written in C
        parameters = [p for p in inspect.signature(fn).parameters.values() if p.kind is not p.VAR_POSITIONAL]
        return {p.name: None if p.default is p.empty else p.default for p in parameters[skip:]}
    names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]  # inspect.signature takes forty times as long
    positional = names[: code.co_argcount]
    values = fn.__defaults__ or ()
    defaults = dict(zip(positional[len(positional) - len(values) :], values))
    defaults |= fn.__kwdefaults__ or {}
    return {name: defaults.get(name) for name in names[skip:]}


def names_read(op: Any, rule: Rule | None) -> tuple[str, ...]:
    """Return the parameter names of a rule after g, checked now so that a misspelt one is an error at once."""
    if rule is None:
        return ()
    names = tuple(keywords(rule, 1))
    known = {"y", "y_shape", "i", "buffer", *op.inputs, *op.statics} | ({"kept"} if op.keep is not None else set())
    known |= {f"{name}_{fact}" for name in op.inputs for fact in ("shape", "dtype")}
    unknown = [name for name in names if name not in known]
    if unknown:
        raise TypeError(
            f"the rule of {op.name} reads {', '.join(unknown)}, which is none of {', '.join(sorted(known))}"
        )
    return names


def saver(op: Any, names: tuple[str, ...]) -> Callable[..., tuple[Any, ...]]:
    """Return ``save(y, operands, static, i, kept)``: the tuple of the values that a rule names, as source for speed."""
    return _evaluated(f"lambda y, operands, static, i, kept=None: {saved_source(op, names)}")


def saved_source(op: Any, names: tuple[str, ...], operand: str = "operands[{}]") -> str:
    """Return the source of that tuple; ``operand``: how the source names the operand at a position."""
    return "(" + "".join(_expression(op, name, operand) + ", " for name in names) + ")"


def _expression(op: Any, name: str, operand: str) -> str:
    base, _, fact = name.rpartition("_")
    if name in ("y", "i", "kept"):
        return name
    if name == "buffer":
        return "None"  # given by the walk, when it is there
    if name == "y_shape":
        return "shape(y)"
    if name in op.inputs:
        return "operands" if op.variadic else operand.format(op.inputs.index(name))
    if base in op.inputs and fact in ("shape", "dtype"):
        if op.variadic:
            return f"tuple([{fact}(x) for x in operands])"
        return f"{fact}({operand.format(op.inputs.index(base))})"
    return f"static[{name!r}]"


@cache
def _evaluated(source: str) -> Callable[..., tuple[Any, ...]]:
    return eval(source, {"shape": np.shape, "dtype": np.result_type})
