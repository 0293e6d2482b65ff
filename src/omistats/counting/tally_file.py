"""Save and load tallies as checksummed Arrow IPC files."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Mapping, Sequence
from os import PathLike, fspath
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import attrs
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from omistats.breakdowns.base import group_problems
from omistats.breakdowns.groups import GroupSpec
from omistats.errors import DataError, Problem, UsageError, format_value, format_values
from omistats.model.framework import Framework, check_framework

if TYPE_CHECKING:
    from omistats.counting.tally import Tally

__all__ = [
    "KIND",
    "FileFormat",
    "file_error",
    "read_stored",
    "read_tally",
    "with_checksum",
    "write_stored",
    "write_tally",
]


_CHECKSUM = b".checksum"


@attrs.frozen
class FileFormat:
    """Type of saved file.

    Attributes
    ----------
    key : bytes
        The metadata key under which the file describes its content in JSON. The key of the
        checksum begins with it.
    version : int
        The version of the format, increased when the meaning of files changes.
    what : str
        What errors call such a file.
    writer : str
        The method that writes it.
    recovery_hint : str
        What to do when a file cannot be used.
    """

    key: bytes
    version: int
    what: str
    writer: str
    recovery_hint: str


@attrs.frozen(eq=False)
class Stored:
    """Content of a saved file.

    Attributes
    ----------
    description : dict of str
        The description of the content from the file's metadata.
    table : pyarrow.Table
        The rows.
    metadata : dict of bytes to bytes
        The metadata of the cases.
    """

    description: dict[str, Any]
    table: pa.Table
    metadata: dict[bytes, bytes]


def write_stored(
    path: str | PathLike[str],
    kind: FileFormat,
    description: Mapping[str, Any],
    metadata: Mapping[bytes, bytes],
    table: pa.Table,
) -> None:
    """Write a table with a description and a checksum.

    An existing file is replaced as the last step, so that a failure leaves it unchanged.

    Raises
    ------
    UsageError
        When the path exists and is not a file.
    OSError
        When the file cannot be written.
    """
    # Drop descriptions of other counts that came with the cases.
    kept = {k: v for k, v in metadata.items() if not k.startswith(kind.key)}
    text = json.dumps(
        {"version": kind.version, **description}, ensure_ascii=False, separators=(",", ":")
    )
    table = with_checksum(table.replace_schema_metadata({**kept, kind.key: text.encode()}), kind)
    # Replace the target of a link, not the link.
    target = Path(os.path.realpath(fspath(path)))
    if target.exists() and not target.is_file():
        # A device could be replaced by accident.
        raise UsageError(f"expected the path of a file to write; found {fspath(path)}")
    temporary = target.with_name(f".{target.name}.{os.urandom(8).hex()}")
    try:
        with temporary.open("xb") as file:
            with pa.ipc.new_file(file, table.schema) as out:
                out.write_table(table)
            file.flush()
            os.fsync(file.fileno())
        if target.exists():
            temporary.chmod(stat.S_IMODE(target.stat().st_mode))
        temporary.replace(target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def read_stored(path: str | PathLike[str], kind: FileFormat) -> Stored:
    """Read a file that `write_stored` wrote.

    Raises
    ------
    DataError
        When the file is missing, incomplete, of another type or version, or changed.
    """
    where = fspath(path)
    try:
        with pa.OSFile(where, "rb") as file:
            table = pa.ipc.open_file(file).read_all()
        # Invalid offsets and codes would crash the process. Names that are not text raise a
        # ValueError, and impossible lengths an OverflowError.
        table.validate(full=True)
        metadata: dict[bytes, bytes] = dict(table.schema.metadata or {})
        found = _checksum(table, kind)
    except (pa.ArrowException, OSError, ValueError, OverflowError, MemoryError) as error:
        rule = f"expected {kind.what}, complete"
        hint = f"Check that the file exists and is complete. Otherwise: {kind.recovery_hint}"
        raise file_error(where, rule, str(error) or type(error).__name__, hint) from error
    rule = f"expected a file that {kind.writer} wrote"
    if kind.key not in metadata:
        raise file_error(where, rule, f"no metadata {kind.key.decode()!r}", kind.recovery_hint)
    try:
        description = json.loads(metadata.pop(kind.key))
        version = description.pop("version")
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        text = f"metadata {kind.key.decode()!r} that cannot be read ({error})"
        raise file_error(where, rule, text, kind.recovery_hint) from error
    if version != kind.version or isinstance(version, bool):
        hint = f"Read it with the omistats that wrote it. Otherwise: {kind.recovery_hint}"
        rule = f"expected {kind.what} of version {kind.version}"
        raise file_error(where, rule, f"version {format_value(version)}", hint)
    if metadata.pop(kind.key + _CHECKSUM, None) != found:
        text = "content that does not match its checksum"
        raise file_error(where, f"expected {kind.what}, unchanged", text, kind.recovery_hint)
    return Stored(description, table, metadata)


def with_checksum(table: pa.Table, kind: FileFormat) -> pa.Table:
    """Add a checksum of the table and its metadata to its metadata."""
    metadata = dict(table.schema.metadata or {})
    metadata[kind.key + _CHECKSUM] = _checksum(table, kind)
    return table.replace_schema_metadata(metadata)


def _checksum(table: pa.Table, kind: FileFormat) -> bytes:
    """Compute a checksum of all values, names and metadata.

    It does not depend on chunks, padding, dictionaries or values under nulls, which Arrow may
    store in different ways.
    """
    from hashlib import sha256

    found = sha256()

    def add(piece: bytes) -> None:
        found.update(len(piece).to_bytes(8, "little") + piece)

    def add_numbers(numbers: Any) -> None:
        add(_bytes(numbers.fill_null(0)))
        add(np.packbits(numbers.is_valid().to_numpy(zero_copy_only=False)).tobytes())

    metadata = dict(table.schema.metadata or {})
    metadata.pop(kind.key + _CHECKSUM, None)
    add(f"{len(metadata)} {table.num_rows}".encode())
    for key, value in sorted(metadata.items()):
        add(key)
        add(value)
    for name, column in zip(table.column_names, table.combine_chunks().columns, strict=True):
        add(name.encode())
        if pa.types.is_dictionary(column.type):
            column = column.cast(column.type.value_type)
        if pa.types.is_string(column.type):
            add(b"text")
            codes = column.combine_chunks().dictionary_encode()
            add(json.dumps(codes.dictionary.to_pylist()).encode())
            add(_bytes(codes.indices.fill_null(-1)))
        elif pa.types.is_int64(column.type):
            add(b"numbers")
            add_numbers(column)
        elif column.type == pa.list_(pa.int64()):
            add(b"lists")
            lists = column.combine_chunks()
            add_numbers(lists.value_lengths())
            add_numbers(lists.flatten())
        else:
            # No other type is written, so the checksum cannot match.
            add(b"something else")
    return found.hexdigest().encode()


def _bytes(whole_numbers: Any) -> bytes:
    return np.ascontiguousarray(whole_numbers.to_numpy(), "<i8").tobytes()


def file_error(path: str | PathLike[str], rule: str, found: str, hint: str) -> DataError:
    """Make a DataError with one problem of a file."""
    return DataError([Problem(fspath(path), rule, found, hint)])


Counts = npt.NDArray[np.int64]

_RECOVERY_HINT = "Write the tally again with `Tally.write`."


def _inconsistencies(
    where: str,
    splits: tuple[GroupSpec, ...],
    units: tuple[str, ...],
    questions: tuple[str, ...],
    counts: dict[str, Any],
) -> list[Problem]:
    """List counts that no set of cases can have."""
    groups = [(s.key, g) for s in splits for g in s.groups]
    unknown = [(s.key, "unclassified") for s in splits]
    problems = []

    def check(bad: npt.NDArray[np.bool_], rows: Any, rule: str, *names: str) -> None:
        if not bad.any():
            return
        u, g, *q = (int(i) for i in np.argwhere(bad)[0])
        at = (u, g, *q)
        figures = ", ".join(f"{name} = {counts[name][at[: counts[name].ndim]]}" for name in names)
        of = f" of {questions[q[0]]}" if q else ""
        found = f"{figures}{of} in {' '.join(rows[g])}, unit {units[u]}"
        more = int(bad.sum()) - 1
        found += f", and {more} more" if more else ""
        problems.append(Problem(where, rule, found, _RECOVERY_HINT))

    for k, n, cases, rows in (
        ("k", "n", "cases", groups),
        ("unknown_k", "unknown_n", "unclassified", unknown),
    ):
        negative = (counts[k] < 0) | (counts[k] > counts[n])
        check(negative, rows, "counts must be 0 <= k <= n", k, n)
        beyond = counts[n] > counts[cases][:, :, np.newaxis]
        check(beyond, rows, "there must be no more answers than cases", n, cases)
    if counts["not_answered"] is not None:
        negative = counts["not_answered"] < 0
        check(negative, groups, "numbers not answered must not be negative", "not_answered")
    for name, rows in (("cases", groups), ("unclassified", unknown), ("excluded", unknown)):
        check(counts[name] < 0, rows, "numbers of cases must not be negative", name)
    problems += _complement_problems(where, splits, counts)
    return problems


def _complement_problems(
    where: str, splits: tuple[GroupSpec, ...], counts: dict[str, Counts]
) -> list[Problem]:
    """List complements whose subset and unclassified cases exceed ``all``."""
    problems = []
    start = 0
    for i, split in enumerate(splits):
        subset, whole = start, start + 1
        start += len(split.groups)
        if split.contrast != "complement":
            continue
        rest = {
            name: counts[name][:, whole] - counts[name][:, subset] - counts[unknown][:, i]
            for name, unknown in (("k", "unknown_k"), ("n", "unknown_n"), ("cases", "unclassified"))
        }
        bad = (rest["k"] < 0) | (rest["k"] > rest["n"])
        if violations := int(bad.sum() + (rest["cases"] < 0).sum()):
            rule = f"{split.groups[0]!r} and the unclassified must not exceed 'all'"
            found = f"more than in 'all', {violations} times"
            problems.append(Problem(f"{where}: {split.key}", rule, found, _RECOVERY_HINT))
    return problems


T = TypeVar("T", bound="Tally")


KIND = FileFormat(b"omistats.tally", 1, "a saved tally", "Tally.write", _RECOVERY_HINT)
"""The file format of tallies."""

_LABEL = pa.dictionary(pa.int32(), pa.string())
_COUNTED, _UNKNOWN, _EXCLUDED = "group", "unclassified", "left out"


@attrs.frozen
class _Layout:
    """Units, breakdowns and questions of a file's rows and columns."""

    units: tuple[str, ...]
    splits: tuple[GroupSpec, ...]
    questions: tuple[str, ...]
    counts_missing: bool = False

    @classmethod
    def of(cls, found: Mapping[str, Any]) -> _Layout:
        splits = tuple(
            GroupSpec(str(s["key"]), _tuple_of_str(s["groups"]), s["contrast"])
            for s in found["splits"]
        )
        problems = [p for s in splits for p in group_problems(s.key, s.groups, s.contrast)]
        if problems:
            raise ValueError(str(problems[0]))
        # Tallies that an earlier version wrote have no such entry.
        missing = found.get("counts_missing", False)
        if not isinstance(missing, bool):
            raise TypeError(f"expected true or false; found {format_value(missing)}")
        return cls(
            _tuple_of_str(found["units"]), splits, _tuple_of_str(found["questions"]), missing
        )

    def rows(self) -> list[tuple[str, str | None, str]]:
        """List the breakdown, group and kind of each row of one unit."""
        return [
            (split.key, group, kind)
            for split in self.splits
            for group, kind in (
                *((group, _COUNTED) for group in split.groups),
                (None, _UNKNOWN),
                (None, _EXCLUDED),
            )
        ]

    def answered(self) -> npt.NDArray[np.bool_]:
        """Flag the rows of a unit in which answers are counted.

        They are counted for groups, for the unclassified of complements, and never for the
        excluded.
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
        kinds = "knm" if self.counts_missing else "kn"
        names = [f"{count}:{id}" for id in self.questions for count in kinds]
        fields += [pa.field(name, pa.int64()) for name in ("cases", *names)]
        return pa.schema(fields)


def _tuple_of_str(values: Any) -> tuple[str, ...]:
    if not isinstance(values, list) or not all(isinstance(v, str) for v in values):
        raise TypeError(f"expected a list of text; found {format_value(values)}")
    return tuple(values)


def write_tally(tally: Tally, path: str | PathLike[str]) -> None:
    """Write a tally to a file; see `Tally.write`."""
    missing = tally.not_answered
    layout = _Layout(tally.units, tally.splits, tally.questions, missing is not None)
    rows, units = layout.rows(), len(tally.units)
    unit = np.repeat(np.arange(units), len(rows)).astype(np.int32)
    columns = [pa.DictionaryArray.from_arrays(pa.array(unit), pa.array(tally.units, pa.string()))]
    columns += [
        pa.array([row[i] for row in rows] * units, pa.string()).dictionary_encode()
        for i in range(3)
    ]
    columns += [pa.array(_as_rows(tally, tally.cases, tally.unclassified, tally.excluded))]
    hidden = np.tile(~layout.answered(), units)
    nothing = np.zeros_like(tally.unknown_k)
    k = _as_rows(tally, tally.k, tally.unknown_k, nothing)
    n = _as_rows(tally, tally.n, tally.unknown_n, nothing)
    kinds = [k, n] if missing is None else [k, n, _as_rows(tally, missing, nothing, nothing)]
    for q in range(len(tally.questions)):
        columns += [pa.array(counts[:, q], mask=hidden) for counts in kinds]
    description = {
        "framework": tally.framework.name,
        **{name: value for name, value in attrs.asdict(layout).items() if value is not False},
        **describe_answers(tally.framework, tally.questions),
    }
    table = pa.Table.from_arrays(columns, schema=layout.schema())
    write_stored(path, KIND, description, tally.metadata, table)


def describe_answers(framework: Framework, questions: Sequence[str]) -> dict[str, Any]:
    """Describe which answers count as sufficient, and what one that is missing counts as."""
    asked = [framework.question(id) for id in questions]
    found: dict[str, Any] = {}
    if cuts := {q.id: list(q.sufficient) for q in asked if q.levels}:
        found["cuts"] = cuts
    if framework.not_answered is not None:
        found["not_answered"] = framework.not_answered
    return found


def changed_answers(
    description: Mapping[str, Any], framework: Framework, questions: Sequence[str]
) -> list[str]:
    """List how a framework counts answers otherwise than `describe_answers` said."""
    now = describe_answers(framework, questions)
    return [
        f"{what}: {description.get(key)} then, {now.get(key)} now"
        for key, what in (("cuts", "sufficient levels"), ("not_answered", "not answered"))
        if description.get(key) != now.get(key)
    ]


def _as_rows(tally: Tally, groups: Counts, unknown: Counts, excluded: Counts) -> Counts:
    """Arrange counts as rows: the groups of each split, then its unclassified and excluded."""
    parts = [
        piece
        for i, (start, stop) in enumerate(zip(tally.offsets, tally.offsets[1:], strict=False))
        for piece in (groups[:, start:stop], unknown[:, i : i + 1], excluded[:, i : i + 1])
    ]
    rows = np.concatenate(parts, axis=1)
    return rows.reshape(-1, *rows.shape[2:])


def read_tally(cls: type[T], path: str | PathLike[str], framework: Framework) -> T:
    """Read a tally from a file; see `Tally.read`."""
    check_framework(framework)
    where, stored = fspath(path), read_stored(path, KIND)
    layout, table = _read_layout(where, stored.description, framework), stored.table
    _check_rows(where, table, layout)
    counts = _read_counts(table, layout)
    if problems := _inconsistencies(where, layout.splits, layout.units, layout.questions, counts):
        raise DataError(problems)
    return cls(
        framework=framework,
        units=layout.units,
        splits=layout.splits,
        questions=layout.questions,
        metadata=stored.metadata,
        **counts,
    )


def _read_layout(where: str, description: Mapping[str, Any], framework: Framework) -> _Layout:
    """Read the layout from the file's metadata and check it against the framework."""
    try:
        layout, name = _Layout.of(description), description["framework"]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        found = f"{type(error).__name__}: {error}"
        raise file_error(
            where, "metadata must describe the tally", found, _RECOVERY_HINT
        ) from error
    _check_framework(where, name, layout, description, framework)
    return layout


