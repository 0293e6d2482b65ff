"""Model of an inspection: questions, strata, units and cases."""

from __future__ import annotations
