"""The scikit-learn estimators: scikit-learn's own checks, and what people do with an estimator."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest

import nn

pytest.importorskip("sklearn")
from scipy.sparse import csr_matrix
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@parametrize_with_checks([nn.NeuralClassifier(max_iter=60), nn.NeuralRegressor(max_iter=60)])
@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::UserWarning", "ignore::DeprecationWarning")
def test_the_estimators_pass_scikit_learns_own_checks(estimator: Any, check: Any) -> None:
    check(estimator)


def test_a_pipeline_is_searched_and_cross_validated() -> None:
    x, y = load_iris(return_X_y=True)
    model = make_pipeline(StandardScaler(), nn.NeuralClassifier((8,), solver="lbfgs", max_iter=10, random_state=0))
    assert cross_val_score(model, x, y, cv=3).mean() > 0.9
    search = GridSearchCV(model, {"neuralclassifier__alpha": [1e-4, 1.0]}, cv=2).fit(x, y)
    assert search.best_params_["neuralclassifier__alpha"] in (1e-4, 1.0)


@pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs"])
@pytest.mark.parametrize("activation", ["relu", "tanh", "logistic", "identity", "gelu", "silu"])
def test_every_solver_and_activation_learns(solver: str, activation: str) -> None:
    x, y = load_breast_cancer(return_X_y=True)
    x = StandardScaler().fit_transform(x)
    rate = 0.05 if solver == "sgd" else 0.01
    model = nn.NeuralClassifier((8,), activation, solver=solver, max_iter=15, learning_rate_init=rate, random_state=0)
    model.fit(x, y)
    assert model.score(x, y) > 0.93
    assert model.loss_curve_[-1] < model.loss_curve_[0] or solver == "lbfgs"


def test_strings_are_classes_and_probabilities_add_up() -> None:
    x, y = load_iris(return_X_y=True)
    names = np.array(["setosa", "versicolor", "virginica"])[y]
    model = nn.NeuralClassifier((8,), solver="lbfgs", max_iter=10, random_state=0).fit(x, names)
    assert set(model.predict(x)) == set(names)
    np.testing.assert_allclose(model.predict_proba(x).sum(axis=1), 1.0, rtol=1e-12)
    np.testing.assert_allclose(np.exp(model.predict_log_proba(x)), model.predict_proba(x))


def test_lbfgs_makes_as_many_iterations_as_it_is_told() -> None:
    """They were 20 for each of max_iter: scikit-learn's count is of iterations."""
    x, y = load_diabetes(return_X_y=True)
    model = nn.NeuralRegressor((8,), solver="lbfgs", max_iter=7, random_state=0).fit(x, y)
    assert model.n_iter_ == 7 == model._optimizer_.state_dict()["state"][0]["n_iter"]


def test_several_labels_at_once() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(200, 4))
    y = (x[:, :2] > 0).astype(int)
    model = nn.NeuralClassifier((8,), solver="lbfgs", max_iter=20, random_state=0).fit(x, y)
    assert model.predict(x).shape == (200, 2) == model.predict_proba(x).shape
    assert (model.predict(x) == y).mean() > 0.95


def test_a_regressor_has_several_outputs_and_keeps_a_columns_shape() -> None:
    x, y = load_diabetes(return_X_y=True)
    x, y = StandardScaler().fit_transform(x), (y - y.mean()) / y.std()
    both = nn.NeuralRegressor((8,), solver="lbfgs", max_iter=30, random_state=0).fit(x, np.column_stack([y, -y]))
    assert both.predict(x).shape == (len(x), 2) and both.score(x, np.column_stack([y, -y])) > 0.5
    assert nn.NeuralRegressor((8,), max_iter=2, random_state=0).fit(x, y).predict(x).shape == (len(x),)


def test_fits_of_equal_seed_are_equal_and_clones_and_pickles_too() -> None:
    x, y = load_iris(return_X_y=True)
    model = nn.NeuralClassifier((5,), max_iter=5, random_state=3).fit(x, y)
    again = clone(model).fit(x, y)
    np.testing.assert_array_equal(model.predict_proba(x), again.predict_proba(x))
    np.testing.assert_array_equal(model.predict_proba(x), pickle.loads(pickle.dumps(model)).predict_proba(x))


