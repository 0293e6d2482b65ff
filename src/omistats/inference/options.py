"""Options of an inference: tests, intervals, effects, adjustments and families."""

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

__all__ = [
    "DESIGN_INTERVALS",
    "EFFECTS",
    "FAMILIES",
    "Inference",
    "adjusted_column",
    "check_inference",
]


_STRATIFIED = ("cmh", "cmh-cc")
"""Tests within units: Cochran-Mantel-Haenszel without and with continuity correction."""

DESIGN_INTERVALS = ("effective", "logit", "wald")
"""Intervals for weighted or clustered cases."""

EFFECTS = ("difference", "risk_ratio", "odds_ratio")
"""Effect measures."""

FAMILIES = ("table", "breakdown", "unit", "everything")
"""Families of tests that are adjusted together: one unit and breakdown, one breakdown in all
units, one unit, or all tests."""


def _resolve(methods: MethodRegistry[Any], name: Any) -> Any:
    """Replace an alias by the name of its method; the validator reports unknown names."""
    return methods.name(name) if name in methods else name


def _resolve_interval(name: Any) -> Any:
    return _resolve(INTERVALS, name)


def _resolve_difference(name: Any) -> Any:
    return _resolve(DIFFERENCES, name)


def _resolve_risk_ratio(name: Any) -> Any:
    return _resolve(RISK_RATIOS, name)


def _resolve_odds_ratio(name: Any) -> Any:
    return _resolve(ODDS_RATIOS, name)


def _survey_tests() -> MethodRegistry[Any]:
    # Imported late: findings of unweighted cases do without.
    from omistats.kernel.survey import SURVEY_TESTS

    return SURVEY_TESTS


def _resolve_test(name: Any) -> Any:
    found = _resolve(GROUP_TESTS, _resolve(TESTS, name))
    return found if _is_unweighted(found) else _resolve(_survey_tests(), found)


def _is_unweighted(test: Any) -> bool:
    return test in TESTS or test in GROUP_TESTS or test in _STRATIFIED


def _check_test(_: Any, __: attrs.Attribute[Any], value: Any) -> None:
    if not (isinstance(value, str) and _is_unweighted(value)):
        _one_of("test", *_STRATIFIED, methods=(TESTS, GROUP_TESTS, _survey_tests()))(_, __, value)


def _resolve_adjustments(value: Any) -> tuple[Any, ...]:
    return _as_names([_resolve(ADJUSTMENTS, name) for name in _as_names(value)])


def _as_names(value: Any) -> tuple[Any, ...]:
    """Return one or several names without repetitions; the validator reports other values."""
    if value is None:
        return ()
    given = [value] if isinstance(value, str) or not isinstance(value, Iterable) else list(value)
    return tuple(v for i, v in enumerate(given) if v not in given[:i])


def _one_of(what: str, *names: str, methods: tuple[MethodRegistry[Any], ...] = ()) -> Any:
    """Make a validator of names; methods are looked up when it runs."""

    def check(_: Any, __: attrs.Attribute[Any], value: Any) -> None:
        # A list and not a set, because the value may have no hash.
        known = list(dict.fromkeys([*(name for kind in methods for name in kind), *names]))
        for name in value if isinstance(value, tuple) else (value,):
            if name not in known:
                raise UnknownNameError(what, name if isinstance(name, str) else repr(name), known)

    return check


