"""Callbacks: your own code at fixed points of a training run, with Keras' method names.

Epochs and batches count from 1. A method that returns True ends the training: `on_batch_end` after the step it belongs
to, `on_epoch_end` after its epoch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ..module import Module
from ..optim import Optimizer
from .history import History

__all__ = ["Callback"]


class Callback:
    """Base of callbacks: define the methods you need. `keras.callbacks.Callback`.

    Attributes:
        model, optimizer, history: those of the run, from `on_train_begin` on.

    A callback with state defines `state_dict` (plain data and arrays) and `load_state_dict`; then a run that is resumed
    from a checkpoint continues with this state.

    >>> import nn, numpy as np
    >>> class Rates(nn.Callback):
    ...     def on_train_begin(self, logs):
    ...         self.seen = []
    ...     def on_epoch_end(self, epoch, logs):
    ...         self.seen.append((epoch, self.optimizer.param_groups[0]["lr"]))
    >>> rates, net = Rates(), nn.Linear(1, 1, rng=0)
    >>> optimizer = nn.SGD(net.parameters(), lr=0.5)
    >>> run = nn.fit(net, np.ones((4, 1)), np.ones((4, 1)), loss=nn.MSELoss(), optimizer=optimizer, callbacks=[rates])
    >>> rates.seen
    [(1, 0.5)]
    """

    model: Module
    optimizer: Optimizer
    history: History

    def on_train_begin(self, logs: dict[str, float]) -> Any:
        """Run before the first epoch. `logs` is empty, or has the last numbers of the run that is resumed."""

    def on_epoch_begin(self, epoch: int, logs: dict[str, float]) -> Any:
        """Run before each epoch. `logs` is empty."""

    def on_batch_end(self, batch: int, logs: dict[str, float]) -> Any:
        """Run after the backward pass of each batch. `logs` has its "loss" and "size"."""

    def on_epoch_end(self, epoch: int, logs: dict[str, float]) -> Any:
        """Run after each epoch and its validation. `logs` has their numbers."""

    def on_train_end(self, logs: dict[str, float]) -> Any:
        """Run when the training ends, after an error too. `logs` has the last numbers."""

    def state_dict(self) -> dict[str, Any]:
        """Return what a resumed run needs, as plain data and arrays; nothing by default."""
        return {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Load the result of `state_dict`.

        Raises ValueError for a state that this callback does not have.
        """
        if state:
            raise ValueError(f"{type(self).__name__} was saved with {', '.join(state)}, but has no load_state_dict")


class FunctionCallback(Callback):
    """A function (epoch, logs), called after every epoch."""

    def __init__(self, function: Callable[[int, dict[str, float]], Any]) -> None:
        self.function = function

    def on_epoch_end(self, epoch: int, logs: dict[str, float]) -> Any:
        """Call it."""
        return self.function(epoch, logs)


def as_callbacks(given: Iterable[Any]) -> list[Callback]:
    """Return callbacks: instances of Callback as they are, functions wrapped.

    Raises TypeError for anything else.
    """
    if isinstance(given, Callback) or callable(given):
        raise TypeError(f"callbacks must be a list: write callbacks=[{getattr(given, '__name__', 'callback')}]")
    found = []
    for callback in given:
        if isinstance(callback, type):
            raise TypeError(f"a callback is an object: write {callback.__name__}()")
        if not isinstance(callback, Callback) and not callable(callback):
            raise TypeError(f"a callback must be an nn.Callback or a function (epoch, logs), got {callback!r}")
        found.append(callback if isinstance(callback, Callback) else FunctionCallback(callback))
    return found
