"""Answers of the synthetic cases.

The printed tables give the number of sufficient answers to each question, but not by unit. The
scores of units give the number of sufficient answers to all questions of a headline element in
each unit. These are the margins of a table of questions by units, which iterative proportional
fitting completes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from omistats.errors import UsageError
from omistats.omi2.framework import DEMONSTRATION, PUBLISHED_SCORES, PublishedScore
from omistats.omi2.published import CASES
from omistats.omi2.synthesis.selection import InfeasibleError, Partition, Shares, candidates, select
from omistats.omi2.synthesis.targets import UNITS, Printed, Target

__all__ = [
    "CIRCUMSTANCES",
    "INVENTED",
    "CaseEffects",
    "apply",
    "apply_invented",
    "check_room",
    "fit",
    "judge",
    "judge_invented",
    "planned",
    "portions",
    "share_out",
    "unit_totals",
]


Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

# Invented, on the log odds scale: plausible differences between units and between cases, and a
# slope that makes questions about one circumstance apply to the same cases.
UNIT_SD: Final = 0.25
CASE_SD: Final = 0.5
CIRCUMSTANCE_SLOPE: Final = 6.0

UNIT_QUESTION_SD: Final = 0.25
"""Standard deviation of unit effects on a question, on the log odds scale."""

_HEADLINE_CORRELATION: Final = 0.6
"""Correlation of the effects of a unit on a headline element and overall."""

_SELDOM: Final = 0.01
_SWEEPS: Final = 200
_HALVINGS: Final = 60

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
"""Groups of questions about one circumstance of a case, which mostly apply together."""

NEVER_IN_CUSTODY: Final = frozenset({"induction"})
"""Questions without cases in custody, by the construction of the strata."""

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
"""Questions about work in the community; the printed Ns still need a few cases in custody."""

INVENTED: Final = tuple(q.id for q in DEMONSTRATION.questions if q.provenance == "invented")

headline_of: Final = {
    q.id: q.headlines[0].item if q.headlines else "" for q in DEMONSTRATION.questions
}
"""The headline element of every question, empty if none; no question feeds two."""

_SECTION: Final = {
    q.id: DEMONSTRATION.item(q.criterion.item).parent or ""
    for q in DEMONSTRATION.questions
    if q.criterion
}

_PLAN: Final = {
    "1": ((0.94, 0.99), 95.0),
    "2": ((0.92, 0.98), 84.0),
}
"""Plan of the invented questions, by section.

The range of the share of cases that a question applies to, and the percentage of sufficient
answers to start from, which is then corrected to the published scores.
"""


class CaseEffects:
    """Random effects of units, cases and circumstances, drawn once for all questions.

    Parameters
    ----------
    custody : ndarray of bool, shape (cases,)
        Cases in custody.
    rng : numpy.random.RandomState
        Source of the effects.

    Attributes
    ----------
    unit : ndarray of float64, shape (units,)
        Effect of each unit on sufficiency, on the log odds scale.
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
        """Return a mask of the cases that a question may apply to."""
        return ~self._custody if question in NEVER_IN_CUSTODY else np.ones(CASES, bool)

    def applicable(self, question: str) -> Floats:
        """Return the odds of each case that a question applies."""
        trait = self._circumstance.get(question)
        odds: Floats = np.ones(CASES) if trait is None else np.exp(CIRCUMSTANCE_SLOPE * trait)
        return (
            np.where(self._custody, _SELDOM * odds, odds) if question in SELDOM_IN_CUSTODY else odds
        )

    def sufficient(self) -> Floats:
        """Return the odds of each case that work was sufficient, relative to others of its unit."""
        return np.asarray(np.exp(self._case), np.float64)


def check_room(
    printed: Sequence[Printed], groups: Mapping[str, Ints], effects: CaseEffects
) -> None:
    """Check that every group has enough cases for every question.

    Raises
    ------
    InfeasibleError
        When a group has too few, such as the few unclassified cases if a question applies to
        none of them.
    """
    for p in printed:
        candidates(effects.eligible(p.question), _partitions(p.applicable(), groups))


