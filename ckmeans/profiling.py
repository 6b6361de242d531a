"""What sets clusters apart: :func:`profile` and what it returns."""

from .explain.profiling import Profile, profile

__all__ = ["Profile", "profile"]
