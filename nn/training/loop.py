"""The training loop: `fit`, `evaluate`, `predict`.

`fit` is the plain loop (forward, loss, backward, step) over shuffled mini-batches with everything around it that is
easy to get wrong: evaluation mode for validation, means weighted by batch size, the best weights kept, Ctrl-C that
leaves a usable model. It uses the public interface only; a loop of your own can do all it does.
"""

from __future__ import annotations

import math
import operator
import os
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import autodiff as ad

from .. import metrics as metric_functions
from ..data import batches
from ..data.tables import as_numbers
from ..module import Module
from ..optim import Optimizer, clip_grad_norm_
from ..random import Rng, as_generator
from ..report import training_report
from .history import EarlyStopping, History
from .progress import Display, display

__all__ = ["evaluate", "fit", "predict"]

Array = NDArray[Any]
Loss = Callable[[Any, Any], Any]
Metrics = Mapping[str, Callable[[Any, Any], float]] | Sequence[str | Callable[[Any, Any], float]]
Callback = Callable[[int, dict[str, float]], Any]


def fit(
    model: Module,
    x: Any,
    y: Any,
    *,
    loss: Loss,
    optimizer: Optimizer,
    epochs: int = 1,
    batch_size: int = 32,
    validation: tuple[Any, Any] | None = None,
    validation_split: float = 0.0,
    metrics: Metrics = (),
    early_stopping: EarlyStopping | int | None = None,
    callbacks: Iterable[Callback] = (),
    clip_norm: float | None = None,
    shuffle: bool = True,
    progress: bool | str = "auto",
    rng: Rng = None,
    report: str | os.PathLike[str] | None = None,
) -> History:
    """Train `model` on (x, y) and return the `History` of the run.

    Args:
        model: called as model(x_batch); with a tuple of arrays as x, as model(a_batch, b_batch, ...).
        x, y: arrays (N, ...), equally long. Plain floating arrays are cast to the parameters' dtype once.
        loss: (prediction, y_batch) -> mean over the batch, such as `nn.CrossEntropyLoss()`.
        optimizer: of this model's parameters.
        epochs, batch_size: the last batch of an epoch may be smaller.
        validation: (x, y) to evaluate after every epoch; or `validation_split`, a random part of x and y that is
            not trained on.
        metrics: names ("accuracy", "binary_accuracy", ...), functions (prediction, y) -> float, or a dict of them. The
            training numbers are means over the epoch while the model changes; "val_..." are measured after it, on the
            whole validation set. `functools.partial(top, k=3)` is called "top(k=3)".
        early_stopping: an `EarlyStopping`, or an integer: its patience on "val_loss".
        callbacks: functions (epoch from 1, logs) called after every epoch; one that returns True ends the training.
        clip_norm: limit of the joint gradient norm at every step.
        shuffle: a new order every epoch.
        progress: "auto" shows a bar on a terminal, True always, False never.
        rng: for the order and the split.
        report: file for an HTML report of the run.

    Ctrl-C ends the training: the history so far is returned with `stopped == "interrupted"`, and the model is usable.

    Raises:
        ValueError: lengths that differ, empty data, early stopping on a number that is not measured, two metrics of one
            name, or an optimizer of another model's parameters.
        TypeError: data that are no numbers, naming the column.
        TypeError, ValueError, FileNotFoundError: `report` is no path, is no .html, or its folder is missing; before
            the first epoch, not after the last.
        FloatingPointError: the loss is NaN or infinite, or with `clip_norm` a gradient; the parameters are those before
            that batch, and the report shows the run until there.

    >>> import nn, numpy as np
    >>> x = np.linspace(-1, 1, 64).reshape(-1, 1)
    >>> net = nn.Linear(1, 1, rng=0)
    >>> optimizer = nn.Adam(net.parameters(), lr=0.1)
    >>> run = nn.fit(net, x, 3 * x + 1, loss=nn.MSELoss(), optimizer=optimizer, epochs=30, rng=0)
    >>> run["loss"][-1] < 1e-2 < run["loss"][0]
    True
    """
    if not isinstance(model, Module):
        raise TypeError(f"fit needs a Module, such as nn.Sequential(...), got a {type(model).__name__}")
    generator, functions = as_generator(rng), _metric_functions(metrics)
    inputs, y = _prepared(model, x, y)
    stopping = _stopping(early_stopping)
    _check_validation(validation)
    inputs, y, held_out = _split(inputs, y, validation, validation_split, generator)
    if held_out is not None and validation is not None:
        held_out = _prepared(model, *validation)
    _check_run(epochs, batch_size, stopping, functions, held_out is not None)
    _check_loss(loss)
    _check_optimizer(model, optimizer)
    if report is not None:
        _check_report(report)
    watch = _Watch(model, stopping)
    history, shown, callbacks = History(), display(progress), list(callbacks)
    with _modes_restored(model):
        try:
            for epoch in range(1, epochs + 1):
                started = time.perf_counter()
                model.train()
                shown.epoch(epoch, epochs, math.ceil(len(y) / batch_size))
                order = batches(*inputs, y, batch_size=batch_size, shuffle=shuffle, rng=generator)
                try:
                    logs = _train_epoch(
                        model, order, loss, optimizer, functions, clip_norm, history, shown, report is not None
                    )
                except _NotFinite as error:
                    raise FloatingPointError(_why(error, epoch, clip_norm, inputs, y)) from None
                if held_out is not None:
                    measured = evaluate(model, *held_out, loss=loss, metrics=functions, batch_size=max(batch_size, 256))
                    logs.update({f"val_{name}": value for name, value in measured.items()})
                history.add(logs, time.perf_counter() - started)
                shown.done(logs, history.seconds[-1])
                stop = [bool(callback(epoch, logs) is True) for callback in callbacks]
                history.stopped = "early stopping" if watch.says_stop(epoch, logs) else "callback" if any(stop) else ""
                if history.stopped:
                    break
            history.stopped = history.stopped or "finished"
        except KeyboardInterrupt:
            history.stopped = "interrupted"
        except FloatingPointError:
            history.stopped = "the loss is not finite"
            raise
        finally:
            shown.close()
            optimizer.zero_grad()
            watch.restore()
            history.best_epoch = watch.best_epoch
            if report is not None and history.stopped:  # a run that diverged is the one to look at
                training_report(history, model=model, optimizer=optimizer).save(report)
    return history


