"""Checkpoints of a run: everything that the rest of the run depends on, in one file without code.

A checkpoint is written by `nn.save` after an epoch: atomically, without pickle. It holds parameters, buffers, the exact
state of the optimizer, schedulers, every random generator, the state of callbacks and of early stopping, and the
history. A resumed run gives the same results, bit for bit, as a run without the interruption.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..serialization import load, save
from .history import EarlyStopping

__all__ = ["Checkpoint"]

KIND = "training run"
EPOCH = re.compile(r"\{epoch(:0?\d*d?)?\}")


@dataclass(frozen=True)
class Checkpoint:
    """The file in which `fit` saves the run, and the epochs after which it does.

    Args:
        path: the file, replaced by every newer checkpoint; or with `{epoch}` or `{epoch:03d}` in its name, a file for
            each.
        every: save after each such number of epochs, and after the last one.
        monitor: save only when this number is the best so far, such as "val_loss".
        mode: "min", "max" or "auto", as in `EarlyStopping`.

    Raises:
        TypeError, ValueError: an argument out of its range, a path with other braces.
        FileNotFoundError: the folder is missing.

    >>> Checkpoint("run-{epoch:03d}.npz", every=5).file(20).name
    'run-020.npz'
    """

    path: str | os.PathLike[str]
    every: int = 1
    monitor: str | None = None
    mode: str = "auto"

    def __post_init__(self) -> None:
        if not isinstance(self.path, (str, os.PathLike)):
            raise TypeError(f"a checkpoint needs a path, such as 'run.npz', got {self.path!r}")
        if isinstance(self.every, bool) or not isinstance(self.every, (int, np.integer)):
            raise TypeError(f"Checkpoint: every must be an integer, got {self.every!r}")
        if self.every < 1:
            raise ValueError(f"Checkpoint: every must be >= 1, got {self.every}")
        if self.monitor is not None:
            self.rule()
        if set("{}") & set(EPOCH.sub("", str(self.path))):
            raise ValueError(f"Checkpoint: {self.path} may have {{epoch}} or {{epoch:03d}} in it, and no other braces")
        if not self.file(1).parent.is_dir():
            raise FileNotFoundError(f"Checkpoint: there is no folder {self.file(1).parent}; make it first")

    def file(self, epoch: int) -> Path:
        """Return the path of an epoch's checkpoint."""
        return Path(str(self.path).format(epoch=epoch))

    def newest(self) -> Path | None:
        """Return the newest checkpoint that exists, by its epoch; None when there is none."""
        name = Path(self.path).name
        if not EPOCH.search(name):
            path = self.file(1)
            return path if path.exists() else None
        pattern = re.compile(r"(\d+)".join(map(re.escape, re.split(r"\{epoch[^}]*\}", name))))
        found = [(int(m[1]), p) for p in self.file(1).parent.iterdir() if (m := pattern.fullmatch(p.name))]
        return max(found)[1] if found else None

    def rule(self) -> EarlyStopping:
        """Return the rule that compares epochs."""
        assert self.monitor is not None
        return EarlyStopping(self.monitor, mode=self.mode)


def as_checkpoint(given: Any) -> Checkpoint | None:
    """Return the argument `checkpoint` as a Checkpoint: one, a path, or None."""
    return given if given is None or isinstance(given, Checkpoint) else Checkpoint(given)


def file_to_resume(resume: Any, checkpoint: Checkpoint | None) -> Path | None:
    """Return the file that a run is resumed from; None for a new run.

    resume: False; True for the newest file of `checkpoint`, if there is one; or a path.
    """
    if resume is False or resume is None:
        return None
    if resume is True:
        if checkpoint is None:
            raise TypeError("resume=True continues from the checkpoint: give checkpoint='run.npz', or resume='run.npz'")
        return checkpoint.newest()
    if not isinstance(resume, (str, os.PathLike)):
        raise TypeError(f"resume must be True, False or the path of a checkpoint, got {resume!r}")
    return Path(resume)


def read(path: Path) -> dict[str, Any]:
    """Return the run in a file.

    Raises FileNotFoundError, FileFormatError, and ValueError for a file that holds something else.
    """
    saved = load(path)
    if not isinstance(saved, Mapping) or saved.get("kind") != KIND:
        raise ValueError(f"{path} is no checkpoint of nn.fit; nn.load({str(path)!r}) reads it")
    return dict(saved)


def write(path: Path, state: Mapping[str, Any]) -> None:
    """Write a run to a file, atomically."""
    save({"kind": KIND, **state}, path)


def generator_states(generators: Iterable[np.random.Generator]) -> list[Any]:
    """Return the states of generators as plain data and arrays."""
    return [g.bit_generator.state for g in generators]


def set_generator_states(generators: Iterable[np.random.Generator], states: list[Any]) -> None:
    """Put generators into saved states.

    Raises ValueError when there are more or fewer, or generators of another kind.
    """
    found = list(generators)
    if len(found) != len(states):
        raise ValueError(f"the checkpoint has the states of {len(states)} random generators; this run has {len(found)}")
    for generator, state in zip(found, states, strict=True):
        name = type(generator.bit_generator).__name__
        if state["bit_generator"] != name:
            raise ValueError(f"the checkpoint has the state of a {state['bit_generator']}, this run a {name} generator")
        generator.bit_generator.state = state
