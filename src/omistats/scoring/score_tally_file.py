"""Store the sums of a ScoreTally in a file: a tidy Arrow table with metadata."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import attrs
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from omistats.breakdowns.groups import GroupSpec
from omistats.counting.tally_file import (
    FileFormat,
    changed_answers,
    file_error,
    read_stored,
    write_stored,
)
from omistats.errors import DataError, Problem, UsageError, format_values
from omistats.model.framework import Framework
from omistats.scoring.groups import make_domains
from omistats.scoring.sums import scored_items

__all__ = ["KIND", "SCHEMA", "StoredSums", "questions_behind", "read_sums", "write_sums"]

Counts = npt.NDArray[np.int64]

_HINT = "Make the sums again from the cases with score_tally."

KIND = FileFormat(
    b"omistats.score_tally", 1, "a file of sums over cases", "ScoreTally.write", _HINT
)
"""The format of the file."""

_LABELS = ("unit", "breakdown", "group", "item")
_SUMS = ("k", "n", "kk", "kn", "nn")

SCHEMA = pa.schema(
    [
        *((name, pa.string()) for name in _LABELS),
        *((name, pa.int64()) for name in ("cases", *_SUMS)),
    ]
)
"""The columns of the file that are always there.

``sizes`` is a list a row, which files of earlier versions lack; ``not_answered`` is there if the
framework has a policy for what was not answered.
"""

_SIZES = pa.field("sizes", pa.list_(pa.int64()))
_NOT_ANSWERED = pa.field("not_answered", pa.int64())


@attrs.frozen(eq=False)
class StoredSums:
    """The contents of a file.

    Attributes
    ----------
    framework : str
        The name of the framework.
    item_questions : mapping of str to tuple of str
        The questions of each item.
    units, cases, splits, complement, moments, metadata, sizes, not_answered
        As in `omistats.ScoreTally`.
    answers : mapping of str to object
        Which answers count, as `omistats.counting.tally_file.describe_answers` says.
    """

    framework: str
    units: tuple[str, ...]
    cases: Counts
    item_questions: Mapping[str, tuple[str, ...]]
    splits: tuple[GroupSpec, ...]
    complement: Literal["all", "known"]
    moments: Counts
    metadata: Mapping[bytes, bytes]
    sizes: Counts | None = None
    not_answered: Counts | None = None
    answers: Mapping[str, Any] = attrs.field(factory=dict)


@attrs.frozen
class _Description:
    """Description of the sums, from the metadata of a file."""

    framework: str
    item_questions: Mapping[str, tuple[str, ...]]
    splits: tuple[GroupSpec, ...]
    complement: Literal["all", "known"]


def write_sums(path: Path, sums: StoredSums) -> None:
    """Write a row a unit, group and item, and everything else to the schema's metadata."""
    description = {
        "framework": sums.framework,
        "items": sums.item_questions,
        "breakdowns": [attrs.asdict(split) for split in sums.splits],
        "complement": sums.complement,
        **sums.answers,
    }
    rows_of_unit = sums.moments.shape[1] * sums.moments.shape[2]
    arrays = [
        *_labels(sums.units, tuple(sums.item_questions), sums.splits),
        pa.array(np.repeat(sums.cases, rows_of_unit)),
        *(pa.array(np.ascontiguousarray(x).ravel()) for x in np.moveaxis(sums.moments, -1, 0)),
    ]
    table = pa.Table.from_arrays(arrays, schema=SCHEMA)
    if sums.sizes is not None:
        table = table.append_column(_SIZES, _size_lists(sums.sizes, sums.item_questions))
    if sums.not_answered is not None:
        missing = pa.array(np.ascontiguousarray(sums.not_answered).ravel())
        table = table.append_column(_NOT_ANSWERED, missing)
    write_stored(path, KIND, description, sums.metadata, table)


def read_sums(path: Path, framework: Framework) -> StoredSums:
    """Read the sums of a file, for the framework that they were made with.

    Raises
    ------
    DataError
        When the file is incomplete, is something else, or is of another framework.
    """
    stored = read_stored(path, KIND)
    description = _read_description(path, stored.description)
    _check_framework(path, description, stored.description, framework)
    found = _read_rows(stored.table, description)
    if found is None:
        text = f"{stored.table.num_rows:,} rows that are not those written"
        raise file_error(path, "the rows of every unit, group and item", text, _HINT)
    units, cases, moments, sizes, not_answered = found
    return StoredSums(
        framework.name,
        units,
        cases,
        description.item_questions,
        description.splits,
        description.complement,
        moments,
        stored.metadata,
        sizes,
        not_answered,
    )


