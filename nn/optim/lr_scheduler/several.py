"""Several schedulers of one optimizer: one after the other, or all at every step."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from typing import Any

from ..optimizer import Optimizer
from .scheduler import LRScheduler

__all__ = ["ChainedScheduler", "SequentialLR"]


class _Several(LRScheduler):
    """Schedulers of one optimizer, saved together."""

    _not_saved = ("optimizer", "schedulers")

    def __init__(self, optimizer: Any, schedulers: Sequence[LRScheduler]) -> None:
        who = type(self).__name__
        self.schedulers = list(schedulers)
        if not self.schedulers:
            raise ValueError(f"{who} got no schedulers")
        for scheduler in self.schedulers:
            if not isinstance(scheduler, LRScheduler):
                raise TypeError(
                    f"{who} takes schedulers whose step() has no argument, got a {type(scheduler).__name__}"
                )
            if scheduler.optimizer is not optimizer:
                raise ValueError(f"{who}: every scheduler must have this optimizer")
        super().__init__(optimizer)

    def state_dict(self) -> dict[str, Any]:
        """Return the states of all schedulers, as plain data."""
        return {**super().state_dict(), "schedulers": [s.state_dict() for s in self.schedulers]}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Load the result of `state_dict`, and write the rates.

        Raises ValueError where any of the schedulers is of another kind; nothing changes then.
        """
        self._check(state)
        for scheduler, saved in zip(self.schedulers, state["schedulers"], strict=True):
            scheduler.load_state_dict(saved)
        self.__dict__.update({name: value for name, value in state.items() if name != "schedulers"})
        self._write(self._last_lr)

    def _check(self, state: Mapping[str, Any]) -> None:
        super()._check(state)
        if len(state["schedulers"]) != len(self.schedulers):
            raise ValueError(
                f"{type(self).__name__}: the state of {len(state['schedulers'])} schedulers; this one has "
                f"{len(self.schedulers)}"
            )
        for scheduler, saved in zip(self.schedulers, state["schedulers"], strict=True):
            scheduler._check(saved)


class ChainedScheduler(_Several):
    """Step several schedulers at once; each changes the rates that the one before has set.

    `torch.optim.lr_scheduler.ChainedScheduler`. Schedulers that are a factor multiply; `LambdaLR`, `OneCycleLR`,
    `CyclicLR` and `CosineAnnealingWarmRestarts` compute the rates from the base rates at every step, so put them first.

    Args:
        schedulers: schedulers of one optimizer.
        optimizer: theirs; it need not be given.

    >>> import nn
    >>> opt = nn.SGD([nn.Parameter([1.0])], lr=1.0)
    >>> warm = nn.optim.lr_scheduler.ConstantLR(opt, factor=0.5, total_iters=2)
    >>> decay = nn.optim.lr_scheduler.ExponentialLR(opt, gamma=0.5)
    >>> schedule = nn.optim.lr_scheduler.ChainedScheduler([warm, decay])
    >>> [(schedule.step(), opt.param_groups[0]["lr"])[1] for _ in range(3)]
    [0.25, 0.25, 0.125]
    """

    def __init__(self, schedulers: Sequence[LRScheduler], optimizer: Optimizer | None = None) -> None:
        if isinstance(schedulers, Optimizer):
            raise TypeError("ChainedScheduler takes the schedulers first: ChainedScheduler([first, second])")
        schedulers = list(schedulers)
        super().__init__(optimizer or (getattr(schedulers[0], "optimizer", None) if schedulers else None), schedulers)

    def _move(self) -> None:
        if self.last_epoch:  # each was at its beginning when it was made
            for scheduler in self.schedulers:
                scheduler.step()
        self._write(self._present())

    def _start(self, after: bool) -> None:
        self.last_epoch = 0
        self.schedulers[0]._start(after)
        for scheduler in self.schedulers[1:]:
            scheduler.last_epoch = 0
            scheduler._move()
        self._write(self._present())


class SequentialLR(_Several):
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

    def __init__(self, optimizer: Optimizer, schedulers: Sequence[LRScheduler], milestones: Sequence[int]) -> None:
        schedulers, self.milestones = list(schedulers), [int(m) for m in milestones]
        if schedulers and len(self.milestones) != len(schedulers) - 1:
            raise ValueError(
                f"SequentialLR: {len(schedulers)} schedulers need {len(schedulers) - 1} milestones, got "
                f"{len(self.milestones)}"
            )
        super().__init__(optimizer, schedulers)

    def _move(self) -> None:
        scheduler = self.schedulers[bisect_right(self.milestones, self.last_epoch)]
        if self.last_epoch == 0:
            self._write(self.base_lrs)
            scheduler._start(after=False)
        elif self.last_epoch in self.milestones:
            scheduler._start(after=True)
        else:
            scheduler.step()
        self._write(self._present())

    def _start(self, after: bool) -> None:
        self.last_epoch = 0
        self._move()
