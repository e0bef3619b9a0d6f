"""The objective of training: one loss or one for each output, with weights of outputs, samples and classes.

A mean over a batch has a divisor: the number of samples, or the sum of their weights. To equal the gradient of one
large batch, gradients of several batches are therefore added in proportion to these divisors (`divisors`), which depend
on the targets alone.

Sample weights make the mean a weighted one, sum(w l) / sum(w): a weight of 2 is as good as the sample twice.
"""

from __future__ import annotations

import copy
import inspect
import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

import autodiff as ad

from ..data.datasets import leaves
from ..losses import CrossEntropyLoss, NLLLoss, cross_entropy, nll_loss
from ..module import Module

__all__ = ["ClassWeights", "Objective", "RunningLoss", "check_loss"]

Array = NDArray[Any]
BY_LABEL = (CrossEntropyLoss, NLLLoss)  # losses whose mean divides by the weights of the labels that count


class Objective:
    """The loss of a whole model: `losses` is a function, or a tuple or dict of them, one for each output."""

    def __init__(self, loss: Any, loss_weights: Any = None, weighted: bool = False) -> None:
        several = isinstance(loss, (tuple, list, Mapping))
        self.keys: list[Any] | None = None
        if several:
            self.keys = list(loss) if isinstance(loss, Mapping) else list(range(len(loss)))
            if not self.keys:
                raise ValueError("loss is empty: give a loss for each output")
        self.named = isinstance(loss, Mapping)
        self.parts = [_Part(loss[key], weighted) for key in self.keys] if self.keys else [_Part(loss, weighted)]
        self.weights = self._checked_weights(loss_weights)
        self.names = [f"{key}_loss" for key in self.keys or ()]

    def _checked_weights(self, given: Any) -> list[float]:
        if given is None:
            return [1.0] * len(self.parts)
        if self.keys is None:
            raise TypeError("loss_weights needs one loss for each output: loss=(a, b) or loss={'name': a, ...}")
        keys = list(given) if isinstance(given, Mapping) else list(range(len(given)))
        if isinstance(given, Mapping) != self.named or sorted(map(str, keys)) != sorted(map(str, self.keys)):
            raise ValueError(f"loss_weights must have the form of loss, with {self.keys}; got {given!r}")
        weights = [given[key] for key in self.keys]
        for key, w in zip(self.keys, weights, strict=True):
            if isinstance(w, bool) or not isinstance(w, (int, float, np.number)) or not math.isfinite(w):
                raise TypeError(f"loss_weights[{key!r}] must be a finite number, got {w!r}")
        return [float(w) for w in weights]

    def __call__(
        self, prediction: Any, target: Any, weight: Array | None = None, shares: Sequence[float] | None = None
    ) -> tuple[Any, float, dict[str, float]]:
        """Return (the value to differentiate, the loss as a number, the loss of each output by name).

        shares: of a batch that is a part of a larger one: the factor of each output's loss.
        """
        whole, values = self.values(prediction, target, weight, shares, self.divisors(target, weight))
        return whole, *self.numbers(values)

    def values(
        self, prediction: Any, target: Any, weight: Array | None, shares: Sequence[float] | None, divisors: Any
    ) -> tuple[Any, list[Any]]:
        """Return (the value to differentiate, the loss of each output), given the result of `divisors`."""
        whole: Any = None
        values = []
        for i, (predicted, wanted) in enumerate(self._pairs(prediction, target)):
            value = self._loss_of(i, predicted, wanted, weight, None if divisors is None else divisors[i])
            check_single(value)
            values.append(value)
            factor = self.weights[i] * (1.0 if shares is None else shares[i])
            value = value if factor == 1.0 else value * factor
            whole = value if whole is None else whole + value
        return whole, values

    def _loss_of(self, i: int, predicted: Any, wanted: Any, weight: Array | None, divisor: Any) -> Any:
        """Return the loss of one output. A tuple, list or dict of outputs is for the user's own loss alone."""
        part = self.parts[i]
        if not isinstance(predicted, (tuple, list, Mapping)):
            return part(predicted, wanted, weight, divisor)
        if part.of_package:
            raise TypeError(self._advice(predicted))
        try:
            return part(predicted, wanted, weight, divisor)
        except ad.LeavesGraphError as error:
            raise TypeError(self._advice(predicted)) from error

    def _advice(self, predicted: Any) -> str:
        """Return the error's text for a model with several outputs: a loss for each."""
        named = isinstance(predicted, Mapping)
        keys = list(predicted) if named else list(range(len(predicted)))
        held = f"a dict with {keys}" if named else f"a {type(predicted).__name__} of {len(keys)}"
        parts = [f"{key!r}: loss_{k}" if named else f"loss_{k}" for k, key in enumerate(keys)]
        form = ", ".join(parts) + ("," if len(parts) == 1 and not named else "")
        form = f"loss={{{form}}}" if named else f"loss=({form})"
        return (
            f"this loss expects one array, but the model's output is {held}: give a loss for each output, {form}, with "
            "y of the same form; or your own loss(outputs, y) that takes the parts it needs"
        )

    def numbers(self, values: Sequence[Any]) -> tuple[float, dict[str, float]]:
        """Return the loss as a number, and that of each output by name."""
        numbers = [as_number(value) for value in values]
        if self.keys is None:
            return numbers[0], {}
        total = math.fsum(w * x for w, x in zip(self.weights, numbers, strict=True))
        return total, dict(zip(self.names, numbers, strict=True))

    def divisors(self, target: Any, weight: Array | None) -> list[Any] | None:
        """Return the divisor of each output's weighted mean; None without sample weights. They are NumPy's numbers,
        because a compiled step takes them as arguments."""
        if weight is None:
            return None
        return [np.float64(count or 1.0) for count in self.counts(target, weight)]

    def counts(self, target: Any, weight: Array | None) -> list[float]:
        """Return the divisor of each output's mean over this batch."""
        wanted = [target] if self.keys is None else [self._of(target, key, "y") for key in self.keys]
        return [part.divisor(y, weight) for part, y in zip(self.parts, wanted, strict=True)]

    def shares(self, targets: Sequence[Any], weights: Sequence[Array | None]) -> list[list[float]]:
        """Return the share of each batch in the mean over all batches of one step, for each output."""
        rows = [self.counts(target, weight) for target, weight in zip(targets, weights, strict=True)]
        columns = list(zip(*rows, strict=True))
        totals = [math.fsum(column) or 1.0 for column in columns]
        return [
            [
                1.0 if part.reduction == "sum" else d / total
                for part, d, total in zip(self.parts, row, totals, strict=True)
            ]
            for row in rows
        ]

    def _pairs(self, prediction: Any, target: Any) -> list[tuple[Any, Any]]:
        if self.keys is None:
            return [(prediction, target)]
        unused = [key for key in target if key not in self.keys] if self.named and isinstance(target, Mapping) else []
        if unused:
            raise ValueError(f"y has the output {unused[0]!r}, for which there is no loss; loss has {self.keys}")
        return [(self._of(prediction, key, "the model's output"), self._of(target, key, "y")) for key in self.keys]

    def _of(self, tree: Any, key: Any, what: str) -> Any:
        """Return one output's part of a prediction or a target, which must have the form of the losses."""
        assert self.keys is not None
        if self.named:
            if not isinstance(tree, Mapping) or key not in tree:
                held = f"a dict with {list(tree)}" if isinstance(tree, Mapping) else f"a {type(tree).__name__}"
                raise ValueError(f"loss has the outputs {self.keys}, but {what} is {held}")
        elif not isinstance(tree, (tuple, list)) or len(tree) != len(self.keys):
            held = f"a tuple of {len(tree)}" if isinstance(tree, (tuple, list)) else f"a {type(tree).__name__}"
            raise ValueError(f"loss is for {len(self.keys)} outputs, but {what} is {held}")
        return tree[key]


