"""Limits on gradients, applied between `backward()` and `step()`."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np

import autodiff as ad
from autodiff import extend
from autodiff.extend import numbers

__all__ = ["clip_grad_norm_", "clip_grad_value_"]


def _with_gradients(who: str, parameters: Any) -> list[Any]:
    parameters = [parameters] if isinstance(parameters, ad.Variable) else parameters
    if not isinstance(parameters, Iterable):
        raise TypeError(f"{who} takes parameters, got a {type(parameters).__name__}: write net.parameters()")
    parameters = list(parameters)
    for i, p in enumerate(parameters):
        if not isinstance(p, ad.Variable):
            raise TypeError(f"{who}: parameter {i} is a {type(p).__name__}; give Parameters, e.g. model.parameters()")
    return list({id(p): p for p in parameters if p.grad is not None}.values())


def _replace_gradients(parameters: list[Any], new: list[Any]) -> None:
    """Set every gradient, or none when a signal interrupts: a partly scaled gradient would be wrong."""
    if extend.current_trace() is None and all(p.is_leaf for p in parameters):
        extend.write_all(calls=[(setattr, p.node, "grad", g) for p, g in zip(parameters, new, strict=True)])
    else:
        for p, g in zip(parameters, new, strict=True):
            p.grad = g


def _check_limit(who: str, name: str, limit: Any) -> None:
    if not isinstance(limit, float | int | np.number):
        raise TypeError(f"{who}: {name} must be a number >= 0, got {limit!r}")
    if not limit >= 0:
        raise ValueError(f"{who}: {name} must be >= 0, got {limit!r}")


def clip_grad_norm_(
    parameters: Iterable[Any], max_norm: float, norm_type: float = 2.0, error_if_nonfinite: bool = True
) -> float:
    """Scale all gradients together so that their joint norm is at most `max_norm`; return the norm before.

    `torch.nn.utils.clip_grad_norm_`, where `error_if_nonfinite` is False unless given.

    Args:
        parameters: parameters, or one; those without a gradient count as zero.
        norm_type: 2 for the Euclidean norm, math.inf for the largest entry, or another p >= 1.
        error_if_nonfinite: raise ValueError when a gradient is NaN or infinite (nothing is changed then). With False,
            scaling makes NaN of an infinite gradient, and the next step makes NaN of the weights.

    Raises:
        ValueError: `max_norm` < 0, or the first gradient that is not finite.

    >>> import autodiff as ad, nn
    >>> w = ad.tensor([3.0, 4.0]); (w * w / 2).sum().backward()
    >>> nn.clip_grad_norm_([w], 1.0), w.grad.round(6)
    (5.0, array([0.6, 0.8]))
    """
    _check_limit("clip_grad_norm_", "max_norm", max_norm)
    found = _with_gradients("clip_grad_norm_", parameters)
    given = [p.grad.data if isinstance(p.grad, ad.Variable) else p.grad for p in found]  # a handle: create_graph=True
    values = [numbers(g, "clip_grad_norm_", "p.grad = p.grad") for g in given]
    total = _joint_norm(values, norm_type)
    if not np.isfinite(total):
        for i, (p, g) in enumerate(zip(found, values, strict=True)):
            if error_if_nonfinite and not np.isfinite(g).all():
                raise ValueError(
                    f"clip_grad_norm_: the gradient of parameter {i} of shape {p.shape} is not finite; nothing was "
                    "changed"
                )
        largest = max(float(np.abs(g).max(initial=0)) for g in values)
        if math.isfinite(largest):  # the squares overflowed, the gradients did not
            total = largest * _joint_norm([np.asarray(g, np.float64) / largest for g in values], norm_type)
    if total > max_norm:
        factor = max_norm / total
        with np.errstate(invalid="ignore"):  # an infinite gradient times 0, where the caller allows it
            _replace_gradients(found, [p.grad * factor for p in found])
    return total


def _joint_norm(values: list[Any], norm_type: float) -> float:
    with np.errstate(over="ignore"):
        filled = [np.ravel(g).astype(np.float64) for g in values if np.size(g)]  # empty: the largest entry is none
        norms = [np.linalg.norm(g, norm_type) for g in filled]
        return extend.number(np.linalg.norm(np.asarray(norms), norm_type)) if norms else 0.0


def clip_grad_value_(parameters: Iterable[Any], clip_value: float) -> None:
    """Limit every entry of every gradient to [-clip_value, clip_value].

    `torch.nn.utils.clip_grad_value_`. Raises ValueError when clip_value < 0.

    >>> import autodiff as ad, nn
    >>> w = ad.tensor([3.0, -0.1]); (w * w).sum().backward()
    >>> nn.clip_grad_value_([w], 0.5); w.grad
    array([ 0.5, -0.2])
    """
    _check_limit("clip_grad_value_", "clip_value", clip_value)
    found = _with_gradients("clip_grad_value_", parameters)
    clipped = [np.clip(p.grad, -clip_value, clip_value) for p in found]
    _replace_gradients(
        found, [float(g) if isinstance(p, ad.Scalar) else g for p, g in zip(found, clipped, strict=True)]
    )
