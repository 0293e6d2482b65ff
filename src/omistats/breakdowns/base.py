"""Base class of breakdowns, and checks of their declarations."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import product
from typing import Any, ClassVar, Literal, TypeAlias, final, get_args

import numpy as np
import numpy.typing as npt

from omistats import _arrow
from omistats._arrow.convert import decode_dictionaries
from omistats.errors import (
    DataError,
    Problem,
    UnknownNameError,
    UsageError,
    format_value,
    format_values,
)
from omistats.model.case_set import CaseSet, in_order
from omistats.model.framework import ALL

__all__ = [
    "EXCLUDED",
    "UNCLASSIFIED",
    "AllCases",
    "Breakdown",
    "BreakdownLike",
    "Contrast",
    "CrossedBreakdown",
    "group_problems",
    "text_problems",
]


Contrast = Literal["groups", "complement"]
BreakdownLike: TypeAlias = "Breakdown | type[Breakdown] | str | tuple[Any, ...]"
"""A breakdown, its class or its name; or a tuple of them, which crosses them."""


UNCLASSIFIED = -1
"""The code of a case whose characteristic is unknown."""

EXCLUDED = -2
"""The code of a case whose label is known but reported in no group."""

_LABEL_COLUMN = "labels of the breakdown"


def text_problems(where: str, what: str, values: Any) -> list[Problem]:
    """Check that values are a tuple of text; a bare text would be taken as letters."""
    if isinstance(values, tuple | list) and all(isinstance(v, str) for v in values):
        return []
    return [Problem(where, f"{what} must be a tuple of text", repr(values), "Write a tuple.")]


def group_problems(where: str, groups: Any, contrast: Any) -> list[Problem]:
    """Check groups and their contrast; return an empty list when they are valid."""
    if found := text_problems(where, "groups", groups):
        return found
    if contrast not in get_args(Contrast):
        rule, value = "contrast must be 'groups' or 'complement'", repr(contrast)
        return [Problem(where, rule, value, "Choose one.")]
    if contrast == "complement":
        invalid = len(groups) != 2 or groups[1] != ALL or groups[0] == ALL
        rule = "a complement must have the groups (subset, 'all')"
        hint = "Name the subset first and 'all' second."
    else:
        everyone = tuple(groups) == (ALL,)
        invalid = not groups or len(set(groups)) < len(groups) or (ALL in groups and not everyone)
        rule = "groups must be distinct, at least one, and none of them 'all' unless it is alone"
        hint = "Rename or remove the invalid group; beside others, only a complement has 'all'."
    return [Problem(where, rule, repr(tuple(groups)), hint)] if invalid else []


class Breakdown:
    """Base class of breakdowns: how cases are split into groups, and which groups are compared.

    Subclass it, set the class attributes, and pass an instance to `recompute`.

    Attributes
    ----------
    key : str
        Name of the breakdown in the findings.
    groups : tuple of str
        The groups, in the order in which they are reported.
    column : str
        The column that holds the groups; by default the one named ``key``.
    contrast : {'groups', 'complement'}
        ``'groups'`` compares all groups with each other in one test. ``'complement'`` needs
        ``groups = (subset, 'all')``: it reports the subset and all cases, and tests the
        subset against all cases outside it, including the unclassified.
    excluded : tuple of str
        Labels that are known but reported in no group. With ``'complement'`` this is every
        label other than the subset.

    Examples
    --------
    >>> import omistats as oms
    >>> class Tenure(oms.Breakdown):
    ...     key = "tenure"
    ...     groups = ("owned", "rented")
    ...     excluded = ("none",)
    >>> Tenure()
    Tenure(groups=('owned', 'rented'))
    >>> framework = oms.Framework("demo", [oms.Question("plan", "Plan made")])
    >>> tenure = ["owned", "rented", "none", None]
    >>> cases = oms.CaseSet.from_data(
    ...     {"case_id": [1, 2, 3, 4], "unit": ["A"] * 4, "tenure": tenure, "plan": [1, 0, 1, 1]},
    ...     framework=framework,
    ... )
    >>> Tenure().classify(cases).to_pylist(), Tenure().codes(cases).tolist()
    (['owned', 'rented', 'none', None], [0, 1, -2, -1])
    >>> oms.recompute(cases, breakdowns=[Tenure()]).unclassified.to_pylist()
    [{'unit': 'all', 'breakdown': 'tenure', 'unclassified': 1, 'excluded': 1}]
    >>> Tenure().problems()
    []
    """

    key: ClassVar[str] = ""
    groups: tuple[str, ...] = ()
    column: ClassVar[str] = ""
    contrast: ClassVar[Contrast] = "groups"
    excluded: ClassVar[tuple[str, ...]] = ()

    def classify(self, cases: CaseSet) -> Any:
        """Return the label of every case; override it to make groups of other columns.

        Parameters
        ----------
        cases : CaseSet
            The cases.

        Returns
        -------
        array of labels
            Arrow, NumPy or a list, with one entry per case; null puts a case in no group. A
            pandas Series goes by its index; numbers 0, 1, 2, ... are places.

        Raises
        ------
        UnknownNameError
            When the cases do not have the column.
        DataError
            When the `expression` cannot be evaluated.
        """
        expression = self.expression()
        if expression is None:
            column = self.column or self.key
            if column not in cases:
                what = f"column for breakdown {self.key!r}:"
                raise UnknownNameError(what, column, cases.columns)
            return cases[column]
        return _evaluate(self.key, expression, cases)

    def expression(self) -> Any:
        """Return the labels as an expression that every engine can evaluate.

        Override it instead of `classify` when groups are made of other columns and are to be
        counted in Polars, DuckDB or Spark as well as in memory. A breakdown that overrides
        both is classified in memory by `classify` and in engines by `expression`; its author
        has to see that they agree.

        Returns
        -------
        narwhals.Expr or None
            One text per case, null for no group; or None, the default, when the breakdown
            reads its column. In memory, the expression sees strata as text and answers as
            Booleans; in an engine, it sees the columns of the table.

        Examples
        --------
        >>> import omistats as oms
        >>> class Adult(oms.Breakdown):
        ...     key = "adult"
        ...     groups = ("under 25", "25 or over")
        ...
        ...     def expression(self):
        ...         import narwhals as nw
        ...
        ...         over = nw.when(nw.col("age") >= 25).then(nw.lit("25 or over"))
        ...         return nw.when(nw.col("age") < 25).then(nw.lit("under 25")).otherwise(over)
        >>> cases = oms.CaseSet.from_data(
        ...     {"case_id": [1, 2, 3], "unit": ["A"] * 3, "age": [19, 41, None]},
        ...     framework=oms.Framework("demo", []),
        ... )
        >>> Adult().classify(cases).to_pylist(), sorted(Adult().overrides())
        (['under 25', '25 or over', None], ['expression'])
        """
        return None

    @final
    def overrides(self) -> frozenset[str]:
        """Return which of `classify` and `expression` make the labels.

        Returns
        -------
        frozenset of str
            Those that the instance, or the first class in its method resolution order that
            has any, defines; empty when the breakdown reads its column. Either of them, in a
            subclass, replaces both of its parents.

        Examples
        --------
        >>> import omistats as oms
        >>> class Adult(oms.omi2.AgeGroup):
        ...     def classify(self, cases):
        ...         return cases["adult"]
        >>> sorted(oms.omi2.AgeGroup().overrides()), sorted(Adult().overrides())
        ([], ['classify'])
        """
        methods = frozenset(("classify", "expression"))
        parents = type(self).__mro__
        for owner in (self, *parents[: parents.index(Breakdown)]):
            if found := methods.intersection(vars(owner)):
                return found
        return frozenset()

    @property
    def named_groups(self) -> tuple[str, ...]:
        """The groups that a case's label can name: all but the ``all`` of a complement."""
        return self.groups[:1] if self.contrast == "complement" else self.groups

    @final
    def codes(self, cases: CaseSet) -> npt.NDArray[np.int16]:
        """Return the code of every case's group.

        Parameters
        ----------
        cases : CaseSet
            The cases.

        Returns
        -------
        ndarray of int16, shape (cases,)
            The index in ``groups``; -1 for unclassified, -2 for excluded.

        Raises
        ------
        DataError
            When `classify` returns a wrong number of labels, no labels, labels outside
            the groups, or a Series with another index than the cases, or the `expression`
            cannot be evaluated.
        UnknownNameError
            When the cases do not have the column.
        """
        by_expression = self.overrides() == {"expression"}
        labels = Breakdown.classify(self, cases) if by_expression else self.classify(cases)
        misplaced: list[Problem] = []
        where = f"breakdown {self.key!r}"
        labels = in_order(cases, labels, where, misplaced, from_cases=True)
        if misplaced:
            raise DataError(misplaced)
        found = _arrow.labels_to_codes(labels)
        if found is None or len(found[0]) != len(cases):
            what = f"{type(labels).__name__}" if found is None else f"{len(found[0])} labels"
            raise DataError(
                [
                    Problem(
                        f"breakdown {self.key!r}",
                        f"classify must return {len(cases)} labels, text or null, one per case",
                        what,
                        "Return an array with each case's group name.",
                    )
                ]
            )
        codes, names = found
        place = {group: i for i, group in enumerate(self.named_groups)}
        complement = self.contrast == "complement"
        allowed = {*place, *self.excluded}
        unknown = {n for n in names if n not in allowed and (n == ALL or not complement)}
        if unknown:
            unknown.intersection_update(_arrow.used_labels(codes, names))
        if unknown:
            raise DataError(
                [
                    Problem(
                        f"breakdown {self.key!r}",
                        f"groups are {format_values(self.groups, 12)}",
                        f"labels {format_values(sorted(unknown))}",
                        "Add the group, list it in `excluded`, or make the label null.",
                    )
                ]
            )
        table = np.array([place.get(n, EXCLUDED) for n in names] + [UNCLASSIFIED], np.int16)
        return table[codes]

    @final
    def problems(self) -> list[Problem]:
        """Check the declaration; return an empty list when it is valid.

        Returns
        -------
        list of Problem
            Each with its rule and the next step. `recompute` and `tally` raise them.
        """
        name, found = type(self).__name__, []
        key: Any = self.key
        if not key or not isinstance(key, str):
            found.append(
                Problem(name, "a breakdown needs a key", repr(self.key), 'Set `key = "..."`.')
            )
        column: Any = self.column
        if not isinstance(column, str):
            found.append(
                Problem(
                    name, "the column's name must be text", repr(column), 'Set `column = "..."`.'
                )
            )
        found += self._group_problems()
        found += text_problems(name, "excluded labels", self.excluded)
        if not found and (both := sorted(set(self.groups) & set(self.excluded))):
            found.append(
                Problem(
                    name,
                    "a label cannot be both in `groups` and in `excluded`",
                    format_values(both),
                    "Keep it in one of them.",
                )
            )
        return found

    def _group_problems(self) -> list[Problem]:
        return group_problems(type(self).__name__, self.groups, self.contrast)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(groups={self.groups!r})"


