"""PyTorch's names: `kaiming_normal_(p)` writes initial values into a parameter and returns it.

The numbers are those of `values`. `rng` is PyTorch's `generator`.
"""

from __future__ import annotations

from typing import TypeVar

import autodiff as ad

from ..random import Rng
from . import values

__all__ = [
    "constant_",
    "dirac_",
    "eye_",
    "kaiming_normal_",
    "kaiming_uniform_",
    "normal_",
    "ones_",
    "orthogonal_",
    "trunc_normal_",
    "uniform_",
    "xavier_normal_",
    "xavier_uniform_",
    "zeros_",
]

T = TypeVar("T", bound=ad.Tensor)


def _written(tensor: T, made: values.Array) -> T:
    tensor.data = made
    return tensor


def _shape(who: str, tensor: ad.Tensor) -> tuple[int, ...]:
    if not isinstance(tensor, ad.Tensor):
        raise TypeError(
            f"nn.init.{who}_ writes into a Parameter or another Tensor, got {type(tensor).__name__}; nn.init.{who} "
            "makes an array of a shape"
        )
    return tensor.shape


def zeros_(tensor: T) -> T:
    """Write zeros. `torch.nn.init.zeros_`.

    >>> import nn
    >>> nn.init.zeros_(nn.Parameter([1, 2])).data
    array([0., 0.], dtype=float32)
    """
    return _written(tensor, values.zeros(_shape("zeros", tensor), dtype=tensor.dtype))


def ones_(tensor: T) -> T:
    """Write ones. `torch.nn.init.ones_`.

    >>> import nn
    >>> nn.init.ones_(nn.Parameter([0, 2])).data
    array([1., 1.], dtype=float32)
    """
    return _written(tensor, values.ones(_shape("ones", tensor), dtype=tensor.dtype))


def constant_(tensor: T, val: float) -> T:
    """Write one number everywhere. `torch.nn.init.constant_`.

    >>> import nn
    >>> nn.init.constant_(nn.Parameter([0, 2]), 0.5).data
    array([0.5, 0.5], dtype=float32)
    """
    return _written(tensor, values.constant(_shape("constant", tensor), val, dtype=tensor.dtype))


def eye_(tensor: T) -> T:
    """Write the identity into a weight (out, in). `torch.nn.init.eye_`. Raises ValueError for another number of axes.

    >>> import nn
    >>> nn.init.eye_(nn.Linear(2, 2).weight).data
    array([[1., 0.],
           [0., 1.]], dtype=float32)
    """
    return _written(tensor, values.eye(_shape("eye", tensor), dtype=tensor.dtype))


def dirac_(tensor: T, groups: int = 1) -> T:
    """Write the weight of a convolution that passes its channels on. `torch.nn.init.dirac_`. Errors as in `dirac`.

    >>> import nn
    >>> nn.init.dirac_(nn.Conv1d(1, 1, 3).weight).data
    array([[[0., 1., 0.]]], dtype=float32)
    """
    return _written(tensor, values.dirac(_shape("dirac", tensor), groups, dtype=tensor.dtype))


def uniform_(tensor: T, a: float = 0.0, b: float = 1.0, *, rng: Rng = None) -> T:
    """Write uniform draws between a and b. `torch.nn.init.uniform_`.

    >>> import nn
    >>> bool((nn.init.uniform_(nn.Parameter([2, 2]), rng=0).data < 1).all())
    True
    """
    made = values.uniform(_shape("uniform", tensor), low=a, high=b, rng=rng, dtype=tensor.dtype)
    return _written(tensor, made)


def normal_(tensor: T, mean: float = 0.0, std: float = 1.0, *, rng: Rng = None) -> T:
    """Write normal draws. `torch.nn.init.normal_`.

    >>> import nn
    >>> nn.init.normal_(nn.Parameter([2, 2]), std=0.0).data
    array([0., 0.], dtype=float32)
    """
    made = values.normal(_shape("normal", tensor), mean=mean, std=std, rng=rng, dtype=tensor.dtype)
    return _written(tensor, made)