def apply(
    target: Target, groups: Mapping[str, Ints], effects: CaseEffects, rng: np.random.RandomState
) -> Flags:
    """Select the cases that a question applies to.

    Parameters
    ----------
    target : Target
        The counts to meet.
    groups : mapping of str to ndarray of int64
        The group of each case, by characteristic.
    effects : CaseEffects
        Random effects of the cases.
    rng : numpy.random.RandomState
        Source of the selection.

    Returns
    -------
    ndarray of bool, shape (cases,)

    Raises
    ------
    InfeasibleError
        When the draw cannot meet the counts.
    """
    return select(
        effects.eligible(target.question),
        _partitions(target.applicable, groups),
        effects.applicable(target.question),
        rng,
    )


def judge(
    target: Target,
    applicable: Flags,
    groups: Mapping[str, Ints],
    effects: CaseEffects,
    shares: Shares,
    rng: np.random.RandomState,
) -> Flags:
    """Select the cases with sufficient work among those that a question applies to.

    Parameters
    ----------
    target, groups, effects, rng
        As for `apply`.
    applicable : ndarray of bool, shape (cases,)
        The cases that `apply` chose.
    shares : tuple of ndarray
        The unit of each case, and the approximate number to select from every unit.

    Returns
    -------
    ndarray of bool, shape (cases,)

    Raises
    ------
    InfeasibleError
        When the draw cannot meet the counts.
    """
    wanted = _partitions(target.sufficient, groups)
    return select(applicable, wanted, effects.sufficient(), rng, shares=shares)


def _partitions(counts: Mapping[str, Ints], groups: Mapping[str, Ints]) -> list[Partition]:
    return [(groups[name], wanted) for name, wanted in counts.items()]


def share_out(
    asked: Mapping[str, Ints],
    sufficient: Mapping[str, float],
    overall: Floats,
    rng: np.random.RandomState,
) -> tuple[dict[str, Floats], dict[str, Ints]]:
    """Distribute the sufficient answers of every question over the units.

    Parameters
    ----------
    asked : mapping of str to ndarray of int64, shape (units,)
        Applicable cases of each unit, by question.
    sufficient : mapping of str to float
        Number of sufficient cases, by question. The numbers of the invented questions of a
        headline element are scaled to meet its score.
    overall : ndarray of float64, shape (units,)
        Overall effect of each unit, as log odds.
    rng : numpy.random.RandomState
        Source of the further unit effects.

    Returns
    -------
    chances : dict of str to ndarray of float64
        Probability of a sufficient answer in each unit, by question.
    totals : dict of str to ndarray of int64
        Exact number of sufficient answers of each unit, by headline element.

    Raises
    ------
    InfeasibleError
        When the invented answers cannot bring a headline element to its score.
    """
    chances: dict[str, Floats] = {}
    totals: dict[str, Ints] = {}
    for headline in ("", *(s.item for s in PUBLISHED_SCORES if s.level == "headline")):
        ids = [q for q in asked if headline_of[q] == headline]
        n = np.array([asked[q] for q in ids], np.float64)
        k = np.array([sufficient[q] for q in ids], np.float64)
        tilt = rng.normal(0.0, UNIT_QUESTION_SD, n.shape)
        columns = None
        if headline:
            (score,) = (s for s in PUBLISHED_SCORES if s.item == headline)
            independent = rng.normal(0.0, 1.0, overall.size)
            standing = (
                _HEADLINE_CORRELATION * overall / overall.std()
                + np.sqrt(1 - _HEADLINE_CORRELATION**2) * independent
            )
            totals[headline] = unit_totals(score, n.sum(axis=0), standing)
            columns = totals[headline].astype(np.float64)
            invented = [DEMONSTRATION.question(q).provenance == "invented" for q in ids]
            k = _scaled(k, n.sum(axis=1), np.array(invented), float(columns.sum()))
        else:
            tilt = tilt + overall
        rate = (k / n.sum(axis=1))[:, None]
        odds = np.exp(tilt) * np.divide(
            rate, 1 - rate, out=np.full(rate.shape, 1e9), where=rate < 1
        )
        chances.update(zip(ids, fit(n, odds / (1 + odds), k, columns), strict=True))
    return chances, totals