def evaluate(
    model: Module, x: Any, y: Any, *, loss: Loss | None = None, metrics: Metrics = (), batch_size: int = 256
) -> dict[str, float]:
    """Return the loss and the metrics of (x, y) in evaluation mode, without recording: name -> number.

    The model runs in batches; the loss and the metrics are computed once, of the whole set, so that they do not depend
    on `batch_size`, whatever their weights, ignored labels and reduction.

    Args:
        model, x, y, loss, metrics: as in `fit`.
        batch_size: how many samples the model gets at once.

    Raises:
        ValueError: lengths that differ, empty data, or a loss that is not one number.
        TypeError: data that are no numbers, naming the column.

    >>> import nn, numpy as np
    >>> net = nn.Linear(2, 2, rng=0)
    >>> sorted(nn.evaluate(net, np.eye(2), [0, 1], loss=nn.CrossEntropyLoss(), metrics=["accuracy"]))
    ['accuracy', 'loss']
    """
    functions = _metric_functions(metrics)
    inputs, y = _prepared(model, x, y)
    prediction = _outputs(model, inputs, batch_size)
    measured = {}
    if loss is not None:
        _check_loss(loss)
        with ad.no_grad():
            measured["loss"] = _number(loss(prediction, y))
    return {**measured, **{name: float(function(prediction, y)) for name, function in functions.items()}}


def predict(model: Module, x: Any, *, batch_size: int = 256) -> Any:
    """Return what the model returns for x, as plain arrays, in evaluation mode and without recording.

    A model that returns a tuple, a list or a dict of arrays (N, ...) gives the same of whole arrays.

    Args:
        model, x: as in `fit`.
        batch_size: how many samples the model gets at once.

    Raises:
        ValueError: inputs of unequal lengths, empty data, or outputs that are not one row for each sample.
        TypeError: data that are no numbers, naming the column.

    >>> import nn, numpy as np
    >>> nn.predict(nn.Linear(2, 3, rng=0), np.ones((5, 2))).shape
    (5, 3)
    """
    return _outputs(model, _inputs(model, x), batch_size)


