"""What an inspection is: questions, strata, units and cases, over Arrow arrays."""

from __future__ import annotations
