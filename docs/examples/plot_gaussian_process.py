"""
A Gaussian process that learns sigma
====================================

By how many degrees was a digit turned? The covariance of this Gaussian process is a convolutional
kernel of two layers. Each has a ``sigma``, the width of its patch kernel, and both are learned by
the gradient of the marginal likelihood.
"""

# %%
# Digits, each turned by an angle of its own:

import matplotlib.pyplot as plt
import numpy as np
from scipy.ndimage import rotate
from scipy.optimize import minimize
from sklearn.datasets import load_digits
from sklearn.gaussian_process import GaussianProcessRegressor

from ckn_rs import Layer
from ckn_rs.sklearn import ConvolutionalKernel

images = load_digits().images[:300] / 16
angles = np.random.default_rng(0).uniform(-45, 45, len(images))
turned = np.array(
    [rotate(x, angle, reshape=False) for x, angle in zip(images, angles, strict=True)]
)
X, y = turned.reshape(len(turned), -1), angles / 45
train, test = slice(0, 150), slice(150, None)

# %%
# The process, and an optimizer of SciPy that keeps its way. Both sigmas begin at 2:

layers = [Layer(3, 1, kernel="exp", sigma=2.0), Layer(3, 2, kernel="exp", sigma=2.0)]
kernel = ConvolutionalKernel(layers, image_shape=(8, 8, 1), sigma_bounds=(0.1, 5))
way = [kernel.theta]


def climb(loss, theta, bounds):
    """Minimize the negative log marginal likelihood, of which the gradient is known."""
    found = minimize(loss, theta, jac=True, bounds=bounds, callback=way.append)
    return found.x, found.fun


process = GaussianProcessRegressor(kernel, alpha=0.05, optimizer=climb).fit(X[train], y[train])
start = GaussianProcessRegressor(kernel, alpha=0.05, optimizer=None).fit(X[train], y[train])
for name, each in (("before", start), ("after", process)):
    sigmas = ", ".join(f"{sigma:.2f}" for sigma in np.exp(each.kernel_.theta))
    print(f"{name}: sigma {sigmas}, R^2 on new digits {each.score(X[test], y[test]):.2f}")

# %%
# The marginal likelihood over both sigmas and the way of the optimizer, and the predictions for
# new digits. Bars are two standard deviations of the predictions, noise included:

grid = np.geomspace(0.15, 3, 10)
heights = [[process.log_marginal_likelihood(np.log([a, b])) for a in grid] for b in grid]
below = np.array(heights) - process.log_marginal_likelihood_value_
mean, deviation = process.predict(X[test], return_std=True)
deviation = np.sqrt(deviation**2 + process.alpha)

figure, (left, right) = plt.subplots(
    1, 2, figsize=(11, 4.6), layout="constrained", width_ratios=[1.3, 1]
)
filled = left.contourf(grid, grid, below, levels=[-320, -160, -80, -40, -20, -10, 0], extend="min")
figure.colorbar(filled, ax=left, label="log marginal likelihood, less its maximum")
left.plot(*np.exp(way).T, "o-", color="white", markeredgecolor="black", label="optimizer")
left.plot(*np.exp(way[-1]), "*", color="white", markeredgecolor="black", markersize=18)
left.set(xscale="log", yscale="log", xlabel="sigma of layer 0", ylabel="sigma of layer 1")
left.set_xticks([0.2, 0.5, 1, 2], [0.2, 0.5, 1, 2])
left.set_yticks([0.2, 0.5, 1, 2], [0.2, 0.5, 1, 2])
left.minorticks_off()
left.legend(loc="upper left", facecolor="0.7")
right.axline((0, 0), slope=1, color="0.7")
right.errorbar(angles[test], 45 * mean, 90 * deviation, fmt=".", elinewidth=0.5)
right.set(xlabel="true angle, degrees", ylabel="predicted angle, degrees", ylim=(-90, 90))
