"""One step of training as a function, for your own loops."""

from __future__ import annotations

from typing import Any

import autodiff as ad

from ..module import Module
from ..optim import LBFGS, Optimizer, clip_grad_norm_
from .checks import check_optimizer, left_out, warn_of_left_out
from .objective import as_number, check_loss

__all__ = ["training_step"]


class TrainingStep:
    """A step of training, made by `training_step`.

    Attributes:
        whole: the function (*inputs, target) -> loss that makes the step; of `ad.compile` when the step is compiled,
            with its `source` and `programs`. With LBFGS, which computes the loss several times a step, it only leaves
            the gradients in the parameters.
    """

    def __init__(self, model: Module, loss: Any, optimizer: Optimizer, clip_norm: float | None, compiled: bool) -> None:
        self.model, self.loss, self.optimizer, self.clip_norm = model, loss, optimizer, clip_norm

        evaluates_again = isinstance(optimizer, LBFGS)

        def training_step(*batch: Any) -> Any:
            model.zero_grad()
            optimizer.zero_grad()  # of parameters of the loss, too
            value = loss(model(*batch[:-1]), batch[-1])
            value.backward()
            if clip_norm is not None:
                clip_grad_norm_([p for group in optimizer.param_groups for p in group["params"]], clip_norm)
            if not evaluates_again:
                optimizer.step()
            return value.detach()

        self.whole = ad.compile(training_step) if compiled else training_step

    def __call__(self, *batch: Any) -> float:
        """Make one step on a batch (*inputs, target), and return its loss before the step."""
        if len(batch) < 2:
            raise TypeError(f"a training step takes inputs and a target: step(x, y); got {len(batch)} arguments")
        if isinstance(self.optimizer, LBFGS):
            return self.optimizer.step(lambda: self._run(batch))
        return self._run(batch)

    def _run(self, batch: tuple[Any, ...]) -> float:
        return as_number(self.whole(*batch))


def training_step(
    model: Module, loss: Any, optimizer: Optimizer, *, clip_norm: float | None = None, compiled: bool = False
) -> TrainingStep:
    """Return a function `step(*inputs, target)` that makes one step of training and returns the loss before it.

    Args:
        model: called as model(*inputs).
        loss: (prediction, target) -> one number, such as `nn.CrossEntropyLoss()`.
        optimizer: of this model's parameters; its step runs in place, with the rates that its groups have then.
        clip_norm: limit of the joint norm of the gradients that the optimizer uses.
        compiled: run the forward pass, the backward pass and the optimizer's update as one program of NumPy calls
            (`ad.compile`): the same numbers, faster. Each batch shape and each mode of the model has its own program.
            The first step of an optimizer makes its state and runs uncompiled; with LBFGS, loss and gradients are
            compiled.

    Warns of parameters of the model that require a gradient and that the optimizer does not hold.

    Raises:
        TypeError: no Module, no loss, or no Optimizer.
        ValueError: an optimizer of another model's parameters.

    >>> import nn, numpy as np
    >>> x = np.linspace(-1, 1, 8, dtype=np.float32).reshape(-1, 1)
    >>> net = nn.Linear(1, 1, rng=0)
    >>> step = nn.training_step(net, nn.MSELoss(), nn.SGD(net.parameters(), lr=0.3), compiled=True)
    >>> first = step(x, 3 * x + 1)
    >>> first > step(x, 3 * x + 1)
    True
    """
    if not isinstance(model, Module):
        raise TypeError(f"training_step needs a Module, such as nn.Sequential(...), got a {type(model).__name__}")
    check_loss(loss)
    check_optimizer(model, optimizer, clip_norm)
    if untrained := left_out(model, optimizer):
        warn_of_left_out(model, optimizer, untrained, stacklevel=2)
    return TrainingStep(model, loss, optimizer, clip_norm, compiled)
