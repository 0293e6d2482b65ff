"""Case assessments: one row a case, checked once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from omistats import _arrow
from omistats.errors import DataError, Problem, UnknownNameError, as_tuple
from omistats.model.answer_bits import AnswerBits, pack_answers
from omistats.model.framework import Framework
from omistats.model.metadata import is_synthetic
from omistats.model.units import Unit, resolve_regrouping
from omistats.model.validation import read

__all__ = ["CaseSet"]


@attrs.frozen(eq=False, repr=False)
class CaseSet:
    """Case assessments that have been checked against a framework.

    Make one with `CaseSet.from_data`. A case set speaks the Arrow PyCapsule
    protocol (``pa.table(cases)``, ``polars.DataFrame(cases)``) as one batch:
    ``case_id``, ``unit`` (dictionary, int16), strata (dictionary, int8), questions
    (Boolean), extras; the schema's metadata is kept.

    Attributes
    ----------
    framework : Framework
        The questions and strata.
    units : tuple of str
        Units in the order of report; a declared unit may have no cases.
    metadata : dict of bytes to bytes
        Schema metadata of the data read.
    unit_names : dict of str to str
        Names for people of the units that were declared with one.
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

    @classmethod
    def from_data(
        cls,
        data: Any,
        *,
        framework: Framework,
        units: Iterable[Unit | str] | None = None,
    ) -> CaseSet:
        """Check a data frame and take it in.

        Parameters
        ----------
        data : data frame
            One row a case, with the columns ``case_id`` (text or whole numbers, unique),
            ``unit`` (text), the framework's required strata (text or dictionary) and its
            questions (Boolean, or numbers that are 0 or 1). Null means unknown for a
            stratum (unclassified) and not applicable for a question; NaN is null.
            Anything that speaks the Arrow PyCapsule protocol will do, and other frames
            through narwhals. Other columns are kept, and listed in ``extra``.
        framework : Framework
            What to check against.
        units : iterable of Unit or str, optional
            The units in the order of report. By default those in the data: in the order
            of the dictionary where the column has one, sorted otherwise.

        Returns
        -------
        CaseSet
            The cases, in the order of the data.

        Raises
        ------
        DataError
            When it is no data frame, columns are missing or repeated, ids are null or stand
            twice, a level is unknown, an answer is no answer, or a unit is undeclared or
            called ``all``. Every problem is listed.
        UsageError
            When the framework is none, or ``units`` is no list.

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
        columns, ids, metadata = read(data, framework, units)
        names = {u.id: u.name for u in units or () if isinstance(u, Unit)}
        return cls(framework, ids, metadata, columns, names)

    def __len__(self) -> int:
        return len(self._columns["case_id"])

    def __getitem__(self, name: str) -> pa.Array:
        """Return a column.

        Raises
        ------
        UnknownNameError
            When there is none of that name.
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
        """Names of the columns that the framework does not know, in order."""
        known = {"case_id", "unit", *self.framework.question_ids}
        known.update(s.name for s in self.framework.strata)
        return tuple(name for name in self._columns if name not in known)

    @cached_property
    def unit_codes(self) -> npt.NDArray[np.signedinteger]:
        """The index in ``units`` of every case."""
        return _arrow.codes_of(self._columns["unit"])

    @cached_property
    def packed(self) -> AnswerBits:
        """The answers to all questions as bits, in the order of units."""
        answers = [self._columns[id] for id in self.framework.question_ids]
        return pack_answers(answers, self.unit_codes, len(self.units))

    def filter(self, mask: Any) -> CaseSet:
        """Keep some of the cases; the units stay declared.

        Parameters
        ----------
        mask : array_like of bool
            One entry a case, without nulls.

        Returns
        -------
        CaseSet
            The cases where the mask is true, in their order.

        Raises
        ------
        DataError
            When the mask is not Boolean, has another length, or has nulls.
        """
        if isinstance(mask, pa.ChunkedArray):
            mask = mask.combine_chunks()
        keep: pa.Array = mask
        wrong = ""
        try:
            keep = mask if isinstance(mask, pa.Array) else pa.array(np.asarray(mask))
        except (pa.ArrowException, ValueError) as error:
            wrong = f"{type(mask).__name__} ({error})"
        else:
            if not pa.types.is_boolean(keep.type) or len(keep) != len(self) or keep.null_count:
                wrong = f"{len(keep)} of type {keep.type}, {keep.null_count} null"
        if wrong:
            raise DataError(
                [
                    Problem(
                        "mask",
                        f"expected {len(self)} Booleans without nulls",
                        wrong,
                        "Give one entry a case; for nulls, say whether unknown cases stay.",
                    )
                ]
            )
        columns = {name: array.filter(keep) for name, array in self._columns.items()}
        return attrs.evolve(self, columns=columns)

    def regroup(self, mapping: Mapping[str, str]) -> CaseSet:
        """Make larger units of the units: regions, or any grouping.

        Parameters
        ----------
        mapping : mapping of str to str
            The new unit of every unit.

        Returns
        -------
        CaseSet
            Whose units are the mapping's values, in order of first appearance.

        Raises
        ------
        DataError
            When a unit has no place in the mapping, the mapping names a unit that is
            not there, or a new unit is no text or called ``all``.
        UsageError
            When it is no mapping.
        """
        groups, place = resolve_regrouping(self.units, mapping)
        # Without units there are no cases either, and nothing to look up.
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
        def many(count: int, word: str, plural: str = "") -> str:
            return f"{count:,} {word if count == 1 else plural or word + 's'}"

        framework = self.framework
        note = "SYNTHETIC " if is_synthetic(self.metadata) else ""
        return (
            f"CaseSet: {many(len(self), note + 'case')}, {many(len(self.units), 'unit')}, "
            f"framework {framework.name!r} ({many(len(framework.questions), 'question')}, "
            f"{many(len(framework.strata), 'stratum', 'strata')})"
        )
