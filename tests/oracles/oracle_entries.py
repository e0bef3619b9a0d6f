"""Calls written twice, in our words and in another library's, and the named operands that they use.

An entry is one line, ``ours ~ theirs``. Without ``~`` the other library takes the same text, with ``np`` standing for
it. Both sides are expressions of the operands below: those of floats or complex numbers are differentiated, masks and
index arrays are constants.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

_rng = np.random.default_rng(7)


def _apart(shape: tuple[int, ...], low: float, high: float) -> np.ndarray:
    """Numbers between two bounds, in a random order, all far from each other: no ties, and few kinks between them."""
    size = int(np.prod(shape))
    steps = np.linspace(low, high, 2 * size + 1)[1::2] + _rng.uniform(-0.1, 0.1, size) * (high - low) / (2 * size)
    return _rng.permutation(steps).reshape(shape)


def _complex(shape: tuple[int, ...]) -> np.ndarray:
    """Numbers away from the real and the imaginary axis, where the branch cuts and the kinks lie."""
    return _apart(shape, 0.4, 1.4) * np.exp(1j * (_apart(shape, 0.2, 1.3) + np.pi / 2 * _rng.integers(0, 4, shape)))


def _well_apart(shape: tuple[int, ...]) -> np.ndarray:
    """Matrices whose singular values and eigenvalues lie well apart."""
    x = _rng.uniform(-0.5, 0.5, shape)
    k = min(shape[-2:])
    x[..., range(k), range(k)] += 2.0 * np.arange(1, k + 1)
    return x


OPERANDS: dict[str, np.ndarray] = {
    "x": _apart((2, 3), -2.3, 2.1),
    "y": _apart((2, 3), -1.7, 2.6),
    "p": _apart((2, 3), 0.3, 3.2),  # positive
    "q": _apart((2, 3), 0.4, 2.7),
    "u": _apart((2, 3), -0.9, 0.9),  # between -1 and 1
    "r": _apart((2, 3), 0.08, 0.93),  # between 0 and 1
    "b": _apart((3,), -1.5, 1.9),  # a row, which broadcasts against x
    "c": _apart((2, 1), 0.5, 2.0),  # a column, which broadcasts against x
    "s": np.array(0.7),  # a number
    "e": _apart((4,), -2.0, 2.0),
    "v": _apart((7,), -2.0, 2.0),
    "h": _apart((8,), -2.0, 2.0),
    "d": _apart((2, 3, 4), -2.5, 2.5),
    "d4": _apart((2, 3, 4), -2.0, 2.0),
    "l": _apart((4, 5), -3.0, 3.0),  # logits
    "image": _apart((2, 3, 4, 5), -2.0, 2.0),
    "kernel": _apart((2, 3, 2, 3), -1.0, 1.0),
    "signal": _apart((4, 3, 2), -1.0, 1.0),
    "A": _well_apart((3, 3)),
    "B": _well_apart((3, 3)),
    "AA": _well_apart((2, 3, 3)),
    "Tall": _well_apart((4, 2)),
    "Wide": _well_apart((2, 4)),
    "R": _apart((3, 2), -1.5, 1.5),  # right-hand sides
    "z": _complex((2, 3)),
    "w": _complex((2, 3)),
    "o": _complex((5,)),
    "Z": _complex((3, 3)) + 2 * np.diag([1.0, 2.0, 3.0j]),
    "ZR": _complex((3, 2)),
    # constants
    "mask": np.array([[True, False, True], [False, True, True]]),
    "rows": np.array([1, 0, 1]),
    "cols": np.array([[0, 2], [1, 1]]),
    "along": np.array([[2], [0]]),
    "labels": np.array([1, 0, 4, 2]),
    "signs": np.array([[1, -1, 1], [-1, -1, 1]]),
    "counts": np.array([[0, 2, 1], [3, 1, 4]]),
}


@dataclass(frozen=True)
class Entry:
    """One call in two libraries.

    Attributes:
        family: a word for the table it stands in.
        ours, theirs: expressions.
        orders: 2, or 1 where the other library has no second derivative.
    """

    family: str
    ours: str
    theirs: str
    orders: int = 2

    @cached_property
    def names(self) -> list[str]:
        """The operands in it, in the order of the table above."""
        words = set(re.findall(r"(?<![\w.\"'])[A-Za-z]\w*(?!\w*=[^=]|[\"'(])", f"{self.ours} {self.theirs}"))
        return [name for name in OPERANDS if name in words]

    @property
    def differentiated(self) -> list[str]:
        return [name for name in self.names if OPERANDS[name].dtype.kind in "fc"]

    @property
    def rng(self) -> np.random.Generator:
        """Random cotangents and directions that belong to this entry alone."""
        return np.random.default_rng(zlib.crc32(self.ours.encode()))

    def function(self, text: str, namespace: dict[str, Any], constant: Any) -> Any:
        """One side as a function of the differentiated operands."""
        constants = {name: constant(OPERANDS[name]) for name in self.names if OPERANDS[name].dtype.kind not in "fc"}
        return eval(f"lambda {', '.join(self.differentiated)}: {text}", {**namespace, **constants})


def entries(family: str, lines: str | Iterable[str], orders: int = 2, other: str = "torch") -> list[Entry]:
    """The entries of a table: a line each, comments and empty lines left out."""
    made = []
    for line in lines.splitlines() if isinstance(lines, str) else lines:
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        ours, _, theirs = (part.strip() for part in line.partition(" ~ "))
        made.append(Entry(family, ours, theirs or re.sub(r"\bnp\.", f"{other}.", ours), orders))
    return made


def numbers_of(result: Any) -> list[Any]:
    """The arrays in a result that may be a tuple of them."""
    return [a for part in result for a in numbers_of(part)] if isinstance(result, tuple | list) else [result]
