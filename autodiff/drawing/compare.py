"""Several models in one picture, to compare the sizes of their gradients.

Two models stand side by side, each in a frame with a verdict in a word. More of them, or `rankdir="LR"`, become rows of
layers, see `rows`.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from typing import Any

from .draw import check_roots, draw
from .figure import Figure
from .levels.comparison import row_picture, side_by_side
from .levels.parts.options import checked_names, choose
from .picture.style import THRESHOLDS, heat_thresholds
from .picture.text import clean
from .picture.words import check_language
from .reading.snapshot import take


def draw_compare(
    models: Mapping[str, Any],
    *,
    heat: str | None = "grad",
    rankdir: str = "auto",
    lang: str = "en",
    title: str | None = None,
    legend: bool = True,
    level: str = "overview",
    thresholds: Sequence[float] = THRESHOLDS,
    **options: Any,
) -> Figure:
    """Draw several graphs in one picture.

    Args:
        models: a title for each value of a graph (a loss), or for each Figure made by `draw`.
        heat: "grad" colours by gradient norm; None draws plain gradients.
        rankdir: "TB" puts them side by side, "LR" under each other as rows of layers; "auto" chooses by number.
        lang, title, legend, level, thresholds, options: as in `draw`.

    Raises:
        TypeError: a model is neither a value of a graph nor a Figure; an option that `draw` does not have.
        ValueError: `rankdir="LR"` with options that rows of layers have no place for.

    >>> import autodiff as ad, numpy as np
    >>> def run(scale):
    ...     with ad.record():
    ...         loss = (np.tanh(ad.tensor(np.ones(3))) * scale).sum()
    ...         loss.backward()
    ...     return loss
    >>> fig = ad.draw_compare({"small": run(1e-9), "plain": run(1.0)})
    >>> fig.level, len(fig.modules), fig.problems[0].kind
    ('compare', 2, 'vanishing')
    """
    check_language(lang)
    choose("rankdir", rankdir, ("auto", "LR", "TB"))
    unknown = options.keys() - inspect.signature(draw).parameters.keys()
    if unknown:
        raise TypeError(f"draw_compare() takes the options of draw(); {', '.join(sorted(unknown))} is not one of them")
    if not isinstance(models, Mapping) or not models:
        raise TypeError(
            f"draw_compare() takes titles and values: {{'with': loss, 'without': other}}; got {models!r:.60}"
        )
    figures = [value for value in models.values() if isinstance(value, Figure)]
    roots = [value for value in models.values() if not isinstance(value, Figure)]
    if roots or not figures:
        check_roots(roots)
    named = titled(models)
    plain = (heat, level) == ("grad", "overview") and not options.keys() - {"names", "model"}
    if rankdir == "LR" and not plain:
        raise ValueError("rankdir='LR' draws rows of layers, which take no heat, level or other options of draw()")
    if not figures and plain and (rankdir == "LR" or (rankdir == "auto" and len(named) > 2)):
        names, model = checked_names(options.get("names")), options.get("model")
        snapshots = {name: take([root], model=model, names=names) for name, root in named.items()}
        with heat_thresholds(thresholds):
            return Figure(row_picture(snapshots, lang, clean(title or "", 120), legend))
    drawn = {
        name: value
        if isinstance(value, Figure)
        else draw(value, level=level, heat=heat, lang=lang, legend=legend, thresholds=thresholds, **options)
        for name, value in named.items()
    }
    pictures = {name: figure.picture for name, figure in drawn.items()}
    with heat_thresholds(thresholds):
        return Figure(side_by_side(pictures, lang, clean(title or "", 120)))


def titled(models: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values by title, short and clean; titles that became equal get a number."""
    found: dict[str, Any] = {}
    for given, value in models.items():
        title, k = clean(given, 60), 1
        while title in found:
            k += 1
            title = f"{clean(given, 55)} ({k})"
        found[title] = value
    return found
