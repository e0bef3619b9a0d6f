"""scikit-learn estimators over `fit`: `NeuralClassifier` and `NeuralRegressor`.

They take scikit-learn's parameters of `MLPClassifier` under the same names, and pass its `check_estimator`, so that
`Pipeline`, `GridSearchCV`, `cross_val_score`, `clone` and pickling work. They use a `Module`, an `Optimizer` and
`nn.fit`. Never here: a training loop of their own.

One file: scikit-learn needs the parameters of each estimator written out.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from numbers import Integral, Real
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.class_weight import compute_sample_weight
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from .init import uniform
from .layers.activations import GELU, ReLU, Sigmoid, SiLU, Tanh
from .layers.containers import Sequential
from .layers.dropout import Dropout
from .layers.linear import Identity, Linear
from .losses import binary_cross_entropy_with_logits, cross_entropy, mse_loss
from .module import Module
from .optim import LBFGS, SGD, Adam, Optimizer
from .training import EarlyStopping, fit, predict

__all__ = ["NeuralClassifier", "NeuralRegressor"]

Array = NDArray[Any]
ACTIVATIONS = {"relu": ReLU, "tanh": Tanh, "logistic": Sigmoid, "identity": Identity, "gelu": GELU, "silu": SiLU}


class _Neural(BaseEstimator):  # type: ignore[misc]
    """Base of both estimators: parameters, the network, one run of `fit`, and continuing an earlier run."""

    _parameter_constraints = {
        "hidden_layer_sizes": ["array-like", Interval(Integral, 1, None, closed="left")],
        "activation": [StrOptions(set(ACTIVATIONS))],
        "solver": [StrOptions({"adam", "sgd", "lbfgs"})],
        "alpha": [Interval(Real, 0, None, closed="left")],
        "dropout": [Interval(Real, 0, 1, closed="left")],
        "batch_size": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")],
        "learning_rate_init": [Interval(Real, 0, None, closed="neither")],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "shuffle": ["boolean"],
        "random_state": ["random_state"],
        "tol": [Interval(Real, 0, None, closed="left")],
        "n_iter_no_change": [Interval(Integral, 1, None, closed="left")],
        "early_stopping": ["boolean"],
        "validation_fraction": [Interval(Real, 0, 1, closed="neither")],
        "warm_start": ["boolean"],
        "module": [callable, None],
        "verbose": ["verbose"],
    }

    def __init__(
        self,
        hidden_layer_sizes: Sequence[int] | int = (100,),
        activation: str = "relu",
        *,
        solver: str = "adam",
        alpha: float = 1e-4,
        dropout: float = 0.0,
        batch_size: int | str = "auto",
        learning_rate_init: float = 1e-3,
        max_iter: int = 200,
        shuffle: bool = True,
        random_state: Any = None,
        tol: float = 1e-4,
        n_iter_no_change: int = 10,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        warm_start: bool = False,
        module: Callable[..., Module] | None = None,
        verbose: bool = False,
    ) -> None:
        self.hidden_layer_sizes, self.activation, self.solver = hidden_layer_sizes, activation, solver
        self.alpha, self.dropout, self.batch_size = alpha, dropout, batch_size
        self.learning_rate_init, self.max_iter, self.shuffle = learning_rate_init, max_iter, shuffle
        self.random_state, self.tol, self.n_iter_no_change = random_state, tol, n_iter_no_change
        self.early_stopping, self.validation_fraction = early_stopping, validation_fraction
        self.warm_start, self.module, self.verbose = warm_start, module, verbose

    _factor = 1.0  # of the penalty: as large as the loss is

    # ---- the network and its optimizer
    def _network(self, inputs: int, outputs: int) -> Module:
        if self.module is not None:
            made = self.module(inputs, outputs, rng=self._rng)
            shape = predict(made, np.zeros((2, inputs), np.float32)).shape
            if shape != (2, outputs):
                raise ValueError(f"module made a network that gives shape {shape} for 2 rows; y needs (2, {outputs}).")
            return made
        sizes = [self.hidden_layer_sizes] if isinstance(self.hidden_layer_sizes, Integral) else self.hidden_layer_sizes
        layers: list[Module] = []
        for size in sizes:  # type: ignore[union-attr]
            if not isinstance(size, Integral) or size < 1:
                raise ValueError(f"hidden_layer_sizes must be whole numbers > 0, got {sizes}.")
            size = int(size)
            layers += [self._linear(inputs, size), ACTIVATIONS[self.activation]()]
            layers += [Dropout(self.dropout, rng=self._rng)] if self.dropout else []
            inputs = size
        return Sequential(*layers, self._linear(inputs, outputs))

    def _linear(self, inputs: int, outputs: int) -> Linear:
        """Return a layer whose weights and biases begin as in scikit-learn: Glorot and Bengio (2010)."""
        layer = Linear(inputs, outputs, rng=self._rng)
        bound = np.sqrt((2.0 if self.activation == "logistic" else 6.0) / (inputs + outputs))
        for p in layer.parameters():
            p.data = uniform(p.shape, low=-bound, high=bound, rng=self._rng)
        return layer

    def _optimizer(self, decay: float) -> Optimizer:
        """Return the optimizer. The penalty decay / 2 |W|^2 is on the weights and not on the biases."""
        named = list(self.model_.named_parameters())
        if self.solver == "lbfgs":
            # one iteration an epoch, so that max_iter counts iterations as in scikit-learn
            return LBFGS(self.model_.parameters(), lr=1.0, max_iter=1, max_eval=25, line_search_fn="strong_wolfe")
        groups = [
            {"params": [p for _, p in named if p.ndim > 1], "weight_decay": decay},
            {"params": [p for _, p in named if p.ndim <= 1], "weight_decay": 0.0},
        ]
        groups = [group for group in groups if group["params"]]
        if self.solver == "sgd":
            return SGD(groups, lr=self.learning_rate_init, momentum=0.9, nesterov=True)
        return Adam(groups, lr=self.learning_rate_init)

    def _loss(self, decay: float) -> Callable[[Any, Any], Any]:
        criterion = self._criterion()
        if self.solver != "lbfgs" or not decay:
            return criterion
        weights = [p for p in self.model_.parameters() if p.ndim > 1]

        def penalised(prediction: Any, target: Any, reduction: str = "mean") -> Any:
            penalty = 0.5 * decay * sum((w * w).sum() for w in weights)
            return criterion(prediction, target, reduction=reduction) + penalty

        return penalised

    # ---- training
    def _start(self, x: Array, outputs: int, weight: Array | None) -> None:
        """Make a new network and optimizer."""
        seed = check_random_state(self.random_state).randint(np.iinfo(np.int32).max)
        self._rng = np.random.default_rng(seed)
        self.model_ = self._network(x.shape[1], outputs)
        self.model_.astype(x.dtype)
        self._start_optimizer(x, weight)
        self.n_outputs_, self.n_iter_ = outputs, 0
        self.loss_curve_: list[float] = []

    def _start_optimizer(self, x: Array, weight: Array | None) -> None:
        """Make a new optimizer with the present `alpha`, `learning_rate_init` and `solver`."""
        self._rows = len(x) if weight is None else max(float(weight.sum()), np.finfo(float).tiny)
        self._decay = self._factor * self.alpha / self._rows
        self._optimizer_ = self._optimizer(self._decay)

    def _renew(self) -> None:
        """Take over an `alpha` and a `learning_rate_init` that `set_params` changed after the last `partial_fit`."""
        self._decay = self._factor * self.alpha / self._rows
        if isinstance(self._optimizer_, LBFGS):
            return
        for group in self._optimizer_.param_groups:
            group["lr"] = self.learning_rate_init
            group["weight_decay"] = self._decay if group["params"][0].ndim > 1 else 0.0

    def _train(self, x: Array, y: Array, weight: Array | None, epochs: int, stops: bool) -> None:
        rows = 200 if self.batch_size == "auto" else int(self.batch_size)
        size = len(x) if self.solver == "lbfgs" else min(rows, len(x))
        held_out = stops and self.early_stopping
        monitor = "val_loss" if held_out else "loss"
        # scikit-learn stops after more than n_iter_no_change epochs that are not better by tol than the best before
        patience = self.n_iter_no_change + 1
        rule = EarlyStopping(monitor, patience, self.tol, cumulative_delta=False, restore_best=held_out)
        history = fit(
            self.model_,
            x,
            y,
            loss=self._loss(self._decay),
            optimizer=self._optimizer_,
            epochs=epochs,
            batch_size=size,
            sample_weight=weight,
            validation_split=self.validation_fraction if held_out else 0.0,
            early_stopping=rule if stops else None,
            shuffle=self.shuffle and size < len(x),
            progress=bool(self.verbose),
            rng=self._rng,
        )
        self.loss_curve_ = [*self.loss_curve_, *history["loss"]]
        self.n_iter_ += len(history["loss"])
        self.loss_ = self.loss_curve_[-1]
        if stops and history.stopped == "finished":
            warnings.warn(
                f"the loss still fell after {epochs} epochs: raise max_iter", ConvergenceWarning, stacklevel=4
            )

    def _fit(self, x: Array, y: Array, outputs: int, weight: Array | None) -> None:
        if not (self.warm_start and hasattr(self, "model_")):
            self._start(x, outputs, weight)
        else:
            self._check_outputs(outputs)
            self._start_optimizer(x, weight)
        self._train(x, y, weight, self.max_iter, stops=True)

    def _check_outputs(self, outputs: int) -> None:
        if outputs != self.n_outputs_:
            raise ValueError(f"the network to go on with has {self.n_outputs_} outputs, and y needs {outputs}.")

    def _raw(self, x: Any) -> Array:
        check_is_fitted(self)
        x = validate_data(self, x, dtype=(np.float64, np.float32), reset=False)
        return predict(self.model_, x, batch_size=1024)

    def _criterion(self) -> Callable[..., Any]:
        raise NotImplementedError

    def _more_weights(self, x: Array, y: Any, sample_weight: Any) -> Array | None:
        return None if sample_weight is None else _check_sample_weight(sample_weight, x, dtype=x.dtype)


class NeuralClassifier(ClassifierMixin, _Neural):  # type: ignore[misc]
    """Classify rows with a neural network, as a scikit-learn estimator.

    The parameters of `sklearn.neural_network.MLPClassifier` have the same names and meaning: `hidden_layer_sizes`,
    `activation` (also "gelu" and "silu"), `solver` ("adam", "sgd" with Nesterov momentum 0.9, "lbfgs"), `alpha`,
    `batch_size`, `learning_rate_init`, `max_iter`, `shuffle`, `random_state`, `tol`, `n_iter_no_change`,
    `early_stopping`, `validation_fraction`, `warm_start`, `verbose`. Besides:

    dropout: share of hidden units left out in training. class_weight: a dict class -> weight, or "balanced". module: a
    function (inputs, outputs, rng=) -> `Module` that makes another network; it gives one logit for two classes, else
    one for each class.

    y: (N,) classes of any kind, or (N, labels) of 0 and 1 for several labels at once. X: arrays, or tables of pandas
    and polars, whose column names are kept and compared.

    Attributes:
        classes_, n_features_in_, feature_names_in_, n_iter_, loss_, loss_curve_, model_ (the `Module`).

    Raises:
        ValueError: as in scikit-learn: NaN, one class only, columns in another order.

    >>> from sklearn.datasets import load_iris
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> import nn
    >>> X, y = load_iris(return_X_y=True)
    >>> model = make_pipeline(StandardScaler(), nn.NeuralClassifier(solver="lbfgs", random_state=0)).fit(X, y)
    >>> model.score(X, y) > 0.95
    True
    """

    classes_: Array
    _several: bool

    _parameter_constraints = {**_Neural._parameter_constraints, "class_weight": [dict, StrOptions({"balanced"}), None]}

    def __init__(
        self,
        hidden_layer_sizes: Sequence[int] | int = (100,),
        activation: str = "relu",
        *,
        solver: str = "adam",
        alpha: float = 1e-4,
        dropout: float = 0.0,
        batch_size: int | str = "auto",
        learning_rate_init: float = 1e-3,
        max_iter: int = 200,
        shuffle: bool = True,
        random_state: Any = None,
        tol: float = 1e-4,
        n_iter_no_change: int = 10,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        warm_start: bool = False,
        class_weight: Any = None,
        module: Callable[..., Module] | None = None,
        verbose: bool = False,
    ) -> None:
        super().__init__(
            hidden_layer_sizes,
            activation,
            solver=solver,
            alpha=alpha,
            dropout=dropout,
            batch_size=batch_size,
            learning_rate_init=learning_rate_init,
            max_iter=max_iter,
            shuffle=shuffle,
            random_state=random_state,
            tol=tol,
            n_iter_no_change=n_iter_no_change,
            early_stopping=early_stopping,
            validation_fraction=validation_fraction,
            warm_start=warm_start,
            module=module,
            verbose=verbose,
        )
        self.class_weight = class_weight

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> NeuralClassifier:
        """Train on X (N, features) and y; sample_weight: (N,), a weight of 2 counts a row twice."""
        self._validate_params()
        x, y = validate_data(self, X, y, dtype=(np.float64, np.float32), multi_output=True)
        again = self.warm_start and hasattr(self, "classes_")
        target = self._targets(y, self.classes_ if again else None, again)
        weight = self._weights(x, y, sample_weight)
        self._fit(x, target.astype(x.dtype) if self._binary else target, self._outputs(), weight)
        return self

    def partial_fit(self, X: Any, y: Any, classes: Any = None, sample_weight: Any = None) -> NeuralClassifier:
        """Train for one epoch on these rows; the first call must name all classes if y lacks some."""
        self._validate_params()
        first = not hasattr(self, "model_")
        x, y = validate_data(self, X, y, dtype=(np.float64, np.float32), multi_output=True, reset=first)
        if first:
            target = self._targets(y, None if classes is None else np.unique(classes))
            weight = self._weights(x, y, sample_weight, whole=False)
            self._start(x, self._outputs(), weight)
        else:
            if classes is not None and not np.array_equal(np.unique(classes), self.classes_):
                raise ValueError(f"classes={classes} is not the same as on the first call: {self.classes_}.")
            target = self._targets(y, self.classes_, again=True)
            weight = self._weights(x, y, sample_weight, whole=False)
            self._renew()
        self._train(x, target.astype(x.dtype) if self._binary else target, weight, 1, stops=False)
        return self

    def predict(self, X: Any) -> Array:
        """Return the most probable class of each row, (N,); for several labels 0 or 1 for each, (N, labels)."""
        raw = self._raw(X)
        if self._several:
            return (raw > 0).astype(int)
        return self.classes_[(raw[:, 0] > 0).astype(int) if self._binary else raw.argmax(axis=1)]

    def decision_function(self, X: Any) -> Array:
        """Return the network's logits: (N,) for two classes, (N, classes), or (N, labels)."""
        raw = self._raw(X)
        return raw[:, 0] if self._binary and not self._several else raw

    def predict_proba(self, X: Any) -> Array:
        """Return probabilities: (N, classes), whose rows add up to 1; for several labels that of each, (N, labels)."""
        raw = self._raw(X)
        if self._binary:
            p = np.where(raw >= 0, 1.0, np.exp(-np.abs(raw))) / (1.0 + np.exp(-np.abs(raw)))
            return p if self._several else np.concatenate([1.0 - p, p], axis=1)
        e = np.exp(raw - raw.max(axis=1, keepdims=True))
        return e / e.sum(axis=1, keepdims=True)

    def predict_log_proba(self, X: Any) -> Array:
        """Return the logarithms of `predict_proba`."""
        with np.errstate(divide="ignore"):
            return np.log(self.predict_proba(X))

    # ---- classes as numbers
    def _targets(self, y: Array, classes: Array | None, again: bool = False) -> Array:
        """Return the targets of the loss: indices of classes, or 0 and 1. again: the network has seen targets before,
        and these must be of the same kind."""
        y = y.toarray() if hasattr(y, "toarray") else y  # a sparse matrix
        check_classification_targets(y)
        kind = type_of_target(y)
        labels = y.shape[1] if kind == "multilabel-indicator" else 0
        if again and labels != (len(self.classes_) if self._several else 0):
            first = f"(N, {len(self.classes_)}) of 0 and 1" if self._several else "one class for each row"
            raise ValueError(f"y was {first} on the first call, and is now of shape {y.shape}.")
        if kind == "multilabel-indicator":
            self.classes_, self._several, self._binary = np.arange(y.shape[1]), True, True
            return np.asarray(y)
        if kind == "multiclass-multioutput":
            raise ValueError("several outputs of several classes: write sklearn's MultiOutputClassifier(model).")
        y = _column(y)
        found = np.unique(y)
        if classes is None:
            classes = found
        elif not np.isin(found, classes).all():
            raise ValueError(f"y has classes {found}, which are not all among those of the first call: {classes}.")
        if len(classes) < 2:
            raise ValueError(f"NeuralClassifier needs at least 2 classes; y has 1 class: {classes}.")
        self.classes_, self._several, self._binary = classes, False, len(classes) == 2
        index = np.searchsorted(classes, y)
        return index[:, None] if self._binary else index

    def _outputs(self) -> int:
        return 1 if self._binary and not self._several else len(self.classes_)

    def _criterion(self) -> Any:
        return binary_cross_entropy_with_logits if self._binary else cross_entropy

    def _weights(self, x: Array, y: Array, sample_weight: Any, whole: bool = True) -> Array | None:
        """Return the weight of each row. whole: whether y is all there is, so that its classes can be counted."""
        weight = self._more_weights(x, y, sample_weight)
        if self.class_weight is None:
            return weight
        if self._several:
            raise ValueError("class_weight is for one label; with several give sample_weight to fit.")
        if isinstance(self.class_weight, dict):
            by_class = self._weights_named(_column(y)).astype(x.dtype)
        elif whole:
            by_class = compute_sample_weight(self.class_weight, _column(y)).astype(x.dtype)
        else:
            raise ValueError(
                "class_weight='balanced' counts the classes of all rows, which partial_fit does not have: give a dict "
                "class -> weight, such as that of sklearn's compute_class_weight over all of y."
            )
        return by_class if weight is None else weight * by_class

    def _weights_named(self, labels: Array) -> Array:
        """Return the weight of each label from the dict `class_weight`; a class that it does not name has 1."""
        classes, table = self.classes_.tolist(), self.class_weight
        others = [key for key in table if key not in classes]
        if others and any(name not in table for name in classes):
            raise ValueError(f"class_weight names the class {others[0]!r}; the classes of y are {classes}.")
        weights = np.array([float(table.get(name, 1.0)) for name in classes])
        return weights[np.searchsorted(self.classes_, labels)]


