"""What is wrong with a clustering: :func:`diagnose` and what it returns."""

from .explain.diagnosis import diagnose
from .explain.findings import Diagnosis, Finding

__all__ = ["Diagnosis", "Finding", "diagnose"]