def _check_framework(
    where: str,
    name: object,
    layout: _Layout,
    description: Mapping[str, Any],
    framework: Framework,
) -> None:
    found = []
    if name != framework.name:
        found.append(f"it was made with {name!r}, not {framework.name!r}")
    known = set(framework.question_ids)
    if unknown := [id for id in layout.questions if id not in known]:
        found.append(f"the framework has no questions {format_values(unknown)}")
    elif layout.questions != framework.select(layout.questions):
        found.append("the framework has its questions in another order")
    else:
        found += changed_answers(description, framework, layout.questions)
    if found:
        raise UsageError(
            f"the tally in {where} does not fit the framework: {'; '.join(found)}; "
            "pass the framework it was made with, or count again"
        )


def _check_rows(where: str, table: pa.Table, layout: _Layout) -> None:
    """Check that a table has the rows and columns that its metadata describe."""
    problems = []
    wanted = layout.schema()
    names = table.column_names
    if names != wanted.names:
        missing = [name for name in wanted.names if name not in names]
        extra = [name for name in names if name not in wanted.names]
        found = f"missing columns {format_values(missing)}, extra columns {format_values(extra)}"
        problems.append(
            Problem(where, "columns must be those listed in the metadata", found, _RECOVERY_HINT)
        )
    else:
        problems += [
            Problem(
                f"{where}: {f.name}",
                f"expected a column of {f.type}",
                str(table.field(i).type),
                _RECOVERY_HINT,
            )
            for i, f in enumerate(wanted)
            if table.field(i).type != f.type
        ]
    if problems:
        raise DataError(problems)
    rows = [(unit, *row) for unit in layout.units for row in layout.rows()]
    found_rows = list(zip(*(table.column(i).to_pylist() for i in range(4)), strict=True))
    if rows != found_rows:
        wrong = [i for i, (a, b) in enumerate(zip(rows, found_rows, strict=False)) if a != b]
        example = f", the first of them row {wrong[0]}: {found_rows[wrong[0]]}" if wrong else ""
        rule = f"expected {len(rows)} rows, one for each group of each unit, in order"
        found = f"{len(found_rows)} rows, {len(wrong)} of them different{example}"
        raise file_error(where, rule, found, _RECOVERY_HINT)
    answered = np.tile(layout.answered(), len(layout.units))
    for name in wanted.names[4:]:
        expected = answered if ":" in name else np.ones_like(answered)
        given = table[name].is_valid().to_numpy()
        if violations := int((given != expected).sum()):
            rule, found = (
                "values must be counts where answers are counted, else null",
                f"{violations} rows that are not",
            )
            problems.append(Problem(f"{where}: {name}", rule, found, _RECOVERY_HINT))
    if problems:
        raise DataError(problems)


