"""Searching inputs with Hypothesis, and shrinking the one that fails: both a function of the seed alone.

Here: the only calls of Hypothesis's engine. `explore` visits examples and never stops early, so that the common
features of failing examples can be found; `smallest` runs the same examples again and lets Hypothesis shrink the
first failing one.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from typing import Any

from hypothesis import HealthCheck, Phase, Verbosity, given, settings
from hypothesis import seed as with_seed
from hypothesis import strategies as st
from hypothesis.errors import Flaky, Unsatisfiable
from hypothesis.internal.conjecture import providers as _providers

from autodiff.testing.subjects.function_under_test import Arguments

__all__ = ["Enough", "call_strategy", "constants_of_modules", "explore", "smallest"]


_PART = 25


class Enough(Exception):
    """Raised by a visitor of `explore` to end the run."""


class _Stop(Exception):
    """The predicate holds for the current example."""


def call_strategy(inputs: tuple[Any, ...], kwargs: dict[str, Any] | None) -> st.SearchStrategy[Arguments]:
    """Return one strategy for a whole call: inputs and keywords may each be a strategy or a fixed value."""

    @st.composite
    def calls(draw: Any) -> Arguments:
        args: list[Any] = []
        extra: dict[str, Any] = {}
        for given_input in inputs:
            value = draw(given_input) if isinstance(given_input, st.SearchStrategy) else given_input
            if isinstance(value, Arguments):
                args.extend(value.args)
                extra.update(value.kwargs)
            elif isinstance(value, tuple):
                args.extend(value)
            else:
                args.append(value)
        for name, value in (kwargs or {}).items():
            extra[name] = draw(value) if isinstance(value, st.SearchStrategy) else value
        return Arguments(*args, **extra)

    return calls()


providers: Any = _providers  # private: no names of it are promised


class _ConstantsOfModules:
    """Leave out the numbers that Hypothesis reads in the source of loaded modules, and draws now and then.

    With them an example depends on which modules are loaded and on every number in them: the line that reproduces
    a failure of a test run would not reproduce it alone. Hypothesis has no public switch for it, so a private name
    is exchanged while a run is under way, in any thread; where a later version lacks the name, nothing is done.
    """

    def __init__(self) -> None:
        self.lock, self.runs = threading.Lock(), 0
        self.read = getattr(providers, "_get_local_constants", None)
        self.none = providers.Constants() if self.read else None

    @contextlib.contextmanager
    def left_out(self) -> Iterator[None]:
        """Leave them out in this block."""
        self._count(1)
        try:
            yield
        finally:
            self._count(-1)

    def _count(self, change: int) -> None:
        with self.lock:
            before, self.runs = self.runs, self.runs + change
            if self.read and not (before and self.runs):  # the first begins, or the last ends
                providers._get_local_constants = (lambda: self.none) if self.runs else self.read
                providers.CONSTANTS_CACHE.cache.clear()


constants_of_modules = _ConstantsOfModules()


def _runner(
    strategy: st.SearchStrategy[Any], visit: Callable[[Any], None], examples: int, seed: int, phases: list[Phase]
) -> None:
    @with_seed(seed)
    @settings(
        max_examples=examples,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        phases=phases,
        verbosity=Verbosity.quiet,
        report_multiple_bugs=False,
        print_blob=False,
    )
    @given(strategy)
    def run(drawn: Any) -> None:
        visit(drawn)

    with constants_of_modules.left_out():
        run()


def _parts(examples: int, seed: int) -> list[tuple[int, int]]:
    """Return (examples, seed) of several short runs: one long run varies its earlier examples, and may miss others."""
    return [(min(_PART, examples - k), seed + 7919 * k) for k in range(0, examples, _PART)]


def explore(strategy: st.SearchStrategy[Any], visit: Callable[[Any], None], examples: int, seed: int) -> None:
    """Call `visit` on up to `examples` examples, or until it raises `Enough`."""
    try:
        for count, part in _parts(examples, seed):
            _runner(strategy, visit, count, part, [Phase.generate])
    except (Enough, Unsatisfiable):
        pass  # every example was rejected: the caller notices that nothing was visited


def smallest(
    strategy: st.SearchStrategy[Any], fails: Callable[[Any], Any], examples: int, seed: int
) -> tuple[Any, Any] | None:
    """Return the shrunk example for which `fails` is truthy, with its result; None when no example fails."""
    best: list[Any] = []

    def visit(drawn: Any) -> None:
        why = fails(drawn)
        if why:
            best[:] = [drawn, why]
            raise _Stop

    for count, part in _parts(examples, seed):
        try:
            _runner(strategy, visit, count, part, [Phase.generate, Phase.shrink])
        except (_Stop, Flaky, BaseExceptionGroup, Unsatisfiable):
            pass
        if best:
            break
    return (best[0], best[1]) if best else None
