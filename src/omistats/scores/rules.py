"""Scoring rules: how the answers to an item's questions make one figure.

Each rule gives, for every domain (a group of cases), estimates with standard errors and the
covariance of domains that share no case; within every unit, and for all units together with
the units as strata.
"""

from __future__ import annotations

from itertools import pairwise
from math import prod
from typing import Protocol

import attrs
import numpy as np
import numpy.typing as npt

from omistats.errors import UnknownNameError
from omistats.kernel.designs import factors
from omistats.kernel.moments import (
    covariance_groups,
    from_moments,
    products,
    variance_of_sums,
)
from omistats.kernel.sums import BulkLonely
from omistats.scores.sums import CaseSums

__all__ = ["RULES", "Estimates", "Rule", "make_rule"]

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Counts = npt.NDArray[np.int64]

RULES = ("pooled", "questions", "cases")

# A difference of terms below this share of them is what rounding left.
_ROUNDING = 1e-12


@attrs.frozen(eq=False)
class Estimates:
    """Estimates of domains, in some blocks of cases.

    Attributes
    ----------
    estimate, se, design_effect : ndarray of float64, shape (blocks, domains, items)
        As in `omistats.kernel.moments.Ratios`.
    """

    estimate: Floats
    se: Floats
    design_effect: Floats


class Rule(Protocol):
    """What the blocks of a report ask of a scoring rule."""

    def estimates(self, together: bool) -> Estimates:
        """Estimate every domain, by unit or with all units together as one block."""

    def covariance(self, domains: npt.NDArray[np.intp], together: bool) -> Floats:
        """Give covariances of the groups of comparisons; groups share no case.

        Takes domains of shape (comparisons, groups); gives the shape (blocks, comparisons,
        items, groups, groups).
        """


def make_rule(
    name: str, sums: CaseSums, members: Flags, starts: Counts, lonely: BulkLonely
) -> Rule:
    """Prepare a rule for the domains whose members are given, row by row.

    Raises
    ------
    UnknownNameError
        When there is no such rule.
    """
    if name == "questions":
        return _QuestionMeans(sums, members, starts, lonely)
    if name == "pooled":
        k, n = sums.by_case
    elif name == "cases":
        # The mean of case percentages is a ratio too: a case's share over one case.
        sufficient, applicable = sums.by_case
        n = (applicable > 0).astype(np.float64)
        k = np.divide(sufficient, applicable, out=np.zeros_like(n), where=applicable > 0)
    else:
        raise UnknownNameError("scoring rule", name, RULES)
    return _Ratios(sum_blocks(products(k, n), members, starts), starts, lonely, name == "pooled")


def sum_blocks(values: Floats, members: Flags, starts: Counts) -> Floats:
    """Sum values of cases over the members of each domain in each block.

    Parameters
    ----------
    values : ndarray of float64, shape (cases, ...)
        What is summed.
    members : ndarray of bool, shape (domains, cases)
        Who is in which domain.
    starts : ndarray of int64, shape (blocks + 1,)
        Where each block of cases begins.

    Returns
    -------
    ndarray of float64, shape (blocks, domains, ...)
        Exact for whole numbers.
    """
    # Of no cases the width cannot be inferred.
    flat = values.reshape(len(values), prod(values.shape[1:]))
    weights = members.astype(np.float64)
    blocks = [weights[:, a:b] @ flat[a:b] for a, b in pairwise(starts.tolist())]
    return np.array(blocks).reshape(len(blocks), len(members), *values.shape[1:])


@attrs.frozen(eq=False)
class _Ratios:
    """A rule whose scores are ratios of sums over cases.

    Attributes
    ----------
    moments : ndarray of float64, shape (units, domains, items, 5)
        As in `omistats.kernel.moments`.
    """

    moments: Floats
    starts: Counts
    lonely: BulkLonely
    pooled: bool

    def estimates(self, together: bool) -> Estimates:
        m, drawn = self._laid(together)
        found = from_moments(m, drawn[:, np.newaxis, np.newaxis], lonely=self.lonely)
        effect = found.design_effect if self.pooled else np.full(found.se.shape, np.nan)
        return Estimates(found.estimate, found.se, effect)

    def covariance(self, domains: npt.NDArray[np.intp], together: bool) -> Floats:
        m, drawn = self._laid(together)
        chosen = np.swapaxes(m[:, domains], 2, 3)
        cases = drawn[:, np.newaxis, np.newaxis, np.newaxis]
        return covariance_groups(chosen, cases, lonely=self.lonely)

    def _laid(self, together: bool) -> tuple[Floats, Floats]:
        """Give moments (blocks, domains, items, strata, 5) and cases (blocks, strata)."""
        drawn = np.diff(self.starts).astype(np.float64)
        if together:
            return np.moveaxis(self.moments, 0, -2)[np.newaxis], drawn[np.newaxis]
        return self.moments[..., np.newaxis, :], drawn[:, np.newaxis]


