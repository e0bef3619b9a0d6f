"""Facts of a module for its picture: class, sizes, kernel, heads, and small images of its numbers.

A module is any object; a method `picture_facts()` of it may return more, as a `ModuleFacts`. Arrays are copied down to
a few tiles of a few numbers.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ...registry.picture_facts import ModuleFacts
from ..picture.text import clean
from .records import ModuleInfo, Tiles

MOST_FILTERS, MOST_HEADS = 8, 4  # as many as fit on a card
MOST_ROWS, LONGEST = 4, 8  # input channels of one-dimensional filters; cells along a side of an attention
WIDEST_KERNEL = 9  # a larger one is no image on a card

SIZE_NAMES = (
    ("in_features", "out_features"),
    ("in_channels", "out_channels"),
    ("num_embeddings", "embedding_dim"),
    ("input_size", "hidden_size"),
    ("nin", "nout"),
)


def module_info(path: str, owner: Any, parent: str, kind: type | None) -> ModuleInfo:
    """Return the record of a module; where its owner is gone, only the class is known."""
    facts = facts_of(owner)
    return ModuleInfo(
        path,
        clean(kind.__name__) if kind is not None else "",
        module_sizes(owner),
        parent,
        tuple(int(n) for n in facts.kernel),
        int(facts.heads),
        bool(facts.whole),
        facts.attention,
        filter_tiles(facts.filters) if facts.filters is not None else None,
    )


def facts_of(owner: Any) -> ModuleFacts:
    """Return the facts that a module states, or empty ones."""
    method = getattr(type(owner), "picture_facts", None)
    facts = method(owner) if callable(method) else None
    return facts if isinstance(facts, ModuleFacts) else ModuleFacts()


def module_sizes(owner: Any) -> str:
    """Return the sizes of a module as `in → out`, from its facts or from the attributes that such modules have."""
    stated = facts_of(owner).sizes
    if stated:
        return clean(stated)
    for first, last in SIZE_NAMES:
        sizes = getattr(owner, first, None), getattr(owner, last, None)
        if all(isinstance(size, int | np.integer) for size in sizes):
            return f"{sizes[0]} → {sizes[1]}"
    return ""


def filter_tiles(weights: Any) -> Tiles | None:
    """Return the first filters (outputs, inputs, *kernel), each as an image of its first input.

    One-dimensional filters have a row for each input, three-dimensional ones are cut in the middle.
    """
    array = np.asarray(weights, dtype=np.float64)
    if array.ndim not in (3, 4, 5) or not array.size:
        return None
    if array.ndim == 5:
        array = array[:, :, array.shape[2] // 2]
    images = array[:MOST_FILTERS, :MOST_ROWS] if array.ndim == 3 else array[:MOST_FILTERS, 0]
    if images[0].size == 1 or max(images.shape[1:]) > WIDEST_KERNEL:
        return None
    return tiles_of("filters", images, len(array))


def attention_tiles(weights: Any) -> Tiles | None:
    """Return the weights (N, heads, L, S) of the first example, the first heads, averaged over neighbours."""
    array = np.asarray(weights, dtype=np.float64)
    if array.ndim != 4 or not array.size:
        return None
    images = [
        np.array([[part.mean() for part in split(row, 1)] for row in split(head, 0)]) for head in array[0, :MOST_HEADS]
    ]
    return tiles_of("attention", np.array(images), array.shape[1])


def split(array: np.ndarray[Any, Any], axis: int) -> list[np.ndarray[Any, Any]]:
    """Return an array in at most `LONGEST` parts along an axis."""
    return np.array_split(array, min(LONGEST, array.shape[axis]), axis)


def tiles_of(kind: str, images: np.ndarray[Any, Any], total: int) -> Tiles:
    """Return images as plain numbers."""
    finite = images[np.isfinite(images)]
    ends = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0)
    return Tiles(kind, tuple(tuple(map(tuple, image.tolist())) for image in images), total, *ends)
