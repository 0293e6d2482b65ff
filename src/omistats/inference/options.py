"""What is computed from counts: which test, which interval, at which confidence."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

import attrs
import numpy as np

from omistats.errors import UnknownNameError, UsageError, format_value
from omistats.kernel.checks import check_confidence
from omistats.kernel.compare import GROUP_TESTS, TESTS
from omistats.kernel.effects import DIFFERENCES, ODDS_RATIOS, RISK_RATIOS
from omistats.kernel.intervals import INTERVALS
from omistats.kernel.multiplicity import ADJUSTMENTS
from omistats.kernel.registry import MethodRegistry
from omistats.kernel.small_numbers import SmallNumbers
from omistats.kernel.survey import SURVEY_TESTS

__all__ = [
    "DESIGN_INTERVALS",
    "EFFECTS",
    "FAMILIES",
    "STRATIFIED",
    "Inference",
    "check_inference",
    "column_of",
]


STRATIFIED = ("cmh", "cmh-cc")
"""Tests within units, Cochran-Mantel-Haenszel without and with correction."""

DESIGN_INTERVALS = ("logit", "wald")
"""Intervals under weights, strata and clusters."""

EFFECTS = ("difference", "risk_ratio", "odds_ratio")
"""What can be said of how large a difference is."""

FAMILIES = ("table", "breakdown", "unit", "everything")
"""Tests that are adjusted together: of one unit and breakdown, of one breakdown in all units,
of one unit, or all of them."""


def _own(methods: MethodRegistry[Any], name: Any) -> Any:
    """Give a method its own name, and leave what is unknown to the validator."""
    return methods.name(name) if name in methods else name


def _interval(name: Any) -> Any:
    return _own(INTERVALS, name)


def _difference(name: Any) -> Any:
    return _own(DIFFERENCES, name)


def _risk_ratio(name: Any) -> Any:
    return _own(RISK_RATIOS, name)


def _odds_ratio(name: Any) -> Any:
    return _own(ODDS_RATIOS, name)


def _test(name: Any) -> Any:
    return _own(SURVEY_TESTS, _own(GROUP_TESTS, _own(TESTS, name)))


def _known(what: str, *names: str, methods: tuple[MethodRegistry[Any], ...] = ()) -> Any:
    def check(_: Any, __: attrs.Attribute[Any], value: Any) -> None:
        # A list, for it is asked of anything, even what has no hash.
        known = list(dict.fromkeys([*(name for kind in methods for name in kind), *names]))
        for name in value if isinstance(value, tuple) else (value,):
            if name not in known:
                raise UnknownNameError(what, name if isinstance(name, str) else repr(name), known)

    return check


def _several(value: Any) -> tuple[Any, ...]:
    """Give one or several names, each once; what is no name is left to the validator."""
    if value is None:
        return ()
    given = [value] if isinstance(value, str) or not isinstance(value, Iterable) else list(value)
    return tuple(v for i, v in enumerate(given) if v not in given[:i])


def _adjustments(value: Any) -> tuple[Any, ...]:
    return _several([_own(ADJUSTMENTS, name) for name in _several(value)])


def check_inference(value: object) -> None:
    """Refuse what says nothing of how findings are computed.

    Raises
    ------
    UsageError
    """
    if not isinstance(value, Inference):
        raise UsageError(
            f'`inference` is an Inference, such as Inference(test="fisher"); found '
            f"{format_value(value)}"
        )


def column_of(adjustment: str) -> str:
    """Name the column of an adjustment's p-values."""
    return "p_" + "".join(c if c.isalnum() else "_" for c in adjustment)


