"""A small transformer language model: it is trained to predict the next letter of a play, and then generates text.

    python examples/transformer_language_model.py     # needs matplotlib for the picture of its attention

The text is inside the package: three acts of "As You Like It" (William Shakespeare; public domain). The last tenth is
not trained on. A letter attends only to itself and to earlier ones (`is_causal`), so all letters of a window are
predicted at once.
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

SPAN = 64  # letters in a window


class LanguageModel(nn.Module):
    """Letter -> vector, with its position -> transformer -> scores of the next letter."""

    def __init__(self, letters: int, width: int, layers: int, rng: np.random.Generator) -> None:
        self.embedding = nn.Embedding(letters, width, rng=rng)
        self.positions = nn.SinusoidalPositions(width, batch_first=True)
        block = nn.TransformerEncoderLayer(width, 4, 2 * width, 0.0, batch_first=True, norm_first=True, rng=rng)
        self.blocks = nn.TransformerEncoder(block, layers, nn.LayerNorm(width))
        self.head = nn.Linear(width, letters, rng=rng)

    def forward(self, x: Any) -> Any:
        """x: (N, T) integers -> scores (N, T, letters)."""
        return self.head(self.blocks(self.positions(self.embedding(x)), is_causal=True))


def write(net: LanguageModel, tokens: CharacterTokenizer, start: str, letters: int, rng: np.random.Generator) -> str:
    """Continue `start`: each letter is drawn by its probability, given the last SPAN letters."""
    text, temperature = start, 0.6  # below 1: likely letters become likelier
    with ad.no_grad():
        for _ in range(letters):
            scores = net(tokens.encode(text[-SPAN:])[None])[0, -1].data
            p = nn.functional.softmax(np.asarray(scores, float) / temperature)
            text += tokens.characters[rng.choice(len(p), p=p / p.sum())]
    return text


def draw_attention(net: LanguageModel, tokens: CharacterTokenizer, piece: str, path: Path) -> None:
    """Paint the attention of each letter of a piece to each earlier one, in each head of the first block."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    block: Any = net.blocks.layers[0]
    with ad.no_grad():
        x = block.norm1(net.positions(net.embedding(tokens.encode(piece)[None])))
        _, weights = block.self_attn(x, x, x, is_causal=True, average_attn_weights=False)
    figure, axes = plt.subplots(1, 4, figsize=(13, 3.8), dpi=100, layout="constrained")
    for head, (part, shown) in enumerate(zip(axes, weights[0].data, strict=True)):
        part.imshow(shown, cmap="Blues", vmin=0.0)
        part.set(title=f"head {head + 1}", xticks=range(len(piece)), yticks=range(len(piece)))
        part.set(xticklabels=list(piece), yticklabels=list(piece), xlabel="looks at")
    axes[0].set(ylabel="letter")
    figure.savefig(path)
    plt.close(figure)


def main(argv: Sequence[str] | None = None) -> list[float]:
    """Train, write, draw; return the loss a letter on the unseen tenth after each epoch."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=6, help="passes over the text (default: %(default)s)")
    parser.add_argument("--letters", type=int, default=100_000, help="letters of the play (default: all)")
    parser.add_argument("--width", type=int, default=64, help="features of a letter (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="seed of everything random (default: %(default)s)")
    parser.add_argument("--out", type=Path, default=Path("out"), help="folder for pictures (default: %(default)s)")
    options = parser.parse_args(argv)
    options.out.mkdir(parents=True, exist_ok=True)

    rng, text = np.random.default_rng(options.seed), nn.data.load_text()[: options.letters]
    tokens = CharacterTokenizer(text)
    numbers, learnt = tokens.encode(text), len(text) * 9 // 10
    net = LanguageModel(len(tokens), options.width, 2, rng)
    optimizer = nn.AdamW(net.parameters(), lr=0.004)
    loss = partial(nn.cross_entropy, axis=-1)
    print(f"{learnt:,} letters to learn from, {len(tokens)} different ones; guessing costs {math.log(len(tokens)):.2f}")
    history = nn.fit(
        net, TextWindows(numbers[:learnt], SPAN, SPAN // 2), validation=TextWindows(numbers[learnt:], SPAN), loss=loss,
        optimizer=optimizer, epochs=options.epochs, batch_size=16, clip_norm=1.0, rng=rng,
        callbacks=[lambda epoch, logs: print(f"epoch {epoch:2}  unseen text costs {logs['val_loss']:.2f} a letter")],
    )  # fmt: skip
    print("\nIt writes:\n" + write(net, tokens, "ROSALIND. ", 300, rng))

    x, following = TextWindows(numbers, SPAN).batch([0, 1])
    with ad.record():  # keeps the values, and with them the weights of attention
        value = loss(net(x), following)
    ad.draw(value, model=net, level="module").save(options.out / "transformer.svg")
    pictures = ["transformer.svg"]
    try:
        draw_attention(net, tokens, "good brother", options.out / "transformer_attention.png")
        pictures.append("transformer_attention.png")
    except ImportError:
        print("matplotlib is not installed: no picture of the attention (pip install matplotlib)")
    print("\nPictures: " + ", ".join(str(options.out / name) for name in pictures))
    return history["val_loss"]


if __name__ == "__main__":
    main()