@attrs.frozen(eq=False)
class _QuestionMeans:
    """The unweighted mean of the percentages of an item's questions."""

    sums: CaseSums
    members: Flags
    starts: Counts
    lonely: BulkLonely

    def estimates(self, together: bool) -> Estimates:
        estimate, _, second, unknown, drawn = self._linear(together)
        variance = variance_of_sums(
            np.zeros_like(second), second, drawn[:, np.newaxis, np.newaxis], lonely=self.lonely
        )
        se = np.where(np.isnan(estimate) | unknown, np.nan, np.sqrt(variance))
        return Estimates(estimate, se, np.full(se.shape, np.nan))

    def covariance(self, domains: npt.NDArray[np.intp], together: bool) -> Floats:
        _, first, _, _, drawn = self._linear(together)
        scale, shared = factors(drawn, None, self.lonely)
        # A unit of one case that is left open makes the standard error NaN already.
        factor = (np.nan_to_num(scale) * shared)[:, np.newaxis, np.newaxis, np.newaxis, :]
        e = np.swapaxes(first[:, domains], 2, 3)
        out: Floats = -np.einsum("...ah,...ch->...ac", e * factor, e)
        own = np.arange(domains.shape[-1])
        found = self.estimates(together)
        se = np.swapaxes(found.se[:, domains], 2, 3)
        # Where one does not vary nothing varies with it, whatever rounding says.
        still = se == 0
        out[still[..., np.newaxis] | still[..., np.newaxis, :]] = 0.0
        out[..., own, own] = se**2
        unknown = np.isnan(se)
        out[unknown[..., np.newaxis] | unknown[..., np.newaxis, :]] = np.nan
        return out

    def _linear(self, together: bool) -> tuple[Floats, Floats, Floats, Flags, Floats]:
        """Give estimates, and over strata what cases add to them: its sum and its spread.

        Then whether the spread is unknown, and how many cases each stratum has. A question
        that applied to nobody in a domain has no percentage, and the mean is over the others.
        """
        s = self.sums
        answers = np.concatenate([s.sufficient, s.applicable], axis=1).astype(np.float64)
        counts = sum_blocks(answers, self.members, self.starts)
        if together:
            counts = counts.sum(axis=0, keepdims=True)
        k, n = np.split(counts, 2, axis=-1)
        asked = n > 0
        p = np.divide(k, n, out=np.zeros_like(k), where=asked)
        feeds = s.feeds.astype(np.float64)
        questions = asked @ feeds
        with np.errstate(invalid="ignore", divide="ignore"):
            estimate = np.where(questions > 0, (p @ feeds) / questions, np.nan)
            share = np.where(asked, 1.0 / n, 0.0)[..., np.newaxis] * feeds
            share = np.nan_to_num(share / questions[..., np.newaxis, :])
        drawn = np.diff(self.starts).astype(np.float64)
        bounds = list(pairwise(self.starts.tolist()))
        # Of all units together each is a stratum; by itself a unit is one.
        first = np.zeros((*estimate.shape, len(bounds) if together else 1))
        second = np.zeros_like(first)
        unknown = np.zeros(estimate.shape, np.bool_)
        for unit, (a, b) in enumerate(bounds):
            block, stratum = (0, unit) if together else (unit, 0)
            for d, flags in enumerate(self.members[:, a:b]):
                w = share[block, d]
                made = (s.sufficient[a:b] @ w)[flags]
                expected = (s.applicable[a:b] @ (p[block, d][:, np.newaxis] * w))[flags]
                first[block, d, :, stratum], second[block, d, :, stratum] = _spread(
                    made, expected, b - a
                )
                if self.lonely == "nan" and b - a == 1:
                    unknown[block, d] |= (s.applicable[a:b][flags] @ feeds > 0).any(axis=0)
        return (
            estimate,
            first,
            second,
            unknown,
            drawn[np.newaxis] if together else drawn[:, np.newaxis],
        )


def _spread(made: Floats, expected: Floats, drawn: int) -> tuple[Floats, Floats]:
    """Give the sum of differences over cases of a stratum, and their squared deviations.

    Cases drawn beyond those given differ by 0. Of a single case, which has no mean but its
    own, it is the square. What is rounding beside the terms it came from is 0.
    """
    size = made + expected
    z = made - expected
    total = z.sum(axis=0)
    mean = total / drawn if drawn > 1 else np.zeros_like(total)
    spread = ((z - mean) ** 2).sum(axis=0) + (drawn - len(z)) * mean**2
    return total, np.where(spread <= _ROUNDING**2 * (size**2).sum(axis=0), 0.0, spread)
