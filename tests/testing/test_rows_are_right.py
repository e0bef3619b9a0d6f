"""Every row of the registry passes every property: `check_op` needs no test written for a new row."""

from __future__ import annotations

import secrets
from typing import Any

import pytest
from hypothesis import settings

import autodiff as ad
from autodiff.testing import check_op
from autodiff.testing.decorator import note

PROFILE = settings.get_current_profile_name()
EXAMPLES = {"dev": 4, "ci": 5, "deep": 400}[PROFILE]
# a row of these takes up to twenty seconds with all examples
ITERATED = set("betaincinv betainccinv gammaincinv gammainccinv stdtrit hyp1f1 hyp2f1 jv yv".split())
SEED = {"dev": None, "ci": None, "deep": secrets.randbelow(2**31)}[PROFILE]  # deep: fresh in every run


@pytest.mark.sampled(24)  # half a second each
@pytest.mark.parametrize("row", ad.ops.OPS.values(), ids=lambda row: row.name)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # empty and one-element reductions: NumPy warns, the values count
def test_row_keeps_every_property(row: Any) -> None:
    # a few examples may all fall on jumps or outside a domain; a large run must prove most of what it compares
    examples = min(EXAMPLES, 2) if row.name in ITERATED and PROFILE == "ci" else EXAMPLES
    note(check_op(row, examples=examples, max_weak={"dev": 0.5, "ci": 0.5, "deep": 0.2}[PROFILE], seed=SEED))


@pytest.mark.sampled
@pytest.mark.parametrize("name", ["tanh", "multiply", "matmul", "max"])
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_row_keeps_every_property_on_another_seed(name: str) -> None:
    note(check_op(name, examples=3 * EXAMPLES, seed=20_251))


def test_a_wrong_rule_in_a_row_is_found() -> None:
    row = ad.ops.OPS["tanh"]
    right = row.vjps
    try:
        row.vjps = (lambda g, y: g * (1 - y),)
        with pytest.raises(AssertionError, match="P01"):
            check_op(row, examples=20, properties=["P01"])
    finally:
        row.vjps = right
