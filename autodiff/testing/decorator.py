"""`@derivative_test`: a plain function becomes a test that pytest collects."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import partial
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
        A decorator. The function itself stays reachable as `test.function`. pytest fills `self` in a class, and
        keyword-only parameters (fixtures, or `parametrize` above the decorator); marks below the decorator are kept.
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
        own, rest = _parameters(function)

        def test(*instance: Any, **others: Any) -> None:
            __tracebackhide__ = True
            f: Any = function
            if instance or others:
                f = partial(function, *instance, **others)
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
        test.__signature__ = inspect.Signature(own + rest)  # type: ignore[attr-defined]
        test.function = function  # type: ignore[attr-defined]
        return test

    return wrap


def _parameters(function: Callable[..., Any]) -> tuple[list[inspect.Parameter], list[inspect.Parameter]]:
    """Return the parameters that pytest fills: self in a class, and keyword-only or parametrized ones below the
    decorator.
    """
    marks = [m for m in getattr(function, "pytestmark", []) if m.name == "parametrize"]
    names = {n.strip() for m in marks for n in (m.args[0].split(",") if isinstance(m.args[0], str) else m.args[0])}
    found = list(inspect.signature(function).parameters.values())
    own = [p for p in found[:1] if p.name == "self"]
    rest = [p.replace(kind=p.KEYWORD_ONLY) for p in found if p.name in names or p.kind is p.KEYWORD_ONLY]
    return own, rest


DEFAULTS: dict[str, Any] = {}  # set by the pytest plugin from its options
REPORTS: list[DerivativeReport] = []  # of this process, for the plugin's summary


def note(report: DerivativeReport) -> DerivativeReport:
    """Remember a report for the summary of the run."""
    REPORTS.append(report)
    return report
