"""NumPy functions that cannot be recorded, each with the reason and the form to write instead; and those whose results
are plain: booleans, integers, facts about the array.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ...errors import MissingRuleError
from ...registry import DISPATCH
from ...variable import PLAIN

_WRITES = "writes into its first argument, which cannot be recorded"
_SETS = "compares values as a set, and which of the equal ones is kept is not a differentiable choice"
_COUNTS = "counts, and counts do not change with small changes of the values"
_SAVES = "writes numbers to a file"

_INTEGERS = "takes integers, which have no derivative"
_OF_INTEGERS = "bitwise_and bitwise_or bitwise_xor bitwise_count invert left_shift right_shift gcd lcm".split()

REFUSED = {  # name in NumPy: (reason, what to write)
    "copyto": (
        _WRITES,
        "np.where(mask, src, dst), np.broadcast_to(src, shape), or ad.full_like(a, v) for np.full_like(a, v)",
    ),
    "place": (_WRITES, "x[mask] = v for a Tensor, or np.where(mask, v, x)"),
    "put": (_WRITES, "x[i] = v for a Tensor of one axis, or np.where(mask, v, x)"),
    "putmask": (_WRITES, "x[mask] = v for a Tensor, or np.where(mask, v, x)"),
    "histogram": (_COUNTS, "np.histogram(x.data), or np.bincount(i, weights=w) for sums of recorded weights"),
    "histogram2d": (_COUNTS, "np.histogram2d(x.data, y.data)"),
    "histogramdd": (_COUNTS, "np.histogramdd(x.data)"),
    "histogram_bin_edges": (_COUNTS, "np.histogram_bin_edges(x.data), or np.linspace(np.min(x), np.max(x), n + 1)"),
    "intersect1d": (_SETS, "np.intersect1d(a.data, b.data), or a[np.isin(a, b)]"),
    "setdiff1d": (_SETS, "np.setdiff1d(a.data, b.data), or a[~np.isin(a, b)]"),
    "setxor1d": (_SETS, "np.setxor1d(a.data, b.data)"),
    "union1d": (_SETS, "np.unique(np.concatenate([a, b]))"),
    "nextafter": ("is a step of one rounding", "np.nextafter(x.data, y)"),
    "spacing": ("is the size of one rounding", "np.spacing(x.data)"),
    "real_if_close": ("has a dtype that depends on the values", "np.real(x)"),
    "sort_complex": ("always gives complex numbers", "x[np.lexsort((x.data.imag, x.data.real))]"),
    **{name: (_INTEGERS, f"np.{name}(x.data, ...) of integers") for name in _OF_INTEGERS},
    "packbits": ("takes bits", "np.packbits of a plain array"),
    "unpackbits": ("takes bits", "np.unpackbits of a plain array"),
    "is_busday": ("takes dates", "the plain array"),
    "busday_count": ("takes dates", "the plain array"),
    "busday_offset": ("takes dates", "the plain array"),
    "datetime_as_string": ("takes dates", "the plain array"),
    "save": (_SAVES, "np.save(file, x.data)"),
    "savez": (_SAVES, "np.savez(file, x.data)"),
    "savez_compressed": (_SAVES, "np.savez_compressed(file, x.data)"),
    "savetxt": (_SAVES, "np.savetxt(file, x.data)"),
}

PLAIN_RESULTS = """
    less less_equal equal not_equal greater greater_equal isnan isinf isfinite isnat signbit
    logical_and logical_or logical_not logical_xor
    shape ndim size argmax argmin nanargmax nanargmin argsort argpartition argwhere nonzero flatnonzero count_nonzero
    lexsort searchsorted digitize any all array_equal array_equiv allclose isclose isin
    iscomplexobj isrealobj isreal iscomplex isneginf isposinf isscalar
    result_type can_cast min_scalar_type common_type may_share_memory shares_memory
    array2string array_repr array_str zeros_like ones_like empty_like einsum_path
    diag_indices_from tril_indices_from triu_indices_from ravel_multi_index unravel_index
""".split()


def _refusal(name: str, reason: str, instead: str) -> Callable[..., Any]:
    def refuse(*_: Any, **__: Any) -> Any:
        raise MissingRuleError(f"np.{name} {reason}: it has no derivative rule. Write {instead}.")

    refuse.__name__, refuse.__doc__ = name, f"Raise MissingRuleError: np.{name} {reason}. Write {instead}."
    return refuse


def refuses(function: Any) -> bool:
    """Return whether a NumPy function is refused, under any of its names."""
    return getattr(DISPATCH.get(function), "__module__", "") == __name__


for _name, (_reason, _instead) in REFUSED.items():
    _function = getattr(np, _name, None)
    if _function is not None:
        DISPATCH[_function] = _refusal(_name, _reason, _instead)
for _name in ("sqrt", "log", "log2", "log10", "logn", "power", "arccos", "arcsin", "arctanh"):
    _value = "np.log(x) / np.log(n)" if _name == "logn" else f"np.{_name}(x{', p' if _name == 'power' else ''})"
    DISPATCH[getattr(np.emath, _name)] = _refusal(
        f"emath.{_name}",
        "has a dtype that depends on the values",
        f"{_value}, with x.astype(complex) where the result may be complex",
    )
PLAIN.update([getattr(np, name) for name in PLAIN_RESULTS if hasattr(np, name)])
