"""The record of a training run: numbers per epoch and per batch, and why it stopped."""

from __future__ import annotations

import math
import operator
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

__all__ = ["EarlyStopping", "History"]


@dataclass
class History:
    """The numbers of a run; `history["loss"]` is a list with one entry an epoch. Printed, a table of at most 20 epochs.

    Attributes:
        logs: name -> one number per finished epoch: "loss", with several losses "name_loss" of each, the metrics, all
            of them again with "val_" before them, and with a scheduler "lr".
        batch_losses: the loss of every batch, in order, also of an epoch that was interrupted.
        seconds: wall time of each epoch.
        stopped: "" while it runs; then "finished", "early stopping", "callback" or "interrupted".
        best_epoch: with early stopping, the epoch (from 1) whose monitored number was best.
        parameters: with `report=`, name -> one (norm of the values, norm of the gradient, norm of the last change)
            per epoch.

    >>> history = History()
    >>> history.add({"loss": 0.5}, seconds=1.0); history["loss"]
    [0.5]
    """

    logs: dict[str, list[float]] = field(default_factory=dict)
    batch_losses: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    stopped: str = ""
    best_epoch: int | None = None
    parameters: dict[str, list[tuple[float, float, float]]] = field(default_factory=dict)

    @property
    def epochs(self) -> int:
        """Number of finished epochs."""
        return len(self.seconds)

    @property
    def last(self) -> dict[str, float]:
        """The numbers of the last finished epoch."""
        return {name: values[-1] for name, values in self.logs.items() if values}

    def __getitem__(self, name: str) -> list[float]:
        if name not in self.logs:
            raise KeyError(f"no {name!r} in this history; it has {', '.join(self.logs) or 'no finished epoch'}")
        return self.logs[name]

    def __contains__(self, name: object) -> bool:
        return name in self.logs

    def add(self, logs: Mapping[str, float], seconds: float) -> None:
        """Append one epoch."""
        for name, value in logs.items():
            self.logs.setdefault(name, []).append(value)
        self.seconds.append(seconds)

    def __str__(self) -> str:
        names = list(self.logs)
        table = [["epoch", *names, "seconds"]]
        for i in _spread(self.epochs, 20):
            table.append([str(i + 1), *(f"{self.logs[name][i]:.4f}" for name in names), f"{self.seconds[i]:.2f}"])
        widths = [max(map(len, column)) for column in zip(*table, strict=True)]
        lines = ["  ".join(cell.rjust(w) for cell, w in zip(row, widths, strict=True)) for row in table]
        return "\n".join([*lines, self.stopped] if self.stopped not in ("", "finished") else lines)

    def __repr__(self) -> str:
        last = ", ".join(f"{name}={value:.4g}" for name, value in self.last.items())
        return f"History({self.epochs} epochs, {self.stopped or 'running'}{', ' + last if last else ''})"


def _spread(n: int, most: int) -> list[int]:
    """Return all of range(n), or at most `most` of them: every k-th from the first, and the last."""
    step = 1 if n <= most else math.ceil((n - 1) / (most - 1))
    return [*range(0, n - 1, step), n - 1] if n else []


@dataclass(frozen=True)
class EarlyStopping:
    """The rule by which `fit` stops before its last epoch.

    Args:
        monitor: name of the number to watch, such as "val_loss" or "val_accuracy".
        patience: stop after this many epochs in a row without improvement.
        min_delta: a smaller change is no improvement.
        cumulative_delta: True: changes smaller than min_delta add up, as in Keras. False: an epoch must be better by
            min_delta than the best one before it, as in scikit-learn.
        mode: "min", "max", or "auto": "max" for names that end in "accuracy", "min" for those that end in "loss" or
            "error"; other names need "min" or "max".
        target: stop as soon as the number reaches this value.
        restore_best: give the model the weights of its best epoch back, however training ends.

    Raises:
        ValueError: a number out of its range, or a name whose direction is not known.
        TypeError: `patience` is no integer, or another number is none.

    >>> EarlyStopping("val_f1", patience=3, mode="max").improves(0.9, 0.8)
    True
    """

    monitor: str = "val_loss"
    patience: int = 5
    min_delta: float = 0.0
    cumulative_delta: bool = True
    mode: str = "auto"
    target: float | None = None
    restore_best: bool = True

    def __post_init__(self) -> None:
        if self.mode not in ("min", "max", "auto"):
            raise ValueError(f"EarlyStopping: mode must be 'min', 'max' or 'auto', got {self.mode!r}")
        if self.mode == "auto" and not self.monitor.endswith(("accuracy", "loss", "error")):
            raise ValueError(
                f"EarlyStopping: is a larger {self.monitor!r} better? Write mode='max' if it is, mode='min' if not"
            )
        try:
            if isinstance(self.patience, (bool, np.bool_)):
                raise TypeError
            object.__setattr__(self, "patience", operator.index(self.patience))
        except TypeError:
            raise TypeError(f"EarlyStopping: patience must be an integer, got {self.patience!r}") from None
        if not self.patience >= 1:
            raise ValueError(f"EarlyStopping: patience must be >= 1, got {self.patience!r}")
        for name in ("min_delta", "target"):
            value = getattr(self, name)
            if value is None and name == "target":
                continue
            if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, float, np.number)):
                raise TypeError(f"EarlyStopping: {name} must be a number, got {value!r}")
        if not self.min_delta >= 0:
            raise ValueError(f"EarlyStopping: min_delta must be >= 0, got {self.min_delta!r}")

    @property
    def sign(self) -> float:
        """1 when smaller is better, -1 when larger is."""
        larger = self.mode == "max" or (self.mode == "auto" and self.monitor.endswith("accuracy"))
        return -1.0 if larger else 1.0

    def improves(self, value: float, best: float | None) -> bool:
        """Return whether `value` is better than `best` by more than min_delta; NaN never is."""
        return self.is_better(value, best, self.min_delta)

    def is_better(self, value: float, best: float | None, by: float = 0.0) -> bool:
        """Return whether `value` is better than `best` by more than ``by``; NaN never is."""
        if math.isnan(value):
            return False
        return best is None or self.sign * (best - value) > by

    def reaches_target(self, value: float) -> bool:
        """Return whether `value` is as good as the target."""
        return self.target is not None and self.sign * (self.target - value) >= 0
