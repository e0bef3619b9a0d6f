"""Transforms that are fitted: scaling and one-hot rows, measured on the training part alone and applied to every part.

Each has scikit-learn's `fit`, `transform` and `fit_transform`, and `inverse`, which undoes it. `transform` before `fit`
is an error. `nn.save` takes `state_dict()`, so that the scaling of inputs can be saved with a model.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nn.data.tables import as_numbers

__all__ = ["MinMax", "OneHot", "Standardize"]

Array = NDArray[Any]


class _Fitted:
    """Base of the transforms: `fit` measures arrays, and `state_dict` returns them."""

    _found: tuple[str, ...] = ()  # attributes that `fit` sets

    def fit(self, x: Any) -> Any:
        """Measure the training part x, and return self."""
        raise NotImplementedError

    def transform(self, x: Any) -> Array:
        """Return x transformed."""
        raise NotImplementedError

    def fit_transform(self, x: Any) -> Array:
        """Return `fit(x).transform(x)`: for the training part."""
        return self.fit(x).transform(x)

    def state_dict(self) -> dict[str, Any]:
        """Return the arrays that `fit` measured; empty before it."""
        return {name: np.array(getattr(self, name)) for name in self._found if hasattr(self, name)}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Load the result of `state_dict`.

        Raises ValueError for the state of another kind of transform.
        """
        if set(state) not in ({*self._found}, set()):
            raise ValueError(
                f"{type(self).__name__}: the state of another transform: it has {', '.join(sorted(state))}, this one "
                f"has {', '.join(self._found)}"
            )
        for name, value in state.items():
            setattr(self, name, np.array(value))

    def _check_fitted(self) -> None:
        if not all(hasattr(self, name) for name in self._found):
            name = type(self).__name__
            raise ValueError(f"{name} was not fitted: call fit(x_train) first, on the training part alone")


class _Scaling(_Fitted):
    """Shift and scale of each feature: (x - shift) / scale."""

    _found = ("shift", "scale")
    shift: Array
    scale: Array

    def __init__(self, axis: int | tuple[int, ...] = 0) -> None:
        self.axis = axis if isinstance(axis, tuple) else (axis,)
        if not all(isinstance(a, (int, np.integer)) and not isinstance(a, bool) for a in self.axis):
            raise TypeError(f"{type(self).__name__}: axis must be an integer or a tuple of them, got {axis!r}")

    def _measured(self, x: Any) -> Array:
        """Return the training part as a non-empty array of finite numbers."""
        name = type(self).__name__
        x = as_numbers(x, f"{name}: x")
        if x.ndim == 0 or not x.size:
            raise ValueError(f"{name}: the training part has shape {x.shape}: there is nothing to measure")
        if not all(-x.ndim <= a < x.ndim for a in self.axis):
            raise ValueError(f"{name}: axis {self.axis} does not exist in shape {x.shape}")
        bad = np.argwhere(~np.isfinite(x)) if x.dtype.kind == "f" else np.empty((0, x.ndim), int)
        if len(bad):
            index = tuple(map(int, bad[0]))
            raise ValueError(f"{name}: the training part has {x[index]} at index {index}; fill such values first")
        return x

    def transform(self, x: Any) -> Array:
        """Return (x - shift) / scale; float32 for float32 and float16, float64 otherwise. x: (M, ...)."""
        x = self._fitting(x)
        return ((x - self.shift) / self.scale).astype(_dtype(x))

    def inverse(self, x: Any) -> Array:
        """Return x * scale + shift: the features before `transform`. x: (M, ...)."""
        x = self._fitting(x)
        return (x * self.scale + self.shift).astype(_dtype(x))

    def _fitting(self, x: Any) -> Array:
        self._check_fitted()
        name = type(self).__name__
        x = as_numbers(x, f"{name}: x")
        measured = {a % self.shift.ndim for a in self.axis}
        kept = [i for i in range(self.shift.ndim) if i not in measured]
        if x.ndim != self.shift.ndim or any(x.shape[i] != self.shift.shape[i] for i in kept):
            wanted = tuple("N" if i in measured else n for i, n in enumerate(self.shift.shape))
            raise ValueError(f"{name} was fitted on shape ({', '.join(map(str, wanted))}), got {x.shape}")
        return x


