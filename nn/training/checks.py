"""Checks of the arguments of `fit`: mistakes raise an error before the first epoch, with advice."""

from __future__ import annotations

import operator
import os
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from ..data import DataLoader, Dataset
from ..module import Module
from ..optim import LBFGS, Optimizer
from ..optim.lr_scheduler import LRScheduler, ReduceLROnPlateau
from .history import EarlyStopping

__all__: list[str] = []


def check_run(epochs: Any, batch_size: Any, accumulate: Any) -> None:
    """Raise TypeError or ValueError unless these are counts."""
    for name, number in (("epochs", epochs), ("batch_size", batch_size), ("accumulate", accumulate)):
        if not _is_integer(number):
            raise TypeError(f"fit needs an integer for {name}, got {number!r}")
    if epochs < 0 or batch_size < 1:
        raise ValueError(f"fit needs epochs >= 0 and batch_size >= 1, got {epochs} and {batch_size}")
    if accumulate < 1:
        raise ValueError(f"fit needs accumulate >= 1, the batches that make one step; got {accumulate}")


def check_monitor(who: str, name: str | None, names: list[str], validated: bool) -> None:
    """Raise ValueError for a number that the run does not measure."""
    if name is not None and name not in names:
        hint = "" if validated else "; give validation=(x, y) or validation_split=0.1 for 'val_...'"
        raise ValueError(f"{who} watches {name!r}, but this run measures {', '.join(names)}{hint}")


def stopping_of(given: Any) -> EarlyStopping | None:
    """Return the argument `early_stopping` as an EarlyStopping: one, its patience, or None."""
    if given is None or isinstance(given, EarlyStopping):
        return given
    if not _is_integer(given):
        raise TypeError(f"early_stopping must be an nn.EarlyStopping or an integer, its patience; got {given!r}")
    return EarlyStopping(patience=operator.index(given))


def schedulers_of(name: str, given: Any, optimizer: Optimizer) -> list[Any]:
    """Return a list of schedulers of this optimizer.

    Raises TypeError for anything else, ValueError for another optimizer's.
    """
    found = [] if given is None else list(given) if isinstance(given, (list, tuple)) else [given]
    for scheduler in found:
        if isinstance(scheduler, type) or not isinstance(scheduler, (LRScheduler, ReduceLROnPlateau)):
            raise TypeError(
                f"{name} must be a scheduler such as nn.optim.lr_scheduler.StepLR(optimizer, 10), got {scheduler!r}"
            )
        if scheduler.optimizer is not optimizer:
            raise ValueError(f"{name}: this {type(scheduler).__name__} belongs to another optimizer")
    return found


def check_validation(validation: Any, fraction: float) -> None:
    """Raise ValueError for validation data of another form, or given twice."""
    if validation is not None and fraction:
        raise ValueError("give validation=(x, y) or validation_split, not both")
    if validation is None or isinstance(validation, (Dataset, DataLoader)):
        return
    if isinstance(validation, (tuple, list)) and len(validation) == 2:
        return
    size = f"{len(validation)} parts" if isinstance(validation, (tuple, list)) else f"a {type(validation).__name__}"
    raise ValueError(
        f"validation must be (x, y), a Dataset or a DataLoader, got {size}; several inputs are one tuple: ((a, b), y)"
    )


def check_optimizer(model: Module, optimizer: Any, clip_norm: float | None) -> None:
    """Raise TypeError or ValueError for an optimizer without parameters of this model, or LBFGS with clip_norm."""
    if not isinstance(optimizer, Optimizer):
        raise TypeError(f"fit needs an optimizer such as nn.Adam(model.parameters()), got {optimizer!r}")
    own = {id(p) for p in model.parameters()}
    if not any(id(p) in own for group in optimizer.param_groups for p in group["params"]):
        raise ValueError(
            f"{type(optimizer).__name__} holds no parameter of this {type(model).__name__}, so that nothing would be "
            "trained; make it with model.parameters()"
        )
    if isinstance(optimizer, LBFGS) and clip_norm is not None:
        raise ValueError("LBFGS needs the gradients as they are: leave out clip_norm")


def left_out(model: Module, optimizer: Optimizer) -> list[str]:
    """Return the names of the parameters that require a gradient and that the optimizer does not hold."""
    held = {id(p) for group in optimizer.param_groups for p in group["params"]}
    return [name for name, p in model.named_parameters() if p.requires_grad and id(p) not in held]


def warn_of_left_out(model: Module, optimizer: Optimizer, names: list[str], stacklevel: int) -> None:
    """Warn of parameters that are not trained. names: of `left_out`."""
    shown = ", ".join(map(repr, names[:5])) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
    warnings.warn(
        f"{type(optimizer).__name__} does not hold {shown} of this {type(model).__name__}, which require a gradient: "
        "they are not trained. After a layer is replaced or added, make the optimizer again with model.parameters(). "
        "For parameters that should stay as they are, write p.requires_grad = False.",
        stacklevel=stacklevel + 1,
    )


def check_report(report: Any) -> None:
    """Raise an error for a report that cannot be written, before the run instead of after it."""
    if not isinstance(report, str | os.PathLike):
        raise TypeError(f"report must be a path, such as report='run.html'; got {report!r}")
    path = Path(report)
    if path.suffix.lower() not in (".html", ".htm"):
        raise ValueError(f"a report is an HTML page: {path.name!r} must end in .html")
    if not path.parent.is_dir():
        raise FileNotFoundError(f"cannot write the report {path.name}: there is no folder {path.parent}")


def _is_integer(number: Any) -> bool:
    return isinstance(number, (int, np.integer)) and not isinstance(number, bool)
