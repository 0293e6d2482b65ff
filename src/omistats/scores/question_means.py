"""The scoring rule that takes the mean of the percentages of an item's questions."""

from __future__ import annotations

from functools import cached_property
from itertools import pairwise

import attrs
import numpy as np
import numpy.typing as npt

from omistats.kernel.linear import Ratios, quotient
from omistats.scores.sample import Sample
from omistats.scores.sums import CaseSums

__all__ = ["QuestionMeans"]

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

# A difference of terms below this share of them is what rounding left.
_ROUNDING = 1e-12
# What is held at a time of items x domains x cases; a unit of any usual size is done at once.
_CELLS = 1 << 21


@attrs.frozen(eq=False)
class QuestionMeans:
    """The unweighted mean of the percentages of an item's questions."""

    sums: CaseSums
    sample: Sample
    counts: Floats

    def estimates(self, together: bool) -> Ratios:
        """Estimate every domain, in every unit or in all together."""
        estimate, _, spread = self._together if together else self._by_unit
        scale, _ = self.sample.laid(together)
        if np.isnan(scale).any():
            # What a unit of one case leaves open is open only where it has an answer.
            applied = self.counts[1] > 0
            scale = np.where(applied if together else applied[np.newaxis], scale, 0.0)
        variance = (scale * (spread if together else spread[np.newaxis])).sum(axis=0)
        se = np.sqrt(variance[np.newaxis] if together else variance)
        se = np.where(np.isnan(estimate), np.nan, se)
        return Ratios(estimate, se, np.full(se.shape, np.nan))

    def among(self, units: Flags) -> QuestionMeans:
        """Give the same rule for one domain: all cases of some units."""
        inside = np.repeat(units, np.diff(self.sample.starts))[np.newaxis]
        counts = self.counts[..., :1] * units[:, np.newaxis, np.newaxis]
        return QuestionMeans(self.sums, attrs.evolve(self.sample, members=inside), counts)

    @property
    def first(self) -> Floats:
        """Sums over cases of what they add to scores of all together."""
        return self._together[1]

    @cached_property
    def _together(self) -> tuple[Floats, Floats, Floats]:
        return self._linear(self._answers.sum(axis=1, keepdims=True))

    @cached_property
    def _by_unit(self) -> tuple[Floats, Floats, Floats]:
        return self._linear(self._answers)

    @cached_property
    def _answers(self) -> Floats:
        """Sufficient and applicable answers, shape (2, units, questions, domains)."""
        return self.sample.sums(self.sums.answers, 1.0)

    def _linear(self, counts: Floats) -> tuple[Floats, Floats, Floats]:
        """Give estimates of blocks, and over each unit what cases add: its sum and its spread.

        A question that applied to nobody in a domain has no percentage, and the mean is over
        the others.
        """
        k, n = counts
        asked = n > 0
        p = np.divide(k, n, out=np.zeros_like(k), where=asked)
        feeds = self.sums.feeds.T.astype(np.float64)
        questions = feeds @ asked
        estimate = quotient(feeds @ p, questions)
        each = np.divide(1.0, n, out=np.zeros_like(n), where=asked)
        first = np.empty((len(self.sample.starts) - 1, *estimate.shape[1:]))
        spread = np.empty_like(first)
        weights: list[Floats] = []
        for unit, (a, b) in enumerate(pairwise(self.sample.starts.tolist())):
            if unit < len(k):
                # What an answer counts for: items, domains, questions.
                share = feeds[:, np.newaxis] * each[unit].T
                share /= np.maximum(questions[unit], 1.0)[..., np.newaxis]
                weights = [share, share * p[unit].T]
            answers = self.sums.answers[:, :, a:b].astype(np.float64)
            inside, shared = self.sample.members[:, a:b], self.sample.shared[unit]
            step = max(1, _CELLS // max(1, inside.size))
            for i in range(0, len(feeds), step):
                some = slice(i, i + step)
                made, expected = (w[some] @ x for w, x in zip(weights, answers, strict=True))
                first[unit, some], spread[unit, some] = _spread(made, expected, inside, shared)
        return estimate, first, spread


def _spread(made: Floats, expected: Floats, inside: Flags, shared: float) -> tuple[Floats, Floats]:
    """Give the sum of differences over cases of a unit, and their squared deviations.

    Cases outside the domain differ by 0. Of a single case, which has no mean but its own, it is
    the square. What is rounding beside the terms it came from is 0.
    """
    size = (made + expected) * inside
    z = (made - expected) * inside
    total = z.sum(axis=-1)
    z -= (total * shared)[..., np.newaxis]
    spread = np.einsum("...c,...c->...", z, z)
    bound = _ROUNDING**2 * np.einsum("...c,...c->...", size, size)
    return total, np.where(spread <= bound, 0.0, spread)
