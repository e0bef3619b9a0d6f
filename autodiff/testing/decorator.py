"""`@derivative_test`: a plain function becomes a test that pytest collects."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import partial
from types import MappingProxyType
from typing import Any

from autodiff.testing.check import check_derivatives
from autodiff.testing.reporting.report import DerivativeReport

__all__ = ["derivative_test"]


def derivative_test(
    *inputs: Any, **options: Any
) -> Callable[[Callable[..., Any]], Callable[..., None]]:
    """Turn a function of arrays into a test of its derivatives.

    Args:
        inputs: arrays or strategies, as in `check_derivatives`.
        options: the keyword arguments of `check_derivatives`.

    Returns:
        A decorator. The function itself stays reachable as `test.function`. pytest fills `self` in a class,
        parameters that `parametrize` names (above or below the decorator), and keyword-only ones (fixtures); the inputs
        fill the others.
        The pytest options --derivative-examples and --derivative-seed apply unless `options` sets them.

    >>> import numpy as np
    >>> @derivative_test(np.array([0.5, 2.0]))
    ... def test_swish(x):
    ...     return x / (1 + np.exp(-x))
    >>> test_swish()
    """
    if inputs and callable(inputs[0]) and not hasattr(inputs[0], "flatmap"):
        raise TypeError("derivative_test needs inputs: write @derivative_test(tensors()) above the function")

    def wrap(function: Callable[..., Any]) -> Callable[..., None]:
        def test(*instance: Any, **others: Any) -> None:
            __tracebackhide__ = True
            f: Any = function
            if instance or others:
                f = _filled(function, instance, others)
                f.__name__ = test.__name__
            # the report is noted before it raises, so that the summary of the run counts failures too
            report = note(check_derivatives(f, *inputs, **{**DEFAULTS, **options, "raises": False}))
            if options.get("raises", True):
                report.raise_if_wrong()

        test.__dict__.update(getattr(function, "__dict__", {}))  # marks of pytest among them
        test.__name__ = getattr(function, "__name__", "test_derivatives")
        test.__qualname__ = getattr(function, "__qualname__", test.__name__)
        test.__module__ = function.__module__
        test.__doc__ = function.__doc__
        test.__signature__ = _Signature(function, test)  # type: ignore[attr-defined]
        test.function = function  # type: ignore[attr-defined]
        return test

    return wrap


class _Signature(inspect.Signature):
    """The parameters that pytest fills: self in a class, and keyword-only or parametrized ones.

    They are found each time they are read: a mark above the decorator comes after it.
    """

    __slots__ = ("_function", "_test")

    def __init__(self, function: Callable[..., Any], test: Callable[..., Any]) -> None:
        super().__init__()
        self._function, self._test = function, test

    @property
    def parameters(self) -> MappingProxyType[str, inspect.Parameter]:
        """The parameters by name, self first."""
        marks = [m for m in getattr(self._test, "pytestmark", []) if m.name == "parametrize"]
        given = [m.args[0] if m.args else m.kwargs["argnames"] for m in marks]
        names = {n.strip() for g in given for n in (g.split(",") if isinstance(g, str) else g)}
        found = list(inspect.signature(self._function).parameters.values())
        own = [p for p in found[:1] if p.name == "self"]
        rest = [p.replace(kind=p.KEYWORD_ONLY) for p in found if p.name in names or p.kind is p.KEYWORD_ONLY]
        return MappingProxyType({p.name: p for p in own + rest})


def _filled(function: Callable[..., Any], instance: tuple[Any, ...], others: dict[str, Any]) -> Callable[..., Any]:
    """Return the function of the inputs alone, also where pytest fills a parameter in front of one of them."""
    names = [p.name for p in inspect.signature(function).parameters.values() if p.kind is p.POSITIONAL_OR_KEYWORD]
    first = next((k for k, name in enumerate(names) if name in others), len(names))
    behind = [name for name in names[first:] if name not in others]
    if not behind:
        return partial(function, *instance, **others)

    def of_inputs(*arrays: Any) -> Any:
        ahead = first - len(instance)
        return function(*instance, *arrays[:ahead], **dict(zip(behind, arrays[ahead:], strict=True)), **others)

    return of_inputs


DEFAULTS: dict[str, Any] = {}  # set by the pytest plugin from its options
REPORTS: list[DerivativeReport] = []  # of this process, for the plugin's summary


def note(report: DerivativeReport) -> DerivativeReport:
    """Keep a report for the summary of the run, and return it."""
    REPORTS.append(report)
    return report
