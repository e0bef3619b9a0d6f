"""Initial values for parameters: as arrays of a shape (`values`), and written into a parameter (`in_place`)."""

from typing import TYPE_CHECKING

from autodiff.extend import missing_names

from .in_place import (
    constant_,
    dirac_,
    eye_,
    kaiming_normal_,
    kaiming_uniform_,
    normal_,
    ones_,
    orthogonal_,
    trunc_normal_,
    uniform_,
    xavier_normal_,
    xavier_uniform_,
    zeros_,
)
from .values import (
    calculate_gain,
    constant,
    dirac,
    eye,
    fans,
    he_normal,
    he_uniform,
    kaiming_normal,
    kaiming_uniform,
    lecun_normal,
    lecun_uniform,
    normal,
    ones,
    orthogonal,
    trunc_normal,
    uniform,
    xavier_normal,
    xavier_uniform,
    zeros,
)

__all__ = [
    "calculate_gain",
    "constant",
    "constant_",
    "dirac",
    "dirac_",
    "eye",
    "eye_",
    "fans",
    "he_normal",
    "he_uniform",
    "kaiming_normal",
    "kaiming_normal_",
    "kaiming_uniform",
    "kaiming_uniform_",
    "lecun_normal",
    "lecun_uniform",
    "normal",
    "normal_",
    "ones",
    "ones_",
    "orthogonal",
    "orthogonal_",
    "trunc_normal",
    "trunc_normal_",
    "uniform",
    "uniform_",
    "xavier_normal",
    "xavier_normal_",
    "xavier_uniform",
    "xavier_uniform_",
    "zeros",
    "zeros_",
]

_ELSEWHERE = {
    "sparse_": "write zeros into nn.init.normal(p.shape) where you want them",
    "glorot_uniform": "write nn.init.xavier_uniform(p.shape)",
    "glorot_normal": "write nn.init.xavier_normal(p.shape)",
}

if not TYPE_CHECKING:  # a type checker reports a misspelt name itself
    __getattr__ = missing_names(__name__, __all__, _ELSEWHERE)
