"""What every room needs: checked arguments, optional packages, tables, progress."""
