"""Cross-validation: choose the size of a network without the test part.

    python examples/outlook/cross_validation.py

The examples for training are divided into five folds with the same share of every digit. Each size is trained five
times, each time without one fold, on which it is tested; the input is standardised by the four others alone. The size
with the best mean is trained on all five folds, and tested once on unseen digits. A difference between two sizes counts
only if it is large compared with the spread over the folds.

The folds are written out here to show the method. scikit-learn has `cross_val_score` for its estimators;
`nn.NeuralClassifier` is one, and where scikit-learn is installed it is tested on the same folds.
"""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

import autodiff as ad
import nn
from nn.data import load_digits, standardize, train_test_split


def stratified_folds(y: Any, k: int, rng: np.random.Generator) -> Iterator[tuple[Any, Any]]:
    """Yield (training rows, validation rows) k times. Every row validates once; all folds have equal class shares."""
    order = rng.permutation(len(y))
    order = order[np.argsort(y[order], kind="stable")]  # class by class, random within a class
    fold_of = np.empty(len(y), int)
    fold_of[order] = np.arange(len(y)) % k
    for fold in range(k):
        yield np.flatnonzero(fold_of != fold), np.flatnonzero(fold_of == fold)


def accuracy_of(hidden: int, x: Any, y: Any, x_new: Any, y_new: Any, epochs: int, seed: int) -> float:
    """Train a network with `hidden` units on (x, y) and return its accuracy on (x_new, y_new)."""
    x, x_new = standardize(x, x_new)
    rng = np.random.default_rng(seed)
    net = nn.Sequential(nn.Flatten(), nn.Linear(64, hidden, rng=rng), nn.ReLU(), nn.Linear(hidden, 10, rng=rng))
    optimizer = nn.AdamW(net.parameters(), lr=5e-3, weight_decay=1e-2)
    nn.fit(net, x, y, loss=nn.CrossEntropyLoss(), optimizer=optimizer, epochs=epochs, progress=False, rng=rng)
    return nn.accuracy(nn.predict(net, x_new), y_new)


def by_scikit_learn(hidden: int, x: Any, y: Any, folds: list[Any], epochs: int, seed: int) -> Any:
    """Return the accuracy on each fold, by scikit-learn's own loop over the same folds."""
    from sklearn.model_selection import cross_val_score
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    network = nn.NeuralClassifier(
        (hidden,), learning_rate_init=5e-3, batch_size=32, max_iter=epochs, n_iter_no_change=epochs, random_state=seed
    )
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "the loss still fell")  # as many epochs as above, on purpose
        return cross_val_score(make_pipeline(StandardScaler(), network), x.reshape(len(x), -1), y, cv=folds)


def draw(results: dict[int, list[float]], chosen: int, test: float, path: Path) -> None:
    """Draw every fold as a point, the mean as a bar, the test of the chosen size as a star."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    style, sizes = ad.drawing.style, list(results)
    figure, axes = plt.subplots(figsize=(6.4, 4), dpi=120, layout="constrained")
    for place, size in enumerate(sizes):
        axes.plot([place] * len(results[size]), results[size], "o", color=style.PARAM, alpha=0.6, markersize=5)
        axes.plot([place - 0.2, place + 0.2], [np.mean(results[size])] * 2, color=style.INK, linewidth=2)
    axes.plot(sizes.index(chosen), test, "*", color=style.GRAD, markersize=15, label=f"test of the chosen: {test:.1%}")
    axes.set(xticks=range(len(sizes)), xticklabels=sizes, xlabel="hidden units", ylabel="accuracy")
    axes.set(title="Each point is a fold that was not trained on; bars are means")
    axes.legend(loc="lower right")
    axes.grid(alpha=0.3)
    figure.savefig(path)
    plt.close(figure)


def main(argv: Sequence[str] | None = None) -> tuple[dict[int, list[float]], int, float]:
    """Cross-validate, choose, test, draw; return the folds' accuracies by size, the chosen size and its test."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=[2, 4, 8, 16, 32, 64], help="hidden units to try")
    parser.add_argument("--folds", type=int, default=5, help="how many folds (default: %(default)s)")
    parser.add_argument("--limit", type=int, default=500, help="digits to learn from (default: %(default)s)")
    parser.add_argument("--epochs", type=int, default=30, help="passes over the digits (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="seed of everything random (default: %(default)s)")
    parser.add_argument("--out", type=Path, default=Path("out"), help="folder for the picture (default: %(default)s)")
    options = parser.parse_args(argv)
    options.out.mkdir(parents=True, exist_ok=True)

    x, x_test, y, y_test = train_test_split(*load_digits(), rng=options.seed)
    x, y = x[: options.limit], y[: options.limit]
    folds = list(stratified_folds(y, options.folds, np.random.default_rng(options.seed)))
    results = {}
    for hidden in options.sizes:
        results[hidden] = [
            accuracy_of(hidden, x[train], y[train], x[held], y[held], options.epochs, options.seed)
            for train, held in folds
        ]
        mean, spread = np.mean(results[hidden]), np.std(results[hidden], ddof=1)
        print(f"{hidden:4} hidden units: {mean:.1%} ± {spread:.1%} over the folds")
    chosen = max(results, key=lambda hidden: float(np.mean(results[hidden])))
    test = accuracy_of(chosen, x, y, x_test, y_test, options.epochs, options.seed)
    print(f"\nChosen: {chosen} hidden units. Accuracy on {len(y_test)} unseen digits: {test:.1%}")
    try:
        scores = by_scikit_learn(chosen, x, y, folds, options.epochs, options.seed)
        print(f"The same folds by scikit-learn's cross_val_score: {scores.mean():.1%} ± {scores.std(ddof=1):.1%}")
    except ImportError:
        print("scikit-learn is not installed: no cross_val_score (pip install scikit-learn)")
    try:
        draw(results, chosen, test, options.out / "cross_validation.png")
        print(f"Picture: {options.out / 'cross_validation.png'}")
    except ImportError:
        print("matplotlib is not installed: no picture (pip install matplotlib)")
    return results, chosen, test


if __name__ == "__main__":
    main()
