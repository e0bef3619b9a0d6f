"""Settings every test shares: Hypothesis profiles and the markers for programs that a machine may lack.

HYPOTHESIS_PROFILE chooses the profile: `dev` (the default; quick, a new seed in every run), `ci` (the default when
CI=true; derandomized, so that a failure belongs to the change and not to the day) and `deep` (thousands of examples a
property; DEEP_EXAMPLES sets how many, for a search of the whole suite that is to end within the hour).
"""

from __future__ import annotations

import os
import shutil

import pytest
from hypothesis import HealthCheck, settings

IN_CI = os.environ.get("CI", "").lower() in ("1", "true")
PROFILE = os.environ.get("HYPOTHESIS_PROFILE") or ("ci" if IN_CI else "dev")

# Neither a deadline nor the health check on slow generation: both time the machine, and a busy one must not fail
# a right program.
COMMON = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}
settings.register_profile("dev", max_examples=25, **COMMON)
settings.register_profile("ci", max_examples=50, derandomize=True, print_blob=True, **COMMON)
deep = int(os.environ.get("DEEP_EXAMPLES", "5000"))
settings.register_profile("deep", max_examples=deep, print_blob=True, **COMMON)
settings.load_profile(PROFILE)

PROGRAMS = {
    "dot": (("dot",), "Graphviz (apt install graphviz, brew install graphviz)"),
    "chromium": (("chromium", "chromium-browser", "google-chrome"), "Chromium (apt install chromium)"),
}


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip what this machine cannot run; in CI, where everything is installed, a missing program is a failure."""
    if item.get_closest_marker("deep") and PROFILE != "deep":
        pytest.skip("runs under HYPOTHESIS_PROFILE=deep")
    for marker, (names, install) in PROGRAMS.items():
        if item.get_closest_marker(marker) and not any(map(shutil.which, names)):
            if IN_CI:
                pytest.fail(f"CI runs every test and this one needs {install}", pytrace=False)
            pytest.skip(f"needs {install}")
