"""Who is in a sample."""

from __future__ import annotations

from collections.abc import Iterable

from omistats.breakdowns.base import Breakdown
from omistats.characteristics.columns import asked_for, read
from omistats.characteristics.several import Several
from omistats.characteristics.table import Characteristics, make
from omistats.errors import DataError, Problem, UsageError, described
from omistats.model.cases import CaseSet
from omistats.tallies import By, check_by

__all__ = ["characteristics"]


def characteristics(
    cases: CaseSet,
    of: Iterable[str | Several | Breakdown | type[Breakdown]] | None = None,
    *,
    by: By | None = None,
) -> Characteristics:
    """Count cases by characteristic: supervision type, gender, age group, and so on.

    Parameters
    ----------
    cases : CaseSet
        The cases.
    of : iterable of str, Several or Breakdown, optional
        Names of strata or of breakdowns, `Several` for what a case may have more than one of,
        and breakdowns; every stratum of the framework by default. Of a breakdown that compares
        a subset with all, the subset and the known rest are counted; labels that it leaves out
        are counted together as ``left out``.
    by : {'unit'}, optional
        Count every unit, then all together; by default only all together.

    Returns
    -------
    Characteristics
        Cases whose level is not known have a row of their own, also where there are none. A
        characteristic that the cases have no column for has one row that says so.

    Raises
    ------
    UsageError
        When something asked for is no characteristic.
    UnknownNameError
        When a name is no stratum and no breakdown.
    DataError
        When a name stands twice, or labels of a breakdown or `Several` are unknown, repeated
        within a case, or contradict the stratum beside them; all are told.

    Examples
    --------
    >>> import omistats as oms
    >>> oms.characteristics(oms.omi2.load_synthetic(), ["gender", "tier"])
    Characteristics of 2,213 SYNTHETIC cases, unit all
    <BLANKLINE>
    characteristic                                      n  % of cases  % of known
    gender          male                            1,951        88.2        88.4
                    female                            257        11.6        11.6
                    not known                           5         0.2
    tier            (no column 'tier' in these cases)
    """
    check_by(by)
    if not isinstance(cases, CaseSet):
        raise UsageError(
            f"characteristics are those of a CaseSet, found {described(cases)}; make one with "
            "CaseSet.from_data"
        )
    asked = asked_for(of, cases.framework)
    problems: list[Problem] = []
    found = read(cases, asked, problems)
    if problems:
        raise DataError(problems)
    return make(cases, asked, found, by == "unit")
