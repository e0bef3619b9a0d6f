"""Transforms: pure function to function, any order, nested, through captured values, over containers."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import autodiff as ad

X = np.array([0.3, -1.2, 0.7])


def f(x: Any) -> Any:
    return np.sum(np.sin(x) * x**2)


def df(x: Any) -> Any:
    return np.cos(x) * x**2 + 2 * x * np.sin(x)


def ddf(x: Any) -> Any:
    return -np.sin(x) * x**2 + 4 * x * np.cos(x) + 2 * np.sin(x)


# ---- grad
def test_grad_is_plain_for_plain_arguments() -> None:
    g = ad.grad(f)(X)
    assert type(g) is np.ndarray
    np.testing.assert_allclose(g, df(X), rtol=1e-14)
    assert type(ad.grad(lambda x: x**2)(3.0)) is float


def test_value_and_grad_gives_both() -> None:
    value, g = ad.value_and_grad(f)(X)
    assert not isinstance(value, ad.Variable) and value == f(X)
    np.testing.assert_array_equal(g, ad.grad(f)(X))


def test_every_order_of_a_polynomial() -> None:
    g, expected = (lambda x: x**5), [160.0 / 2, 160.0, 240.0, 240.0, 120.0, 0.0]
    for value in expected:
        g = ad.grad(g)
        assert g(2.0) == value


@pytest.mark.parametrize("argnums", [0, 1, -1, (0,), (1, 0), (-1, 0)])
def test_argnums_choose_the_arguments(argnums: Any) -> None:
    slopes = {0: 27.0 * 4, 1: 4.0 * 27, -1: 4.0 * 27}
    found = ad.grad(lambda x, y: x**2 * y**3, argnums)(2.0, 3.0)
    if isinstance(argnums, int):
        assert found == slopes[argnums]
    else:
        assert type(found) is tuple and found == tuple(slopes[i] for i in argnums)


@pytest.mark.parametrize("argnums", [2, -3, (0, 5)])
def test_argnums_out_of_range_say_how_many_there_were(argnums: Any) -> None:
    with pytest.raises(ValueError, match="2 positional arguments"):
        ad.grad(lambda x, y: x * y, argnums)(1.0, 2.0)


def test_keywords_and_closures_are_not_differentiated() -> None:
    c = np.array([2.0, 3.0])
    assert ad.grad(lambda x, k: x**k)(2.0, k=3) == 12.0
    np.testing.assert_array_equal(ad.grad(lambda x: np.sum(c * x))(np.ones(2)), c)


def test_aux_rides_along_plain() -> None:
    def loss(x: Any) -> Any:
        y = x * x
        return y.sum(), {"y": y, "note": "text", "n": 3}

    g, aux = ad.grad(loss, has_aux=True)(X)
    (value, aux2), g2 = ad.value_and_grad(loss, has_aux=True)(X)
    np.testing.assert_array_equal(g, 2 * X)
    np.testing.assert_array_equal(g2, 2 * X)
    assert type(aux["y"]) is np.ndarray and aux["note"] == "text" and aux["n"] == 3 and aux2["y"].sum() == value


class Layer(NamedTuple):
    weight: Any
    bias: Any


def test_containers_keep_their_nesting() -> None:
    params = {"a": [np.ones(2), 3.0], "b": (np.full((2, 2), 2.0),), "layer": Layer(np.ones(1), 0.5), "none": []}
    g = ad.grad(
        lambda p: (
            np.sum(p["a"][0] * 2) + p["a"][1] ** 2 + np.sum(p["b"][0] ** 2) + p["layer"].weight[0] * p["layer"].bias
        )
    )(params)
    assert list(g) == list(params) and type(g["b"]) is tuple and type(g["layer"]) is Layer and g["none"] == []
    assert g["a"][0].tolist() == [2.0, 2.0] and g["a"][1] == 6.0 and g["b"][0].tolist() == [[4.0, 4.0]] * 2
    assert g["layer"].weight.tolist() == [0.5] and g["layer"].bias == 1.0


def test_a_function_that_ignores_its_argument_has_zero_gradient() -> None:
    assert ad.grad(lambda x: 3.0)(2.0) == 0.0
    np.testing.assert_array_equal(ad.grad(lambda x: np.float64(3.0))(X), np.zeros(3))
    np.testing.assert_array_equal(ad.jacobian(lambda x: np.ones(2))(X), np.zeros((2, 3)))
    assert ad.jvp(lambda x: 3.0, (1.0,), (1.0,))[1] == 0.0


def test_the_identity_passes_the_cotangent_through() -> None:
    assert ad.grad(lambda x: x)(2.0) == 1.0
    y, pullback = ad.vjp(lambda x: x, X)
    w = np.array([1.0, 2.0, 3.0])
    np.testing.assert_array_equal(y, X)
    g = pullback(w)[0]
    np.testing.assert_array_equal(g, w)
    g[0] = 99.0
    assert w[0] == 1.0 and X[0] == 0.3


@pytest.mark.parametrize(
    "bad",
    [3, np.arange(3), True, "x", None, np.array([True])],
    ids=["int", "int array", "bool", "str", "None", "bool array"],
)
def test_what_cannot_be_differentiated_is_refused_or_treated_as_float(bad: Any) -> None:
    if isinstance(bad, int) and not isinstance(bad, bool):
        assert ad.grad(lambda x: x * x)(bad) == 6.0
        return
    with pytest.raises(TypeError, match="argument 0 cannot be differentiated"):
        ad.grad(lambda x: np.sum(x * x))(bad)


@pytest.mark.parametrize("out", [X, [1.0], "text", None, (1.0, 2.0)], ids=["array", "list", "str", "None", "tuple"])
def test_grad_needs_a_single_number(out: Any) -> None:
    with pytest.raises(TypeError, match=r"single number.*jacobian"):
        ad.grad(lambda x: out)(1.0)


def test_numpy_scalars_keep_their_precision() -> None:
    for kind in (np.float32, np.float64):
        g = ad.grad(lambda x: x * x)(kind(3.0))
        assert g == 6.0 and np.asarray(g).dtype == kind


# ---- nesting
def test_gradient_of_a_function_that_uses_a_gradient() -> None:
    np.testing.assert_allclose(ad.grad(lambda x: np.sum(ad.grad(f)(x)))(X), ddf(X), rtol=1e-13)
    np.testing.assert_allclose(ad.grad(lambda x: np.sum(ad.grad(f)(x) ** 2))(X), 2 * df(X) * ddf(X), rtol=1e-13)


def test_mixed_partials_agree_both_ways() -> None:
    def h(x: Any, y: Any) -> Any:
        return x**2 * y**3

    assert ad.grad(ad.grad(h, 0), 1)(2.0, 3.0) == 108.0 == ad.grad(ad.grad(h, 1), 0)(2.0, 3.0)


def inner_slope(g: Any, y: float, how: str) -> Any:
    return ad.grad(g)(y) if how == "reverse" else ad.jvp(g, (y,), (1.0,))[1]


@pytest.mark.parametrize("inner", ["reverse", "forward"])
@pytest.mark.parametrize("outer", ["reverse", "forward"])
def test_inner_and_outer_perturbations_are_not_confused(outer: str, inner: str) -> None:
    assert inner_slope(lambda x: x * inner_slope(lambda y: x + y, 1.0, inner), 1.0, outer) == 1.0
    assert inner_slope(lambda x: x * inner_slope(lambda y: x * y, 1.0, inner), 4.0, outer) == 8.0


@pytest.mark.parametrize("inner", ["reverse", "forward"])
@pytest.mark.parametrize("outer", ["reverse", "forward"])
def test_perturbations_are_not_confused_on_tensors(outer: str, inner: str) -> None:
    x0 = np.array(4.0)

    def slope(g: Any, y: Any, how: str) -> Any:
        return ad.grad(g)(y) if how == "reverse" else ad.jvp(g, (y,), (np.array(1.0),))[1]

    assert slope(lambda x: x * slope(lambda y: x * y, np.array(1.0), inner), x0, outer) == 8.0


def test_three_levels_deep_through_captured_values() -> None:
    def triple(x: Any) -> Any:
        return ad.grad(lambda y: ad.grad(lambda z: x**2 * y**3 * z**4)(y) * x)(x)

    # d/dz -> 4 x^2 y^3 z^3 at z = y: 4 x^2 y^6; times x; d/dy -> 24 x^3 y^5 at y = x: 24 x^8
    assert triple(2.0) == 24.0 * 2**8
    assert ad.grad(triple)(2.0) == 24.0 * 8 * 2**7


def test_captured_leaves_make_the_answer_a_recorded_tensor() -> None:
    w = ad.tensor([2.0, 3.0, 4.0])
    g = ad.grad(lambda x: np.sum(w * x**2))(X)
    assert isinstance(g, ad.Tensor) and g.requires_grad
    (g**2).sum().backward()
    np.testing.assert_allclose(w.grad, 2 * (2 * X * w.data) * 2 * X, rtol=1e-14)
    value, _ = ad.value_and_grad(lambda x: np.sum(w * x**2))(X)
    assert isinstance(value, ad.Tensor) and value.requires_grad
    _, t = ad.jvp(lambda x: w * x, (X,), (X,))
    assert isinstance(t, ad.Tensor) and t.requires_grad
    _, pullback = ad.vjp(lambda x: w * x, X)
    assert pullback(X)[0].requires_grad


def test_what_is_recorded_but_does_not_matter_leaves_the_answer_plain() -> None:
    w = ad.tensor([2.0, 3.0, 4.0])

    def g(x: Any) -> Any:
        _ = w * x
        return np.sum(x * x)

    assert type(ad.grad(g)(X)) is np.ndarray


def test_under_no_grad_captured_leaves_are_constants_and_arguments_still_differentiate() -> None:
    w = ad.tensor([2.0, 3.0, 4.0])
    with ad.no_grad():
        g = ad.grad(lambda x: np.sum(w * x**2))(X)
        assert not isinstance(g, ad.Variable)
        np.testing.assert_allclose(g, 2 * w.data * X, rtol=1e-15)
        h = ad.grad(lambda x: np.sum(ad.grad(f)(x)))(X)
        np.testing.assert_allclose(h, ddf(X), rtol=1e-13)
        t = ad.tensor(X)
        np.testing.assert_allclose(ad.grad(f)(t), df(X), rtol=1e-14)
    assert w.grad is None


def test_a_recorded_argument_stays_connected() -> None:
    x = ad.tensor(X)
    g = ad.grad(f)(x)
    assert isinstance(g, ad.Tensor) and g.requires_grad
    g.sum().backward()
    np.testing.assert_allclose(x.grad, ddf(X), rtol=1e-13)


def test_transforms_leave_leaf_gradients_alone() -> None:
    w = ad.tensor([2.0, 3.0, 4.0])
    w.grad = np.ones(3)
    ad.grad(lambda x: np.sum(w * x))(X)
    ad.hessian(lambda x: np.sum(w * x**2))(X)
    assert w.grad.tolist() == [1.0, 1.0, 1.0]


# ---- vjp and jvp
def test_pullback_is_linear_and_may_be_called_often() -> None:
    y, pullback = ad.vjp(lambda x, z: (x * z, z.sum()), X, X + 1)
    assert type(y) is tuple
    for k in (1.0, 2.0, 0.0):
        gx, gz = pullback((k * np.ones(3), k))
        np.testing.assert_array_equal(gx, k * (X + 1))
        np.testing.assert_array_equal(gz, k * (X + 1.0))


def test_cotangents_and_tangents_must_fit() -> None:
    _, pullback = ad.vjp(np.sin, X)
    with pytest.raises(ValueError, match=r"\(3,\).*\(2,\)"):
        pullback(np.ones(2))
    with pytest.raises(ValueError, match="array or a number; got a tuple of 2"):
        pullback((X, X))
    with pytest.raises(ValueError, match=r"\(3,\).*\(2,\)"):
        ad.jvp(np.sin, (X,), (np.ones(2),))
    for bad in ((X, (X,)), ((X,), X), ((X,), (X, X))):
        with pytest.raises(TypeError, match="equal length"):
            ad.jvp(np.sin, *bad)


def test_jvp_over_containers_and_several_outputs() -> None:
    (y, z), (ty, tz) = ad.jvp(
        lambda p: (p["a"] * p["b"], [p["a"], 5.0]), ({"a": X, "b": 2.0},), ({"a": np.ones(3), "b": 1.0},)
    )
    np.testing.assert_array_equal(y, 2 * X)
    np.testing.assert_array_equal(ty, 2 + X)
    np.testing.assert_array_equal(tz[0], np.ones(3))
    assert tz[1] == 0.0 and z[1] == 5.0


@given(st.integers(0, 2**32))
def test_forward_and_reverse_agree_through_many_kinds_of_operations(seed: int) -> None:
    rng = np.random.default_rng(seed)
    a = rng.normal(size=(3, 3))

    def mix(x: Any) -> Any:
        y = np.cumsum(np.tanh(a @ x), axis=0)[[0, 2, 2]]
        z = np.pad(np.sort(y, axis=0), ((1, 0), (0, 1)), mode="edge")
        return ad.softmax(z, axis=0) + np.max(z, axis=1, keepdims=True) / np.linalg.norm(x)

    x, v, u = rng.normal(size=(3, 2)), rng.normal(size=(3, 2)), rng.normal(size=(4, 3))
    _, t = ad.jvp(mix, (x,), (v,))
    _, pullback = ad.vjp(mix, x)
    # sums of a dozen terms of size one to ten
    np.testing.assert_allclose(np.sum(u * t), np.sum(pullback(u)[0] * v), rtol=1e-10, atol=1e-10)


def test_forward_over_reverse_equals_reverse_over_forward() -> None:
    v = np.array([1.0, -2.0, 0.5])
    _, a = ad.jvp(ad.grad(f), (X,), (v,))
    b = ad.grad(lambda x: ad.jvp(f, (x,), (v,))[1])(X)
    c = ad.hvp(f, (X,), (v,))
    _, d = ad.jvp(lambda x: ad.jvp(f, (x,), (v,))[1], (X,), (v,))
    for found in (a, b, c):
        np.testing.assert_allclose(found, ddf(X) * v, rtol=1e-13)
    np.testing.assert_allclose(d, np.sum(ddf(X) * v * v), rtol=1e-13)


# ---- matrices
@pytest.mark.parametrize("mode", [None, "reverse", "forward"])
def test_jacobian_has_the_shape_of_output_then_argument(mode: Any) -> None:
    w = np.arange(24.0).reshape(4, 2, 3)
    x = np.ones((2, 3)) * 0.5
    J = ad.jacobian(lambda x: np.einsum("oij,ij->o", w, x**2), mode=mode)(x)
    assert J.shape == (4, 2, 3)
    np.testing.assert_allclose(J, w * 2 * x, rtol=1e-14)
    assert ad.jacobian(lambda x: x**2, mode=mode)(3.0) == 6.0
    np.testing.assert_array_equal(ad.jacobian(lambda x, y: x * y, argnums=1, mode=mode)(X, X), np.diag(X))
    assert ad.jacobian(lambda x: np.ones((0, 2)) * x.sum(), mode=mode)(X).shape == (0, 2, 3)
    assert ad.jacobian(lambda x: x * 2, mode=mode)(np.zeros((0,))).shape == (0, 0)


def test_jacobian_of_float32_is_float32() -> None:
    for mode in ("reverse", "forward"):
        assert ad.jacobian(np.sin, mode=mode)(X.astype(np.float32)).dtype == np.float32
    assert ad.hessian(lambda x: np.sum(x**3))(X.astype(np.float32)).dtype == np.float32


def test_jacobian_says_what_it_needs() -> None:
    with pytest.raises(ValueError, match="mode"):
        ad.jacobian(np.sin, mode="sideways")
    with pytest.raises(TypeError, match=r"one argument number; got \(0, 1\)"):
        ad.jacobian(lambda x, y: x * y, argnums=(0, 1))(X, X)
    with pytest.raises(TypeError, match="list"):
        ad.jacobian(lambda x: x[0])([X])
    with pytest.raises(TypeError, match="one array"):
        ad.jacobian(lambda x: (x, x))(X)


def test_hessian_is_symmetric_and_agrees_with_hvp() -> None:
    a = np.array([[0.5, -1.0, 0.2], [1.5, 0.3, -0.7], [0.1, 0.8, 0.4]])

    def h(x: Any) -> Any:
        return np.sum(np.sin(a @ x) * np.exp(x)) + np.prod(x)

    H, v = ad.hessian(h)(X), np.array([1.0, 2.0, -1.0])
    # twice the same sums in another order
    np.testing.assert_allclose(H, H.T, rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(H @ v, ad.hvp(h, (X,), (v,)), rtol=1e-12)
    assert ad.hessian(lambda x: x**3)(2.0) == 12.0
    assert ad.hessian(lambda x: np.sum(x**2))(np.ones((2, 3))).shape == (2, 3, 2, 3)


def test_hvp_over_several_primals() -> None:
    hx, hy = ad.hvp(lambda x, y: np.sum(x**2 * y), (X, X + 1), (np.ones(3), np.zeros(3)))
    np.testing.assert_allclose(hx, 2 * (X + 1), rtol=1e-14)
    np.testing.assert_allclose(hy, 2 * X, rtol=1e-14)


def test_jacobian_of_a_jacobian() -> None:
    J = ad.jacobian(ad.jacobian(lambda x: x**3))(X)
    expected = np.zeros((3, 3, 3))
    expected[range(3), range(3), range(3)] = 6 * X
    np.testing.assert_allclose(J, expected, rtol=1e-14)


# ---- checkpoint
def test_checkpoint_gives_the_same_values_and_derivatives() -> None:
    def block(x: Any, w: Any) -> Any:
        return np.tanh(x @ w) * x

    w0 = np.random.default_rng(0).normal(size=(3, 3))
    for g in (block, ad.checkpoint(block)):
        x, w = ad.tensor(X), ad.tensor(w0)
        y = g(x, w)
        y.sum().backward()
        if g is block:
            expected = y.data, x.grad, w.grad
    for found, right in zip((y.data, x.grad, w.grad), expected, strict=True):
        np.testing.assert_array_equal(found, right)


def test_checkpoint_reaches_captured_parameters() -> None:
    w = ad.tensor([1.0, 2.0, 3.0])
    x = ad.tensor(X)
    ad.checkpoint(lambda x: np.sin(x * w))(x).sum().backward()
    np.testing.assert_allclose(w.grad, X * np.cos(X * w.data), rtol=1e-14)
    np.testing.assert_allclose(x.grad, w.data * np.cos(X * w.data), rtol=1e-14)


def test_checkpoint_runs_again_only_in_backward() -> None:
    calls = []

    def block(x: Any) -> Any:
        calls.append(1)
        return np.tanh(x) * x

    x = ad.tensor(X)
    y = ad.checkpoint(block)(x).sum()
    assert len(calls) == 1
    y.backward()
    assert len(calls) == 2
    with ad.no_grad():
        ad.checkpoint(block)(x)
    assert len(calls) == 3
    assert type(ad.checkpoint(block)(X)) is np.ndarray


def test_checkpoint_replays_the_generator() -> None:
    def drop(x: Any, rng: Any = None) -> Any:
        return x * (rng.random(x.shape) < 0.5) * rng.normal(size=x.shape)

    x, rng, twin = ad.tensor(np.ones(50)), np.random.default_rng(3), np.random.default_rng(3)
    y = ad.checkpoint(drop)(x, rng=rng)
    plain = drop(np.ones(50), rng=twin)
    np.testing.assert_array_equal(y.data, plain)
    after = rng.random()
    assert after == twin.random()
    y.sum().backward()
    np.testing.assert_array_equal(x.grad, plain)
    assert rng.random() == twin.random()


def test_checkpoint_has_second_derivatives_and_nests() -> None:
    g = ad.checkpoint(lambda x: ad.checkpoint(np.sin)(x) * x**2)
    np.testing.assert_allclose(ad.grad(lambda x: np.sum(g(x)))(X), df(X), rtol=1e-14)
    np.testing.assert_allclose(ad.hvp(lambda x: np.sum(g(x)), (X,), (np.ones(3),)), ddf(X), rtol=1e-13)


def test_checkpoint_of_a_function_of_several_outputs() -> None:
    def pair(x: Any) -> Any:
        return np.sin(x), x * x

    x = ad.tensor(X)
    a, b = ad.checkpoint(pair)(x)
    (a * b).sum().backward()
    np.testing.assert_allclose(x.grad, df(X), rtol=1e-14)


# ---- custom_vjp
def clipped() -> Any:
    @ad.custom_vjp
    def identity(x: Any, limit: Any) -> Any:
        return x * 1.0

    identity.defvjp(lambda x, limit: (x * 1.0, limit), lambda limit, g: (np.clip(g, -limit, limit), None))
    return identity


def test_custom_rule_is_used() -> None:
    x = ad.tensor([1.0, 2.0])
    (clipped()(x, 1.5) * [1.0, 10.0]).sum().backward()
    assert x.grad.tolist() == [1.0, 1.5]
    assert type(clipped()(np.ones(2), 1.0)) is np.ndarray


def test_a_custom_rule_takes_arguments_by_name_as_in_jax() -> None:
    @ad.custom_vjp
    def scaled(x: Any, factor: float = 2.0) -> Any:
        return x * factor

    scaled.defvjp(lambda x, factor: (x * factor, factor), lambda factor, g: (g * factor, None))
    assert ad.grad(lambda x: scaled(x, factor=3.0))(1.0) == ad.grad(lambda x: scaled(factor=3.0, x=x))(1.0) == 3.0
    assert repr(scaled) == "<custom_vjp scaled>"
    with pytest.raises(TypeError, match="unexpected keyword argument 'scale'"):
        scaled(1.0, scale=2.0)


def test_custom_rule_differentiates_again() -> None:
    @ad.custom_vjp
    def log1pexp(x: Any) -> Any:
        return np.log1p(np.exp(x))

    log1pexp.defvjp(lambda x: (np.log1p(np.exp(x)), x), lambda x, g: (g / (1.0 + np.exp(-x)),))
    s = 1 / (1 + np.exp(-X))
    total = lambda x: np.sum(log1pexp(x))
    np.testing.assert_allclose(ad.grad(total)(X), s, rtol=1e-14)
    np.testing.assert_allclose(np.diag(ad.hessian(total)(X)), s * (1 - s), rtol=1e-13)
    assert abs(ad.grad(ad.grad(log1pexp))(0.0) - 0.25) < 1e-15


def test_custom_rule_in_forward_mode() -> None:
    @ad.custom_vjp
    def twice(x: Any, y: Any) -> Any:
        return 2 * x * y

    twice.defvjp(lambda x, y: (2 * x * y, (x, y)), lambda r, g: (2 * g * r[1], 2 * g * r[0]))
    np.testing.assert_allclose(ad.jvp(twice, (X, X + 1), (np.ones(3), np.zeros(3)))[1], 2 * (X + 1), rtol=1e-14)


def test_custom_rule_must_be_given_and_fit() -> None:
    @ad.custom_vjp
    def g(x: Any, y: Any) -> Any:
        return x * y

    x = ad.tensor(X)
    with pytest.raises(ad.GraphError, match="defvjp"):
        g(x, x)
    g.defvjp(lambda x, y: (x * y, None), lambda r, c: (c,))
    with pytest.raises(ad.GraphError, match="each of 2 arguments"):
        g(x, x).sum().backward()
    g.defvjp(lambda x, y: (x * y, None), lambda r, c: c)
    with pytest.raises(ad.GraphError, match="each of 2 arguments"):
        g(x, x).sum().backward()


def test_custom_rule_runs_once_a_pass_and_again_for_another() -> None:
    runs = []

    @ad.custom_vjp
    def g(x: Any, y: Any) -> Any:
        return x * y

    def rule(r: Any, c: Any) -> Any:
        runs.append(1)
        return c * r[1], c * r[0]

    g.defvjp(lambda x, y: (x * y, (x, y)), rule)
    x, y = ad.tensor([2.0]), ad.tensor([3.0])
    z = g(x, y)
    z.backward(retain_graph=True)
    assert len(runs) == 1 and (x.grad, y.grad) == ([3.0], [2.0])
    z.backward()
    assert len(runs) == 2 and (x.grad, y.grad) == ([6.0], [4.0])


def test_transforms_keep_the_functions_name() -> None:
    def named(x: Any) -> Any:
        """Its words."""
        return x

    for transform in (ad.grad, ad.value_and_grad, ad.jacobian, ad.hessian, ad.checkpoint):
        assert transform(named).__name__ == "named" and transform(named).__doc__ == "Its words."


def test_dicts_of_tangents_and_cotangents_match_by_key() -> None:
    """They were matched by the order of insertion, and other keys were taken for the same."""
    f = lambda d: d["a"] * 10 + d["b"]
    assert ad.jvp(f, ({"a": 1.0, "b": 1.0},), ({"b": 1.0, "a": 0.0},))[1] == 1.0
    _, pullback = ad.vjp(lambda x: {"a": x, "b": [x * 10, (x * 100,)]}, 1.0)
    assert pullback({"b": [1.0, (2.0,)], "a": 0.5}) == (210.5,)
    with pytest.raises(ValueError, match="keys \\['a'\\]; got a dict with the keys \\['c'\\]"):
        ad.jvp(lambda d: d["a"], ({"a": 1.0},), ({"c": 1.0},))
    for wrong in ({"a": 1.0, "b": [1.0, 2.0]}, {"a": 1.0, "b": [1.0]}, {"a": (1.0,), "b": [1.0, (2.0,)]}):
        with pytest.raises(ValueError, match="the cotangent must be"):
            pullback(wrong)


def test_argnums_may_be_a_numpy_integer_and_aux_must_be_a_pair() -> None:
    assert ad.grad(lambda a, b: a * b, np.int64(1))(2.0, 3.0) == 2.0  # type: ignore[arg-type]
    for f in (lambda x: x, lambda x: np.stack([x, x])):
        with pytest.raises(TypeError, match="value, aux"):
            ad.grad(f, has_aux=True)(2.0)


def test_forward_mode_goes_through_a_checkpoint() -> None:
    x, w = np.array([1.0, 2.0]), ad.tensor([3.0, 4.0])
    _, t = ad.jvp(lambda x: ad.checkpoint(lambda x, k: k * x**3)(x, 2.0), (x,), (np.ones(2),))
    np.testing.assert_allclose(t, 6 * x**2, rtol=1e-15)
    _, t = ad.jvp(lambda x: ad.checkpoint(lambda x: w * x**3)(x), (x,), (np.ones(2),))
    np.testing.assert_allclose(t.data, 3 * w.data * x**2, rtol=1e-15)


def test_a_custom_rule_is_not_passed_over_and_loses_no_gradient() -> None:
    x, w = ad.tensor([1.0, 2.0]), ad.tensor([3.0, 4.0])
    first = ad.custom_vjp(lambda pair: pair[0])
    first.defvjp(lambda pair: (pair[0], None), lambda r, g: (g,))
    with pytest.raises(ad.GraphError, match="inside a list or dict"):
        first([x, 2.0])
    scaled = ad.custom_vjp(lambda x: x * w)
    scaled.defvjp(lambda x: (x * w, w), lambda w, g: (g * w,))
    with pytest.raises(ad.GraphError, match="none of its arguments"):
        scaled(x)
    for fwd in (lambda x: x, lambda x: ((x, x), None)):
        wrong = ad.custom_vjp(lambda x: x)
        wrong.defvjp(fwd, lambda r, g: (g,))
        with pytest.raises(ad.GraphError, match="must return"):
            wrong(x)


@pytest.mark.parametrize("transform", [ad.grad, ad.value_and_grad, ad.jacobian, ad.hessian])
def test_a_transform_of_a_value_or_with_an_argument_beside_the_function_is_refused_at_once(transform: Any) -> None:
    """Both gave a function that failed when it was called, if it ever was."""
    x = ad.tensor([1.0, 2.0])
    with pytest.raises(TypeError, match=r"needs a function; got float64 Tensor of shape \(\).*y\.backward\(\)"):
        transform((x * x).sum(), x)
    with pytest.raises(TypeError, match=r"argnums must be an integer.*got float\. .*ad\.\w+\(f\)\(x\)"):
        transform(lambda t: t * t, 3.0)


# ---- jacobian: one run of f, and one dtype
@pytest.mark.parametrize("mode", [None, "forward", "reverse"])
@pytest.mark.parametrize(("n", "m"), [(2, 5), (5, 2), (3, 3), (0, 3), (3, 0), (0, 0)])
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_a_jacobian_runs_f_once_and_has_the_arguments_dtype(mode: str | None, n: int, m: int, dtype: Any) -> None:
    """With more outputs than inputs f ran once a column, each with other random numbers, and float32 was lost."""
    rng, runs = np.random.default_rng(0), []

    def f(x: Any) -> Any:
        runs.append((rng.random((m, n)) < 0.5).astype(dtype))
        return runs[-1] @ x

    J = ad.jacobian(f, mode=mode)(np.ones(n, dtype))
    assert len(runs) == 1 and J.dtype == dtype and J.shape == (m, n)
    np.testing.assert_array_equal(J, runs[0])


@pytest.mark.parametrize("mode", [None, "forward", "reverse"])
def test_a_jacobian_of_a_constant_of_mixed_dtypes_and_of_numbers(mode: str | None) -> None:
    J = ad.jacobian(lambda x: np.ones((2, 2)), mode=mode)(np.zeros(3, np.float32))
    assert J.dtype == np.float32 and J.shape == (2, 2, 3) and not J.any()
    J = ad.jacobian(lambda x: x.astype(np.float64) * np.ones((2, 1)), mode=mode)(np.ones(3, np.float32))
    assert J.dtype == np.float32 and J.shape == (2, 3, 3)
    assert type(ad.jacobian(lambda x: x * x, mode=mode)(3.0)) is float
    assert ad.jacobian(lambda x: np.stack([x, x * x]), mode=mode)(3.0).tolist() == [1.0, 6.0]
    assert ad.jacobian(lambda x: np.sum(x), mode=mode)(np.ones(2)).tolist() == [1.0, 1.0]


@pytest.mark.parametrize("mode", ["forward", "reverse"])
def test_a_jacobian_stays_in_the_graph_of_what_it_captures(mode: str) -> None:
    w = ad.tensor([2.0, 3.0])
    J = ad.jacobian(lambda x: w * x**2, mode=mode)(np.array([1.0, 2.0]))
    J.sum().backward()
    np.testing.assert_allclose(w.grad, [2.0, 4.0])


def test_jacfwd_and_jacrev_are_jax_s_names() -> None:
    f = lambda x: np.stack([np.sin(x[0]) * x[1], x[1] ** 2, x[0]])
    x = np.array([0.5, 2.0])
    right = [[np.cos(0.5) * 2, np.sin(0.5)], [0.0, 4.0], [1.0, 0.0]]
    np.testing.assert_allclose(ad.jacfwd(f)(x), right, rtol=1e-15)
    np.testing.assert_allclose(ad.jacrev(f)(x), right, rtol=1e-15)
    np.testing.assert_allclose(
        ad.jacfwd(ad.jacrev(lambda x: np.prod(x) ** 2))(x), ad.hessian(lambda x: np.prod(x) ** 2)(x), rtol=1e-15
    )
    with pytest.raises(TypeError, match="jacfwd needs a function"):
        ad.jacfwd(x)


def test_stop_gradient_stops_every_derivative() -> None:
    assert ad.grad(lambda x: x * ad.stop_gradient(x) + ad.stop_gradient({"a": [x]})["a"][0])(3.0) == 3.0
    assert ad.jvp(lambda x: ad.stop_gradient(x) * x, (3.0,), (1.0,))[1] == 3.0
    assert ad.grad(ad.grad(lambda x: x**2 * ad.stop_gradient(x)))(3.0) == 6.0
    assert ad.stop_gradient((1.0, "a")) == (1.0, "a")


# ---- only the paths to what is asked for
def count_rules(monkeypatch: pytest.MonkeyPatch, name: str) -> list[Any]:
    calls: list[Any] = []
    row = ad.ops.OPS[name]
    rules = tuple(
        (lambda *args, rule=rule, i=i: (calls.append(i), rule(*args))[1]) for i, rule in enumerate(row.vjps)
    )
    monkeypatch.setattr(row, "vjps", rules)
    monkeypatch.setattr(row, "pull", None)
    return calls


@pytest.mark.parametrize("live", [False, True])
def test_the_gradient_of_an_input_computes_no_gradient_of_a_weight(monkeypatch: Any, live: bool) -> None:
    """A Jacobian with respect to a network's input computed every weight's gradient in every row: 4.6 times."""
    w = [ad.tensor(np.eye(3) * k) for k in (1.0, 2.0, 3.0)]
    calls = count_rules(monkeypatch, "matmul")
    x: Any = np.ones(3)
    net = lambda x: x @ w[0] @ w[1] @ w[2]
    assert np.allclose(ad.jacobian(net, mode="reverse")(ad.tensor(x) if live else x).data, 6 * np.eye(3))
    assert calls == [0] * 3  # the rule of the left operand, once a product: all rows in one pass
    calls.clear()
    ad.grad(lambda x: net(x).sum())(x)
    ad.vjp(net, x)[1](np.ones(3))
    assert calls == [0] * 6


# ---- what is given back is the caller's alone
@pytest.mark.parametrize("live", [False, True])
def test_a_transform_gives_no_array_twice_and_none_of_the_callers(live: bool) -> None:
    """jvp of the identity gave the caller's own tangent."""
    made = (lambda a: ad.tensor(a)) if live else (lambda a: a)
    x, v = made(np.ones(3)), np.arange(3.0)
    identity = lambda x: x
    twice = lambda x: (x, x, x[:2], np.reshape(x, (3, 1)))
    add = lambda a, b: a + b
    given = [v, x if not live else x.data]
    results: list[list[Any]] = []
    for f in (identity, twice):
        _, t = ad.jvp(f, (x,), (v,))
        results.append(list(t) if isinstance(t, tuple) else [t])
    _, pullback = ad.vjp(identity, x)
    results.append([*pullback(v), *pullback(v)])
    _, pullback = ad.vjp(add, x, x)
    results.append([*pullback(v)])
    results.append(list(ad.grad(lambda a, b: np.sum(a + b), (0, 1))(x, x)))
    results.append([ad.hvp(lambda x: np.sum(x * x) / 2, (x,), (v,))])
    for result in results:
        arrays = [*given, *(getattr(r, "_data", r) for r in result)]
        for i, a in enumerate(arrays):
            assert i < 2 or a.flags.writeable
            assert not any(np.shares_memory(a, b) for b in arrays[max(i + 1, 2) :])


