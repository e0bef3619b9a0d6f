"""Complex numbers: gradients are PyTorch's, transforms agree with each other and with differences, and what has no rule
for them refuses."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import autodiff as ad

ELEMENTWISE = (
    "positive negative square reciprocal sqrt exp expm1 log log2 log10 log1p sin cos tan arcsin arccos arctan sinh "
    "cosh tanh arcsinh arccosh arctanh absolute real imag conjugate angle"
).split()
KEPT = np.array([True, False, True, True])
# away from every branch cut and pole
Z = np.array([0.4 + 0.7j, -0.3 + 0.5j, 1.2 - 0.6j, -0.8 - 1.1j])
W = np.array([1.1 - 0.2j, 0.3 + 0.9j, -0.5 + 0.4j, 0.7 + 1.3j])


def differences(f: Any, z: Any, v: Any, h: float = 1e-6) -> Any:
    """The derivative of f along v, to about 1e-9."""
    return (f(z + h * v) - f(z - h * v)) / (2 * h)


def functions() -> dict[str, Any]:
    """Functions of one complex array; weights make every output matter differently."""
    matrix = lambda z: np.reshape(z, (2, 2))
    found = {name: getattr(np, name) for name in ELEMENTWISE}
    found |= {
        "arithmetic": lambda z: (z * W + 2j) / (z - 3) - 1j * z + z * np.arange(4.0),
        "power": lambda z: z**3 + z ** (0.5 + 1j) + 2.0**z,
        "mixed": lambda z: np.abs(z) * z + np.real(z) * np.imag(z),
        "where": lambda z: np.where(np.real(z) > 0, z * z, np.conj(z)),
        "reductions": lambda z: np.sum(z) * np.mean(z) + np.prod(z) + np.cumsum(z)[2],
        "spread": lambda z: np.var(z) + np.std(z),
        "masked spread": lambda z: np.var(z, where=KEPT) + np.std(z, correction=1) + np.var(z, mean=1j) + np.nanvar(z),
        "covariance": lambda z: np.cov(matrix(z)) + np.corrcoef(matrix(z), matrix(W))[:2, 2:],
        "residuals": lambda z: np.linalg.lstsq(np.reshape(z, (4, 1)), W, rcond=None)[1],
        "interp": lambda z: np.interp([0.3, 1.7], np.arange(4.0), z),
        "geomspace": lambda z: np.geomspace(z[0], z[1], 5),
        "nan_to_num": lambda z: np.nan_to_num(z) * z,
        "convolve": lambda z: np.convolve(z, z[:3]),
        "correlate": lambda z: np.correlate(z[:3], W, "full") + np.correlate(z, W[:3], "full"),
        "windows": lambda z: np.lib.stride_tricks.sliding_window_view(z, 2) @ W[:2],
        "norm": lambda z: np.linalg.norm(z),
        "indexing": lambda z: np.concatenate([z[::-1], z[[0, 0, 2]]]) ** 2,
        "shapes": lambda z: np.pad(np.roll(matrix(z).T, 1), 1) * 1j,
        "matmul": lambda z: matrix(z) @ matrix(z).T @ matrix(W),
        "einsum": lambda z: np.einsum("ij,jk->ik", matrix(z), np.conj(matrix(z))),
        "vdot": lambda z: np.vdot(z, W) + np.vdot(W, z) + np.inner(z, W),
        "solve": lambda z: np.linalg.solve(matrix(z), matrix(W)) + np.linalg.inv(matrix(z)),
        "det": lambda z: np.linalg.det(matrix(z)),
        "fft": lambda z: np.fft.fft(z, n=6) * np.fft.ifft(z, n=3, norm="ortho").sum(),
        "fftn": lambda z: np.fft.fft2(matrix(z)) + np.fft.ifftn(matrix(z), norm="forward"),
        "irfft": lambda z: np.concatenate([np.fft.irfft(z), np.fft.irfft(z, n=7, norm="ortho"), np.fft.irfft(z, n=4)]),
        "hfft": lambda z: np.concatenate([np.fft.hfft(z), np.fft.hfft(z, n=5, norm="forward")]),
        "irfftn": lambda z: np.fft.irfftn(np.reshape(z, (2, 2)), s=(2, 3), axes=(0, 1)),
        "shift": lambda z: np.fft.fftshift(z) * np.fft.ifftshift(z[:3]).sum(),
    }
    if hasattr(np, "vecmat"):  # NumPy 2.2
        found["vecmat"] = lambda z: np.vecmat(z[:2], matrix(z)) + np.matvec(matrix(z), z[:2])
    return found


FUNCTIONS = functions()


@pytest.mark.parametrize("name", FUNCTIONS)
def test_both_modes_agree_with_differences(name: str) -> None:
    f, v = FUNCTIONS[name], np.array([0.3 - 0.4j, 0.9 + 0.2j, -0.7 + 0.6j, 0.1 + 0.8j])
    y, tangent = ad.jvp(f, (Z,), (v,))
    np.testing.assert_allclose(y, f(Z))
    np.testing.assert_allclose(tangent, differences(f, Z, v), rtol=1e-7, atol=1e-8)
    w = np.random.default_rng(0).normal(size=(2, *np.shape(y)))
    w = w[0] + 1j * w[1] if np.iscomplexobj(y) else w[0]
    _, pullback = ad.vjp(f, Z)
    (gradient,) = pullback(w)
    # <w, J v> = <Jᴴ w, v> in the real inner product, which is what a gradient of a real number means
    inner = lambda a, b: np.sum(np.real(np.conj(a) * b))
    np.testing.assert_allclose(inner(w, tangent), inner(gradient, v), rtol=1e-10)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_second_derivatives_agree_with_differences_of_the_first(name: str) -> None:
    f, v = FUNCTIONS[name], np.array([0.3 - 0.4j, 0.9 + 0.2j, -0.7 + 0.6j, 0.1 + 0.8j])
    loss = lambda z: np.sum(np.abs(f(z)) ** 2 if np.iscomplexobj(f(Z)) else f(z) ** 2)
    product = ad.hvp(loss, (Z,), (v,))
    np.testing.assert_allclose(product, differences(ad.grad(loss), Z, v), rtol=1e-6, atol=1e-7)
    x = ad.tensor(Z)
    loss(x).backward(create_graph=True)
    gradient, x.grad = x.grad, None
    np.sum(np.real(gradient * np.conj(v))).backward()
    np.testing.assert_allclose(x.grad, product, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("name", [n for n in ELEMENTWISE if n not in ("imag",)])
def test_gradients_are_pytorchs(name: str) -> None:
    torch = pytest.importorskip("torch")
    names = {"absolute": "abs", "conjugate": "conj", "arcsin": "asin", "arccos": "acos", "arctan": "atan"}
    names |= {"arcsinh": "asinh", "arccosh": "acosh", "arctanh": "atanh"}
    theirs = (lambda t: +t) if name == "positive" else getattr(torch, names.get(name, name))
    t = torch.tensor(Z, requires_grad=True)
    (theirs(t) * torch.tensor(W)).sum().abs().backward()
    x = ad.tensor(Z)
    np.abs((getattr(np, name)(x) * W).sum()).backward()
    np.testing.assert_allclose(x.grad, t.grad.resolve_conj(), rtol=1e-12, atol=1e-14)


def test_the_gradient_of_a_real_operand_is_real() -> None:
    x = ad.tensor([1.0, 2.0])
    np.abs((x * (1 + 2j)).sum()).backward()
    assert x.grad.dtype == np.float64
    np.testing.assert_allclose(x.grad, [5**0.5] * 2)


@given(st.integers(1, 7), st.sampled_from(["backward", "ortho", "forward"]), st.integers(1, 9))
def test_real_transforms_are_transposed_at_every_length(n: int, norm: Any, length: int) -> None:
    rng = np.random.default_rng(n)
    x, v = rng.normal(size=n), rng.normal(size=n)
    f = lambda a: np.fft.rfft(a, length, norm=norm)
    w = rng.normal(size=length // 2 + 1) + 1j * rng.normal(size=length // 2 + 1)
    (back,) = ad.vjp(f, x)[1](w)
    np.testing.assert_allclose(np.sum(np.real(np.conj(w) * f(v))), np.sum(back * v), rtol=1e-9, atol=1e-11)
    np.testing.assert_allclose(ad.grad(lambda a: np.sum(np.fft.irfft(np.fft.rfft(a), n) * v))(x), v, atol=1e-12)


def test_holomorphic_functions_have_a_complex_derivative_and_others_are_refused() -> None:
    for z in (0.3 + 1j, -2.0 + 0.1j):
        np.testing.assert_allclose(ad.grad(lambda t: np.exp(t) * t, holomorphic=True)(z), np.exp(z) * (z + 1))
    with pytest.raises(TypeError, match="not holomorphic here"):
        ad.grad(lambda t: np.conj(t) * t, holomorphic=True)(1 + 1j)
    with pytest.raises(TypeError, match="needs complex arguments and a complex result"):
        ad.grad(lambda t: t * t, holomorphic=True)(1.0)
    with pytest.raises(TypeError, match="it returned a complex one"):
        ad.grad(lambda t: t * t)(1j)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda z: ad.relu(z), r"relu has no derivative rule for complex numbers; got"),
        (lambda z: np.maximum(z, 0), r"maximum has no derivative rule for complex numbers"),
        (lambda z: ad.softmax(z), r"softmax has no derivative rule for complex numbers"),
        (lambda z: np.sign(z), r"sign has no derivative rule for complex numbers"),
        (lambda z: z.sum().backward(), r"this Tensor is complex. Write np.abs\(x\), np.real\(x\)"),
        (lambda z: ad.jacobian(lambda t: t * t)(z.data), r"jacobian of complex numbers: write jacobian\(f, h"),
        (lambda z: ad.scalar(1j), r"ad.scalar needs a real number"),
        (lambda z: 1j * ad.scalar(2.0), r"a Scalar is real. Write ad.tensor"),
        (lambda z: float(z.sum()), r"float\(\)"),
    ],
)
def test_what_complex_numbers_cannot_do_is_refused_by_name(call: Any, message: str) -> None:
    with pytest.raises((TypeError, ad.GraphError, ad.MissingRuleError), match=message):
        call(ad.tensor(Z))


def test_complex64_stays_complex64() -> None:
    x = ad.tensor(Z.astype(np.complex64))
    for name in ELEMENTWISE:
        y = getattr(np, name)(x)
        assert y.dtype in (np.complex64, np.float32), name
        x.grad = None
        np.sum(np.abs(y)).backward()
        assert x.grad.dtype == np.complex64, name


def test_writes_hooks_and_retained_gradients_see_the_gradient_people_expect() -> None:
    x = ad.tensor(Z)
    y = x * 1
    y.retain_grad()
    seen: list[Any] = []
    y.register_hook(seen.append)
    np.sum(np.abs(y) ** 2).backward()
    for g in (x.grad, y.grad, seen[0]):
        np.testing.assert_allclose(g, 2 * Z)
    y = x * 1
    y[0] = 2j * y[1]
    x.grad = None
    np.sum(np.abs(y) ** 2).backward()
    np.testing.assert_allclose(x.grad, 2 * Z * [0, 5, 1, 1])


@pytest.mark.parametrize("ord", [3, 0.5, -1, 0])
def test_norms_of_any_order_take_complex_vectors(ord: float) -> None:
    value, gradient = ad.value_and_grad(lambda z: np.linalg.norm(z, ord) + 0 * np.abs(z[0]))(Z)
    assert value == pytest.approx(np.linalg.norm(Z, ord))
    v = np.array([0.3 - 0.4j, 0.9 + 0.2j, -0.7 + 0.6j, 0.1 + 0.8j])
    slope = differences(lambda z: np.linalg.norm(z, ord), Z, v)
    np.testing.assert_allclose(np.sum(np.real(np.conj(gradient) * v)), slope, rtol=1e-7, atol=1e-9)


def test_checkpoint_and_custom_rules_take_complex_values() -> None:
    square = ad.custom_vjp(lambda z: z * z)
    square.defvjp(lambda z: (z * z, z), lambda z, g: (g * 2 * z,))  # the plain transpose, as in JAX
    loss = lambda f: lambda z: np.sum(np.abs(f(z) * W) ** 2)
    right = ad.grad(loss(lambda z: z * z))(Z)
    for f in (square, ad.checkpoint(lambda z: z * z), ad.checkpoint(square)):
        np.testing.assert_allclose(ad.grad(loss(f))(Z), right, rtol=1e-13)


def test_a_number_times_a_complex_array_has_a_second_derivative() -> None:
    z = np.array([1.0 + 2.0j, -0.5j])
    f = lambda t: np.sum(np.abs(np.exp(t * z)) ** 2)  # exp(2 t Re z)
    want = np.sum(4 * np.real(z) ** 2 * np.exp(0.6 * np.real(z)))
    for second in (ad.grad(ad.grad(f)), ad.jacfwd(ad.grad(f)), ad.jacfwd(ad.jacfwd(f)), ad.hessian(f)):
        np.testing.assert_allclose(second(0.3), want, rtol=1e-14)


MATRICES: dict[str, Any] = {
    "jacfwd": ad.jacfwd,
    "jacrev": ad.jacrev,
    "forward, two at once": lambda f, holomorphic: ad.jacobian(f, 0, "forward", 2, holomorphic=holomorphic),
    "reverse, two at once": lambda f, holomorphic: ad.jacobian(f, 0, "reverse", 2, holomorphic=holomorphic),
}


@pytest.mark.parametrize("name", MATRICES)
def test_matrices_of_complex_derivatives_are_right_by_formula(name: str) -> None:
    matrix, a = MATRICES[name], np.array([[1.0, 2.0j, 0.5], [1.0 - 1.0j, 3.0, 1.0j]])
    z = np.array([0.3 - 0.2j, 1.0j, -0.7 + 0.1j])
    want = a * np.exp(z) + np.diag(z * 2)[:2]
    np.testing.assert_allclose(matrix(lambda t: a @ np.exp(t) + t[:2] ** 2, holomorphic=True)(z), want, rtol=1e-14)
    got = matrix(lambda t: np.sin(t * a), holomorphic=True)(0.5 + 1.0j)  # one number: a shape of the output alone
    np.testing.assert_allclose(got, a * np.cos((0.5 + 1.0j) * a), rtol=1e-14)
    np.testing.assert_allclose(matrix(lambda t: t**2, holomorphic=True)(1.0 + 1.0j), 2.0 + 2.0j)
    single = matrix(lambda t: t * t[0], holomorphic=True)(z.astype(np.complex64))
    assert single.dtype == np.complex64
    for f in (np.conj, lambda t: t * np.abs(t), lambda t: np.real(t) + 0j):
        with pytest.raises(TypeError, match="not holomorphic here"):
            matrix(f, holomorphic=True)(z)
    with pytest.raises(TypeError, match="needs a complex argument and a complex result"):
        matrix(np.abs, holomorphic=True)(z)
    with pytest.raises(TypeError, match=r"write jac\w+\(f, holomorphic=True\)"):
        matrix(np.exp, holomorphic=False)(z)


def test_a_matrix_of_second_complex_derivatives_is_right_by_formula() -> None:
    z = np.array([0.3 - 0.2j, 1.0j])
    f = lambda t: np.sum(t**3) + t[0] * t[1]
    want = np.diag(6 * z) + np.array([[0, 1], [1, 0]])
    np.testing.assert_allclose(ad.hessian(f, holomorphic=True)(z), want, rtol=1e-14)
    both = ad.jacfwd(ad.jacrev(f, holomorphic=True), holomorphic=True)
    np.testing.assert_allclose(both(z), want, rtol=1e-14)
    np.testing.assert_allclose(ad.vmap(both)(np.stack([z, 2 * z]))[1], want + np.diag(6 * z), rtol=1e-14)
    with pytest.raises(TypeError, match="not holomorphic here"):
        ad.hessian(lambda t: np.sum(np.conj(t) ** 3), holomorphic=True)(z)


def test_matrices_of_complex_derivatives_equal_those_of_jax() -> None:
    jax = pytest.importorskip("jax")
    z = np.array([[0.3 - 0.2j, 1.0j], [-0.7 + 0.1j, 0.4 + 0.0j]])
    program = lambda xp: lambda t: xp.exp(t) @ t + xp.sinh(t) / (2 + t**2)
    with jax.enable_x64(True) if hasattr(jax, "enable_x64") else jax.experimental.enable_x64():
        for name in ("jacfwd", "jacrev"):
            want = getattr(jax, name)(program(jax.numpy), holomorphic=True)(z)
            got = getattr(ad, name)(program(np), holomorphic=True)(z)
            np.testing.assert_allclose(got, want, rtol=1e-12, atol=1e-14)
        want = jax.hessian(lambda t: jax.numpy.sum(program(jax.numpy)(t)), holomorphic=True)(z)
        got = ad.hessian(lambda t: np.sum(program(np)(t)), holomorphic=True)(z)
        np.testing.assert_allclose(got, want, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("name", ["rfftn", "irfftn", "rfft2"])
def test_a_real_transform_without_an_axis_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=rf"{name}: a real transform needs an axis"):
        getattr(np.fft, name)(ad.tensor(2.0), axes=())