def trunc_normal_(
    tensor: T, mean: float = 0.0, std: float = 1.0, a: float = -2.0, b: float = 2.0, *, rng: Rng = None
) -> T:
    """Write normal draws between a and b. `torch.nn.init.trunc_normal_`. Errors as in `trunc_normal`.

    >>> import nn
    >>> bool((abs(nn.init.trunc_normal_(nn.Linear(3, 3).weight, rng=0).data) <= 2).all())
    True
    """
    shape = _shape("trunc_normal", tensor)
    return _written(tensor, values.trunc_normal(shape, mean=mean, std=std, a=a, b=b, rng=rng, dtype=tensor.dtype))


def xavier_uniform_(tensor: T, gain: float = 1.0, *, rng: Rng = None) -> T:
    """Write uniform draws of variance 2 gain^2 / (fan_in + fan_out). `torch.nn.init.xavier_uniform_`.

    >>> import nn
    >>> nn.init.xavier_uniform_(nn.Linear(3, 2).weight, nn.init.calculate_gain("tanh"), rng=0).shape
    (2, 3)
    """
    return _written(
        tensor, values.xavier_uniform(_shape("xavier_uniform", tensor), gain=gain, rng=rng, dtype=tensor.dtype)
    )


def xavier_normal_(tensor: T, gain: float = 1.0, *, rng: Rng = None) -> T:
    """Write normal draws of variance 2 gain^2 / (fan_in + fan_out). `torch.nn.init.xavier_normal_`.

    >>> import nn
    >>> nn.init.xavier_normal_(nn.Linear(3, 2).weight, rng=0).shape
    (2, 3)
    """
    return _written(
        tensor, values.xavier_normal(_shape("xavier_normal", tensor), gain=gain, rng=rng, dtype=tensor.dtype)
    )


def kaiming_uniform_(
    tensor: T, a: float = 0.0, mode: str = "fan_in", nonlinearity: str = "leaky_relu", *, rng: Rng = None
) -> T:
    """Write uniform draws of variance gain^2 / fan. `torch.nn.init.kaiming_uniform_`. Errors as in `kaiming_uniform`.

    >>> import nn
    >>> nn.init.kaiming_uniform_(nn.Linear(3, 2).weight, nonlinearity="relu", rng=0).shape
    (2, 3)
    """
    shape = _shape("kaiming_uniform", tensor)
    made = values.kaiming_uniform(shape, a=a, mode=mode, nonlinearity=nonlinearity, rng=rng, dtype=tensor.dtype)
    return _written(tensor, made)


def kaiming_normal_(
    tensor: T, a: float = 0.0, mode: str = "fan_in", nonlinearity: str = "leaky_relu", *, rng: Rng = None
) -> T:
    """Write normal draws of variance gain^2 / fan. `torch.nn.init.kaiming_normal_`. Errors as in `kaiming_normal`.

    >>> import nn
    >>> nn.init.kaiming_normal_(nn.Conv2d(3, 8, 3).weight, mode="fan_out", nonlinearity="relu", rng=0).shape
    (8, 3, 3, 3)
    """
    shape = _shape("kaiming_normal", tensor)
    made = values.kaiming_normal(shape, a=a, mode=mode, nonlinearity=nonlinearity, rng=rng, dtype=tensor.dtype)
    return _written(tensor, made)


def orthogonal_(tensor: T, gain: float = 1.0, *, rng: Rng = None) -> T:
    """Write an orthogonal weight. `torch.nn.init.orthogonal_`. Errors as in `orthogonal`.

    >>> import nn
    >>> nn.init.orthogonal_(nn.Linear(3, 2).weight, rng=0).shape
    (2, 3)
    """
    return _written(tensor, values.orthogonal(_shape("orthogonal", tensor), gain=gain, rng=rng, dtype=tensor.dtype))
