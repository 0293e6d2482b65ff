"""Ratings of units by bands, and how sure each is: ratings()."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from omistats import _arrow
from omistats._result_tables import NO_REASON, Display, Reason, TableResult, matching_rows
from omistats.errors import (
    DataError,
    Problem,
    UnknownNameError,
    UsageError,
    as_tuple,
    format_value,
    format_values,
)
from omistats.kernel.bands import (
    band_of,
    cases_for_band,
    posterior_bands,
    predictive_bands,
    unseen_bands,
)
from omistats.kernel.checks import check_confidence, check_whole
from omistats.model.framework import ALL
from omistats.model.metadata import is_synthetic
from omistats.scoring.build import is_thin
from omistats.scoring.result import Scores
from omistats.scoring.sums import case_sums
from omistats.scoring.unit_comparison import whole_cases

__all__ = ["Band", "Rating", "RatingRule", "Ratings", "ratings"]

Floats = npt.NDArray[np.float64]

OVERALL = "overall"
"""The name of the rating that the points of all standards add up to."""

_KEY = pa.dictionary(pa.int16(), pa.string())
_NOTE = pa.dictionary(pa.int8(), pa.string())

SCHEMA = pa.schema(
    [
        *((name, _KEY) for name in ("unit", "standard", "item")),
        *((name, pa.int64()) for name in ("k", "n", "cases")),
        ("effective_n", pa.float64()),
        ("percent", pa.float64()),
        ("rating", _NOTE),
        ("points", pa.float64()),
        ("most_points", pa.float64()),
        ("posterior_same", pa.float64()),
        ("posterior_higher", pa.float64()),
        ("posterior_lower", pa.float64()),
        ("predictive_other", pa.float64()),
        ("cases_needed", pa.float64()),
        ("reason", _NOTE),
        ("reliability", pa.string()),
    ]
)
"""The columns of ratings."""

PROBABILITIES = pa.schema(
    [
        *((name, _KEY) for name in ("unit", "standard")),
        ("rating", _NOTE),
        ("points", pa.float64()),
        ("posterior", pa.float64()),
        ("predictive", pa.float64()),
    ]
)
"""The columns of `Ratings.probabilities`."""


class RatingReason(Reason):
    """Why a rating, or how sure it is, is missing."""

    NO_ANSWERS = "no applicable answers"
    NOT_GIVEN = "rated on other evidence, which was not given"
    MISSING_STANDARD = "no standard that counts has a rating"
    PARTIAL = "of the standards that have a rating; others that count have none"
    GIVEN = "rated on other evidence, whose doubt is not known"
    NO_CASES = "needs the cases, which these scores do not hold"
    ONE_CASE = "one case only: spread between cases unknown"


@attrs.frozen
class Band:
    """One band of a rating.

    Parameters
    ----------
    name : str
        Such as ``Good``.
    start : float
        Where it begins: a percentage from 0 to 100, or points. The value itself is in the band.
    points : float
        What the band adds to an overall rating.

    Examples
    --------
    >>> import omistats as oms
    >>> oms.RatingRule.percentages(["Not met", "Met"], [60]).bands
    (Band(name='Not met', start=0.0, points=0.0), Band(name='Met', start=60.0, points=1.0))
    """

    name: str
    start: float
    points: float = 0.0


@attrs.frozen
class Rating:
    """One standard that is rated.

    Parameters
    ----------
    id, label : str
        Its name in tables, and for people.
    items : tuple of str
        The items of scores whose lowest decides; none for a standard that is rated on other
        evidence than cases.
    counts : bool
        Whether its points count towards the overall rating.

    Examples
    --------
    >>> import omistats as oms
    >>> rule = oms.RatingRule.percentages(["Not met", "Met"], [60], items=["1.1"])
    >>> rule.standards
    (Rating(id='1.1', label='1.1', items=('1.1',), counts=True),)
    """

    id: str
    label: str
    items: tuple[str, ...] = ()
    counts: bool = True


@attrs.frozen
class RatingRule:
    """How percentages become ratings, and ratings of standards an overall one.

    Make one with `RatingRule.from_dict`, as a programme's ``rating.toml`` is read, or with
    `RatingRule.percentages`.

    Attributes
    ----------
    bands : tuple of Band
        Bands of a percentage, from the lowest; the first begins at 0.
    standards : tuple of Rating
        What is rated; without any, every item by itself.
    overall : tuple of Band
        Bands of the sum of points, from the lowest; none for no overall rating. They begin at
        points of ``most_points``, and scale where fewer standards count.
    most_points : float
        The points that all standards together can have.
    provenance : str
        Where the rule is known from.

    Examples
    --------
    >>> import omistats as oms
    >>> oms.RatingRule.percentages(["improve", "good"], [65]).cuts
    (0.65,)
    """

    bands: tuple[Band, ...]
    standards: tuple[Rating, ...] = ()
    overall: tuple[Band, ...] = ()
    most_points: float = 0.0
    provenance: str = ""

    @classmethod
    def percentages(
        cls, names: Iterable[str], cuts: Iterable[float], *, items: Iterable[str] = ()
    ) -> RatingRule:
        """Make a rule of percentage bands alone.

        Parameters
        ----------
        names : iterable of str
            Bands, from the lowest.
        cuts : iterable of float
            The percentage at which each band but the lowest begins.
        items : iterable of str
            The items that are rated, each by itself; by default all.

        Returns
        -------
        RatingRule
            Bands have 0, 1, 2 and more points.

        Raises
        ------
        DataError
            When names repeat, or cuts do not ascend from above 0 to below 100, or are not one
            fewer than names.

        Examples
        --------
        >>> import omistats as oms
        >>> rule = oms.RatingRule.percentages(["low", "middle", "high"], [50, 80])
        >>> rule.band_names, rule.cuts
        (('low', 'middle', 'high'), (0.5, 0.8))
        """
        labels, edges = as_tuple("names", names, "names of bands"), [0.0, *cuts]
        if len(labels) != len(edges):
            what = f"{len(labels)} names and {len(edges) - 1} cuts"
            hint = "Pass a cut between every two bands."
            raise DataError([Problem("cuts", "one fewer than names", what, hint)])
        ends: list[float | None] = [*edges[1:], None]
        bands = [
            {"name": name, "from": start, "points": i, **({} if end is None else {"below": end})}
            for i, (name, start, end) in enumerate(zip(labels, edges, ends, strict=True))
        ]
        wanted = [{"id": id, "items": [id]} for id in as_tuple("items", items, "item ids")]
        return cls.from_dict({"bands": bands, "standards": wanted})

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> RatingRule:
        """Make a rule of plain data, and check it.

        Parameters
        ----------
        data : mapping
            ``bands``: a list, from the lowest, of ``name``, ``from`` (a percentage; the value
            itself is in the band), ``below`` (where the next begins; left out for the highest)
            and ``points``. ``standards``: a list of ``id``, ``label``, ``items`` (the lowest
            decides; none for other evidence) and ``counts``. ``overall``: a list, from the
            lowest, of ``name``, ``from`` and ``to`` (whole points, both in the band).
            ``most_points``: what all standards that count can have together. ``provenance``:
            text. All but ``bands`` may be left out.

        Returns
        -------
        RatingRule
            The rule.

        Raises
        ------
        DataError
            When bands overlap or leave a gap, points do not add up, or keys are unknown or of
            another type; all problems are listed, each at its key.

        Examples
        --------
        >>> import omistats as oms
        >>> rule = oms.RatingRule.from_dict(
        ...     {
        ...         "bands": [
        ...             {"name": "Not met", "from": 0, "below": 60, "points": 0},
        ...             {"name": "Met", "from": 60, "points": 1},
        ...         ],
        ...         "standards": [{"id": "plan", "items": ["1.1", "1.2"]}],
        ...     }
        ... )
        >>> rule.standards[0].items
        ('1.1', '1.2')
        """
        problems = _unknown_keys("", data, {*attrs.fields_dict(cls)})
        bands = _read_bands(data.get("bands"), problems)
        standards = _read_standards(data.get("standards", []), problems)
        overall = _read_overall(data.get("overall", []), problems)
        most = data.get("most_points", 0)
        if not _is_number(most) or most < 0:
            _add(problems, "most_points", "must be a number of points", most)
        elif overall and not problems:
            problems += _points_problems(bands, standards, overall, float(most), data)
        if problems:
            raise DataError(problems)
        return cls(bands, standards, overall, float(most), str(data.get("provenance", "")))

    @property
    def cuts(self) -> tuple[float, ...]:
        """Where bands of a share begin but for the lowest, 0-1."""
        return tuple(band.start / 100 for band in self.bands[1:])

    @property
    def band_names(self) -> tuple[str, ...]:
        """Names of the bands of a percentage, from the lowest."""
        return tuple(band.name for band in self.bands)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _add(problems: list[Problem], where: str, rule: str, found: Any, hint: str = "") -> None:
    problems.append(Problem(where, rule, format_value(found), hint or "Correct it."))


def _unknown_keys(where: str, data: Any, known: set[str]) -> list[Problem]:
    if not isinstance(data, Mapping):
        return [Problem(where or "rating", "must be a table", format_value(data), "Correct it.")]
    return [
        Problem(
            f"{where}{key}",
            "must be a key that is known",
            str(UnknownNameError("key", key, sorted(known))),
            "Correct or remove it.",
        )
        for key in data
        if key not in known
    ]


def _entries(name: str, values: Any, known: set[str], problems: list[Problem]) -> list[Any]:
    """Check a list of tables with names; return those that are tables."""
    if not isinstance(values, Sequence) or isinstance(values, str):
        _add(problems, name, "must be a list of tables", values)
        return []
    good = []
    for i, value in enumerate(values):
        found = _unknown_keys(f"{name}[{i}].", value, known)
        problems += found
        if isinstance(value, Mapping):
            good.append((i, value))
    return good


def _read_names(name: str, key: str, entries: list[Any], problems: list[Problem]) -> list[str]:
    names = []
    for i, entry in entries:
        value = entry.get(key)
        if not isinstance(value, str) or not value.strip():
            _add(problems, f"{name}[{i}].{key}", "must be text", value)
        elif value in names:
            _add(problems, f"{name}[{i}].{key}", "must be used once", value, "Rename it.")
        names.append(str(value))
    return names


def _read_bands(values: Any, problems: list[Problem]) -> tuple[Band, ...]:
    if values is None:
        _add(problems, "bands", "must be given", None, "List the bands from the lowest.")
        return ()
    entries = _entries("bands", values, {"name", "from", "below", "points"}, problems)
    names = _read_names("bands", "name", entries, problems)
    if len(entries) < 2:
        _add(problems, "bands", "must be two or more", len(entries))
        return ()
    bands: list[Band] = []
    last: Any = 0
    for place, (i, entry) in enumerate(entries):
        start, points = entry.get("from", 0), entry.get("points", place)
        below = entry.get("below")
        final = place == len(entries) - 1
        for key, value in (("from", start), ("points", points), ("below", below)):
            if not (_is_number(value) or (key == "below" and value is None)):
                _add(problems, f"bands[{i}].{key}", "must be a number", value)
                return ()
        if start != last:
            word = "leave a gap" if start > last else "overlap"
            rule = f"must begin where the band below ends, at {last:g}"
            _add(problems, f"bands[{i}].from", rule, start, f"Bands {word} there.")
        if not final and below is None:
            _add(problems, f"bands[{i}].below", "must be given but for the highest band", None)
            return ()
        if below is not None and not start < below <= 100:
            rule = "must be above `from` and at most 100"
            _add(problems, f"bands[{i}].below", rule, below)
        if final and below not in (None, 100):
            rule = "the highest band must reach 100"
            _add(problems, f"bands[{i}].below", rule, below, "Leave it out.")
        if bands and points <= bands[-1].points:
            rule = "a higher band must have more points"
            _add(problems, f"bands[{i}].points", rule, points)
        bands.append(Band(names[place], float(start), float(points)))
        last = below
    return tuple(bands)


def _read_standards(values: Any, problems: list[Problem]) -> tuple[Rating, ...]:
    entries = _entries("standards", values, {"id", "label", "items", "counts"}, problems)
    ids = _read_names("standards", "id", entries, problems)
    standards = []
    for id, (i, entry) in zip(ids, entries, strict=True):
        items, counts = entry.get("items", []), entry.get("counts", True)
        if not isinstance(items, Sequence) or not all(isinstance(x, str) for x in items):
            _add(problems, f"standards[{i}].items", "must be a list of item ids", items)
            continue
        if id == OVERALL:
            _add(problems, f"standards[{i}].id", f"{OVERALL!r} is the sum of all", id, "Rename it.")
        if not isinstance(counts, bool):
            _add(problems, f"standards[{i}].counts", "must be true or false", counts)
            continue
        items = (items,) if isinstance(items, str) else tuple(items)
        standards.append(Rating(id, str(entry.get("label", id)), items, counts))
    return tuple(standards)


def _read_overall(values: Any, problems: list[Problem]) -> tuple[Band, ...]:
    entries = _entries("overall", values, {"name", "from", "to"}, problems)
    names = _read_names("overall", "name", entries, problems)
    bands: list[Band] = []
    expected = 0.0
    for place, (i, entry) in enumerate(entries):
        start, end = entry.get("from"), entry.get("to")
        if not (_is_number(start) and _is_number(end)):
            _add(problems, f"overall[{i}]", "must have numbers of points `from` and `to`", entry)
            return ()
        if start != expected:
            word = "leave a gap" if start > expected else "overlap"
            rule = f"must begin at {expected:g} points, after the band below"
            _add(problems, f"overall[{i}].from", rule, start, f"Bands {word} there.")
        if end < start:
            _add(problems, f"overall[{i}].to", "must be at least `from`", end)
        bands.append(Band(names[place], float(start), float(end)))
        expected = end + 1
    return tuple(bands)


def _points_problems(
    bands: tuple[Band, ...],
    standards: tuple[Rating, ...],
    overall: tuple[Band, ...],
    most: float,
    data: Mapping[str, Any],
) -> list[Problem]:
    problems: list[Problem] = []
    counted = sum(one.counts for one in standards)
    whole = counted * bands[-1].points
    if "most_points" not in data:
        _add(problems, "most_points", "must be given with `overall`", None)
    elif whole != most:
        rule = f"must be the {counted} standards that count times {bands[-1].points:g} points"
        _add(problems, "most_points", rule, most, f"That is {whole:g}.")
    if overall[-1].points != most:
        rule = f"the highest band must reach {most:g} points"
        last = f"overall[{len(overall) - 1}].to"
        _add(problems, last, rule, overall[-1].points)
    return problems


def ratings(
    scores: Scores,
    rule: RatingRule,
    *,
    given: Mapping[str, Mapping[str, str]] | None = None,
    caseload: Mapping[str, int] | None = None,
    certainty: float = 0.9,
    draws: int = 4000,
    seed: int = 0,
) -> Ratings:
    """Rate units by bands, and say how sure each rating is.

    Parameters
    ----------
    scores : Scores
        Pooled scores by unit, made without ``population``.
    rule : RatingRule
        Bands, standards and the overall rating.
    given : mapping of unit to mapping of standard to band, optional
        Ratings of standards that rest on other evidence than cases. Without one, the overall
        rating of the unit is of the standards that have a rating.
    caseload : mapping of unit to int, optional
        Numbers of cases in the units' caseloads. The posterior is then of the caseload's own
        share: what was seen is known. By default the caseload is as good as infinite.
    certainty : float
        How often a sample of ``cases_needed`` must have the band of the percentage seen.
    draws : int
        Number of joint draws, for standards of several items and overall ratings.
    seed : int
        Seed of the draws; they do not depend on the order of cases.

    Returns
    -------
    Ratings
        A row a unit and standard, then a unit's overall rating if the rule has one.

    Raises
    ------
    UsageError
        When these are no such scores, or an option is out of range.
    UnknownNameError
        When an item, standard, band or unit is unknown.
    DataError
        When a caseload is smaller than the sample.

    Notes
    -----
    Three things are told apart. *Posterior*: given this sample, the probability that the
    caseload's own share lies in a band, by Jeffreys' prior on effective answers: Beta(n p + 1/2,
    n q + 1/2); of a known caseload, beta-binomial for the cases not seen. *Predictive*: given this
    sample, how often another sample of the same size would be rated otherwise. *Cases needed*: how
    many cases a sample needs, so that it has the band of the percentage seen with the given
    certainty, were that the true share.

    Items of a standard, and standards of an overall rating, rest on the same cases. Their joint
    distribution keeps the distribution that each has alone, and how they hang together is that of
    draws of the unit's cases with random weights (the Bayesian bootstrap).

    References
    ----------
    Brown, L. D., Cai, T. T. and DasGupta, A. (2001). Interval estimation for a binomial
    proportion. Statistical Science 16, 101-133. Rubin, D. B. (1981). The Bayesian bootstrap.
    Annals of Statistics 9, 130-134.

    Examples
    --------
    >>> import omistats as oms
    >>> scores = oms.scores(oms.omi2.load_synthetic(), by="unit", items=["3"])
    >>> rule = oms.RatingRule.percentages(["low", "middle", "high"], [50, 65])
    >>> oms.ratings(scores.unit("U01", "U02"), rule)
    Ratings from SYNTHETIC cases: 2 ratings of 2 units
    <BLANKLINE>
    unit  standard  percent  rating  points  posterior same  predictive other  cases needed
    U01   3            62.2  middle  1 of 2             92%               16%           101
    U02   3            61.5  middle  1 of 2             99%                6%            69
    posterior: probability that the caseload's share is in this band, given the sample
    predictive: chance that another sample of the same size would be rated otherwise
    cases needed: for the band of this percentage in 90% of samples, were it the true share
    """
    if not isinstance(scores, Scores):
        raise UsageError(f"`scores` must be Scores; found {format_value(scores)}. Make them first")
    if not isinstance(rule, RatingRule):
        raise UsageError(
            f"`rule` must be a RatingRule; found {format_value(rule)}. A programme has one, or "
            "make it with RatingRule.percentages or RatingRule.from_dict"
        )
    check_confidence(certainty)
    check_whole("draws", draws, 100)
    check_whole("seed", seed, 0)
    table = whole_cases(scores.table, "ratings need")
    rows = table.to_pylist()
    units = [u for u in dict.fromkeys(row["unit"] for row in rows) if u != ALL]
    if not units or {row["rule"] for row in rows} != {"pooled"}:
        raise UsageError('ratings need pooled scores of units; make them with by="unit"')
    context = scores._context  # noqa: SLF001  # of this package
    if any(np.isinf(row["effective_n"] or 0) for row in rows) or (
        context is not None and context.estimator.fpc_metadata([]) is not None
    ):
        raise UsageError(
            "these scores were made with `population`; make them without, and pass caseload=..."
        )
    items = list(dict.fromkeys(row["item"] for row in rows))
    standards = rule.standards or tuple(Rating(id, id, (id,)) for id in items)
    known = {row["item"] for row in (scores._whole or scores).table.to_pylist()}  # noqa: SLF001
    wanted = [item for one in standards for item in one.items]
    if missing := [item for item in wanted if item not in items]:
        if unknown := [item for item in missing if item not in known]:
            raise UnknownNameError("item", unknown, sorted(known))
        raise UsageError(f"these scores are filtered; they lack {format_values(missing)}")
    others = _check_given(given, standards, rule, units)
    loads = _check_caseload(caseload, units)
    made = _Rater(scores, rule, standards, others, loads, certainty, draws, seed)
    parts = [made.rate(unit, {r["item"]: r for r in rows if r["unit"] == unit}) for unit in units]
    lines = [line for part in parts for line in part[0]]
    chances = [line for part in parts for line in part[1]]
    return Ratings(
        _table(lines, SCHEMA, scores.table.schema.metadata),
        _table(chances, PROBABILITIES, scores.table.schema.metadata),
        rule,
        certainty,
    )


def _check_given(
    given: Mapping[str, Mapping[str, str]] | None,
    standards: Sequence[Rating],
    rule: RatingRule,
    units: Sequence[str],
) -> dict[str, dict[str, int]]:
    """Check ratings on other evidence; return the place of the band of each."""
    names = [one.id for one in standards if not one.items]
    found: dict[str, dict[str, int]] = {}
    for unit, own in (given or {}).items():
        if unit not in units:
            raise UnknownNameError("unit", unit, units)
        if not isinstance(own, Mapping):
            raise UsageError(f"`given` must map units to standards and bands; found {own!r}")
        for standard, band in own.items():
            if standard not in names:
                raise UnknownNameError("standard on other evidence", standard, names)
            if band not in rule.band_names:
                raise UnknownNameError("band", band, rule.band_names)
        found[unit] = {name: rule.band_names.index(band) for name, band in own.items()}
    return found


def _check_caseload(caseload: Mapping[str, int] | None, units: Sequence[str]) -> dict[str, int]:
    if caseload is None:
        return {}
    if not isinstance(caseload, Mapping):
        raise UsageError(f"`caseload` must map units to numbers; found {format_value(caseload)}")
    for unit, number in caseload.items():
        if unit not in units:
            raise UnknownNameError("unit", unit, units)
        check_whole(f"caseload[{unit!r}]", number, 1)
    if lacking := [unit for unit in units if unit not in caseload]:
        raise UsageError(f"`caseload` lacks {format_values(lacking)}; give all units or none")
    return dict(caseload)


class _Rater:
    """Rates one unit after another.

    Parameters are those of `ratings`, checked.
    """

    def __init__(
        self,
        scores: Scores,
        rule: RatingRule,
        standards: Sequence[Rating],
        given: dict[str, dict[str, int]],
        caseload: dict[str, int],
        certainty: float,
        draws: int,
        seed: int,
    ) -> None:
        self._rule, self._standards, self._given = rule, standards, given
        self._caseload, self._certainty = caseload, certainty
        self._draws, self._seed = draws, seed
        self._cuts = np.array(rule.cuts)
        self._points = np.array([band.points for band in rule.bands])
        context = scores._context  # noqa: SLF001
        self._context = context
        self._cases = None if context is None else context.cases
        self._sums: Any = None

    def _case_sums(self, unit: str, items: Sequence[str]) -> tuple[Floats, Floats]:
        """Return sufficient and applicable answers of a unit's cases, shape (items, cases)."""
        context, cases = self._context, self._cases
        assert context is not None  # noqa: S101  # asked before
        assert cases is not None  # noqa: S101  # asked before
        if self._sums is None:
            ids = cases["case_id"].to_numpy(zero_copy_only=False)
            codes = np.asarray(cases.unit_codes)
            order = cases.packed.order
            if order is not None:
                ids, codes = ids[order], codes[order]
            by_case = case_sums(cases, context.scored).by_case.astype(np.float64)
            by_id = np.argsort(ids, kind="stable")
            self._sums = by_case[..., by_id], codes[by_id]
        by_case, codes = self._sums
        own = codes == context.units.index(unit)
        at = [context.items.index(item) for item in items]
        k, n = by_case[:, at][..., own]
        return k, n

    def _levels(self, unit: str, items: Sequence[str], part: str) -> Floats:
        """Draw how items hang together: levels between 0 and 1, shape (items, draws)."""
        rng = np.random.default_rng([self._seed, *f"{part} {unit}".encode()])
        if len(items) == 1:
            return rng.random((1, self._draws))
        k, n = self._case_sums(unit, items)
        weight = rng.exponential(size=(k.shape[1], self._draws))
        with np.errstate(invalid="ignore", divide="ignore"):
            shares = (k @ weight) / (n @ weight)
        levels = np.empty(shares.shape)
        # Items without spread, and ties, are in an order of their own.
        shuffled = rng.random(shares.shape)
        for i, own in enumerate(shares):
            order = np.lexsort((shuffled[i], np.nan_to_num(np.round(own, 12))))
            levels[i, order] = (np.arange(self._draws) + rng.random(self._draws)) / self._draws
        return levels

    def rate(
        self, unit: str, rows: Mapping[str, Mapping[str, Any]]
    ) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        """Rate the standards of a unit, then the whole."""
        used = [i for one in self._standards for i in one.items if rows[i]["n"]]
        items = list(dict.fromkeys(used))
        joint = (
            len(items) > 1
            and self._cases is not None
            and (bool(self._rule.overall) or any(len(s.items) > 1 for s in self._standards))
        )
        drawn = self._draw(unit, items, rows) if joint else {}
        lines, chances, places = [], [], {}
        for standard in self._standards:
            line, chance, place = self._rate_standard(unit, standard, rows, drawn)
            lines.append(line)
            chances += chance
            places[standard.id] = place
        if self._rule.overall:
            line, chance = self._rate_overall(unit, rows, places, drawn)
            lines.append(line)
            chances += chance
        return lines, chances

    def _draw(
        self, unit: str, items: Sequence[str], rows: Mapping[str, Mapping[str, Any]]
    ) -> dict[str, tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]]:
        """Draw bands of items jointly: of the caseload's share, and of another sample."""
        import scipy
        from scipy.stats import binom

        posterior = self._levels(unit, items, "posterior")
        sampled = self._levels(unit, items, "sample")
        found = {}
        for i, item in enumerate(items):
            p, n = rows[item]["percent"] / 100, self._effective(rows[item])
            a, b = n * p + 0.5, n * (1 - p) + 0.5
            share = scipy.special.betaincinv(a, b, posterior[i])
            size = max(round(n), 1)
            other = binom.ppf(sampled[i], size, share) / size
            f = self._fraction(unit, rows[item])
            if f is not None:
                unseen = round(n * (1 - f) / f)
                rest = binom.ppf(sampled[i, ::-1], unseen, share)
                share = (n * p + rest) / (n + unseen)
            found[item] = band_of(share, self._cuts), band_of(other, self._cuts)
        return found

    @staticmethod
    def _effective(row: Mapping[str, Any]) -> float:
        n = row["effective_n"]
        return float(row["n"] if n is None else n)

    def _fraction(self, unit: str, row: Mapping[str, Any]) -> float | None:
        """Return the share of the caseload that was seen; None where it is not known."""
        if unit not in self._caseload:
            return None
        cases = self._case_number(unit, row)
        if cases > self._caseload[unit]:
            rule = "a caseload must be at least as large as the sample"
            what = f"{self._caseload[unit]:,}, of which {cases:,} were seen"
            raise DataError([Problem(f"caseload of {unit}", rule, what, "Correct it.")])
        return cases / self._caseload[unit]

    def _case_number(self, unit: str, row: Mapping[str, Any]) -> int:
        context, cases = self._context, self._cases
        if context is None or cases is None:
            return int(row["cases"])
        return int(np.diff(cases.packed.starts)[context.units.index(unit)])

    def _rate_standard(
        self,
        unit: str,
        standard: Rating,
        rows: Mapping[str, Mapping[str, Any]],
        drawn: Mapping[str, tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]],
    ) -> tuple[dict[str, Any], list[dict[str, Any]], int | None]:
        line: dict[str, Any] = {"unit": unit, "standard": standard.id}
        line["most_points"] = float(self._points[-1])
        if not standard.items:
            place = self._given.get(unit, {}).get(standard.id)
            line["reason"] = RatingReason.NOT_GIVEN if place is None else RatingReason.GIVEN
            if place is not None:
                line |= {"rating": self._rule.band_names[place], "points": self._points[place]}
            return line, [], place
        own = [rows[item] for item in standard.items if rows[item]["n"]]
        if not own:
            return line | {"reason": RatingReason.NO_ANSWERS}, [], None
        lowest = min(own, key=lambda r: r["percent"])
        place = int(band_of(lowest["percent"] / 100, self._cuts))
        line |= {name: lowest[name] for name in ("item", "k", "n", "cases", "percent")}
        line |= {
            "effective_n": lowest["effective_n"],
            "reliability": lowest["reliability"],
            "rating": self._rule.band_names[place],
            "points": float(self._points[place]),
        }
        line["cases_needed"] = self._cases_needed(lowest)
        if any(row["cases"] == 1 for row in own):
            return line | {"reason": RatingReason.ONE_CASE}, [], place
        bands = len(self._points)
        if len(own) == 1:
            p, n = lowest["percent"] / 100, self._effective(lowest)
            f = self._fraction(unit, lowest)
            posterior = (
                posterior_bands(n, p, self._cuts)
                if f is None
                else unseen_bands(n, p, self._cuts, f)
            )
            predictive = predictive_bands(n, p, self._cuts)
        elif drawn:
            parts = [drawn[row["item"]] for row in own]
            posterior, predictive = (
                np.bincount(np.min([part[side] for part in parts], axis=0), minlength=bands)
                / self._draws
                for side in (0, 1)
            )
        else:
            return line | {"reason": RatingReason.NO_CASES}, [], place
        line |= _doubt(posterior, predictive, place)
        chances = [
            {
                "unit": unit,
                "standard": standard.id,
                "rating": name,
                "points": float(self._points[i]),
                "posterior": float(posterior[i]),
                "predictive": float(predictive[i]),
            }
            for i, name in enumerate(self._rule.band_names)
        ]
        return line, chances, place

    def _cases_needed(self, row: Mapping[str, Any]) -> float | None:
        """Return the cases needed for the band of a percentage; None where none suffice."""
        size = float(cases_for_band(row["percent"] / 100, self._cuts, self._certainty).n)
        if np.isnan(size) or not row["cases"]:
            return None
        return float(np.ceil(size * row["cases"] / max(self._effective(row), 1e-9)))

    def _rate_overall(
        self,
        unit: str,
        rows: Mapping[str, Mapping[str, Any]],
        places: Mapping[str, int | None],
        drawn: Mapping[str, tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]],
    ) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        line: dict[str, Any] = {"unit": unit, "standard": OVERALL}
        counted = [s for s in self._standards if s.counts and places[s.id] is not None]
        if not counted:
            return line | {"reason": RatingReason.MISSING_STANDARD}, []
        most = len(counted) * float(self._points[-1])
        starts = np.array([band.start for band in self._rule.overall[1:]])
        # Bands begin at a share of all points, so that fewer standards scale them.
        edges = starts / self._rule.most_points
        rated = [place for s in counted if (place := places[s.id]) is not None]
        points = float(self._points[rated].sum())
        band = int(band_of(points / most, edges))
        names = [band.name for band in self._rule.overall]
        line |= {"rating": names[band], "points": points, "most_points": most}
        if len(counted) < sum(s.counts for s in self._standards):
            line["reason"] = RatingReason.PARTIAL
        of_cases = [s for s in counted if s.items]
        if not of_cases:
            return line | {"reason": RatingReason.GIVEN}, []
        alone = [i for s in of_cases for i in s.items if rows[i]["cases"] == 1]
        if alone:
            return line | {"reason": RatingReason.ONE_CASE}, []
        if not drawn:
            return line | {"reason": RatingReason.NO_CASES}, []
        fixed = sum(
            float(self._points[place])
            for s in counted
            if not s.items and (place := places[s.id]) is not None
        )
        chances = []
        for side in (0, 1):
            total = np.full(self._draws, float(fixed))
            for s in of_cases:
                own = [drawn[i][side] for i in s.items if rows[i]["n"]]
                total += self._points[np.min(own, axis=0)]
            bands = band_of(total / most, edges)
            chances.append(np.bincount(bands, minlength=len(names)) / self._draws)
        line |= _doubt(chances[0], chances[1], band)
        return line, [
            {
                "unit": unit,
                "standard": OVERALL,
                "rating": name,
                "points": None,
                "posterior": float(chances[0][i]),
                "predictive": float(chances[1][i]),
            }
            for i, name in enumerate(names)
        ]