def _evaluate(key: str, expression: Any, cases: CaseSet) -> Any:
    """Evaluate a narwhals expression on cases.

    Raises
    ------
    DataError
        When it is not a narwhals expression, or cannot be evaluated.
    """
    import narwhals as nw

    where, rule = f"breakdown {key!r}", "`expression` must give one label per case"
    if not isinstance(expression, nw.Expr):
        hint = "Write it with narwhals: nw.col(...)."
        raise DataError([Problem(where, rule, format_value(expression), hint)])
    frame = nw.from_native(decode_dictionaries(cases), eager_only=True)
    try:
        return frame.with_columns(expression.alias(_LABEL_COLUMN))[_LABEL_COLUMN].to_native()
    except Exception as error:  # an author's expression may fail in any way
        message = " ".join(str(error).split())
        hint = "Correct the expression."
        found = f"{type(error).__name__}: {message[:300]}"
        raise DataError([Problem(where, rule, found, hint)]) from error


class AllCases(Breakdown):
    """All cases as one group, so that nothing is compared."""

    key = ALL
    groups = (ALL,)
    column = "case_id"

    def classify(self, cases: CaseSet) -> Any:
        """Put every case in the group."""
        return _arrow.dictionary(np.zeros(len(cases), np.int8), (ALL,))

    def expression(self) -> Any:
        """Put every case in the group."""
        import narwhals as nw

        # Made of a column, since the length of a literal alone is not known.
        return nw.when(nw.col("case_id").is_null()).then(nw.lit(ALL)).otherwise(nw.lit(ALL))


