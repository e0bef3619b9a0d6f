"""nn.NeuralClassifier beside scikit-learn's MLPClassifier: the same parameters on scikit-learn's own data sets.

Accuracy is the mean over 5 stratified folds and some seeds, with the mean difference of the pairs and its standard
error; time is the sum of all fits. Both learn standardised columns with Adam, batches of min(200, N), alpha 1e-4, and
stop when the loss has not fallen by 1e-4 for 10 epochs, 200 at most.

    python benchmarks/estimators.py --seeds 10
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Sequence

import numpy as np
from sklearn.datasets import load_breast_cancer, load_digits, load_iris, load_wine
from sklearn.model_selection import StratifiedKFold
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from stopwatch import setting

import nn


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=3)
    seeds = parser.parse_args(argv).seeds
    warnings.simplefilter("ignore")  # that some fits end at max_iter
    setting("nn.NeuralClassifier and sklearn.neural_network.MLPClassifier")
    print(f"  {'data':14}{'ours':>9}{'theirs':>9}{'difference':>18}{'ours s':>9}{'theirs s':>9}{'ratio':>8}")
    for load in (load_iris, load_wine, load_breast_cancer, load_digits):
        x, y = load(return_X_y=True)
        right: dict[type, list[float]] = {nn.NeuralClassifier: [], MLPClassifier: []}
        spent = dict.fromkeys(right, 0.0)
        for seed in range(seeds):
            for train, test in StratifiedKFold(5, shuffle=True, random_state=seed).split(x, y):
                for kind in right:  # in turns
                    model = make_pipeline(StandardScaler(), kind((100,), random_state=seed))
                    begun = time.perf_counter()
                    model.fit(x[train], y[train])
                    spent[kind] += time.perf_counter() - begun
                    right[kind].append(model.score(x[test], y[test]))
        ours, theirs = (float(np.mean(right[kind])) for kind in right)
        each = np.subtract(*right.values())
        difference = f"{np.mean(each):+.4f} ± {np.std(each, ddof=1) / np.sqrt(len(each)):.4f}"
        a, b = spent.values()
        name = load.__name__.removeprefix("load_")
        print(f"  {name:14}{ours:9.4f}{theirs:9.4f}{difference:>18}{a:9.2f}{b:9.2f}{a / b:8.2f}")


if __name__ == "__main__":
    main()