class Standardize(_Scaling):
    """Shift and scale each feature to mean 0 and standard deviation 1 on the training part.

    scikit-learn's `StandardScaler`. A feature that is constant there is only shifted.

    axis: the axes that are measured together; 0 gives each feature its own numbers, (0, 2, 3) each channel of images
    (N, C, H, W).

    >>> scaling = Standardize().fit([[0.0, 5.0], [2.0, 5.0]])
    >>> scaling.transform([[4.0, 6.0]]), scaling.inverse([[3.0, 1.0]])
    (array([[3., 1.]]), array([[4., 6.]]))
    """

    def fit(self, x: Any) -> Standardize:
        """Measure mean and standard deviation. x: (N, ...)."""
        x = self._measured(x)
        mean = x.mean(axis=self.axis, dtype=np.float64, keepdims=True)
        spread = x.std(axis=self.axis, dtype=np.float64, keepdims=True)
        # The computed spread of a constant column of 0.1s is a rounding error: compare it with that of the mean.
        constant = spread <= 8 * np.finfo(np.float64).eps * np.abs(mean)
        self.shift, self.scale = mean, np.where(constant, 1.0, spread)
        return self


class MinMax(_Scaling):
    """Shift and scale each feature to 0..1 on the training part. scikit-learn's `MinMaxScaler`.

    A feature that is constant there becomes 0. Other parts may reach beyond 0..1.

    axis: as in `Standardize`.

    >>> MinMax().fit([[0.0], [4.0]]).transform([[1.0], [6.0]]).ravel()
    array([0.25, 1.5 ])
    """

    def fit(self, x: Any) -> MinMax:
        """Measure minimum and maximum. x: (N, ...)."""
        x = self._measured(x)
        low = x.min(axis=self.axis, keepdims=True).astype(np.float64)
        extent = x.max(axis=self.axis, keepdims=True) - low
        self.shift, self.scale = low, np.where(extent == 0, 1.0, extent)
        return self


class OneHot(_Fitted):
    """Turn categories, numbers or text, into rows of zeros with a one. scikit-learn's `OneHotEncoder` of one column.

    Attributes:
        categories: (C,), sorted; column i of a row stands for categories[i].

    >>> colours = OneHot().fit(["red", "blue", "red"])
    >>> colours.categories.tolist(), colours.transform(["red"]), colours.inverse([[1, 0]]).tolist()
    (['blue', 'red'], array([[0., 1.]], dtype=float32), ['blue'])
    """

    _found = ("categories",)
    categories: Array

    def fit(self, x: Any) -> OneHot:
        """Find the categories. x: (N,)."""
        column = _column(x)
        if not len(column):
            raise ValueError("OneHot: the training part is empty: there are no categories")
        self.categories = np.unique(column)
        return self

    def transform(self, x: Any) -> Array:
        """Return rows (M, C), float32. x: (M,).

        Raises ValueError for a category that the training part does not have.
        """
        self._check_fitted()
        column = _column(x)
        place = np.searchsorted(self.categories, column).clip(max=len(self.categories) - 1)
        wrong = np.flatnonzero(self.categories[place] != column)
        if len(wrong):
            raise ValueError(
                f"OneHot: {column[wrong[0]].item()!r} at index {wrong[0]} is not among the {len(self.categories)} "
                "categories of the training part"
            )
        rows = np.zeros((len(column), len(self.categories)), dtype=np.float32)
        rows[np.arange(len(column)), place] = 1
        return rows

    def inverse(self, x: Any) -> Array:
        """Return the category with the largest entry of each row. x: (M, C), such as a network's scores."""
        self._check_fitted()
        x = as_numbers(x, "OneHot: x")
        if x.ndim != 2 or x.shape[1] != len(self.categories):
            raise ValueError(f"OneHot.inverse needs rows (M, {len(self.categories)}), got shape {x.shape}")
        return self.categories[x.argmax(axis=1)]


def _dtype(x: Array) -> type:
    return np.float32 if x.dtype in (np.float16, np.float32) else np.float64


def _column(x: Any) -> Array:
    column = np.asarray(x.to_numpy() if hasattr(x, "to_numpy") else x)
    if column.dtype.kind == "O" and all(isinstance(value, str) for value in column.flat):
        column = column.astype(str)
    if column.ndim != 1 or (column.dtype.kind not in "iubUS" and column.size):
        raise TypeError(
            f"OneHot needs one column of integers, booleans or text, got shape {column.shape}, dtype {column.dtype}"
        )
    return column
