"""Writes data/breast_cancer.csv: scikit-learn's breast cancer data set, with the names of its features and classes."""

import csv
from pathlib import Path

from sklearn.datasets import load_breast_cancer


def main():
    data = load_breast_cancer()
    with open(Path(__file__).parent / "data" / "breast_cancer.csv", "w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([*data.feature_names, "diagnosis"])
        for row, label in zip(data.data, data.target):
            writer.writerow([*(f"{value:.7g}" for value in row), data.target_names[label]])


main()
