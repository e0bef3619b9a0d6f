"""Check Tensors of arrays that speak NumPy's protocols: a strict array that stands for CuPy, and Dask."""

from __future__ import annotations

import copy
import functools
import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import autodiff as ad
import nn
from tests.support.rows_on_other_arrays import difference
from tests.support.strict_array import StrictArray, opened

ROWS = [row for row in ad.ops.OPS.values() if any(row.vjps)]
PAGE = Path(__file__).parents[2] / "docs" / "other_libraries.md"
A = np.random.default_rng(0).normal(size=(4, 3))
B = np.random.default_rng(1).normal(size=(3, 4))


refusal_of = functools.cache(difference)


@functools.cache
def named_on_the_page() -> set[str]:
    """The rows that the page says refuse."""
    listed = PAGE.read_text(encoding="utf-8").partition("<!-- rows -->")[2].partition("<!-- /rows -->")[0]
    return set(re.findall(r"`([\w.]+)`", listed))


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_a_row_gives_numpys_numbers_on_a_strict_array_or_refuses_by_name(row: Any) -> None:
    refused = refusal_of(row)
    if refused is None:
        assert row.name not in named_on_the_page()
    else:
        assert row.name in refused and "does not work on arrays of tests" in refused


def gradient(f: Callable[[Any], Any], x: Any, wrap: Any) -> tuple[list[Any], Any]:
    """Return results of f and the gradient of a sum of them, each element with another weight."""
    t = ad.tensor(wrap(x))
    y = f(t)
    parts = y if isinstance(y, tuple) else (y,)
    weights = [np.linspace(1.0, 2.0, p.size).reshape(p.shape).astype(p.dtype) for p in parts]
    np.real(sum([np.sum(p * wrap(w)) for p, w in zip(parts, weights, strict=True)])).backward()
    return [opened(p.data) for p in parts], opened(t.grad)


