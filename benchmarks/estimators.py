"""nn.NeuralClassifier beside scikit-learn's MLPClassifier: the same parameters on scikit-learn's own data sets.

Accuracy is the mean over 5 stratified folds and 3 seeds, time the sum of all fits. Both learn standardised columns with
Adam, batches of min(200, N), alpha 1e-4, and stop when the loss has not fallen by 1e-4 for 10 epochs, 200 at most.

    python benchmarks/estimators.py
"""

from __future__ import annotations

import time
import warnings

import numpy as np
from sklearn.datasets import load_breast_cancer, load_digits, load_iris, load_wine
from sklearn.model_selection import StratifiedKFold
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from stopwatch import setting

import nn


def main() -> None:
    warnings.simplefilter("ignore")  # that some fits end at max_iter
    setting("nn.NeuralClassifier and sklearn.neural_network.MLPClassifier")
    print(f"  {'data':14}{'ours':>9}{'theirs':>9}{'ours s':>9}{'theirs s':>9}{'ratio':>8}")
    for load in (load_iris, load_wine, load_breast_cancer, load_digits):
        x, y = load(return_X_y=True)
        right: dict[type, list[float]] = {nn.NeuralClassifier: [], MLPClassifier: []}
        spent = dict.fromkeys(right, 0.0)
        for seed in range(3):
            for train, test in StratifiedKFold(5, shuffle=True, random_state=seed).split(x, y):
                for kind in right:  # in turns
                    model = make_pipeline(StandardScaler(), kind((100,), random_state=seed))
                    begun = time.perf_counter()
                    model.fit(x[train], y[train])
                    spent[kind] += time.perf_counter() - begun
                    right[kind].append(model.score(x[test], y[test]))
        ours, theirs = (float(np.mean(right[kind])) for kind in right)
        a, b = spent.values()
        name = load.__name__.removeprefix("load_")
        print(f"  {name:14}{ours:9.4f}{theirs:9.4f}{a:9.2f}{b:9.2f}{a / b:8.2f}")


if __name__ == "__main__":
    main()