def unit_totals(score: PublishedScore, n: Floats, standing: Floats) -> Ints:
    """Count the sufficient answers of each unit that produce a published score and its range.

    Parameters
    ----------
    score : PublishedScore
        The score of all units together, with the range over units.
    n : ndarray of float64, shape (units,)
        Applicable answers of each unit.
    standing : ndarray of float64, shape (units,)
        Rank order of the units: the lowest gets the low end of the range, the highest the high
        end.

    Returns
    -------
    ndarray of int64, shape (units,)

    Raises
    ------
    UsageError
        When the score is printed without a range.

    Notes
    -----
    Scores are ``low + (high - low) * x**g``, where ``x`` is the standing scaled to 0 to 1 and
    ``g`` is chosen so that all units together have the score.
    """
    if score.low is None or score.high is None:
        raise UsageError(
            f"`score` must have a range over units, and none is printed for {score.item!r}; pass "
            "the score of a headline element"
        )
    low, wide = score.low, score.high - score.low
    x = (standing - standing.min()) / np.ptp(standing)
    least, most = -5.0, 5.0
    percent = np.full(n.shape, float(score.percent))
    for _ in range(_HALVINGS):
        middle = (least + most) / 2
        percent = low + wide * x ** np.exp(middle)
        if (percent * n).sum() > score.percent * n.sum():
            least = middle
        else:
            most = middle
    return np.floor(percent * n / 100 + 0.5).astype(np.int64)


def fit(n: Floats, chance: Floats, rows: Floats, columns: Floats | None) -> Floats:
    """Fit probabilities to the totals of rows, and of columns if given.

    Parameters
    ----------
    n : ndarray of float64, shape (rows, columns)
        Number of answers of each cell.
    chance : ndarray of float64, shape (rows, columns)
        Starting values; their odds ratios are kept.
    rows, columns : ndarray of float64
        Number of sufficient answers of each row and column, with equal sums.

    Returns
    -------
    ndarray of float64, shape (rows, columns)
    """
    p = chance
    for _ in range(_SWEEPS):
        for axis, wanted in ((0, columns), (1, rows)):
            if wanted is None:
                continue
            of, now = n.sum(axis=axis), (n * p).sum(axis=axis)
            up = np.divide(wanted, now, out=np.zeros(now.size), where=now > 0)
            down = np.divide(of - wanted, of - now, out=np.zeros(now.size), where=of > now)
            yes = p * np.expand_dims(up, axis)
            both = yes + (1 - p) * np.expand_dims(down, axis)
            p = np.divide(yes, both, out=np.full(p.shape, 0.5), where=both > 0)
    return p


def portions(total: int, weights: Floats, most: Ints) -> Ints:
    """Split a total into whole parts near given weights, none larger than its maximum.

    Raises
    ------
    InfeasibleError
        When the maxima sum to less than the total.
    """
    if not 0 <= total <= most.sum():
        raise InfeasibleError
    out = np.minimum(np.floor(weights), most).astype(np.int64)
    # The weights may miss the total by a few; adjust the part that is furthest off first.
    while out.sum() != total:
        step = 1 if out.sum() < total else -1
        can = out < most if step > 0 else out > 0
        out[np.argmax(np.where(can, step * (weights - out), -np.inf))] += step
    return out


def _scaled(k: Floats, n: Floats, invented: npt.NDArray[np.bool_], total: float) -> Floats:
    """Scale the insufficient answers to invented questions so that all answers meet a total."""
    missing = n - k
    left = n.sum() - total - missing[~invented].sum()
    scaled = missing * left / missing[invented].sum()
    if left <= 0 or (scaled > n)[invented].any():
        raise InfeasibleError
    return np.where(invented, n - scaled, k)


