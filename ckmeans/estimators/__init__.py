"""The estimators, one file each, and ``functions`` for those who need none."""
