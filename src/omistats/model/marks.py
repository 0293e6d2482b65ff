"""How made-up cases say that they are."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["SYNTHETIC", "SYNTHETIC_ID", "is_synthetic"]

SYNTHETIC, SYNTHETIC_ID = b"synthetic", "SYN-"
"""The key of the metadata, and the head of every id."""


def is_synthetic(metadata: Mapping[bytes, bytes] | None) -> bool:
    """Tell whether metadata say that the cases are made up."""
    return (metadata or {}).get(SYNTHETIC, b"false") not in (b"", b"false", b"no", b"0")
