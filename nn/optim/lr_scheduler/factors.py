"""Learning rates that change over time, under PyTorch's names: call `scheduler.step()` after every epoch (or batch).

A scheduler writes `group["lr"]` of every group. Each class is one formula, `_factor` or `_rate`, of the number of
steps so far; the values are those of PyTorch, step by step. `state_dict()` is plain data that `nn.save` takes.

One file: PyTorch's module of this name; one class a formula.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from autodiff.extend import missing_names, refuse_trace

from ..hyperparameters import number
from ..optimizer import Group, Optimizer

__all__ = [
    "ConstantLR",
    "CosineAnnealingLR",
    "CosineAnnealingWarmRestarts",
    "ExponentialLR",
    "LRScheduler",
    "LambdaLR",
    "LinearLR",
    "MultiStepLR",
    "OneCycleLR",
    "ReduceLROnPlateau",
    "SequentialLR",
    "StepLR",
]


_OUTSIDE = ("a scheduler changes the rates of its optimizer", "Call the scheduler's step() after the compiled function")


class LRScheduler:
    """Base of the schedulers. A subclass gives `_factor(step)`, or `_rate(base, step)` when it is no factor.

    `torch.optim.lr_scheduler.LRScheduler`.

    Args:
        optimizer: whose groups get new rates; the present ones are the base rates.

    Attributes:
        base_lrs: the rate of each group before any schedule (`group["initial_lr"]`).
        last_epoch: how often `step()` ran.

    Raises:
        TypeError: `optimizer` is no optimizer.

    >>> import nn
    >>> opt = nn.SGD([nn.Parameter([1.0])], lr=1.0)
    >>> schedule = nn.optim.lr_scheduler.ExponentialLR(opt, gamma=0.5)
    >>> schedule.step(); schedule.get_last_lr()
    [0.5]
    """

    _not_saved: tuple[str, ...] = ("optimizer",)

    def __init__(self, optimizer: Optimizer) -> None:
        if not isinstance(optimizer, Optimizer):
            raise TypeError(f"{type(self).__name__} needs an optimizer, got a {type(optimizer).__name__}")
        self.optimizer = optimizer
        for group in optimizer.param_groups:
            group.setdefault("initial_lr", group["lr"])
        self.base_lrs: list[float] = [group["initial_lr"] for group in optimizer.param_groups]
        self.last_epoch = 0
        self._write()

    def __repr__(self) -> str:
        return _repr(self)

    def _factor(self, step: int) -> float:
        raise NotImplementedError(f"{type(self).__name__} must define _factor or _rate")

    def _rate(self, base: float, step: int) -> float:
        return base * self._factor(step)

    def _write(self) -> None:
        for group, base in zip(self.optimizer.param_groups, self.base_lrs, strict=True):
            group["lr"] = self._rate(base, self.last_epoch)

    def step(self) -> None:
        """Set the rates of the next step."""
        refuse_trace(*_OUTSIDE)
        self.last_epoch += 1
        self._write()

    def get_last_lr(self) -> list[float]:
        """Return the present rate of each group."""
        return [group["lr"] for group in self.optimizer.param_groups]

    def state_dict(self) -> dict[str, Any]:
        """Return everything but the optimizer, as plain data."""
        return {name: value for name, value in self.__dict__.items() if name not in self._not_saved}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over what `state_dict` returned, and write the rates.

        Raises ValueError for the state of another kind of scheduler; nothing changes then.
        """
        own = self.state_dict()
        if set(state) != set(own):
            raise ValueError(
                f"{type(self).__name__}: the state of another scheduler: it has {', '.join(sorted(state))}; this one "
                f"has {', '.join(sorted(own))}"
            )
        self.__dict__.update(state)
        self._write()


