"""Running a model without training it: `evaluate` and `predict`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np

import autodiff as ad
from autodiff.extend import numbers

from ..data.datasets import leaves
from ..module import Module
from .feeding import FromArrays, Source, call, source
from .measuring import Metrics, metric_table
from .objective import Objective

__all__ = ["evaluate", "predict"]


def evaluate(
    model: Module,
    x: Any,
    y: Any = None,
    *,
    loss: Any = None,
    metrics: Metrics = (),
    batch_size: int = 256,
    loss_weights: Any = None,
) -> dict[str, float]:
    """Return the loss and the metrics of (x, y) in evaluation mode, without recording: name -> number.

    The model runs in batches. The loss and the metrics are computed once, over the whole set, so that they do not
    depend on `batch_size`, also with weights, ignored labels or another reduction.

    Args:
        model, x, y, loss, metrics, loss_weights: as in `fit`; x may be a Dataset or a DataLoader, without y.
        batch_size: number of samples in one call of the model; a DataLoader has its own.

    Raises:
        ValueError: lengths that differ, empty data, or a loss that is not one number.
        TypeError: data that are no numbers, naming the column.

    >>> import nn, numpy as np
    >>> net = nn.Linear(2, 2, rng=0)
    >>> sorted(nn.evaluate(net, np.eye(2), [0, 1], loss=nn.CrossEntropyLoss(), metrics=["accuracy"]))
    ['accuracy', 'loss']
    """
    functions = metric_table(metrics)
    objective = None if loss is None else Objective(loss, loss_weights)
    _check_batch_size("evaluate", batch_size)
    return measure(model, source(model, x, y, batch_size=batch_size), objective, functions)


def predict(model: Module, x: Any, *, batch_size: int = 256) -> Any:
    """Return the model's output for x as plain arrays, in evaluation mode and without recording.

    Where the model returns a tuple, a list or a dict of arrays (N, ...), so does this function, with all samples.

    Args:
        model, x: as in `fit`. Of a Dataset or a DataLoader with targets the last part of each sample is left out.
        batch_size: number of samples in one call of the model; a DataLoader has its own.

    Raises:
        ValueError: inputs of unequal lengths, empty data, or outputs of several batches that cannot be joined: without
            one row for each sample, or as many for each.
        TypeError: data that are no numbers, naming the column.

    >>> import nn, numpy as np
    >>> nn.predict(nn.Linear(2, 3, rng=0), np.ones((5, 2))).shape
    (5, 3)
    """
    _check_batch_size("predict", batch_size)
    return _outputs(model, source(model, x, batch_size=batch_size, targets=False))[0]


def measure(model: Module, data: Source, objective: Objective | None, functions: Mapping[str, Any]) -> dict[str, float]:
    """Return the loss and metrics of all samples of a source together."""
    prediction, target = _outputs(model, data)
    measured: dict[str, float] = {}
    if objective is not None:
        with ad.no_grad():
            _, number, parts = objective(prediction, target)
        measured = {"loss": number, **parts}
    return {**measured, **{name: float(function(prediction, target)) for name, function in functions.items()}}


@contextmanager
def modes_restored(model: Module) -> Iterator[None]:
    """Put every module back into the mode, training or evaluation, that it was in."""
    modes = [(module, module.training) for module in model.modules()]
    try:
        yield
    finally:
        for module, mode in modes:
            module.training = mode


def plain_tree(x: Any) -> Any:
    """Return the arrays in an output: one value, or tuples, lists and dicts of them."""
    if isinstance(x, Mapping):
        return {key: plain_tree(value) for key, value in x.items()}
    if isinstance(x, (tuple, list)):
        leaves = [plain_tree(value) for value in x]
        return type(x)(*leaves) if hasattr(x, "_fields") else type(x)(leaves)
    return np.asarray(numbers(x.data if isinstance(x, ad.Variable) else x, "nn.predict", "x"))


def _outputs(model: Module, data: Source) -> tuple[Any, Any]:
    """Return (predictions, targets) of all samples."""
    with modes_restored(model), ad.no_grad():
        model.eval()
        pieces = [(plain_tree(call(model, batch.inputs)), batch.target, len(leaves(batch.inputs)[0])) for batch in data]
    if not pieces:
        raise ValueError("there are no batches: the dataset is empty, or drop_last left the only one out")
    prediction = _joined([output for output, _, _ in pieces], [count for _, _, count in pieces])
    if isinstance(data, FromArrays):
        return prediction, data.target
    return prediction, None if pieces[0][1] is None else _joined([target for _, target, _ in pieces])


def _joined(outputs: list[Any], counts: list[int] | None = None) -> Any:
    """Join the outputs of batches leaf by leaf. counts: of samples, where each must have as many rows."""
    first = outputs[0]
    if isinstance(first, Mapping):
        return {key: _joined([output[key] for output in outputs], counts) for key in first}
    if isinstance(first, (tuple, list)):
        parts = [_joined(list(parts), counts) for parts in zip(*outputs, strict=True)]
        return type(first)(*parts) if hasattr(first, "_fields") else type(first)(parts)
    if first.ndim == 0:
        raise ValueError("the model must return one row for each sample (N, ...); it returned one number for a batch")
    if counts is not None and len(outputs) > 1:
        each = first.shape[0] // counts[0]
        for output, count in zip(outputs, counts, strict=True):
            if each == 0 or output.shape[0] != each * count:
                raise ValueError(
                    f"the outputs of several batches are joined by rows, one for each sample (N, ...); the model "
                    f"returned shape {output.shape} for {count} samples. Return an array with the samples first, or "
                    "give a batch_size that takes all samples at once"
                )
    for output in outputs:
        if output.shape[1:] != first.shape[1:]:
            raise ValueError(
                f"batches of shapes {first.shape} and {output.shape} cannot be joined: pad all of them to one length, "
                "or evaluate batch by batch in a loop of your own"
            )
    return np.concatenate(outputs)


def _check_batch_size(who: str, batch_size: Any) -> None:
    if isinstance(batch_size, bool) or not isinstance(batch_size, (int, np.integer)):
        raise TypeError(f"{who} needs an integer for batch_size, got {batch_size!r}")
    if batch_size < 1:
        raise ValueError(f"{who} needs batch_size >= 1, got {batch_size}")
