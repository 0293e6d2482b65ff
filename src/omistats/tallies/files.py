"""A tally as one Arrow IPC file, readable by anyone."""

from __future__ import annotations

from collections.abc import Mapping
from os import PathLike, fspath
from typing import TYPE_CHECKING, Any, TypeVar

import attrs
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from omistats.breakdowns.declaration import group_problems
from omistats.errors import DataError, Problem, UsageError, described, shown
from omistats.model.framework import Framework
from omistats.tallies.impossible import impossible
from omistats.tallies.split import Split
from omistats.tallies.stored import Kind, read_stored, refused, write_stored

if TYPE_CHECKING:
    from omistats.tallies.tally import Tally

__all__ = ["KIND", "read_tally", "write_tally"]

T = TypeVar("T", bound="Tally")
Counts = npt.NDArray[np.int64]

_HINT = "Write the tally again with `Tally.write`."

KIND = Kind(b"omistats.tally", 1, "a saved tally", "Tally.write", _HINT)
"""Of the file."""

_LABEL = pa.dictionary(pa.int32(), pa.string())
_COUNTED, _UNKNOWN, _LEFT_OUT = "group", "unclassified", "left out"


@attrs.frozen
class _Layout:
    """What the rows and columns of a file stand for, as its metadata say."""

    units: tuple[str, ...]
    splits: tuple[Split, ...]
    questions: tuple[str, ...]

    @classmethod
    def of(cls, found: Mapping[str, Any]) -> _Layout:
        splits = tuple(
            Split(str(s["key"]), _texts(s["groups"]), s["contrast"]) for s in found["splits"]
        )
        problems = [p for s in splits for p in group_problems(s.key, s.groups, s.contrast)]
        if problems:
            raise ValueError(str(problems[0]))
        return cls(_texts(found["units"]), splits, _texts(found["questions"]))

    def rows(self) -> list[tuple[str, str | None, str]]:
        """List breakdown, group and kind of the rows of one unit."""
        return [
            (split.key, group, kind)
            for split in self.splits
            for group, kind in (
                *((group, _COUNTED) for group in split.groups),
                (None, _UNKNOWN),
                (None, _LEFT_OUT),
            )
        ]

    def answered(self) -> npt.NDArray[np.bool_]:
        """Say of which rows of a unit answers are counted.

        Of the unclassified they are for complements alone; of those left out, never.
        """
        contrasts = {split.key: split.contrast for split in self.splits}
        return np.array(
            [
                kind == _COUNTED or (kind == _UNKNOWN and contrasts[key] == "complement")
                for key, _, kind in self.rows()
            ],
            bool,
        )

    def schema(self) -> pa.Schema:
        fields = [pa.field(name, _LABEL) for name in ("unit", "breakdown", "group", "kind")]
        names = [f"{count}:{id}" for id in self.questions for count in "kn"]
        fields += [pa.field(name, pa.int64()) for name in ("cases", *names)]
        return pa.schema(fields)


def _texts(values: Any) -> tuple[str, ...]:
    if not isinstance(values, list) or not all(isinstance(v, str) for v in values):
        raise TypeError(f"expected a list of text, found {described(values)}")
    return tuple(values)


def write_tally(tally: Tally, path: str | PathLike[str]) -> None:
    """Write a tally; see `Tally.write`."""
    layout = _Layout(tally.units, tally.splits, tally.questions)
    rows, units = layout.rows(), len(tally.units)
    unit = np.repeat(np.arange(units), len(rows)).astype(np.int32)
    columns = [pa.DictionaryArray.from_arrays(pa.array(unit), pa.array(tally.units, pa.string()))]
    columns += [
        pa.array([row[i] for row in rows] * units, pa.string()).dictionary_encode()
        for i in range(3)
    ]
    columns += [pa.array(_interleave(tally, tally.cases, tally.unclassified, tally.left_out))]
    hidden = np.tile(~layout.answered(), units)
    nothing = np.zeros_like(tally.unknown_k)
    k = _interleave(tally, tally.k, tally.unknown_k, nothing)
    n = _interleave(tally, tally.n, tally.unknown_n, nothing)
    for q in range(len(tally.questions)):
        columns += [pa.array(counts[:, q], mask=hidden) for counts in (k, n)]
    said = {"framework": tally.framework.name, **attrs.asdict(layout)}
    table = pa.Table.from_arrays(columns, schema=layout.schema())
    write_stored(path, KIND, said, tally.metadata, table)


def _interleave(tally: Tally, groups: Counts, unknown: Counts, left_out: Counts) -> Counts:
    """Lay counts out as rows: the groups of each split, then its unclassified and left out."""
    pieces = [
        piece
        for i, (start, stop) in enumerate(zip(tally.offsets, tally.offsets[1:], strict=False))
        for piece in (groups[:, start:stop], unknown[:, i : i + 1], left_out[:, i : i + 1])
    ]
    laid = np.concatenate(pieces, axis=1)
    return laid.reshape(-1, *laid.shape[2:])


