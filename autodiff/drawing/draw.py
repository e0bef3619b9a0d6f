"""`draw`: from values of a graph to a `Figure`.

Copies numbers and text out of the graph (`snapshot`), chooses a level, and makes the picture of that level.
It never changes a gradient and never keeps the graph alive.
"""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from .. import Variable
from .figure import Figure
from .levels.first_nan import first_nan_picture, neighbourhood
from .levels.modules.flow import module_picture
from .levels.neurons import find_neurons, neuron_picture
from .levels.operations import op_picture
from .levels.parts.options import Options, checked_names, shown_set
from .levels.size import HIGHEST, WIDEST, estimated_size
from .picture.model import Picture
from .picture.style import THRESHOLDS, heat_thresholds
from .picture.text import clean
from .picture.words import check_language, word
from .reading.folding import Folder
from .reading.patterns import as_patterns, check_paths
from .reading.records import Snapshot
from .reading.snapshot import take
from .reading.wide_inputs import fold_wide_inputs

HARD_LIMIT = 3000  # operations; a picture of more cannot be read, and Graphviz takes minutes
MOST_MODULES = 60
MOST_LINES = 60  # between the numbers of a few neurons; more than that cannot be distinguished


def draw(
    *roots: Any,
    model: Any = None,
    optimizer: Any = None,
    level: str = "auto",
    expand: Any = (),
    fold: Any = (),
    repeat: int | None = 3,
    backward: bool | str = "auto",
    heat: Any = None,
    show: Any = "auto",
    names: Mapping[str, Any] | None = None,
    constants: bool = False,
    focus: Any = None,
    radius: int = 3,
    rankdir: str = "auto",
    lang: str = "en",
    title: str | None = None,
    legend: bool = True,
    max_nodes: int = 150,
    thresholds: Sequence[float] = THRESHOLDS,
) -> Figure:
    """Draw the graph behind one or more scalars or tensors.

    Args:
        roots: values of the graph; the picture shows everything that they were computed from.
        model: names parameters and titles clusters (anything with `named_parameters` and `named_modules`).
        optimizer: adds the update column at module level: name, learning rate, step, and ‖Δw‖/‖w‖ of a step made under
            `ad.record()`.
        level: "op", "module", "neuron", "overview", or "auto", which chooses by size, and "module" with an optimizer.
        expand, fold: module paths, globs ("blocks.3", "enc.*") or a predicate of the path. `expand` also opens a fused
            operation, by its name, into the operations it stands for.
        repeat: fold runs of at least so many equal modules to `Name × k`; None: never.
        backward: show gradients; "auto": when there are any, or a private pass can compute them. No `.grad` is touched.
        heat: "grad" or "update" colours by size; or a function of a node that returns a number and a label.
        show: subset of value, grad, shape, dtype, stats, local, source; "auto" is all but stats and source.
        names: names for values, such as {"x": x}; `names=locals()` is fine.
        constants: draw constant numbers as nodes of their own, not inside the badge.
        focus: a name or "nan" (the first NaN, its cause and a remedy); values within `radius` steps are drawn.
        rankdir: "LR", "TB" or "auto". lang: "en" or "zh". title: a line over the picture. legend: explain the marks.
        max_nodes: above this number of boxes, "auto" goes to the module or neuron level. It does so earlier where the
            picture would be too large for a screen; any other picture that is too large has a line with its size.
        thresholds: the gradient norms where weak, healthy, strong and exploding begin, for heat and problems.

    Raises:
        TypeError: a root is no value of a graph; an argument of the wrong kind.
        ValueError: an unknown level, language or module path (with the closest names); a model or an optimizer that
            has nothing to do with this graph.

    >>> import autodiff as ad
    >>> x, w = ad.scalar(2.0), ad.scalar(-1.5)
    >>> y = (x * w).tanh()
    >>> y.backward()
    >>> ad.draw(y, names={"x": x, "w": w, "y": y})
    <Figure op: 4 nodes, 6 edges>
    """
    check_roots(roots)
    options = Options(
        level,
        as_patterns("expand", expand),
        as_patterns("fold", fold),
        repeat,
        backward,
        heat,
        shown_set(show),
        constants,
        focus,
        radius,
        rankdir,
        check_language(lang),
        "" if title is None else clean(title, 120),
        legend,
        max_nodes,
        tuple(thresholds),
    )
    names = checked_names(names)
    snapshot = take(roots, model=model, optimizer=optimizer, names=names, backward=backward, expand=options.expand)
    return figure_of(snapshot, options)


