"""How made-up cases say that they are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

__all__ = ["SYNTHETIC", "SYNTHETIC_ID", "agreed", "is_synthetic"]

SYNTHETIC, SYNTHETIC_ID = b"synthetic", "SYN-"
"""The key of the metadata, and the head of every id."""


def is_synthetic(metadata: Mapping[bytes, bytes] | None) -> bool:
    """Tell whether metadata say that the cases are made up."""
    return (metadata or {}).get(SYNTHETIC, b"false") not in (b"", b"false", b"no", b"0")


def agreed(parts: Iterable[Mapping[bytes, bytes] | None]) -> dict[bytes, bytes]:
    """Keep what all parts say of themselves, and that cases are made up if any part does."""
    every = [dict(part or {}) for part in parts]
    if not every:
        return {}
    kept = {k: v for k, v in every[0].items() if all(part.get(k) == v for part in every[1:])}
    if SYNTHETIC not in kept and any(map(is_synthetic, every)):
        kept[SYNTHETIC] = b"true"
    return kept
