"""Statistics of inspection case assessments."""

from __future__ import annotations

from omistats._lazy import public_index

__version__ = "0.1.0"

__getattr__, __dir__ = public_index(__name__, "__init__.pyi")