def test_writing_into_the_value_of_vjp_changes_no_derivative() -> None:
    y, pullback = ad.vjp(np.exp, np.zeros(2))
    y[:] = 100.0
    assert pullback(np.ones(2))[0].tolist() == [1.0, 1.0]


@pytest.mark.parametrize("f", [lambda a: np.maximum(a, 0), ad.relu, lambda a: np.where(a > 5, a, 0.0)])
@pytest.mark.parametrize("x", [np.array([3.0]), np.array([-3.0]), 3.0, -3.0])
def test_whether_a_gradient_is_recorded_depends_on_no_value(f: Any, x: Any) -> None:
    """Where a relu was off, the gradient beside a recorded weight was a plain array: a penalty on it could not be
    differentiated on that day's data."""
    w = ad.tensor([2.0]) if np.ndim(x) else ad.scalar(2.0)
    g = ad.grad(lambda x: np.sum(f(w * x)))(x)
    assert isinstance(g, type(w)) and g.requires_grad
    np.sum(g * g).backward()


def test_a_hessian_adds_flat_terms_before_one_that_is_not() -> None:
    """Two cotangents that no direction moves are plain arrays; their sum was taken for one of all directions."""
    x = np.array([0.5, -2.0, 1.0])
    f = lambda x: np.linalg.norm(x, 1) + np.linalg.norm(x, np.inf) + np.sum(x**4)
    np.testing.assert_allclose(ad.hessian(f)(x), np.diag(12 * x**2), atol=1e-15)
    g = lambda x: np.linalg.norm(x, 1) + np.linalg.norm(x, np.inf) + np.linalg.norm(x, 3)
    np.testing.assert_allclose(ad.hessian(g)(x), ad.hessian(lambda x: np.linalg.norm(x, 3))(x), rtol=1e-13)
