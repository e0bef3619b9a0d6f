"""The base of all schedulers: they write `group["lr"]` of every group of an optimizer, at every step."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from autodiff.extend import refuse_trace

from ...arguments_elsewhere import OF_SCHEDULERS, without
from ..optimizer import Optimizer
from ..saved_states import check_kinds

__all__ = ["OUTSIDE", "LRScheduler", "described", "positive", "same_groups"]

OUTSIDE = ("a scheduler changes the rates of its optimizer", "Call the scheduler's step() after the compiled function")


class LRScheduler:
    """Base of the schedulers. A subclass defines `_factor(step)`; the rate is the base rate times this factor.

    `torch.optim.lr_scheduler.LRScheduler`. A step multiplies the present rates by the quotient of two factors, so that
    several schedulers of one optimizer, each stepped, multiply.

    Args:
        optimizer: its groups get new rates; the present ones are the base rates.

    Attributes:
        base_lrs: the rate of each group before any schedule (`group["initial_lr"]`).
        last_epoch: number of calls of `step()`.

    Raises:
        TypeError: `optimizer` is no optimizer.

    >>> import nn
    >>> opt = nn.SGD([nn.Parameter([1.0])], lr=1.0)
    >>> schedule = nn.optim.lr_scheduler.ExponentialLR(opt, gamma=0.5)
    >>> schedule.step(); schedule.get_last_lr()
    [0.5]
    """

    _not_saved: tuple[str, ...] = ("optimizer",)
    _lowest = 0.0  # the part of a rate above it is multiplied by the factor

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        without(OF_SCHEDULERS, cls)

    def __init__(self, optimizer: Optimizer) -> None:
        if not isinstance(optimizer, Optimizer):
            raise TypeError(f"{type(self).__name__} needs an optimizer, got a {type(optimizer).__name__}")
        self.optimizer = optimizer
        for group in optimizer.param_groups:
            group.setdefault("initial_lr", group["lr"])
        self.base_lrs: list[float] = [group["initial_lr"] for group in optimizer.param_groups]
        self.last_epoch = 0
        self._last_lr: list[float] = []
        self._move()

    def __repr__(self) -> str:
        return described(self)

    def _factor(self, step: int) -> float:
        raise NotImplementedError(f"{type(self).__name__} must define _factor, _rates or _next")

    def _rates(self) -> list[float]:
        """Return the rate of each group at this step, computed from the base rates."""
        factor = self._factor(self.last_epoch)
        return [self._lowest + (base - self._lowest) * factor for base in self.base_lrs]

    def _next(self) -> list[float]:
        """Return the rate of each group at this step, computed from the present rates."""
        rates, factor = self._present(), self._factor(self.last_epoch)
        before = self._factor(self.last_epoch - 1) if self.last_epoch else 1.0
        if factor == before:
            return rates
        if not before:  # the rates are at their lowest
            return [rate + (base - self._lowest) * factor for rate, base in zip(rates, self.base_lrs, strict=True)]
        return [self._lowest + (rate - self._lowest) * (factor / before) for rate in rates]

    def _present(self) -> list[float]:
        return [group["lr"] for group in self.optimizer.param_groups]

    def _write(self, rates: list[float]) -> None:
        for group, rate in zip(self.optimizer.param_groups, rates, strict=True):
            group["lr"] = rate
        self._last_lr = rates

    def _move(self) -> None:
        """Write the rates of this step."""
        self._write(self._next())

    def _start(self, after: bool) -> None:
        """Begin, after another scheduler or as the first of several."""
        self.last_epoch = 0
        self._write(self._rates())

    def step(self) -> None:
        """Set the rates of the next step."""
        refuse_trace(*OUTSIDE)
        self.last_epoch += 1
        self._move()

    def get_last_lr(self) -> list[float]:
        """Return the rate of each group that this scheduler set last."""
        return list(self._last_lr)

    def state_dict(self) -> dict[str, Any]:
        """Return everything but the optimizer, as plain data."""
        return {name: value for name, value in self.__dict__.items() if name not in self._not_saved}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Load the result of `state_dict`, and write the rates.

        Raises ValueError for the state of another kind of scheduler, or with other groups; nothing changes then.
        """
        self._check(state)
        self.__dict__.update(state)
        self._write(self._last_lr)

    def _check(self, state: Mapping[str, Any]) -> None:
        """Raise ValueError for a state that does not fit this scheduler."""
        check_kinds(type(self).__name__, state, self.state_dict())
        same_groups(self, state["base_lrs"])


def same_groups(scheduler: Any, saved: Any) -> None:
    """Raise ValueError when a saved list, of one number for each group, was made for other groups."""
    groups = len(scheduler.optimizer.param_groups)
    if len(saved) != groups:
        raise ValueError(
            f"{type(scheduler).__name__}: the state of an optimizer with {len(saved)} groups; this one has {groups}"
        )


def described(scheduler: Any) -> str:
    """Return the text of a scheduler: its numbers and the present rates."""
    numbers = ((name, value) for name, value in scheduler.state_dict().items() if name[0] != "_")
    state = ", ".join(f"{name}={value!r}" for name, value in numbers)
    return f"{type(scheduler).__name__}({state}, lr={scheduler.get_last_lr()})"


def positive(who: str, name: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int | float | np.number) or int(value) != value or value < 1:
        raise ValueError(f"{who}: {name} must be an integer >= 1, got {value!r}")
    return int(value)
