"""AveragedModel: a second copy of a model, whose weights are the average of the weights during training."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

import autodiff as ad
from autodiff.extend import write_all

from ..module import Module
from ..parameter import Buffer

__all__ = ["AveragedModel", "get_ema_avg_fn"]

Average = Callable[[NDArray[Any], NDArray[Any], int], NDArray[Any]]


def get_ema_avg_fn(decay: float = 0.999) -> Average:
    """Return the rule of the exponential moving average: decay * averaged + (1 - decay) * current.

    `torch.optim.swa_utils.get_ema_avg_fn`. Raises ValueError unless 0 <= decay <= 1.

    >>> get_ema_avg_fn(0.75)(np.array([1.0]), np.array([5.0]), 1)
    array([2.])
    """
    if not 0 <= decay <= 1:
        raise ValueError(f"get_ema_avg_fn: decay must be in [0, 1], got {decay!r}")

    def average(averaged: NDArray[Any], current: NDArray[Any], count: int) -> NDArray[Any]:
        return averaged + (current - averaged) * (1 - decay)

    return average


def _mean(averaged: NDArray[Any], current: NDArray[Any], count: int) -> NDArray[Any]:
    return averaged + (current - averaged) / (count + 1)


class AveragedModel(Module):
    """Hold the average of a model's weights over training, and compute with it.

    `torch.optim.swa_utils.AveragedModel` (stochastic weight averaging, Izmailov et al. 2018; with `get_ema_avg_fn` the
    exponential moving average of Polyak and Ruppert).

    Args:
        model: any module; it is copied into `module`, and not changed.
        avg_fn: `(averaged, current, count) -> new average` on arrays, count being the updates before this one; the
            mean of all of them unless given.
        use_buffers: average floating buffers too; otherwise buffers are those of the model at the last update.

    `n_averaged` counts the updates; the first one copies the weights.

    >>> import nn, numpy as np
    >>> net = nn.Linear(1, 1, bias=False, rng=0)
    >>> average = nn.optim.AveragedModel(net, nn.optim.get_ema_avg_fn(0.75))
    >>> for w in (1.0, 5.0):
    ...     net.weight.data = [[w]]
    ...     average.update_parameters(net)
    >>> average.module.weight.data, int(average.n_averaged.data)
    (array([[2.]], dtype=float32), 2)
    """

    def __init__(self, model: Module, avg_fn: Average | None = None, use_buffers: bool = False) -> None:
        self.module = copy.deepcopy(model)
        self.n_averaged = Buffer(np.array(0))
        self.avg_fn, self.use_buffers = avg_fn or _mean, use_buffers

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Call the averaged model."""
        return self.module(*args, **kwargs)

    def update_parameters(self, model: Module) -> None:
        """Include the present weights of `model` in the average. All or nothing.

        Raises ValueError when the model has other parameters or shapes.
        """
        own, new = self._tensors(self.module), self._tensors(model)
        if {n: v.shape for n, v in own.items()} != {n: v.shape for n, v in new.items()}:
            raise ValueError("AveragedModel.update_parameters: the model has other parameters than the copied one")
        count = int(self.n_averaged.data)
        parameters = {name for name, _ in self.module.named_parameters()}
        written: list[tuple[ad.Variable, Any]] = [(self.n_averaged, np.array(count + 1))]
        for name, averaged in own.items():
            current = np.asarray(new[name].data)
            averages = name in parameters or (self.use_buffers and current.dtype.kind == "f")
            if averages and count:
                current = np.asarray(self.avg_fn(np.asarray(averaged.data), current, count), current.dtype)
            written.append((averaged, current))
        write_all(written)

    @staticmethod
    def _tensors(model: Module) -> dict[str, ad.Variable]:
        return {**dict(model.named_parameters()), **dict(model.named_buffers())}