def test_partial_fit_goes_on_and_knows_all_classes_from_the_first_call() -> None:
    x, y = load_iris(return_X_y=True)
    model = nn.NeuralClassifier((8,), learning_rate_init=0.02, random_state=0)
    model.partial_fit(x[:100], y[:100], classes=[0, 1, 2])  # no row of class 2 yet
    losses = []
    for _ in range(30):
        model.partial_fit(x, y)
        losses.append(model.loss_)
    assert losses[-1] < losses[0] / 2 and model.n_iter_ == 31
    with pytest.raises(ValueError, match="not the same as on the first call"):
        model.partial_fit(x, y, classes=[0, 1])
    with pytest.raises(ValueError, match="not all among those of the first call"):
        model.partial_fit(x, y + 1)


def test_warm_start_goes_on_from_the_last_weights() -> None:
    x, y = load_iris(return_X_y=True)
    model = nn.NeuralClassifier((8,), max_iter=3, warm_start=True, random_state=0).fit(x, y)
    first = model.loss_curve_[0]
    model.fit(x, y)
    assert len(model.loss_curve_) == 6 and model.loss_curve_[3] < first


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_parameters_that_are_set_between_two_calls_are_used(method: str) -> None:
    x, y = load_iris(return_X_y=True)
    model = nn.NeuralClassifier((4,), max_iter=1, warm_start=True, random_state=0)
    getattr(model, method)(x, y)
    before = model.model_[0].weight.data.copy()
    getattr(model.set_params(learning_rate_init=1e-12), method)(x, y)
    np.testing.assert_allclose(model.model_[0].weight.data, before, rtol=0, atol=1e-9)
    getattr(model.set_params(alpha=30.0), method)(x, y)
    assert model._optimizer_.param_groups[0]["weight_decay"] == 30.0 / len(x)


def test_partial_fit_weighs_the_classes_by_name_also_where_rows_of_some_are_missing() -> None:
    x, y = load_iris(return_X_y=True)
    first = nn.NeuralClassifier((4,), class_weight={2: 3.0}, random_state=0)
    second = nn.NeuralClassifier((4,), random_state=0)
    for rows in (slice(0, 100), slice(50, 150)):  # no row of class 2 in the first, none of class 0 in the second
        first.partial_fit(x[rows], y[rows], classes=[0, 1, 2])
        second.partial_fit(x[rows], y[rows], classes=[0, 1, 2], sample_weight=np.where(y[rows] == 2, 3.0, 1.0))
    np.testing.assert_array_equal(first.predict_proba(x), second.predict_proba(x))


def test_several_labels_may_be_a_sparse_matrix() -> None:
    x, y = load_iris(return_X_y=True)
    labels = np.stack([y > 0, y > 1], 1).astype(int)
    dense, sparse = (nn.NeuralClassifier((4,), max_iter=2, random_state=0) for _ in range(2))
    sparse.fit(x, csr_matrix(labels))
    np.testing.assert_array_equal(sparse.predict_proba(x), dense.fit(x, labels).predict_proba(x))


def test_early_stopping_holds_rows_out() -> None:
    x, y = load_breast_cancer(return_X_y=True)
    x = StandardScaler().fit_transform(x)
    model = nn.NeuralClassifier((16,), early_stopping=True, n_iter_no_change=3, learning_rate_init=0.02, random_state=0)
    model.fit(x, y)
    assert model.n_iter_ < 200 and model.score(x, y) > 0.95


def test_training_stops_at_the_epoch_of_scikit_learns_rule() -> None:
    """Epochs that are not better by tol than the best before: their improvements do not add up."""
    x, y = load_iris(return_X_y=True)
    model = nn.NeuralClassifier((8,), max_iter=300, tol=0.004, n_iter_no_change=3, random_state=0).fit(x, y)
    best, idle, epochs = np.inf, 0, 0
    while idle <= 3:
        loss = model.loss_curve_[epochs]
        idle, best, epochs = (idle + 1 if loss > best - 0.004 else 0), min(best, loss), epochs + 1
    assert model.n_iter_ == epochs < 300
    assert model.loss_curve_[-5] - model.loss_curve_[-1] > 0.004  # they would have added up


