"""Answer every question in every case, so that each printed group adds up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from omistats.omi2._text import CASES
from omistats.omi2.synthesis.printed import Printed
from omistats.omi2.synthesis.selection import Partition, Shares, candidates, select
from omistats.omi2.synthesis.strata import UNITS
from omistats.omi2.synthesis.targets import Target

__all__ = ["Leanings", "apply", "check_room", "judge"]

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

# Invented, on the scale of log odds. The first two give units and cases plausible
# differences; the last makes the same cases applicable to questions about one circumstance.
UNIT_SD: Final = 0.25
CASE_SD: Final = 0.5
CIRCUMSTANCE_SLOPE: Final = 6.0

CIRCUMSTANCES: Final = (
    ("psr_harm", "psr_reoffending", "psr_proposal", "psr_outline_plan"),
    ("rosh_timely", "rosh_quality", "harm_sources"),
    ("rmp_timely", "rmp_comprehensive", "rmp_actions", "rmp_shared"),
    ("mappa_in_plans", "mappa_effective"),
    ("plan_ppo", "ppo_contact"),
    ("plan_outcomes", "plan_roles"),
    (
        "skills_assessment",
        "learning_plan",
        "learning_advice",
        "learning_delivery",
        "learning_progress",
    ),
    ("diversity_planned", "diversity_delivery"),
    ("lor_review_timely", "harm_review_timely", "plan_review_timely", "review_informed"),
    ("lor_review_change", "harm_review_change", "plan_review_change", "harm_change_action"),
    ("compliance_action", "breach_action", "breach_harm", "reengagement", "enforced"),
    ("victim_offer", "victim_exchange_vlo", "victim_exchange_prison"),
    ("lifestyle_change", "attitude_change", "behaviour_change"),
)
"""Questions that ask about one circumstance of a case, so that they apply together."""

NEVER_IN_CUSTODY: Final = frozenset({"induction"})
"""Follows from how the strata are made: custody is what this question leaves out."""

SELDOM_IN_CUSTODY: Final = frozenset(
    {
        "home_visit",
        "approved_premises",
        "compliance_action",
        "breach_action",
        "breach_harm",
        "enforced",
        "reengagement",
    }
)
"""Work in the community: the printed Ns leave a few of these to cases in custody."""

_SELDOM: Final = 0.01


class Leanings:
    """What inclines cases, drawn once for all questions.

    Parameters
    ----------
    custody : ndarray of bool, shape (cases,)
        Which cases are in custody.
    rng : numpy.random.RandomState
        Where they are drawn from.

    Attributes
    ----------
    unit : ndarray of float64, shape (units,)
        How much better or worse the work of each unit is, on the scale of log odds.
    """

    def __init__(self, custody: Flags, rng: np.random.RandomState) -> None:
        self._custody = custody
        self.unit = rng.normal(0.0, UNIT_SD, UNITS)
        self._case = rng.normal(0.0, CASE_SD, CASES)
        traits = rng.normal(0.0, 1.0, (len(CIRCUMSTANCES), CASES))
        self._circumstance = {
            question: traits[i] for i, group in enumerate(CIRCUMSTANCES) for question in group
        }

    def eligible(self, question: str) -> Flags:
        """Say which cases a question may apply to at all."""
        return ~self._custody if question in NEVER_IN_CUSTODY else np.ones(CASES, bool)

    def applicable(self, question: str) -> Floats:
        """Return each case's odds that a question applies."""
        trait = self._circumstance.get(question)
        odds: Floats = np.ones(CASES) if trait is None else np.exp(CIRCUMSTANCE_SLOPE * trait)
        return (
            np.where(self._custody, _SELDOM * odds, odds) if question in SELDOM_IN_CUSTODY else odds
        )

    def sufficient(self) -> Floats:
        """Return each case's odds that work on it was sufficient, beside others of its unit."""
        return np.asarray(np.exp(self._case), np.float64)


def check_room(printed: Sequence[Printed], groups: Mapping[str, Ints], leanings: Leanings) -> None:
    """Check that every group holds enough cases for every question.

    Raises
    ------
    InfeasibleError
        When one does not: the few unclassified cases, for one, may all have fallen where a
        question does not apply.
    """
    for p in printed:
        candidates(leanings.eligible(p.question), _partitions(p.applicable(), groups))


def apply(
    target: Target, groups: Mapping[str, Ints], leanings: Leanings, rng: np.random.RandomState
) -> Flags:
    """Choose the cases that a question applies to.

    Parameters
    ----------
    target : Target
        The counts to meet.
    groups : mapping of str to ndarray of int64
        By characteristic, the group of each case.
    leanings : Leanings
        What inclines the cases.
    rng : numpy.random.RandomState
        Decides the rest.

    Returns
    -------
    ndarray of bool, shape (cases,)

    Raises
    ------
    InfeasibleError
        When the draw cannot meet the counts.
    """
    return select(
        leanings.eligible(target.question),
        _partitions(target.applicable, groups),
        leanings.applicable(target.question),
        rng,
    )


def judge(
    target: Target,
    applicable: Flags,
    groups: Mapping[str, Ints],
    leanings: Leanings,
    shares: Shares,
    rng: np.random.RandomState,
) -> Flags:
    """Choose the cases with sufficient work among those that a question applies to.

    Parameters are those of `apply`, and what it returned, and:

    Parameters
    ----------
    shares : tuple of ndarray
        The unit of each case, and about how many to choose in every unit.

    Returns
    -------
    ndarray of bool, shape (cases,)

    Raises
    ------
    InfeasibleError
        When the draw cannot meet the counts.
    """
    wanted = _partitions(target.sufficient, groups)
    return select(applicable, wanted, leanings.sufficient(), rng, shares=shares)


def _partitions(counts: Mapping[str, Ints], groups: Mapping[str, Ints]) -> list[Partition]:
    return [(groups[name], wanted) for name, wanted in counts.items()]
