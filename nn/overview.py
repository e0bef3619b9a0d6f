"""The table that `Module.summary()` prints: layers, parameters and, for a sample input, the shapes of their outputs,
their multiply-adds, and the bytes of the outputs. `Module` imports this file, so modules are `Any` here."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

import autodiff as ad

__all__ = ["Summary", "summarize"]


@dataclass(frozen=True)
class Row:
    """One line: a module, the parameters it holds itself (not its children's), and for the sample the shape it
    returned, its own multiply-adds (the sum of its calls), and the bytes of its output."""

    name: str
    layer: str
    shape: tuple[int, ...] | None
    parameters: int
    children: bool
    multiply_adds: int = 0
    output_bytes: int = 0


@dataclass(frozen=True)
class Summary:
    """The result of `model.summary()`; `print(...)` or the REPL shows the table."""

    rows: tuple[Row, ...]
    total: int
    trainable: int
    nbytes: int

    @property
    def multiply_adds(self) -> int:
        """Multiply-adds of all layers together, in one call with the sample."""
        return sum(row.multiply_adds for row in self.rows)

    @property
    def output_bytes(self) -> int:
        """Bytes of the outputs of all layers without layers inside: at most these are kept for a backward pass."""
        return sum(row.output_bytes for row in self.rows if not row.children)

    def __str__(self) -> str:
        shown = [row for row in self.rows if row.parameters or not row.children] or list(self.rows)
        with_shapes = any(row.shape is not None for row in self.rows)
        table = [["name", "layer", *(["output", "bytes", "multiply-adds"] if with_shapes else []), "parameters"]]
        for row in shown:
            of_sample = ["", "", ""]
            if row.shape is not None:
                of_sample = [" × ".join(map(str, row.shape)), _bytes(row.output_bytes), _count(row.multiply_adds)]
            cells = of_sample if with_shapes else []
            table.append([row.name or "(model)", row.layer, *cells, _count(row.parameters)])
        widths = [max(map(len, column)) for column in zip(*table, strict=True)]
        left = 3 if with_shapes else 2  # columns of text; the others are numbers, to the right
        lines = [
            "  ".join(
                [
                    cell.ljust(w) if i < left else cell.rjust(w)
                    for i, (cell, w) in enumerate(zip(line, widths, strict=True))
                ]
            )
            for line in table
        ]
        lines = [line.rstrip() for line in lines]
        return "\n".join([*lines, "-" * (sum(widths) + 2 * len(widths) - 2), self._footer()])

    __repr__ = __str__

    def _footer(self) -> str:
        counts = [row.parameters for row in self.rows if row.parameters]
        terms = " + ".join(f"{n:,}" for n in counts)
        equation = (
            f"{terms} = {self.total:,}" if 1 < len(counts) <= 6 and sum(counts) == self.total else f"{self.total:,}"
        )
        frozen = "" if self.trainable == self.total else f" ({self.trainable:,} trainable)"
        footer = f"{equation} parameters{frozen}, {_bytes(self.nbytes)}"
        if any(row.shape is not None for row in self.rows):
            footer += f"\n{self.multiply_adds:,} multiply-adds, {_bytes(self.output_bytes)} of outputs"
        return footer


def summarize(model: Any, x: Any = None) -> Summary:
    """Count the parameters of every module; a parameter shared by two modules counts once, in the first of them."""
    calls = {} if x is None else _calls(model, x)
    parameters = dict(model.named_parameters())
    own: dict[int, int] = {}
    modules = list(model.named_modules())
    paths = dict(modules)
    for name, parameter in parameters.items():
        owner = name
        while owner not in paths:  # 'fc.weight' -> 'fc'; 'heads.0.1' may be in lists of the model itself
            owner = owner.rpartition(".")[0]
        own[id(paths[owner])] = own.get(id(paths[owner]), 0) + parameter.size
    rows = [
        Row(
            path,
            _describe(module),
            calls[id(module)].shape if id(module) in calls else None,
            own.get(id(module), 0),
            any(True for _ in module.children()),
            calls[id(module)].multiply_adds if id(module) in calls else 0,
            calls[id(module)].nbytes if id(module) in calls else 0,
        )
        for path, module in modules
    ]
    total = sum(p.size for p in parameters.values())
    trainable = sum(p.size for p in parameters.values() if p.requires_grad)
    return Summary(tuple(rows), total, trainable, sum(p.size * p.dtype.itemsize for p in parameters.values()))


def _describe(module: Any) -> str:
    return f"{type(module).__name__}({module.extra_repr()})"


@dataclass
class Calls:
    """The calls of one module in one run: the last shape, and sums over all of them."""

    shape: tuple[int, ...] | None = None
    multiply_adds: int = 0
    nbytes: int = 0


def _calls(model: Any, x: Any) -> dict[int, Calls]:
    """Run the model once in evaluation mode, and return the calls of each module by its id."""
    calls: dict[int, Calls] = {}
    modes = [(module, module.training) for module in model.modules()]

    def noting(module: Any) -> Any:
        forward = module.forward

        def run(*args: Any, **kwargs: Any) -> Any:
            y = forward(*args, **kwargs)
            first = _first_output(y)
            if first is not None:
                of = calls.setdefault(id(module), Calls())
                of.shape = first.shape
                of.nbytes += first.nbytes
                inputs = inspect.signature(forward).bind(*args, **kwargs).args if kwargs else args
                of.multiply_adds += module.multiply_adds(inputs, first)
            return y

        return run

    try:
        for module, _ in modes:
            module.training = False
            module.__dict__["forward"] = noting(
                module
            )  # an instance attribute wins over the method, until it is removed
        with ad.no_grad():
            several = isinstance(x, tuple) and not hasattr(x, "_fields") and not all(np.ndim(a) == 0 for a in x)
            if isinstance(x, Mapping):
                model(**x)
            else:
                model(*(x if several else (x,)))
    finally:
        for module, mode in modes:
            module.__dict__.pop("forward", None)
            module.training = mode
    return calls


def _first_output(y: Any) -> NDArray[Any] | None:
    """Return the first array in a module's output: the outputs of a recurrent layer without the state, the data of a
    packed sequence, Scalars as an array."""
    if isinstance(y, (ad.Variable, np.ndarray, float)):
        return np.asarray(ad.plain(y))
    if isinstance(y, Mapping):
        y = list(y.values())
    if not isinstance(y, (tuple, list)) or not y:
        return None
    if all(isinstance(item, (ad.Scalar, float)) for item in y):
        return np.array([ad.plain(item) for item in y])
    return _first_output(y[0])


def _count(n: int) -> str:
    return f"{n:,}" if n else ""


def _bytes(n: int) -> str:
    for unit in ("B", "kB", "MB"):
        if n < 1000:
            return f"{n:.1f} {unit}" if unit != "B" else f"{n} B"
        n /= 1000  # type: ignore[assignment]
    return f"{n:.1f} GB"
