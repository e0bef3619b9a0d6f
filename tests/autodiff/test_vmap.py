"""vmap: axes and nestings, composition with the other transforms, and what is refused."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import pytest

import autodiff as ad
import nn
from autodiff.batching import routes

X = np.linspace(-1.0, 1.0, 12).reshape(4, 3)


def loss(w: Any, x: Any, y: Any) -> Any:
    return np.square(np.tanh(np.dot(w, x)) - y)


def same(a: Any, b: Any) -> None:
    np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-14)  # other orders of the same sums


def test_axes_of_arguments_and_outputs_are_where_they_are_named() -> None:
    f = ad.vmap(lambda a, b: np.outer(a, b), in_axes=(1, None), out_axes=-1)
    made = f(X, np.ones(2))
    assert made.shape == (4, 2, 3)
    same(made, np.stack([np.outer(X[:, k], np.ones(2)) for k in range(3)], axis=-1))


def test_arguments_and_outputs_may_be_nested() -> None:
    given = {"a": X, "b": [X[:, 0], np.float64(2.0)]}
    f = lambda d: {"s": d["a"].sum() * d["b"][1], "t": (d["b"][0], 3.0)}
    out = ad.vmap(f, in_axes=({"a": 0, "b": [0, None]},))(given)
    same(out["s"], X.sum(1) * 2.0)
    same(out["t"][0], X[:, 0])
    same(out["t"][1], np.full(4, 3.0))


def test_out_axes_may_be_nested_and_none_returns_what_all_share_once() -> None:
    a, b = ad.vmap(lambda x: (x, 2.0), out_axes=(1, None))(X)
    assert a.shape == (3, 4) and b == 2.0
    with pytest.raises(ValueError, match="out_axes=None for an output that differs between examples"):
        ad.vmap(lambda x: x, out_axes=None)(X)


def test_per_example_gradients_of_a_shared_argument() -> None:
    w, y = np.array([0.1, -0.2, 0.3]), np.arange(4.0)
    got = ad.vmap(ad.grad(loss), in_axes=(None, 0, 0))(w, X, y)
    same(got, np.stack([ad.grad(loss)(w, X[k], y[k]) for k in range(4)]))


def test_per_example_gradients_of_a_captured_value() -> None:
    w = np.array([0.1, -0.2, 0.3])
    got = ad.vmap(lambda x: ad.grad(lambda w: loss(w, x, 0.5))(w))(X)
    same(got, np.stack([ad.grad(loss)(w, x, 0.5) for x in X]))


def test_a_gradient_of_what_does_not_depend_on_the_examples_is_repeated() -> None:
    same(ad.vmap(lambda x: ad.grad(lambda w: w * w)(3.0))(X), np.full(4, 6.0))


def test_the_gradient_of_a_sum_over_vmap_is_that_of_the_whole() -> None:
    w, y = np.array([0.1, -0.2, 0.3]), np.arange(4.0)
    whole = ad.grad(lambda w: ad.vmap(loss, in_axes=(None, 0, 0))(w, X, y).sum())(w)
    same(whole, sum(ad.grad(loss)(w, X[k], y[k]) for k in range(4)))


def test_backward_reaches_recorded_values_that_the_function_captures() -> None:
    w = ad.tensor([0.1, -0.2, 0.3])
    ad.vmap(lambda x: loss(w, x, 0.5))(X).sum().backward()
    same(w.grad, sum(ad.grad(loss)(w.data, x, 0.5) for x in X))


def test_a_gradient_of_per_example_gradients() -> None:
    def penalty(w: Any) -> Any:
        per_example = ad.vmap(ad.grad(loss), in_axes=(None, 0, None))(w, X, 0.5)
        return np.sum(np.square(per_example))

    def by_loop(w: Any) -> Any:
        return sum(np.sum(np.square(ad.grad(loss)(w, x, 0.5))) for x in X)

    w = np.array([0.1, -0.2, 0.3])
    same(ad.grad(penalty)(w), ad.grad(by_loop)(w))


def test_vmap_of_vmap_and_gradients_between_them() -> None:
    def inner(w: Any, a: Any) -> Any:
        return ad.grad(lambda w: ad.vmap(lambda b: loss(w, a * b, 0.5))(np.arange(2.0)).sum())(w)

    w = np.array([0.1, -0.2, 0.3])
    got = ad.vmap(ad.grad(lambda w, a: inner(w, a).sum()), in_axes=(None, 0))(w, X)

    def one(w: Any, a: Any) -> Any:
        return ad.grad(lambda w: sum(loss(w, a * b, 0.5) for b in (0.0, 1.0)))(w).sum()

    same(got, np.stack([ad.grad(one)(w, a) for a in X]))


@pytest.mark.parametrize("transform", [ad.jacobian, ad.jacfwd, ad.hessian])
def test_matrices_of_derivatives_inside_vmap(transform: Any) -> None:
    f = (lambda x: np.sin(x).sum() * x[0]) if transform is ad.hessian else (lambda x: np.sin(x) * x[::-1])
    same(ad.vmap(transform(f))(X), np.stack([transform(f)(x) for x in X]))


def test_forward_mode_and_pullbacks_inside_vmap() -> None:
    v = np.ones(3)
    same(ad.vmap(lambda x: ad.jvp(np.tanh, (x,), (v,))[1])(X), 1 - np.tanh(X) ** 2)
    same(ad.vmap(lambda v: ad.jvp(np.tanh, (X[0],), (v,))[1])(X), X * (1 - np.tanh(X[0]) ** 2))
    same(ad.vmap(lambda x: ad.vjp(np.tanh, x)[1](v)[0])(X), 1 - np.tanh(X) ** 2)
    same(ad.vmap(lambda v: ad.hvp(lambda x: np.sum(x**3), (X[0],), (v,)))(X), 6 * X[0] * X)


def test_vmap_of_a_pullback_is_one_pass_over_one_graph(monkeypatch: pytest.MonkeyPatch) -> None:
    _, pullback = ad.vjp(lambda d: {"y": np.tanh(d["a"] * d["b"])}, {"a": X[0], "b": 2.0})
    monkeypatch.setattr(routes, "over_examples", lambda *a: pytest.fail("a loop"))
    (got,) = ad.vmap(pullback)({"y": X})
    each = [pullback({"y": c})[0] for c in X]
    for key in got:
        same(got[key], np.stack([g[key] for g in each]))


def test_vmap_of_a_pullback_inside_vmap() -> None:
    def f(x: Any) -> Any:
        return ad.vmap(ad.vjp(np.sin, x)[1])(np.eye(3))[0]

    same(ad.vmap(f)(X), np.stack([np.diag(np.cos(x)) for x in X]))


def test_a_pullback_that_meets_zeros_by_construction_takes_its_cotangents_one_by_one() -> None:
    x = np.array([0.0, 4.0])
    _, pullback = ad.vjp(lambda x: ad.where(x > 0, np.sqrt(x), 0.0), x)
    same(ad.vmap(pullback)(np.eye(2))[0], [[0.0, 0.0], [0.0, 0.25]])
    same(ad.jacobian(lambda x: ad.where(x > 0, np.sqrt(x), 0.0))(x), [[0.0, 0.0], [0.0, 0.25]])


def test_dicts_of_parameters_get_dicts_of_per_example_gradients() -> None:
    w = {"w": np.ones((2, 3)), "b": np.zeros(2)}
    f = lambda p, x: np.sum(np.tanh(ad.linear(x, p["w"], p["b"])) ** 2)
    got = ad.vmap(ad.grad(f), in_axes=(None, 0))(w, X)
    for key in w:
        same(got[key], np.stack([ad.grad(f)(w, x)[key] for x in X]))


def test_a_choice_by_where_takes_the_gradient_of_the_branch_of_each_example() -> None:
    f = lambda x: ad.where(x.sum() > 0, np.exp(x).sum(), -x.sum())
    same(ad.vmap(ad.grad(f))(X), np.stack([ad.grad(f)(x) for x in X]))


def test_indices_and_masks_may_differ_between_examples() -> None:
    i = np.array([0, 2, 1, 1])
    table = np.arange(9.0).reshape(3, 3)
    same(ad.vmap(lambda x, i: x[i])(X, i), X[np.arange(4), i])
    same(ad.vmap(lambda i: ad.tensor(table)[i])(i).data, table[i])
    same(ad.vmap(lambda i: ad.tensor(table)[:, i])(i).data, table[:, i].T)
    same(ad.vmap(lambda x: x[np.argsort(x)])(X), np.sort(X, axis=1))
    same(ad.vmap(lambda x: x[np.argmax(x)])(X), X.max(1))
    same(ad.vmap(lambda x: np.where((x > 0) & ~(x > 0.5), x, 0.0))(X), np.where((X > 0) & ~(X > 0.5), X, 0.0))
    j, cube = np.array([[0, 1], [1, 1], [0, 0], [1, 0]]), np.arange(48.0).reshape(4, 2, 3, 2)
    for pick in (
        lambda x, j: x[j],
        lambda x, j: x[:, j],
        lambda x, j: x[:, :, j],
        lambda x, j: x[j, :, j],
        lambda x, j: x[..., j],
        lambda x, j: x[:, None, j],
        lambda x, j: x[0, :, j],
        lambda x, j: x[:, j, [1, 0]],
    ):
        same(ad.vmap(pick)(cube, j), np.stack([pick(cube[k], j[k]) for k in range(4)]))


def test_plain_answers_are_those_of_each_example() -> None:
    for f in (
        np.argmax,
        np.argmin,
        np.any,
        np.all,
        np.isnan,
        np.count_nonzero,
        lambda x: np.argsort(x),
        lambda x: np.isclose(x, 0.5),
        lambda x: np.searchsorted(np.array([-1.0, 0.0, 1.0]), x),
        lambda x: (x > 0).sum(),
        lambda x: np.floor(x).astype(int),
        lambda x: x.argmax(),
        lambda x: np.zeros_like(x) + x.shape[0] + np.ndim(x) + len(x),
    ):
        each = np.stack([f(x) for x in X])
        same(ad.vmap(f)(X), each)
        same(ad.vmap(ad.vmap(f))(np.stack([X, X[::-1]])), np.stack([each, each[::-1]]))


def test_one_element_as_a_scalar_is_a_number_of_each_example() -> None:
    f = lambda x: np.exp(ad.scalar(x[1])) * ad.scalar(2.0)
    same(ad.vmap(f)(X).data, 2.0 * np.exp(X[:, 1]))
    same(ad.vmap(ad.grad(lambda x: np.exp(ad.scalar(x[1]))))(X), np.exp(X) * [0.0, 1.0, 0.0])


def test_no_example_gives_an_empty_answer_of_the_right_shape() -> None:
    assert ad.vmap(lambda x: np.linalg.qr(np.outer(x, x))[0] @ x)(np.zeros((0, 3))).shape == (0, 3)
    assert ad.vmap(ad.grad(lambda x: np.sort(x).sum()))(np.zeros((0, 3))).shape == (0, 3)


def test_float32_stays_float32_with_numbers() -> None:
    assert ad.vmap(lambda x: 2 * np.tanh(x) + 1.5)(X.astype(np.float32)).dtype == np.float32
    assert ad.vmap(ad.grad(lambda x: np.sum(x * 2.0)))(X.astype(np.float32)).dtype == np.float32


def test_the_answer_shares_no_memory_with_the_arguments() -> None:
    x = X.copy()
    assert not np.shares_memory(ad.vmap(lambda x: x)(x), x)
    assert not np.shares_memory(ad.vmap(lambda x: x.T, in_axes=1)(x), x)


def test_complex_gradients_inside_vmap() -> None:
    z = np.array([1.0 + 1.0j, 2.0j])
    same(ad.vmap(ad.grad(lambda z: np.abs(z) ** 2))(z), 2.0 * z)
    same(ad.vmap(ad.grad(lambda z: z**3, holomorphic=True))(z), 3.0 * z**2)
    with pytest.raises(TypeError, match="not holomorphic"):
        ad.vmap(ad.grad(lambda z: np.conj(z) * z, holomorphic=True))(z)


def test_no_grad_holds_inside() -> None:
    w = ad.tensor([0.1, -0.2, 0.3])
    with ad.no_grad():
        assert not ad.vmap(lambda x: w * x)(X).requires_grad


def test_strict_holds_inside() -> None:
    with ad.strict(), pytest.raises(ad.SingularPointError, match="absolute"):
        ad.vmap(ad.grad(lambda x: np.abs(x).sum()))(np.zeros((2, 3)))


def test_an_element_that_was_not_selected_contributes_zero_in_every_example() -> None:
    x = np.array([[0.0, 4.0], [1.0, 0.0]])
    f = lambda x: ad.where(x > 0, np.sqrt(x), 0.0).sum()
    same(ad.vmap(ad.grad(f))(x), [[0.0, 0.25], [0.5, 0.0]])


def test_checkpoint_inside_vmap_gives_the_same_gradients() -> None:
    w = np.array([0.1, -0.2, 0.3])
    f = lambda w, x: np.sum(np.tanh(ad.checkpoint(lambda w, x: np.sin(w * x))(w, x)))
    got = ad.vmap(ad.grad(f), in_axes=(None, 0))(w, X)
    same(got, np.stack([ad.grad(f)(w, x) for x in X]))
    captured = lambda w, x: np.sum(ad.checkpoint(lambda w: np.sin(w * x))(w))
    same(ad.vmap(ad.grad(captured), in_axes=(None, 0))(w, X), np.stack([ad.grad(captured)(w, x) for x in X]))


def test_custom_vjp_inside_vmap_uses_its_rule() -> None:
    @ad.custom_vjp
    def odd(x: Any) -> Any:
        return np.sum(x**3)

    odd.defvjp(lambda x: (np.sum(x**3), x), lambda x, g: (g * 100.0 * x,))
    same(ad.vmap(ad.grad(odd))(X), 100.0 * X)


def test_errors_speak_of_the_shape_of_an_example() -> None:
    with pytest.raises(ValueError, match=r"\(3,\) @ \(2, 2\)|inner sizes 3 and 2"):
        ad.vmap(lambda x: x @ np.ones((2, 2)))(X)
    with pytest.raises(ValueError, match=r"size 3 into shape \(5,\)"):
        ad.vmap(lambda x: x.reshape(5))(X)
    with pytest.raises(IndexError, match="axis 0 with size 3"):
        ad.vmap(lambda x: x[7])(X)
    with pytest.raises(ValueError, match="axis 1 is out of bounds for array of dimension 1"):
        ad.vmap(lambda x: x.sum(axis=1))(X)


def test_a_random_number_that_all_examples_would_share_is_refused_unless_said() -> None:
    rng = np.random.default_rng(0)
    noisy = lambda x: x + rng.normal(size=3)
    with pytest.raises(ValueError, match=r"draws random numbers .Generator.: every example would get the same"):
        ad.vmap(noisy)(X)
    shift = ad.vmap(noisy, randomness="same")(X) - X
    same(shift, np.broadcast_to(shift[0], shift.shape))
    with pytest.raises(ValueError, match="draws random numbers"):
        ad.vmap(lambda x: x + np.random.normal())(X)  # noqa: NPY002


def test_a_value_that_left_its_vmap_is_refused() -> None:
    kept: list[Any] = []
    ad.vmap(lambda x: kept.append(x) or x)(X)
    with pytest.raises(ad.BatchedValueError, match="used after the function has returned"):
        kept[0] * 2


def test_rows_with_a_way_of_their_own_run_once(monkeypatch: pytest.MonkeyPatch) -> None:
    looped: list[Any] = []
    monkeypatch.setattr(routes, "over_examples", lambda *a, **k: looped.append(a) or pytest.fail("a loop"))
    f = lambda x: np.sum(np.linalg.inv(np.outer(x, x) + 3 * np.eye(3)) @ x)
    ad.vmap(ad.grad(f))(X)
    assert not looped


def test_a_rule_that_runs_a_transform_sees_all_examples_and_no_frame() -> None:
    """The rule of a recurrent row runs ``ad.vjp`` in a recorded pass: it must not take the values for one example."""
    net = nn.RNN(2, 3, rng=0)
    f = lambda x: np.sum(np.square(net(x[:, None])[0]))
    xs = np.linspace(-1.0, 1.0, 24, dtype=np.float32).reshape(3, 4, 2)
    second = lambda x: ad.grad(lambda x: np.sum(np.square(ad.grad(f)(x))))(x)
    np.testing.assert_allclose(
        ad.vmap(second)(xs).data, np.stack([second(x).data for x in xs]), rtol=1e-4, atol=1e-6
    )  # float32


@pytest.mark.parametrize("layer", ["Linear", "Conv1d", "LayerNorm", "Embedding"])
def test_per_example_gradients_of_a_layer_by_functional_call(layer: str) -> None:
    made = {
        "Linear": lambda: (nn.Linear(3, 2, rng=0), X),
        "Conv1d": lambda: (nn.Conv1d(1, 2, 3, rng=0), X[:, None]),
        "LayerNorm": lambda: (nn.LayerNorm(3), X),
        "Embedding": lambda: (nn.Embedding(5, 2, rng=0), np.array([0, 4, 2, 2])),
    }
    net, xs = made[layer]()
    params = {name: p.data for name, p in net.named_parameters()}
    f = lambda p, x: np.sum(np.square(nn.functional_call(net, p, x[None])))
    got = ad.vmap(ad.grad(f), in_axes=(None, 0))(params, xs)
    for name in params:
        each = np.stack([ad.grad(f)(params, x)[name] for x in xs])
        np.testing.assert_allclose(got[name], each, rtol=1e-4, atol=1e-6)  # float32
        assert isinstance(dict(net.named_parameters())[name], nn.Parameter)


def test_dropout_in_vmap_is_refused() -> None:
    net = nn.Dropout(0.5, rng=0)
    with pytest.raises(ValueError, match="draws random numbers"):
        ad.vmap(lambda x: net(x))(X.astype(np.float32))


def test_losses_take_labels_that_differ_between_examples() -> None:
    z, y = np.random.default_rng(0).normal(size=(4, 5, 3)), np.arange(20).reshape(4, 5) % 3
    for options in (
        {},
        {"reduction": "sum"},
        {"weights": np.array([1.0, 2.0, 3.0]), "ignore_index": 1},
    ):
        f = lambda z, y, options=options: ad.cross_entropy(z, y, **options)
        same(ad.vmap(ad.grad(f))(z, y), np.stack([ad.grad(f)(a, b) for a, b in zip(z, y, strict=True)]))
    with pytest.raises(ValueError, match=r"label 5 .* is outside 0\.\.2"):
        ad.vmap(lambda z, y: ad.cross_entropy(z, y))(z, y + 5)


def test_different_randomness_draws_for_every_example_in_their_order() -> None:
    rng = np.random.default_rng(0)

    def noisy(x):
        return x + ad.extend.draw_random(rng, "normal", size=3)

    x = np.zeros((4, 3))
    got = ad.vmap(noisy, randomness="different")(x)
    np.testing.assert_array_equal(got, np.random.default_rng(0).normal(size=(4, 3)))
    same = ad.vmap(noisy, randomness="same")(x)
    assert (same == same[0]).all()
    with pytest.raises(ValueError, match="draws random numbers"):
        ad.vmap(noisy)(x)


def test_different_randomness_of_nested_maps_draws_for_every_pair() -> None:
    rng = np.random.default_rng(0)
    one = ad.vmap(lambda x: x + ad.extend.draw_random(rng, "random"), randomness="different")
    got = ad.vmap(one, randomness="different")(np.zeros((2, 5)))
    np.testing.assert_array_equal(got, np.random.default_rng(0).random((2, 5)))
    shared = ad.vmap(one, randomness="same")(np.zeros((2, 5)))
    np.testing.assert_array_equal(shared[0], shared[1])


def test_different_randomness_refuses_a_draw_from_the_generator_itself() -> None:
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match=r"extend\.draw_random"):
        ad.vmap(lambda x: x + rng.normal(), randomness="different")(np.zeros(3))


def test_dropout_differs_between_examples_and_has_per_example_gradients() -> None:
    nn.seed(0)
    dropout = nn.Dropout(0.5)
    gradients = ad.vmap(ad.grad(lambda x: dropout(x).sum()), randomness="different")(np.ones((6, 40)))
    assert set(np.unique(gradients)) == {0.0, 2.0}
    assert len({row.tobytes() for row in gradients}) == 6


def test_different_randomness_in_a_compiled_function_has_the_stream_of_the_function() -> None:
    def run(change):
        rng = np.random.default_rng(0)
        f = change(ad.vmap(lambda x: x * ad.extend.draw_random(rng, "normal", size=2), randomness="different"))
        return [f(np.ones((3, 2))) for _ in range(3)]

    for a, b in zip(run(lambda f: f), run(ad.compile), strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_keyword_argument_with_arrays_is_refused_with_what_to_write() -> None:
    def f(x, *, w, scale=1.0):
        return (x * w).sum() * scale

    with pytest.raises(ValueError, match=r"'w' has arrays.*by position.*partial"):
        ad.vmap(f)(np.ones((3, 2)), w=np.ones(2))
    got = ad.vmap(functools.partial(f, w=np.array([1.0, 2.0])))(np.ones((3, 2)), scale=2.0)
    np.testing.assert_array_equal(got, [6.0] * 3)


@pytest.mark.parametrize("axis", [None, 0, -1])
@pytest.mark.parametrize(
    ("name", "initial"),
    [("sum", 0.5), ("prod", 0.5), ("mean", None), ("var", None), ("std", None), ("max", -9.0), ("min", 9.0),
     ("nansum", None), ("nanmean", None), ("nanvar", None), ("nanstd", None), ("nanmax", -9.0), ("nanmin", 9.0)],
)  # fmt: skip
def test_each_example_reduces_under_a_mask_of_its_own(name: str, initial: Any, axis: Any) -> None:
    """mean, var and std made an array of the numbers of elements, which a batch has none of."""
    rng = np.random.default_rng(0)
    x, mask = rng.normal(size=(5, 2, 4)), rng.uniform(size=(5, 2, 4)) > 0.4
    mask[:, 0], mask[:, :, 0] = True, True
    more = {} if initial is None else {"initial": initial}
    f = lambda x, m: getattr(np, name)(x, where=m, axis=axis, **more)
    np.testing.assert_allclose(ad.vmap(f)(x, mask), np.stack([f(*p) for p in zip(x, mask, strict=True)]))
    total = lambda x, m: np.sum(f(x, m) ** 2)
    np.testing.assert_allclose(
        ad.vmap(ad.grad(total))(x, mask), np.stack([ad.grad(total)(*p) for p in zip(x, mask, strict=True)])
    )
    if not name.startswith("nan"):
        np.testing.assert_allclose(ad.vmap(f, in_axes=(None, 0))(x[0], mask), np.stack([f(x[0], m) for m in mask]))