class RunningLoss:
    """The loss over all samples of the batches so far: a mean weighted by the divisors of the batches, or a sum."""

    def __init__(self, objective: Objective) -> None:
        self.objective = objective
        self.totals = [0.0] * len(objective.parts)
        self.counts = [0.0] * len(objective.parts)

    def add(self, batch: Mapping[str, float], target: Any, weight: Array | None) -> None:
        """Add a batch, given its numbers by name."""
        for i, count in enumerate(self.objective.counts(target, weight)):
            value = batch[self.objective.names[i] if self.objective.names else "loss"]
            self.totals[i] += value if self.objective.parts[i].reduction == "sum" else value * count
            self.counts[i] += count

    def numbers(self) -> dict[str, float]:
        """Return "loss", and that of each output by name."""
        pairs = zip(self.objective.parts, self.totals, self.counts, strict=True)
        loss, parts = self.objective.numbers([t if p.reduction == "sum" else t / (n or 1.0) for p, t, n in pairs])
        return {"loss": loss, **parts}


class _Part:
    """The loss of one output."""

    def __init__(self, loss: Any, weighted: bool) -> None:
        check_loss(loss)
        self.loss = loss
        self.reduction = _option(loss, "reduction", "mean")
        self.each: Callable[[Any, Any], Any] | None = _unreduced(loss) if weighted else None
        function = loss.func if isinstance(loss, partial) else loss
        kind = type(function) if isinstance(function, Module) else function
        self.of_package = str(getattr(kind, "__module__", "")).startswith("nn.losses")
        self.by_label = isinstance(function, BY_LABEL) or function in (cross_entropy, nll_loss)

    def __call__(self, prediction: Any, target: Any, weight: Array | None, divisor: Any) -> Any:
        if weight is None:
            return self.loss(prediction, target)
        assert self.each is not None
        losses = self.each(prediction, target)
        if losses.ndim == 0 or losses.shape[0] != len(weight):
            raise ValueError(
                f"sample weights need a loss with one value for each of the {len(weight)} samples, got shape "
                f"{losses.shape}"
            )
        hidden = weight == 0  # hides a loss that is infinite or NaN
        if hidden.any():
            losses = np.where(hidden.reshape(-1, *[1] * (losses.ndim - 1)), 0.0, losses)
        if losses.ndim > 1:
            axes = tuple(range(1, losses.ndim))
            sums = self.reduction in ("sum", "batchmean") or self._label_weights(target) is not None
            losses = losses.sum(axis=axes) if sums else losses.mean(axis=axes)
        share = weight if self.reduction == "sum" else weight / divisor
        return (losses * share.astype(losses.dtype)).sum()

    def divisor(self, target: Any, weight: Array | None) -> float:
        """Return the divisor of the mean over this batch."""
        count = len(leaves(target)[0])
        of_labels = self._label_weights(target)
        if of_labels is None:
            return float(count) if weight is None else float(weight.sum())
        per_sample = of_labels.reshape(count, -1).sum(axis=1)
        return float(per_sample.sum() if weight is None else (per_sample * weight).sum())

    def _label_weights(self, target: Any) -> Array | None:
        """Return the weight of each label in a loss whose mean divides by them; None for other losses."""
        if not self.by_label or isinstance(target, (tuple, Mapping)):
            return None
        labels = np.asarray(ad.plain(target))
        if labels.dtype.kind not in "iu":  # probabilities: the mean divides by the number of samples
            return None
        ignored = labels == _option(self.loss, "ignore_index", -100)
        weight = _option(self.loss, "weight", None)
        if weight is None:
            return (~ignored).astype(np.float64)
        table = np.asarray(ad.plain(weight), dtype=np.float64)
        inside = ~ignored & (labels >= 0) & (labels < len(table))  # the loss itself refuses the others
        return np.where(inside, table[np.where(inside, labels, 0)], 0.0)


