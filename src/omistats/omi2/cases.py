"""Synthetic cases, and invented characteristics for them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from omistats import _arrow
from omistats.errors import UsageError, format_value, format_values
from omistats.kernel.checks import check_whole
from omistats.model.case_set import CaseSet
from omistats.model.metadata import SYNTHETIC_ID, is_synthetic, with_invented
from omistats.model.units import Unit
from omistats.omi2.framework import DEMONSTRATION, DISABILITY_TYPES, PROGRAMME

__all__ = ["load_synthetic", "with_invented_characteristics"]


def load_synthetic() -> CaseSet:
    """Load 2,213 synthetic cases that recompute to the figures of Tables 3-11.

    Returns
    -------
    CaseSet
        With the framework `DEMONSTRATION`: the published questions, and invented ones that
        bring the scores to `PUBLISHED_SCORES`. Metadata, ids and text form say that the cases
        are synthetic. They are constructed to fit the printed figures: that findings and
        scores computed from them agree with print checks the arithmetic and is no evidence
        about the report.

    Examples
    --------
    >>> import omistats as oms
    >>> oms.omi2.load_synthetic()
    CaseSet: 2,213 SYNTHETIC cases, 15 units, framework 'OMI 2 + invented' (93 questions, 8 strata)
    """
    # Imported here because `import omistats` must stay fast.
    import pyarrow.parquet as pq

    path = PROGRAMME.folder / "cases.parquet"
    # For so small a file threads gain nothing, and they could outlive a short script.
    table = pq.ParquetFile(path, pre_buffer=False).read(use_threads=False)
    return CaseSet.from_data(table, framework=DEMONSTRATION)


Codes = npt.NDArray[np.int64]

_STRATA: Final = {
    "risk_of_harm": ("high", "not high"),
    "disability": ("yes", "no"),
    "age_group": ("17-24", "25+"),
}
"""Strata that the invented columns must agree with, and their levels."""

_CLASSES: Final = ("low", "medium", "high", "very high")
_CLASS_SHARES: Final = {0: (0.0, 0.0, 0.9, 0.1), 1: (0.4, 0.6, 0.0, 0.0)}
_TIERS: Final = ("1", "2", "3", "4")
_TIER_SHARES: Final = {0: (0.0, 0.0, 0.4, 0.6), 1: (0.1, 0.35, 0.45, 0.1)}
"""Invented shares of the levels, by code of the risk of harm."""

_TYPE_SHARES: Final = np.array([33, 40, 27]) / 100
"""Printed shares of the types among all disabilities (note to Table 10)."""
_COUNT_SHARES: Final = np.array([0.8, 0.17, 0.03])
"""Invented shares of cases with one, two and three types among those with a disability."""

_FIRST_DAY: Final = np.datetime64("2009-10-05")
_ROUNDS: Final = 36
_OLDEST: Final = 80
_COLUMNS: Final = (
    "rosh_classification",
    "tier",
    DISABILITY_TYPES.column,
    "date_of_birth",
    "inspection_date",
)


def with_invented_characteristics(cases: CaseSet, *, seed: int = 2011) -> CaseSet:
    """Add invented characteristics to synthetic cases.

    Parameters
    ----------
    cases : CaseSet
        Synthetic cases, such as those of `load_synthetic` or `simulate`.
    seed : int, optional
        The same seed gives the same columns, as long as NumPy does not change the streams of
        its default generator.

    Returns
    -------
    CaseSet
        With the columns ``rosh_classification`` (high or very high exactly where
        ``risk_of_harm`` is high), ``tier`` (3 or 4 where it is high), ``disability_types``
        (a list, with a type exactly where ``disability`` is yes; shares of all types near the
        33%, 40% and 27% that the 2011 report prints), ``date_of_birth`` and ``inspection_date``
        (one date a unit; ages on that day agree with ``age_group``). A column is null where the
        stratum that it depends on is null. The metadata list the columns under
        ``invented_columns``; tables and text of `omistats.characteristics` and
        `omistats.representativeness` mark them.

    Raises
    ------
    UsageError
        When a case is not synthetic, the cases already have one of the columns, a stratum that
        the columns depend on is missing, or the seed is not a whole number.

    Notes
    -----
    Only the three shares of types are known of the real cases. The shares of tiers and
    classes, the number of types of a case and all dates are invented: figures computed from
    them illustrate the calls and nothing else.

    Examples
    --------
    >>> import omistats as oms
    >>> cases = oms.omi2.with_invented_characteristics(oms.omi2.load_synthetic())
    >>> cases.extra
    ('disability_types', 'date_of_birth', 'inspection_date')
    """
    _check(cases, seed)
    rng = np.random.default_rng(seed)
    codes = {name: _stratum_codes(cases, name, levels) for name, levels in _STRATA.items()}
    table = pa.table(cases)
    born, inspected = _draw_dates(rng, codes["age_group"], cases.unit_codes, len(cases.units))
    invented = {
        "rosh_classification": _draw_levels(rng, codes["risk_of_harm"], _CLASSES, _CLASS_SHARES),
        "tier": _draw_levels(rng, codes["risk_of_harm"], _TIERS, _TIER_SHARES),
        DISABILITY_TYPES.column: _draw_types(rng, codes["disability"]),
        "date_of_birth": born,
        "inspection_date": inspected,
    }
    for name, column in invented.items():
        table = table.append_column(name, column)
    metadata = with_invented(cases.metadata, invented) | {b"invented_seed": str(seed).encode()}
    units = [Unit(id, cases.unit_names.get(id, "")) for id in cases.units]
    return CaseSet.from_data(
        table.replace_schema_metadata(metadata), framework=cases.framework, units=units
    )


def _check(cases: Any, seed: Any) -> None:
    if not isinstance(cases, CaseSet):
        raise UsageError(
            f"`cases` must be a CaseSet; found {format_value(cases)}; pass load_synthetic() or "
            "simulate()"
        )
    check_whole("seed", seed, 0)
    # A merge of real and synthetic cases is marked as synthetic, so look at every id.
    ids = cases["case_id"].to_pylist()
    real = [id for id in ids if not str(id).startswith(SYNTHETIC_ID)]
    if real or not is_synthetic(cases.metadata):
        found = (
            f"ids without {SYNTHETIC_ID!r}: {format_values(real)}"
            if real
            else "metadata that do not say so"
        )
        raise UsageError(
            f"`cases` must be synthetic; found {found}; use the characteristics that real cases "
            "have of their own"
        )
    if present := [name for name in _COLUMNS if name in cases]:
        raise UsageError(
            f"`cases` already has the columns {format_values(present)}; drop or rename them"
        )
    if missing := [name for name in _STRATA if name not in cases]:
        raise UsageError(
            f"`cases` must have the strata {format_values(_STRATA)}, which the invented columns "
            f"depend on; missing: {format_values(missing)}"
        )


def _stratum_codes(cases: CaseSet, name: str, levels: tuple[str, ...]) -> Codes:
    """Return the place of each label among the levels, -1 for null."""
    found = _arrow.labels_to_codes(cases[name])
    if found is None or not {*found[1]} <= {*levels}:
        raise UsageError(
            f"column {name!r} must have the levels {format_values(levels)}; rename its levels"
        )
    codes, labels = found
    table = np.array([levels.index(label) for label in labels] + [-1], np.int64)
    return table[codes]


def _draw_levels(
    rng: np.random.Generator,
    given: Codes,
    levels: tuple[str, ...],
    shares: Mapping[int, tuple[float, ...]],
) -> pa.Array:
    """Draw a level for every case, with shares that depend on another characteristic."""
    steps = np.cumsum([shares[0], shares[1]], axis=1)
    at = rng.random(len(given))[:, np.newaxis] >= steps[np.maximum(given, 0)]
    codes = np.minimum(at.sum(axis=1), len(levels) - 1)
    return _arrow.dictionary(np.where(given < 0, -1, codes).astype(np.int8), levels)


def _draw_types(rng: np.random.Generator, given: Codes) -> pa.Array:
    """Draw types of disability: none without a disability, null where unknown."""
    some = len(DISABILITY_TYPES.levels)
    each = _COUNT_SHARES @ np.arange(1, some + 1)
    # Cases with two types lack one of the three at random; the shares of single types follow.
    single = (_TYPE_SHARES * each - _COUNT_SHARES[1] * 2 / 3 - _COUNT_SHARES[2]) / _COUNT_SHARES[0]
    many = rng.choice(some, len(given), p=_COUNT_SHARES) + 1
    one = rng.choice(some, len(given), p=single)
    lacking = rng.integers(0, some, len(given))
    place = np.arange(some)
    flags = np.select(
        [many[:, np.newaxis] == 1, many[:, np.newaxis] == 2],
        [place == one[:, np.newaxis], place != lacking[:, np.newaxis]],
        True,
    ) & (given[:, np.newaxis] == 0)
    labels = DISABILITY_TYPES.levels
    lists = [
        None if code < 0 else [label for label, has in zip(labels, row, strict=True) if has]
        for code, row in zip(given.tolist(), flags.tolist(), strict=True)
    ]
    return pa.array(lists, pa.list_(pa.string()))


def _draw_dates(
    rng: np.random.Generator, group: Codes, unit: npt.NDArray[Any], units: int
) -> tuple[pa.Array, pa.Array]:
    """Draw a date for each unit, and dates of birth that agree with the age groups on it."""
    on = (_FIRST_DAY + 28 * (np.arange(units) % _ROUNDS))[unit]
    age = np.where(
        group == 0,
        rng.integers(17, 25, len(group)),
        np.minimum(25 + rng.gamma(1.5, 8.0, len(group)).astype(np.int64), _OLDEST),
    )
    # The birthday that makes `age` on that day, at most the 28th; a birth in the 361 days before
    # it gives the same age.
    years = (on.astype("M8[Y]") - age).astype("M8[M]") + (
        on.astype("M8[M]") - on.astype("M8[Y]").astype("M8[M]")
    )
    day = np.minimum((on - on.astype("M8[M]")).astype(np.int64), 27)
    birthday = years.astype("M8[D]") + day
    born = birthday - rng.integers(1, 362, len(group))
    return (
        pa.array(born, pa.date32(), mask=group < 0),
        pa.array(on, pa.date32()),
    )
