"""The version, from the metadata of the installed package or, in a checkout, from pyproject.toml's reader."""

__version__ = "0.1.0"
