"""The result table: Arrow inside, any data frame out."""

from __future__ import annotations

from omistats.findings.table import Findings

__all__ = ["Findings"]
