"""A character LSTM: reads a poem letter by letter, learns to say the next letter, and then writes on its own.

    python examples/character_lstm.py

The text is "Jabberwocky" (Lewis Carroll, Through the Looking-Glass, 1871; public domain). 535 letters are learnt by
heart, not generalized from: what it shows is that the gradient goes back through all steps of a sequence.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

import autodiff as ad
import nn

TEXT = """'Twas brillig, and the slithy toves
Did gyre and gimble in the wabe:
All mimsy were the borogoves,
And the mome raths outgrabe.

"Beware the Jabberwock, my son!
The jaws that bite, the claws that catch!
Beware the Jubjub bird, and shun
The frumious Bandersnatch!"

He took his vorpal sword in hand;
Long time the manxome foe he sought--
So rested he by the Tumtum tree
And stood awhile in thought.

And, as in uffish thought he stood,
The Jabberwock, with eyes of flame,
Came whiffling through the tulgey wood,
And burbled as it came!
"""
LETTERS = sorted(set(TEXT))
NUMBERS = np.array([LETTERS.index(letter) for letter in TEXT])


class CharacterLSTM(nn.Module):
    """Letter -> vector -> LSTM -> scores of the next letter."""

    def __init__(self, letters: int, hidden: int, rng: np.random.Generator) -> None:
        self.embedding = nn.Embedding(letters, 16, rng=rng)
        self.lstm = nn.LSTM(16, hidden, batch_first=True, rng=rng)
        self.head = nn.Linear(hidden, letters, rng=rng)

    def forward(self, x: Any, state: Any = None) -> tuple[Any, Any]:
        """x: (N, T) integers -> (scores (N, T, letters), the state after the last letter)."""
        y, state = self.lstm(self.embedding(x), state)
        return self.head(y), state


def windows(rng: np.random.Generator, count: int, length: int) -> tuple[Any, Any]:
    """Pieces of the text, and the same pieces one letter on; (count, length) each."""
    starts = rng.integers(0, len(NUMBERS) - length, count)
    pieces = NUMBERS[starts[:, None] + np.arange(length + 1)]
    return pieces[:, :-1], pieces[:, 1:]


def write(net: CharacterLSTM, start: str, letters: int, rng: np.random.Generator, temperature: float = 0.5) -> str:
    """Go on from `start`: each letter is drawn by its probability and read next; the state carries the past."""
    text, state = start, None
    with ad.no_grad():
        for _ in range(letters):
            new = text if state is None else text[-1]
            scores, state = net(np.array([[LETTERS.index(letter) for letter in new]]), state)
            p = nn.functional.softmax(np.asarray(scores[0, -1].data, float) / temperature)
            text += LETTERS[rng.choice(len(p), p=p / p.sum())]
    return text


def main(argv: Sequence[str] | None = None) -> tuple[float, float]:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=400, help="training steps (default: %(default)s)")
    parser.add_argument("--hidden", type=int, default=96, help="size of the state (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="seed of everything random (default: %(default)s)")
    parser.add_argument("--out", type=Path, default=Path("out"), help="folder for the picture (default: %(default)s)")
    options = parser.parse_args(argv)
    options.out.mkdir(parents=True, exist_ok=True)

    rng = np.random.default_rng(options.seed)
    net = CharacterLSTM(len(LETTERS), options.hidden, rng)
    optimizer = nn.Adam(net.parameters(), lr=0.01)
    print(f"{len(TEXT)} letters, {len(LETTERS)} different ones; guessing costs {math.log(len(LETTERS)):.2f} a letter")
    first = last = math.nan
    for step in range(1, options.steps + 1):
        x, following = windows(rng, 16, 40)
        scores, _ = net(x)
        loss = nn.cross_entropy(scores, following, axis=-1)
        optimizer.zero_grad()
        loss.backward()
        nn.clip_grad_norm_(net.parameters(), 1.0)
        optimizer.step()
        last = loss.item()
        first = last if step == 1 else first
        if step == 1 or step % max(1, options.steps // 8) == 0:
            print(f"step {step:4}  loss {last:.3f}")
    print("\nIt writes:\n" + write(net, "'Twas ", 200, rng))

    x, following = windows(rng, 2, 8)
    loss = nn.cross_entropy(net(x)[0], following, axis=-1)
    ad.draw(loss, model=net, optimizer=optimizer).save(options.out / "character_lstm.svg")
    print(f"Picture: {options.out / 'character_lstm.svg'}")
    return first, last


if __name__ == "__main__":
    main()
