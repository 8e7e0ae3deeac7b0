"""
What pooling does to invariance
===============================

How far is an image from its translations and deformations, in the feature space of a kernel?
Pooling over wider windows brings them nearer. The papers of A. Bietti and J. Mairal (JMLR 2019,
NeurIPS 2019) bound these distances and draw them for CKNs and NTKs; here they are drawn for crops
of two photographs.
"""

# %%
# Crops of 32x32 pixels, moved by whole pixels to the right. The window moves over the photograph,
# so that no pixel is made up:

import matplotlib.pyplot as plt
import numpy as np
from scipy.ndimage import gaussian_filter, map_coordinates
from sklearn.datasets import load_sample_images

from ckn_rs import Layer, Model, compute_dist_to_ref

SIZE, STEPS, SHOWN = 32, 9, 5
photographs = [photo[::2, ::2] / 255.0 for photo in load_sample_images().images]
photographs = [photo - photo.mean(axis=(0, 1)) for photo in photographs]
corners = [(20, 60), (60, 130), (100, 200), (150, 90)]


def crop(photo, row, column):
    """A window of the photograph."""
    return photo[row : row + SIZE, column : column + SIZE]


shifts = np.arange(STEPS)
moved = [
    np.stack([crop(photo, row, column - shift) for shift in shifts])
    for photo in photographs
    for row, column in corners
]

# %%
# The same crops under a smooth random field of displacements, whose largest one grows to four
# pixels:

rng = np.random.default_rng(0)
fields = [gaussian_filter(rng.normal(size=(SIZE, SIZE)), 4) for _ in range(2)]
field = np.stack(fields) / np.hypot(*fields).max()
lengths = np.linspace(0, 4, STEPS)
rows_and_columns = np.indices((SIZE, SIZE))


def deform(photo, row, column, length):
    """The window of the photograph, seen through displacements of at most this length."""
    places = rows_and_columns + length * field + np.array([row, column])[:, None, None]
    return np.stack(
        [map_coordinates(channel, places, order=1) for channel in photo.T.swapaxes(1, 2)], -1
    )


deformed = [
    np.stack([deform(photo, row, column, length) for length in lengths])
    for photo in photographs
    for row, column in corners
]

# %%
# Four networks that differ in the pooling of their second layer only. ``compute_dist_to_ref``
# gives the three kernels in each distance from the reference, the first image of each row:

poolings = {
    "no pooling": {"pooling": "none"},
    "Gaussian, 2": {"pooling": "gaussian", "subsampling": 2},
    "Gaussian, 4": {"pooling": "gaussian", "subsampling": 4},
    "global": {"pooling": "global"},
}


def distances(sets, second, kernel, ntk):
    """The distances from the first image of each set, relative to its norm, averaged over sets."""
    sigma = {"sigma": 0.6} if kernel == "exp" else {}
    first = Layer(3, 2, kernel=kernel, **sigma)
    model = Model([first, Layer(3, kernel=kernel, **sigma, **second)])
    found = []
    for images in sets:
        k00, kxy, kyy = compute_dist_to_ref(images[0], images, model, ntk)
        found.append(np.sqrt(np.maximum(k00 - 2 * kxy + kyy, 0) / k00))
    return np.mean(found, axis=0)


kernels = {"CKN, exp": ("exp", False), "CKN, ReLU": ("relu", False), "NTK, ReLU": ("relu", True)}
series = {"pixels moved by": (shifts, moved), "largest displacement, pixels": (lengths, deformed)}

# %%
# The more a network pools, the less it minds where things are. The NTK of a network is less
# stable than its CKN:

figure = plt.figure(figsize=(11, 9.5), layout="constrained")
top, bottom = figure.subfigures(2, 1, height_ratios=[1, 2.6])
pictures = top.subplots(2, 5)
for row, (sets, name) in enumerate(((moved, "moved"), (deformed, "deformed"))):
    for ax, index in zip(pictures[row], range(0, STEPS, 2), strict=True):
        shown = sets[SHOWN][index] + 0.5
        ax.imshow(np.clip(shown, 0, 1))
        ax.set_title(f"{name} by {(shifts, lengths)[row][index]:g}", fontsize=9)
        ax.set_axis_off()
plots = bottom.subplots(2, 3, sharey="row", sharex="row")
for row, (label, (steps, sets)) in zip(plots, series.items(), strict=True):
    for ax, (title, kernel) in zip(row, kernels.items(), strict=True):
        for name, second in poolings.items():
            ax.plot(steps, distances(sets, second, *kernel), marker=".", label=name)
        ax.set(xlabel=label, title=title)
    row[0].set_ylabel("relative distance")
plots[0, 0].legend(fontsize=9)
for row in plots:
    row[0].set_ylim(bottom=0)
