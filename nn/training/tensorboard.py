"""A run as event files for TensorBoard, written by the tensorboardX library."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import numpy as np

from .callbacks import Callback

__all__ = ["TensorBoard"]


class TensorBoard(Callback):
    """Write the numbers of a run to event files that TensorBoard shows. `keras.callbacks.TensorBoard`.

    Every epoch writes the numbers of its `logs` under their names; `batches` also writes "batch_loss" after every
    batch. The tensorboardX library writes the files: `pip install 'backflow[tensorboard]'`.

    Args:
        folder: of the event files, one folder for each run.
        batches: whether every batch writes its loss.
        histograms: write the distribution of every parameter after each such number of epochs; 0 for never.

    Raises:
        ImportError: tensorboardX is not installed.
        TypeError, ValueError: an argument of the wrong kind or out of its range.

    >>> import nn, numpy as np, tempfile
    >>> net = nn.Linear(1, 1, rng=0)
    >>> optimizer = nn.SGD(net.parameters(), lr=0.1)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     board = nn.TensorBoard(folder)
    ...     _ = nn.fit(net, [[1.0]], [[2.0]], loss=nn.MSELoss(), optimizer=optimizer, callbacks=[board])
    ...     [name.partition("tfevents")[1] for name in os.listdir(folder)]
    ['tfevents']
    """

    def __init__(self, folder: str | os.PathLike[str], *, batches: bool = False, histograms: int = 0) -> None:
        if not isinstance(folder, (str, os.PathLike)):
            raise TypeError(f"TensorBoard needs a folder for its files, got {folder!r}")
        if isinstance(histograms, bool) or not isinstance(histograms, (int, np.integer)):
            raise TypeError(f"TensorBoard: histograms must be an integer, got {histograms!r}")
        if histograms < 0:
            raise ValueError(f"TensorBoard: histograms must be >= 0, got {histograms}")
        try:
            from tensorboardX import SummaryWriter
        except ImportError:
            raise ImportError("nn.TensorBoard needs tensorboardX: pip install 'backflow[tensorboard]'") from None
        self._open = SummaryWriter
        self.folder, self.batches, self.histograms = os.fspath(folder), bool(batches), int(histograms)
        self.step = 0
        self.writer: Any = None

    def on_train_begin(self, logs: dict[str, float]) -> None:
        """Open a file. For a resumed run, mark the entries written after its checkpoint as void."""
        if self.history.epochs == 0:
            self.step = 0
        purge = None if self.history.epochs == 0 else self.history.epochs + 1
        suffix = f".{self.history.epochs}-{os.urandom(4).hex()}"  # two files of one second have the same name otherwise
        self.writer = self._open(self.folder, purge_step=purge, filename_suffix=suffix)

    def on_batch_end(self, batch: int, logs: dict[str, float]) -> None:
        """Write the loss of the batch."""
        self.step += 1
        if self.batches:
            self.writer.add_scalar("batch_loss", logs["loss"], self.step)

    def on_epoch_end(self, epoch: int, logs: dict[str, float]) -> None:
        """Write the numbers of the epoch."""
        for name, number in logs.items():
            self.writer.add_scalar(name, number, epoch)
        if self.histograms and epoch % self.histograms == 0:
            for name, p in self.model.named_parameters():
                self.writer.add_histogram(name, np.asarray(p.data), epoch)

    def on_train_end(self, logs: dict[str, float]) -> None:
        """Close the file."""
        if self.writer is not None:
            self.writer.close()
            self.writer = None

    def state_dict(self) -> dict[str, Any]:
        """Return the number of batches so far."""
        return {"step": self.step}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Load the result of `state_dict`."""
        self.step = int(state["step"])
