"""One training run: its epochs, the events around them, and its state for checkpoints.

One file: the events of an epoch, in their order.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import Any

import numpy as np

import autodiff as ad

from ..module import Module
from ..optim import LBFGS, Optimizer, clip_grad_norm_
from ..optim.lr_scheduler import ReduceLROnPlateau
from . import checkpoints
from .callbacks import Callback
from .checkpoints import Checkpoint
from .checks import left_out, warn_of_left_out
from .evaluation import measure, modes_restored, plain_tree
from .feeding import Array, Batch, FromArrays, FromLoader, Source, call
from .history import EarlyStopping, History
from .objective import Objective, RunningLoss, as_number
from .progress import Display

__all__ = ["Run", "Watch"]


class _NotFinite(Exception):
    """The loss or a gradient of a batch is NaN or infinite: (what,), and then (number of the batch, the batch)."""


@dataclass
class Run:
    """One training run: the arguments of `fit`, and the present state."""

    model: Module
    data: Source
    held_out: Source | None
    objective: Objective
    optimizer: Optimizer
    functions: Mapping[str, Any]  # metrics by name
    epochs: int
    accumulate: int
    clip_norm: float | None
    callbacks: list[Callback]
    schedulers: list[Any]  # stepped after every epoch
    batch_schedulers: list[Any]  # stepped after every step of the optimizer
    monitor: str  # the number that ReduceLROnPlateau gets
    stopping: EarlyStopping | None
    saving: Checkpoint | None
    generator: np.random.Generator
    start: list[Any]  # the state of the generator before the first draw
    measure: bool  # whether a report needs the norms of the parameters
    shown: Display

    def __post_init__(self) -> None:
        self.history = History()
        self.stop_requested = False
        self.untrained: list[str] = []  # names of parameters that the optimizer does not hold
        self.compiled: Any = None  # `gradients` or `whole_step` under ad.compile
        self.watch = Watch(self.model, self.stopping)
        best = None if self.saving is None or self.saving.monitor is None else self.saving.rule()
        self.best_saved = Watch(self.model, best)

    @property
    def captured(self) -> list[Any]:
        """The model and the losses: for `ad.compile`, the objects of a compiled step that may change between two steps.
        The model itself, because a container that only calls its layers takes no part in an operation."""
        return [self.model, *[part.loss for part in self.objective.parts]]

    @property
    def updates_inside(self) -> bool:
        """Whether the optimizer's update is part of the compiled step: not where it follows several batches, and not
        for LBFGS, which computes the loss again."""
        return self.compiled is not None and self.accumulate == 1 and not isinstance(self.optimizer, LBFGS)

    def compile(self) -> None:
        """Run every step as one program."""
        self.compiled = ad.compile(self.gradients)
        if self.updates_inside:
            self.compiled = ad.compile(self.whole_step)

    def names(self) -> list[str]:
        """Return the numbers that every epoch measures."""
        names = ["loss", *self.objective.names, *self.functions]
        names += [f"val_{name}" for name in names] if self.held_out is not None else []
        return names + (["lr"] if self.schedulers or self.batch_schedulers else [])

    def train(self) -> History:
        """Train for the epochs that are left."""
        history = self.history
        for callback in self.callbacks:
            callback.model, callback.optimizer, callback.history = self.model, self.optimizer, history
        with modes_restored(self.model):
            try:
                self._call_back("on_train_begin", history.last)
                for epoch in range(history.epochs + 1, self.epochs + 1):
                    if history.stopped:
                        break
                    self._epoch(epoch)
                history.stopped = history.stopped or "finished"
            except KeyboardInterrupt:
                history.stopped = "interrupted"
            except FloatingPointError:
                history.stopped = "the loss is not finite"
                raise
            finally:
                self.shown.close()
                self._zero_grad()
                self.watch.restore()
                history.best_epoch = self.watch.best_epoch
                self._call_back("on_train_end", history.last)
        if self.optimizer._averaging is not None:
            self.optimizer._averaging.end(history.stopped)
        return history

    def _epoch(self, epoch: int) -> None:
        """Run one epoch: training, validation, schedulers, callbacks and checkpoints."""
        started = time.perf_counter()
        self.model.train()
        self.shown.epoch(epoch, self.epochs, len(self.data))
        if isinstance(self.data, FromLoader):
            self.data.begin_epoch(epoch)
        self._call_back("on_epoch_begin", epoch, {})
        untrained = left_out(self.model, self.optimizer)
        if untrained and untrained != self.untrained:  # a callback may have replaced a layer
            warn_of_left_out(self.model, self.optimizer, untrained, stacklevel=4)
        self.untrained = untrained
        self.stop_requested = False
        try:
            logs = self._train_epoch()
        except _NotFinite as error:
            raise FloatingPointError(_why(error, epoch, self.clip_norm, self.data)) from None
        if self.held_out is not None:
            measured = measure(self.model, self.held_out, self.objective, self.functions)
            logs.update({f"val_{name}": value for name, value in measured.items()})
        if self.schedulers or self.batch_schedulers:
            logs["lr"] = float(self.optimizer.param_groups[0]["lr"])
        self.history.add(logs, time.perf_counter() - started)
        self.shown.done(logs, self.history.seconds[-1])
        for scheduler in self.schedulers:
            self._step(scheduler, logs[self.monitor])
        stop = self._call_back("on_epoch_end", epoch, logs) or self.stop_requested
        self.history.stopped = "early stopping" if self.watch.should_stop(epoch, logs) else "callback" if stop else ""
        self.history.best_epoch = self.watch.best_epoch
        self._save(epoch, logs)

    def _train_epoch(self) -> dict[str, float]:
        """Make one pass over the data, and return the means of its numbers."""
        sums = dict.fromkeys(self.functions, 0.0)
        losses = RunningLoss(self.objective)
        seen = done = 0
        batches = iter(self.data)
        before: dict[str, Array] | None = None
        while group := list(islice(batches, self.accumulate)):
            shares = None
            if len(group) > 1:
                shares = self.objective.shares([b.target for b in group], [b.weight for b in group])
            if self.measure:  # keeps the values before the last step of the epoch
                before = {name: np.array(p.data) for name, p in self.model.named_parameters()}
            self._zero_grad()
            for i, batch in enumerate(group):
                done, seen = done + 1, seen + batch.size
                numbers = self._forward_and_backward(batch, done, None if shares is None else shares[i])
                losses.add(numbers, batch.target, batch.weight)
                for name in sums:
                    sums[name] += numbers[name] * batch.size
                self.shown.batch(losses.numbers()["loss"])
                if i == len(group) - 1:
                    self._update(group, shares, done, numbers["loss"])
                if self._call_back("on_batch_end", done, {"loss": numbers["loss"], "size": batch.size}):
                    self.stop_requested = True
            if self.stop_requested:
                break
        if not seen:
            raise ValueError("there are no batches: the dataset is empty, or drop_last left the only one out")
        if before is not None:
            _note_parameters(self.model, before, self.history)
        return {**losses.numbers(), **{name: total / seen for name, total in sums.items()}}

    def _forward_and_backward(self, batch: Batch, number: int, shares: Any) -> dict[str, float]:
        """Return the numbers of a batch, and add its gradients to those of its group."""
        if self.compiled is not None:
            divisors = self.objective.divisors(batch.target, batch.weight)
            try:
                prediction, values = self.compiled(batch.inputs, batch.target, batch.weight, shares, divisors)
            except _NotFinite as error:
                raise _NotFinite(error.args[0], number, batch) from None
            loss, parts = self.objective.numbers(values)
        else:
            prediction = call(self.model, batch.inputs)
            value, loss, parts = self.objective(prediction, batch.target, batch.weight, shares)
        if not math.isfinite(loss):
            raise _NotFinite(f"the loss became {loss}", number, batch)
        if self.compiled is None:
            value.backward()
        self.history.batch_losses.append(loss)
        measured = {name: f(plain_tree(prediction), batch.target) for name, f in self.functions.items()}
        return {"loss": loss, **parts, **measured}

    def gradients(self, inputs: Any, target: Any, weight: Any, shares: Any, divisors: Any) -> tuple[Any, list[Any]]:
        """Run forward and backward pass of a batch, and return prediction and losses. Gradients are added to those of
        its group. It can be compiled."""
        prediction = call(self.model, inputs)
        whole, values = self.objective.values(prediction, target, weight, shares, divisors)
        whole.backward()
        return plain_tree(prediction), [value.detach() for value in values]

    def whole_step(self, inputs: Any, target: Any, weight: Any, shares: Any, divisors: Any) -> tuple[Any, list[Any]]:
        """Run forward pass, backward pass and update, and return prediction and losses. It can be compiled."""
        prediction = call(self.model, inputs)
        whole, values = self.objective.values(prediction, target, weight, shares, divisors)
        if not np.isfinite(whole.data):
            raise _NotFinite(f"the loss became {self.objective.numbers(values)[0]}")
        whole.backward()
        if self.clip_norm is not None:
            self._clip()
        self.optimizer.step()
        return plain_tree(prediction), [value.detach() for value in values]

    def _update(self, group: list[Batch], shares: Any, number: int, loss: float) -> None:
        """Take one step of the optimizer, and of the schedulers that step with it."""
        if self.clip_norm is not None and not self.updates_inside:
            self._clip(number, group[-1])
        if self.updates_inside:
            pass
        elif isinstance(self.optimizer, LBFGS):
            self.optimizer.step(partial(self._loss_again, group, shares))
        else:
            self.optimizer.step()
        for scheduler in self.batch_schedulers:
            self._step(scheduler, loss)

    def _loss_again(self, group: list[Batch], shares: Any) -> float:
        """Return the loss of the batches of a step at the present parameters, and its gradients."""
        self._zero_grad()
        total = 0.0
        for i, batch in enumerate(group):
            prediction = call(self.model, batch.inputs)
            value, _, _ = self.objective(prediction, batch.target, batch.weight, None if shares is None else shares[i])
            value.backward()
            total += as_number(value)
        return total

    def _zero_grad(self) -> None:
        """Forget the gradients of the model, also of parameters that the optimizer does not hold."""
        self.model.zero_grad()
        self.optimizer.zero_grad()

    def _clip(self, *where: Any) -> None:
        """Limit the joint norm of the gradients that the optimizer uses."""
        assert self.clip_norm is not None
        try:
            clip_grad_norm_([p for group in self.optimizer.param_groups for p in group["params"]], self.clip_norm)
        except ValueError:
            named = self.model.named_parameters()
            bad = [k for k, p in named if p.grad is not None and not np.isfinite(p.grad).all()]
            if not bad:
                raise
            raise _NotFinite(f"the gradient of {bad[0]!r} became infinite or NaN", *where) from None

    def _step(self, scheduler: Any, number: float) -> None:
        if isinstance(scheduler, ReduceLROnPlateau):
            scheduler.step(number)
        else:
            scheduler.step()

    def _call_back(self, method: str, *args: Any) -> bool:
        """Call every callback, and return whether one of them returned True, which ends the training."""
        return any([getattr(callback, method)(*args) is True for callback in self.callbacks])

    # Checkpoints.

    def _save(self, epoch: int, logs: Mapping[str, float]) -> None:
        saving = self.saving
        if saving is None:
            return
        if saving.monitor is not None:
            self.best_saved.should_stop(epoch, logs)
            due = self.best_saved.best_epoch == epoch
        else:
            due = epoch % saving.every == 0 or epoch == self.epochs or bool(self.history.stopped)
        if due:
            checkpoints.write(saving.file(epoch), self.state())

    def _generators(self) -> Iterator[np.random.Generator]:
        yield self.generator
        yield from self.model.generators()
        yield from self.data.generators()
        if self.held_out is not None:
            yield from self.held_out.generators()

    def _not_in_state_dict(self) -> dict[str, Any]:
        """Return the buffers that `state_dict` leaves out."""
        saved = self.model.state_dict()
        return {name: b for name, b in self.model.named_buffers() if name not in saved}

    def state(self) -> dict[str, Any]:
        """Return everything that the rest of the run depends on, as plain data and arrays."""
        history = self.history
        return {
            "start": self.start,
            "model": self.model.state_dict(),
            "buffers": {name: np.array(b.data) for name, b in self._not_in_state_dict().items()},
            "optimizer": self.optimizer.state_dict(exact=True),
            "schedulers": [s.state_dict() for s in (*self.schedulers, *self.batch_schedulers)],
            "generators": checkpoints.generator_states(self._generators()),
            "callbacks": [callback.state_dict() for callback in self.callbacks],
            "early stopping": self.watch.state_dict(),
            "best checkpoint": self.best_saved.state_dict(),
            "history": {**vars(history), "batch_losses": np.array(history.batch_losses)},
        }

    def restore(self, saved: Mapping[str, Any]) -> None:
        """Load the result of `state`; nothing changes when it does not fit.

        Raises ValueError for the state of another run.
        """
        before = self.state()
        try:
            self._take_over(saved)
        except Exception:
            self._take_over(before)
            raise

    def _take_over(self, saved: Mapping[str, Any]) -> None:
        schedulers = [*self.schedulers, *self.batch_schedulers]
        for what, own in (("schedulers", schedulers), ("callbacks", self.callbacks)):
            if len(saved[what]) != len(own):
                raise ValueError(f"the checkpoint was saved with {len(saved[what])} {what}; this run has {len(own)}")
        self.model.load_state_dict(saved["model"])
        for name, buffer in self._not_in_state_dict().items():
            buffer.data = saved["buffers"][name]
        for thing, state in zip(
            [*schedulers, *self.callbacks], [*saved["schedulers"], *saved["callbacks"]], strict=True
        ):
            thing.load_state_dict(state)
        self.optimizer.load_state_dict(saved["optimizer"])  # last: a scheduler writes its own rates when it is loaded
        checkpoints.set_generator_states(self._generators(), saved["generators"])
        self.watch.load_state_dict(saved["early stopping"])
        self.best_saved.load_state_dict(saved["best checkpoint"])
        vars(self.history).update(saved["history"])
        self.history.batch_losses = np.asarray(saved["history"]["batch_losses"]).tolist()
        if self.history.stopped in ("finished", "interrupted"):
            self.history.stopped = ""


class Watch:
    """The best value so far of the monitored number, with its epoch and weights."""

    def __init__(self, model: Module, stopping: EarlyStopping | None) -> None:
        self.model, self.stopping = model, stopping
        self.best: float | None = None
        self.best_epoch: int | None = None
        self.improved = 0  # the last epoch that was better by min_delta
        self.state: dict[str, Array] | None = None

    def should_stop(self, epoch: int, logs: Mapping[str, float]) -> bool:
        """Record an epoch's numbers, and return whether the training should end."""
        stopping = self.stopping
        if stopping is None:
            return False
        value = logs[stopping.monitor]
        enough = stopping.improves(value, self.best)
        if enough or (not stopping.cumulative_delta and stopping.is_better(value, self.best)):
            self.best, self.best_epoch = value, epoch
            if stopping.restore_best:
                self.state = self.model.state_dict()
        if enough:
            self.improved = epoch
        return stopping.reaches_target(value) or epoch - self.improved >= stopping.patience

    def restore(self) -> None:
        """Give the model its best weights back."""
        if self.state is not None:
            self.model.load_state_dict(self.state)

    def state_dict(self) -> dict[str, Any]:
        """Return the best number, its epoch and weights."""
        return {"best": self.best, "best_epoch": self.best_epoch, "improved": self.improved, "state": self.state}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Load the result of `state_dict`."""
        vars(self).update(state)


def _why(error: _NotFinite, epoch: int, clip_norm: float | None, data: Source) -> str:
    """Return the error's text for a loss or gradient that is not finite: data that are not finite, or other advice."""
    what, number, batch = error.args
    where = f"{what} in epoch {epoch}, batch {number}; "
    looked_at = data if isinstance(data, FromArrays) else batch
    of = "" if isinstance(data, FromArrays) else " of this batch"
    for name, array in [*_named("x", looked_at.inputs), *_named("y", looked_at.target)]:
        bad = np.argwhere(~np.isfinite(array)) if array.dtype.kind in "fc" else None
        if bad is not None and len(bad):
            index = tuple(map(int, bad[0]))
            return (
                f"{where}the data{of} are not finite: {name}[{', '.join(map(str, index))}] is {array[index]} "
                f"({len(bad)} such values); fill them or leave their rows out"
            )
    remedy = "a smaller lr" if clip_norm is not None else "a smaller lr or clip_norm=1.0"
    return f"{where}try {remedy}, or run that batch inside ad.detect_anomaly() to find the operation"


def _named(name: str, tree: Any) -> list[tuple[str, Array]]:
    """Return (name, array) of every array in inputs or targets."""
    if isinstance(tree, Mapping):
        return [pair for key, value in tree.items() for pair in _named(f"{name}[{key!r}]", value)]
    if isinstance(tree, tuple):
        if name == "x" and len(tree) == 1:
            return _named(name, tree[0])
        return [pair for i, value in enumerate(tree) for pair in _named(f"{name}[{i}]", value)]
    return [(name, tree)]


def _note_parameters(model: Module, before: Mapping[str, Array], history: History) -> None:
    for name, p in model.named_parameters():
        gradient = 0.0 if p.grad is None else float(np.linalg.norm(p.grad))
        change = float(np.linalg.norm(p.data - before[name]))
        history.parameters.setdefault(name, []).append((float(np.linalg.norm(p.data)), gradient, change))