@attrs.frozen
class Inference:
    """How findings are computed from counts.

    Parameters
    ----------
    test : str
        Test of a difference between groups: a name or an alias from `omistats.stats.TESTS`
        (``'pearson'`` by default, the chi-square without continuity correction), or from
        `omistats.stats.GROUP_TESTS`; ``'cmh'`` or ``'cmh-cc'`` to test within units. Where a test is
        for two groups only, breakdowns of more are tested by Pearson's, and their rows say so.
        Under weights ``'rao-scott-f'``, ``'rao-scott-chi-square'``, ``'adjusted-wald'`` or
        ``'wald-f'``.
    interval : str
        Interval for a percentage, from `omistats.stats.INTERVALS`; Wilson's score interval by
        default. Under weights ``'logit'`` or ``'wald'``.
    confidence : float
        Confidence of intervals, between 0 and 1.
    complement : {'all', 'known'}
        What a subset is tested against: all cases outside it, or only those whose
        characteristic is known.
    adjust : str or iterable of str
        Adjustments for the number of tests, from `omistats.stats.ADJUSTMENTS`; each adds a column
        of p-values. None by default.
    family : {'breakdown', 'table', 'unit', 'everything'}
        Which tests are adjusted together: those of one breakdown in all units, of one unit and
        breakdown, of one unit, or all. All units together are a family of their own beside
        the units that they are made of.
    effects : str or iterable of {'difference', 'risk_ratio', 'odds_ratio'}
        What to say of how large a difference between two groups is, with intervals: first
        group less second in percentage points, or first over second; none by default.
    difference, risk_ratio, odds_ratio : str
        The methods of effects, from `omistats.stats.DIFFERENCES`, `omistats.stats.RISK_RATIOS` and
        `omistats.stats.ODDS_RATIOS`. Within units (``'cmh'``) effects are Mantel and Haenszel's.
    margin : float, optional
        A difference that would not matter, as a proportion (0.05 is five points): adds the
        p-value of equivalence, `omistats.stats.equivalence`, of every comparison of two groups.
    small_numbers : SmallNumbers
        What to do where counts are small.

    Raises
    ------
    UnknownNameError
        When a method is unknown.
    UsageError
        When the confidence or the margin is not between 0 and 1, ``small_numbers`` is no
        policy, an adjustment's column is another's, or options contradict each other.

    Notes
    -----
    The 2011 report does not name its test. Of the simple procedures tried, Pearson's chi-square
    without correction, of a subset against its complement, explains the most of its stars; that
    makes it the best-fitting one, not the only one that fits.

    References
    ----------
    Pearson, K. (1900). On the criterion that a given system of deviations from the probable in
    the case of a correlated system of variables is such that it can be reasonably supposed to
    have arisen from random sampling. Philosophical Magazine 50(302), 157-175.

    Wilson, E. B. (1927). Probable inference, the law of succession, and statistical inference.
    Journal of the American Statistical Association 22(158), 209-212.
    doi:10.1080/01621459.1927.10502953

    Examples
    --------
    >>> import omistats as oms
    >>> oms.Inference(test="fisher_exact", adjust="holm").test
    'fisher'
    >>> oms.Inference(test="cmh").stratified, oms.Inference(test="rao-scott-f").is_design_based
    (True, True)
    """

    test: str = attrs.field(
        default="pearson",
        converter=_test,
        validator=_known("test", *STRATIFIED, methods=(TESTS, GROUP_TESTS, SURVEY_TESTS)),
    )
    interval: str = attrs.field(
        default="wilson",
        converter=_interval,
        validator=_known("interval", *DESIGN_INTERVALS, methods=(INTERVALS,)),
    )
    confidence: float = attrs.field(default=0.95)
    complement: Literal["all", "known"] = attrs.field(
        default="all", validator=_known("complement", "all", "known")
    )
    adjust: tuple[str, ...] = attrs.field(
        default=(), converter=_adjustments, validator=_known("adjustment", methods=(ADJUSTMENTS,))
    )
    family: Literal["breakdown", "table", "unit", "everything"] = attrs.field(
        default="breakdown", validator=_known("family", *FAMILIES)
    )
    effects: tuple[str, ...] = attrs.field(
        default=(), converter=_several, validator=_known("effect", *EFFECTS)
    )
    difference: str = attrs.field(
        default="newcombe",
        converter=_difference,
        validator=_known("method of a difference", methods=(DIFFERENCES,)),
    )
    risk_ratio: str = attrs.field(
        default="miettinen-nurminen",
        converter=_risk_ratio,
        validator=_known("method of a risk ratio", methods=(RISK_RATIOS,)),
    )
    odds_ratio: str = attrs.field(
        default="miettinen-nurminen",
        converter=_odds_ratio,
        validator=_known("method of an odds ratio", methods=(ODDS_RATIOS,)),
    )
    margin: float | None = attrs.field(default=None)
    small_numbers: SmallNumbers = attrs.field(factory=SmallNumbers)

    @confidence.validator
    def _between(self, _: object, value: float) -> None:
        check_confidence(value)

    @margin.validator
    def _tolerable(self, _: object, value: Any) -> None:
        if value is None:
            return
        number = isinstance(value, float | int | np.floating | np.integer)
        if isinstance(value, bool) or not number or not 0 < value < 1:
            hint = f"; did you mean {value / 100:g}?" if number and 1 <= value < 100 else ""
            raise UsageError(
                "margin is a difference of proportions between 0 and 1, such as 0.05 for five "
                f"points; found {format_value(value)}{hint}"
            )

    @adjust.validator
    def _columns(self, _: object, value: tuple[str, ...]) -> None:
        columns = [column_of(name) for name in value]
        if bad := [c for c in columns if c == "p_value" or columns.count(c) > 1]:
            raise UsageError(f"the column {bad[0]!r} is another's; register a name of its own")

    @small_numbers.validator
    def _policy(self, _: object, value: object) -> None:
        if not isinstance(value, SmallNumbers):
            raise UsageError(
                "small_numbers is a policy, such as SmallNumbers(suppress_below=5); "
                f"found {format_value(value)}"
            )

    def __attrs_post_init__(self) -> None:
        if self.margin is not None and (self.stratified or self.is_design_based):
            raise UsageError(
                f"equivalence is tested on simple counts, not with {self.test!r}; leave `margin` "
                "out"
            )
        if self.test in STRATIFIED and "risk_ratio" in self.effects:
            raise UsageError(
                "within units effects are the common odds ratio and the common difference; "
                "leave 'risk_ratio' out, or choose another test"
            )

    @property
    def stratified(self) -> bool:
        """Whether tests are made within units, as Cochran, Mantel and Haenszel do."""
        return self.test in STRATIFIED

    @property
    def is_design_based(self) -> bool:
        """Whether tests are those of a weighted or clustered sample."""
        return self.test in SURVEY_TESTS
