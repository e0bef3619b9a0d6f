"""Attention drawn: the weights of each head, in a task that cannot be solved without finding one token among many.

    python examples/outlook/attention.py

A line such as `k7 a3 f1 m9 a?` has letters with a digit each, in random order, and last a letter whose digit is the
target. The input of one layer of self-attention is the whole line; its output at the last position gives the scores.
The target is the digit and not its position, so a weight near 1 on the right letter is a result of the training.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

import autodiff as ad
import nn

LETTERS = "abcdefghijklmnop"
QUESTION = 10  # the last position has it in place of a digit


class Finder(nn.Module):
    """A letter and a digit -> one vector for each place -> self-attention -> scores of the ten digits."""

    def __init__(self, width: int, heads: int, rng: np.random.Generator) -> None:
        self.letters = nn.Embedding(len(LETTERS), width, rng=rng)
        self.digits = nn.Embedding(11, width, rng=rng)
        self.attention = nn.MultiheadAttention(width, heads, batch_first=True, rng=rng)
        self.head = nn.Linear(width, 10, rng=rng)

    def forward(self, letters: Any, digits: Any) -> tuple[Any, Any]:
        """letters, digits: (N, T) integers -> scores (N, 10), attention weights (N, heads, T, T)."""
        x = self.letters(letters) + self.digits(digits)
        y, weights = self.attention(x, x, x, average_attn_weights=False)
        return self.head(y[:, -1]), weights


def lines(rng: np.random.Generator, count: int, length: int) -> tuple[Any, Any, Any, Any]:
    """Return letters and digits (count, length + 1) with the question last, the answers, and their positions."""
    letters = rng.permuted(np.tile(np.arange(len(LETTERS)), (count, 1)), axis=1)[:, :length]
    digits, place = rng.integers(0, 10, (count, length)), rng.integers(0, length, count)
    rows = np.arange(count)
    letters = np.column_stack([letters, letters[rows, place]])
    return letters, np.column_stack([digits, np.full(count, QUESTION)]), digits[rows, place], place


def train(net: Finder, steps: int, length: int, rng: np.random.Generator) -> None:
    """Train by Adam on new lines in every step, so that the network cannot overfit."""
    optimizer = nn.Adam(net.parameters(), lr=3e-3)
    for step in range(1, steps + 1):
        letters, digits, answers, _ = lines(rng, 64, length)
        loss = nn.cross_entropy(net(letters, digits)[0], answers)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step == 1 or step % max(1, steps // 8) == 0:
            print(f"step {step:4}  loss {loss.item():.3f}")


FONTS = ("Noto Sans CJK SC", "Microsoft YaHei", "PingFang SC")  # with Chinese characters
WORDS = {  # of the large picture
    "en": (
        "head {0}: {1:.0%} on the right token",
        "attends to",
        "Which digit has {0}? The last row is the question, and the frame is at the answer",
    ),
    "zh": (
        "第 {0} 个头：{1:.0%} 的权重在正确的 token 上",
        "关注",
        "字母 {0} 对应哪个数字？最后一行是问题，方框处是答案",
    ),
}


def draw(weights: Any, letters: Any, digits: Any, place: int, path: Path, lang: str = "en") -> None:
    """Draw each head's weights over one line. A row has the weights of a token; the frame is at the right answer."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt
    from matplotlib import font_manager

    if lang == "zh":
        plt.rcParams["font.family"] = [*(set(FONTS) & set(font_manager.get_font_names())), "sans-serif"]
    of_head, looks_at, title = WORDS[lang]
    style = ad.drawing.style
    tokens = [LETTERS[a] + ("?" if d == QUESTION else str(d)) for a, d in zip(letters, digits, strict=True)]
    last = len(tokens) - 1
    figure, grid = plt.subplots(1, len(weights), figsize=(4.6 * len(weights), 4.4), dpi=110, layout="constrained")
    for head, (axes, shown) in enumerate(zip(grid, weights, strict=True), start=1):
        axes.imshow(shown, cmap="Blues", vmin=0, vmax=1)
        axes.set(title=of_head.format(head, shown[last, place]), xlabel=looks_at)
        axes.set(xticks=range(last + 1), xticklabels=tokens, yticks=range(last + 1), yticklabels=tokens)
        axes.add_patch(plt.Rectangle((place - 0.5, last - 0.5), 1, 1, fill=False, color=style.GRAD, linewidth=2))
    figure.suptitle(title.format(tokens[-1][0]))
    figure.savefig(path)
    plt.close(figure)


def main(argv: Sequence[str] | None = None) -> tuple[float, float]:
    """Train, test, draw; return the share of right answers and of questions whose largest weight is at the answer."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=200, help="training steps (default: %(default)s)")
    parser.add_argument("--length", type=int, default=10, help="letters in a line (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="seed of everything random (default: %(default)s)")
    parser.add_argument("--out", type=Path, default=Path("out"), help="folder for the picture (default: %(default)s)")
    parser.add_argument(
        "--lang", choices=("en", "zh"), default="en", help="of the large picture (default: %(default)s)"
    )
    options = parser.parse_args(argv)
    options.out.mkdir(parents=True, exist_ok=True)

    rng = np.random.default_rng(options.seed)
    net = Finder(32, 2, rng)
    train(net, options.steps, options.length, rng)

    letters, digits, answers, place = lines(rng, 1000, options.length)
    scores, weights = nn.predict(net, (letters, digits))
    right = nn.accuracy(scores, answers)
    found = float(np.mean(weights[:, :, -1].max(axis=1).argmax(axis=1) == place))
    print(f"\n1,000 new lines: {right:.1%} answered right; the largest weight is on the right token in {found:.1%}")
    with ad.record():
        loss = nn.cross_entropy(net(letters[:1], digits[:1])[0], answers[:1])
    ad.draw(loss, model=net, level="module").save(options.out / "attention.svg")
    pictures = ["attention.svg"]
    try:
        draw(weights[0], letters[0], digits[0], int(place[0]), options.out / "attention.png", options.lang)
        pictures.append("attention.png")
    except ImportError:
        print("matplotlib is not installed: no large picture of the weights (pip install matplotlib)")
    print("Pictures: " + ", ".join(str(options.out / name) for name in pictures))
    return right, found


if __name__ == "__main__":
    main()
