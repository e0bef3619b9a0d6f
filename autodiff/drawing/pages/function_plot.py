"""A function of one number, plotted with its derivative: activation functions and losses (needs matplotlib)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ... import Variable, grad, tensor
from ..picture.style import BORDER, CURVES, GRAD, INK, MUTED
from ..picture.text import clean


def draw_function(
    *functions: Callable[[Any], Any],
    low: float = -4.0,
    high: float = 4.0,
    points: int = 401,
    labels: tuple[str, ...] = (),
    title: str | None = None,
    ax: Any = None,
) -> Any:
    """Plot elementwise functions and, dashed, their derivatives; returns the matplotlib Figure.

    Args:
        functions: functions of an array, such as `np.tanh` or `lambda x: nn.huber_loss(x, 0 * x, reduction="none")`.
        low, high, points: where to evaluate them. labels: a name for each function; their own names otherwise.
        ax: axes to draw on; a new figure otherwise.

    Raises:
        ImportError: matplotlib is not installed.

    >>> import autodiff as ad, numpy as np
    >>> figure = ad.draw_function(np.tanh)
    >>> [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    ['tanh', "tanh'"]
    """
    if not functions:
        raise TypeError("draw_function() needs a function, for example ad.draw_function(np.tanh)")
    for function in functions:
        if not callable(function):
            raise TypeError(
                f"draw_function() takes functions, for example ad.draw_function(np.tanh); got {function!r:.60}"
            )
    if labels and len(labels) != len(functions):
        raise ValueError(f"draw_function() needs a label for each of {len(functions)} functions; got {len(labels)}")
    axes, figure = _axes(ax)
    x = np.linspace(low, high, points)
    axes.axhline(0, color=BORDER, linewidth=0.8)
    axes.axvline(0, color=BORDER, linewidth=0.8)
    for k, function in enumerate(functions):
        y, slope = values_and_slopes(function, x)
        name = clean(labels[k] if k < len(labels) else getattr(function, "__name__", f"f{k + 1}"))
        color = CURVES[k % len(CURVES)]
        derivative = GRAD if len(functions) == 1 else color
        axes.plot(x, y, color=color, linewidth=2.2, label=name)
        axes.plot(x, slope, color=derivative, linewidth=1.8, linestyle=(0, (5, 3)), label=f"{name}'")
    axes.set_xlim(low, high)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    axes.tick_params(colors=MUTED)
    if title:
        axes.set_title(clean(title, 120), color=INK, loc="left", fontweight="bold")
    axes.legend(frameon=False)
    return figure


def _axes(ax: Any) -> tuple[Any, Any]:
    """Return the axes to draw on and their figure; a new figure is made without pyplot: no window, no global state."""
    if ax is not None:
        return ax, ax.figure
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise ImportError("draw_function() needs matplotlib: pip install 'backflow[examples]'") from None
    figure = Figure(figsize=(6.4, 4.0), layout="constrained")
    return figure.subplots(), figure


def values_and_slopes(function: Callable[[Any], Any], x: np.ndarray[Any, Any]) -> tuple[Any, Any]:
    """Return f(x) and f'(x) for an elementwise function, by one backward pass over the sum."""
    out = function(tensor(x))
    data = out.data if isinstance(out, Variable) else out
    y = np.broadcast_to(np.asarray(data, dtype=float), x.shape)
    if not isinstance(out, Variable) or out.node is None:
        return y, np.zeros_like(x)
    if out.shape != x.shape:
        raise ValueError(
            f"draw_function() needs an elementwise function: {x.shape} in, {out.shape} out. "
            "For a loss pass reduction='none'"
        )
    return y, np.asarray(grad(lambda t: function(t).sum())(x))
