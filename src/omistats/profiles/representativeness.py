"""Representativeness: compare a sample with the caseload that it was drawn from."""

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
    LonelyName,
    SampleDesign,
    is_complex_design,
    resolve_design,
)
from omistats.profiles.caseload_match import Pair, disagreements, match_characteristics
from omistats.profiles.characteristics import (
    in_brackets,
    more_units,
    resolve_characteristics,
    row_labels,
    unit_rows,
)
from omistats.profiles.goodness_of_fit import (
    Fit,
    design_based_fit,
    distance,
    exact_p_value,
    fit,
    standardised,
)

__all__ = ["Representativeness", "representativeness"]


Floats = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]
Sizes = Mapping[str, tuple[int, int]]

_SMALL_EXPECTED = 5

_BOOSTED = "boosted on purpose: shown, not tested"
_WHOLE = "the whole caseload is in the sample: nothing to test"
_ALIKE = "all cases of the caseload are alike"
_NOBODY = "no case in the sample whose level is known"
_ABSENT = "no case in the caseload whose level is known"
_NO_ERROR = "the design holds these shares, or leaves nothing to tell their error by"


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
    lonely: LonelyName = "error",
    by: By | None = None,
    check_ids: bool = True,
) -> Representativeness:
    """Compare a sample with the caseload that it was drawn from.

    Parameters
    ----------
    sample : CaseSet
        The cases drawn.
    caseload : CaseSet
        All cases that could have been drawn, including those of the sample. Its framework
        needs no questions.
    of : iterable of str or Breakdown, optional
        Characteristics: names of strata or breakdowns, and breakdowns; by default every
        stratum of the sample's framework.
    boosted : iterable of str, optional
        Characteristics that were over-sampled on purpose. They are shown but not tested; their
        weighted distributions are tested.
    weight, stratum, cluster : str or array_like, optional
        Design of the sample, as in `omistats.recompute`: a column, or one value a case; a pandas
        Series goes by its index. With any
        of these or ``population``, weighted percentages and a design-based test are added.
    population : float, mapping of str to float, str or array_like, optional
        Number of clusters, or of cases, in each stratum's population, as in
        `omistats.recompute`.
    lonely : {'error', 'null', 'remove', 'adjust', 'average'}, or 'fail' or 'certainty'
        Treatment of a stratum with one cluster, as in `omistats.recompute`. It matters only
        with a design.
    by : {'unit'}, optional
        Compare every unit, then all together; by default only all together.
    check_ids : bool
        Whether to raise if a case of the sample is not in the caseload, by ``case_id``, or is
        in another unit there. Pass False if ids were changed on purpose.

    Returns
    -------
    Representativeness
        One row a unit, characteristic and level: counts and percentages of both, their
        difference, and a test of each characteristic.

    Raises
    ------
    UsageError
        When arguments do not fit together, or a characteristic is multi-valued.
    UnknownNameError
        When a characteristic or column is unknown.
    DataError
        When the sample cannot have come from the caseload: it is larger, has cases, units or
        levels that the caseload lacks, or more cases of a level than the caseload. All problems
        are reported together. Also when weights, strata, clusters or populations are not valid.

    Notes
    -----
    The test assumes that cases were drawn without replacement, all cases of a unit equally
    likely. In one unit it is Pearson's goodness of fit with the finite population correction
    ``(N - 1) / (N - n)``; over units, deviations and their covariances are summed. Cases whose
    level is not known are shown, but are not in percentages or tests. A test that finds no
    difference does not show that a sample is representative; look at the standardised
    differences.

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
            raise UsageError(
                f"`{name}` must be a CaseSet; found {format_value(value)}; make one with "
                "CaseSet.from_data"
            )
    specs = resolve_characteristics(of, sample.framework)
    names = [spec.name for spec in specs]
    boosted_names = as_tuple("boosted", boosted, "names of characteristics")
    if unknown := [name for name in boosted_names if name not in names]:
        raise UnknownNameError("boosted characteristic", unknown, names)
    pairs = match_characteristics(sample, caseload, specs, check_ids)
    design: dict[str, Any] = {
        "weight": weight,
        "stratum": stratum,
        "cluster": cluster,
        "population": population,
    }
    sample_design = (
        resolve_design(sample, lonely, **design) if is_complex_design(**design) else None
    )
    single_units = (
        [(u, slice(i, i + 1)) for i, u in enumerate(sample.units)] if by == "unit" else []
    )
    units = [*single_units, (ALL, slice(0, len(sample.units)))]
    profiles = [
        _compare(unit, where, pair, pair.name in boosted_names, sample, sample_design)
        for unit, where in units
        for pair in pairs
    ]
    return Representativeness(
        _build_table(profiles, sample, caseload, sample_design is not None),
        dict(_sizes(sample, caseload, units)),
        disagreements(sample, caseload, pairs) if check_ids else {},
    )


@attrs.frozen(eq=False, repr=False)
class Representativeness(TableResult):
    """Comparison of a sample with the caseload that it was drawn from.

    Attributes
    ----------
    table : pyarrow.Table
        One row a unit x characteristic x level. The last row of a characteristic counts the
        cases whose level is not known; its ``level`` is null.

        ``unit, characteristic, level`` (dictionary); ``n, caseload_n`` (int64), cases of the
        sample and of the caseload; ``percent, caseload_percent`` of the cases whose level is
        known; their ``difference`` in percentage points; ``standardised``, the difference of
        proportions divided by ``sqrt(P (1 - P))`` with P the caseload's; ``expected`` (float64),
        the number of cases expected if all cases of a unit are equally likely to be drawn.

        Repeated on the rows of a characteristic: ``distance``, the standardised difference of
        the whole distribution, which is not negative; ``statistic, df, p_value`` of the test
        with finite population correction; ``exact_p_value``, if the caseload has two levels;
        ``smallest_expected`` and ``small`` (Boolean), whether that is below 5, so that the
        p-value is rough.

        With weights or a design also ``weighted_percent, weighted_difference,
        weighted_standardised, weighted_distance, weighted_statistic, weighted_df,
        weighted_p_value, weighted_reason``.

        ``invented`` (Boolean), whether the metadata of sample or caseload mark the column as
        invented; ``reason``, why there is no test or no figure.
    sizes : dict of str to (int, int)
        Cases of the sample and of the caseload, by unit.
    disagreements : dict of str to int
        Number of cases of the sample with another level in the caseload, by characteristic;
        zeros are dropped. The test assumes that both are records of the same thing.

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
        """Return the rows of one unit, or of ``all``; disagreements stay those of all units.

        Parameters
        ----------
        name : str
            The unit.

        Returns
        -------
        Representativeness
            The rows of that unit.

        Raises
        ------
        UnknownNameError
            When the unit is unknown.
        UsageError
            When the unit is not text.
        """
        table = unit_rows(self.table, name, self.sizes)
        return Representativeness(table, {name: self.sizes[name]}, self.disagreements)

    def _display(self) -> Display:
        return _build_display(self.table, self.sizes, self.disagreements)


