"""What a sample looks like, as a table."""

from __future__ import annotations

from collections.abc import Sequence

import attrs
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from omistats import _arrow
from omistats.characteristics.columns import Absent, Asked, Many, Read, Single
from omistats.characteristics.marks import invented_columns
from omistats.characteristics.several import NONE
from omistats.characteristics.text import as_html, as_text, rows_of
from omistats.findings.frames import Exports
from omistats.model.cases import CaseSet
from omistats.model.strata import ALL

__all__ = ["Characteristics", "Counted", "counted", "make"]

Counts = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]


@attrs.frozen(eq=False, repr=False)
class Characteristics(Exports):
    """Counts and percentages of the cases by characteristic.

    Attributes
    ----------
    table : pyarrow.Table
        A row a unit x characteristic x level, in this order of nesting: units as declared,
        then ``all``; characteristics as asked for; levels as declared, then, where a case may
        have several, ``none``; last the cases whose level is not known, whose ``level`` is
        null. That row is always there, also with an ``n`` of 0.

        ``unit, characteristic, level`` (dictionary); ``n`` (int64), cases that have the level;
        ``percent`` of all cases and ``percent_known`` of those whose level is known (float64,
        0-100, unrounded), for characteristics of which a case has one; for those of which it
        may have several ``percent_of_cases`` of all cases, which can add up to more than 100,
        and ``percent_of_mentions``, of all levels that all cases have, which adds up to 100;
        ``invented`` (Boolean), whether the cases say that the column was made up; ``reason``
        why there are no figures: of a characteristic without a column there is one row, with
        null for ``level`` and ``n``. Percentages of nothing are null.
    cases : dict of str to int
        The number of cases of every unit.

    Examples
    --------
    >>> import omistats as oms
    >>> framework = oms.Framework("visits", (), [oms.Stratum("sex", ("boy", "girl"))])
    >>> data = {"case_id": [1, 2, 3, 4], "unit": list("ABBB"), "sex": ["boy", "girl", "boy", None]}
    >>> cases = oms.CaseSet.from_data(data, framework=framework)
    >>> found = oms.characteristics(cases, by="unit")
    >>> found.unit("B")
    Characteristics of 3 cases, unit B
    <BLANKLINE>
    characteristic             n  % of cases  % of known
    sex             boy        1        33.3        50.0
                    girl       1        33.3        50.0
                    not known  1        33.3
    """

    table: pa.Table
    cases: dict[str, int]

    def unit(self, name: str) -> Characteristics:
        """Give the rows of one unit, or of ``all``.

        Parameters
        ----------
        name : str
            The unit.

        Returns
        -------
        Characteristics
            Of that unit only.

        Raises
        ------
        UnknownNameError
            When there is no such unit.
        UsageError
            When it is no text.
        """
        return Characteristics(rows_of(self.table, name, self.cases), {name: self.cases[name]})

    def __repr__(self) -> str:
        return as_text(self.table, self.cases)

    def _repr_html_(self) -> str:
        return as_html(self.table, self.cases)


@attrs.frozen(eq=False)
class Counted:
    """Counts of one characteristic.

    Attributes
    ----------
    n : ndarray of int64, shape (units, rows)
        Cases by level; the last row counts those whose level is not known.
    known : ndarray of int64, shape (units, 1)
        Cases whose level is known.
    """

    n: Counts
    known: Counts


def counted(one: Single | Many, unit: npt.NDArray[np.signedinteger], units: int) -> Counted:
    """Count cases by unit and level."""
    if isinstance(one, Single):
        width = len(one.levels) + 1
        # Not known goes last: -1 becomes the last number.
        place = np.where(one.codes < 0, width - 1, one.codes).astype(np.int64)
        cells = np.bincount(unit * np.int64(width) + place, minlength=units * width)
        n = cells.reshape(units, width)
    else:
        flags, known = one.held.flags, one.held.known
        none = known & ~flags.any(axis=0)
        rows = [*flags, none, ~known]
        n = np.stack([np.bincount(unit[row], minlength=units) for row in rows], axis=1)
    n = n.astype(np.int64)
    heads = np.bincount(unit, minlength=units).astype(np.int64)[:, np.newaxis]
    return Counted(n, heads - n[:, -1:])


