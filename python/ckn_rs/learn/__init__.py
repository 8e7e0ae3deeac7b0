"""What is learnt from kernel matrices."""