class ClassWeights:
    """A weight for each sample by its label: from a dict, a sequence, or "balanced"."""

    def __init__(self, given: Any, labels: Any = None) -> None:
        self.table: dict[int, float] = {}
        self.classes: int | None = None  # the length of a sequence; a dict may name only some classes
        if isinstance(given, str):
            if given != "balanced":
                raise ValueError(f"class_weight must be 'balanced', a dict or a sequence, got {given!r}")
            if labels is None:
                raise TypeError("class_weight='balanced' counts the labels of arrays; of a loader give {class: weight}")
            classes, counts = np.unique(_labels(labels), return_counts=True)
            values = len(labels) / (len(classes) * counts)
            self.table = dict(zip(classes.tolist(), values.tolist(), strict=True))
        elif isinstance(given, Mapping):
            self.table = {_class_of(key): _weight_of(key, w) for key, w in given.items()}
        else:
            array = np.asarray(ad.plain(given))
            if array.ndim != 1:
                raise ValueError(f"class_weight must be one number for each class, got shape {array.shape}")
            self.table = {i: _weight_of(i, w) for i, w in enumerate(array.tolist())}
            self.classes = len(array)

    def __call__(self, labels: Any) -> Array:
        """Return the weight of each sample; a class that a dict does not name has the weight 1."""
        labels = _labels(labels)
        if self.classes is not None:
            others = labels[(labels < 0) | (labels >= self.classes)]
            if others.size:
                raise ValueError(
                    f"class_weight is for {self.classes} classes, but a label is {others[0]}; a dict may name some "
                    "classes only"
                )
        values, inverse = np.unique(labels, return_inverse=True)
        return np.array([self.table.get(int(v), 1.0) for v in values], dtype=np.float64)[inverse.reshape(labels.shape)]


