"""What ``side_by_side.py`` times: models and images, our programs and the others."""