def _outputs(model: Module, inputs: tuple[Array, ...], batch_size: int) -> Any:
    with _modes_restored(model), ad.no_grad():
        model.eval()
        pieces = batches(*inputs, batch_size=batch_size, shuffle=False)
        return _joined([_plain_tree(model(*(p if isinstance(p, tuple) else (p,)))) for p in pieces])


def _joined(outputs: list[Any]) -> Any:
    """Join the outputs of batches leaf by leaf."""
    first = outputs[0]
    if isinstance(first, Mapping):
        return {key: _joined([output[key] for output in outputs]) for key in first}
    if isinstance(first, (tuple, list)):
        leaves = [_joined(list(parts)) for parts in zip(*outputs, strict=True)]
        return type(first)(*leaves) if hasattr(first, "_fields") else type(first)(leaves)
    if first.ndim == 0:
        raise ValueError("the model must return one row for each sample (N, ...); it returned one number for a batch")
    return np.concatenate(outputs)


# One epoch.


class _NotFinite(Exception):
    """The loss or a gradient of a batch is NaN or infinite: (what, number of the batch)."""


def _train_epoch(
    model: Module,
    order: Iterable[Any],
    loss: Loss,
    optimizer: Optimizer,
    functions: Mapping[str, Any],
    clip_norm: float | None,
    history: History,
    shown: Display,
    measure: bool,
) -> dict[str, float]:
    sums = dict.fromkeys(("loss", *functions), 0.0)
    seen = 0
    before: dict[str, Array] | None = None
    for batch, (*xb, yb) in enumerate(order, start=1):
        prediction = model(*xb)
        value = loss(prediction, yb)
        number = _number(value)
        if not math.isfinite(number):
            raise _NotFinite(f"the loss became {number}", batch)
        if measure:  # keeps the values before the last step of the epoch
            before = {name: np.array(p.data) for name, p in model.named_parameters()}
        optimizer.zero_grad()
        value.backward()
        if clip_norm is not None:
            try:
                clip_grad_norm_(model.parameters(), clip_norm)
            except ValueError:
                bad = [k for k, p in model.named_parameters() if p.grad is not None and not np.isfinite(p.grad).all()]
                if not bad:
                    raise
                raise _NotFinite(f"the gradient of {bad[0]!r} became infinite or NaN", batch) from None
        optimizer.step()
        n = len(yb)
        seen += n
        history.batch_losses.append(number)
        sums["loss"] += number * n
        for name, function in functions.items():
            sums[name] += function(_plain_tree(prediction), yb) * n
        shown.batch(sums["loss"] / seen)
        del prediction, value  # the next graph is built when this one is gone
    if before is not None:
        _note_parameters(model, before, history)
    return {name: total / seen for name, total in sums.items()}


def _why(error: _NotFinite, epoch: int, clip_norm: float | None, inputs: tuple[Array, ...], y: Array) -> str:
    """Say where a run stopped being finite, and what to do: look at the data first."""
    what, batch = error.args
    where = f"{what} in epoch {epoch}, batch {batch}; "
    named = [("x" if len(inputs) == 1 else f"x[{i}]", a) for i, a in enumerate(inputs)]
    for name, array in [*named, ("y", y)]:
        bad = np.argwhere(~np.isfinite(array)) if array.dtype.kind in "fc" else None
        if bad is not None and len(bad):
            index = tuple(map(int, bad[0]))
            return (
                f"{where}the data are not finite: {name}[{', '.join(map(str, index))}] is {array[index]} "
                f"({len(bad)} such values); fill them or leave their rows out"
            )
    remedy = "a smaller lr" if clip_norm is not None else "a smaller lr or clip_norm=1.0"
    return f"{where}try {remedy}, or run that batch inside ad.detect_anomaly() to find the operation"


def _note_parameters(model: Module, before: Mapping[str, Array], history: History) -> None:
    for name, p in model.named_parameters():
        gradient = 0.0 if p.grad is None else float(np.linalg.norm(p.grad))
        change = float(np.linalg.norm(p.data - before[name]))
        history.parameters.setdefault(name, []).append((float(np.linalg.norm(p.data)), gradient, change))