def test_class_weights_and_sample_weights_move_the_boundary() -> None:
    rng = np.random.default_rng(0)
    x = np.concatenate([rng.normal(0, 1, (180, 1)), rng.normal(1.5, 1, (20, 1))])
    y = np.repeat([0, 1], [180, 20])
    plain = nn.NeuralClassifier((4,), solver="lbfgs", max_iter=20, random_state=0).fit(x, y)
    balanced = clone(plain).set_params(class_weight="balanced").fit(x, y)
    weighted = clone(plain).fit(x, y, sample_weight=np.where(y == 1, 5.0, 5 / 9))
    assert (balanced.predict(x) == 1).sum() > (plain.predict(x) == 1).sum()
    np.testing.assert_allclose(weighted.predict_proba(x), balanced.predict_proba(x), atol=1e-4)  # the same weights


def test_a_loss_that_still_falls_at_the_end_is_told() -> None:
    with pytest.warns(ConvergenceWarning, match="the loss still fell after 2 epochs: raise max_iter"):
        nn.NeuralClassifier((4,), max_iter=2, random_state=0).fit(*load_iris(return_X_y=True))


def test_a_module_of_your_own_is_trained() -> None:
    x, y = load_iris(return_X_y=True)

    def deep(inputs: int, outputs: int, rng: np.random.Generator) -> nn.Module:
        return nn.Sequential(nn.Linear(inputs, 8, rng=rng), nn.LayerNorm(8), nn.Tanh(), nn.Linear(8, outputs, rng=rng))

    model = nn.NeuralClassifier(module=deep, learning_rate_init=0.03, max_iter=60, random_state=0).fit(x, y)
    assert model.score(x, y) > 0.9 and isinstance(model.model_[1], nn.LayerNorm)


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_tables_are_read_by_column(library: str) -> None:
    tables = pytest.importorskip(library)
    x, y = load_iris(return_X_y=True)
    columns = ["a", "b", "c", "d"]
    table = tables.DataFrame(dict(zip(columns, x.T, strict=True)))
    model = nn.NeuralClassifier((4,), solver="lbfgs", max_iter=3, random_state=0).fit(table, y)
    assert list(model.feature_names_in_) == columns
    assert model.predict(table).shape == y.shape
    with pytest.raises(ValueError, match="feature names"):
        model.predict(table[["b", "a", "c", "d"]])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda x, y: nn.NeuralClassifier(solver="newton").fit(x, y), "solver"),
        (lambda x, y: nn.NeuralClassifier((0,)).fit(x, y), "hidden_layer_sizes must be whole numbers > 0"),
        (lambda x, y: nn.NeuralClassifier((2.5,)).fit(x, y), r"must be whole numbers > 0, got \(2.5,\)"),
        (
            lambda x, y: nn.NeuralRegressor((2,)).partial_fit(x, x[:, 0]).partial_fit(x, x[:, :2]),
            "has 1 outputs, and y needs 2",
        ),
        (lambda x, y: nn.NeuralClassifier().fit(x, np.zeros(len(y))), "at least 2 classes"),
        (lambda x, y: nn.NeuralClassifier().fit(x, np.stack([y, y], 1)), "MultiOutputClassifier"),
        (
            lambda x, y: nn.NeuralClassifier(module=lambda i, o, rng: nn.Linear(i, 7, rng=rng)).fit(x, y),
            r"shape \(2, 7\) for 2 rows; y needs \(2, 3\)",
        ),
        (
            lambda x, y: nn.NeuralClassifier(class_weight="balanced").fit(x, np.stack([y > 0, y > 1], 1).astype(int)),
            "class_weight is for one label",
        ),
        (
            lambda x, y: nn.NeuralClassifier(class_weight="balanced").partial_fit(x[:60], y[:60], classes=[0, 1, 2]),
            "partial_fit does not have: give a dict",
        ),
        (lambda x, y: nn.NeuralClassifier(class_weight={7: 2.0}).fit(x, y), "names the class 7; the classes of y are"),
        (
            lambda x, y: nn.NeuralClassifier().partial_fit(x, np.eye(3, dtype=int)[y]).partial_fit(x, y),
            r"y was \(N, 3\) of 0 and 1 on the first call, and is now of shape \(150,\)",
        ),
    ],
)
def test_what_cannot_be_trained_is_refused(make: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make(*load_iris(return_X_y=True))