WITH_TIES: dict[str, Callable[[Any], Any]] = {
    "sort": lambda x: np.sort(x, axis=0),
    "sort of all": lambda x: np.sort(x, axis=None),
    "descending": lambda x: ad.sort(x, descending=True),
    "partition": lambda x: np.partition(x, x.shape[-1] // 2),
    "median": lambda x: np.median(x, axis=0),
    "quantiles": lambda x: np.quantile(x, [0.1, 0.5, 1.0], axis=1),
    "nearest": lambda x: np.quantile(x, 0.3, method="nearest"),
    "nanquantile": lambda x: np.nanquantile(x, [0.1, 0.6], axis=1),
    "running maximum": lambda x: np.maximum.accumulate(x, axis=1),
    "running minimum": lambda x: np.minimum.accumulate(x, axis=0),
    "largest": lambda x: np.max(x, axis=0),
    "written twice": lambda x: ad.ops.OPS["setitem"](x, x[:1], index=[0, 0]),
}


@pytest.mark.filterwarnings("ignore:All-NaN")
@pytest.mark.parametrize("name", WITH_TIES)
@given(shape=st.tuples(st.integers(1, 4), st.integers(1, 5)), data=st.data())
def test_ties_nans_and_infinities_have_numpys_gradients(name: str, shape: tuple[int, int], data: Any) -> None:
    few = st.sampled_from([-1.0, 0.0, 1.0, 2.0, np.inf, np.nan])
    x = np.array(data.draw(st.lists(few, min_size=math.prod(shape), max_size=math.prod(shape)))).reshape(shape)
    with np.errstate(all="ignore"):
        want, found = (gradient(WITH_TIES[name], x, wrap) for wrap in (np.asarray, StrictArray))
    np.testing.assert_allclose(found[0], want[0], rtol=1e-13)
    np.testing.assert_allclose(found[1], want[1], rtol=1e-13)


OF_MATRICES: dict[str, Callable[[Any], Any]] = {
    "svd": lambda x: np.linalg.svd(x),
    "svdvals": lambda x: np.linalg.svdvals(x),
    "nuclear norm": lambda x: np.linalg.norm(x, "nuc"),
    "eigh": lambda x: np.linalg.eigh(x + x.T),
    "eigvalsh": lambda x: np.linalg.eigvalsh(x + x.T),
    "eig": lambda x: np.linalg.eig(x),
    "eigvals": lambda x: np.linalg.eigvals(x),
    "det": lambda x: np.linalg.det(x),
    "slogdet": lambda x: np.linalg.slogdet(x)[1],
    "pinv": lambda x: np.linalg.pinv(x),
    "polar": lambda x: ad.linalg.polar(x),
    "lu": lambda x: ad.linalg.lu(x)[1:],
    "lu_solve": lambda x: ad.linalg.lu_solve(ad.linalg.lu_factor(x), x),
    "lstsq": lambda x: np.linalg.lstsq(x, x[:, 0] + 1.0)[0],
    "expm": lambda x: ad.linalg.expm(20.0 * x),
    "sqrtm": lambda x: ad.linalg.sqrtm(x @ x.T),
    "condition": lambda x: np.linalg.cond(x),
}


@pytest.mark.parametrize("name", OF_MATRICES)
@given(x=st.lists(st.integers(-1, 2), min_size=9, max_size=9))
def test_where_numpys_rule_raises_an_error_about_values_the_gradient_is_nan(name: str, x: list[int]) -> None:
    matrix = np.array(x, float).reshape(3, 3)
    with np.errstate(all="ignore"):
        try:
            want: Any = gradient(OF_MATRICES[name], matrix, np.asarray)
        except np.linalg.LinAlgError:
            want = None
        try:
            values, slope = gradient(OF_MATRICES[name], matrix, StrictArray)
        except np.linalg.LinAlgError:  # a singular matrix, of the library itself
            assert want is None
            return
    if want is None:
        assert any(np.isnan(v).any() for v in (*values, slope))
    else:
        for found, of_numpy in zip((*values, slope), (*want[0], want[1]), strict=True):
            np.testing.assert_allclose(found, of_numpy, rtol=1e-9, atol=1e-9 * max(1.0, np.abs(of_numpy).max()))


def test_a_label_outside_the_classes_gives_nan_because_nothing_can_be_raised_about_it() -> None:
    logits, labels = ad.tensor(StrictArray(A)), StrictArray(np.array([0, 3, -100, 1]))
    rows = ad.cross_entropy(logits, labels, reduction="none", weights=[1.0, 2.0, 3.0])
    rows.sum().backward()
    want = ad.tensor(A)
    ad.cross_entropy(want, [0, -100, -100, 1], reduction="sum", weights=[1.0, 2.0, 3.0]).backward()
    assert np.isnan(rows.data.get()).tolist() == [False, True, False, False]
    assert np.isnan(logits.grad.get()[1]).all()
    np.testing.assert_allclose(logits.grad.get()[[0, 2, 3]], want.grad[[0, 2, 3]], rtol=1e-13)


def test_a_tensor_keeps_such_an_array_and_hands_its_gradient_back_as_one() -> None:
    x = ad.tensor(StrictArray(A))
    assert isinstance(x.data, StrictArray) and x.shape == (4, 3)
    ad.softplus(x).mean().backward()
    want = ad.grad(lambda a: ad.softplus(a).mean())(A)
    assert isinstance(x.grad, StrictArray)
    np.testing.assert_allclose(x.grad.get(), want, rtol=1e-14)


def test_a_second_gradient_and_a_tangent_are_such_arrays() -> None:
    def loss(x: Any) -> Any:
        return (np.tanh(x) * ad.relu(x)).sum()

    def twice(x: Any) -> Any:
        return ad.grad(lambda x: (ad.grad(loss)(x) ** 2).sum())(x)

    np.testing.assert_allclose(twice(StrictArray(A)).get(), twice(A), rtol=1e-13)
    tangent = ad.jvp(lambda x: x.T @ x, (StrictArray(A),), (StrictArray(A),))[1]
    np.testing.assert_allclose(tangent.get(), 2 * A.T @ A, rtol=1e-13)


def test_gradients_of_two_passes_are_added_and_two_leaves_share_no_memory() -> None:
    x, y = ad.tensor(StrictArray(A)), ad.tensor(StrictArray(A))
    for _ in range(2):
        (x + y).sum().backward()
    x.grad[0] = 7.0
    np.testing.assert_array_equal(y.grad.get(), np.full((4, 3), 2.0))


def test_nothing_is_computed_to_print_copy_or_compare_it() -> None:
    x = ad.tensor(StrictArray(A))
    assert repr(x * 2) == "tensor(<tests StrictArray of shape (4, 3)>, op=multiply)"
    assert str(x) == "<tests StrictArray of shape (4, 3)>"
    assert isinstance(copy.deepcopy(x).data, StrictArray)
    assert isinstance(x > 0, StrictArray)
    assert x._repr_mimebundle_()["text/plain"] == repr(x)


@pytest.mark.parametrize(
    ("what", "take"),
    [
        ("item()", lambda x: x.sum().item()),
        ("numpy()", lambda x: x.numpy()),
        ("tolist()", lambda x: x.tolist()),
        ("np.asarray", lambda x: np.asarray(x.detach())),
        ("item()", lambda x: float(x.sum().detach())),
        ("bool(x)", lambda x: bool(x.sum().detach())),
        ("write", lambda x: setattr(x, "data", A)),
    ],
)
def test_what_needs_the_numbers_names_itself_the_library_and_the_way_out(what: str, take: Callable[[Any], Any]) -> None:
    with pytest.raises(TypeError, match=r"tests array of shape .*x\.data\.get\(\)") as error:
        take(ad.tensor(StrictArray(A)))
    assert what in str(error.value)


V = np.random.default_rng(2).normal(size=3)
TRANSFORMS: dict[str, Callable[[Any], Any]] = {
    "jacobian in reverse": lambda x: ad.jacobian(lambda x: np.tanh(x) * x[0], mode="reverse")(x),
    "jacobian forward": lambda x: ad.jacobian(lambda x: (x[:, None] * x) @ x, mode="forward")(x),
    "hessian": lambda x: ad.hessian(lambda x: (np.tanh(x) ** 2).sum() * x[1])(x),
    "hvp": lambda x: ad.hvp(lambda x: (np.tanh(x) ** 2).sum(), (x,), (x,)),
    "vjp": lambda x: ad.vjp(np.tanh, x)[1](x)[0],
    "checkpoint": lambda x: ad.grad(lambda x: ad.checkpoint(lambda y: np.tanh(y) * y)(x).sum())(x),
    "average": lambda x: ad.grad(lambda x: np.average(x, weights=x * x))(x),
    "nanvar": lambda x: ad.grad(lambda x: np.nanvar(x))(x),
    "select": lambda x: ad.grad(lambda x: np.select([x > 0], [x * x], -x).sum())(x),
    "density": lambda x: ad.grad(lambda x: ad.stats.norm.logpdf(x, 0.1, 2.0).sum())(x),
    "density in an interval": lambda x: ad.grad(lambda x: ad.stats.truncnorm.logpdf(x, -2.0, 3.0).sum())(x),
    "area": lambda x: ad.grad(lambda x: ad.stats.chi.cdf(x * x, 2.5).sum())(x),
    "its inverse": lambda x: ad.grad(lambda x: ad.stats.genpareto.ppf(ad.sigmoid(x), 0.3).sum())(x),
    "counts": lambda x: ad.grad(lambda x: ad.stats.binom.logpmf(2, 5, ad.sigmoid(x)).sum())(x),
    "one element": lambda x: ad.grad(lambda x: np.take(x, 1) ** 2)(x),
    "uneven steps": lambda x: ad.grad(lambda x: np.gradient(x, np.array([0.0, 1.0, 3.0])).sum())(x),
    "largest": lambda x: ad.grad(lambda x: np.linalg.norm(x, np.inf))(x),
    "joined": lambda x: ad.grad(lambda x: (np.block([[np.outer(x, x)], [x[None]]]) ** 2).sum())(x),
    "number of elements": lambda x: x * (ad.tensor(x).size + np.size(ad.tensor(x))),
    "weights": lambda x: ad.grad(lambda x: ad.special.logsumexp(x, b=np.arange(1.0, 4.0)))(x),
    "filter": lambda x: ad.grad(lambda x: (ad.signal.lfilter([1.0], [1.0, 0.5], x) ** 2).sum())(x),
}


@pytest.mark.parametrize("kind", ["strict", "dask"])
@pytest.mark.parametrize("name", TRANSFORMS)
def test_a_transform_or_composite_gives_numpys_numbers_and_computes_nothing(name: str, kind: str) -> None:
    da, dask = pytest.importorskip("dask.array"), pytest.importorskip("dask")

    def never(*_: Any, **__: Any) -> Any:
        raise AssertionError("the array was computed")

    with dask.config.set(scheduler=never):
        found = TRANSFORMS[name](StrictArray(V) if kind == "strict" else da.from_array(V, chunks=-1))
    assert isinstance(found, StrictArray if kind == "strict" else da.Array)
    found = opened(found) if kind == "strict" else found.compute(scheduler="synchronous")
    np.testing.assert_allclose(found, TRANSFORMS[name](V), rtol=1e-10, atol=1e-12)


def test_a_picture_shows_such_an_array_without_its_statistics() -> None:
    y = (np.tanh(ad.tensor(StrictArray(A))) * 2).sum()
    y.backward()
    assert "4 × 3" in ad.draw(y).to_dot() or "4×3" in ad.draw(y).to_dot()


@pytest.mark.parametrize("modes", [ad.strict, ad.detect_anomaly])
def test_modes_that_look_at_every_number_refuse(modes: Any) -> None:
    with modes(), pytest.raises(TypeError, match="needs the numbers of a tests array"):
        np.exp(ad.tensor(StrictArray(A)))


NEEDS_NUMBERS: dict[str, Callable[[Any, Any], Any]] = {
    "an optimizer's step": lambda x, p: (np.sum(p * x.sum()).backward(), nn.SGD([p], lr=0.1).step()),
    "clip_grad_norm_": lambda x, p: (np.sum(p * x.sum()).backward(), nn.clip_grad_norm_([p], 1.0)),
    "x needs": lambda x, p: nn.predict(nn.Linear(3, 2), x),
    "array 0": lambda x, p: nn.data.TensorDataset(x),
    "nn.Parameter": lambda x, p: nn.Parameter(x),
    "load_state_dict of 'weight'": lambda x, p: nn.Linear(3, 4).load_state_dict({"weight": x, "bias": np.zeros(4)}),
    "a metric": lambda x, p: nn.metrics.mean_absolute_error(x, A),
    "compile": lambda x, p: ad.compile(np.sum)(x),
    "vmap": lambda x, p: ad.vmap(np.sum)(ad.tensor(x)),
    "explain": lambda x, p: ad.explain(np.sum(p)),
    "interp": lambda x, p: np.interp(p, [0.0, 1.0], [1.0, 2.0]),
    "trim_zeros": lambda x, p: np.trim_zeros(p),
    "polydiv": lambda x, p: np.polydiv(p, [1.0]),
    "piecewise": lambda x, p: np.piecewise(p, [p > 0], [1.0, 2.0]),
}


@pytest.mark.parametrize("what", NEEDS_NUMBERS)
def test_what_trains_or_measures_refuses_such_arrays_and_names_the_way_out(what: str) -> None:
    parameter = ad.tensor(StrictArray(np.ones(1)))
    with pytest.raises(TypeError, match=r"needs the numbers of a tests array of shape .*\.get\(\)") as error:
        NEEDS_NUMBERS[what](StrictArray(A), parameter)
    assert what in str(error.value)


def test_a_network_stays_lazy_on_dask_and_is_trained_with_computed_gradients() -> None:
    da = pytest.importorskip("dask.array")
    lazy, plain = (nn.Sequential(nn.Linear(3, 4, rng=0), nn.GELU(), nn.Linear(4, 3, rng=1)) for _ in range(2))
    x = A.astype(np.float32)
    for net, data in ((lazy, da.from_array(x, chunks=2)), (plain, x)):
        nn.MSELoss()(net(data), data).backward()
        for p in net.parameters():
            assert isinstance(p.grad, da.Array) == (net is lazy)
            p.grad = p.grad.compute() if net is lazy else p.grad
        nn.Adam(net.parameters()).step()
    for p, q in zip(lazy.parameters(), plain.parameters(), strict=True):
        np.testing.assert_allclose(p.data, q.data, rtol=1e-4, atol=1e-6)  # float32, sums in another order


def test_a_convolutional_network_stays_lazy_on_dask() -> None:
    da, dask = pytest.importorskip("dask.array"), pytest.importorskip("dask")
    x = np.random.default_rng(0).normal(size=(4, 2, 6, 6))

    def gradients(images: Any) -> list[Any]:
        first, second = nn.Conv2d(2, 4, 3, padding=1, rng=0, dtype="float64"), nn.Conv2d(4, 2, 2, stride=2, rng=1)
        net = nn.Sequential(first, nn.GELU(), nn.MaxPool2d(2, padding=1), second.astype("float64"))
        (net(images) ** 2).sum().backward()
        return [p.grad for p in net.parameters()]

    def never(*_: Any, **__: Any) -> Any:
        raise AssertionError("the array was computed")

    with dask.config.set(scheduler=never):
        lazy = gradients(da.from_array(x, chunks=(2, 2, 6, 6)))
    for found, want in zip(dask.compute(*lazy, scheduler="synchronous"), gradients(x), strict=True):
        np.testing.assert_allclose(found, want, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("layer", [nn.LSTM, nn.GRU, nn.RNN])
def test_a_recurrent_layer_stays_lazy_on_dask(layer: Any) -> None:
    da, dask = pytest.importorskip("dask.array"), pytest.importorskip("dask")
    x = np.random.default_rng(0).normal(size=(2, 4, 3)).astype(np.float32)

    def gradients(steps: Any) -> list[Any]:
        net = layer(3, 2, rng=0)
        (net(steps)[0] ** 2).sum().backward()
        return [p.grad for p in net.parameters()]

    def never(*_: Any, **__: Any) -> Any:
        raise AssertionError("the array was computed")

    with dask.config.set(scheduler=never):
        lazy = gradients(da.from_array(x, chunks=(2, 2, 3)))
    for found, want in zip(dask.compute(*lazy, scheduler="synchronous"), gradients(x), strict=True):
        np.testing.assert_allclose(found, want, rtol=1e-4, atol=1e-6)  # float32


def test_minimize_computes_the_loss_of_a_lazy_array() -> None:
    da = pytest.importorskip("dask.array")
    data = da.from_array(A, chunks=4)
    found = ad.minimize(lambda w: ((data @ w - 1.0) ** 2).sum(), np.zeros(3), options={"maxiter": 1})
    want = ad.minimize(lambda w: ((A @ w - 1.0) ** 2).sum(), np.zeros(3), options={"maxiter": 1})
    assert type(found.x) is np.ndarray
    np.testing.assert_allclose(found.x, want.x, rtol=1e-12)


def test_a_matrix_of_both_kinds_refuses_rather_than_copy() -> None:
    with pytest.raises(TypeError, match="matmul does not work on arrays of tests"):
        ad.tensor(StrictArray(A)) @ B


ON_DASK: dict[str, Callable[[Any, Any], Any]] = {
    "arithmetic": lambda x, y: x + y.T * 2 - 1 / x,
    "power": lambda x, y: (x * x) ** 1.5,
    "mask": lambda x, y: x * (x > 0),
    "exponentials": lambda x, y: np.exp(x) + np.expm1(x) + np.log1p(x * x) + np.log(x * x),
    "tanh": lambda x, y: np.tanh(x) * np.sqrt(x * x + 1),
    "abs": lambda x, y: np.abs(x),
    "logaddexp": lambda x, y: np.logaddexp(x, y.T),
    "activations": lambda x, y: ad.sigmoid(x) + ad.softplus(x) + ad.relu(x),
    "normal": lambda x, y: ad.erf(x) * ad.erfc(x) + ad.gelu(x) + ad.special.log_ndtr(x),
    "gamma": lambda x, y: ad.special.gammaln(x * x + 1) + ad.special.betainc(2.0, 3.0, ad.sigmoid(x)),
    "bessel": lambda x, y: ad.special.j0(x) + ad.special.i1e(x),
    "entropy": lambda x, y: ad.special.xlogy(x * x, ad.sigmoid(y.T)) + ad.special.logit(ad.sigmoid(x)),
    "reductions": lambda x, y: np.sum(x, axis=0) ** 2 + x.mean(axis=0) * x.var(axis=0),
    "extremes": lambda x, y: x.max(axis=0) * x.min(),
    "products": lambda x, y: x @ y @ np.dot(x, y),
    "tensordot": lambda x, y: np.tensordot(x, y, 1),
    "shapes": lambda x, y: x.T @ np.reshape(x, (4, 3)),
    "slices": lambda x, y: x[1:3, ::-1] ** 2,
    "joined": lambda x, y: np.concatenate([x, y.T]).sum() * np.stack([x, y.T]),
    "broadcast": lambda x, y: np.broadcast_to(x, (2, 4, 3)) ** 2,
    "where": lambda x, y: np.where(x.data > 0, x * x, x),
    "clip": lambda x, y: np.clip(x, -1, 0.5),
    "softmax": lambda x, y: ad.softmax(x) ** 2 + ad.log_softmax(x),
    "logsumexp": lambda x, y: ad.logsumexp(x, axis=1),
    "cross_entropy": lambda x, y: ad.cross_entropy(x, np.array([0, 2, -100, 1])),
    "bce": lambda x, y: ad.bce_with_logits(x, ad.sigmoid(y.T)),
    "linear": lambda x, y: ad.linear(x, y.T),
    "weights of classes": lambda x, y: ad.cross_entropy(x, np.array([0, 2, 1, 1]), weights=[1.0, 2.0, 0.5]),
    "einsum": lambda x, y: np.einsum("ij,jk->ik", x, y) + np.einsum("ij,jj->i", x, y[:, 1:])[:, None],
    "running": lambda x, y: np.maximum.accumulate(x, axis=0) + np.logaddexp.accumulate(x, axis=1),
    "without NaN": lambda x, y: np.nanmax(x, axis=0) + np.nanmin(x),
    "rows picked twice": lambda x, y: x[[0, 0, 2]] * x[:3] + np.take(y, [2, 1, 1], axis=1),
    "new axes": lambda x, y: x[:, None, 1:] ** 2,
    "flat": lambda x, y: np.reshape(x, -1) ** 2,
    "written": lambda x, y: ad.ops.OPS["setitem"](x, y[0, :3], index=1) ** 2,
    "filter": lambda x, y: ad.signal.lfilter([1.0], [1.0, -0.5, 0.1], x, axis=0),
    "complex functions": lambda x, y: np.real(ad.special.wofz(x) * ad.special.lambertw(x * x)),
}
IN_ONE_CHUNK: dict[str, Callable[[Any, Any], Any]] = {
    "cholesky": lambda x, y: np.linalg.cholesky(x.T @ x) ** 2,
    "cholesky of one triangle": lambda x, y: np.linalg.cholesky(x.T @ x + np.triu(y[:, 1:], 1)),
    "solve": lambda x, y: np.linalg.solve(x.T @ x, y) + np.linalg.inv(x.T @ x) @ y,
    "qr": lambda x, y: np.abs(np.linalg.qr(x)[1]),
    "singular values": lambda x, y: np.linalg.norm(x, "nuc") + np.linalg.svdvals(x) ** 3,
    "svd": lambda x, y: np.linalg.svd(x, full_matrices=False)[0] ** 2,
}


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("name", [*ON_DASK, *IN_ONE_CHUNK])
def test_dask_arrays_stay_lazy_and_give_numpys_gradients(name: str) -> None:
    da = pytest.importorskip("dask.array")
    dask = pytest.importorskip("dask")

    def never(*_: Any, **__: Any) -> Any:
        raise AssertionError("the array was computed")

    f, chunks = (IN_ONE_CHUNK[name], -1) if name in IN_ONE_CHUNK else (ON_DASK[name], 2)
    x, y = (ad.tensor(da.from_array(a, chunks=chunks)) for a in (A, B))
    with dask.config.set(scheduler=never):
        f(x, y).sum().backward()
    p, q = ad.tensor(A), ad.tensor(B)
    f(p, q).sum().backward()
    for lazy, want in ((x.grad, p.grad), (y.grad, q.grad)):
        assert (lazy is None) == (want is None)
        if lazy is not None:
            with dask.config.set(scheduler="synchronous"):
                np.testing.assert_allclose(lazy.compute(), want, rtol=1e-10, atol=1e-13)


LACKING: dict[str, Callable[[Any], Any]] = {
    "sort": lambda x: ad.sort(x),  # of no Tensor, too
    "eigvalsh": lambda x: np.linalg.eigvalsh(ad.tensor(x).T @ x),
    "the derivative of median": lambda x: np.median(ad.tensor(x), axis=0).sum().backward(),
    "the derivative of lstsq": lambda x: np.linalg.lstsq(ad.tensor(x), x[:, 0])[0].sum().backward(),
    "getitem": lambda x: ad.tensor(x)[[0, 1], [1, 0]],
    "logm": lambda x: ad.linalg.logm(ad.tensor(x).T @ x),
    "roots": lambda x: np.roots(ad.tensor(x[0])),
}


@pytest.mark.parametrize("name", LACKING)
def test_nothing_is_computed_where_dask_lacks_a_function_and_the_error_names_the_row(name: str) -> None:
    da, dask = pytest.importorskip("dask.array"), pytest.importorskip("dask")

    def never(*_: Any, **__: Any) -> Any:
        raise AssertionError("the array was computed")

    with dask.config.set(scheduler=never), pytest.raises(TypeError, match=r"x\.data\.compute\(\)") as error:
        LACKING[name](da.from_array(A, chunks=-1))
    assert str(error.value).startswith(name) and "does not work on arrays of dask" in str(error.value)


def test_a_singular_matrix_and_shapes_that_do_not_fit_have_the_errors_of_numpys_arrays() -> None:
    with pytest.raises(np.linalg.LinAlgError, match="Singular"):
        np.linalg.inv(ad.tensor(StrictArray(np.zeros((2, 2)))))
    with pytest.raises(ValueError, match=r"inner sizes 3 and 4 differ"):
        ad.tensor(StrictArray(A)) @ StrictArray(A)


def test_a_length_that_dask_does_not_know_is_refused() -> None:
    da = pytest.importorskip("dask.array")
    x = ad.tensor(da.from_array(A, chunks=2))
    with pytest.raises(TypeError, match="compute_chunk_sizes"):
        x[x.data > 0]


def test_the_page_names_every_row_that_refuses() -> None:
    assert named_on_the_page() >= {row.name for row in ROWS if refusal_of(row) is not None}
