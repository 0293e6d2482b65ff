"""Whether an id stands for one case only, in more cases than fit in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from omistats import _arrow
from omistats.errors import DataError, Problem, format_values

__all__ = ["DuplicateIdDetector", "digests", "repeated_values"]


Keys = npt.NDArray[np.uint64]
Ids = Iterator[tuple[str, pa.Array]]

_MIX = np.uint64(0x9E3779B97F4A7C15)
_HINT = "Drop the repeated rows or number the cases afresh."


class DuplicateIdDetector:
    """Watches ids go by, part by part; within a part they are known to be distinct.

    While every part's ids lie above all before them nothing is kept. From the first part that
    breaks the order 8 bytes a case are, a digest of the id. Two equal digests are no proof, so
    that ids are then looked at themselves.

    Parameters
    ----------
    again : callable or None
        Goes through all ids again, with the names of their parts; None where that cannot
        be done, so that digests are kept from the beginning.
    """

    def __init__(self, again: Callable[[], Ids] | None) -> None:
        self._again = again
        self._ordered = again is not None
        self._highest: Any = None
        self._passed = 0
        self._keys: list[Keys] = []
        self._parts: list[tuple[str, int]] = []

    def add(self, part: str, ids: pa.Array) -> bool:
        """Take in the ids of one part.

        Returns
        -------
        bool
            False where digests repeat within the part, whose ids are then to be looked at.
        """
        if not len(ids):
            return True
        # Ids that ascend are distinct, and the first and the last of them are the extremes.
        ascends = _arrow.ascending(ids)
        if self._ordered:
            lowest, highest = (ids[0].as_py(), ids[-1].as_py()) if ascends else _extremes(ids)
            if self._highest is None or lowest > self._highest:
                self._highest = highest
                self._passed += len(ids)
                return ascends or not len(repeated_values(digests(ids)))
            self._ordered = False
        keys = digests(ids)
        self._keys.append(keys)
        self._parts.append((part, len(ids)))
        return ascends or not len(repeated_values(keys))

    def check(self) -> None:
        """Refuse ids that stand for several cases.

        Raises
        ------
        DataError
            With the ids and the parts they are in.
        """
        if not self._keys:
            return
        repeated = repeated_values(np.concatenate([*self._passed_keys(), *self._keys]))
        if len(repeated):
            if self._again is None:
                raise self._unsure(repeated)
            self._look_closer(repeated)

    def _passed_keys(self) -> Iterator[Keys]:
        """Digest the ids that came in order, which were not kept."""
        left = self._passed
        if not left or self._again is None:
            return
        for _, ids in self._again():
            yield digests(ids[:left])
            left -= len(ids)
            if left <= 0:
                return

    def _look_closer(self, repeated: Keys) -> None:
        assert self._again is not None  # noqa: S101 - tells the type checker
        seen: dict[Any, list[str]] = {}
        for part, ids in self._again():
            # Older NumPy's tables of values overflow on digests from 2**63 on.
            same = np.isin(digests(ids), repeated, kind="sort")
            for id in ids.filter(pa.array(same)).to_pylist():
                seen.setdefault(id, []).append(part)
        twice = {id: parts for id, parts in seen.items() if len(parts) > 1}
        if twice:
            first = [f"{id!r} in {' and '.join(twice[id])}" for id in sorted(twice)[:5]]
            more = len(twice) - len(first)
            found = f"more than once: {'; '.join(first)}" + (f"; and {more} more" if more else "")
            rule = "an id stands for one case, in all parts together"
            raise DataError([Problem("case_id", rule, found, _HINT)])

    def _unsure(self, repeated: Keys) -> DataError:
        """Say what can be said of ids that have gone by."""
        parts = [
            name
            for (name, _), keys in zip(self._parts, self._keys, strict=True)
            if np.isin(keys, repeated, kind="sort").any()
        ]
        found = (
            f"{len(repeated)} that seem to stand more than once (equal digests of 64 bits; "
            f"the ids themselves have gone by), in {format_values(parts)}"
        )
        hint = f"{_HINT} Or read from files, which can be looked at again."
        rule = "an id stands for one case, in all parts together"
        return DataError([Problem("case_id", rule, found, hint)])


def _extremes(ids: pa.Array) -> tuple[Any, Any]:
    import pyarrow.compute as pc

    ends = pc.min_max(ids)
    return ends["min"].as_py(), ends["max"].as_py()


def repeated_values(keys: Keys) -> Keys:
    """List the digests that stand more than once."""
    ordered = np.sort(keys)
    return np.unique(ordered[1:][ordered[1:] == ordered[:-1]])


def digests(ids: pa.Array) -> Keys:
    """Digest ids to 64 bits each: whole numbers to themselves, text to a hash.

    Parameters
    ----------
    ids : pyarrow.Array
        Whole numbers, or text of one array type; no nulls.

    Returns
    -------
    ndarray of uint64, shape (ids,)
        Equal where the ids are; rarely equal where they are not.
    """
    if pa.types.is_integer(ids.type):
        numbers: Keys = ids.to_numpy(zero_copy_only=False).astype(np.int64).view(np.uint64)
        return numbers
    wide = pa.types.is_large_string(ids.type)
    _, offsets, values = ids.buffers()
    ends = np.frombuffer(offsets, np.int64 if wide else np.int32)
    ends = ends[ids.offset : ids.offset + len(ids) + 1].astype(np.int64)
    begin, lengths = ends[:-1], np.diff(ends)
    # Eight bytes are read at a time, from any place, beyond the end as well.
    base, stop = (int(ends[0]), int(ends[-1])) if len(ends) else (0, 0)
    text = memoryview(values)[base:stop] if values is not None else b""
    octets = b"".join([text, b"\0" * 8])
    words: Keys = np.ndarray((len(octets) - 7,), "<u8", octets, strides=(1,))
    found = lengths.astype(np.uint64) * _MIX
    rows = np.arange(len(ids))
    for at in range(0, int(lengths.max(initial=0)), 8):
        rows = rows[lengths[rows] > at] if at else rows[lengths > 0]
        left = lengths[rows] - at
        word = words[begin[rows] - base + at]
        short = left < 8
        bits = (np.where(short, left, 7) * 8).astype(np.uint64)
        word = np.where(short, word & ((np.uint64(1) << bits) - np.uint64(1)), word)
        mixed = (found[rows] ^ word) * _MIX
        found[rows] = mixed ^ (mixed >> np.uint64(32))
    found *= _MIX
    return found ^ (found >> np.uint64(29))
