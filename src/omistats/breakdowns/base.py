"""Breakdown and its validation."""

from __future__ import annotations

from typing import Any, ClassVar, Literal, final, get_args

import numpy as np
import numpy.typing as npt

from omistats import _arrow
from omistats._arrow.convert import decode_dictionaries
from omistats.errors import DataError, Problem, UnknownNameError, format_value, format_values
from omistats.model.case_set import CaseSet
from omistats.model.framework import ALL

__all__ = ["EXCLUDED", "UNCLASSIFIED", "Breakdown", "Contrast", "group_problems", "text_problems"]


Contrast = Literal["groups", "complement"]


def text_problems(where: str, what: str, values: Any) -> list[Problem]:
    """Say whether something is no tuple of text; a text by itself would fall into letters."""
    if isinstance(values, tuple | list) and all(isinstance(v, str) for v in values):
        return []
    return [Problem(where, f"{what} are a tuple of text", repr(values), "Write a tuple.")]


def group_problems(where: str, groups: Any, contrast: Any) -> list[Problem]:
    """Say what is wrong with groups and their contrast; an empty list when nothing is."""
    if found := text_problems(where, "groups", groups):
        return found
    if contrast not in get_args(Contrast):
        rule, value = "contrast is 'groups' or 'complement'", repr(contrast)
        return [Problem(where, rule, value, "Choose one.")]
    if contrast == "complement":
        wrong = len(groups) != 2 or groups[1] != ALL or groups[0] == ALL
        rule = "a complement has the groups (subset, 'all')"
        hint = "Name the subset first and 'all' second."
    else:
        wrong = not groups or len(set(groups)) < len(groups) or ALL in groups
        rule = "groups are distinct, at least one, and none of them 'all'"
        hint = "Rename or remove the offending group; 'all' goes with a complement."
    return [Problem(where, rule, repr(tuple(groups)), hint)] if wrong else []


UNCLASSIFIED = -1
EXCLUDED = -2

_LABELS = "labels of the breakdown"


class Breakdown:
    """How cases are split into groups, and which groups are compared.

    Subclass it, fill in the class attributes, and pass an instance to `recompute`.

    Attributes
    ----------
    key : str
        Name of the breakdown in the findings.
    groups : tuple of str
        The groups, in the order of report.
    column : str
        The column that holds the groups; ``key`` unless given.
    contrast : {'groups', 'complement'}
        ``'groups'`` compares all groups with each other, in one test. ``'complement'``
        takes ``groups = (subset, 'all')``, reports the subset beside all cases and
        tests it against all cases outside it, the unclassified included.
    excluded : tuple of str
        Labels that are known but reported in no group. Under ``'complement'`` every
        label that is not the subset is such a label.

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
        """Label every case; override it when groups are made of something else.

        Parameters
        ----------
        cases : CaseSet
            The cases.

        Returns
        -------
        array of labels
            Arrow, NumPy or a list, one entry a case; null puts a case in no group.

        Raises
        ------
        UnknownNameError
            When the cases have no such column.
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
        return _evaluated(self.key, expression, cases)

    def expression(self) -> Any:
        """Give the labels as an expression, which every engine can evaluate.

        Write it, instead of `classify`, for groups that are made of other columns and are
        to be counted in Polars, DuckDB or Spark as well as in memory. A breakdown that has
        both is classified in memory and evaluated in engines; then it is up to its author
        that they agree.

        Returns
        -------
        narwhals.Expr or None
            One text a case, null for no group. None, the default, for a breakdown that
            reads its column. In memory, strata are text to the expression and answers are
            Boolean; in an engine, columns are as the table has them.

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
        """Name what makes the labels: of `classify` and `expression`, what was written last.

        Returns
        -------
        frozenset of str
            What the instance or the class nearest to it defines; empty for a breakdown that
            reads its column. What a subclass writes takes the place of either hook of its
            parents.

        Examples
        --------
        >>> import omistats as oms
        >>> class Adult(oms.omi2.AgeGroup):
        ...     def classify(self, cases):
        ...         return cases["adult"]
        >>> sorted(oms.omi2.AgeGroup().overrides()), sorted(Adult().overrides())
        ([], ['classify'])
        """
        hooks = frozenset(("classify", "expression"))
        parents = type(self).__mro__
        for owner in (self, *parents[: parents.index(Breakdown)]):
            if found := hooks.intersection(vars(owner)):
                return found
        return frozenset()

    @final
    def codes(self, cases: CaseSet) -> npt.NDArray[np.int16]:
        """Give the number of every case's group.

        Parameters
        ----------
        cases : CaseSet
            The cases.

        Returns
        -------
        ndarray of int16, shape (cases,)
            Index in ``groups``; -1 for the unclassified, -2 for those left out.

        Raises
        ------
        DataError
            When `classify` gives too few labels, no labels, or labels outside the
            groups, or the `expression` cannot be evaluated.
        UnknownNameError
            When the cases have no such column.
        """
        by_expression = self.overrides() == {"expression"}
        labels = Breakdown.classify(self, cases) if by_expression else self.classify(cases)
        found = _arrow.labels_to_codes(labels)
        if found is None or len(found[0]) != len(cases):
            what = f"{type(labels).__name__}" if found is None else f"{len(found[0])} labels"
            raise DataError(
                [
                    Problem(
                        f"breakdown {self.key!r}",
                        f"classify gives {len(cases)} labels, text or null, one a case",
                        what,
                        "Return an array of the cases' group names.",
                    )
                ]
            )
        codes, names = found
        place = {group: i for i, group in enumerate(self.groups) if group != ALL}
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
        """Say what is wrong with the declaration; an empty list when nothing is.

        Returns
        -------
        list of Problem
            Each with its rule and the next step. `recompute` and `tally` raise them.
        """
        name, found = type(self).__name__, []
        key: Any = self.key
        if not key or not isinstance(key, str):
            found.append(
                Problem(name, "a breakdown has a key", repr(self.key), 'Set `key = "..."`.')
            )
        column: Any = self.column
        if not isinstance(column, str):
            found.append(
                Problem(name, "a column is named in text", repr(column), 'Set `column = "..."`.')
            )
        found += group_problems(name, self.groups, self.contrast)
        found += text_problems(name, "labels to leave out", self.excluded)
        if not found and (both := sorted(set(self.groups) & set(self.excluded))):
            found.append(
                Problem(
                    name,
                    "a label is a group or left out",
                    format_values(both),
                    "Keep it in one place.",
                )
            )
        return found

    def __repr__(self) -> str:
        return f"{type(self).__name__}(groups={self.groups!r})"


def _evaluated(key: str, expression: Any, cases: CaseSet) -> Any:
    """Evaluate a narwhals expression on cases.

    Raises
    ------
    DataError
        When it is no such expression, or cannot be evaluated.
    """
    import narwhals as nw

    where, rule = f"breakdown {key!r}", "`expression` gives one label a case"
    if not isinstance(expression, nw.Expr):
        hint = "Write it with narwhals: nw.col(...)."
        raise DataError([Problem(where, rule, format_value(expression), hint)])
    frame = nw.from_native(decode_dictionaries(cases), eager_only=True)
    try:
        return frame.with_columns(expression.alias(_LABELS))[_LABELS].to_native()
    except Exception as error:  # an author's expression may fail in any way
        said = " ".join(str(error).split())
        hint = "Correct the expression."
        found = f"{type(error).__name__}: {said[:300]}"
        raise DataError([Problem(where, rule, found, hint)]) from error
