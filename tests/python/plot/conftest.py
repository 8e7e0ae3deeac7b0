"""Tests of pictures are left out where matplotlib is not installed."""

from importlib.util import find_spec

if find_spec("matplotlib") is None:
    collect_ignore_glob = ["test_*.py"]
