"""Metadata of cases: the marks of synthetic cases and invented columns."""

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
    "with_kept_as_text",
]


SYNTHETIC, SYNTHETIC_ID = b"synthetic", "SYN-"
"""The metadata key that marks synthetic cases, and the prefix of their ids."""


def is_synthetic(metadata: Mapping[bytes, bytes] | None) -> bool:
    """Tell whether metadata mark the cases as synthetic."""
    return (metadata or {}).get(SYNTHETIC, b"false") not in (b"", b"false", b"no", b"0")


def merge_metadata(parts: Iterable[Mapping[bytes, bytes] | None]) -> dict[bytes, bytes]:
    """Keep the entries on which all parts agree; the whole is synthetic if any part is."""
    all_parts = [dict(part or {}) for part in parts]
    if not all_parts:
        return {}
    first, *rest = all_parts
    kept = {k: v for k, v in first.items() if all(part.get(k) == v for part in rest)}
    if SYNTHETIC not in kept and any(map(is_synthetic, all_parts)):
        kept[SYNTHETIC] = b"true"
    return kept


INVENTED = b"invented_columns"
"""The metadata key of invented columns: a JSON list of their names."""


def invented_columns(metadata: Mapping[bytes, bytes] | None) -> frozenset[str]:
    """List the columns that metadata mark as invented; none if the entry is unreadable."""
    try:
        found = json.loads((metadata or {}).get(INVENTED, b"[]"))
    except ValueError:
        return frozenset()
    return frozenset(map(str, found)) if isinstance(found, list) else frozenset()


def with_invented(
    metadata: Mapping[bytes, bytes] | None, columns: Iterable[str]
) -> dict[bytes, bytes]:
    """Return metadata that also mark these columns as invented."""
    names = sorted({*invented_columns(metadata), *columns})
    return {**(metadata or {}), INVENTED: json.dumps(names).encode()}


KEPT_AS_TEXT = b"kept_as_text"
"""The metadata key of columns of mixed types that were kept as text: a JSON list of names."""


def with_kept_as_text(
    metadata: Mapping[bytes, bytes], columns: Iterable[str]
) -> dict[bytes, bytes]:
    """Return metadata that also say which columns were kept as text."""
    names = list(columns)
    return {**metadata, **({KEPT_AS_TEXT: json.dumps(names).encode()} if names else {})}