def check_roots(roots: Iterable[Any]) -> None:
    """Raise TypeError unless every root is a value of the graph."""
    roots = list(roots)
    if not roots:
        raise TypeError("draw() needs at least one value, for example ad.draw(loss)")
    for root in roots:
        if not isinstance(root, Variable):
            raise TypeError(
                f"draw() takes scalars and tensors of the graph; got {type(root).__name__}. "
                "For a model, draw the loss: ad.draw(loss, model=net)"
            )
        if root.node is None:
            raise TypeError(
                f"draw() got a {type(root).__name__} that is not part of a graph: it was made under no_grad(), by "
                "detach(), or from constants alone. Draw what was computed from ad.scalar, ad.tensor or a parameter "
                "that requires a gradient"
            )


def figure_of(snapshot: Snapshot, options: Options) -> Figure:
    """Return the figure, which can redraw itself with other options from the same copied numbers."""

    def redraw(**changes: Any) -> Figure:
        return figure_of(snapshot, with_changes(options, changes))

    with heat_thresholds(options.thresholds):
        return Figure(with_size(read(snapshot, options), options), redraw)


def with_size(picture: Picture, options: Options) -> Picture:
    """Return the picture, with a line in its footer where it is too large for a screen."""
    width, height = estimated_size(picture)
    if width <= WIDEST and height <= HIGHEST:
        return picture
    scale = 4 / 3  # pixels of a point
    sizes = f"{round(width * scale, -2):,.0f}", f"{round(height * scale, -2):,.0f}"
    line = word(options.lang, "too large", *sizes, word(options.lang, "make smaller"))
    return dataclasses.replace(picture, footer=(*picture.footer, line))


def with_changes(options: Options, changes: Mapping[str, Any]) -> Options:
    """Return options with more paths folded or expanded, or another focus. A folded path is no longer expanded."""
    fold, expand = changes.get("fold", ()), changes.get("expand", ())
    more = {key: value for key, value in changes.items() if key not in ("fold", "expand")}
    return dataclasses.replace(
        options,
        fold=tuple(p for p in options.fold if p not in expand) + tuple(fold),
        expand=tuple(p for p in options.expand if p not in fold) + tuple(expand),
        **more,
    )


def read(snapshot: Snapshot, options: Options) -> Picture:
    """Return the picture at the chosen level."""
    known = set(snapshot.modules) | {v.op for v in snapshot.values if v.fused} | snapshot.opened | snapshot.closed
    check_paths(options.expand, known, "expand")
    check_paths(options.fold, set(snapshot.modules), "fold")
    if options.focus is not None:
        return first_nan_picture(snapshot, options) if options.focus == "nan" else focused(snapshot, options)
    level = options.level if options.level != "auto" else choose_level(snapshot, options)
    if level in ("module", "overview"):
        return module_picture(snapshot, options, overview=level == "overview")
    if level == "neuron":
        return neuron_picture(snapshot, options)
    operations = sum(bool(value.op) for value in snapshot.values)
    if options.fold or operations > HARD_LIMIT:
        return module_picture(snapshot, options, opened=operations <= HARD_LIMIT)
    return op_picture(snapshot, options)


def focused(snapshot: Snapshot, options: Options) -> Picture:
    """Return the operations around one value.

    Raises:
        ValueError: when no value has that name, with the closest names.
    """
    wanted = str(options.focus)
    found = [value.index for value in snapshot.values if wanted in (value.name, value.badge, value.path)]
    if not found:
        names = sorted(
            {value.name for value in snapshot.values if value.name}
            | {value.badge for value in snapshot.values if value.badge}
        )
        close = difflib.get_close_matches(wanted, names, 3, 0.4) or names[:5]
        raise ValueError(f"focus={wanted!r} names nothing in this graph; did you mean {', '.join(map(repr, close))}?")
    near = sorted({i for centre in found[:5] for i in neighbourhood(snapshot, centre, options.radius)})
    picture = op_picture(snapshot, options, near)
    left_out = len(snapshot.values) - len(near)
    return dataclasses.replace(
        picture, footer=picture.footer + ((word(options.lang, "not drawn", left_out),) if left_out else ())
    )


def choose_level(snapshot: Snapshot, options: Options) -> str:
    """Return the first level that a screen can show: operations up to `max_nodes` boxes, then modules or neurons."""
    if options.heat is not None:
        return "overview"
    neurons = bool(find_neurons(snapshot))
    if snapshot.optimizer is not None and snapshot.modules and not neurons:
        return "module"  # the level with the update column
    boxes = len(snapshot.values) - (len(fold_wide_inputs(snapshot)[1]) if options.repeat is not None else 0)
    if boxes <= options.max_nodes:
        picture = op_picture(snapshot, options)
        width, height = estimated_size(picture)
        fits = width <= WIDEST and height <= HIGHEST and not (neurons and len(picture.edges) > MOST_LINES)
        if fits or options.expand or options.rankdir != "auto":
            return "op"
    if neurons:
        return "neuron"
    many = not snapshot.modules or len(Folder(snapshot).items()) > MOST_MODULES
    return "overview" if many else "module"
