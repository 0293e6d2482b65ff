"""Case assessments that have been checked against a framework."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from omistats import _arrow
from omistats._series import order_by_index, take_rows
from omistats.errors import DataError, Problem, UnknownNameError, UsageError, as_tuple
from omistats.model.answer_bits import AnswerBits, pack_answers
from omistats.model.answers import answer_array, level_array
from omistats.model.framework import NOT_ANSWERED, Framework, NotAnswered
from omistats.model.metadata import is_synthetic
from omistats.model.treatment import Treatment
from omistats.model.units import Unit, resolve_regrouping
from omistats.model.validation import row_labels, validate_frame

__all__ = ["CaseSet", "in_order", "with_index_of"]


@attrs.frozen(eq=False, repr=False)
class CaseSet:
    """Case assessments that have been checked against a framework.

    Make one with `CaseSet.from_data`. A case set supports the Arrow PyCapsule protocol
    (``pa.table(cases)``, ``polars.DataFrame(cases)``) and exports one batch: ``case_id``,
    ``unit`` (dictionary, int16), strata (dictionary, int8), questions, extra columns, and the
    schema's metadata. Questions are Boolean; or, where they have levels or the framework has a
    policy for what was not answered, a dictionary (int8) of levels, ``not answered`` and ``not
    applicable``. What is not applicable is null, but that text in dictionaries of a framework
    whose ``blank`` is ``not answered``.

    Cases of a pandas frame remember its index. A pandas Series that is passed along with them, as
    a mask, a weight or the labels of a breakdown, goes by its index, whatever its order. One with
    other labels is refused, and so is one with labels other than 0, 1, 2, ... beside cases that
    came without an index.

    Attributes
    ----------
    framework : Framework
        The questions and strata.
    units : tuple of str
        Units in the order in which they are reported; a declared unit may have no cases.
    metadata : dict of bytes to bytes
        Schema metadata of the data.
    unit_names : dict of str to str
        Display names of the units that were declared as `Unit`.
    unit_codes : ndarray of int, shape (cases,)
        The index in ``units`` of every case.

    Examples
    --------
    >>> import omistats as oms
    >>> framework = oms.Framework("demo", [oms.Question("home_visit", "Home visited")])
    >>> cases = oms.CaseSet.from_data(
    ...     {
    ...         "case_id": [1, 2, 3],
    ...         "unit": ["Kent", "Kent", "Essex"],
    ...         "home_visit": [True, None, False],
    ...         "age": [19, 32, 41],
    ...     },
    ...     framework=framework,
    ... )
    >>> cases.columns, cases.extra
    (('case_id', 'unit', 'home_visit', 'age'), ('age',))
    >>> cases.filter(cases["age"].to_numpy() < 40)["home_visit"].to_pylist()
    [True, None]
    >>> cases.regroup({"Essex": "East of England", "Kent": "South East"}).units
    ('East of England', 'South East')
    """

    framework: Framework
    units: tuple[str, ...]
    metadata: Mapping[bytes, bytes]
    _columns: dict[str, pa.Array]
    unit_names: Mapping[str, str] = attrs.field(factory=dict)
    # Labels of the rows, if they came from a pandas frame.
    _index: Any = None

    @classmethod
    def from_data(
        cls,
        data: Any,
        *,
        framework: Framework,
        units: Iterable[Unit | str] | None = None,
    ) -> CaseSet:
        """Make a case set of a data frame, checking it against a framework.

        Parameters
        ----------
        data : data frame
            One row per case, with the columns ``case_id`` (text or whole numbers, unique),
            ``unit`` (text), the framework's required strata (text or dictionary) and its
            questions (Boolean, numbers that are 0 or 1, or categories of these). Null means
            unknown (unclassified) for a stratum and what the framework's ``blank`` says for a
            question; NaN is null. Answers to questions with levels are levels (text or
            dictionary); ``not applicable`` may be written out, and ``not answered`` where the
            framework has a policy for it.
            Any frame that supports the Arrow PyCapsule protocol or narwhals works, and a dict of
            columns. Other columns are kept, and listed in ``extra``; those that Arrow cannot hold
            become text, and ``metadata`` names them under ``kept_as_text``.
        framework : Framework
            The questions and strata to check the data against.
        units : iterable of Unit or str, optional
            The units in the order in which they are reported. By default those in the data,
            in the order of the dictionary if the column has one, else sorted; then no two may
            differ only in case, blanks or forms of a character.

        Returns
        -------
        CaseSet
            The cases, in the order of the data.

        Raises
        ------
        DataError
            When ``data`` is not a data frame, columns are missing or repeated, ids are null,
            empty or repeated, a level is unknown, an answer is invalid, or a unit is empty,
            undeclared, called ``all`` in any spelling, or looks like another. Every problem is
            listed.
        UsageError
            When ``framework`` is not a Framework, or ``units`` is not a list.

        Examples
        --------
        >>> import omistats as oms
        >>> framework = oms.Framework("demo", [oms.Question("home_visit", "Home visited")])
        >>> cases = oms.CaseSet.from_data(
        ...     {"case_id": [1, 2], "unit": ["A", "B"], "home_visit": [True, None]},
        ...     framework=framework,
        ... )
        >>> cases
        CaseSet: 2 cases, 2 units, framework 'demo' (1 question, 0 strata)
        """
        if units is not None:
            one = (units,) if isinstance(units, Unit) else units
            units = as_tuple("units", one, "units or their ids")
        columns, ids, metadata = validate_frame(data, framework, units)
        names = {u.id: u.name for u in units or () if isinstance(u, Unit)}
        same = isinstance(data, CaseSet)
        index = data._index if same else row_labels(data)  # noqa: SLF001 - of this class
        return cls(framework, ids, metadata, columns, names, index)

    def __len__(self) -> int:
        return len(self._columns["case_id"])

    def __getitem__(self, name: str) -> pa.Array:
        """Return a column.

        Raises
        ------
        UnknownNameError
            When there is no column of that name.
        """
        try:
            return self._columns[name]
        except KeyError:
            raise UnknownNameError("column", name, self._columns) from None

    def __contains__(self, name: object) -> bool:
        return name in self._columns

    def __iter__(self) -> Iterator[str]:
        return iter(self._columns)

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of all columns: keys, strata, questions, extras."""
        return tuple(self._columns)

    @property
    def extra(self) -> tuple[str, ...]:
        """Names of the columns that are not in the framework, in order."""
        known = {"case_id", "unit", *self.framework.question_ids}
        known.update(s.name for s in self.framework.strata)
        return tuple(name for name in self._columns if name not in known)

    @property
    def treatment(self) -> Treatment | None:
        """What was done to the export that the cases are from; None if no mapping read them."""
        return Treatment.from_metadata(self.metadata)

    @cached_property
    def unit_codes(self) -> npt.NDArray[np.signedinteger]:
        """The index in ``units`` of every case."""
        return _arrow.codes_of(self._columns["unit"])

    @cached_property
    def packed(self) -> AnswerBits:
        """The answers to all questions as bits, in the order of units."""
        framework = self.framework
        answers = [answer_array(self._columns[q.id], q, framework) for q in framework.questions]
        not_answered = [
            level_array(self._columns[q.id], (NOT_ANSWERED,))
            for q in framework.questions
            if framework.not_answered is not None
        ]
        return pack_answers(answers, self.unit_codes, len(self.units), not_answered)

    def with_cut(self, sufficient: Mapping[str, Iterable[str]] | Iterable[str]) -> CaseSet:
        """Change which levels of graded questions count as sufficient.

        Parameters
        ----------
        sufficient : mapping of str to levels, or levels
            The sufficient levels of some questions; or of every question that has levels.

        Returns
        -------
        CaseSet
            The same answers with other cuts.

        Raises
        ------
        UnknownNameError
            When a question is unknown.
        UsageError
            When ``sufficient`` is neither a mapping nor a list, or is a list and no question has
            levels.
        DataError
            When a cut is none of the question's levels.

        Examples
        --------
        >>> import omistats as oms
        >>> levels = ("fully met", "mostly met", "not met")
        >>> plan = oms.Question("plan", "Plan covers risk", levels=levels, sufficient=levels[:1])
        >>> data = {"case_id": [1, 2, 3], "unit": ["A"] * 3, "plan": levels}
        >>> cases = oms.CaseSet.from_data(data, framework=oms.Framework("demo", [plan]))
        >>> [
        ...     oms.recompute(c, breakdowns=[]).table["percent"].to_pylist()[0]
        ...     for c in (cases, cases.with_cut(["fully met", "mostly met"]))
        ... ]
        [33.333333333333336, 66.66666666666667]
        """
        return attrs.evolve(self, framework=self.framework.with_cut(sufficient))

    def with_not_answered(self, policy: NotAnswered) -> CaseSet:
        """Change what an applicable question without an answer counts as.

        Parameters
        ----------
        policy : {'left out', 'not sufficient'}
            As nothing, or as not sufficient.

        Returns
        -------
        CaseSet
            The same answers, counted by that policy.

        Raises
        ------
        UsageError
            When the framework has no policy, so that its cases cannot say what was not answered.
        DataError
            When there is no such policy.
        """
        if self.framework.not_answered is None:
            raise UsageError(
                f"cases of {self.framework.name!r} cannot say that a question was not answered; "
                "make them with a framework that has `not_answered`"
            )
        return attrs.evolve(self, framework=attrs.evolve(self.framework, not_answered=policy))

    def filter(self, mask: Any) -> CaseSet:
        """Keep the cases where a mask is true; all units are kept.

        Parameters
        ----------
        mask : array_like of bool
            One entry per case, without nulls. A pandas Series goes by its index.

        Returns
        -------
        CaseSet
            The selected cases, in their order.

        Raises
        ------
        DataError
            When the mask is not Boolean, has another length, has nulls, or is a Series with
            other labels than the cases.
        """
        problems: list[Problem] = []
        mask = in_order(self, mask, "mask", problems)
        if problems:
            raise DataError(problems)
        if isinstance(mask, pa.ChunkedArray):
            mask = mask.combine_chunks()
        keep: pa.Array = mask
        error_text = ""
        try:
            keep = mask if isinstance(mask, pa.Array) else pa.array(np.asarray(mask))
        except (pa.ArrowException, ValueError) as error:
            error_text = f"{type(mask).__name__} ({error})"
        else:
            if not pa.types.is_boolean(keep.type) or len(keep) != len(self) or keep.null_count:
                error_text = f"{len(keep)} of type {keep.type}, {keep.null_count} null"
        if error_text:
            raise DataError(
                [
                    Problem(
                        "mask",
                        f"expected {len(self)} Booleans without nulls",
                        error_text,
                        "Pass one entry per case; fill nulls with True to keep those cases.",
                    )
                ]
            )
        columns = {name: array.filter(keep) for name, array in self._columns.items()}
        index = self._index
        if index is not None:
            index = take_rows(index, keep.to_numpy(zero_copy_only=False))
        return attrs.evolve(self, columns=columns, index=index)

    def regroup(self, mapping: Mapping[str, str]) -> CaseSet:
        """Combine units into larger ones, such as regions.

        Parameters
        ----------
        mapping : mapping of str to str
            The new unit of every unit.

        Returns
        -------
        CaseSet
            The cases with the new units, in the order in which they first appear.

        Raises
        ------
        DataError
            When a unit is missing from the mapping, the mapping names an unknown unit, or a
            new unit is not text or is called ``all``.
        UsageError
            When ``mapping`` is not a mapping.
        """
        groups, place = resolve_regrouping(self.units, mapping)
        # Indexing an empty array would fail when there are no units.
        codes = place.astype(np.int16)[self.unit_codes] if len(place) else self.unit_codes
        columns = {**self._columns, "unit": _arrow.dictionary(codes, groups)}
        return attrs.evolve(self, units=groups, columns=columns, unit_names={})

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """Export the cases as one record batch."""
        schema = pa.schema(
            [pa.field(name, array.type) for name, array in self._columns.items()],
            metadata=dict(self.metadata) or None,
        )
        batch = pa.record_batch(list(self._columns.values()), schema=schema)
        return pa.Table.from_batches([batch]).__arrow_c_stream__(requested_schema)

    def __repr__(self) -> str:
        def counted(count: int, word: str, plural: str = "") -> str:
            return f"{count:,} {word if count == 1 else plural or word + 's'}"

        framework = self.framework
        note = "SYNTHETIC " if is_synthetic(self.metadata) else ""
        return (
            f"CaseSet: {counted(len(self), note + 'case')}, {counted(len(self.units), 'unit')}, "
            f"framework {framework.name!r} ({counted(len(framework.questions), 'question')}, "
            f"{counted(len(framework.strata), 'stratum', 'strata')})"
        )


def in_order(
    cases: CaseSet, values: Any, where: str, problems: list[Problem], *, from_cases: bool = False
) -> Any:
    """Put a pandas Series in the order of cases; return anything else as it is.

    Parameters
    ----------
    cases : CaseSet
        The cases.
    values : object
        One value a case.
    where : str
        Name of the argument, for the problem.
    problems : list of Problem
        Receives the problem of a Series whose index is not that of the cases.
    from_cases : bool
        Whether the values were made of the columns of these cases, which have no index: labels
        0, 1, 2, ... are then places, unless the cases have these numbers in another order.

    Returns
    -------
    object
        The values.
    """
    index, rows = cases._index, len(cases)  # noqa: SLF001 - of this module's class
    return order_by_index(values, index, rows, where, "the cases", problems, from_rows=from_cases)


def with_index_of(
    made: CaseSet, cases: CaseSet, rows: npt.NDArray[np.integer[Any]] | None
) -> CaseSet:
    """Let cases remember the index of others, of which they are some rows; None for all."""
    labels = cases._index  # noqa: SLF001 - of this module's class
    index = labels if rows is None else take_rows(labels, rows)
    return attrs.evolve(made, index=index)