def read_tally(cls: type[T], path: str | PathLike[str], framework: Framework) -> T:
    """Read a tally; see `Tally.read`."""
    if not isinstance(framework, Framework):
        raise UsageError(f"`framework` is a Framework, found {described(framework)}")
    where, stored = fspath(path), read_stored(path, KIND)
    layout, table = _layout(where, stored.said, framework), stored.table
    _check_rows(where, table, layout)
    counts = _arrays(table, layout)
    if problems := impossible(where, layout.splits, layout.units, layout.questions, counts):
        raise DataError(problems)
    return cls(
        framework=framework,
        units=layout.units,
        splits=layout.splits,
        questions=layout.questions,
        metadata=stored.metadata,
        **counts,
    )


def _layout(where: str, said: Mapping[str, Any], framework: Framework) -> _Layout:
    """Read what the file says of itself."""
    try:
        layout, name = _Layout.of(said), said["framework"]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        found = f"{type(error).__name__}: {error}"
        raise refused(where, "metadata that describe the tally", found, _HINT) from error
    _check_framework(where, name, layout, framework)
    return layout


def _check_framework(where: str, name: object, layout: _Layout, framework: Framework) -> None:
    found = []
    if name != framework.name:
        found.append(f"it was made with {name!r}, not {framework.name!r}")
    known = set(framework.question_ids)
    if unknown := [id for id in layout.questions if id not in known]:
        found.append(f"the framework has no questions {shown(unknown)}")
    elif layout.questions != framework.select(layout.questions):
        found.append("the framework has its questions in another order")
    if found:
        raise UsageError(
            f"the tally in {where} does not fit the framework: {'; '.join(found)}; "
            "pass the framework it was made with, or count again"
        )


def _check_rows(where: str, table: pa.Table, layout: _Layout) -> None:
    """Refuse a table whose rows and columns are not those that the metadata describe."""
    problems = []
    wanted = layout.schema()
    names = table.column_names
    if names != wanted.names:
        lacking = [name for name in wanted.names if name not in names]
        more = [name for name in names if name not in wanted.names]
        found = f"lacking {shown(lacking)}, besides {shown(more)}"
        problems.append(Problem(where, "the columns that its metadata list", found, _HINT))
    else:
        problems += [
            Problem(f"{where}: {f.name}", f"a column of {f.type}", str(table.field(i).type), _HINT)
            for i, f in enumerate(wanted)
            if table.field(i).type != f.type
        ]
    if problems:
        raise DataError(problems)
    rows = [(unit, *row) for unit in layout.units for row in layout.rows()]
    found_rows = list(zip(*(table.column(i).to_pylist() for i in range(4)), strict=True))
    if rows != found_rows:
        wrong = [i for i, (a, b) in enumerate(zip(rows, found_rows, strict=False)) if a != b]
        where_from = f", the first of them row {wrong[0]}: {found_rows[wrong[0]]}" if wrong else ""
        rule = f"{len(rows)} rows, one for each group of each unit, in order"
        found = f"{len(found_rows)} rows, {len(wrong)} of them others{where_from}"
        raise refused(where, rule, found, _HINT)
    answered = np.tile(layout.answered(), len(layout.units))
    for name in wanted.names[4:]:
        expected = answered if ":" in name else np.ones_like(answered)
        given = table[name].is_valid().to_numpy()
        if otherwise := int((given != expected).sum()):
            rule, found = (
                "a count where cases are counted, else null",
                f"not so in {otherwise} rows",
            )
            problems.append(Problem(f"{where}: {name}", rule, found, _HINT))
    if problems:
        raise DataError(problems)


def _arrays(table: pa.Table, layout: _Layout) -> dict[str, Counts]:
    rows, units = layout.rows(), len(layout.units)
    kinds = np.array([kind for _, _, kind in rows])

    def counts(names: list[str]) -> Counts:
        found = np.empty((len(names), table.num_rows), np.int64)
        for i, name in enumerate(names):
            # Not counted is null in the file, and 0 in a tally.
            found[i] = table[name].fill_null(0).to_numpy()
        return np.ascontiguousarray(found.T).reshape(units, len(rows), len(names))

    k, n = (counts([f"{which}:{id}" for id in layout.questions]) for which in "kn")
    cases = counts(["cases"])[:, :, 0]
    return {
        "k": k[:, kinds == _COUNTED],
        "n": n[:, kinds == _COUNTED],
        "unknown_k": k[:, kinds == _UNKNOWN],
        "unknown_n": n[:, kinds == _UNKNOWN],
        "cases": cases[:, kinds == _COUNTED],
        "unclassified": cases[:, kinds == _UNKNOWN],
        "left_out": cases[:, kinds == _LEFT_OUT],
    }
