"""Helpers of all rooms: checked arguments, optional packages, files, tables, progress, SIGTERM."""
