"""
Patch kernels and NTKs
======================

A layer compares patches by a patch kernel, a function of their cosine. In the NTK the kernel of a
layer is multiplied by its slope, the derivative by the inner product.
"""

# %%
# The patch kernels and, dashed, their slopes, for patches of norm 1. One is missing, ``series``,
# whose coefficients are free:

import matplotlib.pyplot as plt
import numpy as np

from ckn_rs import Layer, compute_both, plot

kernels = [
    Layer(3, 1, kernel="exp", sigma=0.6),
    *("relu", "linear", "poly2", "poly3", "poly4", "square", "step", "arccos2"),
    Layer(3, 1, kernel="abrelu", a=-0.5),
    *("erf", "gelu", "rbf", "sin", "cos"),
    Layer(3, 1, kernel="poly", degree=3, offset=0.5),
]
figure, axes = plt.subplots(4, 4, figsize=(12, 11), layout="constrained", sharex=True)
for ax, kernel in zip(axes.flat, kernels, strict=True):
    plot.patch_kernel(kernel, ax=ax)
    ax.set_xlabel("")
    ax.get_legend().set_visible(ax is axes[0, 0])
for ax in axes[-1]:
    ax.set_xlabel("cosine")

# %%
# Layers of 1x1 patches without pooling, on images of one pixel, are a fully connected network.
# Its CKN is the arc-cosine kernel of its depth, its NTK that of the network with all layers
# trained. Both are divided by their values at equal inputs:

cosines = np.linspace(-1, 1, 201)
one = np.array([1.0, 0.0]).reshape(1, 1, 1, 2)
others = np.stack([cosines, np.sqrt(1 - cosines**2)], axis=1).reshape(-1, 1, 1, 2)

figure, axes = plt.subplots(1, 2, figsize=(11, 4.2), layout="constrained", sharey=True)
for depth in (1, 2, 4, 8, 16):
    model = [Layer(1, kernel="relu", pooling="none")] * depth
    K_ntk, K_ckn = compute_both(one, others, model=model, normalize=True)
    for ax, K in zip(axes, (K_ckn, K_ntk), strict=True):
        ax.plot(cosines, K[0], color=plt.colormaps["viridis"](np.log2(depth) / 4.5), label=depth)
for ax, name in zip(axes, ("CKN", "NTK"), strict=True):
    ax.set(title=f"{name} of a ReLU network", xlabel="cosine of the inputs", xlim=(-1, 1))
axes[0].set_ylabel("normalised kernel")
axes[0].legend(title="layers")
