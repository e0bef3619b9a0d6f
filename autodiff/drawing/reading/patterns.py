"""Patterns of module paths, for `expand` and `fold`: a path, a glob, or a function of the path."""

from __future__ import annotations

import difflib
import fnmatch
from collections.abc import Callable, Iterable
from typing import Any

Pattern = str | Callable[..., Any]


def as_patterns(argument: str, given: Any) -> tuple[Pattern, ...]:
    """Return one pattern or several as a tuple."""
    if given is None:
        return ()
    if isinstance(given, str) or callable(given):
        return (given,)
    several = tuple(given) if isinstance(given, Iterable) else (given,)
    for pattern in several:
        if not (isinstance(pattern, str) or callable(pattern)):
            raise TypeError(
                f"{argument} takes module paths, globs or a predicate of the path, such as {argument}='blocks.*'; "
                f"got {pattern!r}"
            )
    return several


def matches(patterns: Iterable[Pattern], path: str) -> bool:
    """Return whether a module path fits one of the patterns (exact, glob, or a predicate of the path)."""
    return any(
        pattern(path) if callable(pattern) else pattern == path or fnmatch.fnmatchcase(path, pattern)
        for pattern in patterns
    )


def check_paths(patterns: Iterable[Pattern], known: Iterable[str], argument: str) -> None:
    """Raise an error for a path that no module fits, with the closest names."""
    known = sorted(set(known))
    for pattern in patterns:
        if callable(pattern) or pattern == "*" or any(matches((pattern,), path) for path in known):
            continue
        close = difflib.get_close_matches(pattern, known, 3, 0.4) or known[:5]
        hint = f"; did you mean {', '.join(map(repr, close))}?" if close else "; this graph has no modules"
        raise ValueError(f"{argument}={pattern!r} names no module of this graph{hint}")
