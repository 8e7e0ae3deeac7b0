"""Kernels averaged over the mirror images of both images.

``k'(x, y)`` is the mean of ``k(ax, by)`` over ``a`` and ``b`` that are the identity or the flip
``f``, which reverses columns. If ``k(fx, fy) = k(x, y)``, it is the mean of ``k(x, y)`` and
``k(x, fy)``; otherwise that of four kernels. The images are flipped, so that any plan can compute
them.

Kernels are divided before they are added, and added in one order. So the bits of an entry depend on
its two images alone, and a symmetric matrix stays symmetric.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ckn_rs import _core
from ckn_rs._support.arrays import Floats
from ckn_rs._support.images import blocks
from ckn_rs.compute.mirror import has_mirror_symmetry

FLIP = "flip"

BYTES = 1 << 25
"""How many bytes a block of kernels of flipped images may have; two are held beside the matrix."""

LEAST_ROWS = 32
"""Threads work on tiles of at least so many rows."""

SHARES = 16
"""A symmetric matrix is divided into so many blocks of rows. For each of them a square on the
diagonal is computed whole, where a triangle would do."""

Operand: TypeAlias = tuple[Floats, Floats | None]
"""Images as a plan takes them, and their patch norms if these are known."""

Progress: TypeAlias = Callable[[int], object]


def as_augment(augment: object) -> str | None:
    """None or ``'flip'``.

    Raises
    ------
    ValueError
        If it is anything else.
    """
    if augment is None or (isinstance(augment, str) and augment == FLIP):
        return augment
    raise ValueError(f"augment must be None or 'flip', got {augment!r}")


def augmented(plan: _core.Plan, augment: object) -> AnyPlan:
    """The plan itself or, for ``'flip'``, the one of the kernel averaged over flips.

    Raises
    ------
    ValueError
        If ``augment`` is neither None nor ``'flip'``.
    """
    return plan if as_augment(augment) is None else FlipAveraged(plan)


def kernel_name(ntk: bool, augment: str | None) -> str:
    """What a kernel is, in a few words.

    Examples
    --------
    >>> kernel_name(False, None), kernel_name(True, "flip")
    ('CKN', 'NTK averaged over flips')
    """
    name = "NTK" if ntk else "CKN"
    return name if augment is None else f"{name} averaged over {augment}s"


def flipped(images: Floats) -> Floats:
    """Images ``(n, h, w, c)`` with their columns reversed, as a plan takes them."""
    return np.ascontiguousarray(images[:, :, ::-1])


class Sides(NamedTuple):
    """Images and their mirror images, each with norms or None."""

    plain: Operand
    mirrored: Operand

    def part(self, which: slice) -> Sides:
        """Some of the images."""
        return Sides(*((x[which], None if n is None else n[which]) for x, n in self))


class FlipAveraged:
    """A plan of the kernel averaged over flips, with the methods of :class:`_core.Plan`.

    Parameters
    ----------
    plan : Plan
        The plan of the kernel itself.
    """

    def __init__(self, plan: _core.Plan) -> None:
        self._plan = plan
        self.kernels = 2 if has_mirror_symmetry(plan) else 4
        """How many kernels make one."""

    @property
    def kind(self) -> str:
        """That of the plan, as all properties are."""
        return self._plan.kind

    @property
    def shape(self) -> tuple[int, int, int]:
        """Height, width and channels of an image."""
        return self._plan.shape

    @property
    def model(self) -> dict[str, Any]:
        """The model, every key filled in."""
        return self._plan.model

    @property
    def layers(self) -> list[dict[str, Any]]:
        """The layers with their geometry."""
        return self._plan.layers

    @property
    def norms_len(self) -> int:
        """The number of an image's patch norms."""
        return self._plan.norms_len

    @property
    def gradients(self) -> int:
        """The number of derivatives of an entry."""
        return self._plan.gradients

    def norms(
        self,
        images: NDArray[Any],
        out: NDArray[Any],
        *,
        n_threads: int | None = None,
        progress: Progress | None = None,
    ) -> None:
        """Patch norms of the images themselves, not of their mirror images."""
        self._plan.norms(images, out, n_threads=n_threads, progress=progress)

    def gram(
        self,
        first: Operand,
        second: Operand | None,
        out: Sequence[NDArray[Any]],
        *,
        n_threads: int | None = None,
        progress: Progress | None = None,
    ) -> None:
        """The matrix, as :meth:`_core.Plan.gram` has it.

        The kernels of the images themselves come first, from one call, which checks all arguments.
        The others are added a block of rows at a time; of one set of images right of the diagonal.
        """
        one_set, share = second is None, 1 / self.kernels
        n, m = out[0].shape[:2]
        rows = list(blocks(n, self._rows(out, one_set)))
        starts = [block.start if one_set else 0 for block in rows]
        areas = [
            (block.stop - block.start) * (m - start)
            for block, start in zip(rows, starts, strict=True)
        ]
        pairs = n * (n + 1) // 2 if one_set else n * m
        count = _Count(progress, pairs, pairs + (self.kernels - 1) * sum(areas))
        self._plan.gram(first, second, out, n_threads=n_threads, progress=count.from_here(pairs))
        left = self._sides(first, n_threads)
        right = left if second is None else self._sides(second, n_threads)
        for block, start in zip(rows, starts, strict=True):
            rest = self._others(
                left.part(block), right.part(slice(start, None)), out, n_threads, count
            )
            for K, added in zip(out, rest, strict=True):
                if one_set:
                    _mirror_square(added)
                K[block, start:] *= share
                K[block, start:] += added
                if one_set:
                    K[block.stop :, block] = K[block, block.stop :].swapaxes(0, 1)

    def pairs(
        self,
        images: NDArray[Any],
        left: NDArray[Any],
        right: NDArray[Any],
        out: Sequence[NDArray[Any]],
        *,
        n_threads: int | None = None,
    ) -> None:
        """The kernels of listed pairs, as :meth:`_core.Plan.pairs` has them."""
        n, count, share = len(images), len(left), 1 / self.kernels
        lefts, rights = [left, left], [right, right + n]
        if self.kernels == 4:
            lefts, rights = [*lefts, right, left + n], [*rights, left + n, right + n]
        each: list[Floats] = [np.empty((len(lefts) * count, *K.shape[1:]), K.dtype) for K in out]
        self._plan.pairs(
            np.concatenate([images, flipped(images)]),
            np.concatenate(lefts),
            np.concatenate(rights),
            each,
            n_threads=n_threads,
        )
        for K, values in zip(out, each, strict=True):
            own, *others = share * values.reshape(len(lefts), count, *K.shape[1:])
            K[...] = own + sum(others[1:], start=others[0])

    def _rows(self, out: Sequence[NDArray[Any]], one_set: bool) -> int:
        """The rows of a block."""
        rows = BYTES // max(1, sum(K[:1].nbytes for K in out))
        if one_set:
            rows = min(rows, len(out[0]) // SHARES)
        return max(LEAST_ROWS, rows - rows % LEAST_ROWS)

    def _sides(self, operand: Operand, n_threads: int | None) -> Sides:
        """Images and mirror images with the norms that are needed. A gradient takes no norms."""
        images, norms = operand
        mirrored = flipped(images)
        if self.gradients:
            return Sides((images, None), (mirrored, None))
        if norms is None:
            norms = self._norms_of(images, n_threads)
        return Sides((images, norms), (mirrored, self._norms_of(mirrored, n_threads)))

    def _norms_of(self, images: Floats, n_threads: int | None) -> Floats:
        norms: Floats = np.zeros((len(images), self.norms_len), images.dtype)
        self.norms(images, norms, n_threads=n_threads)
        return norms

    def _others(
        self,
        left: Sides,
        right: Sides,
        like: Sequence[NDArray[Any]],
        n_threads: int | None,
        count: _Count,
    ) -> list[Floats]:
        """The kernels of a block with mirror images, summed, with their share."""
        n, m, share = len(left.plain[0]), len(right.plain[0]), 1 / self.kernels
        total: list[Floats] = []
        terms = [(left.plain, right.mirrored, False)]
        if self.kernels == 4:
            # k(y, fx) and not k(fx, y): on the diagonal this is the first term, transposed.
            terms += [(right.plain, left.mirrored, True), (left.mirrored, right.mirrored, False)]
        for one, other, transposed in terms:
            term: list[Floats] = [np.empty((n, m, *K.shape[2:]), K.dtype) for K in like]
            views = [K.swapaxes(0, 1) for K in term] if transposed else term
            self._plan.gram(one, other, views, n_threads=n_threads, progress=count.from_here(n * m))
            for K in term:
                K *= share
            if total:
                for K, more in zip(total, term, strict=True):
                    K += more
            else:
                total = term
        return total


AnyPlan: TypeAlias = _core.Plan | FlipAveraged
"""What computes kernels: a plan of the core, or an average of its kernels."""


def kernels_of(plan: AnyPlan) -> int:
    """How many kernels of the core make one of this plan."""
    return plan.kernels if isinstance(plan, FlipAveraged) else 1


class _Count:
    """Pairs done, of calls that compute several kernels for each.

    Parameters
    ----------
    progress : callable or None
        Called with the number of pairs done.
    pairs : int
        Their number at the end.
    kernels : int
        How many kernels all calls compute.
    """

    def __init__(self, progress: Progress | None, pairs: int, kernels: int) -> None:
        self._progress, self._pairs, self._kernels = progress, pairs, kernels
        self._done = 0

    def from_here(self, kernels: int) -> Progress | None:
        """The callback of the next call, which computes so many kernels."""
        report, before = self._progress, self._done
        self._done += kernels
        if report is None:
            return None
        return lambda done: report(self._pairs * (before + done) // self._kernels)


def _mirror_square(K: Floats) -> None:
    """Copy the upper triangle of the square at the left to its lower one."""
    square = K[:, : len(K)]
    i, j = np.tril_indices(len(K), -1)
    square[i, j] = square[j, i]
