"""Memory that two values of a program share: a write into one would change the other, which a program does not follow.

Checked in the trace, and again at every call: a state may hold another array by then, and an argument may be a view of
one. The object whose memory arrays show (``base``) is compared first, and then their places in it.
"""

from __future__ import annotations

from collections.abc import Iterable
from operator import is_
from typing import Any

import numpy as np


class Apart:
    """The check that the states that a program writes share no memory with anything else that it reads.

    written    positions, among the states, of those arrays
    constants  captured arrays
    """

    def __init__(self, written: set[int], constants: Iterable[Any]) -> None:
        self.written, self.constants = written, list(constants)
        self._arrays: list[int] = []  # positions of the states that are arrays; numbers are new at every call
        self._latest: list[Any] = []  # those arrays, as they were found apart
        self._owners: dict[int, list[np.ndarray]] = {}  # id of an object -> the written states that show its memory

    def holds(self, arguments: list[Any], states: list[Any]) -> bool:
        """Return whether these values share no such memory; states are checked again only when one is another array
        than at the last call."""
        if not self.written:
            return True
        now = [states[k] for k in self._arrays]
        if not now or not all(map(is_, now, self._latest)):
            self._arrays, self._latest, self._owners = [], [], {}
            for k in self.written:
                if not self._is_apart(states[k]):
                    return False
                self._owners.setdefault(id(_owner(states[k])), []).append(states[k])
            rest = [a for k, a in enumerate(states) if k not in self.written]
            if not all(map(self._is_apart, rest + self.constants)):
                return False
            self._arrays = [k for k, a in enumerate(states) if isinstance(a, np.ndarray)]
            self._latest = [states[k] for k in self._arrays]
        return all(map(self._is_apart, arguments))

    def _is_apart(self, a: Any) -> bool:
        if not isinstance(a, np.ndarray) or not a.size:
            return True
        group = self._owners.get(id(_owner(a)), ())
        return not any(np.may_share_memory(a, b) for b in group)


def _owner(a: Any) -> Any:
    while isinstance(a, np.ndarray) and a.base is not None:
        a = a.base
    return a
