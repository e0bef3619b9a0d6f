"""Gradients of several batches as one, weights, several inputs and outputs, every kind of data."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import nn
from nn.data import DataLoader, Dataset, Subset, TensorDataset

RNG = np.random.default_rng(0)
X, Y = RNG.standard_normal((17, 3)), RNG.integers(0, 3, 17)


def linear(outputs=3):
    return nn.Linear(3, outputs, rng=0, dtype=float)


def weights_after(x, y, net=None, steps=1, **options):
    """The parameters after plain gradient descent, which shows the gradients."""
    net = net or linear()
    options = {"loss": nn.CrossEntropyLoss(), "shuffle": False, "batch_size": 4, "epochs": steps, **options}
    history = nn.fit(net, x, y, optimizer=nn.SGD(net.parameters(), lr=0.5), **options)
    return np.concatenate([p.data.ravel() for p in net.parameters()]), history


LABELS = np.where(RNG.random(17) < 0.3, -100, Y)
LOSSES = {
    "cross entropy": (nn.CrossEntropyLoss(), Y),
    "with class weights": (nn.CrossEntropyLoss(weight=[0.2, 1.0, 5.0]), Y),
    "with a class ignored": (nn.CrossEntropyLoss(ignore_index=1), Y),
    "with ignored labels": (nn.CrossEntropyLoss(weight=[0.2, 1.0, 5.0]), LABELS),
    "of a function": (partial(nn.cross_entropy, weight=np.array([0.2, 1.0, 5.0]), label_smoothing=0.1), LABELS),
    "sum": (nn.CrossEntropyLoss(reduction="sum", weight=[0.2, 1.0, 5.0]), LABELS),
    "squares": (nn.MSELoss(), RNG.standard_normal((17, 3))),
    "your own": (lambda p, y: np.abs(p - y).mean(), RNG.standard_normal((17, 3))),
    "divergence": (
        lambda p, y: nn.kl_div(nn.functional.log_softmax(p), y, reduction="batchmean"),
        np.full((17, 3), 1 / 3),
    ),
}


@pytest.mark.parametrize("name", LOSSES)
@settings(max_examples=8)
@given(size=st.integers(1, 6), accumulate=st.integers(2, 20), weighted=st.booleans())
def test_accumulated_batches_make_the_step_of_one_large_batch(name, size, accumulate, weighted):
    """The last group is smaller, and so is its last batch: their shares follow from their sizes."""
    loss, y = LOSSES[name]
    own = name in ("your own", "divergence")
    extra = {"sample_weight": np.arange(17.0)} if weighted and not own else {}
    large, _ = weights_after(X, y, loss=loss, batch_size=size * accumulate, **extra)
    small, history = weights_after(X, y, loss=loss, batch_size=size, accumulate=accumulate, **extra)
    np.testing.assert_allclose(small, large, rtol=1e-12, atol=1e-13)  # other orders of summation in float64
    assert len(history.batch_losses) == -(-17 // size)


@settings(max_examples=20)
@given(st.lists(st.integers(0, 3), min_size=17, max_size=17).filter(any), st.sampled_from(["cross entropy", "squares"]))
def test_a_sample_weight_of_k_is_as_good_as_the_sample_k_times(counts, name):
    loss, y = LOSSES[name]
    repeated, _ = weights_after(np.repeat(X, counts, axis=0), np.repeat(y, counts, axis=0), loss=loss, batch_size=99)
    weighted, _ = weights_after(X, y, loss=loss, batch_size=99, sample_weight=counts)
    np.testing.assert_allclose(weighted, repeated, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("name", LOSSES)
def test_the_loss_of_an_epoch_is_that_of_all_samples_whatever_the_batches(name, weighted):
    """It was the mean over the batches, in which a batch of ignored labels or of weight 0 counted as any other."""
    loss, y = LOSSES[name]
    weighted = weighted and name not in ("your own", "divergence")
    weight = np.where(np.arange(17) % 3 == 0, 0.0, np.arange(17.0)) if weighted else None
    one_step = [
        weights_after(X, y, loss=loss, sample_weight=weight, batch_size=size, accumulate=17)[1]["loss"][0]
        for size in (1, 4, 17)
    ]
    np.testing.assert_allclose(one_step, one_step[-1], rtol=1e-12)
    if not weighted:
        whole = nn.evaluate(linear(), X, y, loss=loss)["loss"]
        np.testing.assert_allclose(one_step, whole, rtol=1e-12)


@pytest.mark.parametrize("loss", [nn.CrossEntropyLoss(), nn.cross_entropy])
@pytest.mark.parametrize("given_as", [[0.5, 1.0, 4.0], {0: 0.5, 2: 4.0}, np.array([0.5, 1.0, 4.0])])
def test_class_weights_are_those_of_the_loss(loss, given_as):
    by_loss, _ = weights_after(X, Y, loss=nn.CrossEntropyLoss(weight=[0.5, 1.0, 4.0]), steps=2)
    by_fit, _ = weights_after(X, Y, loss=loss, class_weight=given_as, steps=2)
    np.testing.assert_allclose(by_fit, by_loss, rtol=1e-12)
    from_loader, _ = weights_after(TensorDataset(X, Y), None, loss=loss, class_weight=given_as, steps=2)
    np.testing.assert_allclose(from_loader, by_loss, rtol=1e-12)


def test_classes_of_a_binary_loss_are_weighted_too():
    y = (Y[:, None] > 0) * 1.0
    by_class, _ = weights_after(X, y, linear(1), loss=nn.BCEWithLogitsLoss(), class_weight={1: 3.0})
    by_sample, _ = weights_after(X, y, linear(1), loss=nn.BCEWithLogitsLoss(), sample_weight=1 + 2 * y[:, 0])
    np.testing.assert_array_equal(by_class, by_sample)


def test_balanced_classes_count_the_same_and_multiply_with_sample_weights():
    y = np.array([0] * 12 + [1] * 4 + [2])
    by_hand = 17 / (3 * np.bincount(y))
    balanced, _ = weights_after(X, y, class_weight="balanced", sample_weight=np.arange(1.0, 18), batch_size=99)
    expected, _ = weights_after(X, y, sample_weight=np.arange(1.0, 18) * by_hand[y], batch_size=99)
    np.testing.assert_array_equal(balanced, expected)


def test_a_weight_of_zero_hides_a_loss_that_is_infinite():
    y = np.full((17, 3), 0.5)
    y[3] = np.inf
    weight = np.ones(17)
    weight[3] = 0
    hidden, _ = weights_after(X, y, loss=nn.MSELoss(), sample_weight=weight, batch_size=99)
    left_out, _ = weights_after(np.delete(X, 3, 0), np.delete(y, 3, 0), loss=nn.MSELoss(), batch_size=99)
    np.testing.assert_allclose(hidden, left_out, rtol=1e-12)


def test_a_batch_of_weights_that_are_all_zero_changes_nothing():
    weight = np.ones(17)
    weight[4:8] = 0
    before = weights_after(X[:4], Y[:4])[0]
    with pytest.raises(ValueError, match="zero for every sample"):
        weights_after(X[4:8], Y[4:8], sample_weight=weight[4:8])
    after, _ = weights_after(X[:8], Y[:8], sample_weight=weight[:8])
    np.testing.assert_allclose(after, before, rtol=1e-12)


# Several inputs and outputs.


class Heads(nn.Module):
    """Two inputs by name and two outputs, as a tuple or a dict."""

    def __init__(self, named):
        self.a, self.b, self.named = linear(3), linear(1), named

    def forward(self, u, v):
        scores, value = self.a(u), self.b(v)
        return {"class": scores, "value": value} if self.named else (scores, value)


V = RNG.standard_normal((17, 1))
BOTH = {
    "tuple": ((X, 2 * X), (Y, V), (nn.CrossEntropyLoss(), nn.mse_loss), (1.0, 0.25), (0, 1)),
    "dict": (
        {"u": X, "v": 2 * X},
        {"class": Y, "value": V},
        {"value": nn.mse_loss, "class": nn.CrossEntropyLoss()},
        {"class": 1.0, "value": 0.25},
        ("class", "value"),
    ),
}


@pytest.mark.parametrize("form", BOTH)
@pytest.mark.parametrize("accumulate", [1, 3])
def test_a_loss_for_each_output_is_their_weighted_sum(form, accumulate):
    x, y, loss, loss_weights, (first, second) = BOTH[form]
    several = Heads(form == "dict")
    options = {"metrics": {first: ["accuracy"], second: "mean_absolute_error"}, "validation": (x, y), "steps": 3}
    found, history = weights_after(
        x, y, several, loss=loss, loss_weights=loss_weights, accumulate=accumulate, **options
    )
    whole = lambda p, t: nn.cross_entropy(p[first], t[first]) + 0.25 * nn.mse_loss(p[second], t[second])
    expected, by_hand = weights_after(x, y, Heads(form == "dict"), loss=whole, accumulate=accumulate, steps=3)
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-13)
    assert history["loss"] == pytest.approx(by_hand["loss"], rel=1e-12)
    parts = np.array(history[f"{first}_loss"]) + 0.25 * np.array(history[f"{second}_loss"])
    np.testing.assert_allclose(parts, history["loss"], rtol=1e-12)
    assert f"val_{first}_accuracy" in history and f"val_{second}_loss" in history
    measured = nn.evaluate(several, x, y, loss=loss, loss_weights=loss_weights)
    assert measured["loss"] == pytest.approx(history["val_loss"][-1], rel=1e-12)


@pytest.mark.parametrize("form", ["plain", *BOTH])
def test_arrays_datasets_and_loaders_are_the_same_data(form):
    if form == "plain":
        x, y, loss, net = X, Y, nn.CrossEntropyLoss(), linear
    else:
        x, y, loss = BOTH[form][:3]
        net = lambda: Heads(form == "dict")
    arrays, history = weights_after(x, y, net(), loss=loss, steps=2, validation=(x, y), shuffle=True, rng=3)
    data = TensorDataset(x, y)
    dataset, again = weights_after(data, None, net(), loss=loss, steps=2, validation=data, shuffle=True, rng=3)
    loader = DataLoader(data, 4, shuffle=True, generator=3, num_workers=2)
    loaded, third = weights_after(loader, None, model := net(), loss=loss, steps=2, validation=DataLoader(data, 5))
    np.testing.assert_array_equal(dataset, arrays)
    np.testing.assert_array_equal(loaded, arrays)
    assert history.batch_losses == again.batch_losses == third.batch_losses
    assert (
        history["val_loss"] == pytest.approx(third["val_loss"], rel=1e-12) and history["val_loss"] == again["val_loss"]
    )
    assert nn.evaluate(model, DataLoader(data, 7), loss=loss)["loss"] == pytest.approx(
        nn.evaluate(model, x, y, loss=loss)["loss"], rel=1e-12
    )
    flat = lambda p: np.concatenate([np.ravel(a) for a in (p.values() if isinstance(p, dict) else p)])
    np.testing.assert_allclose(flat(nn.predict(model, data)), flat(nn.predict(model, x)), rtol=1e-12)


def test_a_dataset_of_your_own_is_cast_and_divided():
    seen = set()

    class Rows(Dataset):
        def __len__(self):
            return 17

        def __getitem__(self, i):
            return X[i], int(Y[i])

    class Spy(nn.Module):
        def forward(self, x):
            seen.add(x.dtype)
            return x

    net = nn.Sequential(Spy(), nn.Linear(3, 3, rng=0))
    _, history = weights_after(Rows(), None, net, validation_split=0.25, rng=0)
    assert seen == {np.dtype(np.float32)} and "val_loss" in history and len(history.batch_losses) == 4
    only_inputs = DataLoader(TensorDataset(X), 5)
    np.testing.assert_array_equal(nn.predict(net, only_inputs), nn.predict(net, X))
    np.testing.assert_array_equal(nn.predict(net, DataLoader(list(X), 5)), nn.predict(net, X))


@pytest.mark.parametrize(
    ("x", "y", "options", "error", "said"),
    [
        (X, None, {}, TypeError, "y is missing"),
        (TensorDataset(X, Y), Y, {}, TypeError, "gives the targets itself"),
        (TensorDataset(X, Y), None, {"sample_weight": np.ones(17)}, TypeError, "WeightedRandomSampler"),
        (TensorDataset(X), None, {}, TypeError, r"a batch must be a tuple \(inputs, target\), got a tuple of 1"),
        (DataLoader(TensorDataset(X, Y)), None, {"validation_split": 0.5}, TypeError, "random_split first"),
        (Subset(TensorDataset(X, Y), []), None, {}, ValueError, "there are no batches"),
        (DataLoader(TensorDataset(X, Y), 99, drop_last=True), None, {}, ValueError, "there are no batches"),
        (X, Y, {"accumulate": 0}, ValueError, "accumulate >= 1"),
        (X, Y, {"accumulate": 1.5}, TypeError, "integer for accumulate"),
        (X, Y, {"sample_weight": np.ones(3)}, ValueError, r"shape \(17,\), one for each sample, got \(3,\)"),
        (X, Y, {"sample_weight": -np.ones(17)}, ValueError, r"finite and >= 0, got -1\.0 at index 0"),
        (X, Y, {"class_weight": "equal"}, ValueError, "'balanced', a dict or a sequence"),
        (X, Y, {"class_weight": [1, 2]}, ValueError, "for 2 classes, but a label is 2"),
        (X, Y, {"class_weight": {0: np.nan}}, ValueError, r"class_weight\[0\] must be a finite number"),
        (X, Y, {"class_weight": {"a": 2}}, TypeError, "whole numbers, got the key 'a'"),
        (X, Y, {"class_weight": {0.5: 2}}, TypeError, "whole numbers, got the key 0.5"),
        (X, X, {"class_weight": [1, 1, 1]}, TypeError, "one whole label for each sample"),
        (TensorDataset(X, Y), None, {"class_weight": "balanced"}, TypeError, "counts the labels of arrays"),
        (X, Y, {"loss": lambda p, t: p.sum(), "class_weight": [1, 1, 1]}, TypeError, "need a loss with reduction="),
        (X, Y, {"loss_weights": [1]}, TypeError, "one loss for each output"),
        (X, Y, {"loss": ()}, ValueError, "loss is empty"),
        (X, (Y, V), {"loss": (nn.mse_loss, nn.MSELoss)}, TypeError, r"write nn\.MSELoss\(\)"),
        (X, (Y, V), {"loss": (nn.mse_loss, nn.mse_loss)}, ValueError, "2 outputs, but the model's output is a Tensor"),
        (X, {"a": Y, "b": Y}, {"loss": {"a": nn.mse_loss}}, ValueError, "y has the output 'b', for which there is no"),
        (X, {"a": Y}, {"loss": {"a": nn.mse_loss}}, ValueError, r"outputs \['a'\], but the model's output is a Tensor"),
        (X, Y, {"loss": (nn.mse_loss,), "loss_weights": (1, 2)}, ValueError, "must have the form of loss"),
        (X, Y, {"loss": (nn.mse_loss,), "loss_weights": (np.nan,)}, TypeError, r"loss_weights\[0\] must be a finite"),
        ({1: X}, Y, {}, TypeError, r"named inputs .* got the keys \[1\]"),
        ({"input": X}, Y, {}, TypeError, "unexpected keyword argument 'input'"),
        (X, Y, {"metrics": {"lr": len}}, ValueError, "'lr'"),
        (X, Y, {"metrics": {"a": ["accuracy"]}}, ValueError, "metrics has the output 'a'"),
    ],
)
def test_mistakes_are_named(x, y, options, error, said):
    with pytest.raises(error, match=said):
        weights_after(x, y, **options)


class _Pair(nn.Module):
    def __init__(self, named: bool) -> None:
        super().__init__()
        self.a, self.b, self.named = nn.Linear(2, 1, rng=0), nn.Linear(2, 1, rng=1), named

    def forward(self, x: Any) -> Any:
        outputs = self.a(x), self.b(x)
        return dict(zip("ab", outputs, strict=True)) if self.named else outputs


@pytest.mark.parametrize("loss", [nn.MSELoss(), nn.mse_loss])
@pytest.mark.parametrize("y", [np.ones((5, 1)), (np.ones((5, 1)), np.ones((5, 1)))], ids=["one", "pair"])
def test_one_loss_for_a_model_with_two_outputs_says_to_give_a_loss_for_each(loss: Any, y: Any) -> None:
    x, net = np.ones((5, 2)), _Pair(named=False)
    wanted = r"a tuple of 2: give a loss for each output, loss=\(loss_0, loss_1\)"
    with pytest.raises(TypeError, match=wanted):
        nn.fit(net, x, y, loss=loss, optimizer=nn.SGD(net.parameters(), lr=0.1), epochs=1)
    with pytest.raises(TypeError, match=wanted):
        nn.evaluate(net, x, y, loss=loss)
    assert [part.shape for part in nn.predict(net, x, batch_size=2)] == [(5, 1), (5, 1)]


def test_a_loss_of_ones_own_that_leaves_the_graph_with_two_outputs_is_told_so() -> None:
    net = _Pair(named=False)
    with pytest.raises(TypeError, match="give a loss for each output"):
        nn.fit(
            net,
            np.ones((5, 2)),
            np.ones((5, 1)),
            loss=lambda p, y: np.mean(np.array(p)),
            optimizer=nn.SGD(net.parameters(), lr=0.1),
            epochs=1,
        )
    named = _Pair(named=True)
    with pytest.raises(TypeError, match=r"loss=\{'a': loss_0, 'b': loss_1\}"):
        nn.evaluate(named, np.ones((5, 2)), np.ones((5, 1)), loss=nn.MSELoss())
    total = nn.evaluate(named, np.ones((5, 2)), np.ones((5, 1)), loss=lambda p, y: nn.mse_loss(p["a"] + p["b"], y))
    assert np.isfinite(total["loss"])


def test_validation_of_three_parts_says_which_forms_fit() -> None:
    net, x, y = nn.Linear(2, 1, rng=0), np.ones((5, 2)), np.ones((5, 1))
    with pytest.raises(ValueError, match=r"validation must be \(x, y\), a Dataset or a DataLoader, got 3 parts"):
        nn.fit(
            net,
            x,
            y,
            loss=nn.MSELoss(),
            optimizer=nn.SGD(net.parameters(), lr=0.1),
            validation=(x, y, np.ones(5)),
        )
