"""The progress of a training run: tqdm's bar when it is installed, otherwise one live line; in a notebook, a bar and a
chart of the losses.

Nothing is shown unless standard error is a terminal, a notebook runs, or `progress=True` is given; with `progress=True`
and neither of them, each epoch leaves one plain line, so that a log file stays readable. The line costs a clock reading
a batch and is redrawn ten times a second.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping
from html import escape
from typing import Any, Protocol, TextIO

__all__ = ["Display", "display"]

INTERVAL = 0.1  # seconds between two drawings
BAR = 24  # characters


class Display(Protocol):
    """The methods of a progress display that `fit` calls."""

    def epoch(self, number: int, epochs: int, batches: int) -> None:
        """Begin an epoch; `number` counts from 1."""

    def batch(self, loss: float) -> None:
        """Show that a batch is done; `loss` is the running mean of the epoch."""

    def done(self, logs: Mapping[str, float], seconds: float) -> None:
        """Show that the epoch is done, with its numbers."""

    def close(self) -> None:
        """End the display, after an error too."""


def display(progress: bool | str = "auto", stream: TextIO | None = None) -> Display:
    """Return the display for this stream: none, tqdm's bar, or our line.

    Args:
        progress: "auto" shows something when `stream` is a terminal or in a notebook, True always, False never; "line"
            is our line even where tqdm or a notebook is.
        stream: standard error unless given.
    """
    if progress not in (True, False, "auto", "line"):
        raise ValueError(f"progress must be True, False, 'auto' or 'line', got {progress!r}")
    if stream is None and progress in (True, "auto") and (show := _notebook()) is not None:
        return Notebook(show)
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
    """Return numbers as text: accuracies in percent, the rest with four digits.

    >>> describe({"loss": 0.07123, "accuracy": 0.9791})
    'loss 0.07123  accuracy 97.91 %'
    """
    return "  ".join(
        f"{name} {value:.2%}".replace("%", " %") if "accuracy" in name else f"{name} {value:.4g}"
        for name, value in logs.items()
    )


class Quiet:
    """A display that shows nothing."""

    def epoch(self, number: int, epochs: int, batches: int) -> None:
        """Do nothing."""

    def batch(self, loss: float) -> None:
        """Do nothing."""

    def done(self, logs: Mapping[str, float], seconds: float) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Do nothing."""


class Lines(Quiet):
    """One line an epoch, for log files and pipes."""

    def __init__(self, stream: TextIO) -> None:
        self.stream, self.head = stream, ""

    def epoch(self, number: int, epochs: int, batches: int) -> None:
        """Set the beginning of the epoch's line."""
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
        """Set the length of the bar for all epochs."""
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
        """Put the epoch's numbers behind the bar."""
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
        except UnicodeEncodeError:  # an ASCII terminal
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
        """Move the bar by one batch."""
        self.bar.update()

    def done(self, logs: Mapping[str, float], seconds: float) -> None:
        """Put the epoch's numbers behind the bar."""
        self.bar.set_postfix_str(describe(logs), refresh=self.bar.n >= self.bar.total)

    def close(self) -> None:
        """Close the bar."""
        if self.bar is not None:
            self.bar.close()
            self.bar = None


Update = Callable[[str], None]


def _notebook() -> Callable[[str], Update] | None:
    """Return, in a notebook, a function that shows HTML and returns the function that replaces it; None elsewhere."""
    if "ipykernel" not in sys.modules:
        return None
    from IPython import get_ipython
    from IPython.display import HTML
    from IPython.display import display as show

    if not hasattr(get_ipython(), "kernel"):
        return None

    def shown(html: str) -> Update:
        handle = show(HTML(html), display_id=True)
        return lambda new: handle.update(HTML(new))

    return shown


class Notebook(Quiet):
    """A bar with the last epoch's numbers, over a chart of "loss" and "val_loss" that grows epoch by epoch."""

    def __init__(self, show: Callable[[str], Update]) -> None:
        self.show = show
        self.update: Update | None = None
        self.total = self.count = 0
        self.start, self.drawn = time.monotonic(), 0.0
        self.head = self.tail = self.running = self.picture = ""
        self.losses: dict[str, list[float]] = {}
        self.first = 1

    def epoch(self, number: int, epochs: int, batches: int) -> None:
        """Set the head of the bar; in the first epoch, show the bar."""
        self.head, self.total = f"epoch {number}/{epochs}", epochs * batches
        if self.update is None:
            self.first, self.count = number, (number - 1) * batches
            self.update = self.show(self._html())

    def batch(self, loss: float) -> None:
        """Redraw when the last drawing is old enough; before the first numbers of an epoch, with the running loss."""
        self.count += 1
        self.running = f"loss {loss:.4g}"
        if time.monotonic() - self.drawn >= INTERVAL:
            self._draw()

    def done(self, logs: Mapping[str, float], seconds: float) -> None:
        """Put the epoch's numbers beside the bar, and its losses into the chart."""
        from ..report.charts import Line, chart, drawing  # autodiff.drawing loads when it is first needed

        self.tail = describe(logs)
        for name in ("loss", "val_loss"):
            if name in logs:
                self.losses.setdefault(name, []).append(logs[name])
        lines = [
            Line(name, range(self.first, self.first + len(values)), values, drawing.style.CURVES[i], "6 4" if i else "")
            for i, (name, values) in enumerate(self.losses.items())
        ]
        self.picture = f'<div style="max-width:560px">{chart(lines, x_name="epoch", y_name="loss")}</div>'
        self._draw()

    def close(self) -> None:
        """Show the final state."""
        if self.update is not None:
            self._draw()

    def _draw(self) -> None:
        self.drawn = time.monotonic()
        if self.update is not None:
            self.update(self._html())

    def _html(self) -> str:
        taken = time.monotonic() - self.start
        bar = f'<progress value="{self.count}" max="{max(1, self.total)}"></progress>'
        text = escape(f"{self.tail or self.running}  {taken:.1f} s".strip())
        return f'<div style="font-family:monospace">{self.head} {bar} {text}</div>{self.picture}'
