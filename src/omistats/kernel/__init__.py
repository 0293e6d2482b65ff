"""Numbers only: arrays in, arrays out; no Arrow and no word of the domain."""

from __future__ import annotations
