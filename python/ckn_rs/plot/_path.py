"""The picture of accuracies along a path of regularisations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ckn_rs._support.arrays import as_reals
from ckn_rs._support.extras import import_extra
from ckn_rs.learn.ridge import Ridge
from ckn_rs.plot._axes import axes, colours

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ckn_rs.sklearn import KernelRidgeClassifierCV

LEFT_OUT, HELD_OUT = "left out", "held out"
"""The accuracies that choose a regularisation."""

MARKERS = "osD^vPX"


def path(
    fitted: Ridge | KernelRidgeClassifierCV | Mapping[str, ArrayLike],
    y: ArrayLike | None = None,
    ax: Axes | None = None,
    *,
    test: ArrayLike | None = None,
    lambdas: ArrayLike | None = None,
) -> Axes:
    """Draw accuracies along a path of regularisations.

    Parameters
    ----------
    fitted : Ridge, KernelRidgeClassifierCV, or mapping of str to array_like of shape (lambdas,)
        What :func:`ckn_rs.ridge.fit` returns: then the accuracies on the training images are drawn,
        by the fit to all of them and by the fits in which each is left out, or on those that were
        held out, where there are such. So they are of a fitted
        :class:`ckn_rs.sklearn.KernelRidgeClassifierCV`. Or names and their accuracies, from 0 to 1.
    y : array_like of shape (n,), optional
        The labels of the training images, for a Ridge.
    ax : matplotlib Axes, optional
        The place to draw in; by default that of a new figure.
    test : array_like of shape (lambdas,), optional
        Accuracies on test images, such as :meth:`ckn_rs.ridge.Ridge.accuracies` returns, which are
        drawn, too.
    lambdas : array_like of shape (lambdas,), optional
        The regularisations, for a mapping.

    Returns
    -------
    matplotlib Axes
        The Axes. A vertical line marks the regularisation that an estimator has chosen. Otherwise,
        where there are accuracies called ``left out`` or ``held out``, it marks the largest
        ``lambda`` at which they are best.

    Raises
    ------
    TypeError
        If ``fitted`` is something else.
    ValueError
        If ``y`` or ``lambdas`` are missing or not wanted, shapes do not fit, accuracies are not
        between 0 and 1, or a ``lambda`` is not above 0.
    ImportError
        If Matplotlib is not installed.

    Examples
    --------
    >>> from ckn_rs import plot
    >>> ax = plot.path({"left out": [0.8, 0.9, 0.7], "test": [0.7, 0.8, 0.6]}, lambdas=[0.1, 1, 10])
    >>> [line.get_label() for line in ax.get_lines()]
    ['left out', 'test', 'best left out: 1']
    """
    label = "lambda, a share of the diagonal's mean"
    chosen: tuple[str, float] | None = None
    if isinstance(fitted, Ridge):
        if y is None or lambdas is not None:
            raise ValueError("a Ridge needs y, the labels of the training images, and no lambdas")
        named, lambdas = _of_ridge(fitted, y), fitted.lambdas
    elif hasattr(fitted, "cv_results_"):
        if y is not None or lambdas is not None or not hasattr(fitted, "classes_"):
            raise ValueError("an estimator must be a classifier, and needs neither y nor lambdas")
        estimator: Any = fitted
        results, chosen = estimator.cv_results_, (LEFT_OUT, estimator.alpha_)
        named = {"train": results["train_score"], LEFT_OUT: results["left_out_score"]}
        lambdas, label = results["alpha"], "alpha, added to the diagonal"
    elif isinstance(fitted, Mapping):
        if y is not None or lambdas is None:
            raise ValueError("a mapping of accuracies needs lambdas, and no y")
        named = dict(fitted)
    else:
        raise TypeError(
            "fitted must be a Ridge, a fitted KernelRidgeClassifierCV or a mapping of accuracies, "
            f"got {type(fitted).__name__}"
        )
    if test is not None:
        named["test"] = test
    if not named:
        raise ValueError("fitted must have accuracies, got an empty mapping")
    steps = as_reals(lambdas if lambdas is not None else [], "lambdas").astype(np.float64)
    if steps.ndim != 1 or not steps.size or not (np.isfinite(steps) & (steps > 0)).all():
        raise ValueError("lambdas must be a sequence of finite numbers above 0")
    lines = {str(name): _shares(name, values, steps.shape) for name, values in named.items()}
    for name in (each for each in (LEFT_OUT, HELD_OUT) if chosen is None and each in lines):
        chosen = name, float(steps[lines[name] == lines[name].max()].max())
    ax = _draw(axes(ax, (6.0, 3.4)), steps, lines, chosen)
    ax.set_xlabel(label)
    return ax


def _draw(
    ax: Axes,
    lambdas: NDArray[Any],
    lines: Mapping[str, NDArray[Any]],
    chosen: tuple[str, float] | None,
) -> Axes:
    order = np.argsort(lambdas)
    palette = colours(len(lines))
    for index, (name, shares) in enumerate(lines.items()):
        ax.plot(
            lambdas[order],
            shares[order],
            label=name,
            color=palette[index],
            marker=MARKERS[index % len(MARKERS)],
            markersize=4,
        )
    if chosen is not None:
        name, best = chosen
        ax.axvline(best, color="0.5", linestyle=":", zorder=0, label=f"best {name}: {best:g}")
    ticker = import_extra("matplotlib.ticker", "plot", "ckn_rs.plot")
    ax.set_xscale("log")
    ax.set_ylabel("accuracy")
    ax.yaxis.set_major_formatter(ticker.PercentFormatter(1, symbol=" %"))
    ax.grid(axis="y", color="0.9")
    ax.legend(loc="center left", bbox_to_anchor=(1.02, 0.5), frameon=False)
    return ax


def _of_ridge(fitted: Ridge, y: ArrayLike) -> dict[str, ArrayLike]:
    labels, validation = np.asarray(y), fitted.validation(y)
    trained = np.ones(len(labels), np.bool_)
    trained[fitted.held] = False
    lines: dict[str, ArrayLike] = {
        "train": (fitted.fitted == labels)[:, trained].mean(axis=1),
    }
    if validation is not None:
        lines[HELD_OUT if len(fitted.held) else LEFT_OUT] = validation
    return lines


def _shares(name: str, values: ArrayLike, shape: tuple[int, ...]) -> NDArray[np.float64]:
    shares = as_reals(values, f"accuracies {name!r}").astype(np.float64)
    if shares.shape != shape:
        raise ValueError(
            f"accuracies {name!r} must have shape {shape}, one a lambda, got {shares.shape}"
        )
    if not ((shares >= 0) & (shares <= 1)).all():
        raise ValueError(f"accuracies {name!r} must be between 0 and 1")
    return shares