class LambdaLR(LRScheduler):
    """Multiply each base rate by your function of the step. `torch.optim.lr_scheduler.LambdaLR`.

    Args:
        lr_lambda: step -> factor, or a list with one such function for each group. Functions are not saved.

    >>> import nn
    >>> opt = nn.SGD([nn.Parameter([1.0])], lr=1.0)
    >>> schedule = nn.optim.lr_scheduler.LambdaLR(opt, lambda step: 1 / (1 + step))
    >>> schedule.step(); opt.param_groups[0]["lr"]
    0.5
    """

    _not_saved = ("optimizer", "lr_lambdas")

    def __init__(
        self, optimizer: Optimizer, lr_lambda: Callable[[int], float] | Sequence[Callable[[int], float]]
    ) -> None:
        if not callable(lr_lambda) and not isinstance(lr_lambda, Sequence):
            raise TypeError(f"LambdaLR: lr_lambda must be a function of the step, or a list of them; got {lr_lambda!r}")
        groups = len(optimizer.param_groups)
        self.lr_lambdas = [lr_lambda] * groups if callable(lr_lambda) else list(lr_lambda)
        if len(self.lr_lambdas) != groups:
            raise ValueError(f"LambdaLR: {len(self.lr_lambdas)} functions for {groups} groups")
        super().__init__(optimizer)

    def _write(self) -> None:
        for group, base, factor in zip(self.optimizer.param_groups, self.base_lrs, self.lr_lambdas, strict=True):
            group["lr"] = base * factor(self.last_epoch)


