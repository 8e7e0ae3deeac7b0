"""
Digits: from images to accuracy
===============================

Kernel ridge regression on scikit-learn's digits, with a convolutional kernel (CKN) and with the
neural tangent kernel (NTK) of a ReLU network of the same geometry.
"""

# %%
# The images are 8x8 pixels. Half of them are for testing.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits

from ckn_rs import Layer, Model, compute_kernel_matrix, plot, ridge

digits = load_digits()
X, y = digits.images[..., np.newaxis].astype(np.float32) / 16, digits.target
train, test = slice(0, 900), slice(900, None)

# %%
# Two layers of 3x3 patches. The first one pools by 2 and keeps every second position:

models = {
    "CKN": Model([Layer(3, 2, kernel="exp", sigma=0.6), Layer(3, 1, kernel="exp", sigma=0.6)]),
    "NTK": Model([Layer(3, 2, kernel="relu"), Layer(3, 1, kernel="relu")]),
}
print(models["CKN"].describe((8, 8, 1)))

# %%
# One decomposition of each training matrix serves a path of regularisations, and tells the
# accuracy on each training image of a fit to all the others. So the regularisation is chosen
# without the test images:

lines = {}
for name, model in models.items():
    options = {"model": model, "ntk": name == "NTK", "normalize": True}
    K = compute_kernel_matrix(X[train], **options)
    K_test = compute_kernel_matrix(X[train], X[test], **options)
    fitted = ridge.fit(K, y[train])
    lines[f"{name}, left out"] = fitted.validation(y[train])
    lines[f"{name}, test"] = fitted.accuracies(K_test, y[test])
    chosen = lines[f"{name}, left out"].argmax()
    print(f"{name}: {lines[f'{name}, test'][chosen]:.1%} of the test images")

# %%
# The Gram matrix of the NTK in the order of the classes, and the accuracies along the path:

figure, (left, right) = plt.subplots(
    1, 2, figsize=(11, 4), layout="constrained", width_ratios=[1, 1.5]
)
plot.gram(K, y[train], ax=left)
plot.path(lines, lambdas=fitted.lambdas, ax=right)
