"""The training loop: `fit`.

`fit` is the plain loop (forward, loss, backward, step) over shuffled mini-batches, with the parts that are easy to get
wrong: evaluation mode for validation, means weighted by batch size, gradients of several batches that equal those of
one large batch, the best weights kept, checkpoints from which a run continues exactly, Ctrl-C that leaves a usable
model. It uses the public interface only, so your own loop can do the same. Here the arguments are checked; the loop
itself is `Run` in run.py.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

from ..module import Module
from ..optim import Optimizer
from ..random import Rng, as_generator
from ..report import training_report
from . import checkpoints
from .callbacks import as_callbacks
from .checkpoints import Checkpoint, as_checkpoint
from .checks import (
    check_monitor,
    check_optimizer,
    check_report,
    check_run,
    check_validation,
    schedulers_of,
    stopping_of,
)
from .feeding import FromArrays, Source, sample_weights, source
from .history import EarlyStopping, History
from .measuring import Metrics, metric_table
from .objective import ClassWeights, Objective
from .progress import display
from .run import Run

__all__ = ["fit"]


def fit(
    model: Module,
    x: Any,
    y: Any = None,
    *,
    loss: Any,
    optimizer: Optimizer,
    epochs: int = 1,
    batch_size: int = 32,
    validation: Any = None,
    validation_split: float = 0.0,
    metrics: Metrics = (),
    early_stopping: EarlyStopping | int | None = None,
    callbacks: Iterable[Any] = (),
    scheduler: Any = None,
    batch_scheduler: Any = None,
    monitor: str | None = None,
    accumulate: int = 1,
    loss_weights: Any = None,
    class_weight: Any = None,
    sample_weight: Any = None,
    clip_norm: float | None = None,
    checkpoint: Checkpoint | str | os.PathLike[str] | None = None,
    resume: bool | str | os.PathLike[str] = False,
    shuffle: bool = True,
    progress: bool | str = "auto",
    rng: Rng = None,
    report: str | os.PathLike[str] | None = None,
    compiled: bool = False,
) -> History:
    """Train `model` on (x, y) and return the `History` of the run. Keras' `Model.fit`.

    Args:
        model: called as model(x_batch); with a tuple of arrays as x, as model(a_batch, b_batch, ...); with a dict, as
            model(name=batch, ...).
        x, y: arrays (N, ...), equally long. y may be a tuple or a dict of arrays, one for each output. Or x is a
            `nn.data.Dataset` or `nn.data.DataLoader` that gives (inputs, y) itself; a sampler with `set_epoch` gets
            the number of each epoch. Floating arrays are cast to the parameters' dtype.
        loss: (prediction, y_batch) -> mean over the batch, such as `nn.CrossEntropyLoss()`. Or a tuple or a dict of
            losses in the form of the model's output and of y; their sum is minimised, weighted by `loss_weights` of
            the same form, and the history has each as "name_loss".
        optimizer: of this model's parameters; parameters that require a gradient and that it does not hold are named in
            a warning. LBFGS computes the loss of its batches again at every iteration.
        epochs, batch_size: the last batch of an epoch may be smaller. A DataLoader has its own batches.
        validation: (x, y), a Dataset or a DataLoader to evaluate after every epoch; or `validation_split`, a random
            part of the arrays or of the Dataset that is not trained on.
        metrics: names ("accuracy", "binary_accuracy", ...), functions (prediction, y) -> float, or a dict of them; for
            several outputs a dict output -> list. The training numbers are means over the epoch while the model
            changes; "val_..." are measured after it, on the whole validation set. `functools.partial(top, k=3)` is
            called "top(k=3)".
        early_stopping: an `EarlyStopping`, or an integer: its patience on "val_loss".
        callbacks: `nn.Callback`s, or functions (epoch from 1, logs) called after every epoch; one that returns True
            ends the training.
        scheduler, batch_scheduler: learning-rate schedulers, one or a list, stepped after every epoch, or after every
            step of the optimizer. The history has the first group's rate of each epoch as "lr".
        monitor: the number that ReduceLROnPlateau gets; by default "val_loss", without validation "loss".
        accumulate: batches that make one step together, as one large batch would; the last group may be smaller. Layers
            that compute over the batch, such as BatchNorm, still use the small ones.
        class_weight: weight of each class: a dict, a sequence, or "balanced" (N / (C * count)).
        sample_weight: (N,), weight of each sample, with arrays. Both multiply; the loss becomes the weighted mean,
            sum(w l) / sum(w). Validation and metrics are not weighted.
        clip_norm: limit of the joint norm, at every step, of the gradients that the optimizer uses.
        checkpoint: path or `nn.Checkpoint`: where to save the run after epochs.
        resume: continue from the checkpoint's newest file if there is one (True), or from a file. The model, the
            optimizer, schedulers and callbacks are made as for a new run, and `epochs` counts from the first one.
            The results equal those of an uninterrupted run bit for bit.
        shuffle: a new order every epoch.
        progress: "auto" shows a bar on a terminal or in a notebook, True always, False never.
        rng: for the order and the split.
        report: file for an HTML report of the run.
        compiled: run forward pass, backward pass and the optimizer's update of a batch as one program of NumPy calls
            (`ad.compile`): the same numbers, faster. Each batch size and each mode of the model has its own program.
            With LBFGS, or with `accumulate`, the update is outside.

    Ctrl-C ends the training: the history so far is returned with `stopped == "interrupted"`, and the model is usable.
    With `nn.distributed`, all ranks must end in the same epoch: otherwise each raises `ad.parallel.RankError`.

    Raises:
        ValueError: lengths that differ, empty data, early stopping on a number that is not measured, two metrics of one
            name, an optimizer of another model's parameters, or a checkpoint of another run.
        TypeError: data that are no numbers, naming the column.
        TypeError, ValueError, FileNotFoundError: `report` is no path, is no .html, or its folder is missing; raised
            before the first epoch.
        FloatingPointError: the loss is NaN or infinite, or with `clip_norm` a gradient. The parameters are those before
            that batch, and the report shows the run up to it.

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
    check_run(epochs, batch_size, accumulate)
    check_validation(validation, validation_split)
    check_optimizer(model, optimizer, clip_norm)
    if report is not None:
        check_report(report)
    generator, saving = as_generator(rng), as_checkpoint(checkpoint)
    file = checkpoints.file_to_resume(resume, saving)
    saved = None if file is None else checkpoints.read(file)
    if saved is not None:  # the same samples are held out again
        checkpoints.set_generator_states([generator], saved["start"])
    start = checkpoints.generator_states([generator])
    order = generator if shuffle else None
    objective = Objective(loss, loss_weights, weighted=class_weight is not None or sample_weight is not None)
    data = _weighed(source(model, x, y, batch_size=batch_size, generator=order), class_weight, sample_weight)
    held_out: Source | None = None
    if validation_split:
        data, held_out = data.divided(validation_split, generator)
    elif validation is not None:
        pair = validation if isinstance(validation, (tuple, list)) else (validation, None)
        held_out = source(model, *pair, batch_size=max(batch_size, 256))
    run = Run(
        model=model,
        data=data,
        held_out=held_out,
        objective=objective,
        optimizer=optimizer,
        functions=metric_table(metrics),
        epochs=epochs,
        accumulate=accumulate,
        clip_norm=clip_norm,
        callbacks=as_callbacks(callbacks),
        schedulers=schedulers_of("scheduler", scheduler, optimizer),
        batch_schedulers=schedulers_of("batch_scheduler", batch_scheduler, optimizer),
        monitor=monitor or ("val_loss" if held_out is not None else "loss"),
        stopping=stopping_of(early_stopping),
        saving=saving,
        generator=generator,
        start=start,
        measure=report is not None,
        shown=display(progress),
    )
    for who, watching in {"early stopping": run.stopping, "checkpoint": saving, "monitor": run}.items():
        check_monitor(who, getattr(watching, "monitor", None), run.names(), held_out is not None)
    if compiled:
        run.compile()
    if saved is not None:
        run.restore(saved)
    try:
        return run.train()
    finally:
        if report is not None and run.history.stopped:  # a run that diverged needs the report most
            training_report(run.history, model=model, optimizer=optimizer).save(report)


def _weighed(data: Source, class_weight: Any, sample_weight: Any) -> Source:
    """Return the same source, whose batches have weights."""
    if sample_weight is not None:
        if not isinstance(data, FromArrays):
            raise TypeError(
                "sample_weight is for arrays; of a dataset draw some samples more often with "
                "nn.data.WeightedRandomSampler"
            )
        data.weight = sample_weights(sample_weight, data.samples)
    if class_weight is None:
        return data
    if not isinstance(data, FromArrays):
        data.weights = ClassWeights(class_weight)
        return data
    of_class = ClassWeights(class_weight, data.target)(data.target)
    data.weight = of_class if data.weight is None else data.weight * of_class
    return data
