"""Two inputs, an image and words: the accuracy with each alone, and with both.

    python examples/outlook/two_inputs.py

The image is a handwritten digit under heavy noise. The words are two true facts about the digit, drawn at random from
the table below, such as "odd" and "has a loop". One branch of the network takes the image, the other the words; their
features are joined and classified. The same network with one input replaced by zeros shows the effect of each input.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

import autodiff as ad
import nn
from nn.data import load_digits, train_test_split

FACTS = {
    "even": {0, 2, 4, 6, 8},
    "odd": {1, 3, 5, 7, 9},
    "prime": {2, 3, 5, 7},
    "a square": {0, 1, 4, 9},
    "less than five": {0, 1, 2, 3, 4},
    "five or more": {5, 6, 7, 8, 9},
    "has a loop": {0, 6, 8, 9},
    "has a straight line": {1, 2, 4, 5, 7},
}
WORDS = list(FACTS)


class ImageAndWords(nn.Module):
    """Image (N, 8, 8) and word numbers (N, 2) -> scores (N, 10)."""

    def __init__(self, rng: np.random.Generator, use: tuple[bool, bool] = (True, True)) -> None:
        self.image = nn.Sequential(nn.Flatten(), nn.Linear(64, 64, rng=rng), nn.ReLU())
        self.words = nn.EmbeddingBag(len(WORDS), 16, mode="sum", rng=rng)
        self.head = nn.Sequential(nn.Linear(64 + 16, 64, rng=rng), nn.ReLU(), nn.Linear(64, 10, rng=rng))
        self.use = use

    def forward(self, image: Any, words: Any) -> Any:
        parts = (self.image(image), self.words(words))
        return self.head(np.concatenate([p if used else 0 * p.data for p, used in zip(parts, self.use)], axis=1))


def describe(labels: Any, rng: np.random.Generator) -> Any:
    """Return two different true facts about each digit, as indices into WORDS; (N, 2)."""
    true = [[i for i, word in enumerate(WORDS) if label in FACTS[word]] for label in range(10)]
    return np.array([rng.permutation(true[label])[:2] for label in labels])


def draw(x: Any, words: Any, y: Any, said: dict[str, Any], path: Path, shown: int = 6) -> None:
    """Draw noisy digits with their words and the prediction of each network."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, grid = plt.subplots(1, shown, figsize=(1.75 * shown, 3.0), dpi=120, layout="constrained")
    for i, axes in enumerate(grid):
        axes.imshow(x[i], cmap="gray_r")
        axes.set(xticks=[], yticks=[])
        axes.set_title("\n".join(WORDS[word] for word in words[i]), fontsize=9)
        answers = [f"{name}: {a[i]}" + ("" if a[i] == y[i] else " ✗") for name, a in said.items()]
        axes.set_xlabel("\n".join([*answers, f"it is a {y[i]}"]), fontsize=9)
    figure.savefig(path)
    plt.close(figure)


def main(argv: Sequence[str] | None = None) -> dict[str, float]:
    """Train three times, compare, draw; return the accuracy on unseen digits by the inputs used."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=20, help="passes over the digits (default: %(default)s)")
    parser.add_argument("--noise", type=float, default=0.5, help="standard deviation of the noise (pixels: 0 to 1)")
    parser.add_argument("--seed", type=int, default=0, help="seed of everything random (default: %(default)s)")
    parser.add_argument("--out", type=Path, default=Path("out"), help="folder for the pictures (default: %(default)s)")
    options = parser.parse_args(argv)
    options.out.mkdir(parents=True, exist_ok=True)

    rng = np.random.default_rng(options.seed)
    images, labels = load_digits()
    images = images + options.noise * rng.standard_normal(images.shape)
    x, x_test, y, y_test = train_test_split(images, labels, rng=options.seed)
    words, words_test = describe(y, rng), describe(y_test, rng)
    seen, unseen = {"image": x, "words": words}, {"image": x_test, "words": words_test}  # the names of `forward`
    accuracies, said = {}, {}
    for name, use in {"image": (True, False), "words": (False, True), "both": (True, True)}.items():
        net = ImageAndWords(np.random.default_rng(options.seed), use)
        optimizer = nn.AdamW(net.parameters(), lr=2e-3, weight_decay=1e-2)
        nn.fit(net, seen, y, loss=nn.CrossEntropyLoss(), optimizer=optimizer, epochs=options.epochs, rng=rng)
        scores = nn.predict(net, unseen)
        accuracies[name], said[name] = nn.accuracy(scores, y_test), scores.argmax(axis=1)
        print(f"{name:6} {accuracies[name]:.1%} of {len(y_test)} unseen digits")

    batch = ad.tensor(np.float32(x[:32]))
    loss = nn.cross_entropy(net(batch, words[:32]), y[:32])
    ad.draw(loss, model=net, level="module").save(options.out / "two_inputs.svg")
    pictures = ["two_inputs.svg"]
    try:
        one_of_each = np.unique(y_test, return_index=True)[1]
        answers = {name: a[one_of_each] for name, a in said.items()}
        draw(x_test[one_of_each], words_test[one_of_each], y_test[one_of_each], answers, options.out / "two_inputs.png")
        pictures.append("two_inputs.png")
    except ImportError:
        print("matplotlib is not installed: no picture of the digits (pip install matplotlib)")
    print("Pictures: " + ", ".join(str(options.out / name) for name in pictures))
    return accuracies


if __name__ == "__main__":
    main()
