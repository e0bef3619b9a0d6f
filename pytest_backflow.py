"""The pytest plugin: fixtures, options, and one line about derivatives at the end of a run.

pytest loads this module in every run once the package is installed. So it imports only pytest until a test uses a
fixture or an option needs a check: NumPy and `autodiff` are not loaded in a run without derivative checks.

In a parallel run (pytest-xdist) every worker sends its reports, as plain data, to the process that prints the summary.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

__all__ = ["backflow_derivatives", "backflow_graph_leaks", "backflow_rng"]

_KEY = "backflow_reports"
_JUDGED = pytest.StashKey[int]()  # how many reports there were when the present phase of a test began
_from_workers: list[dict[str, Any]] = []


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("derivatives", "derivative checks (autodiff.testing)")
    group.addoption("--derivative-examples", type=int, default=None, metavar="N", help="examples a check searches")
    group.addoption("--derivative-seed", type=int, default=None, metavar="N", help="seed of every derivative check")
    group.addoption("--derivative-report", default=None, metavar="PATH", help="write a report: .html or .json")
    group.addoption(
        "--derivative-power", action="store_true", help="also report which planted mistakes the inputs can never show"
    )
    group.addoption("--derivative-strict", action="store_true", help="no weak or unresolved comparison is accepted")


def pytest_configure(config: pytest.Config) -> None:
    _from_workers.clear()
    options = _options(config)
    if options:
        from autodiff.testing.decorator import DEFAULTS

        DEFAULTS.update(options)


def _options(config: pytest.Config) -> dict[str, Any]:
    """Return the keyword arguments of `check_derivatives` that the command line sets."""
    found: dict[str, Any] = {}
    if config.getoption("--derivative-examples") is not None:
        found["examples"] = config.getoption("--derivative-examples")
    if config.getoption("--derivative-seed") is not None:
        found["seed"] = config.getoption("--derivative-seed")
    if config.getoption("--derivative-strict"):
        found["max_weak"] = 0.0
    return found


@pytest.fixture
def backflow_derivatives(request: pytest.FixtureRequest) -> Callable[..., Any]:
    """Return `check_derivatives` with the options of the command line; its reports appear in the summary."""
    from autodiff.testing import check_derivatives, power
    from autodiff.testing.decorator import note

    options = _options(request.config)

    def check(f: Callable[..., Any], *inputs: Any, **given: Any) -> Any:
        __tracebackhide__ = True
        report = note(check_derivatives(f, *inputs, **{**options, **given, "raises": False}))
        if request.config.getoption("--derivative-power") and report.ok:
            kept = {k: v for k, v in given.items() if k in ("vjp", "kwargs", "wrt", "seed")}
            report.data["power"] = str(power(f, *inputs, **kept))
        if given.get("raises", True):
            report.raise_if_wrong()
        return report

    return check


@pytest.fixture
def backflow_graph_leaks() -> Any:
    """Return `graph_leak_check`: `with backflow_graph_leaks(): ...` fails if graph values outlive the block."""
    from autodiff.testing import graph_leak_check

    return graph_leak_check


@pytest.fixture
def backflow_rng(request: pytest.FixtureRequest) -> Any:
    """Return a NumPy generator seeded by the test's name (and --derivative-seed)."""
    import zlib

    import numpy as np

    base = request.config.getoption("--derivative-seed") or 0
    return np.random.default_rng([base, zlib.crc32(request.node.nodeid.encode())])


def _noted() -> list[Any]:
    decorator = sys.modules.get("autodiff.testing.decorator")  # nothing was checked unless it was imported
    return decorator.REPORTS if decorator is not None else []


def _own_reports() -> list[dict[str, Any]]:
    """Return the reports of this process as plain data."""
    return [
        {**r.as_data(), "power": r.data.get("power"), "expected": r.data.get("expected", False)} for r in _noted()
    ]


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> None:
    item.stash[_JUDGED] = len(_noted())


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """Note which checks belong to a test that does not fail: where it expects a wrong derivative, none of them does."""
    outcome: Any = yield
    reports = _noted()
    for report in reports[item.stash.get(_JUDGED, 0) :]:
        report.data["expected"] = not outcome.failed
    item.stash[_JUDGED] = len(reports)
    return outcome


def pytest_sessionfinish(session: pytest.Session) -> None:
    output = getattr(session.config, "workeroutput", None)  # only a worker of pytest-xdist has one
    if output is not None:
        output[_KEY] = json.dumps(_own_reports())


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: Any) -> None:
    _from_workers.extend(json.loads(getattr(node, "workeroutput", {}).get(_KEY, "[]")))


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    reports = sorted(_own_reports() + _from_workers, key=lambda r: str(r["name"]))
    if not reports:
        return
    terminalreporter.write_line(summary_line(reports))
    for report in reports:
        if report["power"]:
            terminalreporter.write_line(report["power"])
    path = config.getoption("--derivative-report")
    if path:
        from autodiff.testing.reporting.formats import write_report

        write_report(reports, path)
        terminalreporter.write_line(f"derivatives: report written to {path}")


def summary_line(reports: list[dict[str, Any]]) -> str:
    """Return one line over all reports of a run."""
    from statistics import median

    from autodiff.testing.properties.table import MEASURED

    resolutions = [x for r in reports for x in r["resolutions"]]
    counts = [(p, c) for r in reports for p, c in r["properties"].items()]
    measured = {s: sum(c.get(s, 0) for p, c in counts if p in MEASURED) for s in ("pass", "fail", "weak", "unresolved")}
    weak = (measured["weak"] + measured["unresolved"]) / max(sum(measured.values()), 1)
    resolution = f"{median(resolutions):.0e}" if resolutions else "none"
    return (
        f"derivatives: {len({r['name'] for r in reports})} functions, {len({p for p, _ in counts})} properties, "
        f"{sum(r['checks'] for r in reports):,} checks, {sum(not (r['ok'] or r['expected']) for r in reports)} failed, "
        f"{weak:.1%} weak, median resolution {resolution}"
    )
