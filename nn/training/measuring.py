"""The metrics of a run by their names: given as names, functions, dicts, or lists for each output."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from .. import metrics as metric_functions

__all__ = ["Metrics", "metric_table"]

Metric = Callable[[Any, Any], float]
Metrics = Mapping[Any, Any] | Sequence[str | Metric]
RESERVED = ("loss", "lr")


def metric_table(metrics: Metrics) -> dict[str, Metric]:
    """Return name -> function (prediction, y).

    metrics: names and functions in a list; or a dict of name -> function; or a dict of output -> list, whose metrics
    get that output alone and are called "output_metric".
    """
    if isinstance(metrics, str):
        raise TypeError(f"metrics must be a list or a dict: write metrics=[{metrics!r}]")
    functions: dict[str, Metric] = {}
    for name, function in _named(metrics):
        if name in RESERVED or name.startswith("val_") or name.endswith("_loss"):
            raise ValueError(
                f"a metric cannot be called {name!r}, a name of fit's own; give metrics={{'name': function}}"
            )
        if name in functions:
            raise ValueError(f"two metrics are called {name!r}; give metrics={{'name': function, 'other': function}}")
        if not callable(function):
            raise TypeError(f"the metric {name!r} must be a function (prediction, y) -> float, got {function!r}")
        functions[name] = function
    return functions


def _named(metrics: Metrics) -> list[tuple[str, Any]]:
    if not isinstance(metrics, Mapping):
        return [_named_metric(metric) for metric in metrics]
    found: list[tuple[str, Any]] = []
    for key, value in metrics.items():
        if isinstance(value, (list, tuple, str)):
            of_output = [value] if isinstance(value, str) else value
            for name, function in map(_named_metric, of_output):
                found.append((f"{key}_{name}", _of_output(function, key)))
        else:
            found.append((str(key), value))
    return found


def _of_output(function: Metric, key: Any) -> Metric:
    def measured(prediction: Any, target: Any) -> float:
        try:
            return function(prediction[key], target[key])
        except (KeyError, IndexError):
            raise ValueError(f"metrics has the output {key!r}, which the model's output or y does not have") from None

    return measured


def _named_metric(metric: Any) -> tuple[str, Any]:
    """Return (name, function) of a metric given by name or as a function."""
    if isinstance(metric, str):
        known = [name for name in metric_functions.__all__ if name != "confusion_matrix"]
        if metric not in known:
            raise ValueError(f"no metric called {metric!r}; there are {', '.join(known)}, or give your own function")
        return metric, getattr(metric_functions, metric)
    if isinstance(metric, partial):
        options = [*map(repr, metric.args), *(f"{key}={value!r}" for key, value in metric.keywords.items())]
        return f"{_named_metric(metric.func)[0]}({', '.join(options)})", metric
    return getattr(metric, "__name__", type(metric).__name__), metric