def _read_counts(table: pa.Table, layout: _Layout) -> dict[str, Any]:
    rows, units = layout.rows(), len(layout.units)
    kinds = np.array([kind for _, _, kind in rows])

    def counts(names: list[str]) -> Counts:
        found = np.empty((len(names), table.num_rows), np.int64)
        for i, name in enumerate(names):
            # A value that is not counted is null in the file and 0 in a tally.
            found[i] = table[name].fill_null(0).to_numpy()
        return np.ascontiguousarray(found.T).reshape(units, len(rows), len(names))

    k, n = (counts([f"{which}:{id}" for id in layout.questions]) for which in "kn")
    cases = counts(["cases"])[:, :, 0]
    missing = None
    if layout.counts_missing:
        missing = counts([f"m:{id}" for id in layout.questions])[:, kinds == _COUNTED]
    return {
        "not_answered": missing,
        "k": k[:, kinds == _COUNTED],
        "n": n[:, kinds == _COUNTED],
        "unknown_k": k[:, kinds == _UNKNOWN],
        "unknown_n": n[:, kinds == _UNKNOWN],
        "cases": cases[:, kinds == _COUNTED],
        "unclassified": cases[:, kinds == _UNKNOWN],
        "excluded": cases[:, kinds == _EXCLUDED],
    }
