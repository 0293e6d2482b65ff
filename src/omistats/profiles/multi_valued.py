"""Multi-valued characteristics: a case may have several levels, or none."""

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

__all__ = ["NONE", "NOT_KNOWN", "MultiValued", "MultiValuedFlags", "read_multi_valued"]


Flags = npt.NDArray[np.bool_]

NONE = "none"
"""Label of a case that has none of the levels, in text and in tables."""

NOT_KNOWN = "not known"
"""Label of cases whose levels are not known, as displayed."""

# Separators to suggest if labels of text are not declared.
_SEPARATORS = ",;|/&+"


@attrs.frozen
class MultiValued:
    """A characteristic with several levels, one or none a case, as types of disability.

    Parameters
    ----------
    name : str
        Name in tables; also the column, unless ``column`` is given.
    levels : tuple of str
        All possible labels, in the order of report.
    column : str
        Column with the labels: lists, or one text a case with separators
        (``"physical; learning"``). An empty list or the text ``none`` means that the case has
        none; null or empty text means that it is not known.
    separator : str
        Separator of labels in text. Blanks around labels are ignored, and so are separators
        without a label between or after them.
    indicator : (str, str), optional
        Stratum that says whether a case has any, and its level for yes:
        ``("disability", "yes")``. Labels are checked against it: a yes without labels is an
        error, and so are labels at another level. At another level null and empty text mean
        none. Cases without that stratum are not checked.

    Raises
    ------
    DataError
        When levels are repeated, empty or reserved (``all``, ``none``, ``not known``), or
        contain the separator.
    UsageError
        When another argument is not valid.

    Notes
    -----
    One column has all labels of a case. Combine separate columns, one for each label, into a
    list first, as in Polars
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
                raise UsageError(
                    f"`{what}` of MultiValued must be text that is not blank; found "
                    f"{format_value(value)}"
                )
        if not self.column:
            object.__setattr__(self, "column", self.name)
        pair = self.indicator
        if pair is not None and not (
            isinstance(pair, tuple) and len(pair) == 2 and all(isinstance(v, str) for v in pair)
        ):
            raise UsageError(
                "`indicator` must be a stratum and its level for yes, as "
                f"('disability', 'yes'); found {format_value(pair)}"
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
        if separated := [level for level in text if self.separator in level]:
            rule = f"no label contains the separator {self.separator!r}"
            hint = "Set another `separator`."
            problems.append(Problem(self.name, rule, format_values(separated), hint))
        if problems:
            raise DataError(problems)


@attrs.frozen(eq=False)
class MultiValuedFlags:
    """Levels of the cases.

    Attributes
    ----------
    flags : ndarray of bool, shape (levels, cases)
        Whether a case has a level; a case that is known to have none has no flag.
    known : ndarray of bool, shape (cases,)
        Whether the levels of a case are known.
    """

    flags: Flags
    known: Flags


def read_multi_valued(
    cases: CaseSet, characteristic: MultiValued, problems: list[Problem]
) -> MultiValuedFlags | None:
    """Read the levels of cases; return None after adding to ``problems``."""
    name, levels = characteristic.name, characteristic.levels
    labels = _split_labels(cases[characteristic.column], name, characteristic.separator)
    if isinstance(labels, Problem):
        problems.append(labels)
        return None
    known, row, codes = labels.known, labels.row, labels.codes
    before = len(problems)
    place = {level: i for i, level in enumerate(levels)}
    level_of_code = np.array([place.get(label, -1) for label in labels.names] + [-1], np.int64)
    level = level_of_code[codes]
    ids = cases["case_id"]
    if (level < 0).any():
        rule = f"labels are {format_values(levels, 12)}"
        unknown_codes = dict.fromkeys(codes[level < 0].tolist())
        unknown = [None if c < 0 else labels.names[c] for c in unknown_codes]
        text = ", ".join("null" if label is None else repr(label) for label in unknown[:5])
        where = _list_cases(ids, np.unique(row[level < 0]))
        hint = _hint(unknown, levels, labels.is_text)
        problems.append(Problem(name, rule, f"{text} {where}", hint))
    good = level >= 0
    pairs = row[good] * len(levels) + level[good]
    distinct, times = np.unique(pairs, return_counts=True)
    if (times > 1).any():
        repeated = distinct[times > 1]
        text = format_values(list(dict.fromkeys(levels[i] for i in repeated % len(levels))))
        where = _list_cases(ids, np.unique(repeated // len(levels)))
        rule, hint = "a case has a label once", "Keep each once."
        problems.append(Problem(name, rule, f"{text} repeated {where}", hint))
    flags = np.zeros((len(levels), len(cases)), np.bool_)
    flags[level[good], row[good]] = True
    any_label = np.zeros(len(cases), np.bool_)
    any_label[row] = True
    if (indicator := _read_indicator(cases, characteristic)) is not None:
        yes, no = indicator
        problems += _contradictions(cases, characteristic, yes & known, no, any_label)
        known = known | no
    return None if len(problems) > before else MultiValuedFlags(flags, known)


@attrs.frozen(eq=False)
class _Labels:
    """Labels of all cases, one after the other.

    Attributes
    ----------
    known : ndarray of bool, shape (cases,)
        Whether the labels of a case are known.
    row : ndarray of int, shape (labels,)
        The case of each label.
    codes : ndarray of int64, shape (labels,)
        Places in ``names``; -1 for null.
    names : list of str
    is_text : bool
        Whether the column is text with separators.
    """

    known: Flags
    row: npt.NDArray[np.intp]
    codes: npt.NDArray[np.int64]
    names: list[str]
    is_text: bool


def _split_labels(column: pa.Array, name: str, separator: str) -> _Labels | Problem:
    """Split a column into labels, or return the problem with it."""
    import pyarrow.compute as pc

    if isinstance(column, pa.DictionaryArray):
        column = column.dictionary_decode()
    is_text = _arrow.is_text(column.type)
    if is_text:
        column = pc.split_pattern(column.cast(pa.large_string()), separator)
    elif pa.types.is_null(column.type):
        column = column.cast(pa.large_list(pa.large_string()))
    kind = column.type
    if not (pa.types.is_list(kind) or pa.types.is_large_list(kind)):
        rule = "lists of labels, or text with labels between separators"
        hint = "Write one list of labels a case."
        return Problem(name, rule, f"a column of type {column.type}", hint)
    known = column.is_valid().to_numpy(zero_copy_only=False)
    # A null list may have values, which `flatten` drops.
    lengths = pc.list_value_length(column).fill_null(0).to_numpy(zero_copy_only=False)
    row = np.repeat(np.arange(len(column)), lengths)
    flat = column.flatten()
    if not len(flat):  # empty lists may be of any type
        flat = pa.nulls(0, pa.large_string())
    if is_text:
        flat = pc.utf8_trim_whitespace(flat)
        row, flat = _keep(pc.not_equal(flat, ""), row, flat)
        # Empty text means not known, the text `none` alone means none.
        labels = np.bincount(row, minlength=len(column))
        known = labels > 0
        alone = pa.array(labels[row] == 1)
        row, flat = _keep(pc.invert(pc.and_(pc.equal(flat, NONE), alone)), row, flat)
    coded = _arrow.labels_to_codes(flat)
    if coded is None:
        return Problem(name, "labels are text", f"lists of {flat.type}", "Recode them as text.")
    return _Labels(known, row, coded[0].astype(np.int64), coded[1], is_text)


def _keep(wanted: pa.Array, row: npt.NDArray[Any], flat: pa.Array) -> tuple[Any, pa.Array]:
    return row[wanted.to_numpy(zero_copy_only=False)], flat.filter(wanted)


def _hint(unknown: Sequence[str | None], levels: Sequence[str], is_text: bool) -> str:
    """Say what to do about labels that are not levels."""
    for mark in _SEPARATORS if is_text else "":
        parts_of = [{part.strip() for part in label.split(mark)} for label in unknown if label]
        if any(len(parts) > 1 and not parts.isdisjoint(levels) for parts in parts_of):
            return f"If {mark!r} separates labels, pass `separator={mark!r}`; else recode them."
    if NONE in unknown:
        none = f"the text {NONE!r} alone" if is_text else "an empty list"
        return f"Recode them; for a case that has none write {none}."
    if not any(label and label.strip() for label in unknown):
        return "Drop null and empty labels from the lists."
    return "Recode them, or add the label to `levels`."


def _read_indicator(cases: CaseSet, characteristic: MultiValued) -> tuple[Flags, Flags] | None:
    """Return whether the indicator of each case is yes, and whether it is another level."""
    if characteristic.indicator is None or characteristic.indicator[0] not in cases:
        return None
    name, yes = characteristic.indicator
    levels = cases.framework.stratum(name).levels
    codes = _arrow.codes_of(cases[name])
    if yes not in levels:
        raise UsageError(
            f"`indicator` of {characteristic.name!r}: {yes!r} is no level of {name!r}; choose "
            f"from {', '.join(map(repr, levels))}"
        )
    return codes == levels.index(yes), (codes >= 0) & (codes != levels.index(yes))


def _contradictions(
    cases: CaseSet, characteristic: MultiValued, yes: Flags, no: Flags, any_label: Flags
) -> list[Problem]:
    """List contradictions between labels and indicator; ``yes`` has cases of known labels."""
    name, level = characteristic.indicator or ("", "")
    checks = (
        (no & any_label, f"only cases whose {name} is {level!r} have labels", "labels"),
        (yes & ~any_label, f"a case whose {name} is {level!r} has a label", "none"),
    )
    column = characteristic.column
    hint = f"Correct one of the two columns; leave {column!r} null where it is not known."
    ids = cases["case_id"]
    return [
        Problem(characteristic.name, rule, f"{text} {_list_cases(ids, np.flatnonzero(rows))}", hint)
        for rows, rule, text in checks
        if rows.any()
    ]


def _list_cases(ids: pa.Array, rows: npt.NDArray[Any], most: int = 5) -> str:
    many = len(rows)
    text = ", ".join(map(repr, ids.take(pa.array(rows[:most])).to_pylist()))
    more = f" and {many - most:,} more" if many > most else ""
    return f"in {many:,} case{'s' * (many != 1)}: {text}{more}"