@attrs.frozen
class Inference:
    """Options for computing findings from counts.

    Parameters
    ----------
    test : str
        Test of a difference between groups: a name or an alias from `omistats.stats.TESTS`
        (``'pearson'`` by default, the chi-square without continuity correction) or from
        `omistats.stats.GROUP_TESTS`; ``'cmh'`` or ``'cmh-cc'`` to test within units. For weighted
        or clustered cases ``'effective'`` (Pearson's on effective answers), ``'rao-scott-f'``,
        ``'rao-scott-chi-square'``, ``'adjusted-wald'`` or ``'wald-f'``. If a test takes two
        groups only, larger breakdowns are tested by Pearson's, and their rows say so.
    interval : str
        Interval for a percentage, from `omistats.stats.INTERVALS`; Wilson's score interval by
        default. For weighted or clustered cases ``'effective'`` (Wilson's on effective answers),
        ``'logit'`` or ``'wald'``.
    confidence : float
        Confidence of intervals, between 0 and 1.
    complement : {'all', 'known'}
        Cases a subset is tested against: all cases outside it, or only those whose
        characteristic is known.
    adjust : str or iterable of str
        Adjustments for the number of tests, from `omistats.stats.ADJUSTMENTS`; each adds a column
        of p-values. None by default.
    family : {'breakdown', 'table', 'unit', 'everything'}
        Tests that are adjusted together: those of one breakdown in all units, of one unit and
        breakdown, of one unit, or all. The tests of all units together form a separate family.
    effects : str or iterable of {'difference', 'risk_ratio', 'odds_ratio'}
        Effect measures of comparisons of two groups, with intervals: the first group less the
        second in percentage points, or the first over the second. None by default.
    difference, risk_ratio, odds_ratio : str
        Methods of the effects, from `omistats.stats.DIFFERENCES`, `omistats.stats.RISK_RATIOS` and
        `omistats.stats.ODDS_RATIOS`. Tests within units (``'cmh'``) use Mantel and Haenszel's.
    margin : float, optional
        Largest difference that would not matter, as a proportion (0.05 is five points). It adds
        the p-value of equivalence, `omistats.stats.equivalence`, to every comparison of two
        groups.
    small_numbers : SmallNumbers
        Thresholds for flagging and suppressing small counts.

    Raises
    ------
    UnknownNameError
        When a method is unknown.
    UsageError
        When the confidence or the margin is not between 0 and 1, ``small_numbers`` is not a
        `SmallNumbers`, two adjustments share a column, or options contradict each other.

    Notes
    -----
    Pearson's chi-square without continuity correction and Wilson's interval are the defaults for
    independent answers. Cases with weights, strata or clusters need a test and an interval for
    survey designs.

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
        converter=_resolve_test,
        validator=_check_test,
    )
    interval: str = attrs.field(
        default="wilson",
        converter=_resolve_interval,
        validator=_one_of("interval", *DESIGN_INTERVALS, methods=(INTERVALS,)),
    )
    confidence: float = attrs.field(default=0.95)
    complement: Literal["all", "known"] = attrs.field(
        default="all", validator=_one_of("complement", "all", "known")
    )
    adjust: tuple[str, ...] = attrs.field(
        default=(),
        converter=_resolve_adjustments,
        validator=_one_of("adjustment", methods=(ADJUSTMENTS,)),
    )
    family: Literal["breakdown", "table", "unit", "everything"] = attrs.field(
        default="breakdown", validator=_one_of("family", *FAMILIES)
    )
    effects: tuple[str, ...] = attrs.field(
        default=(), converter=_as_names, validator=_one_of("effect", *EFFECTS)
    )
    difference: str = attrs.field(
        default="newcombe",
        converter=_resolve_difference,
        validator=_one_of("method of a difference", methods=(DIFFERENCES,)),
    )
    risk_ratio: str = attrs.field(
        default="miettinen-nurminen",
        converter=_resolve_risk_ratio,
        validator=_one_of("method of a risk ratio", methods=(RISK_RATIOS,)),
    )
    odds_ratio: str = attrs.field(
        default="miettinen-nurminen",
        converter=_resolve_odds_ratio,
        validator=_one_of("method of an odds ratio", methods=(ODDS_RATIOS,)),
    )
    margin: float | None = attrs.field(default=None)
    small_numbers: SmallNumbers = attrs.field(factory=SmallNumbers)

    @confidence.validator
    def _check_confidence(self, _: object, value: float) -> None:
        check_confidence(value)

    @margin.validator
    def _check_margin(self, _: object, value: Any) -> None:
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
    def _check_columns(self, _: object, value: tuple[str, ...]) -> None:
        columns = [adjusted_column(name) for name in value]
        if bad := [c for c in columns if c == "p_value" or columns.count(c) > 1]:
            raise UsageError(
                f"the adjustments need different columns; {bad[0]!r} is taken. Register the "
                "adjustment under another name"
            )

    @small_numbers.validator
    def _check_small_numbers(self, _: object, value: object) -> None:
        if not isinstance(value, SmallNumbers):
            raise UsageError(
                "`small_numbers` must be a SmallNumbers, such as SmallNumbers(suppress_below=5); "
                f"found {format_value(value)}"
            )

    def __attrs_post_init__(self) -> None:
        if self.margin is not None and (self.stratified or self.is_design_based):
            raise UsageError(
                f"`margin` needs a test of unstratified, unweighted counts; found {self.test!r}; "
                "leave `margin` out or choose another test"
            )
        if self.test in _STRATIFIED and "risk_ratio" in self.effects:
            raise UsageError(
                f"test={self.test!r} has a common odds ratio and a common difference, but no "
                "risk ratio; leave 'risk_ratio' out or choose another test"
            )

    @property
    def stratified(self) -> bool:
        """Whether tests are made within units, by the Cochran-Mantel-Haenszel test."""
        return self.test in _STRATIFIED

    @property
    def is_design_based(self) -> bool:
        """Whether tests are those of a weighted or clustered sample."""
        return not _is_unweighted(self.test)


def check_inference(value: object) -> None:
    """Check that an option is an `Inference`.

    Raises
    ------
    UsageError
        When it is not.
    """
    if not isinstance(value, Inference):
        raise UsageError(
            f'`inference` must be an Inference, such as Inference(test="fisher"); found '
            f"{format_value(value)}"
        )


def adjusted_column(adjustment: str) -> str:
    """Name the column of an adjustment's p-values."""
    return "p_" + "".join(c if c.isalnum() else "_" for c in adjustment)
