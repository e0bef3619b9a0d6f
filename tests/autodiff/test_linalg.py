"""Linear algebra: values, both modes, second order, matrices whose derivative is a question, and other libraries."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import autodiff as ad

L = np.linalg
NARROW, WIDE, SQUARE = (4, 2), (2, 4), (3, 3)


def well_apart(shape: tuple[int, ...], seed: int = 0) -> Any:
    """A matrix whose singular values lie well apart."""
    x = np.random.default_rng(seed).uniform(-0.5, 0.5, shape)
    k = min(shape[-2:])
    x[..., range(k), range(k)] += 2.0 * np.arange(1, k + 1)
    return x


def positive_definite(shape: tuple[int, ...], seed: int = 0) -> Any:
    x = np.random.default_rng(seed).uniform(-1, 1, shape)
    return x @ np.swapaxes(x, -1, -2) + shape[-1] * np.eye(shape[-1])


# ---- against PyTorch: the function of a matrix that both libraries have, through a symmetric matrix where one is read
def through(name: str) -> tuple[Any, Any, Any]:
    """(in NumPy's words, in torch's words, the matrix)."""
    torch = pytest.importorskip("torch")
    T = torch.linalg
    sym = lambda a: a + a.swapaxes(-1, -2)
    spd = lambda a: a @ a.swapaxes(-1, -2) + 3 * np.eye(3)
    tspd = lambda a: a @ a.mT + 3 * torch.eye(3, dtype=a.dtype)
    table: dict[str, tuple[Any, Any, Any]] = {
        "det": (L.det, T.det, well_apart((2, 3, 3))),
        "slogdet": (lambda a: L.slogdet(a)[1], lambda a: T.slogdet(a)[1], well_apart((2, 3, 3))),
        "inv": (L.inv, T.inv, well_apart(SQUARE)),
        "pinv_narrow": (L.pinv, T.pinv, well_apart(NARROW)),
        "pinv_wide": (L.pinv, T.pinv, well_apart(WIDE)),
        "cholesky": (lambda a: L.cholesky(spd(a)), lambda a: T.cholesky(tspd(a)), well_apart(SQUARE)),
        "eigvalsh": (lambda a: L.eigvalsh(sym(a)), lambda a: T.eigvalsh(a + a.mT), well_apart((2, 3, 3))),
        "eigh": (lambda a: abs(L.eigh(sym(a))[1]), lambda a: T.eigh(a + a.mT)[1].abs(), well_apart(SQUARE)),
        "svdvals": (L.svdvals, T.svdvals, well_apart(NARROW)),
        "svd_u": (lambda a: abs(L.svd(a, False)[0]), lambda a: T.svd(a, False)[0].abs(), well_apart(NARROW)),
        "svd_v": (lambda a: abs(L.svd(a, False)[2]), lambda a: T.svd(a, False)[2].abs(), well_apart(WIDE)),
        "qr_q": (lambda a: abs(L.qr(a)[0]), lambda a: T.qr(a)[0].abs(), well_apart(NARROW)),
        "qr_r": (lambda a: abs(L.qr(a)[1]), lambda a: T.qr(a)[1].abs(), well_apart(WIDE)),
        "matrix_power": (lambda a: L.matrix_power(a, -3), lambda a: T.matrix_power(a, -3), well_apart(SQUARE)),
        "nuclear": (lambda a: L.norm(a, "nuc"), lambda a: T.norm(a, "nuc"), well_apart(WIDE)),
        "spectral": (lambda a: L.norm(a, 2), lambda a: T.norm(a, 2), well_apart(WIDE)),
        "cond": (L.cond, T.cond, well_apart(NARROW)),
        "expm": (ad.linalg.expm, torch.matrix_exp, well_apart((2, 3, 3))),
        "lstsq": (
            lambda a: L.lstsq(a, np.arange(4.0))[0],
            lambda a: T.lstsq(a, torch.arange(4.0, dtype=a.dtype)[:, None]).solution[:, 0],
            well_apart(NARROW),
        ),
        "solve_triangular": (
            lambda a: ad.linalg.solve_triangular(a, np.eye(3)),
            lambda a: T.solve_triangular(a, torch.eye(3, dtype=a.dtype), upper=True),
            well_apart(SQUARE),
        ),
        "lu": (
            lambda a: ad.linalg.lu_factor(a)[0],
            lambda a: T.lu_factor(a)[0],
            well_apart(SQUARE)[[2, 0, 1]],
        ),
    }
    return table[name]


NAMES = (
    "det slogdet inv pinv_narrow pinv_wide cholesky eigvalsh eigh svdvals svd_u svd_v qr_q qr_r matrix_power nuclear "
    "spectral cond expm lstsq solve_triangular lu"
).split()


@pytest.mark.parametrize("name", NAMES)
def test_values_gradients_and_hessian_products_are_pytorchs(name: str) -> None:
    torch = pytest.importorskip("torch")
    ours, theirs, a = through(name)
    w = np.random.default_rng(1).normal(size=np.shape(ours(a)))
    v = np.random.default_rng(2).normal(size=a.shape)
    loss, tloss = lambda x: (ours(x) * w).sum(), lambda x: (theirs(x) * torch.tensor(w)).sum()
    value, gradient = ad.value_and_grad(loss)(a)
    t = torch.tensor(a, requires_grad=True)
    tvalue = tloss(t)
    (tgradient,) = torch.autograd.grad(tvalue, t, create_graph=True)
    np.testing.assert_allclose(value, tvalue.detach(), rtol=1e-12)
    np.testing.assert_allclose(gradient, tgradient.detach(), rtol=1e-9, atol=1e-11)
    (tproduct,) = torch.autograd.grad((tgradient * torch.tensor(v)).sum(), t)
    product = ad.hvp(loss, (a,), (v,))
    product = product[-1] if isinstance(product, tuple) else product
    np.testing.assert_allclose(product, tproduct, rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("name", ["sqrtm", "solve_sylvester", "block_diag", "toeplitz", "cho_solve", "lu_solve"])
def test_values_are_scipys(name: str) -> None:
    scipy = pytest.importorskip("scipy.linalg")
    a, b = positive_definite(SQUARE), well_apart((3, 2))
    arguments: Any = {
        "sqrtm": (a,),
        "solve_sylvester": (a, well_apart((2, 2)), b),
        "block_diag": (a, b, np.arange(2.0)),
        "toeplitz": (np.arange(1.0, 4.0), np.arange(1.0, 6.0)),
        "cho_solve": ((L.cholesky(a), True), b),
        "lu_solve": (scipy.lu_factor(a[::-1]), b),
    }[name]
    np.testing.assert_allclose(getattr(ad.linalg, name)(*arguments), getattr(scipy, name)(*arguments), rtol=1e-12)


def test_values_of_complex_matrices_are_scipys() -> None:
    """cho_solve took the plain transpose, and toeplitz(c) repeated c where its conjugate belongs; a Riccati equation
    lost its imaginary part."""
    scipy = pytest.importorskip("scipy.linalg")
    a = well_apart((3, 3)) + 1j * well_apart((3, 3)).T
    spd, b = a @ a.conj().T + np.eye(3), a[:, :2]
    for lower in (False, True):
        right = scipy.cho_solve(scipy.cho_factor(spd, lower=lower), b)
        np.testing.assert_allclose(ad.linalg.cho_solve(ad.linalg.cho_factor(spd, lower), b), right, atol=1e-13)
        np.testing.assert_allclose(spd @ right, b, atol=1e-11)
    for trans in (0, 1, 2, "C"):
        right = scipy.solve_triangular(a, b, trans=trans)
        np.testing.assert_allclose(ad.linalg.solve_triangular(a, b, trans=trans), right, atol=1e-13)
    np.testing.assert_array_equal(ad.linalg.toeplitz(a[0]), scipy.toeplitz(a[0]))
    with pytest.raises(TypeError, match="takes real matrices; got complex128"):
        ad.linalg.solve_continuous_are(a, b, spd, np.eye(2))
    with pytest.raises(np.linalg.LinAlgError, match=r"lu_factor needs square matrices; got shape \(3, 2\)"):
        ad.linalg.lu(b)


def complex_functions() -> dict[str, Any]:
    """Real functions of a complex matrix that do not depend on the phase of vectors."""
    spd = lambda a: a @ np.conj(a).T + 3 * np.eye(3)
    outer = lambda v: v[:, None, :] * np.conj(v)[None, :, :]
    return {
        "eigvalsh": lambda a: L.eigvalsh(spd(a)),
        "eigh": lambda a: outer(L.eigh(spd(a))[1]),
        "eigvals": L.eigvals,
        "eig": lambda a: abs(L.eig(a)[1]),
        "svdvals": L.svdvals,
        "svd": lambda a: outer(L.svd(a)[0]) + outer(np.conj(L.svd(a)[2]).T),
        "qr": lambda a: L.qr(a)[0] + L.qr(a)[1],
        "cholesky": lambda a: L.cholesky(spd(a)),
        "upper": lambda a: L.cholesky(spd(a), upper=True),
        "det": L.det,
        "slogdet": lambda a: L.slogdet(a)[0] * L.slogdet(a)[1],
        "pinv": lambda a: L.pinv(a[:, :2]),
        "lstsq": lambda a: L.lstsq(a[:, :2], a[:, 2])[0],
        "norms": lambda a: L.norm(a) + L.norm(a, "nuc") + L.norm(a, 2) + L.norm(a, 1) + L.cond(a),
        "expm": ad.linalg.expm,
        "sqrtm": lambda a: ad.linalg.sqrtm(spd(a)),
        "lu": lambda a: ad.linalg.lu_factor(a)[0],
        "power": lambda a: L.matrix_power(a, -2),
    }


@pytest.mark.parametrize("name", complex_functions())
def test_complex_matrices_agree_with_differences_in_both_modes(name: str) -> None:
    f = complex_functions()[name]
    rng = np.random.default_rng(3)
    a = well_apart(SQUARE) + 1j * rng.uniform(-0.5, 0.5, SQUARE)
    v = rng.normal(size=SQUARE) + 1j * rng.normal(size=SQUARE)
    h = 1e-5
    by_difference = (f(a + h * v) - f(a - h * v)) / (2 * h)  # to about 1e-9
    tangent = ad.jvp(f, (a,), (v,))[1]
    np.testing.assert_allclose(tangent, by_difference, rtol=1e-6, atol=1e-7)
    w = rng.normal(size=np.shape(tangent)) + 1j * rng.normal(size=np.shape(tangent)) * np.iscomplexobj(tangent)
    w = w if np.iscomplexobj(tangent) else np.real(w)
    (back,) = ad.vjp(f, a)[1](w)
    np.testing.assert_allclose(np.sum(np.real(np.conj(w) * tangent)), np.sum(np.real(np.conj(back) * v)), rtol=1e-9)


def test_what_depends_on_the_phase_of_complex_vectors_is_refused() -> None:
    a = well_apart(SQUARE) + 1j * np.eye(3)[::-1]
    for f in (lambda x: L.eigh(x)[1], lambda x: L.svd(x)[0], lambda x: L.eig(x)[1]):
        with pytest.raises(L.LinAlgError, match="depends on the phase of complex vectors"):
            ad.grad(lambda x, f=f: np.real(np.sum(f(x) * (1 + 2j))))(a)


@pytest.mark.parametrize("name", ["eigh", "eig", "svd"])
def test_forward_mode_refuses_what_depends_on_the_phase_of_complex_vectors(name: str) -> None:
    a = well_apart(SQUARE) + 1j * np.triu(np.ones(SQUARE), 1)
    a = a + np.conj(a).T if name == "eigh" else a
    f = lambda x: getattr(L, name)(x)[0 if name == "svd" else 1]
    turned = np.array([[0.0, 1.0, 2.0], [3.0, 1.0, 0.0], [1.0, 1.0, 1.0]])  # real: its eigenvectors are complex
    turned = turned - 2 * turned.T if name == "eig" else turned
    with pytest.raises(L.LinAlgError, match=f"{name}: the result depends on the phase of complex vectors"):
        ad.jvp(f, (a,), (np.ones_like(a),))
    with pytest.raises(L.LinAlgError, match="phase"):
        ad.jacfwd(lambda r: np.real(f(a * r)) + np.real(f(a + r * np.diag(a))))(1.0)
    if name == "eig":
        with pytest.raises(L.LinAlgError, match="phase"):
            ad.jacfwd(lambda x: np.real(L.eig(x)[1]))(turned)
    same = lambda x: np.abs(f(x)) ** 2 + np.abs(np.sum(f(x), axis=0))
    np.testing.assert_allclose(
        ad.jvp(same, (a,), (a @ a,))[1], (same(a + 1e-6 * a @ a) - same(a - 1e-6 * a @ a)) / 2e-6, atol=1e-7
    )
    assert not ad.jvp(lambda x, c: f(x) * c, (a, 1.0), (0 * a, 0.0))[1].any()  # vectors that do not move


def test_equal_values_share_the_gradient_evenly() -> None:
    want = np.eye(2) / 2
    np.testing.assert_allclose(ad.grad(lambda x: L.eigvalsh(x)[-1])(np.eye(2)), want, atol=1e-15)
    np.testing.assert_allclose(ad.grad(lambda x: L.norm(x, 2))(np.eye(2)), want, atol=1e-15)


def test_a_matrix_with_too_few_eigenvectors_is_refused() -> None:
    with pytest.raises(L.LinAlgError, match="it is defective"):
        ad.grad(lambda x: np.abs(L.eigvals(x)[0]))(np.array([[1.0, 1.0], [0.0, 1.0]]))


# ---- where the matrix makes the derivative a question
@given(arrays(np.float64, (3, 3), elements=st.integers(-2, 2).map(float)))
def test_the_gradient_of_a_determinant_is_the_cofactors_also_of_singular_matrices(x: Any) -> None:
    def minor(i: int, j: int) -> float:
        m = np.delete(np.delete(x, i, 0), j, 1)
        return float((-1) ** (i + j) * (m[0, 0] * m[1, 1] - m[0, 1] * m[1, 0]))

    want = [[minor(i, j) for j in range(3)] for i in range(3)]
    np.testing.assert_allclose(ad.grad(L.det)(x), want, atol=1e-12)  # entries are integers up to 8


def test_the_hessian_of_a_determinant_is_right_at_a_singular_matrix() -> None:
    want = np.zeros((2, 2, 2, 2))
    want[0, 0, 1, 1] = want[1, 1, 0, 0] = 1.0
    want[0, 1, 1, 0] = want[1, 0, 0, 1] = -1.0
    for x in (np.zeros((2, 2)), np.ones((2, 2)), np.array([[1.0, 2.0], [2.0, 4.0]])):
        np.testing.assert_allclose(ad.hessian(L.det)(x), want, atol=1e-14)


def test_equal_eigenvalues_have_derivatives_and_their_vectors_an_error() -> None:
    a = 2.0 * np.eye(3)
    np.testing.assert_allclose(ad.grad(lambda x: (L.eigvalsh(x) ** 2).sum())(a), 4.0 * np.eye(3))
    np.testing.assert_allclose(ad.grad(lambda x: (L.eigh(x)[0] ** 2).sum())(a), 4.0 * np.eye(3))
    _, tangent = ad.jvp(L.eigvalsh, (a,), (np.diag([1.0, 2.0, 3.0]),))
    np.testing.assert_allclose(tangent.sum(), 6.0)
    with pytest.raises(L.LinAlgError, match=r"eigh: the values at \d and \d are equal \(2 and 2\)"):
        ad.grad(lambda x: L.eigh(x)[1].sum())(a)


def test_vectors_of_single_eigenvalues_have_derivatives_beside_equal_ones() -> None:
    a = np.diag([1.0, 1.0, 3.0])
    slope = ad.grad(lambda x: L.eigh(x)[1][1, 2] * np.sign(L.eigh(x)[1].data[2, 2]))(a)
    np.testing.assert_allclose(slope, [[0, 0, 0], [0, 0, 0], [0, 0.5, 0]], atol=1e-15)


def test_the_nuclear_norm_has_its_second_derivative_at_equal_singular_values() -> None:
    """It was an error about vectors; no choice of vectors enters: along v at s I it is the skew part of v over s."""
    nuclear, v = lambda x: L.norm(x, "nuc"), np.array([[0.3, -1.2], [0.5, 0.7]])
    right = (v - v.T) / (2 * 3.0)
    np.testing.assert_allclose(ad.hvp(nuclear, (3.0 * np.eye(2),), (v,)), right, rtol=1e-14, atol=1e-16)
    np.testing.assert_allclose(ad.jvp(ad.grad(nuclear), (3.0 * np.eye(2),), (v,))[1], right, rtol=1e-14, atol=1e-16)
    wide = np.linalg.qr(np.random.default_rng(0).normal(size=(4, 3)))[0].T * [[2.0], [2.0], [2.0 + 1e-9]]
    for a in (wide, wide.T, wide[:, :3] @ wide.T[:3]):
        ad.testing.check_derivatives(nuclear, a, order=2, properties=["P01", "P02", "P10"])


def test_equal_and_zero_singular_values_have_derivatives_and_their_vectors_an_error() -> None:
    eye = np.eye(3)
    np.testing.assert_allclose(ad.grad(lambda x: L.norm(x, "nuc"))(eye), eye, atol=1e-15)
    low = np.outer([3.0, 4.0], [1.0, 0.0])
    np.testing.assert_allclose(ad.grad(lambda x: L.norm(x, "nuc"))(low), [[0.6, 0], [0.8, 0]], atol=1e-15)
    with pytest.raises(L.LinAlgError, match="svd: the values at"):
        ad.grad(lambda x: L.svd(x, full_matrices=False)[0].sum())(eye)
    with pytest.raises(L.LinAlgError, match="a singular value is 0"):
        ad.grad(lambda x: L.svd(x, full_matrices=False)[0][:, 1].sum())(low)
    with pytest.raises(L.LinAlgError, match="full_matrices=True"):
        ad.grad(lambda x: L.svd(x)[0].sum())(well_apart(NARROW))
    assert np.isfinite(ad.grad(lambda x: L.svd(x)[0][:, :2].sum())(well_apart(NARROW))).all()


def test_pinv_is_differentiable_at_equal_singular_values_and_at_lost_rank() -> None:
    np.testing.assert_allclose(ad.grad(lambda x: L.pinv(x).sum())(np.eye(2)), -np.ones((2, 2)), atol=1e-15)
    low = np.outer([1.0, 2.0], [2.0, 1.0])
    direction = np.outer([1.0, 2.0], [0.5, -1.0])  # along it the rank stays 1
    h = 2.0**-20
    by_difference = (L.pinv(low + h * direction) - L.pinv(low - h * direction)) / (2 * h)
    np.testing.assert_allclose(ad.jvp(L.pinv, (low,), (direction,))[1], by_difference, atol=1e-8)  # O(h^2)


def test_columns_that_a_complete_qr_adds_are_numpys_and_have_no_derivative() -> None:
    tall = np.random.default_rng(0).normal(size=(2, 4, 3))
    a = ad.tensor(tall)
    q, r = np.linalg.qr(a, "complete")
    for ours, numpys in zip((q, r), L.qr(tall, "complete"), strict=True):
        np.testing.assert_array_equal(ours.data, numpys)
    (r**3).sum().backward()
    np.testing.assert_array_equal(a.grad, ad.grad(lambda a: (np.linalg.qr(a)[1] ** 3).sum())(tall))
    with pytest.raises(L.LinAlgError, match="qr: the vectors that mode='complete' adds"):
        ad.grad(lambda a: np.linalg.qr(a, "complete")[0].sum())(tall)


def test_a_rank_is_plain() -> None:
    low = np.outer([1.0, 2.0], [2.0, 1.0])
    assert ad.linalg.matrix_rank(ad.tensor(low)) == np.linalg.matrix_rank(ad.tensor(low)) == 1
    np.testing.assert_array_equal(ad.vmap(ad.linalg.matrix_rank)(np.stack([low, np.eye(2)])), [1, 2])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda x: L.qr(x, mode="raw"), r"qr: mode='raw' has no derivative rule"),
        (lambda x: L.eigh(x, "X"), r"eigh: UPLO must be 'L' or 'U'; got 'X'"),
        (lambda x: L.norm(x, 3), r"norm: ord=3 is no norm of matrices"),
        (lambda x: L.matrix_power(x[0], 2), r"matrix_power needs square matrices; got shape \(3,\)"),
        (lambda x: L.matrix_power(x, 0.5), r"matrix_power: n must be an integer; got"),
        (lambda x: L.multi_dot([x]), r"multi_dot needs at least two arrays; got 1"),
        (lambda x: ad.linalg.solve_triangular(x, x, trans="H"), r"trans must be 0, 1, 2, 'N', 'T' or 'C'"),
        (lambda x: ad.linalg.sqrtm(-x), r"sqrtm: the iteration does not settle"),
        (lambda x: L.cross(x[:, :2], x), r"cross: vectors must have 3 elements along axis -1; got shape \(3, 2\)"),
        (lambda x: ad.linalg.polar(x[:2]), r"polar: side='right' needs a: \(m, n\) with m >= n"),
        (lambda x: ad.linalg.polar(x, side="up"), r"polar: side must be 'right' or 'left'; got 'up'"),
        (lambda x: ad.linalg.solve_banded((1, 0), x, x), r"solve_banded: \(1, 0\) needs ab of shape \(2, n\)"),
        (lambda x: ad.linalg.solveh_banded(x, x[0, :2]), r"solveh_banded needs ab of shape \(u \+ 1, n\)"),
        (lambda x: ad.linalg.solve_circulant(x[0] * 0 + 1, x), r"solve_circulant: the matrix is singular"),
        (lambda x: ad.linalg.eigh_tridiagonal(x[0], x[0]), r"eigh_tridiagonal needs d: \(n,\) and e: \(n - 1,\)"),
        (lambda x: ad.linalg.expm_frechet(x, x[:2]), r"expm_frechet: A and E must have equal shapes"),
        (lambda x: L.svd(x, hermitian=True), r"svd: hermitian=True cannot be recorded"),
    ],
)
def test_what_cannot_be_is_refused_by_name(call: Any, message: str) -> None:
    with pytest.raises((ValueError, TypeError, ad.MissingRuleError), match=message):
        call(ad.tensor(positive_definite(SQUARE)))


MIXED = np.array([[2.0, 0.3, -0.5], [0.4, -1.5, 0.2], [0.1, 0.6, 0.9]])
BANDS = np.array([[0.0, 0.3, -0.2, 0.4], [3.0, 2.5, 2.8, 3.1], [0.2, -0.4, 0.5, 0.0]])
FIRST, RIGHT = np.array([3.0, 0.4, -0.2, 0.7]), np.array([[1.0, 0.5], [-2.0, 0.1], [0.3, 1.5], [0.7, -0.4]])
STRUCTURED: dict[str, tuple[Any, tuple[np.ndarray, ...]]] = {  # a call of ours or SciPy's, its operands
    "solve_banded": ((lambda s, ab, b: s.solve_banded((1, 1), ab, b)), (BANDS, RIGHT)),
    "solveh_banded": ((lambda s, ab, b: s.solveh_banded(ab, b)), (BANDS[:2], RIGHT)),
    "solveh_banded lower": ((lambda s, ab, b: s.solveh_banded(ab, b, lower=True)), (BANDS[1:], RIGHT[:, 0])),
    "solve_toeplitz": ((lambda s, c, b: s.solve_toeplitz(c, b)), (FIRST, RIGHT)),
    "solve_toeplitz pair": ((lambda s, c, r, b: s.solve_toeplitz((c, r), b)), (FIRST, FIRST - 0.3, RIGHT[:, 0])),
    "solve_circulant": ((lambda s, c, b: s.solve_circulant(c, b)), (FIRST, RIGHT)),
    "solve_circulant vector": ((lambda s, c, b: s.solve_circulant(c, b)), (FIRST, RIGHT[:, 0])),
    "circulant": ((lambda s, c: s.circulant(c)), (FIRST,)),
    "expm_frechet": ((lambda s, a, e: s.expm_frechet(a, e, compute_expm=False)), (MIXED, MIXED.T - 0.2)),
    "polar": ((lambda s, a: s.polar(a)), (MIXED,)),
    "polar tall": ((lambda s, a: s.polar(a)), (MIXED[:, :2],)),
    "polar wide": ((lambda s, a: s.polar(a, side="left")), (MIXED[:2],)),
    "eigh_tridiagonal": (
        (lambda s, d, e: s.eigh_tridiagonal(d, e, eigvals_only=True)), (FIRST, FIRST[1:]),
    ),
    "cho_factor": (
        (lambda s, a, b: s.cho_solve(s.cho_factor(a @ a.T + np.eye(3)), b)), (MIXED, RIGHT[:3]),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", STRUCTURED)
def test_solvers_of_structured_matrices_are_scipys_and_have_both_derivatives(name: str) -> None:
    linalg = pytest.importorskip("scipy.linalg")
    call, operands = STRUCTURED[name]
    mine, theirs = call(ad.linalg, *operands), call(linalg, *operands)
    for a, b in zip(*[y if isinstance(y, tuple) else (y,) for y in (mine, theirs)], strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-13)
    for k in range(len(mine)) if isinstance(mine, tuple) else [...]:  # one part at a time
        part = (lambda *a: call(ad.linalg, *a)) if k is ... else lambda *a, k=k: call(ad.linalg, *a)[k]
        ad.testing.check_derivatives(part, *operands, order=2)


def test_polar_is_differentiable_at_equal_singular_values_and_refuses_lost_rank() -> None:
    u, p = ad.linalg.polar(ad.tensor(np.eye(3)))
    # the slope of the symmetric factor at the identity is the symmetric part, that of the unitary one the skew part
    e = np.arange(9.0).reshape(3, 3)
    for part, sign in ((0, -1.0), (1, 1.0)):
        slope = ad.jvp(lambda a, part=part: ad.linalg.polar(a)[part], (np.eye(3),), (e,))[1]
        np.testing.assert_allclose(slope, 0.5 * (e + sign * e.T), atol=1e-14)
    assert u.shape == p.shape == (3, 3)
    low = ad.tensor(np.outer([1.0, 2.0], [2.0, 1.0]))
    with pytest.raises(np.linalg.LinAlgError, match="polar: the matrix has not full rank"):
        ad.linalg.polar(low)[0].sum().backward()
    z = MIXED + 1j * MIXED.T
    for k in (0, 1):
        ad.testing.check_derivatives(lambda a, k=k: ad.linalg.polar(a)[k], z)


def test_namesakes_in_np_linalg_work_on_the_last_axes() -> None:
    x = np.arange(18.0).reshape(2, 3, 3)
    calls = [L.diagonal, L.trace, lambda a: L.cross(a, a[::-1]), L.matrix_transpose]
    calls += [lambda a: L.outer(a[0, 0], a[0, 1]), lambda a: L.matmul(a, a), lambda a: L.vecdot(a, a)]
    calls += [lambda a: L.tensordot(a, a, axes=3)]
    for f in calls:
        y = f(ad.tensor(x))
        assert isinstance(y, ad.Tensor)
        np.testing.assert_array_equal(y.data, f(x))


def test_float32_stays_float32() -> None:
    x = ad.tensor(positive_definite(SQUARE).astype(np.float32))
    for f in (L.det, L.eigvalsh, L.svdvals, L.cholesky, L.pinv, ad.linalg.expm, ad.linalg.sqrtm, L.cond):
        y = f(x)
        assert y.dtype == np.float32, f
        x.grad = None
        y.sum().backward()
        assert x.grad.dtype == np.float32, f


@pytest.mark.parametrize("f", [L.eigvalsh, L.svdvals, L.det, L.inv, lambda x: L.eigh(x)[1], lambda x: L.svd(x)[0]])
@pytest.mark.parametrize("shape", [(0, 3, 3), (2, 0, 0)])
def test_empty_stacks_and_matrices_have_empty_gradients(f: Any, shape: tuple[int, ...]) -> None:
    x = ad.tensor(np.zeros(shape))
    f(x).sum().backward()
    assert x.grad.shape == shape


def test_expm_of_subnormal_numbers_is_the_identity() -> None:
    """The number of squarings was the logarithm of a quotient that had underflowed to 0."""
    x = ad.tensor(np.array([[0.0, 5e-324], [5e-324, 0.0]]))
    y = ad.linalg.expm(x)
    y.sum().backward()
    np.testing.assert_allclose(y.data, np.eye(2), atol=5e-324)
    np.testing.assert_array_equal(x.grad, np.ones((2, 2)))


def test_a_second_derivative_of_a_hermitian_pinv_reads_one_triangle_as_the_first_does() -> None:
    """It read the other triangle of the matrix, so that hvp differed from the derivative of the gradient."""
    a = np.array([[3.0, 0.5], [0.5, 2.0]])
    f = lambda a: np.sum(np.linalg.pinv(a, hermitian=True) * np.array([[1.0, 2.0], [-3.0, 0.5]]))
    forward, reverse = ad.jacfwd(ad.grad(f))(a), ad.jacobian(ad.grad(f))(a)
    np.testing.assert_allclose(reverse, forward, atol=1e-14)
    assert not forward[..., 0, 1].any() and forward[..., 1, 0].any()


@pytest.mark.parametrize(("name", "instead"), [("schur", r"np\.linalg\.eig\(a\)"), ("funm", r"np\.linalg\.eigh\(a\)")])
def test_a_function_of_scipys_linalg_that_is_not_here_says_what_to_write(name: str, instead: str) -> None:
    with pytest.raises(AttributeError, match=rf"has no attribute '{name}': .*{instead}"):
        getattr(ad.linalg, name)


def test_the_forms_written_for_missing_functions_are_scipys() -> None:
    scipy = pytest.importorskip("scipy.linalg")
    rng = np.random.default_rng(0)
    a, q = rng.normal(size=(3, 3)), rng.normal(size=(3, 3))
    lyapunov = ad.linalg.solve_sylvester(a, a.T, q)
    np.testing.assert_allclose(lyapunov, scipy.solve_continuous_lyapunov(a, q), rtol=1e-10)
    discrete = np.linalg.solve(np.eye(9) - np.kron(a, a), q.ravel()).reshape(3, 3)
    np.testing.assert_allclose(discrete, scipy.solve_discrete_lyapunov(a, q), rtol=1e-9)
    pairs = np.einsum("ik,jk->ijk", a, q).reshape(-1, 3)
    np.testing.assert_allclose(pairs, scipy.khatri_rao(a, q), rtol=1e-14)


def test_a_pair_of_matrices_has_scipys_eigenvalues_and_vectors_with_their_derivatives() -> None:
    linalg, rng = pytest.importorskip("scipy.linalg"), np.random.default_rng(0)
    a, b = rng.normal(size=(2, 4, 4))
    b = b @ b.T + np.eye(4)
    for lower in (True, False):
        (w, v), (right, vectors) = (module.eigh(a, b, lower=lower) for module in (ad.linalg, linalg))
        np.testing.assert_allclose(w, right, rtol=1e-12)
        np.testing.assert_allclose(np.abs(v), np.abs(vectors), rtol=1e-9)
        np.testing.assert_allclose(ad.linalg.eigvalsh(a, b, lower=lower), right, rtol=1e-12)
        some = {"lower": lower, "eigvals_only": True, "subset_by_index": [1, 2]}
        np.testing.assert_allclose(ad.linalg.eigh(a, b, **some), linalg.eigh(a, b, **some), rtol=1e-12)
    f = lambda a, b: np.sum(ad.linalg.eigh(a, b)[0] ** 3) + np.sum(np.abs(ad.linalg.eigh(a, b)[1]) * np.arange(4))
    way, h = rng.normal(size=(2, 4, 4)), 1e-6
    slope = (f(a + h * way[0], b + h * way[1]) - f(a - h * way[0], b - h * way[1])) / (2 * h)
    parts = [np.vdot(g, d) for g, d in zip(ad.grad(f, (0, 1))(a, b), way, strict=True)]
    np.testing.assert_allclose(sum(parts), slope, rtol=1e-6)
    np.testing.assert_allclose(ad.jvp(f, (a, b), tuple(way))[1], slope, rtol=1e-6)


@pytest.mark.parametrize(
    "kind", [None, "gen", "sym", "her", "pos", "diagonal", "tridiagonal", "upper triangular", "lower triangular"]
)
def test_solve_reads_what_its_structure_tells_and_differentiates_that(kind: str | None) -> None:
    linalg, rng = pytest.importorskip("scipy.linalg"), np.random.default_rng(0)
    a, v = rng.normal(size=(4, 4)), rng.normal(size=4)
    a = a @ a.T + 4 * np.eye(4) if kind == "pos" else a + 5 * np.eye(4)
    for lower in (True, False):
        for transposed in (True, False):
            given = {"assume_a": kind, "lower": lower, "transposed": transposed}
            try:
                right = linalg.solve(a, v, **given)
            except ValueError:
                continue  # an older SciPy
            np.testing.assert_allclose(ad.linalg.solve(a, v, **given), right, rtol=1e-12)
            gradient = ad.grad(lambda a, g=given: np.sum(ad.linalg.solve(a, v, **g)))(a)
            bumps = np.eye(16).reshape(16, 4, 4)
            moved = [np.sum(ad.linalg.solve(a + 1e-6 * e, v, **given) - right) / 1e-6 for e in bumps]
            np.testing.assert_allclose(gradient.ravel(), moved, rtol=1e-4, atol=1e-5)
    with pytest.raises(ValueError, match="assume_a='spd' is no structure"):
        ad.linalg.solve(a, v, assume_a="spd")
    with pytest.raises(np.linalg.LinAlgError):
        ad.linalg.solve(-np.eye(2), np.ones(2), assume_a="pos")
