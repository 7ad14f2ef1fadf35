"""The protocol of the example `tabular` with scikit-learn's MLPClassifier: five folds with strata, standardised features, classes
balanced by weights, 32 hidden units, early stopping by the accuracy on a fifth of what is left to train with.

Run it as `python mlp.py` with scikit-learn 1.9: it prints the accuracy for seeds 1 to 10 and their mean.
"""

import csv
import warnings
from pathlib import Path

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import StratifiedKFold
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.class_weight import compute_sample_weight


def main():
    warnings.simplefilter("ignore", ConvergenceWarning)
    rows = list(csv.reader(open(Path(__file__).parent / "data" / "breast_cancer.csv")))[1:]
    x = np.array([row[:-1] for row in rows], dtype=float)
    y = np.array([row[-1] for row in rows])
    accuracies = []
    for seed in range(1, 11):
        right = 0
        for train, test in StratifiedKFold(5, shuffle=True, random_state=seed).split(x, y):
            network = MLPClassifier(
                (32,), batch_size=16, learning_rate_init=0.003, alpha=0, max_iter=60, random_state=seed,
                early_stopping=True, validation_fraction=0.2, n_iter_no_change=20,
            )
            model = make_pipeline(StandardScaler(), network)
            weights = compute_sample_weight("balanced", y[train])
            model.fit(x[train], y[train], mlpclassifier__sample_weight=weights)
            right += (model.predict(x[test]) == y[test]).sum()
        accuracies.append(right / len(y))
        print(f"seed {seed:2}  accuracy {accuracies[-1]:.4f}", flush=True)
    print(f"mean {np.mean(accuracies):.4f}")


main()
