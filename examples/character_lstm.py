"""A character LSTM: it is trained to predict the next letter of a play, and then generates text.

    python examples/character_lstm.py

The text is inside the package: three acts of "As You Like It" (William Shakespeare; public domain). The last tenth is
not trained on; the loss there is the measure of the network.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

import autodiff as ad
import nn
from nn.data import CharacterTokenizer, TextWindows


class CharacterLSTM(nn.Module):
    """Letter -> vector -> LSTM -> scores of the next letter."""

    def __init__(self, letters: int, hidden: int, rng: np.random.Generator) -> None:
        self.embedding = nn.Embedding(letters, 32, rng=rng)
        self.lstm = nn.LSTM(32, hidden, batch_first=True, rng=rng)
        self.head = nn.Linear(hidden, letters, rng=rng)

    def forward(self, x: Any) -> Any:
        """x: (N, T) integers -> scores (N, T, letters)."""
        return self.go_on(x, None)[0]

    def go_on(self, x: Any, state: Any) -> tuple[Any, Any]:
        """Return the scores, and the state after the last letter, from which the next call continues."""
        y, state = self.lstm(self.embedding(x), state)
        return self.head(y), state


def write(net: CharacterLSTM, tokens: CharacterTokenizer, start: str, letters: int, rng: np.random.Generator) -> str:
    """Continue `start`: each letter is drawn by its probability and is the next input, with the state."""
    text, state, temperature = start, None, 0.6  # below 1: likely letters become likelier
    with ad.no_grad():
        for _ in range(letters):
            scores, state = net.go_on(tokens.encode(text if state is None else text[-1])[None], state)
            p = nn.functional.softmax(np.asarray(scores[0, -1].data, float) / temperature)
            text += tokens.characters[rng.choice(len(p), p=p / p.sum())]
    return text


def main(argv: Sequence[str] | None = None) -> list[float]:
    """Train, write, draw; return the loss a letter on the unseen tenth after each epoch."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=8, help="passes over the text (default: %(default)s)")
    parser.add_argument("--letters", type=int, default=100_000, help="letters of the play (default: all)")
    parser.add_argument("--hidden", type=int, default=128, help="size of the state (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="seed of everything random (default: %(default)s)")
    parser.add_argument("--out", type=Path, default=Path("out"), help="folder for the picture (default: %(default)s)")
    options = parser.parse_args(argv)
    options.out.mkdir(parents=True, exist_ok=True)

    rng, text = np.random.default_rng(options.seed), nn.data.load_text()[: options.letters]
    tokens = CharacterTokenizer(text)
    numbers, learnt = tokens.encode(text), len(text) * 9 // 10
    net = CharacterLSTM(len(tokens), options.hidden, rng)
    optimizer = nn.Adam(net.parameters(), lr=0.005)
    loss = partial(nn.cross_entropy, axis=-1)
    print(f"{learnt:,} letters to learn from, {len(tokens)} different ones; guessing costs {math.log(len(tokens)):.2f}")
    history = nn.fit(
        net, TextWindows(numbers[:learnt], 50), validation=TextWindows(numbers[learnt:], 50), loss=loss,
        optimizer=optimizer, epochs=options.epochs, batch_size=16, clip_norm=1.0, rng=rng,
        callbacks=[lambda epoch, logs: print(f"epoch {epoch:2}  unseen text costs {logs['val_loss']:.2f} a letter")],
    )  # fmt: skip
    print("\nIt writes:\n" + write(net, tokens, "ORLANDO. ", 300, rng))

    x, following = TextWindows(numbers, 8).batch([0, 1])
    ad.draw(loss(net(x), following), model=net, level="module").save(options.out / "character_lstm.svg")
    print(f"\nPicture: {options.out / 'character_lstm.svg'}")
    return history["val_loss"]


if __name__ == "__main__":
    main()
