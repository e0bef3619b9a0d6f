"""The arguments of `draw`, checked once and kept with the figure, so that `fold`, `expand` and `focus` can redraw."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ...picture.style import THRESHOLDS
from ...reading.patterns import Pattern

LEVELS = ("auto", "op", "module", "neuron", "overview")
SHOWN = ("value", "grad", "shape", "dtype", "stats", "local", "source")
AUTO = tuple(row for row in SHOWN if row not in ("stats", "source"))


@dataclass(frozen=True, slots=True)
class Options:
    """The options of a picture. See `draw` for the meaning of each field."""

    level: str = "auto"
    expand: tuple[Pattern, ...] = ()
    fold: tuple[Pattern, ...] = ()
    repeat: int | None = 3
    backward: bool | str = "auto"
    heat: str | Callable[..., Any] | None = None
    show: frozenset[str] = frozenset(AUTO)
    constants: bool = False
    focus: Any = None
    radius: int = 3
    rankdir: str = "auto"
    lang: str = "en"
    title: str = ""
    legend: bool = True
    max_nodes: int = 150
    thresholds: tuple[float, ...] = THRESHOLDS

    def __post_init__(self) -> None:
        choose("level", self.level, LEVELS)
        choose("rankdir", self.rankdir, ("auto", "LR", "TB"))
        choose("backward", self.backward, ("auto", True, False))
        if not callable(self.heat):
            choose("heat", self.heat, (None, "grad", "update"))
        if self.repeat is not None:
            check_count("repeat", self.repeat, 2, " or None")
        check_count("radius", self.radius, 0)
        check_count("max_nodes", self.max_nodes, 1)


def check_count(argument: str, given: Any, least: int, other: str = "") -> None:
    """Raise an error for anything but a whole number of at least `least`."""
    if isinstance(given, bool) or not isinstance(given, int):
        raise TypeError(f"{argument} must be a whole number{other}; got {given!r}")
    if given < least:
        raise ValueError(f"{argument} must be at least {least}{other}; got {given}")


def checked_names(names: Any) -> Mapping[str, Any]:
    """Return `names`, when it maps texts to values."""
    if names is None:
        return {}
    wrong = [] if not isinstance(names, Mapping) else [name for name in names if not isinstance(name, str)]
    if not isinstance(names, Mapping) or wrong:
        got = f"the key {wrong[0]!r}" if wrong else type(names).__name__
        raise TypeError(f"names maps names to values, such as names={{'x': x}} or names=locals(); got {got}")
    return names


def shown_set(show: Any) -> frozenset[str]:
    """Return the set of rows to show: "auto" is all but statistics and source lines."""
    if isinstance(show, str):
        show = AUTO if show == "auto" else (show,)
    if not isinstance(show, Iterable):
        raise TypeError(f"show takes 'auto' or a subset of {', '.join(SHOWN)}; got {show!r}")
    chosen = frozenset(show)
    unknown = chosen - set(SHOWN)
    if unknown:
        raise ValueError(f"show takes a subset of {', '.join(SHOWN)}; got {', '.join(sorted(map(repr, unknown)))}")
    return chosen


def choose(name: str, given: Any, known: Iterable[Any]) -> Any:
    """Return `given` if it is in `known`; otherwise raise an error that lists `known`."""
    known = list(known)
    if not any(given is one or (given == one and type(given) is type(one)) for one in known):
        raise ValueError(f"{name} must be one of {', '.join(map(repr, known))}; got {given!r}")
    return given
