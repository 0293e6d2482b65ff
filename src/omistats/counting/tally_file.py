"""Save/load, consistency check."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Mapping
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
from omistats.model.framework import Framework

if TYPE_CHECKING:
    from omistats.counting.tally import Tally

__all__ = [
    "KIND",
    "FileFormat",
    "Stored",
    "impossible",
    "read_stored",
    "read_tally",
    "refused",
    "signed",
    "write_stored",
    "write_tally",
]


_CHECKSUM = b".checksum"


@attrs.frozen
class FileFormat:
    """A kind of file.

    Attributes
    ----------
    key : bytes
        Of the schema's metadata, where the file says in JSON what it holds. The key of its
        checksum begins with it.
    version : int
        Raised when files written before no longer mean the same.
    what : str
        What errors call such a file.
    writer : str
        The method that writes it.
    anew : str
        What to do when a file is of no use.
    """

    key: bytes
    version: int
    what: str
    writer: str
    anew: str


@attrs.frozen(eq=False)
class Stored:
    """What a file holds, as it was written.

    Attributes
    ----------
    said : dict of str
        What the file says of itself.
    table : pyarrow.Table
        Its rows.
    metadata : dict of bytes to bytes
        What the cases say of themselves.
    """

    said: dict[str, Any]
    table: pa.Table
    metadata: dict[bytes, bytes]


def write_stored(
    path: str | PathLike[str],
    kind: FileFormat,
    said: Mapping[str, Any],
    metadata: Mapping[bytes, bytes],
    table: pa.Table,
) -> None:
    """Write a table, what is to be said of it, and the checksum of both.

    A file that is there is replaced at the end, so that there is the old or the new one,
    whole, whatever happens.

    Raises
    ------
    UsageError
        When something is there that is no file.
    OSError
        When it cannot be written.
    """
    # A mark that came with the cases is of other counts.
    own = {k: v for k, v in metadata.items() if not k.startswith(kind.key)}
    text = json.dumps({"version": kind.version, **said}, ensure_ascii=False, separators=(",", ":"))
    table = signed(table.replace_schema_metadata({**own, kind.key: text.encode()}), kind)
    # A link stays one; what it leads to is replaced.
    target = Path(os.path.realpath(fspath(path)))
    if target.exists() and not target.is_file():
        # A folder or a device; the latter could be replaced, and is not to be.
        raise UsageError(f"expected the path of a file to write; found {fspath(path)}")
    beside = target.with_name(f".{target.name}.{os.urandom(8).hex()}")
    try:
        with beside.open("xb") as file:
            with pa.ipc.new_file(file, table.schema) as out:
                out.write_table(table)
            file.flush()
            os.fsync(file.fileno())
        if target.exists():
            beside.chmod(stat.S_IMODE(target.stat().st_mode))
        beside.replace(target)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise


def read_stored(path: str | PathLike[str], kind: FileFormat) -> Stored:
    """Read what `write_stored` wrote.

    Raises
    ------
    DataError
        When it is not all there, is something else, of another version, or not as written.
    """
    where = fspath(path)
    try:
        with pa.OSFile(where, "rb") as file:
            table = pa.ipc.open_file(file).read_all()
        # Offsets and codes are data; followed unseen they can end the process. Names that are
        # no text are a ValueError, a length beyond all memory an OverflowError.
        table.validate(full=True)
        metadata: dict[bytes, bytes] = dict(table.schema.metadata or {})
        found = _checksum(table, kind)
    except (pa.ArrowException, OSError, ValueError, OverflowError, MemoryError) as error:
        rule = f"{kind.what}, whole"
        hint = f"Check that the file exists and is complete. Otherwise: {kind.anew}"
        raise refused(where, rule, str(error) or type(error).__name__, hint) from error
    rule = f"a file that {kind.writer} wrote"
    if kind.key not in metadata:
        raise refused(where, rule, f"no metadata {kind.key.decode()!r}", kind.anew)
    try:
        said = json.loads(metadata.pop(kind.key))
        version = said.pop("version")
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        text = f"metadata {kind.key.decode()!r} that say something else ({error})"
        raise refused(where, rule, text, kind.anew) from error
    if version != kind.version or isinstance(version, bool):
        hint = f"Read it with the omistats that wrote it. Otherwise: {kind.anew}"
        rule = f"{kind.what} of version {kind.version}"
        raise refused(where, rule, f"version {format_value(version)}", hint)
    if metadata.pop(kind.key + _CHECKSUM, None) != found:
        text = "content that does not fit its checksum"
        raise refused(where, f"{kind.what}, as it was written", text, kind.anew)
    return Stored(said, table, metadata)


def signed(table: pa.Table, kind: FileFormat) -> pa.Table:
    """Put the checksum of everything else into the metadata of a table."""
    metadata = dict(table.schema.metadata or {})
    metadata[kind.key + _CHECKSUM] = _checksum(table, kind)
    return table.replace_schema_metadata(metadata)


def _checksum(table: pa.Table, kind: FileFormat) -> bytes:
    """Sum up all values, names and metadata; of the types, only what they are read as.

    What Arrow is free to lay out otherwise, as chunks, padding, dictionaries and whatever lies
    under a null, has no part in it.
    """
    from hashlib import sha256

    found = sha256()

    def add(piece: bytes) -> None:
        found.update(len(piece).to_bytes(8, "little") + piece)

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
            add(_bytes(column.fill_null(0)))
            add(np.packbits(column.is_valid().to_numpy()).tobytes())
        else:
            # Nothing that is written here, so it fits no checksum of ours.
            add(b"something else")
    return found.hexdigest().encode()


def _bytes(whole_numbers: Any) -> bytes:
    return np.ascontiguousarray(whole_numbers.to_numpy(), "<i8").tobytes()


def refused(path: str | PathLike[str], rule: str, found: str, hint: str) -> DataError:
    """Say what is wrong with a file."""
    return DataError([Problem(fspath(path), rule, found, hint)])


Counts = npt.NDArray[np.int64]

_HINT = "Write the tally again with `Tally.write`."


def impossible(
    where: str,
    splits: tuple[GroupSpec, ...],
    units: tuple[str, ...],
    questions: tuple[str, ...],
    counts: dict[str, Counts],
) -> list[Problem]:
    """List the counts that no cases can have."""
    groups = [(s.key, g) for s in splits for g in s.groups]
    unknown = [(s.key, "unclassified") for s in splits]
    problems = []

    def refuse(bad: npt.NDArray[np.bool_], rows: Any, rule: str, *shown_too: str) -> None:
        if not bad.any():
            return
        u, g, *q = (int(i) for i in np.argwhere(bad)[0])
        at = (u, g, *q)
        figures = ", ".join(
            f"{name} = {counts[name][at[: counts[name].ndim]]}" for name in shown_too
        )
        of = f" of {questions[q[0]]}" if q else ""
        found = f"{figures}{of} in {' '.join(rows[g])}, unit {units[u]}"
        more = int(bad.sum()) - 1
        found += f", and {more} more" if more else ""
        problems.append(Problem(where, rule, found, _HINT))

    for k, n, cases, rows in (
        ("k", "n", "cases", groups),
        ("unknown_k", "unknown_n", "unclassified", unknown),
    ):
        negative = (counts[k] < 0) | (counts[k] > counts[n])
        refuse(negative, rows, "counts are 0 <= k <= n", k, n)
        beyond = counts[n] > counts[cases][:, :, np.newaxis]
        refuse(beyond, rows, "no more answers than cases", n, cases)
    for name, rows in (("cases", groups), ("unclassified", unknown), ("excluded", unknown)):
        refuse(counts[name] < 0, rows, "cases are counted from 0", name)
    problems += _unlike_complements(where, splits, counts)
    return problems


def _unlike_complements(
    where: str, splits: tuple[GroupSpec, ...], counts: dict[str, Counts]
) -> list[Problem]:
    """List the complements whose subset and unclassified are more than all."""
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
        if few := int(bad.sum() + (rest["cases"] < 0).sum()):
            rule = f"{split.groups[0]!r} and the unclassified are part of 'all'"
            found = f"more in them, {few} times"
            problems.append(Problem(f"{where}: {split.key}", rule, found, _HINT))
    return problems


T = TypeVar("T", bound="Tally")


KIND = FileFormat(b"omistats.tally", 1, "a saved tally", "Tally.write", _HINT)
"""Of the file."""

_LABEL = pa.dictionary(pa.int32(), pa.string())
_COUNTED, _UNKNOWN, _LEFT_OUT = "group", "unclassified", "left out"


@attrs.frozen
class _Layout:
    """What the rows and columns of a file stand for, as its metadata say."""

    units: tuple[str, ...]
    splits: tuple[GroupSpec, ...]
    questions: tuple[str, ...]

    @classmethod
    def of(cls, found: Mapping[str, Any]) -> _Layout:
        splits = tuple(
            GroupSpec(str(s["key"]), _texts(s["groups"]), s["contrast"]) for s in found["splits"]
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
        raise TypeError(f"expected a list of text, found {format_value(values)}")
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
    columns += [pa.array(_interleave(tally, tally.cases, tally.unclassified, tally.excluded))]
    hidden = np.tile(~layout.answered(), units)
    nothing = np.zeros_like(tally.unknown_k)
    k = _interleave(tally, tally.k, tally.unknown_k, nothing)
    n = _interleave(tally, tally.n, tally.unknown_n, nothing)
    for q in range(len(tally.questions)):
        columns += [pa.array(counts[:, q], mask=hidden) for counts in (k, n)]
    said = {"framework": tally.framework.name, **attrs.asdict(layout)}
    table = pa.Table.from_arrays(columns, schema=layout.schema())
    write_stored(path, KIND, said, tally.metadata, table)


def _interleave(tally: Tally, groups: Counts, unknown: Counts, excluded: Counts) -> Counts:
    """Lay counts out as rows: the groups of each split, then its unclassified and left out."""
    pieces = [
        piece
        for i, (start, stop) in enumerate(zip(tally.offsets, tally.offsets[1:], strict=False))
        for piece in (groups[:, start:stop], unknown[:, i : i + 1], excluded[:, i : i + 1])
    ]
    laid = np.concatenate(pieces, axis=1)
    return laid.reshape(-1, *laid.shape[2:])


def read_tally(cls: type[T], path: str | PathLike[str], framework: Framework) -> T:
    """Read a tally; see `Tally.read`."""
    if not isinstance(framework, Framework):
        raise UsageError(f"`framework` must be a Framework; found {format_value(framework)}")
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
        found.append(f"the framework has no questions {format_values(unknown)}")
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
        found = f"lacking {format_values(lacking)}, besides {format_values(more)}"
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
        "excluded": cases[:, kinds == _LEFT_OUT],
    }