def apply_invented(rng: np.random.RandomState) -> dict[str, Flags]:
    """Select the cases that each invented question applies to."""
    out = {}
    everyone = np.zeros(CASES, np.int64)
    for question in INVENTED:
        low, high = _PLAN[_SECTION[question]][0]
        number = np.array([round(CASES * rng.uniform(low, high))])
        out[question] = select(everyone == 0, [(everyone, number)], np.ones(CASES), rng)
    return out


def planned(applicable: Mapping[str, Flags]) -> dict[str, float]:
    """Return the planned number of sufficient answers to each invented question."""
    return {q: applicable[q].sum() * _PLAN[_SECTION[q]][1] / 100 for q in INVENTED}


def judge_invented(
    published: Mapping[str, tuple[Flags, Flags]],
    applicable: Mapping[str, Flags],
    chances: Mapping[str, Floats],
    totals: Mapping[str, Ints],
    unit: Ints,
    effects: CaseEffects,
    rng: np.random.RandomState,
) -> dict[str, Flags]:
    """Select the cases with sufficient work on every invented question.

    Parameters
    ----------
    published : mapping of str to (ndarray, ndarray) of bool, shape (cases,)
        The applicable and the sufficient cases, by published question.
    applicable : mapping of str to ndarray of bool
        The applicable cases by invented question, from `apply_invented`.
    chances, totals
        The result of `share_out`.
    unit : ndarray of int64, shape (cases,)
        The unit of each case.
    effects : CaseEffects
        Random effects of the cases.
    rng : numpy.random.RandomState
        Source of the selection.

    Returns
    -------
    dict of str to ndarray of bool, shape (cases,)

    Raises
    ------
    InfeasibleError
        When no answers of a unit, or of all units, produce a score.
    """
    units = len(next(iter(totals.values())))

    def by_unit(cases: Flags) -> Ints:
        return np.bincount(unit[cases], minlength=units)

    n = {q: by_unit(applicable[q]) for q in INVENTED}
    wanted: dict[str, Ints] = {}
    for headline, total in totals.items():
        ids = [q for q in INVENTED if headline_of[q] == headline]
        done = [by_unit(k) for q, (_, k) in published.items() if headline_of[q] == headline]
        left = total - np.sum(done, axis=0)
        size = np.array([n[q] for q in ids])
        start = np.array([chances[q] for q in ids])
        # Answers to the published questions miss their share of the total of a unit by a few,
        # which the invented questions compensate.
        chance = fit(
            size.astype(np.float64), start, (size * start).sum(axis=1), left.astype(np.float64)
        )
        for u in range(units):
            parts = portions(int(left[u]), size[:, u] * chance[:, u], size[:, u])
            for q, part in zip(ids, parts, strict=True):
                wanted.setdefault(q, np.zeros(units, np.int64))[u] = part
    for score in PUBLISHED_SCORES:
        ids = [q for q in INVENTED if _SECTION[q] == score.item and not headline_of[q]]
        if not ids:
            continue
        others = [q for q in INVENTED if _SECTION[q] == score.item and headline_of[q]]
        pool = [a for q, a in published.items() if _SECTION[q] == score.item]
        size = np.array([n[q] for q in ids])
        answers = sum(int(a.sum()) for a, _ in pool) + sum(n[q].sum() for q in others) + size.sum()
        done_k = sum(int(k.sum()) for _, k in pool) + sum(wanted[q].sum() for q in others)
        left_k = round(score.percent * int(answers) / 100) - int(done_k)
        start = np.array([chances[q] for q in ids])
        rows = portions(left_k, left_k * size.sum(axis=1) / size.sum(), size.sum(axis=1))
        chance = fit(size.astype(np.float64), start, rows.astype(np.float64), None)
        for i, q in enumerate(ids):
            wanted[q] = portions(int(rows[i]), size[i] * chance[i], size[i])
    return {
        q: select(applicable[q], [(unit, wanted[q])], effects.sufficient(), rng) for q in INVENTED
    }