class CrossedBreakdown(Breakdown):
    """Breakdowns crossed with each other: a group for each combination of their groups.

    Parameters
    ----------
    parts : iterable of Breakdown
        Two or more breakdowns that compare groups. A case that is unclassified, or excluded, in
        one of them is so in all of them together.

    Raises
    ------
    UsageError
        When there are fewer than two, one of them is a complement, or one is a cross itself.
    """

    def __init__(self, parts: Iterable[Breakdown]) -> None:
        self.parts = tuple(parts)
        keys = [part.key for part in self.parts]
        if len(self.parts) < 2 or len(set(keys)) < len(keys):
            raise UsageError(
                f"a cross needs two or more different breakdowns; found {format_values(keys)}"
            )
        if odd := [
            part.key
            for part in self.parts
            if part.contrast == "complement" or isinstance(part, AllCases | CrossedBreakdown)
        ]:
            raise UsageError(
                "only breakdowns that compare groups can be crossed; found "
                f"{format_values(odd)}. Cross the characteristics instead: a stratum's name "
                "compares its levels"
            )
        self.key = " x ".join(keys)  # type: ignore[misc]  # of this cross, not of the class
        combinations = product(*(part.groups for part in self.parts))
        self.groups = tuple(", ".join(groups) for groups in combinations)

    def _group_problems(self) -> list[Problem]:
        """Name combinations that a comma in a level gives one name."""
        rule, hint = (
            "each combination must have a name of its own",
            "Rename a level, leaving out ', '.",
        )
        return [
            Problem(self.key, rule, f"two that are both called {format_value(group)}", hint)
            for group in dict.fromkeys(g for g in self.groups if self.groups.count(g) > 1)
        ]

    def classify(self, cases: CaseSet) -> Any:
        """Combine the groups of each case."""
        total = np.zeros(len(cases), np.int64)
        outside = np.zeros(len(cases), np.bool_)
        unknown = np.zeros(len(cases), np.bool_)
        for part in self.parts:
            codes = part.codes(cases)
            total = total * len(part.groups) + codes
            outside |= codes == EXCLUDED
            unknown |= codes == UNCLASSIFIED
        labels = (*self.groups, _EXCLUDED_LABEL)
        total[outside] = len(self.groups)
        total[unknown] = -1
        return _arrow.dictionary(total.astype(np.int16), labels)

    def expression(self) -> Any:
        """Combine the groups of each case, where the parts read columns or have expressions."""
        import narwhals as nw

        labels = [_label(part) for part in self.parts]
        outside = [
            label.is_in(list(part.excluded))
            for label, part in zip(labels, self.parts, strict=True)
            if part.excluded
        ]
        joined = nw.concat_str(labels, separator=", ")
        if outside:
            known = ~nw.any_horizontal(*(label.is_null() for label in labels), ignore_nulls=True)
            excluded = nw.any_horizontal(*outside, ignore_nulls=True) & known
            joined = nw.when(excluded).then(nw.lit(_EXCLUDED_LABEL)).otherwise(joined)
        return joined

    @property
    def excluded(self) -> tuple[str, ...]:  # type: ignore[override]  # follows from the parts
        """The label of cases that a part reports in no group."""
        return (_EXCLUDED_LABEL,) if any(part.excluded for part in self.parts) else ()


_EXCLUDED_LABEL = "in no reported group"


def _label(part: Breakdown) -> Any:
    import narwhals as nw

    found = part.expression()
    return nw.col(part.column or part.key).cast(nw.String) if found is None else found
