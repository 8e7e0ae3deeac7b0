"""Kernel ridge regression over a path of regularisations, from one factorisation."""

from ckn_rs.learn.classifier import Classifier
from ckn_rs.learn.ridge import LAMBDAS, OFFSET, Ridge, fit

__all__ = ["LAMBDAS", "OFFSET", "Classifier", "Ridge", "fit"]
