"""Data sets of pyarrow: what is asked of their files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from copy import copy
from typing import Any

from omistats.errors import DataError, Problem, shown

__all__ = ["check_fragment", "scan_options"]


def scan_options(source: Any) -> dict[str, Any]:
    """Say to check the checksums of pages, of a data set that is all of Parquet."""
    formats = list(_formats(source))
    if not formats or any(type(f).__name__ != "ParquetFileFormat" for f in formats):
        return {}
    options = formats[0].default_fragment_scan_options
    secret = ("parquet_decryption_config", "decryption_properties")
    if any(getattr(options, name, None) is not None for name in secret):
        return {}  # copies lose the keys
    options = copy(options)
    options.page_checksum_verification = True
    return {"fragment_scan_options": options}


def _formats(source: Any) -> Iterator[Any]:
    """List the formats of a data set and of those it consists of; None is one in memory."""
    if children := getattr(source, "children", ()):
        for child in children:
            yield from _formats(child)
    else:
        yield getattr(source, "format", None)


def check_fragment(name: str, fragment: Any, columns: Sequence[str]) -> None:
    """Refuse a file without some column, which a data set takes for one of nulls."""
    from pyarrow.dataset import get_partition_keys

    said = get_partition_keys(fragment.partition_expression)
    if missing := sorted({*columns} - {*fragment.physical_schema.names, *said}):
        rule, hint = "every file has every column", "Add it, all null if nothing is known."
        raise DataError([Problem(f"{name}: {shown(missing)}", rule, "no such column", hint)])
