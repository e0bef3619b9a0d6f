"""Schedules in which the rate rises and falls, and the momentum moves the other way."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Callable, Sequence
from typing import Any

from ..hyperparameters import number
from ..optimizer import Group, Optimizer
from .scheduler import LRScheduler, positive

__all__ = ["CyclicLR", "OneCycleLR"]


class CyclicLR(LRScheduler):
    """Move the rate from `base_lr` to `max_lr` and back, again and again, along straight lines; the momentum moves the
    other way.

    `torch.optim.lr_scheduler.CyclicLR` (Smith 2017). Call `step()` after every batch.

    Args:
        base_lr: the lowest rate, or one for each group.
        max_lr: the highest rate, or one for each group.
        step_size_up: number of steps in which the rate rises.
        step_size_down: number of steps in which it falls; step_size_up unless given.
        mode: "triangular", "triangular2" (every cycle is half as high as the one before) or "exp_range" (the height is
            multiplied by `gamma` at every step).
        gamma: the factor of "exp_range".
        scale_fn: your own factor of the height, instead of `mode`; it is not saved.
        scale_mode: whether scale_fn gets the number of the cycle, from 1 on ("cycle"), or of the step ("iterations").
        cycle_momentum: move `momentum`, or the first of `betas`, between `max_momentum` and `base_momentum`.

    Raises:
        ValueError: an unknown mode, numbers out of their ranges, or an optimizer without momentum.

    >>> import nn
    >>> opt = nn.SGD([nn.Parameter([1.0])], lr=1.0)
    >>> schedule = nn.optim.lr_scheduler.CyclicLR(opt, base_lr=0.0, max_lr=1.0, step_size_up=2, cycle_momentum=False)
    >>> [(schedule.step(), opt.param_groups[0]["lr"])[1] for _ in range(4)]
    [0.5, 1.0, 0.5, 0.0]
    """

    _not_saved = ("optimizer", "scale_fn")

    def __init__(
        self,
        optimizer: Optimizer,
        base_lr: float | Sequence[float],
        max_lr: float | Sequence[float],
        step_size_up: int = 2000,
        step_size_down: int | None = None,
        mode: str = "triangular",
        gamma: float = 1.0,
        scale_fn: Callable[[int], float] | None = None,
        scale_mode: str = "cycle",
        cycle_momentum: bool = True,
        base_momentum: float | Sequence[float] = 0.8,
        max_momentum: float | Sequence[float] = 0.9,
    ) -> None:
        who = "CyclicLR"
        _check_momentum(who, optimizer, cycle_momentum)
        if mode not in ("triangular", "triangular2", "exp_range"):
            raise ValueError(f"{who}: mode must be 'triangular', 'triangular2' or 'exp_range', got {mode!r}")
        if scale_mode not in ("cycle", "iterations"):
            raise ValueError(f"{who}: scale_mode must be 'cycle' or 'iterations', got {scale_mode!r}")
        if scale_fn is not None and not callable(scale_fn):
            raise TypeError(f"{who}: scale_fn must be a function of the cycle or the step, got {scale_fn!r}")
        self.step_size_up = positive(who, "step_size_up", step_size_up)
        self.step_size_down = positive(who, "step_size_down", step_size_down or step_size_up)
        self.mode, self.gamma = mode, number(who, "gamma", gamma)
        self.scale_fn, self.scale_mode, self.cycle_momentum = scale_fn, scale_mode, bool(cycle_momentum)
        self.max_lrs = _for_groups(who, "max_lr", max_lr, optimizer)
        self.base_momentums = _for_groups(who, "base_momentum", base_momentum, optimizer)
        self.max_momentums = _for_groups(who, "max_momentum", max_momentum, optimizer)
        for group, lowest in zip(optimizer.param_groups, _for_groups(who, "base_lr", base_lr, optimizer), strict=True):
            group["initial_lr"] = lowest
        super().__init__(optimizer)

    def _factor(self, step: int) -> float:
        """Return the height above the lowest rate, as a fraction of the distance to the highest."""
        length = self.step_size_up + self.step_size_down
        cycle, at = step // length + 1, step % length
        height = at / self.step_size_up if at <= self.step_size_up else (length - at) / self.step_size_down
        if self.scale_fn is not None:
            return height * self.scale_fn(cycle if self.scale_mode == "cycle" else step)
        if self.mode == "exp_range":
            return height * self.gamma**step
        return height / 2.0 ** (cycle - 1) if self.mode == "triangular2" else height

    def _rates(self) -> list[float]:
        part = self._factor(self.last_epoch)
        return [low + (high - low) * part for low, high in zip(self.base_lrs, self.max_lrs, strict=True)]

    def _next(self) -> list[float]:
        return self._rates()

    def _write(self, rates: list[float]) -> None:
        super()._write(rates)
        if self.cycle_momentum:
            part = self._factor(self.last_epoch)
            momenta = zip(self.optimizer.param_groups, self.base_momentums, self.max_momentums, strict=True)
            for group, low, high in momenta:
                _set_momentum(group, high - (high - low) * part)


class OneCycleLR(LRScheduler):
    """Raise the rate from `max_lr / div_factor` to `max_lr`, then lower it far below its beginning; the momentum moves
    the other way.

    `torch.optim.lr_scheduler.OneCycleLR` (Smith and Topin 2018). Call `step()` after every batch.

    Args:
        max_lr: the highest rate, or one for each group.
        total_steps: length of the cycle; or `epochs` and `steps_per_epoch`.
        pct_start: share of the cycle in which the rate rises.
        anneal_strategy: "cos" or "linear".
        cycle_momentum: move `momentum`, or the first of `betas`, between `base_momentum` and `max_momentum`.
        div_factor: the first rate is max_lr / div_factor.
        final_div_factor: the last rate is the first one divided by this.
        three_phase: fall back to the first rate, as fast as it rose, before the last phase.

    Raises:
        ValueError: no length, an unknown strategy, an optimizer without momentum, or a step after the end.

    >>> import nn
    >>> opt = nn.SGD([nn.Parameter([1.0])], lr=1.0, momentum=0.9)
    >>> schedule = nn.optim.lr_scheduler.OneCycleLR(opt, max_lr=1.0, total_steps=10)
    >>> rates = [(schedule.step(), opt.param_groups[0]["lr"])[1] for _ in range(9)]
    >>> round(max(rates), 6), rates[-1] < 1e-5
    (1.0, True)
    """

    def __init__(
        self,
        optimizer: Optimizer,
        max_lr: float | Sequence[float],
        total_steps: int | None = None,
        epochs: int | None = None,
        steps_per_epoch: int | None = None,
        pct_start: float = 0.3,
        anneal_strategy: str = "cos",
        cycle_momentum: bool = True,
        base_momentum: float = 0.85,
        max_momentum: float = 0.95,
        div_factor: float = 25.0,
        final_div_factor: float = 1e4,
        three_phase: bool = False,
    ) -> None:
        who = "OneCycleLR"
        if total_steps is None:
            if epochs is None or steps_per_epoch is None:
                raise ValueError(f"{who} needs total_steps, or epochs and steps_per_epoch")
            total_steps = positive(who, "epochs", epochs) * positive(who, "steps_per_epoch", steps_per_epoch)
        if anneal_strategy not in ("cos", "linear"):
            raise ValueError(f"{who}: anneal_strategy must be 'cos' or 'linear', got {anneal_strategy!r}")
        _check_momentum(who, optimizer, cycle_momentum)
        self.total_steps = positive(who, "total_steps", total_steps)
        self.pct_start = number(who, "pct_start", pct_start, below=math.nextafter(1, 2))
        self.anneal_strategy, self.cycle_momentum, self.three_phase = anneal_strategy, cycle_momentum, three_phase
        self.base_momentum = number(who, "base_momentum", base_momentum)
        self.max_momentum = number(who, "max_momentum", max_momentum)
        self.final_div_factor = number(who, "final_div_factor", final_div_factor)
        self.max_lrs = _for_groups(who, "max_lr", max_lr, optimizer)
        for group, top in zip(optimizer.param_groups, self.max_lrs, strict=True):
            group["initial_lr"] = top / number(who, "div_factor", div_factor)
        super().__init__(optimizer)

    def _part(self) -> tuple[int, float]:
        """Return the phase that the step lies in, and the fraction of it that is over."""
        if self.last_epoch > self.total_steps:
            raise ValueError(f"OneCycleLR: step {self.last_epoch} of a cycle of {self.total_steps} steps")
        rise = self.pct_start * self.total_steps
        ends = [rise - 1, 2 * rise - 2, self.total_steps - 1] if self.three_phase else [rise - 1, self.total_steps - 1]
        phase = min(bisect_left(ends, self.last_epoch), len(ends) - 1)
        start = ends[phase - 1] if phase else 0.0
        return phase, (self.last_epoch - start) / (ends[phase] - start)

    def _rates(self) -> list[float]:
        phase, part = self._part()
        rates = []
        for first, top in zip(self.base_lrs, self.max_lrs, strict=True):
            last = first / self.final_div_factor
            corners = [first, top, first, last] if self.three_phase else [first, top, last]
            rates.append(self._between(corners[phase], corners[phase + 1], part))
        return rates

    def _next(self) -> list[float]:
        return self._rates()

    def _write(self, rates: list[float]) -> None:
        super()._write(rates)
        if self.cycle_momentum:
            phase, part = self._part()
            low, high = self.base_momentum, self.max_momentum
            corners = [high, low, high, high]
            for group in self.optimizer.param_groups:
                _set_momentum(group, self._between(corners[phase], corners[phase + 1], part))

    def _between(self, start: float, end: float, part: float) -> float:
        if self.anneal_strategy == "linear":
            return start + (end - start) * part
        return end + (start - end) / 2 * (1 + math.cos(math.pi * part))


def _set_momentum(group: Group, momentum: float) -> None:
    if "betas" in group:
        group["betas"] = (momentum, group["betas"][1])
    else:
        group["momentum"] = momentum


def _check_momentum(who: str, optimizer: Optimizer, cycle_momentum: bool) -> None:
    if not isinstance(optimizer, Optimizer):
        raise TypeError(f"{who} needs an optimizer, got a {type(optimizer).__name__}")
    if cycle_momentum and not {"momentum", "betas"} & set(optimizer.defaults):
        raise ValueError(f"{who}: {type(optimizer).__name__} has no momentum; write cycle_momentum=False")


def _for_groups(who: str, name: str, given: Any, optimizer: Optimizer) -> list[float]:
    """Return one number for each group, checked."""
    groups = len(optimizer.param_groups)
    numbers = list(given) if isinstance(given, (list, tuple)) else [given] * groups
    if len(numbers) != groups:
        raise ValueError(f"{who}: {len(numbers)} numbers in {name} for {groups} groups")
    return [number(who, name, n) for n in numbers]
