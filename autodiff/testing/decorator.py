"""`@derivative_test`: a plain function becomes a test that pytest collects."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from autodiff.testing.check import check_derivatives
from autodiff.testing.reporting.report import DerivativeReport

__all__ = ["derivative_test"]


def derivative_test(
    *inputs: Any, **options: Any
) -> Callable[[Callable[..., Any]], Callable[[], DerivativeReport | None]]:
    """Turn a function of arrays into a test of its derivatives.

    Args:
        inputs: arrays or strategies, as in `check_derivatives`.
        options: the keyword arguments of `check_derivatives`.

    Returns:
        A decorator. The test takes no arguments; the function itself stays reachable as `test.function`. The pytest
        options --derivative-examples and --derivative-seed apply unless `options` says otherwise.

    >>> import numpy as np
    >>> @derivative_test(np.array([0.5, 2.0]))
    ... def test_swish(x):
    ...     return x / (1 + np.exp(-x))
    >>> test_swish()
    """
    if inputs and callable(inputs[0]) and not hasattr(inputs[0], "flatmap"):
        raise TypeError("derivative_test needs inputs: write @derivative_test(tensors()) above the function")

    def wrap(function: Callable[..., Any]) -> Callable[[], DerivativeReport | None]:
        def test() -> None:
            __tracebackhide__ = True
            # the report is noted before it raises, so that the summary of the run counts failures too
            report = note(check_derivatives(function, *inputs, **{**DEFAULTS, **options, "raises": False}))
            if options.get("raises", True):
                report.raise_if_wrong()

        test.__name__ = getattr(function, "__name__", "test_derivatives")
        test.__qualname__ = getattr(function, "__qualname__", test.__name__)
        test.__module__ = function.__module__
        test.__doc__ = function.__doc__
        test.function = function  # type: ignore[attr-defined]
        return test

    return wrap


DEFAULTS: dict[str, Any] = {}  # set by the pytest plugin from its options
REPORTS: list[DerivativeReport] = []  # of this process, for the plugin's summary


def note(report: DerivativeReport) -> DerivativeReport:
    """Remember a report for the summary of the run."""
    REPORTS.append(report)
    return report
