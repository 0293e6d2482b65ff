"""HM Inspectorate of Probation's second Offender Management Inspection, 2009-12."""

from __future__ import annotations

from omistats._lazy import public_index

__getattr__, __dir__ = public_index(__name__, "__init__.pyi")
