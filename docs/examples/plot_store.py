"""
A store that is killed and resumed
==================================

A large matrix is computed tile by tile into a store on disk. Here the job is killed by ``kill
-9``, as hard as a power cut. The same call goes on from the tiles that are finished, to the same
bits.
"""

# %%
# The images are crops of scikit-learn's photographs. The job is the command ``ckn-rs gram``, in a
# process of its own:

import subprocess
import sys
import tempfile
import time
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import ListedColormap
from sklearn.datasets import load_sample_images
from sklearn.feature_extraction.image import extract_patches_2d

from ckn_rs import compute_kernel_matrix, models, store

crops = [
    extract_patches_2d(photo, (24, 24), max_patches=300, random_state=0)
    for photo in load_sample_images().images
]
X = np.concatenate(crops).astype(np.float32) / 255
folder = Path(tempfile.mkdtemp())
np.save(folder / "images.npy", X)
command = ["-m", "ckn_rs", "gram", folder / "images.npy", "--out", folder / "K.zarr"]
options = ["--model", "exp_strided", "--tile", "60", "--threads", "1"]
job = subprocess.Popen([sys.executable, *command, *options], stdout=subprocess.DEVNULL)

# %%
# The store can be read while the job is at work. When a third of its tiles are there, the job is
# killed:


def finished():
    """The share of the tiles that are finished."""
    try:
        K = store.open_gram(folder / "K.zarr")
        return 1 - len(K.missing) / K.tiles
    except store.StoreError:
        return 0.0  # the job is about to make it


while finished() < 1 / 3 and job.poll() is None:
    time.sleep(0.02)
job.kill()
job.wait()

K = store.open_gram(folder / "K.zarr")
missing = K.missing
print(K)

# %%
# The same call, now from Python, computes what is missing. The result has the bits of a matrix in
# memory:

model = models.named("exp_strided")
K = store.compute_gram(folder / "K.zarr", X, model=model, tile=60)
assert np.array_equal(K, compute_kernel_matrix(X, model=model))
print(K)

# %%
# Of a symmetric matrix one triangle is stored. A job begins at a random tile, so that several jobs
# may share the work. The matrix is drawn normalised, so that both photographs are seen:

n = K.shape[0] // K.tile
done = np.full((n, n), np.nan)
done[np.triu_indices(n)] = 0
for row, column in missing:
    done[row, column] = 1

figure, axes = plt.subplots(1, 2, figsize=(10.5, 4.6), layout="constrained")
axes[0].imshow(done, cmap=ListedColormap(["C0", "C1"]), extent=(0, len(X), len(X), 0))
axes[0].set(title="tiles: before the kill (blue), after it (orange)")
lengths = np.sqrt(K.diagonal())
picture = axes[1].imshow(K / np.outer(lengths, lengths), cmap="magma")
axes[1].set(title="the matrix, normalised")
figure.colorbar(picture, ax=axes[1])
for ax in axes:
    ax.set_xlabel("image")
