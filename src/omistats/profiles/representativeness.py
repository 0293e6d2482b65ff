"""Representativeness()."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from omistats import _arrow
from omistats._result_tables import Display, TableResult
from omistats.breakdowns.base import Breakdown
from omistats.counting.tally import By, check_by
from omistats.errors import UnknownNameError, UsageError, as_tuple, format_value
from omistats.kernel.design import Population
from omistats.model.case_set import CaseSet
from omistats.model.framework import ALL
from omistats.model.metadata import invented_columns, is_synthetic, merge_metadata, with_invented
from omistats.model.survey_design import (
    Column,
    Lonely,
    SampleDesign,
    is_complex_design,
    resolve_design,
)
from omistats.profiles.caseload_match import Pair, disagreements, pairs
from omistats.profiles.characteristics import asked_for, names_of, others, rows_of, sentence
from omistats.profiles.goodness_of_fit import (
    Fit,
    distance,
    drawn_fit,
    exact_p_value,
    fit,
    standardised,
)

__all__ = ["Line", "Representativeness", "laid_out", "representativeness"]


Sizes = Mapping[str, tuple[int, int]]

_PLAIN = ("n", "sample %", "caseload %", "difference", "standardised", "p_value")
_WEIGHTED = ("weighted %", "weighted diff.", "weighted p")


def _number(value: float | None, form: str) -> str:
    return "" if value is None else format(value, form)


def _p_value(row: dict[str, Any], first: bool, head: str = "") -> str:
    """Show a p-value once a characteristic; a mark says that it is rough."""
    value = row[head + "p_value"]
    if not first or value is None:
        return ""
    shown = "<0.001" if value < 0.001 else f"{value:.3f}"
    return shown + "?" * bool(row["small"])


def _shown(table: pa.Table, sizes: Sizes, disagreements: Mapping[str, int]) -> Display:
    unit = next(iter(sizes))
    rows = table.slice(0, table.num_rows // len(sizes)).to_pylist()
    weighted = "weighted_percent" in table.column_names
    titles = ["characteristic", "", *_PLAIN, *(_WEIGHTED if weighted else ())]
    lines, notes = [titles], []
    for row, (name, level) in zip(rows, names_of(rows), strict=True):
        if row["n"] is None:
            lines.append([name, sentence(row["reason"]), *[""] * (len(titles) - 2)])
            continue
        first = bool(name)
        line = [
            name,
            level,
            f"{row['n']:,}",
            _number(row["percent"], ".1f"),
            _number(row["caseload_percent"], ".1f"),
            _number(row["difference"], "+z.1f"),
            _number(row["standardised"], "z.2f"),
            _p_value(row, first),
        ]
        if weighted:
            line += [
                _number(row["weighted_percent"], ".1f"),
                _number(row["weighted_difference"], "+z.1f"),
                _p_value(row, first, "weighted_"),
            ]
        lines.append(line)
        if first and row["reason"]:
            notes.append(f"{row['characteristic']}: {row['reason']}")
        if first and weighted and row["weighted_reason"]:
            notes.append(f"{row['characteristic']}, weighted: {row['weighted_reason']}")
    if any(cell.endswith("?") for line in lines for cell in line):
        notes.append("?: an expected count is below 5, and the p-value rough")
    notes += [
        f"{name}: {many:,} case{'s' * (many != 1)} of the sample with another level in the caseload"
        for name, many in disagreements.items()
    ]
    if more := others(sizes):
        notes.append(more)
    made_up = "SYNTHETIC " * is_synthetic(table.schema.metadata)
    n, N = sizes[unit]
    head = f"Representativeness of {n:,} {made_up}cases of a caseload of {N:,}, unit {unit}"
    return Display(head, lines, "\n".join(notes), labels=2)


Floats = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]

SMALL = 5
"""An expected count below it is small."""


@attrs.frozen(eq=False, repr=False)
class Representativeness(TableResult):
    """A sample beside the caseload that it was drawn from.

    Attributes
    ----------
    table : pyarrow.Table
        A row a unit x characteristic x level; last of each characteristic the cases whose
        level is not known, whose ``level`` is null.

        ``unit, characteristic, level`` (dictionary); ``n, caseload_n`` (int64), cases of the
        sample and of the caseload; of those whose level is known ``percent,
        caseload_percent``; their ``difference`` in percentage points; ``standardised``, the
        difference of the shares over ``sqrt(P (1 - P))`` of the caseload's; ``expected``
        (float64), how many cases drawing with equal chances within units leads one to expect.

        Of the characteristic, and repeated on its rows: ``distance``, the standardised
        difference of the whole distribution, which is not negative; ``statistic, df, p_value``
        of the test with finite correction; ``exact_p_value``, where the caseload has two
        levels; ``smallest_expected`` and ``small`` (Boolean), whether that is below 5, so that
        the p-value is rough.

        Where cases were weighted or drawn by a design also ``weighted_percent,
        weighted_difference, weighted_standardised, weighted_distance, weighted_statistic,
        weighted_df, weighted_p_value, weighted_reason``.

        ``invented`` (Boolean), whether sample or caseload say that the column was made up;
        ``reason`` why there is no test, or no figure.
    sizes : dict of str to (int, int)
        Cases of the sample and of the caseload, by unit.
    disagreements : dict of str to int
        By characteristic, how many cases of the sample have another level in the caseload; only
        where there are such. The test takes both as records of the same thing.

    Examples
    --------
    >>> import omistats as oms
    >>> cases = oms.omi2.load_synthetic()
    >>> sample = cases.filter([i % 3 == 0 for i in range(len(cases))])
    >>> found = oms.representativeness(sample, cases, of=["gender"], by="unit")
    >>> found.unit("U03")
    Representativeness of 39 SYNTHETIC cases of a caseload of 118, unit U03
    <BLANKLINE>
    characteristic              n  sample %  caseload %  difference  standardised  p_value
    gender          male       33      84.6        86.4        -1.8         -0.05    0.685
                    female      6      15.4        13.6        +1.8          0.05
                    not known   0
    """

    table: pa.Table
    sizes: Mapping[str, tuple[int, int]]
    disagreements: Mapping[str, int]

    def unit(self, name: str) -> Representativeness:
        """Give the rows of one unit, or of ``all``; disagreements are those of the whole sample.

        Parameters
        ----------
        name : str
            The unit.

        Returns
        -------
        Representativeness
            Of that unit only.

        Raises
        ------
        UnknownNameError
            When there is no such unit.
        UsageError
            When it is no text.
        """
        table = rows_of(self.table, name, self.sizes)
        return Representativeness(table, {name: self.sizes[name]}, self.disagreements)

    def _display(self) -> Display:
        return _shown(self.table, self.sizes, self.disagreements)


@attrs.frozen(eq=False)
class Line:
    """One characteristic in one unit; shares are 0-1, by level."""

    unit: str
    name: str
    column: str
    levels: tuple[str, ...]
    n: Counts
    N: Counts
    p: Floats
    P: Floats
    standardised: Floats
    distance: float
    expected: Floats
    smallest_expected: float
    test: Fit | None
    exact_p_value: float
    reason: str | None
    weighted_p: Floats | None = None
    weighted_standardised: Floats | None = None
    weighted_distance: float = np.nan
    weighted_test: Fit | None = None
    weighted_reason: str | None = None

    @classmethod
    def blank(cls, unit: str, name: str, column: str, reason: str) -> Line:
        """Give a characteristic that there is nothing to say about."""
        none, no = np.zeros(0), np.zeros(0, np.int64)
        nan = float("nan")
        figures = (none, none, none, nan, none, nan, None, nan)
        return cls(unit, name, column, (), no, no, *figures, reason)


def laid_out(lines: Sequence[Line], sample: CaseSet, caseload: CaseSet, weighted: bool) -> pa.Table:
    """Make the table of all lines."""
    metadata = merge_metadata([sample.metadata, caseload.metadata])
    marked = invented_columns(sample.metadata) | invented_columns(caseload.metadata)
    if marked:
        metadata = with_invented(metadata, marked)
    widths = [len(line.levels) + 1 for line in lines]

    def text(values: list[Any]) -> pa.Array:
        labels = tuple(dict.fromkeys(v for v in values if v is not None))
        place: dict[str | None, int] = {label: i for i, label in enumerate(labels)}
        codes = np.array([place.get(v, -1) for v in values], np.int16)
        return _arrow.dictionary(codes, labels)

    def repeated(values: Sequence[Any]) -> list[Any]:
        return [v for v, width in zip(values, widths, strict=True) for _ in range(width)]

    def by_level(values: Sequence[Floats | None]) -> pa.Array:
        parts = [
            np.append(np.full(width - 1, np.nan) if v is None else v, np.nan)
            for v, width in zip(values, widths, strict=True)
        ]
        return _arrow.floats(np.concatenate(parts).astype(np.float64))

    def once(values: Sequence[float]) -> pa.Array:
        return _arrow.floats(np.array(repeated(values), np.float64))

    def of_tests(tests: Sequence[Fit | None], head: str = "") -> dict[str, pa.Array]:
        return {
            head + name: once([np.nan if t is None else getattr(t, name) for t in tests])
            for name in ("statistic", "df", "p_value")
        }

    def counts(values: Sequence[Counts]) -> pa.Array:
        # A characteristic that is absent has a row without a count.
        parts = [v if len(v) else np.array([-1]) for v in values]
        flat = np.concatenate(parts).astype(np.int64)
        return _arrow.primitive(np.maximum(flat, 0), flat >= 0)

    smallest = np.array(repeated([line.smallest_expected for line in lines]))
    columns = {
        "unit": text(repeated([line.unit for line in lines])),
        "characteristic": text(repeated([line.name for line in lines])),
        "level": text([v for line in lines for v in (*line.levels, None)]),
        "n": counts([line.n for line in lines]),
        "percent": by_level([100 * line.p for line in lines]),
        "caseload_n": counts([line.N for line in lines]),
        "caseload_percent": by_level([100 * line.P for line in lines]),
        "difference": by_level([100 * (line.p - line.P) for line in lines]),
        "standardised": by_level([line.standardised for line in lines]),
        "expected": by_level([line.expected for line in lines]),
        "distance": once([line.distance for line in lines]),
        **of_tests([line.test for line in lines]),
        "exact_p_value": once([line.exact_p_value for line in lines]),
        "smallest_expected": _arrow.floats(smallest),
        "small": pa.array(smallest < SMALL, pa.bool_(), mask=np.isnan(smallest)),
    }
    if weighted:
        shares = [line.weighted_p for line in lines]
        gaps = [
            None if line.weighted_p is None else 100 * (line.weighted_p - line.P) for line in lines
        ]
        columns |= {
            "weighted_percent": by_level([None if p is None else 100 * p for p in shares]),
            "weighted_difference": by_level(gaps),
            "weighted_standardised": by_level([line.weighted_standardised for line in lines]),
            "weighted_distance": once([line.weighted_distance for line in lines]),
            **of_tests([line.weighted_test for line in lines], "weighted_"),
            "weighted_reason": pa.array(
                repeated([line.weighted_reason for line in lines]), pa.string()
            ),
        }
    columns["invented"] = pa.array(repeated([line.column in marked for line in lines]))
    columns["reason"] = pa.array(repeated([line.reason for line in lines]), pa.string())
    return pa.table(columns).replace_schema_metadata(metadata or None)


_BOOSTED = "boosted on purpose: shown, not tested"
_WHOLE = "the whole caseload is in the sample: nothing to test"
_ALIKE = "all cases of the caseload are alike"
_NOBODY = "no case in the sample whose level is known"
_ABSENT = "no case in the caseload whose level is known"
_HELD = "the design holds these shares, or leaves nothing to tell their error by"


def representativeness(
    sample: CaseSet,
    caseload: CaseSet,
    *,
    of: Iterable[str | Breakdown | type[Breakdown]] | None = None,
    boosted: Iterable[str] = (),
    weight: Column = None,
    stratum: Column = "unit",
    cluster: Column = None,
    population: str | Population = None,
    lonely: Lonely = "error",
    by: By | None = None,
    check_ids: bool = True,
) -> Representativeness:
    """Lay a sample beside the caseload that it was drawn from.

    Parameters
    ----------
    sample : CaseSet
        The cases drawn.
    caseload : CaseSet
        All cases that could have been drawn, those of the sample among them; under a framework
        that need not ask any question.
    of : iterable of str or Breakdown, optional
        Names of strata or breakdowns, and breakdowns; every stratum of the sample's framework
        by default.
    boosted : iterable of str, optional
        Characteristics whose shares were raised on purpose: they are shown and not tested
        (weighted, they are tested like all).
    weight, stratum, cluster : str or array_like, optional
        How cases were drawn, as in `omistats.recompute`: a column, or one value a case. Where
        any of these or ``population`` is given, weighted shares stand beside the plain ones,
        with a test that goes by the design.
    population : float, mapping of str to float, str or array_like, optional
        The same: how many of what was drawn each stratum has.
    lonely : {'error', 'null', 'remove', 'adjust'}
        The same: what to do about a stratum of which one was drawn. Without a design it does
        not matter.
    by : {'unit'}, optional
        Give every unit, then all together; by default only all together.
    check_ids : bool
        Refuse a sample with a case that is not in the caseload, by ``case_id``, or is there
        in another unit. Say False where ids were changed on purpose.

    Returns
    -------
    Representativeness
        A row a unit, characteristic and level: counts and percentages of both, their
        difference, and a test of each characteristic.

    Raises
    ------
    UsageError
        When arguments do not fit together, or a case may have several of a characteristic.
    UnknownNameError
        When a characteristic or column is unknown.
    DataError
        When the sample cannot have come from the caseload: it is larger, has cases, units or
        levels that the caseload lacks, or more of a level than there are, all told at once; or
        when weights and the like cannot be what they should.

    Notes
    -----
    Cases are taken as drawn without replacement and with equal chances within their unit. In
    one unit the test is Pearson's goodness of fit with the finite correction
    ``(N - 1) / (N - n)``; over units, deviations and their covariances are summed. Cases
    whose level is not known are shown and are outside percentages and tests. That a test finds
    nothing does not show that a sample is representative; look at the standardised differences.

    References
    ----------
    Yang, D. and Dalton, J. E. (2012). A unified approach to measuring the effect size between
    two groups using SAS. SAS Global Forum, paper 335 (``distance``). Rao, J. N. K. and Scott,
    A. J. (1981). Journal of the American Statistical Association 76, 221-230 (weighted test).

    Examples
    --------
    >>> import omistats as oms
    >>> caseload = oms.omi2.load_synthetic()
    >>> sample = caseload.filter([i % 8 == 0 for i in range(len(caseload))])
    >>> oms.representativeness(sample, caseload, of=["gender"])
    Representativeness of 277 SYNTHETIC cases of a caseload of 2,213, unit all
    <BLANKLINE>
    characteristic               n  sample %  caseload %  difference  standardised  p_value
    gender          male       246      88.8        88.4        +0.4          0.01    0.802
                    female      31      11.2        11.6        -0.4         -0.01
                    not known    0
    """
    check_by(by)
    for name, value in (("sample", sample), ("caseload", caseload)):
        if not isinstance(value, CaseSet):
            raise UsageError(f"`{name}` is a CaseSet, found {format_value(value)}")
    asked = asked_for(of, sample.framework)
    names = [one.name for one in asked]
    on_purpose = as_tuple("boosted", boosted, "names of characteristics")
    if unknown := [name for name in on_purpose if name not in names]:
        raise UnknownNameError("boosted characteristic", unknown, names)
    found = pairs(sample, caseload, asked, check_ids)
    design: dict[str, Any] = {
        "weight": weight,
        "stratum": stratum,
        "cluster": cluster,
        "population": population,
    }
    drawn = resolve_design(sample, lonely, **design) if is_complex_design(**design) else None
    units = [(u, slice(i, i + 1)) for i, u in enumerate(sample.units)] if by == "unit" else []
    blocks = [*units, (ALL, slice(0, len(sample.units)))]
    lines = [
        _line(unit, where, pair, pair.name in on_purpose, sample, drawn)
        for unit, where in blocks
        for pair in found
    ]
    return Representativeness(
        laid_out(lines, sample, caseload, drawn is not None),
        dict(_sizes(sample, caseload, blocks)),
        disagreements(sample, caseload, found) if check_ids else {},
    )


def _sizes(
    sample: CaseSet, caseload: CaseSet, blocks: list[tuple[str, slice]]
) -> Iterator[tuple[str, tuple[int, int]]]:
    n = np.bincount(sample.unit_codes, minlength=len(sample.units))
    counts = np.bincount(caseload.unit_codes, minlength=len(caseload.units)).tolist()
    theirs = dict(zip(caseload.units, counts, strict=True))
    N = np.array([theirs.get(unit, 0) for unit in sample.units])
    for unit, where in blocks:
        yield unit, (int(n[where].sum()), int(N[where].sum()))


def _line(
    unit: str, where: slice, pair: Pair, boosted: bool, sample: CaseSet, drawn: SampleDesign | None
) -> Line:
    """Compare one characteristic in one unit, or in all."""
    if pair.reason is not None:
        return Line.blank(unit, pair.name, pair.column, pair.reason)
    n, N = pair.n[where, :-1].astype(np.float64), pair.N[where, :-1].astype(np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        p, P = n.sum(axis=0) / n.sum(), N.sum(axis=0) / N.sum()
        of_units = np.nan_to_num(N / N.sum(axis=1, keepdims=True))
    expected = n.sum(axis=1) @ of_units
    reason = _reason(n, N, boosted)
    tested = fit(n, N) if reason is None else None
    there = N.sum(axis=0) > 0
    line = Line(
        unit=unit,
        name=pair.name,
        column=pair.column,
        levels=pair.levels,
        n=pair.n[where].sum(axis=0),
        N=pair.N[where].sum(axis=0),
        p=p,
        P=P,
        standardised=standardised(p, P),
        distance=distance(p, P),
        expected=expected,
        smallest_expected=float(expected[there].min()) if there.any() and n.sum() else np.nan,
        test=tested,
        exact_p_value=exact_p_value(n, N) if reason is None else np.nan,
        reason=reason,
    )
    return line if drawn is None else _weighted(line, where, pair, P, sample, drawn, n, N)


def _weighted(
    line: Line,
    where: slice,
    pair: Pair,
    P: Floats,
    sample: CaseSet,
    drawn: SampleDesign,
    n: Floats,
    N: Floats,
) -> Line:
    starts, order = sample.packed.starts, sample.packed.order
    rows = slice(int(starts[where.start]), int(starts[where.stop]))
    codes = (pair.codes if order is None else pair.codes[order])[rows]
    weight = drawn.weight[rows]
    used = np.where(codes >= 0, weight, 0.0)
    totals = np.bincount(np.maximum(codes, 0), used, len(pair.levels))
    with np.errstate(invalid="ignore", divide="ignore"):
        p = totals / totals.sum()
    reason = _reason(n, N, boosted=False)
    test = None
    if reason is None:
        test = drawn_fit(codes, weight, P, drawn.design, rows)
        if np.isnan(test.p_value):
            test, reason = None, _HELD
    return attrs.evolve(
        line,
        weighted_p=p,
        weighted_standardised=standardised(p, P),
        weighted_distance=distance(p, P),
        weighted_test=test,
        weighted_reason=reason,
    )


def _reason(n: Floats, N: Floats, boosted: bool) -> str | None:
    """Say why there is no test, if there is none."""
    if not N.sum():
        return _ABSENT
    if not n.sum():
        return _NOBODY
    if boosted:
        return _BOOSTED
    if (N.sum(axis=0) > 0).sum() < 2:
        return _ALIKE
    if n.sum() == N.sum():
        return _WHOLE
    return None if not np.isnan(fit(n, N).p_value) else _ALIKE