class _Watch:
    """Follows the monitored number and keeps the best weights."""

    def __init__(self, model: Module, stopping: EarlyStopping | None) -> None:
        self.model, self.stopping = model, stopping
        self.best: float | None = None
        self.best_epoch: int | None = None
        self.state: dict[str, Array] | None = None

    def says_stop(self, epoch: int, logs: Mapping[str, float]) -> bool:
        stopping = self.stopping
        if stopping is None:
            return False
        value = logs[stopping.monitor]
        if stopping.improves(value, self.best):
            self.best, self.best_epoch = value, epoch
            if stopping.restore_best:
                self.state = self.model.state_dict()
        return stopping.reaches_target(value) or epoch - (self.best_epoch or 0) >= stopping.patience

    def restore(self) -> None:
        if self.state is not None:
            self.model.load_state_dict(self.state)


# Preparing.


def _metric_functions(metrics: Metrics) -> dict[str, Callable[[Any, Any], float]]:
    if isinstance(metrics, str):
        raise TypeError(f"metrics must be a list or a dict: write metrics=[{metrics!r}]")
    functions: dict[str, Callable[[Any, Any], float]] = {}
    named = metrics.items() if isinstance(metrics, Mapping) else map(_named_metric, metrics)
    for name, function in named:
        if name == "loss" or name.startswith("val_"):
            raise ValueError(
                f"a metric cannot be called {name!r}, a name of fit's own; give metrics={{'name': function}}"
            )
        if name in functions:
            raise ValueError(f"two metrics are called {name!r}; give metrics={{'name': function, 'other': function}}")
        if not callable(function):
            raise TypeError(f"the metric {name!r} must be a function (prediction, y) -> float, got {function!r}")
        functions[name] = function
    return functions


def _named_metric(metric: Any) -> tuple[str, Any]:
    """Return (name, function) of a metric that was given by name or as a function."""
    if isinstance(metric, str):
        known = [name for name in metric_functions.__all__ if name != "confusion_matrix"]
        if metric not in known:
            raise ValueError(f"no metric called {metric!r}; there are {', '.join(known)}, or give your own function")
        return metric, getattr(metric_functions, metric)
    if isinstance(metric, partial):
        options = [*map(repr, metric.args), *(f"{key}={value!r}" for key, value in metric.keywords.items())]
        return f"{_named_metric(metric.func)[0]}({', '.join(options)})", metric
    return getattr(metric, "__name__", type(metric).__name__), metric


def _inputs(model: Module, x: Any) -> tuple[Array, ...]:
    """The input arrays, floating ones in the dtype of the parameters; cast once, not in every batch."""
    dtype = next((p.dtype for p in model.parameters() if isinstance(p, ad.Tensor) and p.dtype.kind == "f"), None)
    several = isinstance(x, tuple)
    given = x if several else (x,)
    arrays = tuple(_cast(a, dtype, f"x[{i}]" if several else "x") for i, a in enumerate(given))
    lengths = {len(a) if a.ndim else 0 for a in arrays}
    if len(lengths) != 1 or 0 in lengths:
        raise ValueError(
            f"the inputs must be equally long and not empty, got shapes {', '.join(str(a.shape) for a in arrays)}"
        )
    return arrays


def _prepared(model: Module, x: Any, y: Any) -> tuple[tuple[Array, ...], Array]:
    inputs = _inputs(model, x)
    y = _cast(y, inputs[0].dtype if inputs[0].dtype.kind == "f" else None, "y")
    if y.ndim == 0 or len(y) != len(inputs[0]):
        raise ValueError(f"x and y must be equally long, got shapes {inputs[0].shape} and {y.shape}")
    return inputs, y


def _cast(a: Any, dtype: Any, what: str) -> Array:
    a = as_numbers(a, what)
    return a.astype(dtype) if dtype is not None and a.dtype.kind == "f" and a.dtype != dtype else a


def _split(
    inputs: tuple[Array, ...], y: Array, validation: Any, fraction: float, generator: np.random.Generator
) -> tuple[tuple[Array, ...], Array, Any]:
    """(inputs, y, held out): a random part is held out when a fraction asks for it."""
    if validation is not None or not fraction:
        if validation is not None and fraction:
            raise ValueError("give validation=(x, y) or validation_split, not both")
        return inputs, y, validation
    count = round(len(y) * fraction)
    if not 0 < count < len(y):
        raise ValueError(f"validation_split={fraction!r} of {len(y)} samples leaves one part empty")
    order = generator.permutation(len(y))
    held, kept = order[:count], order[count:]
    return tuple(a[kept] for a in inputs), y[kept], (tuple(a[held] for a in inputs), y[held])


