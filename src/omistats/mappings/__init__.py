"""Mappings: TOML files that say what the columns and codes of an export mean."""

from __future__ import annotations

from omistats._lazy import public_index

__getattr__, __dir__ = public_index(__name__, "__init__.pyi")
