"""Metrics against their definitions."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import autodiff as ad
from nn import metrics


@given(seed=st.integers(0, 2**32 - 1), n=st.integers(1, 30), classes=st.integers(2, 5))
def test_the_confusion_matrix_counts_every_pair_and_its_diagonal_is_the_accuracy(seed, n, classes):
    rng = np.random.default_rng(seed)
    labels, scores = rng.integers(0, classes, n), rng.standard_normal((n, classes))
    matrix = metrics.confusion_matrix(labels, scores)
    predictions = scores.argmax(axis=1)
    expected = [[int(((labels == i) & (predictions == j)).sum()) for j in range(classes)] for i in range(classes)]
    assert matrix.tolist() == expected
    assert np.trace(matrix) / n == pytest.approx(metrics.accuracy(scores, labels))
    assert metrics.top_k_accuracy(scores, labels, classes) == 1.0
    assert metrics.top_k_accuracy(scores, labels, 1) == metrics.accuracy(scores, labels)


def test_accuracy_takes_integer_one_hot_rows_and_refuses_several_labels_a_row():
    scores = np.array([[0.1, 0.9], [0.8, 0.2]])
    for dtype in (int, bool, np.uint8):
        assert metrics.accuracy(scores, np.array([[0, 1], [0, 1]], dtype)) == 0.5
    for rows in ([[1, 1], [0, 1]], [[0, 2], [0, 1]], [[0, 0], [1, 0]]):
        with pytest.raises(ValueError, match=r"one-hot rows.*nn\.binary_accuracy for several labels"):
            metrics.accuracy(scores, rows)


def test_accuracy_takes_one_hot_rows_too():
    assert metrics.accuracy([[0.2, 0.8], [0.9, 0.1]], [[0.0, 1.0], [0.0, 1.0]]) == 0.5


def test_binary_accuracy_takes_labels_zero_one_and_minus_one_one():
    assert metrics.binary_accuracy([2.0, -1.0], [1, 0]) == metrics.binary_accuracy([2.0, -1.0], [1, -1]) == 1.0
    assert metrics.binary_accuracy([0.6, 0.4], [1, 1], threshold=0.5) == 0.5


def test_the_confusion_matrix_takes_small_and_unsigned_integers():
    """It raised OverflowError for unsigned ones."""
    labels, predictions = np.array([2, 0, 2], np.uint8), np.array([1, 0, 2], np.int8)
    assert metrics.confusion_matrix(labels, predictions).tolist() == [[1, 0, 0], [0, 0, 0], [0, 1, 1]]
    assert metrics.confusion_matrix(labels[:0], labels[:0]).shape == (0, 0)


def test_errors_of_regression():
    assert metrics.mean_squared_error([1.0, 3.0], [0.0, 0.0]) == 5.0
    assert metrics.mean_absolute_error([1.0, -3.0], [0.0, 0.0]) == 2.0


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: metrics.accuracy([[0.1, 0.9]], [1, 0]), r"got \(1, 2\) and \(2,\)"),
        (
            lambda: metrics.accuracy([[-3.0], [2.0]], [[1.0], [0.0]]),
            r"at least two classes, got shape \(2, 1\).*binary_acc",
        ),
        (lambda: metrics.accuracy([[-3.0], [2.0]], [1, 0]), "binary_accuracy"),
        (lambda: metrics.top_k_accuracy([[-3.0], [2.0]], [0, 0], k=1), "binary_accuracy"),
        (lambda: metrics.confusion_matrix([0.0, 1.0], [0, 1]), "labels must be class indices"),
        (lambda: metrics.confusion_matrix([0, 1], [0, 1, 1]), "same shape"),
        (lambda: metrics.confusion_matrix([0, 5], [0, 1], classes=3), r"a label is outside 0\.\.2"),
        (lambda: metrics.accuracy(np.eye(3), [0, 1, 3]), r"accuracy: a label is outside 0\.\.2: 3"),  # counted as wrong
        (lambda: metrics.accuracy(np.eye(2), [0, -100]), r"label is outside 0\.\.1: -100.*Leave out"),
        (lambda: metrics.accuracy(np.eye(2), ["a", "b"]), "labels must be class indices"),
        (lambda: metrics.top_k_accuracy(np.eye(2), [0, 2], k=1), r"a label is outside 0\.\.1: 2"),
        (lambda: metrics.confusion_matrix([0, 1], np.full((2, 2), np.nan)), "a score is NaN"),  # all in class 0
        (lambda: metrics.confusion_matrix([0], [0], sample_weight=[-1.0]), "finite and >= 0"),
        (lambda: metrics.confusion_matrix([0], [0], sample_weight=[np.nan]), "finite and >= 0"),
        (lambda: metrics.top_k_accuracy([[0.1, 0.9]], [1], k=3), "number of classes 2"),
        (lambda: metrics.mean_squared_error([[1.0]], [1.0]), "same shape"),
        (lambda: metrics.binary_accuracy([[1.0]], [1.0]), "equal shapes"),
    ],
)
def test_mistakes_are_named(call, words):
    with pytest.raises((ValueError, TypeError), match=words):
        call()


def test_metrics_that_count_take_recorded_tensors():
    """`nn.accuracy(net(x), y)` was refused as an exit from the graph, where no gradient can be lost."""
    scores, labels = ad.tensor([[0.1, 0.9], [0.8, 0.2]]) * 2, [1, 1]
    assert metrics.accuracy(scores, labels) == metrics.top_k_accuracy(scores, labels, 1) == 0.5
    assert metrics.confusion_matrix(labels, scores).tolist() == [[0, 0], [1, 1]]
    assert metrics.binary_accuracy(scores[:, 0], [1, 1]) == 1.0
    with pytest.raises(ad.LeavesGraphError):
        metrics.mean_squared_error(scores, scores.data)  # this one has a gradient


@given(seed=st.integers(0, 2**32 - 1), n=st.integers(1, 12))
def test_a_sample_of_weight_k_counts_as_k_samples(seed, n):
    rng = np.random.default_rng(seed)
    weight = rng.integers(0, 4, n)
    weight[rng.integers(n)] = 1
    scores, labels = rng.standard_normal((n, 3)), rng.integers(0, 3, n)
    cases = [
        (metrics.accuracy, scores, labels, {}),
        (metrics.top_k_accuracy, scores, labels, {"k": 2}),
        (metrics.binary_accuracy, scores[:, 0], labels > 0, {}),
        (metrics.mean_squared_error, scores, scores[::-1], {}),  # a weight of a sample holds for all its numbers
        (metrics.mean_absolute_error, scores[:, 0], scores[:, 1], {}),
    ]
    for metric, a, b, options in cases:
        repeated = metric(np.repeat(a, weight, axis=0), np.repeat(b, weight, axis=0), **options)
        assert metric(a, b, sample_weight=weight, **options) == pytest.approx(repeated, rel=1e-12)
    matrix = metrics.confusion_matrix(labels, scores, sample_weight=weight)
    repeated = metrics.confusion_matrix(np.repeat(labels, weight), np.repeat(scores, weight, axis=0))
    np.testing.assert_array_equal(matrix, repeated)


def test_weights_of_samples_that_do_not_fit_are_refused_and_the_mean_of_nothing_is_nan():
    with pytest.raises(ValueError, match=r"accuracy: sample_weight of shape \(3,\) does not fit samples of shape \(1,"):
        metrics.accuracy([[0.0, 1.0]], [1], sample_weight=[1, 1, 1])
    with pytest.raises(ValueError, match="mean_squared_error: sample_weight must be finite and >= 0"):
        metrics.mean_squared_error([1.0], [0.0], sample_weight=[-1])
    assert np.isnan(metrics.accuracy(np.empty((0, 3)), np.empty(0, int)))  # NumPy warned of an empty slice
    assert np.isnan(metrics.accuracy([[0.0, 1.0]], [1], sample_weight=[0]))


def test_a_model_whose_scores_are_nan_is_never_right() -> None:
    """A model that had diverged was right wherever the label was 0."""
    nan = np.full((3, 2), np.nan)
    assert metrics.accuracy(nan, np.zeros(3, int)) == 0.0
    assert metrics.top_k_accuracy(nan, np.zeros(3, int), k=2) == 0.0
    assert metrics.binary_accuracy(nan[:, 0], np.zeros(3)) == 0.0
