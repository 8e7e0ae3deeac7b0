"""Gaussian processes with a kernel matrix, and wide networks trained by gradient flow."""

from ckn_rs.learn.gp_flow import Gaussian, GradientFlow, gradient_flow
from ckn_rs.learn.gp_posterior import Posterior, posterior

__all__ = ["Gaussian", "GradientFlow", "Posterior", "gradient_flow", "posterior"]
