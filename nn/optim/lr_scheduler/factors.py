"""Schedules that multiply the base rates by a number for each step."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence

from ..hyperparameters import number
from ..optimizer import Optimizer
from .scheduler import LRScheduler, positive

__all__ = [
    "ConstantLR",
    "CosineAnnealingLR",
    "CosineAnnealingWarmRestarts",
    "ExponentialLR",
    "LambdaLR",
    "LinearLR",
    "MultiStepLR",
    "MultiplicativeLR",
    "PolynomialLR",
    "StepLR",
]


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
        who = type(self).__name__
        if not callable(lr_lambda) and not isinstance(lr_lambda, Sequence):
            raise TypeError(f"{who}: lr_lambda must be a function of the step, or a list of them; got {lr_lambda!r}")
        groups = len(optimizer.param_groups)
        self.lr_lambdas = [lr_lambda] * groups if callable(lr_lambda) else list(lr_lambda)
        if len(self.lr_lambdas) != groups:
            raise ValueError(f"{who}: {len(self.lr_lambdas)} functions for {groups} groups")
        super().__init__(optimizer)

    def _rates(self) -> list[float]:
        return [base * factor(self.last_epoch) for base, factor in zip(self.base_lrs, self.lr_lambdas, strict=True)]

    def _next(self) -> list[float]:
        return self._rates()


class MultiplicativeLR(LambdaLR):
    """Multiply the present rates by your function of the step, at every step.

    `torch.optim.lr_scheduler.MultiplicativeLR`.

    Args:
        lr_lambda: step -> factor, or a list with one such function for each group. Functions are not saved.

    >>> import nn
    >>> opt = nn.SGD([nn.Parameter([1.0])], lr=1.0)
    >>> schedule = nn.optim.lr_scheduler.MultiplicativeLR(opt, lambda step: 0.5)
    >>> schedule.step(); schedule.step(); opt.param_groups[0]["lr"]
    0.25
    """

    def _start(self, after: bool) -> None:  # there is no formula of the step alone
        self.last_epoch = 0
        self._write(self._multiplied() if after else self._present())

    def _multiplied(self) -> list[float]:
        return [rate * factor(self.last_epoch) for rate, factor in zip(self._present(), self.lr_lambdas, strict=True)]

    def _next(self) -> list[float]:
        return self._multiplied() if self.last_epoch else self._present()


class StepLR(LRScheduler):
    """Multiply by `gamma` every `step_size` steps. `torch.optim.lr_scheduler.StepLR`.

    >>> import nn
    >>> opt = nn.SGD([nn.Parameter([1.0])], lr=1.0)
    >>> schedule = nn.optim.lr_scheduler.StepLR(opt, step_size=2, gamma=0.5)
    >>> [(schedule.step(), opt.param_groups[0]["lr"])[1] for _ in range(4)]
    [1.0, 0.5, 0.5, 0.25]
    """

    def __init__(self, optimizer: Optimizer, step_size: int, gamma: float = 0.1) -> None:
        self.step_size = positive("StepLR", "step_size", step_size)
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
        self.total_iters = positive("LinearLR", "total_iters", total_iters)
        super().__init__(optimizer)

    def _factor(self, step: int) -> float:
        part = min(step, self.total_iters) / self.total_iters
        return self.start_factor + (self.end_factor - self.start_factor) * part


class PolynomialLR(LRScheduler):
    """Lower the rate to 0 in `total_iters` steps, as the power of the part that is left.

    `torch.optim.lr_scheduler.PolynomialLR`. The factor is (1 - step / total_iters) ** power.

    >>> import nn
    >>> opt = nn.SGD([nn.Parameter([1.0])], lr=1.0)
    >>> schedule = nn.optim.lr_scheduler.PolynomialLR(opt, total_iters=2, power=2.0)
    >>> [(schedule.step(), opt.param_groups[0]["lr"])[1] for _ in range(3)]
    [0.25, 0.0, 0.0]
    """

    def __init__(self, optimizer: Optimizer, total_iters: int = 5, power: float = 1.0) -> None:
        self.total_iters = positive("PolynomialLR", "total_iters", total_iters)
        self.power = number("PolynomialLR", "power", power)
        super().__init__(optimizer)

    def _factor(self, step: int) -> float:
        return (1 - min(step, self.total_iters) / self.total_iters) ** self.power


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
        self.T_max = positive("CosineAnnealingLR", "T_max", T_max)
        self.eta_min = number("CosineAnnealingLR", "eta_min", eta_min)
        super().__init__(optimizer)

    @property
    def _lowest(self) -> float:  # type: ignore[override]
        return self.eta_min

    def _factor(self, step: int) -> float:
        return (1 + math.cos(math.pi * step / self.T_max)) / 2


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
        self.T_0 = positive("CosineAnnealingWarmRestarts", "T_0", T_0)
        self.T_mult = positive("CosineAnnealingWarmRestarts", "T_mult", T_mult)
        self.eta_min = number("CosineAnnealingWarmRestarts", "eta_min", eta_min)
        super().__init__(optimizer)

    @property
    def _lowest(self) -> float:  # type: ignore[override]
        return self.eta_min

    def _next(self) -> list[float]:
        return self._rates()

    def _factor(self, step: int) -> float:
        period = self.T_0
        while step >= period:
            step, period = step - period, period * self.T_mult
            if self.T_mult == 1:
                step %= period
        return (1 + math.cos(math.pi * step / period)) / 2
