"""A random program while it grows: its statements, and the value of every name under plain NumPy.

A `Draft` runs every proposed line in NumPy and keeps it only if the result is finite and small. It also records which
names share memory, because a write makes views of the overwritten memory unusable. The proposals are in
`program_steps`. Never here: a Tensor, or the engine's values, because the program is made to check the engine.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

import autodiff as ad

__all__ = ["Draft", "Statement", "is_scalar"]

_LARGEST = 64.0  # of a value: thirty operations then stay far from overflow, and rounding far from the results
_ELEMENTS = 36


@dataclass(frozen=True)
class Statement:
    """One assignment: its target, the line that the engine runs, and the line that plain NumPy runs."""

    target: str
    code: str
    model: str


class Draft:
    """A program while it grows: its statements, and the value of every name under plain NumPy."""

    def __init__(self, inputs: dict[str, Any]) -> None:
        self.inputs = inputs
        self.statements: list[Statement] = []
        self.env: dict[str, Any] = {name: np.array(v) if np.ndim(v) else v for name, v in inputs.items()}
        self.base: dict[str, str] = {}  # views, and the name whose memory they share
        self.dead: set[str] = set()  # views of overwritten memory
        self.next_pick: Callable[[], int] = lambda: 0

    def step(self, build: Callable[[Draft], bool], next_pick: Callable[[], int]) -> None:
        """Add one statement, or none where this kind of statement is impossible here."""
        self.next_pick = next_pick
        build(self)

    # ---- choosing
    def pick(self, options: Sequence[Any]) -> Any:
        """Return the option that the next integer of the step selects."""
        return options[self.next_pick() % len(options)]

    def operand(self, names: Sequence[str]) -> str:
        """Return one of the newest of these names (given newest first), or one counted from the oldest, so that a
        choice means the same when a statement in between is removed.
        """
        k = self.pick(range(64))
        return names[k % min(4, len(names))] if k < 40 else names[-1 - k % min(8, len(names))]

    def number(self) -> float:
        """Return a constant, in eighths, never 0."""
        return self.pick([k / 8 for k in (8, 4, 12, -8, 16, 2, -4, 20, -12, 6)])  # type: ignore[no-any-return]

    def names(self, scalar: bool | None = False, dims: int = 0) -> list[str]:
        """Return usable names, newest first: tensors, scalars, or both (None); with at least `dims` axes."""
        alive = [n for n in reversed(self.env) if n not in self.dead]
        return [n for n in alive if (scalar is None or is_scalar(n) == scalar) and np.ndim(self.env[n]) >= dims]

    def tensor(self, dims: int = 0) -> str | None:
        """Return a tensor with at least `dims` axes, or None when there is none."""
        found = self.names(dims=dims)
        return self.operand(found) if found else None

    def shape(self, name: str) -> tuple[int, ...]:
        return np.shape(self.env[name])

    # ---- growing
    def add(self, code: str, model: str | None = None, scalar: bool = False) -> bool:
        """Keep ``target = code`` if NumPy's value of it (of ``model``, where that differs) is well-conditioned."""
        letter = "s" if scalar else "t"
        target = f"{letter}{sum(1 for n in self.env if n[0] == letter)}"
        lines = (f"{target} = {code}", f"{target} = {model or (f'float({code})' if scalar else code)}")
        return self._keep(Statement(target, *lines))

    def add_constant(self, code: str, lines: str) -> bool:
        """Keep a value without a graph: the model keeps it fixed while the inputs move."""
        target = f"t{sum(1 for n in self.env if n[0] == 't')}"
        self.base[target] = code  # a detached value may share memory with a recorded one, and must not be written
        return self._keep(Statement(target, lines.format(target=target), f"{target} = held({target!r}, {code})"))

    def write(self, target: str, code: str) -> bool:
        """Keep an in-place statement; views of the target can no longer be used."""
        saved = self.env[target].copy()
        if not self._keep(Statement(target, code, code)):
            self.env[target][...] = saved
            return False
        mine = self.env[target]
        for name, a in self.env.items():  # in order: a view of a dead view is dead
            if a is not mine and (np.shares_memory(a, mine) or self.base.get(name) in (target, *self.dead)):
                self.dead.add(name)
        return True

    def _keep(self, statement: Statement) -> bool:
        scope = {"np": np, "ad": ad, "held": lambda name, value: np.array(value), **self.env}
        try:
            with np.errstate(all="ignore"):
                exec(statement.model, scope)
        except (ValueError, TypeError, IndexError):
            return False
        value = scope[statement.target]
        if isinstance(value, np.generic) and statement.target not in self.env:
            # NumPy's scalars have no memory of their own, 0-d Tensors have: views of them are views
            target, _, model = statement.model.partition(" = ")
            statement = Statement(target, statement.code, f"{target} = np.asarray({model})")
            value = np.asarray(value)
        if np.size(value) > _ELEMENTS or np.size(value) == 0 or not np.all(np.abs(value) <= _LARGEST):
            return False
        if statement.target not in self.env and isinstance(value, np.ndarray):
            for name, a in self.env.items():
                if a is not value and isinstance(a, np.ndarray) and np.shares_memory(a, value):
                    self.base.setdefault(statement.target, name)
                elif a is value and name in (*self.base, *self.inputs):
                    self.base[statement.target] = self.base.get(name, name)
        self.env[statement.target] = value
        self.statements.append(statement)
        return True


def is_scalar(name: str) -> bool:
    return name[0] in "as"
