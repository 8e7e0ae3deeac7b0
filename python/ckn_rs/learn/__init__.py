"""Learning from kernel matrices."""
