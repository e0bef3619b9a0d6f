"""The text inside the package, characters as numbers, and windows of a text."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import nn
from nn.data import CharacterTokenizer, DataLoader, TextWindows, load_text


def test_the_text_is_the_one_that_the_readme_describes():
    text = load_text()
    assert text.isascii() and 50_000 < len(text) < 100_000
    readme = (Path(nn.data.__file__).parent / "README.md").read_text(encoding="utf-8")
    assert hashlib.sha256(text.encode()).hexdigest() in readme
    for said in ("All the world's a stage,", "SCENE VII. The forest.", "ROSALIND:", "\nACT III\n"):
        assert said in text


@given(st.text(min_size=1), st.data())
def test_decoding_gives_back_what_was_encoded(text, data):
    tokens = CharacterTokenizer(text)
    assert list(tokens.characters) == sorted(set(text)) and len(tokens) == len(set(text))
    part = "".join(data.draw(st.lists(st.sampled_from(tokens.characters))))
    numbers = tokens.encode(part)
    assert numbers.dtype == np.int64 and tokens.decode(numbers) == part
    other = CharacterTokenizer("x")
    other.load_state_dict(tokens.state_dict())
    assert other.characters == tokens.characters


@given(st.integers(2, 30), st.integers(1, 8), st.integers(1, 5))
def test_windows_hold_what_follows_each_character(n, length, stride):
    ids = np.arange(n) * 3
    if n <= length:
        with pytest.raises(ValueError, match="need more than"):
            TextWindows(ids, length, stride)
        return
    windows = TextWindows(ids, length, stride)
    x, y = windows.batch(range(len(windows)))
    assert x.shape == y.shape == (len(windows), length)
    assert (y == x + 3).all() and (x[:, 0] == 3 * stride * np.arange(len(windows))).all()
    assert windows[-1][0].tolist() == x[-1].tolist()
    assert (len(windows) - 1) * stride + length < n <= len(windows) * stride + length  # none is left out


def test_a_language_model_is_trained_from_windows():
    text = load_text()[:800]
    tokens = CharacterTokenizer(text)

    class Model(nn.Module):
        def __init__(self):
            self.embedding, self.head = nn.Embedding(len(tokens), 8, rng=0), nn.Linear(8, len(tokens), rng=1)

        def forward(self, x):
            return self.head(self.embedding(x))

    net, data = Model(), DataLoader(TextWindows(tokens.encode(text), 20), 8, shuffle=True, generator=0)
    optimizer, loss = nn.Adam(net.parameters(), lr=0.05), nn.CrossEntropyLoss(axis=-1)
    history = nn.fit(net, data, loss=loss, optimizer=optimizer, epochs=4)
    assert history["loss"][-1] < 0.8 * np.log(len(tokens))


@pytest.mark.parametrize(
    ("act", "error", "said"),
    [
        (lambda: CharacterTokenizer(""), ValueError, "at least one character"),
        (lambda: CharacterTokenizer(["a"]), TypeError, "needs a text, got a list"),
        (lambda: CharacterTokenizer("ab").encode("abc"), ValueError, "'c' at position 2 is not in the vocabulary 'ab'"),
        (lambda: CharacterTokenizer("ab").decode([0, 2]), ValueError, r"2 is outside 0\.\.1"),
        (lambda: CharacterTokenizer("ab").decode([0.5]), TypeError, "needs integers"),
        (lambda: TextWindows("abc", 2), TypeError, "needs integers"),
        (lambda: TextWindows([1, 2, 3], 0), ValueError, "length must be an integer >= 1"),
        (lambda: TextWindows([1, 2, 3], 2, stride=True), ValueError, "stride must be an integer >= 1"),
    ],
)
def test_mistakes_are_named(act, error, said):
    with pytest.raises(error, match=said):
        act()
