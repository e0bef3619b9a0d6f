"""The pytest plugin: fixtures, options, and one line about derivatives at the end of a run.

Registered as an entry point, so this module is imported by every pytest run that has the package installed: it
imports nothing but pytest until a test asks for something.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

__all__ = ["derivatives", "graph_leaks", "rng"]

_reports: list[Any] = []


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("derivatives", "derivative checks (autodiff.testing)")
    group.addoption("--derivative-examples", type=int, default=None, metavar="N", help="examples a check searches")
    group.addoption("--derivative-seed", type=int, default=None, metavar="N", help="seed of every derivative check")
    group.addoption(
        "--derivative-report", default=None, metavar="PATH", help="write a report: .html, .json, .xml or .md"
    )
    group.addoption(
        "--derivative-power", action="store_true", help="also report which planted mistakes the inputs can never show"
    )
    group.addoption("--derivative-strict", action="store_true", help="no weak or unresolved comparison is accepted")


def pytest_configure(config: pytest.Config) -> None:
    options = _options(config)
    if options:
        from autodiff.testing.decorator import DEFAULTS

        DEFAULTS.update(options)


def _options(config: pytest.Config) -> dict[str, Any]:
    """What the command line says about checks."""
    found: dict[str, Any] = {}
    if config.getoption("--derivative-examples") is not None:
        found["examples"] = config.getoption("--derivative-examples")
    if config.getoption("--derivative-seed") is not None:
        found["seed"] = config.getoption("--derivative-seed")
    if config.getoption("--derivative-strict"):
        found["max_weak"] = 0.0
    return found


@pytest.fixture
def derivatives(request: pytest.FixtureRequest) -> Callable[..., Any]:
    """`check_derivatives` with the options of the command line; its reports appear in the summary."""
    from autodiff.testing import check_derivatives, power
    from autodiff.testing.decorator import note

    options = _options(request.config)

    def check(f: Callable[..., Any], *inputs: Any, **given: Any) -> Any:
        __tracebackhide__ = True
        report = note(check_derivatives(f, *inputs, **{**options, "raises": False, **given}))
        if request.config.getoption("--derivative-power") and report.ok:
            kept = {k: v for k, v in given.items() if k in ("vjp", "kwargs", "wrt", "seed")}
            report.data["power"] = str(power(f, *inputs, **kept))
            _reports.append(report)
        if given.get("raises", True):
            report.raise_if_wrong()
        return report

    return check


@pytest.fixture
def graph_leaks() -> Any:
    """`graph_leak_check`: `with graph_leaks(): ...` fails if graph values outlive the block."""
    from autodiff.testing import graph_leak_check

    return graph_leak_check


@pytest.fixture
def rng(request: pytest.FixtureRequest) -> Any:
    """A NumPy generator seeded by the test's own name (and --derivative-seed)."""
    import zlib

    import numpy as np

    base = request.config.getoption("--derivative-seed") or 0
    return np.random.default_rng([base, zlib.crc32(request.node.nodeid.encode())])


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    import sys

    decorator = sys.modules.get("autodiff.testing.decorator")  # nothing was checked unless it was imported
    reports = list(decorator.REPORTS) if decorator is not None else []
    if not reports:
        return
    terminalreporter.write_line(summary_line(reports))
    for report in _reports:
        terminalreporter.write_line(report.data["power"])
    path = config.getoption("--derivative-report")
    if path:
        from autodiff.testing.reporting.formats import write_report

        write_report(reports, path)
        terminalreporter.write_line(f"derivatives: report written to {path}")


def summary_line(reports: list[Any]) -> str:
    """One line over all reports of a run."""
    import numpy as np

    from autodiff.testing.properties.table import Tally
    from autodiff.testing.reporting.report import DerivativeReport

    tally = Tally()
    for r in reports:
        tally.merge(r.tally)
    whole = DerivativeReport("all", sum(r.examples for r in reports), 0, tally, [], 0, 0.0)
    resolution = f"{np.median(tally.resolutions):.0e}" if tally.resolutions else "none"
    names = len({r.name for r in reports})
    properties = sum(1 for c in tally.counts.values() if c.total())
    failed = sum(not r.ok for r in reports)
    return (
        f"derivatives: {names} ops, {properties} properties, {tally.total():,} checks, {failed} failed, "
        f"{whole.weak_share:.1%} weak, median resolution {resolution}"
    )
