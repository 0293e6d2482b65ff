"""The six breakdowns of the 2011 report."""

from __future__ import annotations

from typing import Final

from omistats.breakdowns.base import Breakdown
from omistats.breakdowns.registry import provide

__all__ = [
    "STANDARD",
    "AgeGroup",
    "Disability",
    "Ethnicity",
    "Gender",
    "RiskOfHarm",
    "SupervisionType",
]


class SupervisionType(Breakdown):
    """Community orders compared with licences, as in the report's Table 7.

    Reads the column ``supervision_type``; a null is unclassified. Suspended sentence orders and
    cases in custody are excluded.

    Examples
    --------
    >>> import omistats as oms
    >>> oms.omi2.SupervisionType().groups
    ('community order', 'licence')
    >>> oms.omi2.SupervisionType().excluded
    ('suspended sentence order', 'custody')
    """

    key = "supervision_type"
    groups = ("community order", "licence")
    excluded = ("suspended sentence order", "custody")


class Gender(Breakdown):
    """Gender of the offender.

    Reads the column ``gender``; a null is unclassified.

    Examples
    --------
    >>> import omistats as oms
    >>> oms.omi2.Gender().groups
    ('male', 'female')
    """

    key = "gender"
    groups = ("male", "female")


class Ethnicity(Breakdown):
    """White compared with Black and minority ethnic (BME) groups.

    Reads the column ``ethnicity``; a null is unclassified.

    Examples
    --------
    >>> import omistats as oms
    >>> oms.omi2.Ethnicity().groups
    ('white', 'BME')
    """

    key = "ethnicity"
    groups = ("white", "BME")


class Disability(Breakdown):
    """Whether a disability was reported.

    Reads the column ``disability``; a null is unclassified, which is not the same as ``no``.

    Examples
    --------
    >>> import omistats as oms
    >>> oms.omi2.Disability().groups
    ('yes', 'no')
    """

    key = "disability"
    groups = ("yes", "no")


class AgeGroup(Breakdown):
    """Young adults compared with older offenders.

    Reads the column ``age_group``, in years; a null is unclassified. `omistats.age_group`
    computes the column from ages.

    Examples
    --------
    >>> import omistats as oms
    >>> oms.omi2.AgeGroup().groups
    ('17-24', '25+')
    """

    key = "age_group"
    groups = ("17-24", "25+")


class RiskOfHarm(Breakdown):
    """Cases of high or very high risk of harm compared with all other cases.

    Reads the column ``risk_of_harm``. The groups are the high cases and all cases. The test
    compares the high cases with all others, unclassified ones (null) included;
    ``Inference(complement="known")`` leaves those out.

    Examples
    --------
    >>> import omistats as oms
    >>> oms.omi2.RiskOfHarm().groups, oms.omi2.RiskOfHarm().contrast
    (('high', 'all'), 'complement')
    """

    key = "risk_of_harm"
    groups = ("high", "all")
    contrast = "complement"


STANDARD: Final[tuple[Breakdown, ...]] = (
    SupervisionType(),
    Gender(),
    Ethnicity(),
    Disability(),
    AgeGroup(),
    RiskOfHarm(),
)
"""The six breakdowns of the 2011 report, in the order of its Tables 7-11, then 3-6.

A tuple of instances; extend it with ``[*STANDARD, Mine()]``.
"""

provide(STANDARD)
