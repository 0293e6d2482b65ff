"""From published or hand-typed counts to a tally."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from omistats.breakdowns.declaration import Contrast, group_problems, text_problems
from omistats.errors import DataError, Problem, UsageError, described, shown
from omistats.inference import Inference, check_inference
from omistats.kernel.counts import as_numbers, impossible
from omistats.model.framework import Framework, Question
from omistats.model.strata import ALL
from omistats.tallies import Split, Tally

__all__ = ["require_plain", "tally_from_counts"]


def tally_from_counts(
    k: npt.ArrayLike,
    n: npt.ArrayLike,
    *,
    questions: Sequence[str],
    groups: Sequence[str],
    breakdown: str,
    contrast: Contrast,
) -> Tally:
    """Check counts and make a tally of them; see `Findings.from_counts`."""
    kk, nn = as_numbers(k, "k"), as_numbers(n, "n")
    problems = group_problems("groups", groups, contrast)
    problems += text_problems("questions", "questions", questions)
    if not isinstance(breakdown, str):
        rule, found = "a breakdown is named in text", described(breakdown)
        problems.append(Problem("breakdown", rule, found, 'Write breakdown="...".'))
    if not problems and len(set(questions)) < len(questions):
        rule = "a question stands once"
        problems.append(Problem("questions", rule, shown(questions), "Remove the repetition."))
    if problems:
        raise DataError(problems)
    shape = (len(questions), len(groups))
    if shape[0] == 1 and kk.ndim == 1 and nn.ndim == 1:
        kk, nn = kk[np.newaxis], nn[np.newaxis]
    problems = [
        Problem(
            name,
            f"expected {shape[0]} questions x {shape[1]} groups",
            f"shape {a.shape}",
            "Lay the counts out one row a question, one column a group.",
        )
        for name, a in (("k", kk), ("n", nn))
        if a.shape != shape
    ]
    if not problems:
        problems = _cells(kk, nn, questions, groups, contrast)
    if problems:
        raise DataError(problems)
    framework = Framework("counts", [Question(q, q) for q in questions])
    ki, ni = (np.swapaxes(a.astype(np.int64), 0, 1)[np.newaxis] for a in (kk, nn))
    zero = np.zeros((1, 1, len(questions)), np.int64)
    none = np.zeros((1, 1), np.int64)
    return Tally(
        framework=framework,
        units=(ALL,),
        splits=(Split(breakdown, tuple(groups), contrast),),
        questions=tuple(questions),
        k=ki,
        n=ni,
        unknown_k=zero,
        unknown_n=zero,
        # How many cases stood behind the answers is not known from counts of answers.
        cases=ni.max(axis=2, initial=0),
        unclassified=none,
        left_out=none,
    )


def _cells(
    k: npt.NDArray[np.float64],
    n: npt.NDArray[np.float64],
    questions: Sequence[str],
    groups: Sequence[str],
    contrast: Contrast,
) -> list[Problem]:
    bad = impossible(k, n) | np.isnan(k) | np.isnan(n)
    problems = [
        Problem(
            f"{questions[q]}, {groups[g]}",
            "counts are whole, with 0 <= k <= n <= 2**53",
            f"k = {k[q, g]:g}, n = {n[q, g]:g}",
            "Correct the count; write 0 of 0 for a blank.",
        )
        for q, g in np.argwhere(bad).tolist()
    ]
    if contrast == "complement" and not problems:
        outside = (k[:, 1] < k[:, 0]) | (n[:, 1] - k[:, 1] < n[:, 0] - k[:, 0])
        problems = [
            Problem(
                questions[q],
                "the subset is part of all cases",
                f"{k[q, 0]:g} of {n[q, 0]:g} within {k[q, 1]:g} of {n[q, 1]:g}",
                "Check the counts, or compare separate groups.",
            )
            for q in np.flatnonzero(outside).tolist()
        ]
    return problems


def require_plain(inference: Inference) -> None:
    """Refuse an inference that needs to know which cases are unclassified."""
    check_inference(inference)
    if inference.complement == "known":
        raise UsageError(
            "counts typed by hand do not say which cases are unclassified; "
            "leave complement='known' out, or compare separate groups"
        )
