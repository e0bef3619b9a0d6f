"""Rates that are reduced when a number that training measures no longer improves."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from autodiff.extend import refuse_trace

from ..hyperparameters import number
from ..optimizer import Group, Optimizer
from ..saved_states import check_kinds
from .scheduler import OUTSIDE, described, same_groups

__all__ = ["ReduceLROnPlateau"]


class ReduceLROnPlateau:
    """Multiply the rates by `factor` when a number has not improved for more than `patience` steps.

    `torch.optim.lr_scheduler.ReduceLROnPlateau`. Call `step(number)`, for example with the validation loss.

    Args:
        optimizer: its groups get new rates.
        mode: "min" when smaller is better, "max" when larger is.
        factor: in [0, 1).
        patience: how many steps without improvement are allowed.
        threshold: a smaller change is no improvement; relative or absolute, see `threshold_mode`.
        threshold_mode: "rel" (a share of the best number) or "abs".
        cooldown: steps after a reduction that do not count.
        min_lr: smallest rate, or one for each group.
        eps: a smaller change of the rate is not made.

    >>> import nn
    >>> opt = nn.SGD([nn.Parameter([1.0])], lr=1.0)
    >>> schedule = nn.optim.lr_scheduler.ReduceLROnPlateau(opt, factor=0.5, patience=1)
    >>> for loss in (3.0, 3.0, 3.0): schedule.step(loss)
    >>> opt.param_groups[0]["lr"]
    0.5
    """

    def __init__(
        self,
        optimizer: Optimizer,
        mode: str = "min",
        factor: float = 0.1,
        patience: int = 10,
        threshold: float = 1e-4,
        threshold_mode: str = "rel",
        cooldown: int = 0,
        min_lr: float | Sequence[float] = 0.0,
        eps: float = 1e-8,
    ) -> None:
        if mode not in ("min", "max") or threshold_mode not in ("rel", "abs"):
            raise ValueError(
                "ReduceLROnPlateau: mode must be 'min' or 'max' and threshold_mode 'rel' or 'abs', got "
                f"{mode!r} and {threshold_mode!r}"
            )
        groups = len(optimizer.param_groups)
        lowest: list[Any] = list(min_lr) if isinstance(min_lr, (list, tuple)) else [min_lr] * groups
        if len(lowest) != groups:
            raise ValueError(f"ReduceLROnPlateau: {len(lowest)} numbers in min_lr for {groups} groups")
        self.optimizer, self.mode, self.threshold_mode = optimizer, mode, threshold_mode
        self.factor = number("ReduceLROnPlateau", "factor", factor, below=1.0)
        self.threshold = number("ReduceLROnPlateau", "threshold", threshold)
        self.patience, self.cooldown, self.min_lrs, self.eps = int(patience), int(cooldown), lowest, eps
        self.best = math.inf if mode == "min" else -math.inf
        self.num_bad_epochs = self.cooldown_counter = self.last_epoch = 0

    def __repr__(self) -> str:
        return described(self)

    def step(self, metrics: Any) -> None:
        """Record a number, and reduce the rates when it has not improved for more than `patience` steps."""
        refuse_trace(*OUTSIDE)
        current = float(metrics.item() if hasattr(metrics, "item") else metrics)
        self.last_epoch += 1
        if self._improves(current):
            self.best, self.num_bad_epochs = current, 0
        else:
            self.num_bad_epochs += 1
        if self.cooldown_counter:
            self.cooldown_counter -= 1
            self.num_bad_epochs = 0
        if self.num_bad_epochs > self.patience:
            for group, lowest in zip(self.optimizer.param_groups, self.min_lrs, strict=True):
                self._reduce(group, lowest)
            self.cooldown_counter, self.num_bad_epochs = self.cooldown, 0

    def _improves(self, current: float) -> bool:
        sign = 1 if self.mode == "min" else -1
        if self.threshold_mode == "abs":
            return sign * current < sign * self.best - self.threshold
        return sign * current < sign * self.best * (1 - sign * self.threshold)

    def _reduce(self, group: Group, lowest: float) -> None:
        new = max(group["lr"] * self.factor, lowest)
        if group["lr"] - new > self.eps:
            group["lr"] = new

    def get_last_lr(self) -> list[float]:
        """Return the present rate of each group."""
        return [group["lr"] for group in self.optimizer.param_groups]

    def state_dict(self) -> dict[str, Any]:
        """Return everything but the optimizer, as plain data."""
        return {name: value for name, value in self.__dict__.items() if name != "optimizer"}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Load the result of `state_dict`.

        Raises ValueError for the state of another kind of scheduler, or with other groups; nothing changes then.
        """
        check_kinds("ReduceLROnPlateau", state, self.state_dict())
        same_groups(self, state["min_lrs"])
        self.__dict__.update(state)
