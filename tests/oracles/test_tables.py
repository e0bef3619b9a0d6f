"""The tables are large, name each call once, and reach every row; this needs none of the other libraries."""

from __future__ import annotations

from collections import Counter

import jax_tables
import numpy as np
import oracle_entries
import pytest
import torch_tables
from oracle_entries import OPERANDS, Entry, numbers_of

import autodiff as ad
import nn

NAMES = {
    "np": np,
    "ad": ad,
    "nn": nn,
    "F": nn.functional,
    "special": ad.special,
    "stats": ad.stats,
    "sig": ad.signal,
    "sym": lambda a: a + a.swapaxes(-1, -2),
    "spd": lambda a: a @ a.conj().swapaxes(-1, -2) + 3 * np.eye(3),
    "const": np.asarray,
    "inf": np.inf,
}
NOT_COMPARED = {
    # they appear in derivatives: second derivatives and Hessian products compare them
    **dict.fromkeys(
        "beta_density beta_log_moment cofactor convolution_weight elliptic erfc_integral_scaled exp_moment exp_square "
        "i0_derivative i0e_derivative i1e_derivative gamma_log_moment log_ratio ndtri_slope poisson_weight "
        "polygamma_difference quarter_wave sech_squared sigmoid_slope stdtr_slope".split(),
        "a derivative of another row",
    ),
    **dict.fromkeys(
        "chebyshev gegenbauer hermite hermite_normal jacobi laguerre sph_legendre spherical_jn spherical_yn "
        "airy dawsn elliptic_part lambertw wofz fresnel j0 j1 jn y0 y1 yn exp1 expn spence sine_integral "
        "cosine_integral".split(),
        "no derivative, or one of a few digits, elsewhere: tests/testing has mpmath",
    ),
    **dict.fromkeys(
        "betainccinv betaincinv gammainccinv gammaincinv ndtri_exp stdtrit".split(),
        "no derivative elsewhere: tests/autodiff/test_stats.py has the identities of an inverse",
    ),
    **dict.fromkeys(
        "logm riccati_continuous riccati_discrete".split(),
        "no derivative elsewhere: tests/autodiff/test_matrix_functions.py",
    ),
    **dict.fromkeys("gru_scan lstm_scan rnn_scan".split(), "tests/nn/test_sequences_against_torch.py"),
    "to_scalar": "of this library alone",
}
ENTRIES = [*torch_tables.ENTRIES, *jax_tables.ENTRIES]


def test_more_than_a_thousand_calls_are_compared_and_none_twice_in_a_table() -> None:
    for module in (torch_tables, jax_tables):
        twice = [call for call, n in Counter(entry.ours for entry in module.ENTRIES).items() if n > 1]
        assert not twice
    assert len({entry.ours for entry in ENTRIES}) >= 1200


def rows_of(entry: Entry) -> set[str]:
    """The rows that a call records."""
    f = entry.function(entry.ours, NAMES, lambda a: a)
    with np.errstate(all="ignore"):
        results = numbers_of(f(*[ad.tensor(OPERANDS[name]) for name in entry.differentiated]))
    stack = [y.node for y in results if isinstance(y, ad.Variable)]
    found, seen = set(), set()
    while stack:
        node = stack.pop()
        if id(node) not in seen and getattr(node, "op", None) is not None:
            seen.add(id(node))
            found.add(node.op.name)
            stack.extend(node.parents)
    return found


@pytest.mark.filterwarnings("ignore")
def test_every_row_is_compared_with_another_library_or_says_why_not() -> None:
    compared = set().union(*map(rows_of, ENTRIES))
    assert set(ad.ops.OPS) - compared - set(NOT_COMPARED) == set(), (
        "add a line to the list of its family in tests/oracles/torch_tables.py (ELEMENTWISE for an elementwise row) or "
        "in tests/oracles/jax_tables.py; or say in NOT_COMPARED of tests/oracles/test_tables.py why there is none"
    )
    assert set(NOT_COMPARED) & compared == set(), "compared after all: take it out of NOT_COMPARED"


def test_operands_have_no_ties_and_stay_away_from_zero() -> None:
    for name, a in oracle_entries.OPERANDS.items():
        if a.dtype.kind == "f" and a.ndim < 2:
            assert np.unique(a).size == a.size, name
            assert np.abs(a).min() > 1e-3, name