def _labels(labels: Any) -> Array:
    if isinstance(labels, (tuple, Mapping)):
        raise TypeError("class_weight is for one output; of several give the losses their own weight=")
    labels = np.asarray(labels)
    column = labels[:, 0] if labels.ndim == 2 and labels.shape[1] == 1 else labels  # as binary losses have them
    if column.dtype.kind == "f" and (column == np.rint(column)).all():
        column = column.astype(np.int64)
    if column.ndim != 1 or column.dtype.kind not in "iub":
        raise TypeError(
            f"class_weight needs one whole label for each sample, got shape {labels.shape}, dtype {labels.dtype}; "
            "of other targets give the loss its own weight="
        )
    return column.astype(np.int64)


def _class_of(key: Any) -> int:
    if not isinstance(key, (int, float, np.number, np.bool_)) or key != int(key):
        raise TypeError(f"class_weight is a dict of the labels, which are whole numbers, got the key {key!r}")
    return int(key)


def _weight_of(key: Any, weight: Any) -> float:
    if isinstance(weight, bool) or not isinstance(weight, (int, float, np.number)) or not 0 <= weight < math.inf:
        raise ValueError(f"class_weight[{key!r}] must be a finite number >= 0, got {weight!r}")
    return float(weight)


def check_loss(loss: Any) -> None:
    """Raise TypeError unless `loss` can be called with (prediction, target)."""
    if isinstance(loss, type):
        raise TypeError(f"fit needs a loss, got the class {loss.__name__}: write nn.{loss.__name__}()")
    if not callable(loss):
        raise TypeError(f"fit needs a loss such as nn.CrossEntropyLoss() or nn.cross_entropy, got {loss!r}")


def check_single(x: Any) -> None:
    """Raise ValueError unless a loss is one number."""
    if np.size(x) != 1:
        raise ValueError(f"a loss must be one number, got shape {np.shape(x)}; use reduction='mean' or 'sum'")


def as_number(x: Any) -> float:
    """Return the number in a loss."""
    value = np.asarray(x.data if isinstance(x, ad.Variable) else x)
    check_single(value)
    return float(value.item())


def _option(loss: Any, name: str, default: Any) -> Any:
    """Return an option of a loss: of a module, of a `functools.partial`, or the default."""
    if isinstance(loss, partial):
        return loss.keywords[name] if name in loss.keywords else _option(loss.func, name, default)
    return getattr(loss, name, default) if isinstance(loss, Module) else default


def _unreduced(loss: Any) -> Callable[[Any, Any], Any]:
    """Return the same loss with one value for each sample."""
    if isinstance(loss, Module) and hasattr(loss, "reduction"):
        each = copy.copy(loss)
        each.__dict__.update(reduction="none", _scope=None)
        return each
    function = loss.func if isinstance(loss, partial) else loss
    if inspect.isfunction(function) and "reduction" in inspect.signature(function).parameters:
        return partial(loss, reduction="none")
    raise TypeError(
        "sample and class weights need a loss with reduction=, such as nn.CrossEntropyLoss() or nn.mse_loss; weigh the "
        f"samples in your own {getattr(loss, '__name__', type(loss).__name__)}"
    )
