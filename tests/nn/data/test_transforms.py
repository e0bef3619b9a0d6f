"""Fitted transforms: measured on the training part alone, undone by their inverse, refused before they are fitted."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import nn
from nn.data import MinMax, OneHot, Standardize, standardize

FLOATS = hnp.arrays(
    st.sampled_from([np.float32, np.float64]),
    hnp.array_shapes(min_dims=1, max_dims=3, min_side=1, max_side=5),
    elements=st.floats(-100, 100, width=32),
)


@pytest.mark.parametrize("kind", [Standardize, MinMax])
@given(x=FLOATS, data=st.data())
def test_the_inverse_gives_back_what_was_transformed(kind, x, data):
    axis = data.draw(st.sampled_from([0, -1, tuple(range(x.ndim))]))
    scaling = kind(axis).fit(x)
    out = scaling.transform(x)
    assert out.dtype == x.dtype and out.shape == x.shape
    # Two roundings of numbers that are at most as large as the data and the results are.
    bound = 8 * np.finfo(x.dtype).eps * (np.abs(x).max() + np.abs(out).max() * scaling.scale.max())
    np.testing.assert_allclose(scaling.inverse(out), x, rtol=0, atol=bound)


@given(hnp.arrays(np.float64, (6, 3), elements=st.integers(-50, 50).map(float)))
def test_the_training_part_gets_mean_0_and_spread_1_or_lies_between_0_and_1(x):
    out = Standardize().fit_transform(x)
    np.testing.assert_allclose(out.mean(axis=0), 0, atol=1e-14)  # a few roundings of numbers below 3
    np.testing.assert_allclose(out.std(axis=0), np.ptp(x, axis=0) > 0, atol=1e-14)
    np.testing.assert_array_equal(out, standardize(x)[0])
    unit = MinMax().fit_transform(x)
    assert (unit.min(axis=0) == 0).all() and (unit.max(axis=0) == (np.ptp(x, axis=0) > 0)).all()


def test_channels_of_images_are_measured_together():
    images = np.random.default_rng(0).standard_normal((5, 3, 4, 4)) * [[[1.0]], [[5.0]], [[0.0]]]
    out = Standardize(axis=(0, 2, 3)).fit(images).transform(images[:2])
    assert out.shape == (2, 3, 4, 4)
    whole = Standardize(axis=(0, 2, 3)).fit_transform(images)
    np.testing.assert_allclose(whole.std(axis=(0, 2, 3)), [1, 1, 0], rtol=1e-12)


@given(st.lists(st.one_of(st.integers(-5, 5)), min_size=1), st.booleans())
def test_one_hot_rows_come_back_as_their_categories(labels, text):
    column = [f"c{label}" for label in labels] if text else labels
    coder = OneHot().fit(column)
    rows = coder.transform(column)
    assert rows.shape == (len(column), len(set(column))) and (rows.sum(axis=1) == 1).all()
    assert coder.inverse(rows).tolist() == column


@pytest.mark.parametrize("made", [Standardize(), MinMax(axis=(0, 1)), OneHot()])
def test_a_saved_transform_goes_on_as_before(made, tmp_path):
    column = np.array([3, 1, 3, 2])
    x = column if isinstance(made, OneHot) else np.stack([column, column**2], axis=1) * 1.5
    nn.save({"scaling": made.fit(x)}, tmp_path / "scaling.npz")
    again = type(made)(*([made.axis] if hasattr(made, "axis") else []))
    again.load_state_dict(nn.load(tmp_path / "scaling.npz")["scaling"])
    np.testing.assert_array_equal(again.transform(x), made.transform(x))
    with pytest.raises(ValueError, match="the state of another transform: it has a"):
        again.load_state_dict({"a": 1})


@pytest.mark.parametrize(
    ("act", "error", "said"),
    [
        (lambda: Standardize().transform([[1.0]]), ValueError, r"call fit\(x_train\) first, on the training part"),
        (lambda: MinMax().inverse([[1.0]]), ValueError, "MinMax was not fitted"),
        (lambda: OneHot().transform([1]), ValueError, "OneHot was not fitted"),
        (lambda: Standardize().fit([]), ValueError, "nothing to measure"),
        (lambda: Standardize().fit([[1.0], [np.nan]]), ValueError, r"has nan at index \(1, 0\)"),
        (lambda: Standardize(axis=2).fit([[1.0]]), ValueError, "does not exist in shape"),
        (lambda: Standardize(axis="rows"), TypeError, "axis must be an integer"),
        (lambda: Standardize().fit([["a"]]), TypeError, "must hold numbers"),
        (
            lambda: Standardize().fit(np.ones((4, 2))).transform(np.ones((4, 3))),
            ValueError,
            r"shape \(N, 2\), got \(4, 3\)",
        ),
        (lambda: OneHot().fit(["a", "b"]).transform(["a", "c"]), ValueError, "'c' at index 1 is not among the 2"),
        (lambda: OneHot().fit([1.5]), TypeError, "integers, booleans or text"),
        (lambda: OneHot().fit([]), ValueError, "there are no categories"),
        (lambda: OneHot().fit([1, 2]).inverse([[1, 0, 0]]), ValueError, r"rows \(M, 2\), got shape \(1, 3\)"),
    ],
)
def test_mistakes_are_named(act, error, said):
    with pytest.raises(error, match=said):
        act()
