"""Kernels of images in memory: matrices, pairs, norms and distances, and the original's API."""
