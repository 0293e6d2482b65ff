"""ScoreTally."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import attrs
import numpy as np
import numpy.typing as npt

from omistats.breakdowns.groups import GroupSpec
from omistats.errors import UnknownNameError, UsageError, as_tuple, format_value, format_values
from omistats.model.framework import ALL, Framework
from omistats.model.metadata import SYNTHETIC, is_synthetic
from omistats.model.units import resolve_regrouping
from omistats.scoring.groups import Domains, domains_of
from omistats.scoring.score_tally_file import Parts, read_parts, write_parts
from omistats.scoring.sums import ScoredItem, scored_items

__all__ = ["ScoreTally", "check_alike", "check_consistency", "merge_score_sums"]


Counts = npt.NDArray[np.int64]


def check_alike(first: ScoreTally, others: Sequence[Any], what: str) -> None:
    """Refuse sums that do not add up to anything; name every difference.

    Raises
    ------
    UsageError
        When one is no sums over cases, or they are not of the same things.
    """
    for other in others:
        if not isinstance(other, type(first)):
            raise UsageError(
                f"{what} takes a ScoreTally, found {type(other).__name__}; make one with "
                "score_tally"
            )
    wrong = [
        f"{'the other' if len(others) == 1 else f'other {i}'} has {difference}"
        for i, other in enumerate(others, 1)
        for difference in _differences(first, other)
    ]
    if wrong:
        lines = "".join(f"\n  - {text}" for text in wrong)
        raise UsageError(
            f"{what} takes sums of the same framework, items, breakdowns and complement:{lines}"
        )


def merge_score_sums(
    parts: Sequence[ScoreTally],
) -> tuple[tuple[str, ...], Counts, Counts, dict[bytes, bytes]]:
    """Add sums that are alike; give units, cases, moments and metadata."""
    units = tuple(dict.fromkeys(unit for part in parts for unit in part.units))
    place = {unit: i for i, unit in enumerate(units)}
    cases = np.zeros(len(units), np.int64)
    moments = np.zeros((len(units), *parts[0].moments.shape[1:]), np.int64)
    for part in parts:
        at = [place[unit] for unit in part.units]
        # Within a part a unit stands once.
        cases[at] += part.cases
        moments[at] += part.moments
    return units, cases, moments, _metadata([part.metadata for part in parts])


def _metadata(said: Sequence[Mapping[bytes, bytes]]) -> dict[bytes, bytes]:
    first, *rest = said
    kept = {k: v for k, v in first.items() if all(other.get(k) == v for other in rest)}
    for one in said:
        if is_synthetic(one):
            # What is made up in part is made up.
            kept.setdefault(SYNTHETIC, one[SYNTHETIC])
    return kept


def _differences(a: ScoreTally, b: ScoreTally) -> list[str]:
    found = []
    if a.framework.name != b.framework.name:
        found.append(f"the framework {b.framework.name!r}, not {a.framework.name!r}")
    elif a.framework != b.framework:
        found.append(f"another framework of the name {a.framework.name!r}")
    ours = {s.item.id: s.questions for s in a.items}
    theirs = {s.item.id: s.questions for s in b.items}
    if missing := [id for id in ours if id not in theirs]:
        found.append(f"no items {format_values(missing)}")
    if more := [id for id in theirs if id not in ours]:
        found.append(f"more items, {format_values(more)}")
    if apart := [id for id in ours if id in theirs and ours[id] != theirs[id]]:
        found.append(f"other questions behind {format_values(apart)}")
    if not found and tuple(ours) != tuple(theirs):
        found.append("the same items in another order")
    if a.splits != b.splits:
        found.append(f"breakdowns {_named(b)}, not {_named(a)}")
    if a.complement != b.complement:
        found.append(f"the complement {b.complement!r}, not {a.complement!r}")
    return found


def _named(tally: ScoreTally) -> str:
    return ", ".join(f"{s.key!r} ({', '.join(s.groups)})" for s in tally.splits) or "none"


Flags = npt.NDArray[np.bool_]

# Products of sums do not fit int64; in floating point they are off by less than this share.
_ROUNDING = 1 + 1e-9


def check_consistency(
    units: Sequence[str],
    cases: Any,
    items: Sequence[str],
    widths: Sequence[int],
    domains: Domains,
    complement: str,
    moments: Any,
) -> list[str]:
    """List what is wrong with sums; see `omistats.scoring.score_tally.ScoreTally`.

    Parameters
    ----------
    units : sequence of str
    cases : ndarray of int, shape (units,)
    items : sequence of str
        Their ids.
    widths : sequence of int
        How many questions feed each.
    domains : Domains
    complement : {'all', 'known'}
    moments : ndarray of int, shape (units, domains, items, 5)
    """
    wrong = []
    if odd := [unit for unit in units if not isinstance(unit, str) or unit == ALL]:
        wrong.append(f"units are text and none is {ALL!r}; found {format_values(odd)}")
    if repeated := sorted({str(unit) for unit in units if units.count(unit) > 1}):
        wrong.append(f"a unit stands once; found {format_values(repeated)} more often")
    if not items:
        wrong.append("something is scored; found no items")
    if complement not in ("all", "known"):
        wrong.append(f"the complement is 'all' or 'known'; found {complement!r}")
    for name, array, shape in (
        ("cases", cases, (len(units),)),
        ("moments", moments, (len(units), len(domains), len(items), 5)),
    ):
        if not isinstance(array, np.ndarray) or array.dtype != np.int64 or array.shape != shape:
            found = (
                f"{array.dtype} of shape {array.shape}"
                if isinstance(array, np.ndarray)
                else type(array).__name__
            )
            wrong.append(f"{name} are int64 of shape {shape}; found {found}")
    if wrong:
        return wrong
    for rule, bad in _impossible(cases, np.array(widths), domains, complement, moments):
        if bad.any():
            wrong.append(f"{rule}; not so {_where(bad, units, items, domains)}")
    return wrong


def _impossible(
    cases: npt.NDArray[np.int64],
    widths: npt.NDArray[np.int64],
    domains: Domains,
    complement: str,
    moments: npt.NDArray[np.int64],
) -> Iterator[tuple[str, Flags]]:
    """Flag each unit, domain and item for which a rule does not hold."""
    k, n, kk, kn, nn = np.moveaxis(moments, -1, 0)
    there = cases[:, np.newaxis, np.newaxis]
    yield "units have 0 cases or more", np.broadcast_to(there < 0, k.shape)
    # Of a case 0 <= k <= n <= width.
    ordered = (k >= 0) & (k <= n) & (k <= kk) & (kk <= kn) & (kn <= nn) & (n <= nn)
    yield "sums are 0 <= k <= n and k <= k² <= k n <= n²", ~ordered
    most = (n <= there * widths) & (nn <= n * widths) & (kn <= k * widths)
    yield "no case has more answers than an item has questions", ~most
    # Squares of sums are at most as many times the sums of squares as there are cases.
    a, b, aa, ab, bb = (x.astype(np.float64) for x in (k, n, kk, kn, nn))
    spread = (a * a <= there * aa * _ROUNDING) & (b * b <= there * bb * _ROUNDING)
    spread &= ab * ab <= aa * bb * _ROUNDING
    yield "sums of squares leave no negative variance", ~spread
    everyone = moments[:, 0]
    inside = np.zeros(k.shape, np.bool_)
    for split, own, compared in zip(domains.splits, domains.shown, domains.compared, strict=True):
        parts = moments[:, compared].sum(axis=1)
        whole = (parts <= everyone).all(axis=-1)
        if split.contrast == "complement":
            whole &= (moments[:, own[1]] == everyone).all(axis=-1)
            if complement == "all":
                whole &= (parts == everyone).all(axis=-1)
        inside[:, own] |= ~whole[:, np.newaxis]
    yield "groups that share no case add up to no more than everyone", inside


def _where(bad: Flags, units: Sequence[str], items: Sequence[str], domains: Domains) -> str:
    unit, domain, item = (int(i) for i in np.argwhere(bad)[0])
    more = int(bad.sum()) - 1
    also = f" and at {more} more" if more else ""
    return f"of {items[item]!r} in {units[unit]!r}, {_name(domains, domain)}{also}"


def _name(domains: Domains, domain: int) -> str:
    for split, own, compared in zip(domains.splits, domains.shown, domains.compared, strict=True):
        if domain in own:
            return f"{split.key} {split.groups[domain - own[0]]!r}"
        if domain in compared:
            return f"{split.key} outside {split.groups[0]!r}"
    return "everyone"


@attrs.frozen(eq=False, repr=False)
class ScoreTally:
    """The sums over cases behind pooled scores, unit by unit.

    Make one with `score_tally` and pass it to `scores` in place of the cases. Sums of cases
    that are apart add up to the sums of all of them, so cases may be summed part by part.

    Attributes
    ----------
    framework : Framework
        Where the items come from.
    units : tuple of str
        The units, in the order of report.
    cases : ndarray of int64, shape (units,)
        How many cases each has, whatever was applicable.
    items : tuple of Scored
        What is scored, each with the questions that feed it.
    splits : tuple of Split
        Breakdowns.
    complement : {'all', 'known'}
        What the subset of a complement is compared with.
    moments : ndarray of int64, shape (units, domains, items, 5)
        Sums over cases of k, n, k², k n and n², with k sufficient of n applicable answers of a
        case to the item's questions. Domains are everyone, then the groups of each split, then
        for each complement the cases that its subset is compared with.
    metadata : mapping of bytes to bytes
        What the cases say of themselves, that they are synthetic among other things.

    Raises
    ------
    UsageError
        When no cases have such sums. All that is wrong is listed.

    Examples
    --------
    >>> import tempfile
    >>> import omistats as oms
    >>> sums = oms.score_tally(oms.omi2.load_synthetic(), items=["3"])
    >>> early, late = sums.drop_units(sums.units[9:]), sums.drop_units(sums.units[:9])
    >>> len(early.units), early.merge(late).moments.shape, len(sums.replace(late).domains)
    (9, (15, 1, 1, 5), 1)
    >>> sums.regroup({u: "early" if u in early.units else "late" for u in sums.units})
    ScoreTally: SYNTHETIC 2 units x 0 breakdowns x 1 item, 2,213 cases
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     sums.write(f"{folder}/sums.arrow")
    ...     oms.ScoreTally.read(f"{folder}/sums.arrow", framework=sums.framework)
    ScoreTally: SYNTHETIC 15 units x 0 breakdowns x 1 item, 2,213 cases
    """

    framework: Framework
    units: tuple[str, ...]
    cases: Counts
    items: tuple[ScoredItem, ...]
    splits: tuple[GroupSpec, ...]
    complement: Literal["all", "known"]
    moments: Counts
    metadata: Mapping[bytes, bytes] = attrs.field(factory=dict)

    def __attrs_post_init__(self) -> None:
        widths = [len(item.questions) for item in self.items]
        names = [item.item.id for item in self.items]
        wrong = check_consistency(
            self.units, self.cases, names, widths, self.domains, self.complement, self.moments
        )
        if wrong:
            raise UsageError("no cases have such sums:" + "".join(f"\n  - {w}" for w in wrong))
        # Scores are made of these arrays; a sum changed later would part them.
        for name in ("cases", "moments"):
            fixed = getattr(self, name).view()
            fixed.flags.writeable = False
            object.__setattr__(self, name, fixed)

    @property
    def domains(self) -> Domains:
        """How the groups of cases lie along the second axis of ``moments``, whose length it has."""
        return domains_of(self.splits)

    def merge(self, *others: ScoreTally) -> ScoreTally:
        """Add sums of other cases, of the same units or of more.

        Parameters
        ----------
        *others : ScoreTally
            Each of cases that are in none of the rest: the same case twice counts twice, and
            sums cannot tell.

        Returns
        -------
        ScoreTally
            Units that several have are added up; new ones come last, in order of appearance.
            Metadata stay where all say the same, and the mark of synthetic cases stays when any
            has it.

        Raises
        ------
        UsageError
            When frameworks, items, breakdowns or complements differ; every difference is named.
        """
        check_alike(self, others, "merge")
        units, cases, moments, metadata = merge_score_sums((self, *others))
        return attrs.evolve(self, units=units, cases=cases, moments=moments, metadata=metadata)

    def drop_units(self, units: Iterable[str] | str) -> ScoreTally:
        """Leave units out.

        Parameters
        ----------
        units : iterable of str
            Their ids; one id will do.

        Returns
        -------
        ScoreTally
            Of the units that are left, in the order they had.

        Raises
        ------
        UnknownNameError
            When a unit is not here.
        UsageError
            When none would be left.
        """
        gone = as_tuple("units", units, "units")
        if unknown := [unit for unit in gone if unit not in self.units]:
            raise UnknownNameError("unit", unknown, self.units)
        kept = [i for i, unit in enumerate(self.units) if unit not in gone]
        if not kept:
            raise UsageError("that leaves out every unit; keep one at least")
        return attrs.evolve(
            self,
            units=tuple(self.units[i] for i in kept),
            cases=self.cases[kept],
            moments=self.moments[kept],
        )

    def replace(self, new: ScoreTally) -> ScoreTally:
        """Put the sums of some units in place of those that are here.

        Parameters
        ----------
        new : ScoreTally
            Units counted anew.

        Returns
        -------
        ScoreTally
            Units in the order that they had; metadata as of `merge`.

        Raises
        ------
        UsageError
            When the two differ as in `merge`.
        UnknownNameError
            When ``new`` has a unit that is not here; `merge` adds units.
        """
        check_alike(self, (new,), "replace")
        if unknown := [unit for unit in new.units if unit not in self.units]:
            raise UnknownNameError("unit", unknown, self.units)
        at = [self.units.index(unit) for unit in new.units]
        cases, moments = self.cases.copy(), self.moments.copy()
        cases[at], moments[at] = new.cases, new.moments
        *_, metadata = merge_score_sums((self, new))
        return attrs.evolve(self, cases=cases, moments=moments, metadata=metadata)

    def regroup(self, mapping: Mapping[str, str]) -> ScoreTally:
        """Make larger units of the units: regions, or any grouping.

        Parameters
        ----------
        mapping : mapping of str to str
            The new unit of every unit.

        Returns
        -------
        ScoreTally
            As summed from `CaseSet.regroup`: sums over cases add up. Standard errors are then
            made of what cases differ by within the larger units.

        Raises
        ------
        DataError
            When a unit has no place in the mapping, the mapping names a unit that is not there,
            or a new unit is no text or called ``all``; all are listed.
        UsageError
            When it is no mapping.
        """
        groups, place = resolve_regrouping(self.units, mapping)
        cases = np.zeros(len(groups), np.int64)
        moments = np.zeros((len(groups), *self.moments.shape[1:]), np.int64)
        np.add.at(cases, place, self.cases)
        np.add.at(moments, place, self.moments)
        return attrs.evolve(self, units=groups, cases=cases, moments=moments)

    def write(self, path: str | Path) -> None:
        """Write an Arrow IPC file, replacing one that is there; `read` takes it back.

        If writing fails, a file that was there stays as it was.

        Parameters
        ----------
        path : str or Path
            The file.

        Raises
        ------
        UsageError
            When a folder or anything else that is no file is there.
        OSError
            When the file cannot be written.
        """
        feeds = {item.item.id: item.questions for item in self.items}
        write_parts(
            Path(path),
            Parts(
                self.framework.name,
                self.units,
                self.cases,
                feeds,
                self.splits,
                self.complement,
                self.moments,
                self.metadata,
            ),
        )

    @classmethod
    def read(cls, path: str | Path, *, framework: Framework) -> ScoreTally:
        """Read what `write` wrote.

        Parameters
        ----------
        path : str or Path
            The file.
        framework : Framework
            The one that the cases were checked against.

        Returns
        -------
        ScoreTally
            Equal to the one written.

        Raises
        ------
        UsageError
            When ``framework`` is no framework.
        DataError
            When the file is missing, truncated, changed, another kind of file or of another
            version, or the framework has another name or other questions behind an item.
        """
        if not isinstance(framework, Framework):
            raise UsageError(f"`framework` is a Framework, found {format_value(framework)}")
        parts = read_parts(Path(path), framework)
        return cls(
            framework,
            parts.units,
            parts.cases,
            scored_items(framework, parts.feeds),
            parts.splits,
            parts.complement,
            parts.moments,
            parts.metadata,
        )

    def __repr__(self) -> str:
        made_up = "SYNTHETIC " * is_synthetic(self.metadata)
        parts = (len(self.units), len(self.splits), len(self.items))
        words = ("unit", "breakdown", "item")
        shape = " x ".join(
            f"{count} {word}{'s' * (count != 1)}" for count, word in zip(parts, words, strict=True)
        )
        cases = int(self.cases.sum())
        return f"ScoreTally: {made_up}{shape}, {cases:,} case{'s' * (cases != 1)}"
