"""Hold the sums over cases behind pooled scores."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import attrs
import numpy as np
import numpy.typing as npt

from omistats.breakdowns.groups import GroupSpec
from omistats.counting.tally_file import describe_answers
from omistats.errors import UnknownNameError, UsageError, as_tuple, format_values
from omistats.model.framework import ALL, Framework, check_framework
from omistats.model.metadata import SYNTHETIC, is_synthetic
from omistats.model.units import resolve_regrouping, split_names
from omistats.scoring.effective import moments_of_sizes, size_columns
from omistats.scoring.groups import Domains, make_domains
from omistats.scoring.score_tally_file import (
    StoredSums,
    questions_behind,
    read_sums,
    write_sums,
)
from omistats.scoring.sums import ScoredItem, scored_items

__all__ = ["ScoreTally"]

Counts = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

_OPTIONAL = ("sizes", "not_answered")

# Products of sums do not fit int64; float64 is off by less than this factor.
_ROUNDING = 1 + 1e-9


@attrs.frozen(eq=False, repr=False)
class ScoreTally:
    """The sums over cases behind pooled scores, unit by unit.

    Make one with `score_tally` and pass it to `scores` in place of the cases. Sums of separate
    parts of the cases add up to the sums of all, so that cases may be summed part by part.

    Attributes
    ----------
    framework : Framework
        The framework of the items.
    units : tuple of str
        The units, in the order of report.
    cases : ndarray of int64, shape (units,)
        The number of cases of each unit, whatever was applicable.
    items : tuple of ScoredItem
        The items to score, each with the questions that feed it.
    splits : tuple of GroupSpec
        Breakdowns.
    complement : {'all', 'known'}
        Cases that the subset of a complement is compared with.
    moments : ndarray of int64, shape (units, domains, items, 5)
        Sums over cases of k, n, k², k n and n², with k sufficient of n applicable answers of a
        case to the item's questions. Domains are all cases, then the groups of each split, then
        for each complement the cases that its subset is compared with.
    metadata : mapping of bytes to bytes
        Metadata of the cases, such as the mark of synthetic cases.
    sizes : ndarray of int64, shape (units, domains, columns), or None
        Numbers of cases, and sums of their answers, by how many answers applied, as
        `omistats.scoring.effective.size_columns` describes them; intervals and tests on effective
        answers need them. None in sums that an earlier version saved.
    not_answered : ndarray of int64, shape (units, domains, items), or None
        Questions of each item that were asked and not answered, over all cases. None where the
        framework has no policy for them.

    Raises
    ------
    UsageError
        When no cases can have such sums. All problems are listed.

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
    sizes: Counts | None = None
    not_answered: Counts | None = None

    def __attrs_post_init__(self) -> None:
        widths = [len(item.questions) for item in self.items]
        names = [item.item.id for item in self.items]
        wrong = _check_consistency(
            self.units, self.cases, names, widths, self.domains, self.complement, self.moments
        )
        if not wrong and self.sizes is not None:
            wrong = _check_sizes(self.sizes, self.items, self.moments)
        if not wrong and self.not_answered is not None:
            wrong = _check_not_answered(self.not_answered, self.cases, widths, self.moments)
        if wrong:
            raise UsageError("no cases can have such sums:", *wrong)
        # A sum changed later would no longer fit the others.
        for name in self.sums_by_unit():
            fixed = getattr(self, name).view()
            fixed.flags.writeable = False
            object.__setattr__(self, name, fixed)

    @property
    def domains(self) -> Domains:
        """The domains along the second axis of ``moments``."""
        return make_domains(self.splits)

    def merge(self, *others: ScoreTally) -> ScoreTally:
        """Add sums of other cases, of the same units or of more.

        Parameters
        ----------
        *others : ScoreTally
            Sums of further cases. A case that is in two of them counts twice, which cannot be
            detected from sums.

        Returns
        -------
        ScoreTally
            Units that several have are added up; new ones come last, in order of appearance.
            Metadata that are the same in all stay, and the mark of synthetic cases stays when
            any has it.

        Raises
        ------
        UsageError
            When frameworks, items, breakdowns or complements differ; every difference is named.
        """
        _check_mergeable(self, others, "merge")
        units, metadata, sums = _merge_score_sums((self, *others))
        return attrs.evolve(self, units=units, metadata=metadata, **sums)

    def drop_units(self, units: Iterable[str] | str) -> ScoreTally:
        """Drop units.

        Parameters
        ----------
        units : iterable of str
            Ids of units; one id may be passed as text.

        Returns
        -------
        ScoreTally
            Sums of the other units, in the order they had.

        Raises
        ------
        UnknownNameError
            When a unit is not among these.
        UsageError
            When no unit would be left.
        """
        dropped = as_tuple("units", units, "units")
        if unknown := [unit for unit in dropped if unit not in self.units]:
            raise UnknownNameError("unit", unknown, self.units)
        kept = [i for i, unit in enumerate(self.units) if unit not in dropped]
        if not kept:
            raise UsageError("that drops every unit; keep one at least")
        sums = {name: values[kept] for name, values in self.sums_by_unit().items()}
        return attrs.evolve(self, units=tuple(self.units[i] for i in kept), **sums)

    def replace(self, new: ScoreTally) -> ScoreTally:
        """Replace the sums of some units.

        Parameters
        ----------
        new : ScoreTally
            New sums of these units.

        Returns
        -------
        ScoreTally
            Units in the order they had; metadata as in `merge`.

        Raises
        ------
        UsageError
            When the two differ as in `merge`.
        UnknownNameError
            When ``new`` has a unit that is not among these; `merge` adds units.
        """
        _check_mergeable(self, (new,), "replace")
        if unknown := [unit for unit in new.units if unit not in self.units]:
            raise UnknownNameError("unit", unknown, self.units)
        at = [self.units.index(unit) for unit in new.units]
        sums: dict[str, Any] = dict.fromkeys(_OPTIONAL)
        theirs = new.sums_by_unit()
        for name, values in self.sums_by_unit().items():
            if name in theirs:
                sums[name] = values.copy()
                sums[name][at] = theirs[name]
        _, metadata, _ = _merge_score_sums((self, new))
        return attrs.evolve(self, metadata=metadata, **sums)

    def regroup(self, mapping: Mapping[str, str]) -> ScoreTally:
        """Merge units into larger ones: regions, or any grouping.

        Parameters
        ----------
        mapping : mapping of str to str
            The new unit of every unit.

        Returns
        -------
        ScoreTally
            As summed from `CaseSet.regroup`. Standard errors are then computed from differences
            of cases within the larger units.

        Raises
        ------
        DataError
            When the mapping lacks a unit, names an unknown one, or a new unit is no text or
            called ``all``; all problems are listed.
        UsageError
            When it is no mapping.
        """
        groups, place = resolve_regrouping(self.units, mapping)
        sums: dict[str, Any] = {}
        for name, values in self.sums_by_unit().items():
            sums[name] = np.zeros((len(groups), *values.shape[1:]), np.int64)
            np.add.at(sums[name], place, values)
        return attrs.evolve(self, units=groups, **sums)

    def sums_by_unit(self) -> dict[str, Any]:
        """Return the arrays that have a row a unit.

        Returns
        -------
        dict of str to ndarray of int64
            ``cases``, ``moments`` and, unless they are None, ``sizes`` and ``not_answered``.
        """
        optional = {name: getattr(self, name) for name in _OPTIONAL}
        return {
            "cases": self.cases,
            "moments": self.moments,
            **{name: values for name, values in optional.items() if values is not None},
        }

    def write(self, path: str | Path) -> None:
        """Write the sums to an Arrow IPC file, which `read` reads.

        An existing file is replaced; if writing fails, it stays as it was.

        Parameters
        ----------
        path : str or Path
            The file.

        Raises
        ------
        UsageError
            When the path is a folder or anything else that is no file.
        OSError
            When the file cannot be written.
        """
        item_questions = {item.item.id: item.questions for item in self.items}
        write_sums(
            Path(path),
            StoredSums(
                self.framework.name,
                self.units,
                self.cases,
                item_questions,
                self.splits,
                self.complement,
                self.moments,
                self.metadata,
                self.sizes,
                self.not_answered,
                describe_answers(self.framework, questions_behind(item_questions)),
            ),
        )

    @classmethod
    def read(cls, path: str | Path, *, framework: Framework) -> ScoreTally:
        """Read a file that `write` wrote.

        Parameters
        ----------
        path : str or Path
            The file.
        framework : Framework
            The framework that the cases were checked against.

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
        check_framework(framework)
        stored = read_sums(Path(path), framework)
        return cls(
            framework,
            stored.units,
            stored.cases,
            scored_items(framework, stored.item_questions),
            stored.splits,
            stored.complement,
            stored.moments,
            stored.metadata,
            stored.sizes,
            stored.not_answered,
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


def _check_consistency(
    units: Sequence[str],
    cases: Any,
    items: Sequence[str],
    widths: Sequence[int],
    domains: Domains,
    complement: str,
    moments: Any,
) -> list[str]:
    """List what is wrong with the parts of a ScoreTally.

    Parameters
    ----------
    units, cases, domains, complement, moments
        As in `ScoreTally`.
    items : sequence of str
        Ids of items.
    widths : sequence of int
        The number of questions that feed each item.
    """
    wrong = []
    if odd := [unit for unit in units if not isinstance(unit, str) or unit == ALL]:
        wrong.append(f"`units` must be text other than {ALL!r}; found {format_values(odd)}")
    if repeated := sorted({str(unit) for unit in units if units.count(unit) > 1}):
        wrong.append(f"`units` must differ; found {format_values(repeated)} more than once")
    if not items:
        wrong.append("`items` must have an item; found none")
    if complement not in ("all", "known"):
        wrong.append(f"`complement` must be 'all' or 'known'; found {complement!r}")
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
            wrong.append(f"`{name}` must be int64 of shape {shape}; found {found}")
    if wrong:
        return wrong
    for rule, bad in _broken_rules(cases, np.array(widths), domains, complement, moments):
        if bad.any():
            wrong.append(f"{rule}; broken by {_describe_first(bad, units, items, domains)}")
    return wrong


def _check_sizes(sizes: Any, items: Sequence[ScoredItem], moments: Counts) -> list[str]:
    """List what is wrong with numbers by size; moments are those of the same cases."""
    shape = (*moments.shape[:2], size_columns(items)[-1].stop)
    if not isinstance(sizes, np.ndarray) or sizes.dtype != np.int64 or sizes.shape != shape:
        found = getattr(sizes, "shape", type(sizes).__name__)
        return [f"`sizes` must be int64 of shape {shape}; found {found}"]
    if (sizes < 0).any():
        return ["`sizes` must be 0 or more; found negative numbers"]
    if not np.array_equal(moments_of_sizes(sizes, items), moments):
        return ["`sizes` must add up to `moments`; found other sums"]
    return []


def _check_not_answered(
    not_answered: Any, cases: Counts, widths: Sequence[int], moments: Counts
) -> list[str]:
    """List what is wrong with the numbers of questions that were not answered."""
    shape = moments.shape[:-1]
    is_array = isinstance(not_answered, np.ndarray) and not_answered.dtype == np.int64
    if not is_array or not_answered.shape != shape:
        found = getattr(not_answered, "shape", type(not_answered).__name__)
        return [f"`not_answered` must be int64 of shape {shape}; found {found}"]
    most = cases[:, np.newaxis, np.newaxis] * np.array(widths)
    if ((not_answered < 0) | (not_answered > most)).any():
        return ["`not_answered` must be 0 or more, and at most every question of every case"]
    return []


def _broken_rules(
    cases: npt.NDArray[np.int64],
    widths: npt.NDArray[np.int64],
    domains: Domains,
    complement: str,
    moments: npt.NDArray[np.int64],
) -> Iterator[tuple[str, Flags]]:
    """Flag each unit, domain and item that breaks a rule."""
    k, n, kk, kn, nn = np.moveaxis(moments, -1, 0)
    m = cases[:, np.newaxis, np.newaxis]
    yield "units have 0 cases or more", np.broadcast_to(m < 0, k.shape)
    # In every case 0 <= k <= n <= width.
    ordered = (k >= 0) & (k <= n) & (k <= kk) & (kk <= kn) & (kn <= nn) & (n <= nn)
    yield "sums are 0 <= k <= n and k <= k² <= k n <= n²", ~ordered
    most = (n <= m * widths) & (nn <= n * widths) & (kn <= k * widths)
    yield "no case has more answers than an item has questions", ~most
    # The square of a sum is at most the number of cases times the sum of squares.
    a, b, aa, ab, bb = (x.astype(np.float64) for x in (k, n, kk, kn, nn))
    spread = (a * a <= m * aa * _ROUNDING) & (b * b <= m * bb * _ROUNDING)
    spread &= ab * ab <= aa * bb * _ROUNDING
    yield "sums of squares leave no negative variance", ~spread
    every = moments[:, 0]
    broken = np.zeros(k.shape, np.bool_)
    for split, shown, compared in zip(domains.splits, domains.shown, domains.compared, strict=True):
        total = moments[:, compared].sum(axis=1)
        fits = (total <= every).all(axis=-1)
        if split.contrast == "complement":
            fits &= (moments[:, shown[1]] == every).all(axis=-1)
            if complement == "all":
                fits &= (total == every).all(axis=-1)
        broken[:, shown] |= ~fits[:, np.newaxis]
    yield "groups that share no case add up to no more than all cases", broken


def _describe_first(
    bad: Flags, units: Sequence[str], items: Sequence[str], domains: Domains
) -> str:
    """Describe the first flagged element, and count the others."""
    unit, domain, item = (int(i) for i in np.argwhere(bad)[0])
    more = int(bad.sum()) - 1
    also = f", and {more} more" if more else ""
    return f"{items[item]!r} in {units[unit]!r}, {_domain_name(domains, domain)}{also}"


def _domain_name(domains: Domains, domain: int) -> str:
    for split, shown, compared in zip(domains.splits, domains.shown, domains.compared, strict=True):
        if domain in shown:
            return f"{split.key} {split.groups[domain - shown[0]]!r}"
        if domain in compared:
            return f"{split.key} outside {split.groups[0]!r}"
    return "all cases"


def _check_mergeable(first: ScoreTally, others: Sequence[Any], what: str) -> None:
    """Check that tallies are of the same framework, items, breakdowns and complement.

    Raises
    ------
    UsageError
        When one is no ScoreTally, or they differ; every difference is named.
    """
    for other in others:
        if not isinstance(other, type(first)):
            raise UsageError(
                f"{what} needs a ScoreTally; found {type(other).__name__}. Make one with "
                "score_tally"
            )
    wrong = [
        f"{'the other' if len(others) == 1 else f'other {i}'} has {difference}"
        for i, other in enumerate(others, 1)
        for difference in _differences(first, other)
    ]
    wrong += split_names([first.units, *(other.units for other in others)])
    if wrong:
        raise UsageError(
            f"{what} needs sums of the same framework, items, breakdowns and complement:", *wrong
        )


def _merge_score_sums(
    parts: Sequence[ScoreTally],
) -> tuple[tuple[str, ...], dict[bytes, bytes], dict[str, Any]]:
    """Add sums of the same things; return units, metadata and the arrays."""
    units = tuple(dict.fromkeys(unit for part in parts for unit in part.units))
    place = {unit: i for i, unit in enumerate(units)}
    arrays = [part.sums_by_unit() for part in parts]
    # What one part lacks, the whole lacks.
    sums: dict[str, Any] = dict.fromkeys(_OPTIONAL)
    for name in [name for name in arrays[0] if all(name in one for one in arrays)]:
        total = np.zeros((len(units), *arrays[0][name].shape[1:]), np.int64)
        for part, one in zip(parts, arrays, strict=True):
            # A part has each unit once, so that no addition is lost.
            total[[place[unit] for unit in part.units]] += one[name]
        sums[name] = total
    return units, _common_metadata([part.metadata for part in parts]), sums


def _common_metadata(parts: Sequence[Mapping[bytes, bytes]]) -> dict[bytes, bytes]:
    first, *rest = parts
    kept = {k: v for k, v in first.items() if all(other.get(k) == v for other in rest)}
    for part in parts:
        if is_synthetic(part):
            # Cases that are synthetic in part are marked as synthetic.
            kept.setdefault(SYNTHETIC, part[SYNTHETIC])
    return kept


def _differences(a: ScoreTally, b: ScoreTally) -> list[str]:
    """Describe how the second tally differs from the first."""
    differences = []
    if a.framework.name != b.framework.name:
        differences.append(f"the framework {b.framework.name!r}, not {a.framework.name!r}")
    elif a.framework != b.framework:
        differences.append(f"another framework of the name {a.framework.name!r}")
    expected = {s.item.id: s.questions for s in a.items}
    found = {s.item.id: s.questions for s in b.items}
    if missing := [id for id in expected if id not in found]:
        differences.append(f"no items {format_values(missing)}")
    if more := [id for id in found if id not in expected]:
        differences.append(f"more items, {format_values(more)}")
    if changed := [id for id in expected if id in found and expected[id] != found[id]]:
        differences.append(f"other questions behind {format_values(changed)}")
    if not differences and tuple(expected) != tuple(found):
        differences.append("the same items in another order")
    if a.splits != b.splits:
        differences.append(f"breakdowns {_breakdown_names(b)}, not {_breakdown_names(a)}")
    if a.complement != b.complement:
        differences.append(f"the complement {b.complement!r}, not {a.complement!r}")
    return differences


def _breakdown_names(tally: ScoreTally) -> str:
    return ", ".join(f"{s.key!r} ({', '.join(s.groups)})" for s in tally.splits) or "none"