def make(
    cases: CaseSet, asked: Sequence[Asked], found: Sequence[Read], by_unit: bool
) -> Characteristics:
    """Count and lay out the characteristics of cases."""
    codes = cases.unit_codes.astype(np.int64) if by_unit else np.zeros(len(cases), np.int64)
    count = len(cases.units) if by_unit else 1
    names = (*cases.units, ALL) if by_unit else (ALL,)
    heads = _with_all(np.bincount(codes, minlength=count)[:, np.newaxis], by_unit)
    marked = invented_columns(cases.metadata)
    blocks = [_block(one, codes, count, heads, by_unit) for one in found]
    widths = [len(block.levels) for block in blocks]
    labels = tuple(dict.fromkeys(level for block in blocks for level in block.levels if level))
    place: dict[str | None, int] = {label: i for i, label in enumerate(labels)}
    level = np.array([place.get(v, -1) for block in blocks for v in block.levels], np.int16)
    reasons = np.repeat(np.array([block.reason for block in blocks], object), widths)
    invented = np.repeat([one.column in marked for one in asked], widths)
    rows = sum(widths)
    n = np.concatenate([block.n for block in blocks], axis=1).ravel()
    columns = {
        "unit": _arrow.dictionary(np.repeat(np.arange(len(names), dtype=np.int16), rows), names),
        "characteristic": _arrow.dictionary(
            np.tile(np.repeat(np.arange(len(blocks), dtype=np.int16), widths), len(names)),
            tuple(block.name for block in blocks),
        ),
        "level": _arrow.dictionary(np.tile(level, len(names)), labels),
        "n": _arrow.primitive(np.maximum(n, 0), n >= 0),
        **{
            name: _arrow.floats(np.concatenate([b.percents[i] for b in blocks], axis=1).ravel())
            for i, name in enumerate(_PERCENTS)
        },
        "invented": pa.array(np.tile(invented, len(names))),
        "reason": pa.array(np.tile(reasons, len(names)).tolist(), pa.string()),
    }
    table = pa.table(columns).replace_schema_metadata(dict(cases.metadata) or None)
    return Characteristics(table, dict(zip(names, heads.ravel().tolist(), strict=True)))


_PERCENTS = ("percent", "percent_known", "percent_of_cases", "percent_of_mentions")


@attrs.frozen(eq=False)
class _Block:
    """One characteristic of all units, each array of shape (units, rows)."""

    name: str
    levels: tuple[str | None, ...]
    n: Counts
    percents: tuple[npt.NDArray[np.float64], ...]
    reason: str | None


def _block(one: Read, codes: Counts, units: int, heads: Counts, by_unit: bool) -> _Block:
    if isinstance(one, Absent):
        shape = (len(heads), 1)
        blank = (np.full(shape, np.nan),) * len(_PERCENTS)
        return _Block(one.name, (None,), np.full(shape, -1), blank, one.reason)
    found = counted(one, codes, units)
    n, known = _with_all(found.n, by_unit), _with_all(found.known, by_unit)
    of_all, nothing = _percent(n, heads), np.full(n.shape, np.nan)
    unknown = np.zeros(n.shape, np.bool_)
    unknown[:, -1] = True
    if isinstance(one, Single):
        of_known = np.where(unknown, np.nan, _percent(n, known))
        levels: tuple[str | None, ...] = (*one.levels, None)
        percents = (of_all, of_known, nothing, nothing)
    else:
        labels = len(one.levels)
        mentions = n[:, :labels].sum(axis=1, keepdims=True)
        of_mentions = np.where(np.arange(n.shape[1]) < labels, _percent(n, mentions), np.nan)
        levels = (*one.levels, NONE, None)
        percents = (nothing, nothing, of_all, of_mentions)
    return _Block(one.name, levels, n, percents, None)


def _with_all(n: Counts, by_unit: bool) -> Counts:
    return np.concatenate([n, n.sum(axis=0, keepdims=True)]) if by_unit else n


def _percent(n: Counts, base: Counts) -> npt.NDArray[np.float64]:
    with np.errstate(invalid="ignore", divide="ignore"):
        out: npt.NDArray[np.float64] = 100.0 * n / base
    return out
