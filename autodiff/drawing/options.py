"""The arguments of `draw`, checked once and kept with the figure, so that `fold`, `expand` and `focus` can redraw."""

from __future__ import annotations

import difflib
import fnmatch
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

LEVELS = ("auto", "op", "module", "neuron", "overview")
SHOWN = ("value", "grad", "shape", "dtype", "stats", "local", "source")
AUTO = tuple(row for row in SHOWN if row not in ("stats", "source"))
Pattern = str | Callable[..., Any]


@dataclass(frozen=True, slots=True)
class Options:
    """What a picture should show. See `draw` for the meaning of each field."""

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


def as_patterns(given: Any) -> tuple[Pattern, ...]:
    """One pattern or several as a tuple."""
    if given is None:
        return ()
    return (given,) if isinstance(given, str) or callable(given) else tuple(given)


def shown_set(show: Any) -> frozenset[str]:
    """The set of rows to show: "auto" is all but statistics and source lines."""
    if isinstance(show, str):
        show = AUTO if show == "auto" else (show,)
    chosen = frozenset(show)
    unknown = chosen - set(SHOWN)
    if unknown:
        raise ValueError(f"show takes a subset of {', '.join(SHOWN)}; got {', '.join(sorted(map(repr, unknown)))}")
    return chosen


def choose(name: str, given: Any, known: Iterable[Any]) -> Any:
    """`given` if it is known, else an error that lists what is."""
    known = list(known)
    if given not in known:
        raise ValueError(f"{name} must be one of {', '.join(map(repr, known))}; got {given!r}")
    return given


def matches(patterns: Iterable[Pattern], path: str) -> bool:
    """Whether a module path fits one of the patterns (exact, glob, or a predicate of the path)."""
    return any(
        pattern(path) if callable(pattern) else pattern == path or fnmatch.fnmatchcase(path, pattern)
        for pattern in patterns
    )


def check_paths(patterns: Iterable[Pattern], known: Iterable[str], argument: str) -> None:
    """An error for a path that fits nothing, with the closest names."""
    known = sorted(set(known))
    for pattern in patterns:
        if callable(pattern) or pattern == "*" or any(matches((pattern,), path) for path in known):
            continue
        close = difflib.get_close_matches(pattern, known, 3, 0.4) or known[:5]
        hint = f"; did you mean {', '.join(map(repr, close))}?" if close else "; this graph has no modules"
        raise ValueError(f"{argument}={pattern!r} names no module of this graph{hint}")
