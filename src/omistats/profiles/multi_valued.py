"""MultiValued (was MultiValued)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from omistats import _arrow
from omistats.errors import DataError, Problem, UsageError, format_value, format_values
from omistats.model.case_set import CaseSet
from omistats.model.framework import ALL, as_tuple_of_str

__all__ = [
    "NONE",
    "NOT_KNOWN",
    "Labels",
    "MultiValued",
    "MultiValuedFlags",
    "advice",
    "labels_of",
    "read_multi_valued",
]


Flags = npt.NDArray[np.bool_]

NONE = "none"
"""What text says of a case that has none, and what tables call it."""

# What may stand between labels of text where another separator was declared.
_SEPARATORS = ",;|/&+"


@attrs.frozen(eq=False)
class Labels:
    """Labels of cases, one after the other.

    Attributes
    ----------
    known : ndarray of bool, shape (cases,)
        Whether it is known which labels a case has, if any.
    row : ndarray of int, shape (labels,)
        The case that each stands in.
    codes : ndarray of int64, shape (labels,)
        Places in ``spelled``, -1 for null.
    spelled : list of str
    text : bool
        Whether they were taken out of text.
    """

    known: Flags
    row: npt.NDArray[np.intp]
    codes: npt.NDArray[np.int64]
    spelled: list[str]
    text: bool


def labels_of(column: pa.Array, name: str, separator: str) -> Labels | Problem:
    """Read labels of cases, or say why that cannot be."""
    import pyarrow.compute as pc

    if isinstance(column, pa.DictionaryArray):
        column = column.dictionary_decode()
    text = _is_text(column.type)
    if text:
        column = pc.split_pattern(column.cast(pa.large_string()), separator)
    elif pa.types.is_null(column.type):
        column = column.cast(pa.large_list(pa.large_string()))
    kind = column.type
    if not (pa.types.is_list(kind) or pa.types.is_large_list(kind)):
        rule = "lists of labels, or text with labels between separators"
        hint = "Give one list of labels a case."
        return Problem(name, rule, f"a column of type {column.type}", hint)
    known = column.is_valid().to_numpy(zero_copy_only=False)
    # Under a null list anything may stand, which `flatten` leaves out.
    lengths = pc.list_value_length(column).fill_null(0).to_numpy(zero_copy_only=False)
    row = np.repeat(np.arange(len(column)), lengths)
    flat = column.flatten()
    if not len(flat):  # lists that hold nothing may be lists of anything
        flat = pa.nulls(0, pa.large_string())
    if text:
        flat = pc.utf8_trim_whitespace(flat)
        row, flat = _only(pc.not_equal(flat, ""), row, flat)
        # Whoever left the text empty did not say that there are none.
        said = np.bincount(row, minlength=len(column))
        known = said > 0
        alone = pa.array(said[row] == 1)
        row, flat = _only(pc.invert(pc.and_(pc.equal(flat, NONE), alone)), row, flat)
    coded = _arrow.labels_to_codes(flat)
    if coded is None:
        return Problem(name, "labels are text", f"lists of {flat.type}", "Recode them as text.")
    return Labels(known, row, coded[0].astype(np.int64), coded[1], text)


def advice(strange: Sequence[str | None], levels: Sequence[str], text: bool) -> str:
    """Say what to do about labels that were not declared."""
    for mark in _SEPARATORS if text else "":
        torn = [{part.strip() for part in label.split(mark)} for label in strange if label]
        if any(len(parts) > 1 and not parts.isdisjoint(levels) for parts in torn):
            return f"If {mark!r} stands between labels, say `separator={mark!r}`; else recode them."
    if NONE in strange:
        own = f"the text {NONE!r} alone" if text else "an empty list"
        return f"Recode them; who has none has {own}."
    if not any(label and label.strip() for label in strange):
        return "Take what is empty out of the lists."
    return "Recode them, or add the label to `levels`."


def _only(wanted: pa.Array, row: npt.NDArray[Any], flat: pa.Array) -> tuple[Any, pa.Array]:
    return row[wanted.to_numpy(zero_copy_only=False)], flat.filter(wanted)


def _is_text(kind: pa.DataType) -> bool:
    return bool(
        pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)
    )


NOT_KNOWN = "not known"
"""What people are shown of cases of which it is not known."""


@attrs.frozen
class MultiValued:
    """A characteristic of which a case may have several, or none, as types of disability.

    Parameters
    ----------
    name : str
        The name in tables; also the column, unless ``column`` is another.
    levels : tuple of str
        Every label there can be, in the order of report.
    column : str
        The column that holds them: lists of labels, or one text a case with the labels
        between separators (``"physical; learning"``). An empty list or the text ``none`` says
        that the case has none; null says that it is not known, and so does text that is empty.
    separator : str
        What stands between labels in text; blanks around labels do not count, nor do separators
        with nothing between or after them.
    indicator : (str, str), optional
        The stratum that says whether a case has any, and the level that says yes:
        ``("disability", "yes")``. It is checked against: a yes without labels, or labels
        beside another level, contradict each other. Beside another level null and empty text
        mean none. Cases without that stratum are not checked.

    Raises
    ------
    DataError
        When levels repeat, are empty, or one is reserved (``all``, ``none``, ``not known``) or
        has the separator in it.
    UsageError
        When another argument is not what it should be.

    Notes
    -----
    One column holds all labels of a case; there is no form with a column for each label. From
    such columns a list is quickly made, as in Polars
    ``pl.concat_list(pl.when(pl.col(c)).then(pl.lit(c)) for c in columns).list.drop_nulls()``.

    Examples
    --------
    >>> import omistats as oms
    >>> languages = oms.MultiValued("languages", ["English", "Welsh"])
    >>> data = {"case_id": [1, 2, 3, 4], "unit": ["A"] * 4}
    >>> cases = oms.CaseSet.from_data(
    ...     {**data, languages.column: ["English; Welsh", "Welsh", "none", None]},
    ...     framework=oms.Framework("visits", ()),
    ... )
    >>> oms.characteristics(cases, [languages])
    Characteristics of 4 cases, unit all
    <BLANKLINE>
    characteristic             n  % of cases  % of known  % of mentions
    languages       English    1        25.0                       33.3
                    Welsh      2        50.0                       66.7
                    none       1        25.0
                    not known  1        25.0
    """

    name: str
    levels: tuple[str, ...] = attrs.field(converter=as_tuple_of_str)
    column: str = ""
    separator: str = attrs.field(default=";", kw_only=True)
    indicator: tuple[str, str] | None = attrs.field(default=None, kw_only=True)

    def __attrs_post_init__(self) -> None:
        given: tuple[tuple[str, Any], ...] = (("name", self.name), ("separator", self.separator))
        for what, value in given:
            if not isinstance(value, str) or not value.strip():
                raise UsageError(f"`{what}` of MultiValued is text, found {format_value(value)}")
        if not self.column:
            object.__setattr__(self, "column", self.name)
        two = self.indicator
        if two is not None and not (
            isinstance(two, tuple) and len(two) == 2 and all(isinstance(v, str) for v in two)
        ):
            raise UsageError(
                "`indicator` is a stratum and the level that says yes, as "
                f"('disability', 'yes'); found {format_value(two)}"
            )
        problems = []
        text = [level for level in self.levels if isinstance(level, str) and level.strip() == level]
        if not self.levels or len({*text}) < len(self.levels) or "" in text:
            rule = "labels are distinct text, at least one, without blanks around"
            hint = "Rename or remove the offending label."
            problems.append(Problem(self.name, rule, format_values(self.levels), hint))
        if taken := [level for level in text if level in (ALL, NONE, NOT_KNOWN)]:
            rule = f"{ALL!r}, {NONE!r} and {NOT_KNOWN!r} are reserved"
            problems.append(Problem(self.name, rule, format_values(taken), "Choose others."))
        if torn := [level for level in text if self.separator in level]:
            rule = f"no label holds the separator {self.separator!r}"
            problems.append(
                Problem(self.name, rule, format_values(torn), "Set another `separator`.")
            )
        if problems:
            raise DataError(problems)


@attrs.frozen(eq=False)
class MultiValuedFlags:
    """Which labels the cases have.

    Attributes
    ----------
    flags : ndarray of bool, shape (levels, cases)
    known : ndarray of bool, shape (cases,)
        Whether it is known which ones a case has; one known to have none has no flag.
    """

    flags: Flags
    known: Flags


def read_multi_valued(
    cases: CaseSet, what: MultiValued, problems: list[Problem]
) -> MultiValuedFlags | None:
    """Read which labels cases have; None after adding to ``problems`` all that is wrong."""
    found = labels_of(cases[what.column], what.name, what.separator)
    if isinstance(found, Problem):
        problems.append(found)
        return None
    known, row, codes, spelled = found.known, found.row, found.codes, found.spelled
    before = len(problems)
    flags = np.zeros((len(what.levels), len(cases)), np.bool_)
    place = {level: i for i, level in enumerate(what.levels)}
    of_label = np.array([place.get(name, -1) for name in spelled] + [-1], np.int64)
    at = of_label[codes]
    ids = cases["case_id"]
    if (at < 0).any():
        rule = f"labels are {format_values(what.levels, 12)}"
        codes_there = dict.fromkeys(codes[at < 0].tolist())
        strange = [None if c < 0 else spelled[c] for c in codes_there]
        text = ", ".join("null" if label is None else repr(label) for label in strange[:5])
        where = _cases(ids, np.unique(row[at < 0]))
        hint = advice(strange, what.levels, found.text)
        problems.append(Problem(what.name, rule, f"{text} {where}", hint))
    good = at >= 0
    pairs = row[good] * len(what.levels) + at[good]
    once, times = np.unique(pairs, return_counts=True)
    if (times > 1).any():
        twice = once[times > 1]
        labels = format_values(
            list(dict.fromkeys(what.levels[i] for i in twice % len(what.levels)))
        )
        where = _cases(ids, np.unique(twice // len(what.levels)))
        hint = "Keep each once."
        rule = "a case has a label once"
        problems.append(Problem(what.name, rule, f"{labels} repeated {where}", hint))
    flags[at[good], row[good]] = True
    any_label = np.zeros(len(cases), np.bool_)
    any_label[row] = True
    if (said := _stratum(cases, what)) is not None:
        problems += _contradictions(cases, what, said, known, any_label)
        known = known | said[1]
    return None if len(problems) > before else MultiValuedFlags(flags, known)


def _stratum(cases: CaseSet, what: MultiValued) -> tuple[Flags, Flags] | None:
    """Say of which cases the stratum says yes, and of which something else."""
    if what.indicator is None or what.indicator[0] not in cases:
        return None
    name, yes = what.indicator
    levels = cases.framework.stratum(name).levels
    codes = _arrow.codes_of(cases[name])
    if yes not in levels:
        raise UsageError(
            f"`indicator` of {what.name!r}: {yes!r} is no level of {name!r}, which has "
            f"{', '.join(map(repr, levels))}"
        )
    return codes == levels.index(yes), (codes >= 0) & (codes != levels.index(yes))


def _contradictions(
    cases: CaseSet, what: MultiValued, said: tuple[Flags, Flags], known: Flags, any_label: Flags
) -> list[Problem]:
    """Report cases whose labels and stratum contradict each other."""
    yes, other = said
    name, level = what.indicator or ("", "")
    checks = (
        (other & any_label, f"only cases whose {name} is {level!r} have labels", "labels"),
        (yes & known & ~any_label, f"a case whose {name} is {level!r} has a label", "none"),
    )
    hint = f"Correct one of the two columns; leave {what.column!r} null where it is not known."
    ids = cases["case_id"]
    return [
        Problem(what.name, rule, f"{text} {_cases(ids, np.flatnonzero(rows))}", hint)
        for rows, rule, text in checks
        if rows.any()
    ]


def _cases(ids: pa.Array, rows: npt.NDArray[Any], most: int = 5) -> str:
    many = len(rows)
    text = ", ".join(map(repr, ids.take(pa.array(rows[:most])).to_pylist()))
    more = f" and {many - most:,} more" if many > most else ""
    return f"in {many:,} case{'s' * (many != 1)}: {text}{more}"
