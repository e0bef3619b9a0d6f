"""A small transformer language model: reads a sonnet, learns to say the next letter, and then writes on its own.

    python examples/transformer_language_model.py     # needs matplotlib for the picture of its attention

The text is Sonnet 18 (William Shakespeare, 1609; public domain). 619 letters are learnt by heart, not generalized from.
A step sees itself and earlier ones only (`is_causal`), so all letters of a piece are trained at once.
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

TEXT = """Shall I compare thee to a summer's day?
Thou art more lovely and more temperate:
Rough winds do shake the darling buds of May,
And summer's lease hath all too short a date:
Sometime too hot the eye of heaven shines,
And often is his gold complexion dimm'd;
And every fair from fair sometime declines,
By chance or nature's changing course untrimm'd;
But thy eternal summer shall not fade
Nor lose possession of that fair thou owest;
Nor shall Death brag thou wander'st in his shade,
When in eternal lines to time thou growest:
So long as men can breathe or eyes can see,
So long lives this and this gives life to thee.
"""
LETTERS = sorted(set(TEXT))
NUMBERS = np.array([LETTERS.index(letter) for letter in TEXT])
SPAN = 48  # letters that it sees at once


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


def windows(rng: np.random.Generator, count: int) -> tuple[Any, Any]:
    """Pieces of the text, and the same pieces one letter on; (count, SPAN) each."""
    starts = rng.integers(0, len(NUMBERS) - SPAN, count)
    pieces = NUMBERS[starts[:, None] + np.arange(SPAN + 1)]
    return pieces[:, :-1], pieces[:, 1:]


def write(net: LanguageModel, start: str, letters: int) -> str:
    """Go on from `start` with the likeliest letter each time, reading the last SPAN letters."""
    numbers = [LETTERS.index(letter) for letter in start]
    with ad.no_grad():
        for _ in range(letters):
            numbers.append(int(np.argmax(net(np.array([numbers[-SPAN:]]))[0, -1].data)))
    return "".join(LETTERS[n] for n in numbers)


def draw_attention(net: LanguageModel, piece: str, path: Path) -> None:
    """Paint how much each letter of a piece looks at each earlier one, in each head of the first block."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    block: Any = net.blocks.layers[0]
    with ad.no_grad():
        x = block.norm1(net.positions(net.embedding(np.array([[LETTERS.index(letter) for letter in piece]]))))
        _, weights = block.self_attn(x, x, x, is_causal=True, average_attn_weights=False)
    figure, axes = plt.subplots(1, 4, figsize=(13, 3.8), dpi=100, layout="constrained")
    for head, (part, shown) in enumerate(zip(axes, weights[0].data, strict=True)):
        part.imshow(shown, cmap="Blues", vmin=0.0)
        part.set(title=f"head {head + 1}", xticks=range(len(piece)), yticks=range(len(piece)))
        part.set(xticklabels=list(piece), yticklabels=list(piece))
    axes[0].set(xlabel="looks at", ylabel="letter")
    figure.savefig(path)
    plt.close(figure)


def main(argv: Sequence[str] | None = None) -> tuple[float, float]:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=400, help="training steps (default: %(default)s)")
    parser.add_argument("--width", type=int, default=48, help="features of a letter (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="seed of everything random (default: %(default)s)")
    parser.add_argument("--out", type=Path, default=Path("out"), help="folder for pictures (default: %(default)s)")
    options = parser.parse_args(argv)
    options.out.mkdir(parents=True, exist_ok=True)

    rng = np.random.default_rng(options.seed)
    net = LanguageModel(len(LETTERS), options.width, 2, rng)
    optimizer = nn.AdamW(net.parameters(), lr=0.003)
    print(f"{len(TEXT)} letters, {len(LETTERS)} different ones; guessing costs {math.log(len(LETTERS)):.2f} a letter")
    first = last = math.nan
    for step in range(1, options.steps + 1):
        x, following = windows(rng, 16)
        loss = nn.cross_entropy(net(x), following, axis=-1)
        optimizer.zero_grad()
        loss.backward()
        nn.clip_grad_norm_(net.parameters(), 1.0)
        optimizer.step()
        last = loss.item()
        first = last if step == 1 else first
        if step == 1 or step % max(1, options.steps // 8) == 0:
            print(f"step {step:4}  loss {last:.3f}")
    print("\nIt writes:\n" + write(net, "Shall I ", 200))

    x, following = windows(rng, 2)
    loss = nn.cross_entropy(net(x), following, axis=-1)
    ad.draw(loss, model=net, optimizer=optimizer).save(options.out / "transformer.svg")
    pictures = ["transformer.svg"]
    try:
        draw_attention(net, "summer's day", options.out / "transformer_attention.png")
        pictures.append("transformer_attention.png")
    except ImportError:
        print("matplotlib is not installed: no picture of the attention (pip install matplotlib)")
    print("Pictures: " + ", ".join(str(options.out / name) for name in pictures))
    return first, last


if __name__ == "__main__":
    main()
