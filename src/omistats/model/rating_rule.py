"""Rating rules: bands of percentages, standards made of items, and an overall rating by points."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from numbers import Integral, Real
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt

from omistats.errors import (
    DataError,
    Problem,
    UnknownNameError,
    UsageError,
    as_tuple,
    format_value,
)
from omistats.model.framework import ALL

__all__ = ["OVERALL", "Band", "RatingRule", "Standard"]

OVERALL = "overall"
"""The label of the overall rating among the standards."""

_MOST_POINTS = 10**6
# The narrowest band of a percentage, so that its ends stay apart as shares.
_NARROWEST = 1e-6
# Stands for what could not be read and is reported already.
_UNREAD: Any = type("Unread", (), {"__repr__": lambda _: "unread"})()


@attrs.frozen
class Band:
    """One band of a rating.

    A `RatingRule` checks it.

    Parameters
    ----------
    name : str
        Such as ``Good``.
    start : float
        Where it begins: a percentage from 0 to below 100, or points. The value itself is in the
        band.
    end : float
        Where it ends. Of percentages the value is in the next band, except 100; of points it is
        in this band.
    points : int
        What the band of a standard adds to the overall rating.

    Examples
    --------
    >>> import omistats as oms
    >>> oms.RatingRule.percentages(["Not met", "Met"], [60]).bands[1]
    Band(name='Met', start=60.0, end=100.0, points=1)
    """

    name: str
    start: float
    end: float
    points: int = 0


@attrs.frozen
class Standard:
    """A standard that is rated.

    A `RatingRule` checks it.

    Parameters
    ----------
    id : str
        Its name in tables.
    label : str
        Its name for people.
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
    (Standard(id='1.1', label='1.1', items=('1.1',), counts=True),)
    """

    id: str
    label: str
    items: tuple[str, ...] = ()
    counts: bool = True


@attrs.frozen
class RatingRule:
    """Rating rule: bands, standards and overall rating.

    Make one with `RatingRule.from_dict`, as a programme's ``rating.toml`` is read, or with
    `RatingRule.percentages`.

    Attributes
    ----------
    bands : tuple of Band
        Bands of a percentage, from the lowest; the first begins at 0.
    standards : tuple of Standard
        What is rated; without any, every item by itself.
    overall : tuple of Band
        Bands of the sum of points, from the lowest; none for no overall rating. They begin at
        points of ``most_points``, and scale where fewer standards count.
    most_points : int
        The points that all standards together can have.
    provenance : str
        Where the rule is known from.

    Raises
    ------
    UsageError
        When parts are not of these types.
    DataError
        When parts break a rule; all problems are listed, each at its key of `from_dict`.

    Examples
    --------
    >>> import omistats as oms
    >>> oms.RatingRule.percentages(["improve", "good"], [65]).cuts
    (0.65,)
    """

    bands: tuple[Band, ...]
    standards: tuple[Standard, ...] = ()
    overall: tuple[Band, ...] = ()
    most_points: int = 0
    provenance: str = ""

    def __attrs_post_init__(self) -> None:
        for name, kind in (("bands", Band), ("standards", Standard), ("overall", Band)):
            parts = getattr(self, name)
            if not isinstance(parts, tuple) or not all(isinstance(one, kind) for one in parts):
                raise UsageError(
                    f"`{name}` must be a tuple of {kind.__name__}; found {format_value(parts)}. "
                    "Make the rule with RatingRule.from_dict"
                )
        for one in self.standards:
            if not isinstance(one.items, tuple):
                raise UsageError(
                    f"`items` must be a tuple of item ids; found {format_value(one.items)}. "
                    "Make the rule with RatingRule.from_dict"
                )
        problems = [
            *_percentage_problems(self.bands),
            *_standard_problems(self.standards),
            *_overall_problems(self.overall),
            *_sum_problems(self.bands, self.standards, self.overall, self.most_points),
        ]
        if not isinstance(self.provenance, str):
            problems.append(_problem("provenance", "must be text", self.provenance))
        if problems:
            raise DataError(problems)

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
        UsageError
            When names, cuts or items are not lists.
        DataError
            When names repeat, or cuts do not ascend from above 0 to below 100, are all below 1, or
            are not one fewer than names.

        Examples
        --------
        >>> import omistats as oms
        >>> rule = oms.RatingRule.percentages(["low", "middle", "high"], [50, 80])
        >>> rule.band_names, rule.cuts
        (('low', 'middle', 'high'), (0.5, 0.8))
        """
        labels = as_tuple("names", names, "names of bands")
        inner = as_tuple("cuts", cuts, "percentages")
        wanted = as_tuple("items", items, "item ids")
        if len(labels) != len(inner) + 1:
            hint = "Pass a cut between every two bands."
            found = f"{len(labels)} names and {len(inner)} cuts"
            raise DataError([Problem("cuts", "must be one fewer than names", found, hint)])
        ends = [0.0, *inner, 100.0]
        problems = list(_cut_problems(ends))
        if inner and not problems and inner[-1] < 1:
            meant = ", ".join(f"{100 * float(cut):g}" for cut in inner)
            found = ", ".join(f"{float(cut):g}" for cut in inner)
            problems = [Problem("cuts", "cuts are percentages", found, f"Did you mean {meant}?")]
        if problems:
            raise DataError(problems)
        pieces = enumerate(zip(labels, pairwise(map(float, ends)), strict=True))
        bands = tuple(Band(name, start, end, i) for i, (name, (start, end)) in pieces)
        return cls(bands, tuple(Standard(id, id, (id,)) for id in wanted))

    @classmethod
    def from_dict(
        cls, data: Mapping[str, Any], *, items: Iterable[str] | None = None
    ) -> RatingRule:
        """Make a rule of plain data, and check it.

        Parameters
        ----------
        data : mapping
            ``bands``: a list, from the lowest, of ``name``, ``from`` (a percentage; the value
            itself is in the band; 0 by default for the lowest), ``below`` (where the next begins;
            left out for the highest) and ``points`` (whole; by default 0, 1, 2 and so on).
            ``standards``: a list of ``id``, ``label``, ``items`` (the lowest decides; none for
            other evidence) and ``counts``. ``overall``: a list, from the lowest, of ``name``,
            ``from`` and ``to`` (whole points, both in the band). ``most_points``: what all
            standards that count can have together. ``provenance``: text. All but ``bands`` may be
            left out.
        items : iterable of str, optional
            The items there are, to check those of standards; not checked by default.

        Returns
        -------
        RatingRule
            The rule.

        Raises
        ------
        UsageError
            When ``data`` is no mapping, or ``items`` no list.
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
        if not isinstance(data, Mapping):
            raise UsageError(
                f"`data` must be a mapping of keys such as 'bands'; found {format_value(data)}"
            )
        known = None if items is None else as_tuple("items", items, "item ids")
        return _Reader().rule(cls, data, known)

    @property
    def cuts(self) -> tuple[float, ...]:
        """Where bands of a share begin but for the lowest, 0-1."""
        return tuple(float(band.start) / 100 for band in self.bands[1:])

    @property
    def band_names(self) -> tuple[str, ...]:
        """Names of the bands of a percentage, from the lowest."""
        return tuple(band.name for band in self.bands)

    def overall_place(self, points: npt.ArrayLike, most: int) -> npt.NDArray[np.intp]:
        """Return the place, from 0, of the overall band of a sum of points.

        Parameters
        ----------
        points : array_like of int
            Sums of points, from 0 to ``most``.
        most : int
            The most points there could be; the bands scale.

        Returns
        -------
        ndarray of int
            Of the shape of ``points``.

        Raises
        ------
        UsageError
            When the rule has no overall rating, there could be no points, or points are no whole
            numbers from 0 to ``most``.

        Examples
        --------
        >>> import omistats as oms
        >>> youth = oms.programmes.load("youth_justice").rating
        >>> youth.overall[youth.overall_place(26, 36)].name
        'Good'
        >>> youth.overall_place([12, 13], 24).tolist()
        [1, 2]
        """
        if not self.overall or not _is_points(most) or not most:
            found = "no bands of points" if not self.overall else f"most = {format_value(most)}"
            raise UsageError(f"an overall rating needs bands of points and points; found {found}")
        try:
            sums = np.asarray(points)
        except ValueError:  # ragged
            sums = np.empty(0, np.object_)
        odd: Any = points
        outside = np.ones(1, np.bool_)
        if sums.dtype.kind in "iu":
            outside = np.asarray((sums < 0) | (sums > most))
            odd = next(iter(sums[outside].tolist()), None)
        if outside.any():
            rule = f"`points` must be whole numbers from 0 to `most`, which is {most:g}"
            raise UsageError(f"{rule}; found {format_value(odd)}")
        # In whole numbers, so that a sum at the start of a band is never lost to rounding.
        starts = np.array([int(band.start) for band in self.overall[1:]], np.int64) * int(most)
        scaled = sums.astype(np.int64) * self.most_points
        return np.asarray(np.searchsorted(starts, scaled, side="right"))


def _problem(where: str, rule: str, found: Any, hint: str = "Correct it.") -> Problem:
    return Problem(where, rule, "none" if found is None else format_value(found), hint)


def _is_number(value: object) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool)


def _is_percentage(value: Any) -> bool:
    # Whole numbers of any length compare with floats; NaN is not within.
    return _is_number(value) and bool(0 <= value <= 100)


def _is_points(value: Any) -> bool:
    """Tell a whole number of points; 2.0 is one."""
    if not _is_number(value) or not 0 <= value <= _MOST_POINTS:
        return False
    return isinstance(value, Integral) or float(value).is_integer()


def _points_rule() -> str:
    return f"must be a whole number of points, from 0 to {_MOST_POINTS:,}"


def _name_problems(names: Sequence[object], path: str, key: str) -> Iterator[Problem]:
    """Check that entries have a name that no other has."""
    for i, name in enumerate(names):
        where = f"{path}[{i}].{key}"
        if name is _UNREAD:
            continue
        if not isinstance(name, str) or not name.strip():
            yield _problem(where, "must be text", name)
        elif name in names[:i]:
            yield _problem(where, "must be used once", name, "Rename it.")


def _cut_problems(ends: Sequence[Any]) -> Iterator[Problem]:
    """Check the cuts of `RatingRule.percentages`, between the ends 0 and 100."""
    last: Any = ends[0]
    for i, cut in enumerate(ends[1:-1]):
        where = f"cuts[{i}]"
        if not _is_percentage(cut):
            yield _problem(where, "must be a percentage above 0 and below 100", cut)
        elif not cut >= last + _NARROWEST:
            after = f"above {last:g}, the one before" if i else "above 0"
            yield _problem(where, f"must be {after}", cut)
        elif not cut <= 100 - _NARROWEST:
            yield _problem(where, "must be below 100", cut, "The highest band ends at 100.")
        else:
            last = cut


def _percentage_problems(bands: Sequence[Band]) -> Iterator[Problem]:
    """Check the bands of percentages."""
    yield from _name_problems([band.name for band in bands], "bands", "name")
    if len(bands) < 2:
        yield _problem("bands", "must be two or more", len(bands), "List them from the lowest.")
    odd = False
    for i, band in enumerate(bands):
        for key, value in (("from", band.start), ("below", band.end)):
            if not _is_percentage(value):
                odd = True
                if value is not _UNREAD:
                    rule = "must be a percentage from 0 to 100"
                    yield _problem(f"bands[{i}].{key}", rule, value)
    if not odd:
        yield from _order_problems(bands)
    for i, band in enumerate(bands):
        if not _is_points(band.points) and band.points is not _UNREAD:
            yield _problem(f"bands[{i}].points", _points_rule(), band.points)
    yield from _ascent_problems(bands)


def _order_problems(bands: Sequence[Band]) -> Iterator[Problem]:
    """Check that bands of percentages follow each other from 0 to 100."""
    last: float = 0
    for i, band in enumerate(bands):
        if band.start != last:
            word = "leave a gap" if band.start > last else "overlap"
            rule = f"must begin where the band below ends, at {last:g}" if i else "must begin at 0"
            hint = f"Bands {word} there." if i else "The lowest band begins at 0."
            yield _problem(f"bands[{i}].from", rule, band.start, hint)
        is_last, is_empty = i == len(bands) - 1, not band.end - band.start >= _NARROWEST
        if is_last and band.end != 100:
            rule = "the highest band must reach 100"
            yield _problem(f"bands[{i}].below", rule, band.end, "Leave it out.")
        elif is_last and is_empty and band.start == last:
            rule = "must be below 100, where the highest band ends"
            yield _problem(f"bands[{i}].from", rule, band.start)
        elif is_empty and not is_last:
            yield _problem(f"bands[{i}].below", "must be above `from`", band.end)
        last = band.end


def _ascent_problems(bands: Sequence[Band]) -> Iterator[Problem]:
    """Check that higher bands have more points, where all points could be read."""
    if not all(_is_points(band.points) for band in bands):
        return
    for i, (lower, upper) in enumerate(pairwise(bands)):
        if upper.points <= lower.points:
            rule = "a higher band must have more points"
            yield _problem(f"bands[{i + 1}].points", rule, upper.points)


def _standard_problems(
    standards: Sequence[Standard], known: Sequence[str] | None = None
) -> Iterator[Problem]:
    """Check standards, and their items if it is known which there are."""
    yield from _name_problems([one.id for one in standards], "standards", "id")
    for i, one in enumerate(standards):
        where = f"standards[{i}]"
        if one.id in (OVERALL, ALL):
            what = "the sum of all" if one.id == OVERALL else "the label of all together"
            yield _problem(f"{where}.id", f"{one.id!r} is {what}", one.id, "Rename it.")
        if not isinstance(one.label, str):
            yield _problem(f"{where}.label", "must be text", one.label)
        if not isinstance(one.counts, bool):
            yield _problem(f"{where}.counts", "must be true or false", one.counts)
        for j, item in enumerate(() if one.items is _UNREAD else one.items):
            at = f"{where}.items[{j}]"
            if not isinstance(item, str) or not item.strip():
                yield _problem(at, "must be an item id", item)
            elif item in one.items[:j]:
                yield _problem(at, "must be named once", item, "Take one away.")
            elif known is not None and item not in known:
                near = str(UnknownNameError("item", item, known))
                yield Problem(at, "must be an item of the framework", near, "Correct it.")


def _overall_problems(overall: Sequence[Band]) -> Iterator[Problem]:
    """Check that bands of points follow each other from 0."""
    yield from _name_problems([band.name for band in overall], "overall", "name")
    if len(overall) == 1:
        yield _problem("overall", "must be two or more", 1, "List them from the lowest.")
    odd = False
    for i, band in enumerate(overall):
        for key, value in (("from", band.start), ("to", band.end)):
            if not _is_points(value):
                odd = True
                if value is not _UNREAD:
                    yield _problem(f"overall[{i}].{key}", _points_rule(), value)
    if odd:
        return
    if _descends(overall):
        rule, hint = "must be listed from the lowest", "Turn the list round."
        yield _problem("overall", rule, overall[0].name, hint)
        return
    expected: float = 0
    for i, band in enumerate(overall):
        if band.start != expected:
            word = "leave a gap" if band.start > expected else "overlap"
            after = ", after the band below" if i else ""
            hint = f"Bands {word} there." if i else "The lowest band begins at 0."
            rule = f"must begin at {expected:g} points{after}"
            yield _problem(f"overall[{i}].from", rule, band.start, hint)
        if band.end < band.start:
            yield _problem(f"overall[{i}].to", "must be at least `from`", band.end)
        expected = band.end + 1


def _descends(bands: Sequence[Band]) -> bool:
    starts = [band.start for band in bands]
    if len(bands) < 2 or not all(map(_is_points, starts)):
        return False
    return starts == sorted(starts, reverse=True) and starts[0] > starts[-1]


def _sum_problems(
    bands: Sequence[Band], standards: Sequence[Standard], overall: Sequence[Band], most: Any
) -> Iterator[Problem]:
    """Check that the points of standards add up to those of the overall rating."""
    if most is not None and not _is_points(most):
        yield _problem("most_points", _points_rule(), most)
        return
    if not overall:
        return
    counted = sum(one.counts is True for one in standards)
    if not counted:
        found = "none that counts" if standards else "none"
        hint = "List [[standards]], or leave `overall` out."
        yield Problem("overall", "an overall rating needs standards", found, hint)
        return
    top = bands[-1].points if bands else None
    if not _is_points(top) or any(True for _ in _ascent_problems(bands)):
        # Their sum is not known.
        return
    whole = int(counted * top)  # type: ignore[operator]
    if most is None:
        hint = f"Write most_points = {whole}."
        yield _problem("most_points", "must be given with `overall`", None, hint)
    elif most != whole:
        rule = f"must equal counted standards x top points: {counted} x {top:g} = {whole}"
        yield _problem("most_points", rule, most)
    end = overall[-1].end
    # One that reaches a wrong `most_points`, or is listed first, follows from that.
    if _is_points(end) and end not in (most, whole) and not _descends(overall):
        rule = f"the highest band must reach {whole} points"
        yield _problem(f"overall[{len(overall) - 1}].to", rule, end)


class _Reader:
    """Reads plain data, and collects its problems."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []

    def rule(
        self, cls: type[RatingRule], data: Mapping[str, Any], known: tuple[str, ...] | None
    ) -> RatingRule:
        """Read a rule.

        Raises
        ------
        DataError
            With every problem.
        """
        self.keys("", data, tuple(attrs.fields_dict(cls)))
        bands, standards, overall = (
            self.entries(data, key) for key in ("bands", "standards", "overall")
        )
        if data.get("bands") is None:
            rule, hint = "must be given", "List the bands from the lowest."
            self.problems.append(_problem("bands", rule, None, hint))
        most, provenance = data.get("most_points"), data.get("provenance", "")
        if not isinstance(provenance, str):
            self.problems.append(_problem("provenance", "must be text", provenance))
        read_bands = tuple(self.bands(bands or []))
        read_standards = tuple(self.standard(i, entry) for i, entry in enumerate(standards or []))
        read_overall = tuple(self.overall_band(i, entry) for i, entry in enumerate(overall or []))
        if bands is not None and "bands" in data:
            self.problems += _percentage_problems(read_bands)
        self.problems += _standard_problems(read_standards, known)
        self.problems += _overall_problems(read_overall)
        if None in (bands, standards, overall) or _UNREAD in (standards or []):
            # Their points are not known.
            self.problems += _sum_problems((), (), (), most)
        else:
            self.problems += _sum_problems(read_bands, read_standards, read_overall, most)
        if self.problems:
            raise DataError(self.problems)
        # 65 percent are 65.0, and 2.0 points are 2.
        made = (
            tuple(
                Band(band.name, kind(band.start), kind(band.end), int(band.points))
                for band in parts
            )
            for kind, parts in ((float, read_bands), (int, read_overall))
        )
        own_bands, total = made
        return cls(own_bands, read_standards, total, int(most or 0), provenance)

    def keys(self, path: str, entry: Mapping[Any, Any], known: Sequence[str]) -> bool:
        """Note keys that are not known, and say whether there are any."""
        unknown = [key for key in entry if key not in known]
        for key in unknown:
            name = key if isinstance(key, str) and key.isprintable() else format_value(key)
            near = str(UnknownNameError("key", str(key), known))
            rule, hint = "must be a key that is known", "Correct or remove it."
            self.problems.append(Problem(f"{path}{name}", rule, near, hint))
        return bool(unknown)

    def entries(self, data: Mapping[str, Any], name: str) -> list[Any] | None:
        """Return the entries of a list of tables; None for what is no list."""
        values = data.get(name)
        if values is None:
            return []
        if isinstance(values, str | bytes | Mapping) or not isinstance(values, Sequence):
            self.problems.append(_problem(name, "must be a list of tables", values))
            return None
        for i, value in enumerate(values):
            if not isinstance(value, Mapping):
                self.problems.append(_problem(f"{name}[{i}]", "must be a table", value))
        return [value if isinstance(value, Mapping) else _UNREAD for value in values]

    def needed(self, path: str, entry: Mapping[str, Any], keys: Sequence[str], known: Any) -> Any:
        """Return the values of keys that must be given."""
        # A key that is missing may be the unknown one.
        misspelt = self.keys(f"{path}.", entry, known)
        found = []
        for key in keys:
            found.append(_UNREAD if entry.get(key) is None else entry[key])
            if entry.get(key) is None and not misspelt:
                self.problems.append(_problem(f"{path}.{key}", "must be given", None, "Add it."))
        return found

    def bands(self, entries: Sequence[Any]) -> Iterator[Band]:
        tables = [entry for entry in entries if entry is not _UNREAD]
        some = any("points" in table for table in tables)
        starts = [table.get("from", 0) for table in tables]
        descend = len(starts) > 1 and all(map(_is_percentage, starts)) and starts[0] > starts[-1]
        if descend and starts == sorted(starts, reverse=True):
            rule, hint = "must be listed from the lowest", "Turn the list round."
            self.problems.append(_problem("bands", rule, tables[0].get("name"), hint))
            entries = [_UNREAD] * len(entries)
        for i, entry in enumerate(entries):
            if entry is _UNREAD:
                yield Band(_UNREAD, _UNREAD, _UNREAD, _UNREAD)
                continue
            keys = ["name", *(["from"] if i or "from" in entry else [])]
            keys += ["below"] * (i < len(entries) - 1) + ["points"] * some
            known = ("name", "from", "below", "points")
            given = dict(zip(keys, self.needed(f"bands[{i}]", entry, keys, known), strict=True))
            end = entry.get("below")
            yield Band(
                given["name"],
                given.get("from", 0),
                given.get("below", 100 if end is None else end),
                given.get("points", i),
            )

    def standard(self, i: int, entry: Any) -> Standard:
        if entry is _UNREAD:
            return Standard(_UNREAD, "")
        path, known = f"standards[{i}]", ("id", "label", "items", "counts")
        (id,) = self.needed(path, entry, ("id",), known)
        items = entry.get("items", ())
        if isinstance(items, str | bytes | Mapping) or not isinstance(items, Sequence):
            self.problems.append(_problem(f"{path}.items", "must be a list of item ids", items))
            items = _UNREAD
        else:
            items = tuple(items)
        return Standard(id, entry.get("label", str(id)), items, entry.get("counts", True))

    def overall_band(self, i: int, entry: Any) -> Band:
        if entry is _UNREAD:
            return Band(_UNREAD, _UNREAD, _UNREAD)
        keys = ("name", "from", "to")
        return Band(*self.needed(f"overall[{i}]", entry, keys, keys))