def _check_run(
    epochs: int, batch_size: int, stopping: EarlyStopping | None, functions: Mapping[str, Any], validated: bool
) -> None:
    for name, number in (("epochs", epochs), ("batch_size", batch_size)):
        if not _is_integer(number):
            raise TypeError(f"fit needs an integer for {name}, got {number!r}")
    if epochs < 0 or batch_size < 1:
        raise ValueError(f"fit needs epochs >= 0 and batch_size >= 1, got {epochs} and {batch_size}")
    names = ["loss", *functions]
    names += [f"val_{name}" for name in names] if validated else []
    if stopping is not None and stopping.monitor not in names:
        hint = "" if validated else "; give validation=(x, y) or validation_split=0.1 for 'val_...'"
        raise ValueError(f"early stopping watches {stopping.monitor!r}, but this run measures {', '.join(names)}{hint}")


def _is_integer(number: Any) -> bool:
    return isinstance(number, (int, np.integer)) and not isinstance(number, bool)


def _stopping(given: Any) -> EarlyStopping | None:
    if given is None or isinstance(given, EarlyStopping):
        return given
    if not _is_integer(given):
        raise TypeError(f"early_stopping must be an nn.EarlyStopping or an integer, its patience; got {given!r}")
    return EarlyStopping(patience=operator.index(given))


def _check_validation(validation: Any) -> None:
    if validation is None or (isinstance(validation, (tuple, list)) and len(validation) == 2):
        return
    size = f"{len(validation)} parts" if isinstance(validation, (tuple, list)) else f"a {type(validation).__name__}"
    raise ValueError(
        f"validation must be (x, y), got {size}; several inputs are one tuple: ((a, b), y), and weights of samples "
        "belong into the loss"
    )


def _check_loss(loss: Any) -> None:
    if isinstance(loss, type):
        raise TypeError(f"fit needs a loss, got the class {loss.__name__}: write nn.{loss.__name__}()")
    if not callable(loss):
        raise TypeError(f"fit needs a loss such as nn.CrossEntropyLoss() or nn.cross_entropy, got {loss!r}")


def _check_optimizer(model: Module, optimizer: Optimizer) -> None:
    if not isinstance(optimizer, Optimizer):
        raise TypeError(f"fit needs an optimizer such as nn.Adam(model.parameters()), got {optimizer!r}")
    own = {id(p) for p in model.parameters()}
    if not any(id(p) in own for group in optimizer.param_groups for p in group["params"]):
        raise ValueError(
            f"{type(optimizer).__name__} holds no parameter of this {type(model).__name__}, so that nothing would be "
            "trained; make it with model.parameters()"
        )


def _check_report(report: str | os.PathLike[str]) -> None:
    """A run must not end in an error that its first line could have told."""
    if not isinstance(report, str | os.PathLike):
        raise TypeError(f"report must be a path, such as report='run.html'; got {report!r}")
    path = Path(report)
    if path.suffix.lower() not in (".html", ".htm"):
        raise ValueError(f"a report is an HTML page: {path.name!r} must end in .html")
    if not path.parent.is_dir():
        raise FileNotFoundError(f"cannot write the report {path.name}: there is no folder {path.parent}")


@contextmanager
def _modes_restored(model: Module) -> Any:
    modes = [(module, module.training) for module in model.modules()]
    try:
        yield
    finally:
        for module, mode in modes:
            module.training = mode


def _plain_tree(x: Any) -> Any:
    """Return the arrays in an output: one value, or tuples, lists and dicts of them."""
    if isinstance(x, Mapping):
        return {key: _plain_tree(value) for key, value in x.items()}
    if isinstance(x, (tuple, list)):
        leaves = [_plain_tree(value) for value in x]
        return type(x)(*leaves) if hasattr(x, "_fields") else type(x)(leaves)
    return np.asarray(x.data if isinstance(x, ad.Variable) else x)


def _number(x: Any) -> float:
    if np.size(x) != 1:
        raise ValueError(f"a loss must be one number, got shape {np.shape(x)}; use reduction='mean' or 'sum'")
    return x.item() if isinstance(x, ad.Variable) else float(np.asarray(x).item())
