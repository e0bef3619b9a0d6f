"""Parameters that are functions of others: weight and spectral normalization, and functions of your own.

`register_parametrization(layer, "weight", f)` moves the parameter to `layer.parametrizations.weight.original`, and
`layer.weight` becomes f of it. It is computed once in each call of the layer. Names and saved weights are those of
`torch.nn.utils.parametrize` and `torch.nn.utils.parametrizations`.
"""

from typing import TYPE_CHECKING

from autodiff.extend import missing_names

from .normalizations import spectral_norm, weight_norm
from .registering import ParametrizationList, is_parametrized, register_parametrization, remove_parametrizations

__all__ = [
    "ParametrizationList",
    "is_parametrized",
    "register_parametrization",
    "remove_parametrizations",
    "spectral_norm",
    "weight_norm",
]

_ELSEWHERE = {
    "cached": "leave it out: a layer computes its parameters once in each call",
    "orthogonal": "write a Module that returns ad.linalg.expm(np.triu(a, 1) - np.triu(a, 1).T), and register it",
    "type_before_parametrizations": "write type(layer)._base",
}

if not TYPE_CHECKING:  # a type checker reports a misspelt name itself
    __getattr__ = missing_names(__name__, __all__, _ELSEWHERE)
