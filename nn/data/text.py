"""Text for language models: a play inside the package, characters as numbers, and windows of them for training."""

from __future__ import annotations

import operator
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nn.data.datasets import Dataset

__all__ = ["CharacterTokenizer", "TextWindows", "load_text"]


def load_text() -> str:
    """Return the first three acts of William Shakespeare's "As You Like It": 83,875 characters, 64 different ones.

    The play is in the public domain; README.md beside this file says where the text comes from.

    >>> text = load_text()
    >>> len(text), text[:44]
    (83875, "ACT I\\n\\nSCENE I. Orchard of Oliver's house.\\n\\n")
    """
    from importlib import resources  # here: it takes longer to import than the rest of nn.data together

    return resources.files(__package__).joinpath("as_you_like_it.txt").read_text(encoding="ascii")


class CharacterTokenizer:
    """Characters as numbers 0..V-1, in the order of their code points, and back.

    text: its characters are the vocabulary. The nearest counterpart is Keras' `TextVectorization(split="character")`.

    Attributes:
        characters: the vocabulary, one string.

    Raises TypeError for anything but text, ValueError for an empty text.

    >>> tokens = CharacterTokenizer("banana bread")
    >>> tokens.characters, len(tokens)
    (' abdenr', 7)
    >>> tokens.encode("bad"), tokens.decode([1, 5, 1])
    (array([2, 1, 3]), 'ana')
    """

    def __init__(self, text: str) -> None:
        if not isinstance(text, str):
            raise TypeError(f"CharacterTokenizer needs a text, got a {type(text).__name__}")
        if not text:
            raise ValueError("CharacterTokenizer needs a text with at least one character")
        self._take(text)

    def _take(self, text: str) -> None:
        self.characters = "".join(sorted(set(text)))
        self._numbers = {character: i for i, character in enumerate(self.characters)}

    def __len__(self) -> int:
        return len(self.characters)

    def __repr__(self) -> str:
        return f"CharacterTokenizer({self.characters!r})"

    def encode(self, text: str) -> NDArray[np.int64]:
        """Return the number of each character, (T,).

        Raises ValueError for a character outside the vocabulary, naming the first and its place.
        """
        try:
            return np.array([self._numbers[character] for character in text], dtype=np.int64)
        except KeyError as error:
            place = text.index(error.args[0])
            raise ValueError(
                f"CharacterTokenizer: {error.args[0]!r} at position {place} is not in the vocabulary "
                f"{self.characters!r}"
            ) from None

    def decode(self, numbers: Iterable[int] | NDArray[np.integer]) -> str:
        """Return the text of numbers (T,).

        Raises ValueError for a number outside 0..V-1.
        """
        found = np.asarray(numbers if isinstance(numbers, np.ndarray) else list(numbers))
        if found.size and (found.ndim != 1 or found.dtype.kind not in "iu"):
            raise TypeError(f"CharacterTokenizer.decode needs integers (T,), got shape {found.shape}, {found.dtype}")
        wrong = found[(found < 0) | (found >= len(self))] if found.size else found
        if wrong.size:
            raise ValueError(f"CharacterTokenizer: {wrong[0]} is outside 0..{len(self) - 1}")
        return "".join(self.characters[i] for i in found.tolist())

    def state_dict(self) -> dict[str, Any]:
        """Return the vocabulary, as `nn.save` takes it."""
        return {"characters": self.characters}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Load the result of `state_dict`."""
        self._take(state["characters"])


class TextWindows(Dataset):
    """Pieces of a text for a language model: sample i is (numbers, the same numbers one further on), (length,) each.

    numbers: (T,) integers of a whole text. length: characters in a window. stride: distance between the beginnings of
    two windows; by default `length`, so that every character is predicted once. Raises ValueError for a text shorter
    than one window.

    >>> windows = TextWindows(np.arange(10), length=4)
    >>> len(windows), windows[1]
    (2, (array([4, 5, 6, 7]), array([5, 6, 7, 8])))
    """

    def __init__(self, numbers: Sequence[int] | NDArray[np.integer], length: int, stride: int | None = None) -> None:
        ids = np.asarray(numbers)
        if ids.ndim != 1 or ids.dtype.kind not in "iu":
            raise TypeError(f"TextWindows needs integers (T,), got shape {ids.shape}, dtype {ids.dtype}")
        sizes = {"length": length, "stride": length if stride is None else stride}
        for name, size in sizes.items():
            if isinstance(size, bool) or not isinstance(size, (int, np.integer)) or size < 1:
                raise ValueError(f"TextWindows: {name} must be an integer >= 1, got {size!r}")
        if len(ids) <= length:
            raise ValueError(f"TextWindows: windows of {length} and a next character need more than {len(ids)} of them")
        self.length, self.stride = int(length), int(sizes["stride"])
        self._windows = np.lib.stride_tricks.sliding_window_view(ids.astype(np.int64), self.length + 1)[:: self.stride]

    def __len__(self) -> int:
        return len(self._windows)

    def __getitem__(self, index: Any) -> Any:
        window = self._windows[operator.index(index)].copy()
        return window[:-1], window[1:]

    def batch(self, indices: Sequence[int] | NDArray[np.integer]) -> Any:
        """Return the windows at `indices`, two arrays (N, length)."""
        windows = self._windows[np.asarray(indices, dtype=np.intp)]
        return windows[:, :-1], windows[:, 1:]
