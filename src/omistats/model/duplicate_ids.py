"""Detect repeated case ids in data that do not fit in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from omistats import _arrow
from omistats.errors import DataError, Problem, format_values

__all__ = ["DuplicateIdDetector", "digests"]


Digests = npt.NDArray[np.uint64]
Ids = Iterator[tuple[str, pa.Array]]

_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)
_HINT = "Drop the repeated rows or renumber the cases."


class DuplicateIdDetector:
    """Detector of ids that are repeated between parts; within a part they are unique.

    While the ids of each part lie above all earlier ones, nothing is stored. From the first part
    that breaks this order, a digest of 8 bytes per case is stored. Equal digests do not prove
    equal ids, so the ids themselves are then compared.

    Parameters
    ----------
    reread : callable or None
        Iterates over all ids again, with the names of their parts. None when they cannot be
        read again; digests are then stored from the beginning.
    """

    def __init__(self, reread: Callable[[], Ids] | None) -> None:
        self._reread = reread
        self._ascending = reread is not None
        self._highest: Any = None
        self._ordered_count = 0
        self._digests: list[Digests] = []
        self._parts: list[tuple[str, int]] = []

    def add(self, part: str, ids: pa.Array) -> bool:
        """Add the ids of one part.

        Returns
        -------
        bool
            False when digests repeat within the part, so that its ids must be compared.
        """
        if not len(ids):
            return True
        # Ascending ids are distinct, and the first and last are the smallest and largest.
        ascends = _arrow.ascending(ids)
        if self._ascending:
            lowest, highest = (ids[0].as_py(), ids[-1].as_py()) if ascends else _min_max(ids)
            if self._highest is None or lowest > self._highest:
                self._highest = highest
                self._ordered_count += len(ids)
                return ascends or not len(_repeated_values(digests(ids)))
            self._ascending = False
        part_digests = digests(ids)
        self._digests.append(part_digests)
        self._parts.append((part, len(ids)))
        return ascends or not len(_repeated_values(part_digests))

    def check(self) -> None:
        """Check that no id is repeated between parts.

        Raises
        ------
        DataError
            When ids are repeated; lists the ids and the parts that have them.
        """
        if not self._digests:
            return
        repeated = _repeated_values(np.concatenate([*self._ordered_digests(), *self._digests]))
        if len(repeated):
            if self._reread is None:
                raise self._suspected(repeated)
            self._compare_ids(repeated)

    def _ordered_digests(self) -> Iterator[Digests]:
        """Compute the digests of the ids that came in order, which were not stored."""
        left = self._ordered_count
        if not left or self._reread is None:
            return
        for _, ids in self._reread():
            yield digests(ids[:left])
            left -= len(ids)
            if left <= 0:
                return

    def _compare_ids(self, repeated: Digests) -> None:
        assert self._reread is not None  # noqa: S101 - tells the type checker
        seen: dict[Any, list[str]] = {}
        for part, ids in self._reread():
            # kind="table" of older NumPy overflows on digests of 2**63 and more.
            same = np.isin(digests(ids), repeated, kind="sort")
            for id in ids.filter(pa.array(same)).to_pylist():
                seen.setdefault(id, []).append(part)
        twice = {id: parts for id, parts in seen.items() if len(parts) > 1}
        if twice:
            first = [f"{id!r} in {' and '.join(twice[id])}" for id in sorted(twice)[:5]]
            more = len(twice) - len(first)
            found = f"more than once: {'; '.join(first)}" + (f"; and {more} more" if more else "")
            rule = "ids must be unique over all parts"
            raise DataError([Problem("case_id", rule, found, _HINT)])

    def _suspected(self, repeated: Digests) -> DataError:
        """Describe equal digests of ids that cannot be read again."""
        parts = [
            name
            for (name, _), part_digests in zip(self._parts, self._digests, strict=True)
            if np.isin(part_digests, repeated, kind="sort").any()
        ]
        found = (
            f"{len(repeated)} that seem to be repeated (equal 64-bit digests, whose ids cannot be "
            f"read again to compare them), in {format_values(parts)}"
        )
        hint = f"{_HINT} Or read from files, so that the ids can be compared."
        rule = "ids must be unique over all parts"
        return DataError([Problem("case_id", rule, found, hint)])


def _min_max(ids: pa.Array) -> tuple[Any, Any]:
    import pyarrow.compute as pc

    ends = pc.min_max(ids)
    return ends["min"].as_py(), ends["max"].as_py()


def _repeated_values(part_digests: Digests) -> Digests:
    """List the digests that occur more than once."""
    ordered = np.sort(part_digests)
    return np.unique(ordered[1:][ordered[1:] == ordered[:-1]])


def digests(ids: pa.Array) -> Digests:
    """Compute a 64-bit digest of each id: a whole number itself, a hash of text.

    Parameters
    ----------
    ids : pyarrow.Array
        Whole numbers or text, without nulls.

    Returns
    -------
    ndarray of uint64, shape (ids,)
        Equal for equal ids, and rarely equal for different ones.
    """
    if pa.types.is_integer(ids.type):
        numbers: Digests = ids.to_numpy(zero_copy_only=False).astype(np.int64).view(np.uint64)
        return numbers
    wide = pa.types.is_large_string(ids.type)
    _, offsets, values = ids.buffers()
    ends = np.frombuffer(offsets, np.int64 if wide else np.int32)
    ends = ends[ids.offset : ids.offset + len(ids) + 1].astype(np.int64)
    begin, lengths = ends[:-1], np.diff(ends)
    # Words of eight bytes are read at any offset, so the text is padded by eight bytes.
    base, stop = (int(ends[0]), int(ends[-1])) if len(ends) else (0, 0)
    text = memoryview(values)[base:stop] if values is not None else b""
    octets = b"".join([text, b"\0" * 8])
    words: Digests = np.ndarray((len(octets) - 7,), "<u8", octets, strides=(1,))
    found = lengths.astype(np.uint64) * _MULTIPLIER
    rows = np.arange(len(ids))
    for at in range(0, int(lengths.max(initial=0)), 8):
        rows = rows[lengths[rows] > at] if at else rows[lengths > 0]
        left = lengths[rows] - at
        word = words[begin[rows] - base + at]
        short = left < 8
        bits = (np.where(short, left, 7) * 8).astype(np.uint64)
        word = np.where(short, word & ((np.uint64(1) << bits) - np.uint64(1)), word)
        mixed = (found[rows] ^ word) * _MULTIPLIER
        found[rows] = mixed ^ (mixed >> np.uint64(32))
    found *= _MULTIPLIER
    return found ^ (found >> np.uint64(29))
