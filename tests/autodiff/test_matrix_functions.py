"""Functions, equations and patterns of matrices under SciPy's names: its values, and the right derivatives."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose

import autodiff as ad

RNG = np.random.default_rng(3)
A = RNG.uniform(-0.4, 0.4, (3, 3)) + 1.5 * np.eye(3)
Z = A + 0.3j * RNG.uniform(-1.0, 1.0, (3, 3))
FUNCTIONS = ["logm", "cosm", "sinm", "tanm", "coshm", "sinhm", "tanhm"]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_of_a_matrix_is_scipys_and_has_its_derivatives(name: str) -> None:
    theirs, f = getattr(pytest.importorskip("scipy.linalg"), name), getattr(ad.linalg, name)
    for a in (A, Z):
        assert_allclose(f(a), theirs(a), rtol=1e-13, atol=1e-14)
    assert f(A.astype(np.float32)).dtype == np.float32
    assert_allclose(f(np.stack([A, A.T]))[1], f(A).T, rtol=1e-13, atol=1e-14)
    # a matrix function of a triangle has, above its diagonal, the divided difference of the function of numbers
    number = getattr(np, name.removesuffix("m"))
    triangle = np.array([[1.3, 1.0], [0.0, 0.4]])
    corner = ad.jvp(f, (np.diag([1.3, 0.4]),), (np.array([[0.0, 1.0], [0.0, 0.0]]),))[1][0, 1]
    assert_allclose(corner, (number(1.3) - number(0.4)) / 0.9, rtol=1e-13)
    assert_allclose(f(triangle)[0, 1], corner, rtol=1e-13)


@pytest.mark.sampled
@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_of_a_matrix_has_its_derivatives_to_second_order(name: str) -> None:
    ad.testing.check_derivatives(getattr(ad.linalg, name), A, order=2)
    ad.testing.check_derivatives(getattr(ad.linalg, name), Z)


def test_a_real_power_is_scipys_and_is_differentiated_in_the_exponent() -> None:
    linalg = pytest.importorskip("scipy.linalg")
    for power in (0.5, -1.3, 2.0):
        theirs = linalg.fractional_matrix_power(A, power)
        assert_allclose(ad.linalg.fractional_matrix_power(A, power), theirs, rtol=1e-12, atol=1e-14)
    slope = ad.jvp(lambda p: ad.linalg.fractional_matrix_power(A, p), (0.7,), (1.0,))[1]
    assert_allclose(slope, linalg.logm(A) @ linalg.fractional_matrix_power(A, 0.7), rtol=1e-12, atol=1e-14)


def test_the_logarithm_far_from_one_keeps_its_digits() -> None:
    w = np.array([1e-12, 1.0, 1e9])
    turn = np.linalg.qr(RNG.normal(size=(3, 3)))[0]
    assert_allclose(ad.linalg.logm(np.diag(w)), np.diag(np.log(w)), rtol=1e-13, atol=1e-12)
    assert_allclose(ad.linalg.expm(ad.linalg.logm(3.0 * turn @ turn)), 3.0 * turn @ turn, atol=1e-13)
    with pytest.raises(
        np.linalg.LinAlgError, match=r"logm: the matrix is singular, or has an eigenvalue on the negative"
    ):
        ad.linalg.logm(np.diag([1.0, -2.0]))


# ---- equations
B, Q, R = RNG.uniform(0.5, 1.5, (3, 2)), 2.0 * np.eye(3), np.array([[2.0, 0.3], [0.3, 1.0]])


@pytest.mark.parametrize("name", ["solve_continuous_lyapunov", "solve_discrete_lyapunov"])
def test_lyapunovs_equation_is_scipys(name: str) -> None:
    theirs, f = getattr(pytest.importorskip("scipy.linalg"), name), getattr(ad.linalg, name)
    a = 0.4 * A
    for matrix in (a, a + 0.2j * Z):
        assert_allclose(f(matrix, Q + 0.1 * A), theirs(matrix, Q + 0.1 * A), rtol=1e-12, atol=1e-14)
    ad.testing.check_derivatives(f, a, Q)


@pytest.mark.parametrize("name", ["solve_continuous_are", "solve_discrete_are"])
def test_riccatis_equation_is_scipys_and_its_derivatives_are_those_of_its_residual(name: str) -> None:
    theirs, f = getattr(pytest.importorskip("scipy.linalg"), name), getattr(ad.linalg, name)
    for a in (A, -A, 0.3 * A, np.diag([0.0, 1.0, 2.0])):
        assert_allclose(f(a, B, Q, R), theirs(a, B, Q, R), rtol=1e-10, atol=1e-12)
        assert_allclose(f(a, B, Q, R), f(a, B, Q, R).T)

    def residual(a: Any, b: Any, q: Any, r: Any) -> Any:
        x = f(a, b, q, r)
        if name == "solve_continuous_are":
            return a.T @ x + x @ a - x @ b @ np.linalg.solve(r, b.T @ x) + q
        gain = np.linalg.solve(r + b.T @ x @ b, b.T @ x @ a)
        return a.T @ x @ (a - b @ gain) + q - x

    scale = np.max(f(A, B, Q, R)) ** 2
    assert_allclose(residual(A, B, Q, R), 0.0, atol=1e-13 * scale)
    tangents = RNG.normal(size=A.shape), RNG.normal(size=B.shape), Q @ Q, 0.1 * R
    _, slope = ad.jvp(residual, (A, B, Q, R), tangents)
    assert_allclose(slope, 0.0, atol=1e-12 * scale)
    first = lambda *operands: ad.jvp(residual, operands, tangents)[1]
    assert_allclose(ad.jvp(first, (A, B, Q, R), tangents)[1], 0.0, atol=1e-11 * scale)


def test_riccatis_equation_says_what_is_wrong() -> None:
    with pytest.raises(np.linalg.LinAlgError, match="no solution has a stable closed loop"):
        ad.linalg.solve_continuous_are([[1.0]], [[0.0]], [[1.0]], [[1.0]])
    with pytest.raises(ValueError, match=r"solve_discrete_are needs a: \(n, n\), b: \(n, m\).*got \(3, 3\), \(2, 3\)"):
        ad.linalg.solve_discrete_are(A, B.T, Q, R)
    with pytest.raises(TypeError, match="e and s are not here"):
        ad.linalg.solve_discrete_are(A, B, Q, R, s=B)


# ---- patterns
@pytest.mark.parametrize(
    ("name", "args"),
    [
        ("hankel", ([1.0, 2.0, 3.0],)),
        ("hankel", ([1.0, 2.0, 3.0], [9.0, 4.0])),
        ("companion", ([2.0, 3.0, 4.0, -1.0],)),
        ("khatri_rao", (A, B @ B.T)),
        *[("convolution_matrix", ([1.0, 2.0, 4.0], n, mode)) for n in (1, 2, 5) for mode in ("full", "same", "valid")],
        ("eigvalsh_tridiagonal", ([1.0, 2.0, 4.0], [0.5, 0.3])),
        ("lu", (A[[1, 0, 2]] - 3 * np.eye(3)[:, ::-1],)),
        ("lu", (A, True)),
        ("orthogonal_procrustes", (A, A @ A)),
        ("orthogonal_procrustes", (Z, A)),
    ],
    ids=lambda v: v if isinstance(v, str) else "",
)
def test_a_pattern_is_scipys_and_is_differentiated(name: str, args: tuple[Any, ...]) -> None:
    theirs, f = getattr(pytest.importorskip("scipy.linalg"), name), getattr(ad.linalg, name)
    mine, right = f(*args), theirs(*args)
    for a, b in zip(mine, right) if isinstance(right, tuple) else [(mine, right)]:
        assert_allclose(a, b, rtol=1e-13, atol=1e-14)
    x, rest = np.asarray(args[0]), args[1:]

    def total(x: Any) -> Any:
        y = f(x, *rest)
        parts = [p for p in y if isinstance(p, ad.Tensor)] if isinstance(y, tuple) else [y]
        return sum(np.sum(np.real(p) * np.cos(np.arange(p.size)).reshape(p.shape)) for p in parts)

    direction = np.cos(3.0 * np.arange(x.size)).reshape(x.shape)
    h = 1e-6
    difference = (total(ad.tensor(x + h * direction)).item() - total(ad.tensor(x - h * direction)).item()) / (2 * h)
    slope = ad.grad(total)(x)
    assert_allclose(np.sum(np.real(slope * direction)), difference, rtol=1e-7, atol=1e-8)


def test_an_exponential_does_not_depend_on_the_other_matrices_of_its_stack() -> None:
    a = RNG.normal(size=(4, 3, 3)) * np.array([1e-5, 1.0, 100.0, 0.0])[:, None, None]
    a[3, 0, 1] = np.inf
    found = ad.linalg.expm(a)
    for one, y in zip(a[:3], found, strict=False):
        np.testing.assert_array_equal(y, ad.linalg.expm(one))
    assert np.isnan(found[3]).all() and np.isfinite(found[:3]).all()
