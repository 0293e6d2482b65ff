"""Inspection programmes as folders of data: load one by name or path."""

from __future__ import annotations

from omistats._lazy import public_index

__getattr__, __dir__ = public_index(__name__, "__init__.pyi")
