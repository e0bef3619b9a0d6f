"""Medicine: malignant or benign, from thirty measurements of cell nuclei; and the choice of a threshold.

    python examples/applications/medicine.py          # needs scikit-learn, whose package holds the data

The data are the 569 cases of the Wisconsin breast cancer set (Street, Wolberg and Mangasarian, 1993). A missed tumour
is worse than a false alarm, so accuracy is the wrong measure. The threshold is chosen on a validation part so that the
wished share of tumours is found (sensitivity); the false alarms are counted on the unseen part. The calibration shows
whether a probability of 90 % is right in nine of ten cases. This is an exercise and no medical device.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

import autodiff as ad
import nn
from nn.data import standardize, train_test_split


def load_cases() -> tuple[Any, Any]:
    """Return measurements (569, 30), and whether the tumour is malignant (569,)."""
    from sklearn.datasets import load_breast_cancer

    data = load_breast_cancer()
    return data.data, (data.target == 0).astype(np.int64)  # scikit-learn's 0 is malignant


def network(features: int, rng: np.random.Generator) -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(features, 16, rng=rng), nn.ReLU(), nn.Dropout(0.2, rng=rng), nn.Linear(16, 1, rng=rng), nn.Flatten(0)
    )


def sensitivity_and_specificity(said: Any, truth: Any) -> tuple[float, float]:
    """Return the share of malignant cases that is found, and the share of benign cases without a false alarm."""
    return float(np.mean(said[truth == 1])), float(np.mean(~said[truth == 0]))


def area_under_curve(p: Any, truth: Any) -> float:
    """Return the probability that a malignant case has a larger p than a benign one, ties half (Mann and Whitney)."""
    malignant, benign = p[truth == 1][:, None], p[truth == 0]
    return float(np.mean((malignant > benign) + 0.5 * (malignant == benign)))


def draw(p: Any, truth: Any, threshold: float, path: Path) -> None:
    """Draw the curve of all thresholds with the chosen one, and the probabilities of both kinds."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    style = ad.drawing.style
    points = [sensitivity_and_specificity(p >= t, truth) for t in (np.inf, *np.unique(p)[::-1])]
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4), dpi=110, layout="constrained")
    left.step([1 - b for _, b in points], [a for a, _ in points], where="post", color=style.PARAM)
    found, peace = sensitivity_and_specificity(p >= threshold, truth)
    left.plot(1 - peace, found, "o", color=style.GRAD, label=f"threshold {threshold:.2f}")
    left.set(xlabel="false alarms, of the benign", ylabel="found, of the malignant", xlim=(-0.02, 1), ylim=(0, 1.02))
    left.set(title=f"Every threshold on the unseen cases; area {area_under_curve(p, truth):.3f}")
    left.legend(loc="lower right")
    left.grid(alpha=0.3)
    parts, names = [p[truth == 0], p[truth == 1]], ["benign", "malignant"]
    right.hist(parts, bins=np.linspace(0, 1, 21), stacked=True, label=names, color=[style.POSITIVE, style.NEGATIVE])
    right.axvline(threshold, color=style.GRAD, linestyle="--")
    right.set(xlabel="probability of malignant", ylabel="unseen cases", yscale="symlog")
    right.legend(loc="upper center")
    figure.savefig(path)
    plt.close(figure)


def main(argv: Sequence[str] | None = None) -> dict[str, float]:
    """Train, choose the threshold, test, draw; return the measures on the unseen cases."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=40, help="passes over the cases (default: %(default)s)")
    parser.add_argument("--find", type=float, default=0.98, help="share of tumours to find in the validation part")
    parser.add_argument("--seed", type=int, default=0, help="seed of splits and weights (default: %(default)s)")
    parser.add_argument("--out", type=Path, default=Path("out"), help="folder for the picture (default: %(default)s)")
    options = parser.parse_args(argv)
    options.out.mkdir(parents=True, exist_ok=True)

    try:
        cases, malignant = load_cases()
    except ImportError:
        parser.error("the data are part of scikit-learn: pip install scikit-learn")
    x, x_test, y, y_test = train_test_split(cases, malignant, test_size=0.3, rng=options.seed)
    x, x_held, y, y_held = train_test_split(x, y, test_size=0.3, rng=options.seed)
    x, x_held, x_test = standardize(x, x_held, x_test)
    rng = np.random.default_rng(options.seed)
    net = network(x.shape[1], rng)
    optimizer = nn.AdamW(net.parameters(), lr=3e-3, weight_decay=1e-2)
    target = y.astype(np.float32)
    nn.fit(net, x, target, loss=nn.BCEWithLogitsLoss(), optimizer=optimizer, epochs=options.epochs, rng=rng)

    held, p = (ad.sigmoid(nn.predict(net, part)) for part in (x_held, x_test))
    threshold = float(np.quantile(held[y_held == 1], 1 - options.find, method="lower"))
    print(f"{len(y)} cases to learn from, {len(y_held)} to choose the threshold, {len(y_test)} unseen\n")
    result = {"area": area_under_curve(p, y_test), "threshold": threshold}
    for name, t in (("0.5", 0.5), ("chosen", threshold)):
        found, peace = sensitivity_and_specificity(p >= t, y_test)
        result |= {f"sensitivity at {name}": found, f"specificity at {name}": peace}
        print(f"threshold {t:.3f} ({name}): finds {found:.1%} of the malignant, spares {peace:.1%} of the benign")
    print(f"area under the curve: {result['area']:.3f}\n\ncalibration   cases   mean probability   malignant")
    for low, high in ((0, 0.1), (0.1, 0.5), (0.5, 0.9), (0.9, 1)):
        part = (p >= low) & ((p < high) | (high == 1))
        if part.any():
            print(f"{low:.1f} to {high:.1f} {part.sum():10} {p[part].mean():18.1%} {y_test[part].mean():11.1%}")
    try:
        draw(p, y_test, threshold, options.out / "medicine.png")
        print(f"\nPicture: {options.out / 'medicine.png'}")
    except ImportError:
        print("\nmatplotlib is not installed: no picture (pip install matplotlib)")
    return result


if __name__ == "__main__":
    main()
