"""Kernel ridge regression over a path of regularisations, by a solver that fits the machine."""

from ckn_rs.learn.classifier import Classifier
from ckn_rs.learn.ridge import LAMBDAS, OFFSET, Ridge, fit
from ckn_rs.learn.solvers import Choice

__all__ = ["LAMBDAS", "OFFSET", "Choice", "Classifier", "Ridge", "fit"]
