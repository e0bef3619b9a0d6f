"""The table that `Module.summary()` prints: layers, parameters and, for a sample input, output shapes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

import autodiff as ad

if TYPE_CHECKING:
    from .module import Module

__all__ = ["Summary", "summarize"]


@dataclass(frozen=True)
class Row:
    """One line: a module, the shape it returned for the sample, and the parameters it holds itself (not its
    children's)."""

    name: str
    layer: str
    shape: tuple[int, ...] | None
    parameters: int
    children: bool


@dataclass(frozen=True)
class Summary:
    """What `model.summary()` returns; `print(...)` or the REPL shows the table."""

    rows: tuple[Row, ...]
    total: int
    trainable: int
    nbytes: int

    def __str__(self) -> str:
        shown = [row for row in self.rows if row.parameters or not row.children] or list(self.rows)
        with_shapes = any(row.shape is not None for row in self.rows)
        table = [["name", "layer"] + (["output"] if with_shapes else []) + ["parameters"]]
        for row in shown:
            shape = [" × ".join(map(str, row.shape)) if row.shape is not None else ""] if with_shapes else []
            table.append([row.name or "(model)", row.layer, *shape, f"{row.parameters:,}" if row.parameters else ""])
        widths = [max(map(len, column)) for column in zip(*table, strict=True)]
        lines = [
            "  ".join(
                [cell.ljust(w) for cell, w in zip(line[:-1], widths, strict=False)] + [line[-1].rjust(widths[-1])]
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
        return f"{equation} parameters{frozen}, {_bytes(self.nbytes)}"


def summarize(model: Module, x: Any = None) -> Summary:
    """Count the parameters of every module; a parameter shared by two modules counts once, where it is met first."""
    shapes = {} if x is None else _output_shapes(model, x)
    parameters = dict(model.named_parameters())
    own: dict[int, int] = {}
    modules = list(model.named_modules())
    paths = dict(modules)
    for name, parameter in parameters.items():
        owner = name
        while owner not in paths:  # 'fc.weight' -> 'fc'; 'heads.0.1' may stand in lists of the model itself
            owner = owner.rpartition(".")[0]
        own[id(paths[owner])] = own.get(id(paths[owner]), 0) + parameter.size
    rows = [
        Row(
            path,
            _describe(module),
            shapes.get(id(module)),
            own.get(id(module), 0),
            any(True for _ in module.children()),
        )
        for path, module in modules
    ]
    total = sum(p.size for p in parameters.values())
    trainable = sum(p.size for p in parameters.values() if p.requires_grad)
    return Summary(tuple(rows), total, trainable, sum(p.size * p.dtype.itemsize for p in parameters.values()))


def _describe(module: Module) -> str:
    return f"{type(module).__name__}({module.extra_repr()})"


def _output_shapes(model: Module, x: Any) -> dict[int, tuple[int, ...]]:
    """Run the model once in evaluation mode, noting what each module returned: the last shape, when it ran several
    times."""
    shapes: dict[int, tuple[int, ...]] = {}
    modes = [(module, module.training) for module in model.modules()]

    def noting(module: Module) -> Any:
        forward = module.forward

        def run(*args: Any, **kwargs: Any) -> Any:
            y = forward(*args, **kwargs)
            if isinstance(y, (ad.Variable, np.ndarray)):
                shapes[id(module)] = y.shape
            return y

        return run

    try:
        for module, _ in modes:
            module.training = False
            module.__dict__["forward"] = noting(
                module
            )  # an instance attribute wins over the method, until it is removed
        with ad.no_grad():
            model(x)
    finally:
        for module, mode in modes:
            module.__dict__.pop("forward", None)
            module.training = mode
    return shapes


def _bytes(n: int) -> str:
    for unit in ("B", "kB", "MB"):
        if n < 1000:
            return f"{n:.1f} {unit}" if unit != "B" else f"{n} B"
        n /= 1000  # type: ignore[assignment]
    return f"{n:.1f} GB"
