"""The published examples of good practice: an index of facts, and a reader of their text."""

from __future__ import annotations

from omistats.omi2.good_practice.index import load_good_practice
from omistats.omi2.good_practice.reading import read_good_practice

__all__ = ["load_good_practice", "read_good_practice"]
