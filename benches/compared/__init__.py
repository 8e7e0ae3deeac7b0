"""The models, images and programs that ``side_by_side.py`` times."""
