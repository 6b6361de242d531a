"""Checked parameters to one call of the core, and many such calls."""
