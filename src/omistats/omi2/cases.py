"""Synthetic cases, invented characteristics."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from omistats import _arrow
from omistats.errors import UsageError, format_value, format_values
from omistats.model.case_set import CaseSet
from omistats.model.metadata import SYNTHETIC_ID, is_synthetic, with_invented
from omistats.model.units import Unit
from omistats.omi2.framework import DEMONSTRATION, DISABILITY_TYPES

__all__ = ["load_synthetic", "with_invented_characteristics"]


def load_synthetic() -> CaseSet:
    """Load 2,213 synthetic cases that recompute to the figures of Tables 3-11.

    Returns
    -------
    CaseSet
        Under `DEMONSTRATION`: besides the published questions they answer invented ones,
        with which their scores are those of `PUBLISHED_SCORES`. Metadata, ids and text form
        say that the cases are synthetic. They are made to fit the printed figures: that
        findings and scores computed from them agree with print checks the arithmetic and
        is no evidence about the report.

    Examples
    --------
    >>> import omistats as oms
    >>> oms.omi2.load_synthetic()
    CaseSet: 2,213 SYNTHETIC cases, 15 units, framework 'OMI 2 + invented' (93 questions, 8 strata)
    """
    # Reading Parquet is wanted only here; keep it off the way to `import omistats`.
    import pyarrow.parquet as pq

    path = Path(__file__).parent / "data" / "synthetic_cases.parquet"
    # A file so small is read as fast in one thread, and none is left to outlive a short script.
    table = pq.ParquetFile(path, pre_buffer=False).read(use_threads=False)
    return CaseSet.from_data(table, framework=DEMONSTRATION)


Codes = npt.NDArray[np.int64]

_STRATA: Final = {
    "risk_of_harm": ("high", "not high"),
    "disability": ("yes", "no"),
    "age_group": ("17-24", "25+"),
}
"""What the invented columns are made consistent with."""

_CLASSES: Final = ("low", "medium", "high", "very high")
_CLASS_SHARES: Final = {0: (0.0, 0.0, 0.9, 0.1), 1: (0.4, 0.6, 0.0, 0.0)}
_TIERS: Final = ("1", "2", "3", "4")
_TIER_SHARES: Final = {0: (0.0, 0.0, 0.4, 0.6), 1: (0.1, 0.35, 0.45, 0.1)}
"""Invented shares of levels, by the code of the risk of harm."""

_PRINTED: Final = np.array([33, 40, 27]) / 100
"""Shares of all disabilities (note to Table 10)."""
_HOW_MANY: Final = np.array([0.8, 0.17, 0.03])
"""Invented: how many types of disability a case with a disability has, one to three."""

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
    """Add the characteristics that synthetic cases lack, invented.

    Parameters
    ----------
    cases : CaseSet
        Synthetic cases, as of `load_synthetic` or `simulate`; any others are refused.
    seed : int, optional
        The same seed gives the same columns, as long as NumPy keeps the streams of its
        default generator.

    Returns
    -------
    CaseSet
        With the columns ``rosh_classification`` (high or very high exactly where
        ``risk_of_harm`` is high), ``tier`` (3 or 4 where it is high), ``disability_types``
        (a list, with a type exactly where ``disability`` is yes; shares of all types near 33%,
        40% and 27%, which the 2011 report prints), ``date_of_birth`` and ``inspection_date``
        (one a unit; ages on that day are in the ``age_group``). Null where the characteristic
        beside it is. The metadata list them under ``invented_columns``, and tables and text of
        `omistats.characteristics` and `omistats.representativeness` mark them.

    Raises
    ------
    UsageError
        When a case is not synthetic, a column is there already, a stratum is missing that they
        are to agree with, or the seed is no whole number.

    Notes
    -----
    Nothing is known of these columns in the real cases but the three shares. How tiers and
    classes are spread, how many types a case has, and every date are imagination: figures
    made of them show the calls and nothing else.

    Examples
    --------
    >>> import omistats as oms
    >>> cases = oms.omi2.with_invented_characteristics(oms.omi2.load_synthetic())
    >>> cases.extra
    ('disability_types', 'date_of_birth', 'inspection_date')
    """
    _check(cases, seed)
    rng = np.random.default_rng(seed)
    codes = {name: _coded(cases, name, levels) for name, levels in _STRATA.items()}
    table = pa.table(cases)
    born, inspected = _dates(rng, codes["age_group"], cases.unit_codes, len(cases.units))
    invented = {
        "rosh_classification": _drawn(rng, codes["risk_of_harm"], _CLASSES, _CLASS_SHARES),
        "tier": _drawn(rng, codes["risk_of_harm"], _TIERS, _TIER_SHARES),
        DISABILITY_TYPES.column: _types(rng, codes["disability"]),
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
        raise UsageError(f"characteristics are invented for a CaseSet, found {format_value(cases)}")
    wrong = []
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or seed < 0:
        wrong.append(f"`seed` is a whole number from 0, found {seed!r}")
    ids = cases["case_id"].to_pylist()
    # Cases put together from real and synthetic ones are marked too: every id is looked at.
    real = [id for id in ids if not str(id).startswith(SYNTHETIC_ID)]
    if real or not is_synthetic(cases.metadata):
        which = (
            f"ids without {SYNTHETIC_ID!r}: {format_values(real)}"
            if real
            else "no mark in metadata"
        )
        wrong.append(
            f"characteristics are invented for synthetic cases only, found {which}; real cases "
            "have their own or none"
        )
    if there := [name for name in _COLUMNS if name in cases]:
        wrong.append(
            f"these columns are there already: {format_values(there)}; drop or rename them"
        )
    if lost := [name for name in _STRATA if name not in cases]:
        wrong.append(f"what is invented agrees with strata that are missing: {format_values(lost)}")
    if wrong:
        raise UsageError("; ".join(wrong))


def _coded(cases: CaseSet, name: str, levels: tuple[str, ...]) -> Codes:
    """Give codes of the levels as they are here, -1 where not known."""
    found = _arrow.labels_to_codes(cases[name])
    if found is None or not {*found[1]} <= {*levels}:
        raise UsageError(f"column {name!r} has other levels than {format_values(levels)}")
    codes, labels = found
    table = np.array([levels.index(label) for label in labels] + [-1], np.int64)
    return table[codes]


def _drawn(
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


def _types(rng: np.random.Generator, given: Codes) -> pa.Array:
    """Draw types of disability: none where there is no disability, null where not known."""
    some = len(DISABILITY_TYPES.levels)
    each = _HOW_MANY @ np.arange(1, some + 1)
    # Who has two lacks one of three at random; what single types must add follows from it.
    single = (_PRINTED * each - _HOW_MANY[1] * 2 / 3 - _HOW_MANY[2]) / _HOW_MANY[0]
    many = rng.choice(some, len(given), p=_HOW_MANY) + 1
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


def _dates(
    rng: np.random.Generator, group: Codes, unit: npt.NDArray[Any], units: int
) -> tuple[pa.Array, pa.Array]:
    """Draw a day for each unit, and births that give the ages groups say on that day."""
    on = (_FIRST_DAY + 28 * (np.arange(units) % _ROUNDS))[unit]
    age = np.where(
        group == 0,
        rng.integers(17, 25, len(group)),
        np.minimum(25 + rng.gamma(1.5, 8.0, len(group)).astype(np.int64), _OLDEST),
    )
    # The day of that year and month, or the 28th; births in the 361 days before it are as old.
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
