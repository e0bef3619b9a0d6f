"""The progress line of a training run: tqdm's bar when it is installed, otherwise one live line of our own.

Nothing is shown unless standard error is a terminal or `progress=True` is given; with `progress=True` and without a
terminal, each epoch leaves one plain line, so that a log file stays readable. The line costs a clock reading a
batch and is redrawn ten times a second.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from typing import Any, Protocol, TextIO

__all__ = ["Display", "display"]

INTERVAL = 0.1  # seconds between two drawings
BAR = 24  # characters


class Display(Protocol):
    """What `fit` tells a progress display."""

    def epoch(self, number: int, epochs: int, batches: int) -> None:
        """An epoch begins: `number` counts from 1."""

    def batch(self, loss: float) -> None:
        """A batch is done; `loss` is the running mean of the epoch."""

    def done(self, logs: Mapping[str, float], seconds: float) -> None:
        """The epoch is done, with these numbers."""

    def close(self) -> None:
        """Training ends, in whatever way."""


def display(progress: bool | str = "auto", stream: TextIO | None = None) -> Display:
    """The right display: none, tqdm's, or ours.

    Args:
        progress: "auto" shows something when `stream` is a terminal, True always, False never; "line" is our line
            even where tqdm is.
        stream: standard error unless given.
    """
    if progress not in (True, False, "auto", "line"):
        raise ValueError(f"progress must be True, False, 'auto' or 'line', got {progress!r}")
    stream = sys.stderr if stream is None else stream
    watched = bool(getattr(stream, "isatty", lambda: False)())
    if progress is False or (progress == "auto" and not watched):
        return Quiet()
    if not watched:
        return Lines(stream)
    if progress != "line":
        try:
            from tqdm import tqdm
        except ImportError:
            pass
        else:
            return Bar(tqdm, stream)
    return Live(stream)


def describe(logs: Mapping[str, float]) -> str:
    """`loss 0.07123  accuracy 97.91 %`: accuracies in percent, the rest with four digits.

    >>> describe({"loss": 0.07123, "accuracy": 0.9791})
    'loss 0.07123  accuracy 97.91 %'
    """
    return "  ".join(
        f"{name} {value:.2%}".replace("%", " %") if "accuracy" in name else f"{name} {value:.4g}"
        for name, value in logs.items()
    )


class Quiet:
    """Shows nothing."""

    def epoch(self, number: int, epochs: int, batches: int) -> None:
        """Nothing."""

    def batch(self, loss: float) -> None:
        """Nothing."""

    def done(self, logs: Mapping[str, float], seconds: float) -> None:
        """Nothing."""

    def close(self) -> None:
        """Nothing."""


class Lines(Quiet):
    """One line an epoch, for log files and pipes."""

    def __init__(self, stream: TextIO) -> None:
        self.stream, self.head = stream, ""

    def epoch(self, number: int, epochs: int, batches: int) -> None:
        """Remember where we are."""
        self.head = f"epoch {number:{len(str(epochs))}}/{epochs}"

    def done(self, logs: Mapping[str, float], seconds: float) -> None:
        """Print the epoch's line."""
        print(f"{self.head}  {describe(logs)}  ({seconds:.1f} s)", file=self.stream, flush=True)


class Live(Lines):
    """One line for the whole run, redrawn in place: a bar, the last epoch's numbers, the time that is left."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__(stream)
        self.total = self.count = self.width = 0
        self.start, self.drawn, self.tail = time.monotonic(), 0.0, ""

    def epoch(self, number: int, epochs: int, batches: int) -> None:
        """Another part of the bar begins."""
        super().epoch(number, epochs, batches)
        self.total = epochs * batches

    def batch(self, loss: float) -> None:
        """Redraw when the last drawing is old enough."""
        self.count += 1
        now = time.monotonic()
        if now - self.drawn >= INTERVAL:
            self.drawn = now
            left = (now - self.start) / self.count * (self.total - self.count)
            self._draw(f"{self.tail or f'loss {loss:.4g}'}  {left:.0f} s left")

    def done(self, logs: Mapping[str, float], seconds: float) -> None:
        """The epoch's numbers stay in the line."""
        self.tail = describe(logs)
        self._draw(f"{self.tail}  {time.monotonic() - self.start:.1f} s")

    def close(self) -> None:
        """Leave the cursor on a new line."""
        if self.width:
            self.stream.write("\n")
            self.stream.flush()
            self.width = 0

    def _draw(self, text: str) -> None:
        filled = BAR * self.count // max(1, self.total)
        line = f"{self.head}  {'█' * filled}{'░' * (BAR - filled)}  {text}"
        try:
            self.stream.write("\r" + line.ljust(self.width))
        except UnicodeEncodeError:  # a terminal that knows only ASCII
            self.stream.write("\r" + line.replace("█", "#").replace("░", "-").ljust(self.width))
        self.stream.flush()
        self.width = len(line)


class Bar(Quiet):
    """tqdm's bar, one for the whole run."""

    def __init__(self, tqdm: Any, stream: TextIO) -> None:
        self.tqdm, self.stream = tqdm, stream
        self.bar: Any = None

    def epoch(self, number: int, epochs: int, batches: int) -> None:
        """Name the epoch; the first one makes the bar."""
        if self.bar is None:
            options = {"unit": "batch", "mininterval": INTERVAL, "dynamic_ncols": True}
            self.bar = self.tqdm(total=epochs * batches, file=self.stream, **options)
        self.bar.set_description_str(f"epoch {number:{len(str(epochs))}}/{epochs}", refresh=False)

    def batch(self, loss: float) -> None:
        """One batch further."""
        self.bar.update()

    def done(self, logs: Mapping[str, float], seconds: float) -> None:
        """The epoch's numbers stand behind the bar."""
        self.bar.set_postfix_str(describe(logs), refresh=self.bar.n >= self.bar.total)

    def close(self) -> None:
        """Close the bar, wherever it is."""
        if self.bar is not None:
            self.bar.close()
            self.bar = None