@attrs.frozen(eq=False)
class _Profile:
    """Comparison of one characteristic in one unit; proportions are 0-1, by level."""

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
    def blank(cls, unit: str, name: str, column: str, reason: str) -> _Profile:
        """Make a characteristic without figures."""
        none, no_counts = np.zeros(0), np.zeros(0, np.int64)
        nan = float("nan")
        figures = (none, none, none, nan, none, nan, None, nan)
        return cls(unit, name, column, (), no_counts, no_counts, *figures, reason)


def _sizes(
    sample: CaseSet, caseload: CaseSet, units: list[tuple[str, slice]]
) -> Iterator[tuple[str, tuple[int, int]]]:
    n = np.bincount(sample.unit_codes, minlength=len(sample.units))
    counts = np.bincount(caseload.unit_codes, minlength=len(caseload.units)).tolist()
    caseload_sizes = dict(zip(caseload.units, counts, strict=True))
    N = np.array([caseload_sizes.get(unit, 0) for unit in sample.units])
    for unit, where in units:
        yield unit, (int(n[where].sum()), int(N[where].sum()))


def _compare(
    unit: str,
    where: slice,
    pair: Pair,
    boosted: bool,
    sample: CaseSet,
    design: SampleDesign | None,
) -> _Profile:
    """Compare one characteristic in one unit, or in all together."""
    if pair.reason is not None:
        return _Profile.blank(unit, pair.name, pair.column, pair.reason)
    n, N = pair.n[where, :-1].astype(np.float64), pair.N[where, :-1].astype(np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        p, P = n.sum(axis=0) / n.sum(), N.sum(axis=0) / N.sum()
        by_unit = np.nan_to_num(N / N.sum(axis=1, keepdims=True))
    expected = n.sum(axis=1) @ by_unit
    reason = _reason(n, N, boosted)
    used = N.sum(axis=0) > 0
    profile = _Profile(
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
        smallest_expected=float(expected[used].min()) if used.any() and n.sum() else np.nan,
        test=fit(n, N) if reason is None else None,
        exact_p_value=exact_p_value(n, N) if reason is None else np.nan,
        reason=reason,
    )
    return profile if design is None else _add_weighted(profile, where, pair, sample, design, n, N)


def _add_weighted(
    profile: _Profile,
    where: slice,
    pair: Pair,
    sample: CaseSet,
    design: SampleDesign,
    n: Floats,
    N: Floats,
) -> _Profile:
    P = profile.P
    starts, order = sample.packed.starts, sample.packed.order
    rows = slice(int(starts[where.start]), int(starts[where.stop]))
    codes = (pair.codes if order is None else pair.codes[order])[rows]
    weight = design.weight[rows]
    known_weight = np.where(codes >= 0, weight, 0.0)
    totals = np.bincount(np.maximum(codes, 0), known_weight, len(pair.levels))
    with np.errstate(invalid="ignore", divide="ignore"):
        p = totals / totals.sum()
    reason = _reason(n, N, boosted=False)
    test = None
    if reason is None:
        test = design_based_fit(codes, weight, P, design.design, rows)
        if np.isnan(test.p_value):
            test, reason = None, _NO_ERROR
    return attrs.evolve(
        profile,
        weighted_p=p,
        weighted_standardised=standardised(p, P),
        weighted_distance=distance(p, P),
        weighted_test=test,
        weighted_reason=reason,
    )


def _reason(n: Floats, N: Floats, boosted: bool) -> str | None:
    """Return the reason why there is no test; None if there is one."""
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


def _build_table(
    profiles: Sequence[_Profile], sample: CaseSet, caseload: CaseSet, weighted: bool
) -> pa.Table:
    metadata = merge_metadata([sample.metadata, caseload.metadata])
    marked = invented_columns(sample.metadata) | invented_columns(caseload.metadata)
    if marked:
        metadata = with_invented(metadata, marked)
    widths = [len(profile.levels) + 1 for profile in profiles]

    def labels_of(values: list[Any]) -> pa.Array:
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

    def by_characteristic(values: Sequence[float]) -> pa.Array:
        return _arrow.floats(np.array(repeated(values), np.float64))

    def test_columns(tests: Sequence[Fit | None], head: str = "") -> dict[str, pa.Array]:
        return {
            head + name: by_characteristic(
                [np.nan if t is None else getattr(t, name) for t in tests]
            )
            for name in ("statistic", "df", "p_value")
        }

    def counts(values: Sequence[Counts]) -> pa.Array:
        # A characteristic without a column has one row, without a count.
        parts = [v if len(v) else np.array([-1]) for v in values]
        flat = np.concatenate(parts).astype(np.int64)
        return _arrow.primitive(np.maximum(flat, 0), flat >= 0)

    smallest = np.array(repeated([p.smallest_expected for p in profiles]))
    columns = {
        "unit": labels_of(repeated([p.unit for p in profiles])),
        "characteristic": labels_of(repeated([p.name for p in profiles])),
        "level": labels_of([level for p in profiles for level in (*p.levels, None)]),
        "n": counts([p.n for p in profiles]),
        "percent": by_level([100 * p.p for p in profiles]),
        "caseload_n": counts([p.N for p in profiles]),
        "caseload_percent": by_level([100 * p.P for p in profiles]),
        "difference": by_level([100 * (p.p - p.P) for p in profiles]),
        "standardised": by_level([p.standardised for p in profiles]),
        "expected": by_level([p.expected for p in profiles]),
        "distance": by_characteristic([p.distance for p in profiles]),
        **test_columns([p.test for p in profiles]),
        "exact_p_value": by_characteristic([p.exact_p_value for p in profiles]),
        "smallest_expected": _arrow.floats(smallest),
        "small": pa.array(smallest < _SMALL_EXPECTED, pa.bool_(), mask=np.isnan(smallest)),
    }
    if weighted:
        percents = [None if p.weighted_p is None else 100 * p.weighted_p for p in profiles]
        differences = [
            None if p.weighted_p is None else 100 * (p.weighted_p - p.P) for p in profiles
        ]
        columns |= {
            "weighted_percent": by_level(percents),
            "weighted_difference": by_level(differences),
            "weighted_standardised": by_level([p.weighted_standardised for p in profiles]),
            "weighted_distance": by_characteristic([p.weighted_distance for p in profiles]),
            **test_columns([p.weighted_test for p in profiles], "weighted_"),
            "weighted_reason": pa.array(
                repeated([p.weighted_reason for p in profiles]), pa.string()
            ),
        }
    columns["invented"] = pa.array(repeated([p.column in marked for p in profiles]))
    columns["reason"] = pa.array(repeated([p.reason for p in profiles]), pa.string())
    return pa.table(columns).replace_schema_metadata(metadata or None)


_TITLES = ("n", "sample %", "caseload %", "difference", "standardised", "p_value")
_WEIGHTED_TITLES = ("weighted %", "weighted diff.", "weighted p")


def _number(value: float | None, form: str) -> str:
    return "" if value is None else format(value, form)


def _p_value(row: dict[str, Any], first: bool, head: str = "") -> str:
    """Format a p-value, in the first row of a characteristic; "?" marks small expected counts."""
    value = row[head + "p_value"]
    if not first or value is None:
        return ""
    text = "<0.001" if value < 0.001 else f"{value:.3f}"
    return text + "?" * bool(row["small"])


def _build_display(table: pa.Table, sizes: Sizes, disagreements: Mapping[str, int]) -> Display:
    unit = next(iter(sizes))
    rows = table.slice(0, table.num_rows // len(sizes)).to_pylist()
    weighted = "weighted_percent" in table.column_names
    titles = ["characteristic", "", *_TITLES, *(_WEIGHTED_TITLES if weighted else ())]
    lines, notes = [titles], []
    for row, (name, level) in zip(rows, row_labels(rows), strict=True):
        if row["n"] is None:
            lines.append([name, in_brackets(row["reason"]), *[""] * (len(titles) - 2)])
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
    if more := more_units(sizes):
        notes.append(more)
    made_up = "SYNTHETIC " * is_synthetic(table.schema.metadata)
    n, N = sizes[unit]
    head = f"Representativeness of {n:,} {made_up}cases of a caseload of {N:,}, unit {unit}"
    return Display(head, lines, notes, labels=2)
