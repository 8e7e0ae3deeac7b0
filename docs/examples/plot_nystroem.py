"""
Landmarks instead of a matrix: Nystroem
=======================================

``ckn_rs.sklearn.Nystroem`` computes kernels with a few images only, the landmarks, and makes
features of them for a linear model. Its time is proportional to the number of images, not to its
square.
"""

# %%
# A third of scikit-learn's digits are for training. The exact kernel is the mark to reach:

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.linear_model import RidgeClassifier
from sklearn.model_selection import train_test_split

from ckn_rs import Layer
from ckn_rs.sklearn import ConvolutionalKernel, KernelRidgeClassifierCV, Nystroem

X, y = load_digits(return_X_y=True)
X = X.astype(np.float32)
X_train, X_test, y_train, y_test = train_test_split(
    X, y, train_size=600, test_size=600, random_state=0
)
layers = [Layer(3, 1, kernel="exp", sigma=0.6), Layer(3, 2, kernel="exp", sigma=0.6)]
kernel = ConvolutionalKernel(layers, image_shape=(8, 8, 1))

exact = KernelRidgeClassifierCV(kernel).fit(X_train, y_train).score(X_test, y_test)
K = kernel(X_train)
print(f"exact kernel: {exact:.1%}")

# %%
# Features of more and more landmarks, three random choices of each number. Their inner products
# come near to the kernel:

counts = [5, 10, 20, 50, 100, 200, 400]
accuracies, errors = np.empty((2, len(counts), 3))
for row, count in enumerate(counts):
    for seed in range(3):
        landmarks = Nystroem(kernel, n_components=count, random_state=seed)
        features = landmarks.fit_transform(X_train)
        linear = RidgeClassifier(0.001).fit(features, y_train)
        accuracies[row, seed] = linear.score(landmarks.transform(X_test), y_test)
        errors[row, seed] = np.linalg.norm(K - features @ features.T) / np.linalg.norm(K)
    print(f"{count} landmarks: {accuracies[row].mean():.1%}, error {errors[row].mean():.1e}")

# %%

figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4), layout="constrained")
left.axhline(100 * exact, color="0.5", linestyle="--", label="exact kernel")
left.plot(counts, 100 * accuracies, ".", color="C0", alpha=0.5)
left.plot(counts, 100 * accuracies.mean(axis=1), color="C0", label="Nystroem")
left.set(xscale="log", xlabel="landmarks", ylabel="accuracy on test images, %")
left.legend()
right.plot(counts, errors, ".", color="C1", alpha=0.5)
right.plot(counts, errors.mean(axis=1), color="C1")
right.set(xscale="log", yscale="log", xlabel="landmarks", ylabel="relative error of the matrix")
for ax in (left, right):
    ax.grid(alpha=0.3)
