"""The rows of a convolution are each other's transposes, over every kind of geometry: both ways to the input's
gradient, borders that are not symmetric or cut off, and groups."""

from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from autodiff.ops import OPS


@given(data=st.data(), seed=st.integers(0, 2**32 - 1))
def test_each_of_the_three_rows_gives_the_same_sum_of_products(data: Any, seed: int) -> None:
    rng, n = np.random.default_rng(seed), data.draw(st.integers(1, 2))

    def axes(low: int, high: int) -> tuple[int, ...]:
        return tuple(data.draw(st.integers(low, high)) for _ in range(n))

    groups, c, o = data.draw(st.integers(1, 2)), data.draw(st.integers(1, 3)), data.draw(st.integers(1, 3))
    kernel, size = axes(1, 3), axes(6, 8)
    static = {
        "stride": data.draw(st.just((1,) * n) | st.builds(lambda: axes(1, 3))),
        "padding": tuple(zip(axes(-1, 2), axes(-1, 2), strict=True)),
        "dilation": axes(1, 2),
        "groups": groups,
    }
    x, w = rng.standard_normal((2, groups * c, *size)), rng.standard_normal((groups * o, c, *kernel))
    y = OPS["convolution"](x, w, None, **static)
    g = rng.standard_normal(y.shape)
    by_output = np.sum(y * g)
    by_input = np.sum(OPS["convolution_input"](g, w, size=size, **static) * x)
    by_weight = np.sum(OPS["convolution_weight"](x, g, kernel=kernel, **static) * w)
    # sums of at most 7,000 products near 1, in another order
    np.testing.assert_allclose([by_input, by_weight], by_output, rtol=1e-9, atol=1e-9)
    last = np.moveaxis(np.ascontiguousarray(np.moveaxis(x, 1, -1)), -1, 1)  # as results of convolutions lie in memory
    np.testing.assert_allclose(OPS["convolution"](last, w, None, **static), y, rtol=1e-9, atol=1e-9)
    by_weight = np.sum(OPS["convolution_weight"](last, g, kernel=kernel, **static) * w)
    np.testing.assert_allclose(by_weight, by_output, rtol=1e-9, atol=1e-9)
