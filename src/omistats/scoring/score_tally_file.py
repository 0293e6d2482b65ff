"""Sums over cases in a file: a tidy Arrow table, and what is needed to read it back whole."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import attrs
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from omistats.breakdowns.groups import GroupSpec
from omistats.counting.tally_file import FileFormat, read_stored, refused, write_stored
from omistats.errors import DataError, Problem, UsageError, format_values
from omistats.model.framework import Framework
from omistats.scoring.groups import domains_of
from omistats.scoring.sums import scored_items

__all__ = ["KIND", "SCHEMA", "Parts", "read_parts", "write_parts"]


Counts = npt.NDArray[np.int64]

_ANEW = "Make the sums anew from the cases with score_tally."

KIND = FileFormat(
    b"omistats.score_tally", 1, "a file of sums over cases", "ScoreTally.write", _ANEW
)
"""Of the file."""

_LABELS = ("unit", "breakdown", "group", "item")
_SUMS = ("k", "n", "kk", "kn", "nn")

SCHEMA = pa.schema(
    [
        *((name, pa.string()) for name in _LABELS),
        *((name, pa.int64()) for name in ("cases", *_SUMS)),
    ]
)
"""The columns of the file."""


@attrs.frozen(eq=False)
class Parts:
    """What a file holds; see `omistats.scoring.score_tally.ScoreTally`.

    Attributes
    ----------
    framework : str
        Its name.
    feeds : mapping of str to tuple of str
        The questions of each item.
    """

    framework: str
    units: tuple[str, ...]
    cases: Counts
    feeds: Mapping[str, tuple[str, ...]]
    splits: tuple[GroupSpec, ...]
    complement: Literal["all", "known"]
    moments: Counts
    metadata: Mapping[bytes, bytes]


def write_parts(path: Path, parts: Parts) -> None:
    """Write a row a unit, group and item; everything else is in the schema's metadata."""
    said = {
        "framework": parts.framework,
        "items": parts.feeds,
        "breakdowns": [attrs.asdict(split) for split in parts.splits],
        "complement": parts.complement,
    }
    each = parts.moments.shape[1] * parts.moments.shape[2]
    labels = _labels(parts.units, tuple(parts.feeds), parts.splits)
    sums = (pa.array(np.ascontiguousarray(x).ravel()) for x in np.moveaxis(parts.moments, -1, 0))
    arrays = [*labels, pa.array(np.repeat(parts.cases, each)), *sums]
    table = pa.Table.from_arrays(arrays, schema=SCHEMA)
    write_stored(path, KIND, said, parts.metadata, table)


def read_parts(path: Path, framework: Framework) -> Parts:
    """Read what was written, for the framework that it was made with.

    Raises
    ------
    DataError
        When it is not all there, is something else, or is of another framework.
    """
    stored = read_stored(path, KIND)
    said = _said(path, stored.said)
    _check_framework(path, said, framework)
    found = _sums(stored.table, said)
    if found is None:
        text = f"{stored.table.num_rows:,} rows that are not those written"
        raise refused(path, "the rows of every unit, group and item", text, _ANEW)
    units, cases, moments = found
    of = said["items"], said["breakdowns"], said["complement"]
    return Parts(framework.name, units, cases, *of, moments, stored.metadata)


def _sums(
    table: pa.Table, said: Mapping[str, Any]
) -> tuple[tuple[str, ...], Counts, Counts] | None:
    """Take units, cases and moments out of rows; None if these are not all the rows written."""
    feeds, splits = said["items"], said["breakdowns"]
    if not table.schema.equals(SCHEMA):
        return None
    width, numbers = len(domains_of(splits)), table.select(["unit", "item", "cases", *_SUMS])
    each = width * len(feeds)
    units = tuple(table["unit"][::each].to_pylist())
    if table.num_rows != each * len(units) or any(c.null_count for c in numbers.columns):
        return None
    expected = pa.Table.from_arrays(_labels(units, tuple(feeds), splits), names=list(_LABELS))
    if not table.select(list(_LABELS)).equals(expected):
        return None
    of_rows, *sums = (table[name].to_numpy() for name in ("cases", *_SUMS))
    moments = np.stack(sums, axis=-1).reshape(len(units), width, len(feeds), len(_SUMS))
    cases = np.ascontiguousarray(of_rows[::each])
    if not (np.repeat(cases, each) == of_rows).all():
        return None
    return units, cases, moments


def _said(path: Path, said: Mapping[str, Any]) -> dict[str, Any]:
    """Read what a file says of itself."""
    try:
        splits = [
            GroupSpec(s["key"], tuple(s["groups"]), s["contrast"]) for s in said["breakdowns"]
        ]
        feeds = {str(id): tuple(questions) for id, questions in said["items"].items()}
        words = (said["complement"], *(s.contrast for s in splits))
        if not set(words[:1]) <= {"all", "known"} or not set(words[1:]) <= {
            "groups",
            "complement",
        }:
            raise ValueError(f"found {format_values(words)}")
        return {
            "framework": said["framework"],
            "items": feeds,
            "breakdowns": tuple(splits),
            "complement": said["complement"],
        }
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        rule = "metadata that describe the sums"
        found = f"{type(error).__name__}: {error}"
        raise refused(path, rule, found, _ANEW) from error


def _check_framework(path: Path, said: Mapping[str, Any], framework: Framework) -> None:
    """Refuse a framework whose items are not those that were summed."""
    hint = "Pass the framework of the cases, or make the sums anew."
    problems = []
    if said["framework"] != framework.name:
        rule = f"sums of the framework {said['framework']!r}"
        problems.append(Problem(str(path), rule, repr(framework.name), hint))
    try:
        now = {s.item.id: s.questions for s in scored_items(framework, said["items"])}
    except UsageError as error:
        problems.append(Problem(str(path), "items of the framework", str(error), hint))
    else:
        if now != said["items"] or list(now) != list(said["items"]):
            apart = [id for id in now if now[id] != said["items"][id]] or list(now)
            rule = "each item has the questions, and the place, that it had"
            problems.append(
                Problem(str(path), rule, f"other ones for {format_values(apart)}", hint)
            )
    if problems:
        raise DataError(problems)


def _labels(
    units: Sequence[str], items: Sequence[str], splits: tuple[GroupSpec, ...]
) -> list[pa.Array]:
    """Say of each row which unit, breakdown, group and item it is of."""
    domains = domains_of(splits)
    named: list[tuple[str | None, str | None]] = [(None, None)]
    named += [(split.key, group) for split in splits for group in split.groups]
    # Those that a subset is compared with have a breakdown and no group.
    named += [(split.key, None) for split in splits if split.contrast == "complement"]
    width, times = len(items), len(units)
    rows = np.repeat(np.arange(times), len(domains) * width)
    domain = np.tile(np.repeat(np.arange(len(domains)), width), times)
    item = np.tile(np.arange(width), times * len(domains))
    return [
        pa.array(list(values), pa.string()).take(pa.array(at))
        for values, at in (
            (units, rows),
            ([key for key, _ in named], domain),
            ([group for _, group in named], domain),
            (items, item),
        )
    ]
