"""Figures of several moments behind one slider."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..figure import Figure
from ..picture.text import clean
from .slider_page import Page, slider_bar, slider_page


def animation(
    figures: Mapping[str, Figure] | Sequence[Figure], *, title: str = "Gradient heat over epochs", engine: str = "auto"
) -> Page:
    """Put figures of one model at several moments on one page with a slider.

    figures: label -> Figure, such as {"epoch 1": ad.draw(loss, level="overview", heat="grad"), ...}, or a list of them.

    >>> import autodiff as ad
    >>> x = ad.scalar(2.0)
    >>> animation([ad.draw(x * k) for k in (1.0, 2.0)], engine="builtin")
    <Page animation: 2 pictures>
    """
    named = (
        dict(figures) if isinstance(figures, Mapping) else {f"step {k + 1}": figure for k, figure in enumerate(figures)}
    )
    for figure in named.values():
        if not isinstance(figure, Figure):
            raise TypeError(f"animation() takes figures, such as ad.draw(loss); got {type(figure).__name__}")
    if not named:
        raise ValueError("animation() needs at least one figure")
    frames = "".join(
        f'<div class="frame" hidden>{figure.to_svg(engine, quiet=True)}</div>' for figure in named.values()
    )
    last = list(named.values())[-1]
    return slider_page(
        title,
        slider_bar(len(named), "step") + frames,
        [clean(name, 60) for name in named],
        summary=f"animation: {len(named)} pictures",
        lang=last.picture.lang,
        description=last.alt,
    )
