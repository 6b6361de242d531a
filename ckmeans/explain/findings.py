"""What ``diagnose`` returns."""

from __future__ import annotations

from typing import Any, NamedTuple

from .._show.tables import html_table

SEVERITIES = ("serious", "warning", "note")


class Finding(NamedTuple):
    """One objection."""

    code: str
    """Which check found it; see :func:`diagnose`."""
    severity: str
    """One of "serious" (the clusters mean little), "warning" and "note"."""
    message: str
    """What was seen, and the remedy."""
    details: dict[str, Any]
    """The numbers behind it; see :func:`diagnose`."""


class Diagnosis(tuple[Finding, ...]):
    """What :func:`diagnose` returns: a tuple of findings, the most severe first, and so false where there are none."""

    __slots__ = ()

    @property
    def codes(self) -> tuple[str, ...]:
        """Codes of the findings, in order."""
        return tuple(finding.code for finding in self)

    def __str__(self) -> str:
        return "\n".join(f"{each.severity}: {each.message} [{each.code}]" for each in self) or "nothing to object"

    def __repr__(self) -> str:
        return f"<Diagnosis: {', '.join(self.codes) or 'nothing to object'}>"

    def _repr_html_(self) -> str:
        if not self:
            return "<p>nothing to object</p>"
        return html_table(("severity", "code", "finding"), ((each.severity, each.code, each.message) for each in self))
