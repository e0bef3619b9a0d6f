"""A seeded slice of the planted bugs is found and of the right functions accepted; the whole runs in benchmarks and in
`deep`.
"""

from __future__ import annotations

import secrets
from typing import Any

import numpy as np
import pytest
from hypothesis import settings
from planted_bugs import BUGS
from planted_bugs_engine import ENGINE_BUGS
from planted_functions import CORRECT as RIGHT

from autodiff.testing import check_derivatives

PROFILE = settings.get_current_profile_name()


SEED = {"dev": 5, "ci": 5, "deep": secrets.randbelow(2**31)}[PROFILE]  # deep: fresh in every run
# every k-th of the whole, another one where each family is met
SLICE = {"dev": 18, "ci": 9, "deep": 1}[PROFILE]
SOME_RIGHT, SOME_BUGS, SOME_ENGINE_BUGS = (sorted(known)[::SLICE] for known in (RIGHT, BUGS, ENGINE_BUGS))
EVERY = {"dev": 8, "ci": 4, "deep": 1}[PROFILE]


def test_the_corpus_is_as_large_as_it_claims() -> None:
    assert len(RIGHT) >= 80 and len(BUGS) + len(ENGINE_BUGS) >= 120
    assert len({b.kind for b in BUGS.values()}) > 10


@pytest.mark.parametrize("name", SOME_RIGHT)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_a_right_rule_is_never_rejected(name: str) -> None:
    entry = RIGHT[name]
    report = check_derivatives(
        entry.f,
        entry.inputs,
        vjp=entry.rule,
        examples={"dev": 6, "ci": 6, "deep": 100}[PROFILE],
        seed=SEED,
        raises=False,
        explain=False,
    )
    assert not report.failures, str(report)


@pytest.mark.parametrize("name", SOME_BUGS)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_a_planted_bug_is_found_within_100_examples(name: str) -> None:
    bug = BUGS[name]
    assert check_derivatives(
        bug.f, bug.inputs, vjp=bug.rule, examples=100, seed=SEED, raises=False, explain=False
    ).failures, SEED


@pytest.mark.parametrize("name", SOME_ENGINE_BUGS)
def test_a_planted_engine_bug_is_found_and_its_right_version_accepted(name: str) -> None:
    bug = ENGINE_BUGS[name]
    assert bug.wrong(100, SEED, False).failures, SEED
    assert not bug.right(5, SEED, False).failures, SEED


NAMED = {
    "sin times 2": "constant factor",
    "reciprocal with plus": "sign",
    "matmul without the transpose of b": "transpose",
    "complex square not conjugated": "conjugate",
    "add forgets the broadcast sum": "missing broadcast sum",
    "attention forgets the keys": "missing path",
    "max counts every tie": "only at ties",
    "x |x| wrong for negatives": "only at negatives",
    "mean wrong at size 1": "only at size 1",
    "exp computed in float32": "float32 noise",
    "norm is NaN at 0": "not finite",
    "sin writes into its input": "mutation",
    "matmul trusts C order": "layout",
    "sin with a random last bit": "not deterministic",
}


@pytest.mark.parametrize("name", sorted(NAMED)[::EVERY])
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_the_kind_of_mistake_is_named(name: str) -> None:
    bug = BUGS[name]
    report = check_derivatives(bug.f, bug.inputs, vjp=bug.rule, examples=25, seed=5, raises=False)
    assert NAMED[name] in [f.kind for f in report.failures], str(report)


@pytest.mark.parametrize("name", ["sin times 2", "max counts every tie"])
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_a_failure_is_shrunk_to_at_most_four_numbers(name: str) -> None:
    bug = BUGS[name]
    report = check_derivatives(bug.f, bug.inputs, vjp=bug.rule, examples=30, seed=5, raises=False)
    assert min(f.finding.case.size for f in report.failures) <= 4


def test_float16_bugs_are_found_by_the_same_logic() -> None:
    def wrong(g: Any, y: Any, x: Any) -> Any:
        return (g * (1 - y * y) * (-1 if x.dtype == np.float16 else 1),)

    report = check_derivatives(
        np.tanh, RIGHT["tanh"].inputs, vjp=wrong, dtypes=(np.float16,), examples=30, raises=False, explain=False
    )
    assert report.failures
