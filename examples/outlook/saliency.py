"""Interpretability: the pixels that a prediction depends on. Saliency and integrated gradients, in the same test.

    python examples/outlook/saliency.py

The saliency of a pixel is the size of the score's derivative with respect to it. Integrated gradients (Sundararajan,
Taly and Yan, "Axiomatic Attribution for Deep Networks", ICML 2017) average the gradient along the straight line from an
empty image to the digit. Their sum is the difference of the two scores (completeness), so every pixel has a share. The
test erases the pixels that a method ranks first, and measures how fast the score of the digit falls.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

import autodiff as ad
import nn
from nn.data import load_digits, train_test_split

Score = Callable[[Any], Any]  # images (N, ...) -> one number for each, (N,)


def gradients(score: Score, x: Any) -> Any:
    """Return the derivative of each image's score by its own pixels, in one backward pass for the whole batch."""
    with ad.no_grad():  # the parameters are constants here; arguments of `grad` are differentiated in spite of it
        return ad.grad(lambda pixels: score(pixels).sum())(x)


def integrated_gradients(score: Score, x: Any, baseline: Any, points: int = 32) -> Any:
    """Return (x − x₀) ∫₀¹ ∇score(x₀ + t (x − x₀)) dt for each image, by a Gauss-Legendre rule of `points` points.

    The rule is exact where the score is a polynomial of degree 2 · points in t at most.
    """
    nodes, weights = np.polynomial.legendre.leggauss(points)  # on [−1, 1]
    along = [w / 2 * gradients(score, baseline + (t + 1) / 2 * (x - baseline)) for t, w in zip(nodes, weights)]
    return (x - baseline) * sum(along)


def erased(score: Score, x: Any, ranking: Any, counts: Sequence[int]) -> list[float]:
    """Return the mean score after the pixels ranked first are set to 0, for each number of pixels."""
    order, rows = np.argsort(-ranking.reshape(len(x), -1), axis=1), np.arange(len(x))[:, None]
    scores = []
    for count in counts:
        left = x.reshape(len(x), -1).copy()
        left[rows, order[:, :count]] = 0
        scores.append(float(np.mean(score(left.reshape(x.shape)))))
    return scores


FONTS = ("Noto Sans CJK SC", "Microsoft YaHei", "PingFang SC")  # with Chinese characters
CHINESE = {
    "digit": "数字",
    "saliency": "显著图",
    "integrated gradients": "积分梯度",
    "at random": "随机",
    "pixels erased": "抹去的像素数",
    "mean probability of the digit": "该数字的平均概率",
    "What is erased, and what is left": "抹去像素之后，还剩多少概率",
}


def draw(
    x: Any, y: Any, maps: dict[str, Any], curves: dict[str, Any], counts: Any, path: Path, lang: str, shown: int = 6
) -> None:
    """Draw digits, the pixels that both methods mark, and the score as these are erased."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt
    from matplotlib import font_manager

    if lang == "zh":
        plt.rcParams["font.family"] = [*(set(FONTS) & set(font_manager.get_font_names())), "sans-serif"]

    def word(text: str) -> str:
        return CHINESE[text] if lang == "zh" else text

    figure = plt.figure(figsize=(11, 4.2), dpi=120, layout="constrained")
    left, right = figure.subfigures(1, 2, width_ratios=(3, 2))
    grid = left.subplots(1 + len(maps), shown)
    for i in range(shown):
        grid[0, i].imshow(x[i], cmap="gray_r")
        grid[0, i].set_title(str(y[i]), fontsize=9)
        for axes, name in zip(grid[1:, i], maps, strict=True):
            limit = abs(maps[name][i]).max()
            axes.imshow(maps[name][i], cmap="RdBu", vmin=-limit, vmax=limit)
    for axes in grid.flat:
        axes.set(xticks=[], yticks=[])
    for axes, name in zip(grid[:, 0], ("digit", *maps), strict=True):
        axes.set_ylabel(word(name).replace(" ", "\n"), fontsize=9)
    axes = right.subplots()
    for (name, scores), colour in zip(curves.items(), ad.drawing.style.CURVES, strict=False):
        axes.plot(counts, scores, color=colour, marker="o", markersize=3, label=word(name))
    axes.set(xlabel=word("pixels erased"), ylabel=word("mean probability of the digit"))
    axes.set_title(word("What is erased, and what is left"))
    axes.set(ylim=(-0.05, 1.4), yticks=np.linspace(0, 1, 6))  # room for the legend
    axes.legend(loc="upper right")
    axes.grid(alpha=0.3)
    figure.savefig(path)
    plt.close(figure)


def main(argv: Sequence[str] | None = None) -> tuple[float, dict[str, list[float]]]:
    """Train, attribute, erase, draw; return the largest gap in completeness and the erasing curves."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=20, help="passes over the digits (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="seed of split and weights (default: %(default)s)")
    parser.add_argument("--out", type=Path, default=Path("out"), help="folder for the picture (default: %(default)s)")
    parser.add_argument("--lang", choices=("en", "zh"), default="en", help="of the picture (default: %(default)s)")
    options = parser.parse_args(argv)
    options.out.mkdir(parents=True, exist_ok=True)

    x, x_test, y, y_test = train_test_split(*load_digits(), rng=options.seed)
    rng = np.random.default_rng(options.seed)
    net = nn.Sequential(nn.Flatten(), nn.Linear(64, 48, rng=rng), nn.Tanh(), nn.Linear(48, 10, rng=rng))
    optimizer = nn.Adam(net.parameters(), lr=3e-3)
    nn.fit(net, x, y, loss=nn.CrossEntropyLoss(), optimizer=optimizer, epochs=options.epochs, rng=rng)
    print(f"Accuracy on {len(y_test)} unseen digits: {nn.accuracy(nn.predict(net, x_test), y_test):.1%}")

    net.astype(np.float64)
    rows, pixels = np.arange(len(y_test)), np.float64(x_test)

    def margin(images: Any) -> Any:
        """Return the score of the right digit minus the mean of all ten."""
        scores = net(images)
        return scores[rows, y_test] - scores.mean(axis=1)

    def probability(images: Any) -> Any:
        return ad.softmax(net(images).data, axis=1)[rows, y_test]

    empty = np.zeros_like(pixels)
    maps = {"saliency": gradients(margin, pixels), "integrated gradients": integrated_gradients(margin, pixels, empty)}
    with ad.no_grad():
        difference = margin(pixels).data - margin(empty).data
    gap = float(np.max(abs(maps["integrated gradients"].sum(axis=(1, 2)) - difference)))
    print(f"Completeness: the shares of the pixels add up to the difference of scores within {gap:.1e}")

    counts = list(range(0, 33, 4))
    rankings = {"saliency": abs(maps["saliency"]), "integrated gradients": maps["integrated gradients"]}
    rankings["at random"] = rng.random(pixels.shape)
    curves = {name: erased(probability, pixels, ranking, counts) for name, ranking in rankings.items()}
    print("pixels erased       " + "".join(f"{count:>6}" for count in counts))
    for name, scores in curves.items():
        print(f"{name:20}" + "".join(f"{score:6.2f}" for score in scores))
    try:
        _, one_of_each = np.unique(y_test, return_index=True)
        shown = {name: np.asarray(map_)[one_of_each] for name, map_ in maps.items()}
        path = options.out / "saliency.png"
        draw(np.asarray(pixels)[one_of_each], y_test[one_of_each], shown, curves, counts, path, options.lang)
        print(f"Picture: {path}")
    except ImportError:
        print("matplotlib is not installed: no picture (pip install matplotlib)")
    return gap, curves


if __name__ == "__main__":
    main()