class StepLR(LRScheduler):
    """Multiply by `gamma` every `step_size` steps. `torch.optim.lr_scheduler.StepLR`.

    >>> import nn
    >>> opt = nn.SGD([nn.Parameter([1.0])], lr=1.0)
    >>> schedule = nn.optim.lr_scheduler.StepLR(opt, step_size=2, gamma=0.5)
    >>> [(schedule.step(), opt.param_groups[0]["lr"])[1] for _ in range(4)]
    [1.0, 0.5, 0.5, 0.25]
    """

    def __init__(self, optimizer: Optimizer, step_size: int, gamma: float = 0.1) -> None:
        self.step_size = _positive("StepLR", "step_size", step_size)
        self.gamma = number("StepLR", "gamma", gamma)
        super().__init__(optimizer)

    def _factor(self, step: int) -> float:
        return self.gamma ** (step // self.step_size)


class MultiStepLR(LRScheduler):
    """Multiply by `gamma` at each of the milestones. `torch.optim.lr_scheduler.MultiStepLR`.

    >>> import nn
    >>> opt = nn.SGD([nn.Parameter([1.0])], lr=1.0)
    >>> schedule = nn.optim.lr_scheduler.MultiStepLR(opt, [1, 3], gamma=0.5)
    >>> [(schedule.step(), opt.param_groups[0]["lr"])[1] for _ in range(3)]
    [0.5, 0.5, 0.25]
    """

    def __init__(self, optimizer: Optimizer, milestones: Iterable[int], gamma: float = 0.1) -> None:
        if not isinstance(milestones, Iterable):
            raise TypeError(f"MultiStepLR: milestones must be a list of steps, such as [30, 80]; got {milestones!r}")
        self.milestones = sorted(int(m) for m in milestones)
        self.gamma = number("MultiStepLR", "gamma", gamma)
        super().__init__(optimizer)

    def _factor(self, step: int) -> float:
        return self.gamma ** bisect_right(self.milestones, step)


class ExponentialLR(LRScheduler):
    """Multiply by `gamma` at every step. `torch.optim.lr_scheduler.ExponentialLR`.

    >>> import nn
    >>> opt = nn.SGD([nn.Parameter([1.0])], lr=1.0)
    >>> schedule = nn.optim.lr_scheduler.ExponentialLR(opt, gamma=0.5)
    >>> schedule.step(); opt.param_groups[0]["lr"]
    0.5
    """

    def __init__(self, optimizer: Optimizer, gamma: float) -> None:
        self.gamma = number("ExponentialLR", "gamma", gamma)
        super().__init__(optimizer)

    def _factor(self, step: int) -> float:
        return self.gamma**step


class ConstantLR(LRScheduler):
    """Multiply by `factor` during the first `total_iters` steps. `torch.optim.lr_scheduler.ConstantLR`.

    >>> import nn
    >>> opt = nn.SGD([nn.Parameter([1.0])], lr=1.0)
    >>> schedule = nn.optim.lr_scheduler.ConstantLR(opt, factor=0.5, total_iters=1)
    >>> before = opt.param_groups[0]["lr"]; schedule.step(); before, opt.param_groups[0]["lr"]
    (0.5, 1.0)
    """

    def __init__(self, optimizer: Optimizer, factor: float = 1 / 3, total_iters: int = 5) -> None:
        self.factor = number("ConstantLR", "factor", factor)
        self.total_iters = int(total_iters)
        super().__init__(optimizer)

    def _factor(self, step: int) -> float:
        return self.factor if step < self.total_iters else 1.0


class LinearLR(LRScheduler):
    """Move the factor from `start_factor` to `end_factor` in `total_iters` equal steps: a warm-up.

    `torch.optim.lr_scheduler.LinearLR`.

    >>> import nn
    >>> opt = nn.SGD([nn.Parameter([1.0])], lr=1.0)
    >>> schedule = nn.optim.lr_scheduler.LinearLR(opt, start_factor=0.5, total_iters=2)
    >>> schedule.step(); opt.param_groups[0]["lr"]
    0.75
    """

    def __init__(
        self, optimizer: Optimizer, start_factor: float = 1 / 3, end_factor: float = 1.0, total_iters: int = 5
    ) -> None:
        self.start_factor = number("LinearLR", "start_factor", start_factor)
        self.end_factor = number("LinearLR", "end_factor", end_factor)
        self.total_iters = _positive("LinearLR", "total_iters", total_iters)
        super().__init__(optimizer)

    def _factor(self, step: int) -> float:
        part = min(step, self.total_iters) / self.total_iters
        return self.start_factor + (self.end_factor - self.start_factor) * part


class CosineAnnealingLR(LRScheduler):
    """Move between the base rate and `eta_min` along half a cosine of `T_max` steps, down and up again.

    `torch.optim.lr_scheduler.CosineAnnealingLR` (Loshchilov and Hutter 2017, equation 5).

    >>> import nn
    >>> opt = nn.SGD([nn.Parameter([1.0])], lr=1.0)
    >>> schedule = nn.optim.lr_scheduler.CosineAnnealingLR(opt, T_max=2)
    >>> schedule.step(); round(opt.param_groups[0]["lr"], 12)
    0.5
    """

    def __init__(self, optimizer: Optimizer, T_max: int, eta_min: float = 0.0) -> None:
        self.T_max = _positive("CosineAnnealingLR", "T_max", T_max)
        self.eta_min = number("CosineAnnealingLR", "eta_min", eta_min)
        super().__init__(optimizer)

    def _rate(self, base: float, step: int) -> float:
        return self.eta_min + (base - self.eta_min) * (1 + math.cos(math.pi * step / self.T_max)) / 2


class CosineAnnealingWarmRestarts(LRScheduler):
    """Move from the base rate to `eta_min` along half a cosine, and start again after `T_0` steps; every period is
    `T_mult` times as long as the one before.

    `torch.optim.lr_scheduler.CosineAnnealingWarmRestarts` (Loshchilov and Hutter 2017, SGDR).

    >>> import nn
    >>> opt = nn.SGD([nn.Parameter([1.0])], lr=1.0)
    >>> schedule = nn.optim.lr_scheduler.CosineAnnealingWarmRestarts(opt, T_0=2)
    >>> [(schedule.step(), round(opt.param_groups[0]["lr"], 12))[1] for _ in range(3)]
    [0.5, 1.0, 0.5]
    """

    def __init__(self, optimizer: Optimizer, T_0: int, T_mult: int = 1, eta_min: float = 0.0) -> None:
        self.T_0 = _positive("CosineAnnealingWarmRestarts", "T_0", T_0)
        self.T_mult = _positive("CosineAnnealingWarmRestarts", "T_mult", T_mult)
        self.eta_min = number("CosineAnnealingWarmRestarts", "eta_min", eta_min)
        super().__init__(optimizer)

    def _rate(self, base: float, step: int) -> float:
        period = self.T_0
        while step >= period:
            step, period = step - period, period * self.T_mult
            if self.T_mult == 1:
                step %= period
        return self.eta_min + (base - self.eta_min) * (1 + math.cos(math.pi * step / period)) / 2


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
            total_steps = _positive(who, "epochs", epochs) * _positive(who, "steps_per_epoch", steps_per_epoch)
        if anneal_strategy not in ("cos", "linear"):
            raise ValueError(f"{who}: anneal_strategy must be 'cos' or 'linear', got {anneal_strategy!r}")
        groups = optimizer.param_groups
        tops: list[Any] = list(max_lr) if isinstance(max_lr, (list, tuple)) else [max_lr] * len(groups)
        if len(tops) != len(groups):
            raise ValueError(f"{who}: {len(tops)} numbers in max_lr for {len(groups)} groups")
        if cycle_momentum and not {"momentum", "betas"} & set(optimizer.defaults):
            raise ValueError(f"{who}: {type(optimizer).__name__} has no momentum; write cycle_momentum=False")
        self.total_steps = _positive(who, "total_steps", total_steps)
        self.pct_start = number(who, "pct_start", pct_start, below=math.nextafter(1, 2))
        self.anneal_strategy, self.cycle_momentum, self.three_phase = anneal_strategy, cycle_momentum, three_phase
        self.base_momentum = number(who, "base_momentum", base_momentum)
        self.max_momentum = number(who, "max_momentum", max_momentum)
        self.final_div_factor = number(who, "final_div_factor", final_div_factor)
        self.max_lrs = [number(who, "max_lr", top) for top in tops]
        for group, top in zip(groups, self.max_lrs, strict=True):
            group["initial_lr"] = top / number(who, "div_factor", div_factor)
        super().__init__(optimizer)

    def _write(self) -> None:
        if self.last_epoch > self.total_steps:
            raise ValueError(f"OneCycleLR: step {self.last_epoch} of a cycle of {self.total_steps} steps")
        low, high, rise = self.base_momentum, self.max_momentum, self.pct_start * self.total_steps
        for group, first, top in zip(self.optimizer.param_groups, self.base_lrs, self.max_lrs, strict=True):
            last = first / self.final_div_factor
            # (where it ends, the rates at both ends, the momenta at both ends)
            if self.three_phase:
                phases = [
                    (rise - 1, first, top, high, low),
                    (2 * rise - 2, top, first, low, high),
                    (self.total_steps - 1, first, last, high, high),
                ]
            else:
                phases = [(rise - 1, first, top, high, low), (self.total_steps - 1, top, last, low, high)]
            start = 0.0
            for end, lr0, lr1, momentum0, momentum1 in phases:
                if self.last_epoch <= end or end == phases[-1][0]:
                    part = (self.last_epoch - start) / (end - start)
                    group["lr"] = self._between(lr0, lr1, part)
                    if self.cycle_momentum:
                        _set_momentum(group, self._between(momentum0, momentum1, part))
                    break
                start = end

    def _between(self, start: float, end: float, part: float) -> float:
        if self.anneal_strategy == "linear":
            return start + (end - start) * part
        return end + (start - end) / 2 * (1 + math.cos(math.pi * part))


def _set_momentum(group: Group, momentum: float) -> None:
    if "betas" in group:
        group["betas"] = (momentum, group["betas"][1])
    else:
        group["momentum"] = momentum


class SequentialLR(LRScheduler):
    """Use one scheduler after the other: the next from each milestone on, from its own beginning.

    `torch.optim.lr_scheduler.SequentialLR`.

    Args:
        schedulers: schedulers of this optimizer.
        milestones: the steps at which the second, third, ... begins: one fewer than schedulers.

    >>> import nn
    >>> opt = nn.SGD([nn.Parameter([1.0])], lr=1.0)
    >>> warm = nn.optim.lr_scheduler.LinearLR(opt, start_factor=0.5, total_iters=2)
    >>> then = nn.optim.lr_scheduler.ExponentialLR(opt, gamma=0.5)
    >>> schedule = nn.optim.lr_scheduler.SequentialLR(opt, [warm, then], milestones=[2])
    >>> [(schedule.step(), opt.param_groups[0]["lr"])[1] for _ in range(3)]
    [0.75, 1.0, 0.5]
    """

    _not_saved = ("optimizer", "schedulers")

    def __init__(self, optimizer: Optimizer, schedulers: Sequence[LRScheduler], milestones: Sequence[int]) -> None:
        self.schedulers, self.milestones = list(schedulers), [int(m) for m in milestones]
        if len(self.milestones) != len(self.schedulers) - 1:
            raise ValueError(
                f"SequentialLR: {len(self.schedulers)} schedulers need {len(self.schedulers) - 1} milestones, got "
                f"{len(self.milestones)}"
            )
        for scheduler in self.schedulers:
            if scheduler.optimizer is not optimizer:
                raise ValueError("SequentialLR: every scheduler must have this optimizer")
        super().__init__(optimizer)

    def _write(self) -> None:
        at = bisect_right(self.milestones, self.last_epoch)
        scheduler = self.schedulers[at]
        scheduler.last_epoch = self.last_epoch - (self.milestones[at - 1] if at else 0)
        scheduler._write()

    def state_dict(self) -> dict[str, Any]:
        """Return the states of all schedulers, as plain data."""
        return {**super().state_dict(), "schedulers": [s.state_dict() for s in self.schedulers]}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over what `state_dict` returned, and write the rates."""
        if len(state.get("schedulers", ())) != len(self.schedulers) or set(state) != set(self.state_dict()):
            raise ValueError(f"SequentialLR: the state of another scheduler: it has {', '.join(sorted(state))}")
        for scheduler, saved in zip(self.schedulers, state["schedulers"], strict=True):
            scheduler.load_state_dict(saved)
        self.__dict__.update({name: value for name, value in state.items() if name != "schedulers"})
        self._write()


class ReduceLROnPlateau:
    """Multiply the rates by `factor` when a number has not improved for more than `patience` steps.

    `torch.optim.lr_scheduler.ReduceLROnPlateau`. Call `step(number)`, for example with the validation loss.

    Args:
        optimizer: whose groups get new rates.
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
        return _repr(self)

    def step(self, metrics: Any) -> None:
        """Look at a number, and reduce the rates when it has not improved for too long."""
        refuse_trace(*_OUTSIDE)
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
        """Take over what `state_dict` returned.

        Raises ValueError for the state of another kind of scheduler; nothing changes then.
        """
        if set(state) != set(self.state_dict()):
            raise ValueError(f"ReduceLROnPlateau: the state of another scheduler: it has {', '.join(sorted(state))}")
        self.__dict__.update(state)


def _repr(scheduler: Any) -> str:
    state = ", ".join(f"{name}={value!r}" for name, value in scheduler.state_dict().items())
    return f"{type(scheduler).__name__}({state}, lr={scheduler.get_last_lr()})"


def _positive(who: str, name: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int | float | np.number) or int(value) != value or value < 1:
        raise ValueError(f"{who}: {name} must be an integer >= 1, got {value!r}")
    return int(value)


if not TYPE_CHECKING:  # a type checker reports a misspelt name itself
    __getattr__ = missing_names(__name__, __all__)
