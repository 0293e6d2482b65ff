"""Synthetic and invented flags, merge_metadata (one copy)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping

__all__ = [
    "INVENTED",
    "SYNTHETIC",
    "SYNTHETIC_ID",
    "invented_columns",
    "is_synthetic",
    "merge_metadata",
    "with_invented",
]


SYNTHETIC, SYNTHETIC_ID = b"synthetic", "SYN-"
"""The key of the metadata, and the head of every id."""


def is_synthetic(metadata: Mapping[bytes, bytes] | None) -> bool:
    """Tell whether metadata say that the cases are made up."""
    return (metadata or {}).get(SYNTHETIC, b"false") not in (b"", b"false", b"no", b"0")


def merge_metadata(parts: Iterable[Mapping[bytes, bytes] | None]) -> dict[bytes, bytes]:
    """Keep what all parts say of themselves, and that cases are made up if any part does."""
    every = [dict(part or {}) for part in parts]
    if not every:
        return {}
    kept = {k: v for k, v in every[0].items() if all(part.get(k) == v for part in every[1:])}
    if SYNTHETIC not in kept and any(map(is_synthetic, every)):
        kept[SYNTHETIC] = b"true"
    return kept


INVENTED = b"invented_columns"
"""The key of the metadata: a JSON list of names of columns."""


def invented_columns(metadata: Mapping[bytes, bytes] | None) -> frozenset[str]:
    """Name the columns that metadata say are invented; none where they say nothing readable."""
    try:
        found = json.loads((metadata or {}).get(INVENTED, b"[]"))
    except ValueError:
        return frozenset()
    return frozenset(map(str, found)) if isinstance(found, list) else frozenset()


def with_invented(
    metadata: Mapping[bytes, bytes] | None, columns: Iterable[str]
) -> dict[bytes, bytes]:
    """Give the same metadata, which say of these columns too that they are invented."""
    names = sorted({*invented_columns(metadata), *columns})
    return {**(metadata or {}), INVENTED: json.dumps(names).encode()}
