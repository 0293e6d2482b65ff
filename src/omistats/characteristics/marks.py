"""How columns that were made up say so, among cases that may be real or made up themselves."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping

__all__ = ["INVENTED", "invented_columns", "with_invented"]

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
