"""Nested lists, tuples and dicts: take them apart, match them, and put other leaves in their places."""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any

from ..errors import kind_of


def flatten(x: Any) -> tuple[list[Any], Callable[[Iterable[Any]], Any]]:
    """Return the leaves of nested lists, tuples and dicts, and a function that puts others in their places."""
    leaves: list[Any] = []
    shape = _take_apart(x, leaves)
    return leaves, lambda values: _put_together(shape, iter(values))


def flatten_as(x: Any, like: Any, what: str) -> list[Any]:
    """Return the leaves of x in the order of those of ``like``, which must be nested in the same way; dicts match by
    key."""
    if isinstance(like, dict):
        if not isinstance(x, dict) or x.keys() != like.keys():
            raise ValueError(f"{what} must be a dict with the keys {list(like)}; got {nesting(x)}.")
        return [leaf for key in like for leaf in flatten_as(x[key], like[key], what)]
    if isinstance(like, list | tuple):
        if not isinstance(x, list | tuple) or len(x) != len(like):
            raise ValueError(f"{what} must be a {type(like).__name__} of {len(like)} parts; got {nesting(x)}.")
        return [leaf for part, mould in zip(x, like, strict=True) for leaf in flatten_as(part, mould, what)]
    if isinstance(x, dict | tuple):
        raise ValueError(f"{what} must be an array or a number; got {nesting(x)}.")
    return [x]


def nesting(x: Any) -> str:
    if isinstance(x, dict):
        return f"a dict with the keys {list(x)}"
    return f"a {type(x).__name__} of {len(x)} parts" if isinstance(x, list | tuple) else kind_of(x)


# Two functions of the module, not nested in ``flatten``: a nested function that calls itself is a reference cycle,
# which would keep every array that it visited until the cyclic collector runs.
def _take_apart(x: Any, leaves: list[Any]) -> Any:
    if isinstance(x, dict):
        return _dict_like(x), list(x), [_take_apart(v, leaves) for v in x.values()]
    if isinstance(x, list | tuple):
        return type(x), None, [_take_apart(v, leaves) for v in x]
    leaves.append(x)
    return None


def _dict_like(x: dict[Any, Any]) -> Callable[[Any], Any]:
    """Return what makes a dict of pairs, of the kind of x if it is Python's own."""
    if type(x) is defaultdict:
        return partial(defaultdict, x.default_factory)
    return OrderedDict if type(x) is OrderedDict else dict


def _put_together(shape: Any, values: Iterator[Any]) -> Any:
    if shape is None:
        return next(values)
    kind, keys, parts = shape
    items = [_put_together(p, values) for p in parts]
    if keys is not None:
        return kind(zip(keys, items, strict=True))
    return kind(*items) if hasattr(kind, "_fields") else kind(items)


def map_leaves(f: Callable[[Any], Any], x: Any) -> Any:
    """Return the same nesting with f of every leaf."""
    leaves, rebuild = flatten(x)
    return rebuild([f(v) for v in leaves])
