"""Statistics of counts: arrays in, arrays out, without Arrow or inspection terms."""

from __future__ import annotations
