"""Precision: nothing is promoted that NumPy would not promote, and each gradient has its own value's dtype."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import autodiff as ad

FLOATS = [np.float16, np.float32, np.float64]


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize(
    "f",
    [
        lambda x: x * 2,
        lambda x: 2**x,
        lambda x: x / 3 + 1.5,
        lambda x: x * np.float64(2.0),
        lambda x: np.float64(2.0) - x,
        lambda x: x * ad.scalar(2.0, requires_grad=False),
        lambda x: x**2,
        lambda x: np.where(x > 0, x, 0.0),
        lambda x: np.clip(x, 0, 1),
        lambda x: np.maximum(x, 0.0),
        lambda x: x * True,
        lambda x: x * np.int64(3),
        lambda x: np.mean(x, axis=0),
        lambda x: np.sum(x),
        lambda x: x[0],
        lambda x: np.linalg.norm(x),
        lambda x: np.std(x),
        lambda x: ad.softmax(x),
        lambda x: ad.gelu(x),
        lambda x: ad.logsumexp(x),
        lambda x: np.pad(x, 1),
        lambda x: np.cumprod(x),
        lambda x: np.diff(x),
        lambda x: np.sort(x),
        lambda x: np.median(x),
        lambda x: np.prod(x),
        lambda x: np.var(x),
        lambda x: ad.sigmoid(x),
        lambda x: ad.erf(x),
        lambda x: ad.erfc(x),
        lambda x: ad.elu(x),
        lambda x: ad.leaky_relu(x),
        lambda x: np.einsum("i,i->", x, x),
        lambda x: np.outer(x, x),
        lambda x: np.tensordot(x, x, 1),
        lambda x: np.sinc(x),
        lambda x: np.concatenate([x, x]),
        lambda x: np.average(x),
        lambda x: np.tile(x, 2),
        lambda x: np.diag(x),
        lambda x: np.copysign(x, -1.0),
        lambda x: np.hypot(x, 1.0),
        lambda x: np.logaddexp(x, 0.0),
        lambda x: np.ptp(x),
        lambda x: np.trace(np.outer(x, x)),
        lambda x: np.linalg.norm(x, 3),
        lambda x: np.linalg.norm(x, np.inf),
    ],
)
def test_precision_is_kept_by_values_gradients_and_tangents(f: Any, dtype: Any) -> None:
    x0 = np.array([0.5, 0.25, 1.5], dtype)
    x = ad.tensor(x0)
    y = f(x)
    assert y.dtype == dtype
    y.sum().backward(create_graph=True)
    assert x.grad.dtype == dtype
    assert np.asarray(ad.jvp(f, (x0,), (np.ones(3),))[1]).dtype == dtype
    g = ad.grad(lambda x: np.sum(f(x)))(x0)
    assert g.dtype == dtype and g.shape == (3,)


def test_float32_higher_order_stays_float32() -> None:
    x = np.float32([1.0, 2.0])
    cube = lambda x: np.sum(x**3)
    assert ad.hvp(cube, (x,), (np.ones(2, np.float32),)).dtype == np.float32
    assert ad.hvp(cube, (x,), (np.ones(2),)).dtype == np.float32
    assert ad.jvp(cube, (x,), (np.ones(2),))[1].dtype == np.float32
    assert ad.hessian(cube)(x).dtype == np.float32
    assert ad.grad(lambda x: np.sum(ad.grad(cube)(x)))(x).dtype == np.float32


def test_mixed_precision_promotes_the_value_but_not_the_gradients() -> None:
    x, y = ad.tensor(np.float32([1.0, 2.0])), ad.tensor([3.0, 4.0])
    z = x * y
    assert z.dtype == np.float64
    z.sum().backward()
    assert x.grad.dtype == np.float32 and y.grad.dtype == np.float64
    a, b = ad.tensor(np.float16([1.0])), ad.tensor(np.float32([2.0]))
    w = np.concatenate([a, b, x])
    assert w.dtype == np.float32
    w.sum().backward()
    assert a.grad.dtype == np.float16 and b.grad.dtype == np.float32


def test_float64_arrays_promote_as_in_numpy() -> None:
    x = ad.tensor(np.float32([1.0, 2.0]))
    assert (x * np.array([1.0, 2.0])).dtype == np.float64 and (x * np.array(2.0)).dtype == (
        np.float32([1]) * np.array(2.0)
    ).dtype
    assert (x * [1.0, 2.0]).dtype == np.float64


def test_python_integers_and_booleans_do_not_promote() -> None:
    x = ad.tensor(np.float32([1.0, 2.0]))
    for other in (2, True, 2.0, np.float64(2), np.int8(2), np.bool_(True)):
        assert (x + other).dtype == np.float32 == (other + x).dtype, other


def test_integer_arrays_meet_floats_as_in_numpy() -> None:
    x = ad.tensor(np.float32([1.0, 2.0]))
    for other in (np.array([1, 2]), np.array([1, 2], np.int8), np.array([True, False])):
        for operate in (np.add, np.multiply, np.power, np.maximum, np.divide):
            with np.errstate(divide="ignore"):  # x / False
                assert operate(x, other).dtype == operate(x.data, other).dtype
        (x * other).sum().backward()
        assert x.grad.dtype == np.float32


def test_a_big_endian_leaf_has_right_values_and_gradients() -> None:
    x = ad.tensor(np.array([1.0, 2.0], ">f8"))
    (x * x).sum().backward()
    assert x.grad.tolist() == [2.0, 4.0] and np.max(x).item() == 2.0
    np.max(x).backward()
    assert x.grad.tolist() == [2.0, 5.0]


def test_astype_is_recorded_and_casts_back() -> None:
    x = ad.tensor(np.float32([1.0, 2.0]))
    y = x.astype(np.float64)
    assert y.dtype == np.float64 and np.astype(x, np.float16).dtype == np.float16
    (y * y).sum().backward()
    assert x.grad.dtype == np.float32 and x.grad.tolist() == [2.0, 4.0]


def test_casting_to_integers_leaves_the_graph_by_name_or_as_plain_values() -> None:
    x = ad.tensor([1.5, 2.5])
    try:
        y = x.astype(int)
    except TypeError:
        return
    assert not getattr(y, "requires_grad", False)


def test_scalars_are_weak() -> None:
    a, x = ad.scalar(2.0), ad.tensor(np.float32([1.0, 2.0]))
    for y in (a * x, x * a, np.power(x, a), np.where([True, False], a, x), np.maximum(a, x)):
        assert type(y) is ad.Tensor and y.dtype == np.float32
    assert type(a * np.array([1.0, 2.0])) is ad.Tensor
    assert type(a * 2) is type(a * np.float32(2)) is type(2 - a) is ad.Scalar


def test_zero_dimensional_arrays_keep_their_precision() -> None:
    x = ad.tensor(np.array(3.0, np.float32))
    y = x * x
    assert type(y) is ad.Tensor and y.shape == () and y.dtype == np.float32
    y.backward()
    assert type(x.grad) is np.ndarray and x.grad.shape == () and x.grad.dtype == np.float32


@pytest.mark.parametrize("shape", [(1, 2), (2, 3, 2), (2,), (4, 32768)])
def test_a_linear_layer_promotes_to_the_dtype_of_its_bias(shape: tuple[int, ...]) -> None:
    """Small layers added a float64 bias in place into float32, large ones promoted."""
    x = np.ones(shape, np.float32)
    w, b = ad.tensor(np.ones((1, shape[-1]), np.float32)), ad.tensor(np.array([1e-9]))
    y = ad.linear(x, w, b)
    assert y.dtype == np.float64 and y.data.flat[0] == shape[-1] + 1e-9
    y.sum().backward()
    assert w.grad.dtype == np.float32 and b.grad.dtype == np.float64


def test_sums_of_many_float16_numbers_in_a_gradient_are_made_in_float32() -> None:
    """In float16, adding 1 to 2,048 changes nothing: the gradient of a bias of 4,096 rows was 2,048."""
    bias, rows, same = np.ones(3, np.float16), np.ones((4096, 3), np.float16), np.zeros(4096, int)
    functions = {
        "sum": lambda b: rows + b,
        "product": lambda b: rows * b.reshape(1, 3),
        "copies": lambda b: np.broadcast_to(b, (4096, 3)),
        "tile": lambda b: np.tile(b, (4096, 1)),
        "index": lambda b: b[same],
    }
    for name, f in functions.items():
        gradient = ad.grad(lambda b, f=f: f(b).sum(dtype=np.float32))(bias)
        assert gradient.dtype == np.float16 and gradient[0] == 4096, name
        twice = ad.hvp(lambda b, f=f: (f(b) * f(b)).sum(dtype=np.float32), (bias,), (bias,))
        assert twice[0] == 8192, name
