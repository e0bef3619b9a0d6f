"""Several models in one picture, to see at a glance whose gradients survive.

Two models stand side by side, each in a frame with a verdict in a word. More of them, or `rankdir="LR"`, become rows of
layers, see `rows`.
"""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any

from .draw import check_roots, draw
from .figure import Figure
from .levels.comparison import SEVERITY, row_picture, verdict_of
from .levels.legends import heat_keys
from .levels.options import checked_names, choose
from .picture.cards import GAP
from .picture.model import Module, Picture, Run
from .picture.style import HEAT_WORD, INK, MUTED, THRESHOLDS, heat_thresholds
from .picture.text import clean
from .picture.words import check_language, word
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
    """The values by title, short and clean; titles that became equal get a number."""
    found: dict[str, Any] = {}
    for given, value in models.items():
        title, k = clean(given, 60), 1
        while title in found:
            k += 1
            title = f"{clean(given, 55)} ({k})"
        found[title] = value
    return found


def side_by_side(pictures: Mapping[str, Picture], lang: str, title: str) -> Picture:
    """Pictures as panels of one picture. Ids get a number for each panel."""
    panels = [renamed(picture, k) for k, picture in enumerate(pictures.values())]
    modules: list[Module] = []
    for k, (name, panel) in enumerate(zip(pictures, panels, strict=True)):
        modules.append(frame_of(f"m{k}", name, panel, lang))
        modules += [dataclasses.replace(module, parent=module.parent or f"m{k}") for module in panel.modules]
    keys = tuple(dict.fromkeys(key for panel in panels for key in panel.legend))
    used = {heat for heat in SEVERITY if any(key.text.startswith(word(lang, heat)) for key in keys)}
    heated = panels[0].legend_title
    problems = [
        dataclasses.replace(problem, text=f"{name}: {problem.text}")
        for name, panel in zip(pictures, panels, strict=True)
        for problem in panel.problems
    ]
    return Picture(
        level="compare",
        direction="TB",
        nodes=tuple(chain.from_iterable(panel.nodes for panel in panels)),
        edges=tuple(chain.from_iterable(panel.edges for panel in panels)),
        modules=tuple(modules),
        beside=tuple(chain.from_iterable(panel.beside for panel in panels)),
        spine=frozenset(chain.from_iterable(panel.spine for panel in panels)),
        legend=heat_keys(lang, used) if heated else keys,
        legend_title=heated,
        footer=shared_footer({name: picture.footer for name, picture in pictures.items()}),
        title=title,
        alt=clean(" ".join(f"{name}: {picture.alt}" for name, picture in pictures.items()), 2000),
        problems=tuple(problems),
        lang=lang,
        node_gap=0.7,
        rank_gap=0.26,
    )


def shared_footer(footers: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    """A line that stands under every panel once, the others with the name of their panel."""
    lines = dict.fromkeys(line for footer in footers.values() for line in footer)
    owners = {line: [name for name, footer in footers.items() if line in footer] for line in lines}
    return tuple(
        line if len(names) == len(footers) else f"{', '.join(names)}: {line}" for line, names in owners.items()
    )


def frame_of(key: str, name: str, panel: Picture, lang: str) -> Module:
    """The frame around one panel, with the verdict on its gradients in the heading."""
    norms = [edge.number for edge in panel.edges if edge.kind == "gradient" and edge.number is not None]
    strip = [problem.kind for problem in panel.problems if problem.kind in ("vanishing", "exploding")]
    verdict = strip[0] if strip else verdict_of(norms, any(problem.kind == "dead" for problem in panel.problems))
    color = HEAT_WORD.get(verdict, MUTED)
    heading = (Run(name + GAP, 13, INK, True), Run(word(lang, verdict), 12, color, True))
    inside = {node_id for module in panel.modules for node_id in module.nodes}
    free = tuple(node.id for node in panel.nodes if node.id not in inside)
    return Module(key, name, heading, free, "", len(panel.nodes), "center")


def renamed(picture: Picture, k: int) -> Picture:
    """The picture with ids that no other panel uses."""

    def new(name: str) -> str:
        return f"p{k}{name}" if name else ""

    return dataclasses.replace(
        picture,
        nodes=tuple(dataclasses.replace(node, id=new(node.id)) for node in picture.nodes),
        edges=tuple(
            dataclasses.replace(edge, id=new(edge.id), source=new(edge.source), target=new(edge.target))
            for edge in picture.edges
        ),
        modules=tuple(
            dataclasses.replace(
                module, id=new(module.id), parent=new(module.parent), nodes=tuple(map(new, module.nodes))
            )
            for module in picture.modules
        ),
        beside=tuple((new(host), new(companion), side) for host, companion, side in picture.beside),
        spine=frozenset(map(new, picture.spine)),
    )