def _doubt(posterior: Floats, predictive: Floats, place: int) -> dict[str, float]:
    return {
        "posterior_same": float(posterior[place]),
        "posterior_higher": float(posterior[place + 1 :].sum()),
        "posterior_lower": float(posterior[:place].sum()),
        "predictive_other": float(1 - predictive[place]),
    }


def _table(
    lines: Sequence[Mapping[str, Any]], schema: pa.Schema, metadata: Mapping[bytes, bytes] | None
) -> pa.Table:
    arrays = []
    for field in schema:
        values = [line.get(field.name) for line in lines]
        if field.name == "reason":
            codes = [NO_REASON if value is None else int(value) for value in values]
            array = _arrow.dictionary(np.array(codes, np.int8), RatingReason.texts())
        elif pa.types.is_dictionary(field.type):
            array = pa.array(values, pa.string()).dictionary_encode().cast(field.type)
        else:
            array = pa.array(values, field.type)
        arrays.append(array)
    kept = schema.with_metadata(dict(metadata)) if metadata else schema
    return pa.Table.from_arrays(arrays, schema=kept)


@attrs.frozen(eq=False, repr=False)
class Ratings(TableResult):
    """Ratings of units, and how sure each is.

    The columns are ``unit, standard`` (``overall`` for the sum of points), ``item`` (the lowest,
    which decides), ``k, n, cases, effective_n, percent`` (of that item), ``rating, points,
    most_points``; *given this sample, of the caseload's share*: ``posterior_same,
    posterior_higher, posterior_lower`` (probabilities that it is in the same band, a higher or a
    lower one); *of another sample of the same size*: ``predictive_other`` (how often it would be
    rated otherwise); *before sampling*: ``cases_needed`` (null where no sample is large enough);
    ``reason`` why something is missing, and ``reliability`` as in the scores.

    Attributes
    ----------
    table : pyarrow.Table
        The ratings.
    probabilities : pyarrow.Table
        A row a unit, standard and band: ``unit, standard, rating, points, posterior,
        predictive``.
    rule : RatingRule
        The rule.
    certainty : float
        The certainty of ``cases_needed``.

    Examples
    --------
    >>> import omistats as oms
    >>> scores = oms.scores(oms.omi2.load_synthetic(), by="unit", items=["3"])
    >>> rule = oms.RatingRule.percentages(["low", "high"], [60])
    >>> found = oms.ratings(scores, rule).unit("U12")
    >>> found.table["rating"].to_pylist(), len(found.probabilities)
    (['high'], 2)
    """

    table: pa.Table
    probabilities: pa.Table
    rule: RatingRule
    certainty: float

    def unit(self, *ids: str) -> Ratings:
        """Keep some units.

        Parameters
        ----------
        *ids : str
            Unit ids.

        Returns
        -------
        Ratings
            The same figures.

        Raises
        ------
        UnknownNameError
            When a unit is unknown.
        UsageError
            When no id is given.
        """
        return self._filtered("unit", ids)

    def standard(self, *ids: str) -> Ratings:
        """Keep some standards.

        Parameters
        ----------
        *ids : str
            Ids of standards; ``overall`` is the sum of points.

        Returns
        -------
        Ratings
            The same figures.

        Raises
        ------
        UnknownNameError
            When a standard is unknown.
        UsageError
            When no id is given.
        """
        return self._filtered("standard", ids)

    def _filtered(self, column: str, wanted: Sequence[str]) -> Ratings:
        rows = matching_rows(self.table, column, wanted)
        chances = self.probabilities
        if len(chances):
            own = [value in wanted for value in chances[column].to_pylist()]
            chances = chances.filter(pa.array(own, pa.bool_()))
        return attrs.evolve(self, table=self.table.filter(pa.array(rows)), probabilities=chances)

    def _display(self) -> Display:
        made = "from SYNTHETIC cases: " if is_synthetic(self.table.schema.metadata) else ": "
        units = len(self.table["unit"].unique())
        heading = (
            f"Ratings{' ' if made != ': ' else ''}{made}{len(self)} "
            f"rating{'s' * (len(self) != 1)} of {units} unit{'s' * (units != 1)}"
        )
        titles = [
            *("unit", "standard", "percent", "rating", "points"),
            *("posterior same", "predictive other", "cases needed"),
        ]
        lines = [titles]
        partial = False
        for row in self.table.slice(0, _SHOWN).to_pylist():
            partial |= row["reason"] == RatingReason.PARTIAL.text

            def share(name: str, row: Mapping[str, Any] = row) -> str:
                return "" if row[name] is None else f"{100 * row[name]:.0f}%"

            thin = "?" if is_thin(row["reliability"]) else ""
            points = "" if row["points"] is None else f"{row['points']:g} of {row['most_points']:g}"
            lines.append(
                [
                    row["unit"],
                    row["standard"],
                    "" if row["percent"] is None else f"{row['percent']:.1f}{thin}",
                    row["rating"] or f"({row['reason']})",
                    points,
                    share("posterior_same"),
                    share("predictive_other"),
                    "" if row["cases_needed"] is None else f"{row['cases_needed']:,.0f}",
                ]
            )
        more = len(self) - _SHOWN
        footer = [
            *([f"{more} more ratings: see .table"] if more > 0 else []),
            *([f"{OVERALL}: {RatingReason.PARTIAL.text}"] if partial else []),
            "posterior: probability that the caseload's share is in this band, given the sample",
            "predictive: chance that another sample of the same size would be rated otherwise",
            (
                f"cases needed: for the band of this percentage in {self.certainty:.0%} of "
                "samples, were it the true share"
            ),
        ]
        return Display(heading, lines, "\n".join(footer), labels=2)


_SHOWN = 40