class NeuralRegressor(RegressorMixin, _Neural):  # type: ignore[misc]
    """Predict numbers with a neural network, as a scikit-learn estimator.

    Parameters and attributes are those of `NeuralClassifier`, without `class_weight` and `classes_`. The loss is the
    mean squared error, twice that of `sklearn.neural_network.MLPRegressor`, and so is the penalty. y: (N,) or
    (N, outputs).

    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> import nn
    >>> X, y = load_diabetes(return_X_y=True)
    >>> model = make_pipeline(StandardScaler(), nn.NeuralRegressor((5,), solver="lbfgs", tol=5.0, random_state=0))
    >>> model.fit(X, y).score(X, y) > 0.5
    True
    """

    _factor = 2.0

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> NeuralRegressor:
        """Train on X (N, features) and y; sample_weight: (N,), a weight of 2 counts a row twice."""
        self._validate_params()
        x, target = self._checked(X, y, reset=True)
        self._fit(x, target, target.shape[1], self._more_weights(x, y, sample_weight))
        return self

    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> NeuralRegressor:
        """Train for one epoch on these rows."""
        self._validate_params()
        first = not hasattr(self, "model_")
        x, target = self._checked(X, y, reset=first)
        weight = self._more_weights(x, y, sample_weight)
        if first:
            self._start(x, target.shape[1], weight)
        else:
            self._check_outputs(target.shape[1])
            self._renew()
        self._train(x, target, weight, 1, stops=False)
        return self

    def predict(self, X: Any) -> Array:
        """Return predictions, (N,) or (N, outputs), as y was."""
        raw = self._raw(X)
        return raw[:, 0] if self._flat else raw

    def _checked(self, X: Any, y: Any, reset: bool) -> tuple[Array, Array]:
        x, y = validate_data(self, X, y, dtype=(np.float64, np.float32), multi_output=True, y_numeric=True, reset=reset)
        self._flat = y.ndim == 1 or (y.ndim == 2 and y.shape[1] == 1)
        if y.ndim == 2 and y.shape[1] == 1:
            _column(y)
        return x, np.asarray(y, x.dtype).reshape(len(y), -1)

    def _criterion(self) -> Any:
        return mse_loss


def _column(y: Array) -> Array:
    from sklearn.utils.validation import column_or_1d

    return column_or_1d(y, warn=True)
