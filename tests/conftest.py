"""Settings every test shares: Hypothesis profiles and the markers for programs that a machine may lack.

HYPOTHESIS_PROFILE chooses the profile: `dev` (the default; quick, with a new seed and a share of the tests of rows in
every run), `ci` (the default when CI=true; derandomized, so that a failure belongs to the change and not to the day;
CI_EXAMPLES sets how many, for a second run of the same tests with other versions)
and `deep` (thousands of examples a property; DEEP_EXAMPLES sets how many, for a search of the whole suite that is to
end within the hour).
"""

from __future__ import annotations

import functools
import gc
import inspect
import os
import re
import secrets
import shutil
import subprocess
import zlib
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

import nn  # noqa: F401  # its rows are in the registry once it is imported: every test over rows sees the same ones
from autodiff.testing.inputs.shrinking import constants_of_modules

IN_CI = os.environ.get("CI", "").lower() in ("1", "true")
PROFILE = os.environ.get("HYPOTHESIS_PROFILE") or ("ci" if IN_CI else "dev")

# Neither a deadline nor the health check on slow generation: both time the machine, and a busy one must not fail
# a right program.
COMMON = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}
settings.register_profile("dev", max_examples=6, **COMMON)
settings.register_profile(
    "ci", max_examples=int(os.environ.get("CI_EXAMPLES", "15")), derandomize=True, print_blob=True, **COMMON
)
deep = int(os.environ.get("DEEP_EXAMPLES", "5000"))
settings.register_profile("deep", max_examples=deep, print_blob=True, **COMMON)
settings.load_profile(PROFILE)
if PROFILE == "ci":  # else what is drawn depends on the tests that the same process ran before
    constants_of_modules.left_out().__enter__()

PROGRAMS = {
    "dot": (("dot",), "Graphviz (apt install graphviz, brew install graphviz)"),
    "mpiexec": (("mpiexec",), "an MPI and mpi4py (apt install openmpi-bin; pip install -e '.[mpi]')"),
    "chromium": (("chromium", "chromium-browser", "google-chrome"), "Chromium (apt install chromium)"),
}

ONE_IN = 6  # `dev` runs one in so many of the tests marked `sampled`, unless the mark says another number


@pytest.hookimpl(optionalhook=True)  # of pytest-xdist
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int | None:
    """Run single files and single tests in this process: workers would take longer to start than the tests to run."""
    return None if any(Path(argument).is_dir() for argument in config.args) else 0


def pytest_addoption(parser: pytest.Parser) -> None:
    text = "only the tests that may skip themselves: for a second run, with more installed than in the first"
    parser.addoption("--may-skip", action="store_true", help=text)


# the extra `test` itself brings mpmath and matplotlib
SKIPS = re.compile(r"""importorskip\((?!"(mpmath|matplotlib)")|pytest\.skip\(""")
SKIPS_AS_A_WHOLE = re.compile(r"""^\S.*importorskip\((?!"(mpmath|matplotlib)")""", re.MULTILINE)


def may_skip(item: pytest.Item) -> bool:
    """Whether a test, its file, a fixture, or a function that it names calls pytest.skip or importorskip."""
    module, function = getattr(item, "module", None), getattr(item, "function", None)
    if module is None or function is None:
        return True
    if SKIPS_AS_A_WHOLE.search(_source(module)):
        return True
    fixtures = item._fixtureinfo.name2fixturedefs.values()  # type: ignore[attr-defined]
    if any(SKIPS.search(_source(fixture.func)) for known in fixtures for fixture in known):
        return True
    names = {name for name, f in vars(module).items() if inspect.isfunction(f) and SKIPS.search(_source(f))}
    return bool(names & set(re.findall(r"\w+", _source(inspect.unwrap(function)))))


@functools.cache
def _source(thing: object) -> str:
    try:
        return inspect.getsource(thing)  # type: ignore[arg-type]
    except (OSError, TypeError):
        return "importorskip("  # not known: it may skip


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keep a share of the tests marked `sampled` in the quick run, drawn anew each time.

    All of them run in the profiles `ci` and `deep`, and where the command line names tests (`path::test`, `-k`).
    """
    if config.option.may_skip:
        others = [item for item in items if not may_skip(item)]
        config.hook.pytest_deselected(items=others)
        items[:] = [item for item in items if may_skip(item)]
    if PROFILE != "dev" or config.option.keyword or any("::" in argument for argument in config.args):
        return
    run = getattr(config, "workerinput", {}).get("testrunuid") or secrets.token_hex(8)  # every worker draws the same
    left_out = set()
    for item in items:
        mark = item.get_closest_marker("sampled")
        one_in = 1 if mark is None else mark.args[0] if mark.args else ONE_IN
        if zlib.crc32(f"{run} {item.nodeid}".encode()) % one_in:
            left_out.add(item)
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if item not in left_out]


def pytest_collection_finish() -> None:
    """Spare the cyclic collector the thousands of collected tests, which every full collection would visit."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish() -> None:
    """Spare pytest's last collections, five full ones twice, what is alive anyway."""
    gc.collect()
    gc.freeze()


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip what this machine cannot run; in CI, where everything is installed, a missing program is a failure."""
    if item.get_closest_marker("deep") and PROFILE != "deep":
        pytest.skip("runs under HYPOTHESIS_PROFILE=deep")
    for marker, (names, install) in PROGRAMS.items():
        if item.get_closest_marker(marker) and not any(map(shutil.which, names)):
            if IN_CI:
                pytest.fail(f"CI runs every test and this one needs {install}", pytrace=False)
            pytest.skip(f"needs {install}")
    if item.get_closest_marker("fonts") and not _has_helvetica():
        install = "a font of Helvetica's widths, which dot measures texts with (apt install fonts-liberation)"
        if IN_CI:
            pytest.fail(f"CI runs every test and this one needs {install}", pytrace=False)
        pytest.skip(f"needs {install}")


@functools.cache
def _has_helvetica() -> bool:
    """Whether fontconfig answers Helvetica with a font of its widths; where it cannot be asked, the system has one."""
    if shutil.which("fc-match") is None:
        return True
    found = subprocess.run(["fc-match", "Helvetica"], capture_output=True, text=True, check=False).stdout
    return any(name in found for name in ("Liberation", "Helvetica", "Arial", "Nimbus"))
