"""A sample beside its caseload, as a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from omistats import _arrow
from omistats.characteristics.beside import as_html, as_text
from omistats.characteristics.goodness import Fit
from omistats.characteristics.marks import invented_columns, with_invented
from omistats.characteristics.text import rows_of
from omistats.findings.frames import Exports
from omistats.model.cases import CaseSet
from omistats.model.marks import agreed

__all__ = ["Line", "Representativeness", "laid_out"]

Floats = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]

SMALL = 5
"""An expected count below it is small."""


@attrs.frozen(eq=False, repr=False)
class Representativeness(Exports):
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

    def __repr__(self) -> str:
        return as_text(self.table, self.sizes, self.disagreements)

    def _repr_html_(self) -> str:
        return as_html(self.table, self.sizes, self.disagreements)


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
    metadata = agreed([sample.metadata, caseload.metadata])
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