def questions_behind(item_questions: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    """List the questions that feed items, each once."""
    return tuple(dict.fromkeys(q for questions in item_questions.values() for q in questions))


def _widths(feeds: Mapping[str, tuple[str, ...]]) -> list[int]:
    """Count the numbers by size that each item has."""
    return [3 * len(questions) + 2 for questions in feeds.values()]


def _size_lists(sizes: Counts, feeds: Mapping[str, tuple[str, ...]]) -> pa.Array:
    """Make a list of each unit, domain and item."""
    widths = np.tile(_widths(feeds), sizes.shape[0] * sizes.shape[1])
    offsets = pa.array(np.concatenate([[0], np.cumsum(widths)]), pa.int32())
    return pa.ListArray.from_arrays(offsets, pa.array(np.ascontiguousarray(sizes).ravel()))


def _read_rows(
    table: pa.Table, description: _Description
) -> tuple[tuple[str, ...], Counts, Counts, Counts | None, Counts | None] | None:
    """Return the units and arrays; None if the rows are not those that were written."""
    item_questions, splits = description.item_questions, description.splits
    lists = missing = None
    if table.schema.names[-1:] == ["not_answered"]:
        missing, table = table["not_answered"], table.drop_columns(["not_answered"])
        if missing.type != pa.int64() or missing.null_count:
            return None
    if table.schema.names[-1:] == ["sizes"]:
        lists, table = table["sizes"].combine_chunks(), table.drop_columns(["sizes"])
        if lists.type != _SIZES.type or lists.null_count or lists.flatten().null_count:
            return None
    if not table.schema.equals(SCHEMA):
        return None
    domains = len(make_domains(splits))
    rows_of_unit = domains * len(item_questions)
    units = tuple(table["unit"][::rows_of_unit].to_pylist())
    required = table.select(["unit", "item", "cases", *_SUMS])
    if table.num_rows != rows_of_unit * len(units) or any(c.null_count for c in required.columns):
        return None
    expected = pa.Table.from_arrays(
        _labels(units, tuple(item_questions), splits), names=list(_LABELS)
    )
    if not table.select(list(_LABELS)).equals(expected):
        return None
    of_rows, *sums = (table[name].to_numpy() for name in ("cases", *_SUMS))
    moments = np.stack(sums, axis=-1).reshape(len(units), domains, len(item_questions), len(_SUMS))
    cases = np.ascontiguousarray(of_rows[::rows_of_unit])
    if not (np.repeat(cases, rows_of_unit) == of_rows).all():
        return None
    not_answered = None
    if missing is not None:
        not_answered = missing.to_numpy().reshape(moments.shape[:-1])
    if lists is None:
        return units, cases, moments, None, not_answered
    widths = np.tile(_widths(item_questions), len(units) * domains)
    if not np.array_equal(np.diff(lists.offsets.to_numpy()), widths):
        return None
    width = sum(_widths(item_questions))
    sizes = lists.flatten().to_numpy().reshape(len(units), domains, width)
    return units, cases, moments, sizes, not_answered


def _read_description(path: Path, metadata: Mapping[str, Any]) -> _Description:
    """Check the metadata that describe the sums."""
    try:
        splits = tuple(
            GroupSpec(s["key"], tuple(s["groups"]), s["contrast"]) for s in metadata["breakdowns"]
        )
        item_questions = {str(id): tuple(questions) for id, questions in metadata["items"].items()}
        complement, contrasts = metadata["complement"], [s.contrast for s in splits]
        if complement not in ("all", "known") or not {*contrasts} <= {"groups", "complement"}:
            raise ValueError(f"found {format_values([complement, *contrasts])}")
        return _Description(metadata["framework"], item_questions, splits, complement)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        found = f"{type(error).__name__}: {error}"
        raise file_error(path, "metadata that describe the sums", found, _HINT) from error


def _check_framework(
    path: Path, description: _Description, answers: Mapping[str, Any], framework: Framework
) -> None:
    """Check that a framework has the name and items of the sums, and counts the same answers."""
    hint = "Pass the framework of the cases, or make the sums again."
    problems = []
    if description.framework != framework.name:
        rule = f"sums of the framework {description.framework!r}"
        problems.append(Problem(str(path), rule, repr(framework.name), hint))
    then = description.item_questions
    try:
        now = {s.item.id: s.questions for s in scored_items(framework, then)}
    except UsageError as error:
        problems.append(Problem(str(path), "items of the framework", str(error), hint))
    else:
        if now != then or list(now) != list(then):
            changed = [id for id in now if now[id] != then[id]] or list(now)
            rule = "each item has the same questions and place as in the file"
            found = f"other ones for {format_values(changed)}"
            problems.append(Problem(str(path), rule, found, hint))
        else:
            rule = "answers count as they did"
            changes = changed_answers(answers, framework, questions_behind(then))
            problems += [Problem(str(path), rule, change, hint) for change in changes]
    if problems:
        raise DataError(problems)


def _labels(
    units: Sequence[str], items: Sequence[str], splits: tuple[GroupSpec, ...]
) -> list[pa.Array]:
    """Make the columns of units, breakdowns, groups and items."""
    named: list[tuple[str | None, str | None]] = [(None, None)]
    named += [(split.key, group) for split in splits for group in split.groups]
    # The cases that a subset is compared with have a breakdown and no group.
    named += [(split.key, None) for split in splits if split.contrast == "complement"]
    width, times, domains = len(items), len(units), len(named)
    unit = np.repeat(np.arange(times), domains * width)
    domain = np.tile(np.repeat(np.arange(domains), width), times)
    item = np.tile(np.arange(width), times * domains)
    return [
        pa.array(list(values), pa.string()).take(pa.array(at))
        for values, at in (
            (units, unit),
            ([key for key, _ in named], domain),
            ([group for _, group in named], domain),
            (items, item),
        )
    ]
