"""Findings for every unit, breakdown and question, in one call."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from omistats.breakdowns.base import Breakdown
from omistats.counting.count import tally
from omistats.counting.tally import By, Tally, check_by, resolve_breakdowns
from omistats.errors import UsageError
from omistats.findings.findings import Findings
from omistats.inference.options import Inference, check_inference
from omistats.inference.weighted import check_weighted
from omistats.kernel.design import Population
from omistats.model.batches import Progress, read_cases
from omistats.model.framework import Framework
from omistats.model.survey_design import Column, Lonely, is_complex_design, resolve_design

__all__ = ["recompute"]


_PLAIN = Inference()
_DESIGN_BASED_DEFAULT = Inference(test="rao-scott-f", interval="logit")


def recompute(
    source: Any,
    *,
    by: By | None = None,
    breakdowns: Iterable[Breakdown | type[Breakdown] | str] | None = None,
    questions: Iterable[str] | None = None,
    inference: Inference | None = None,
    weight: Column = None,
    stratum: Column = "unit",
    cluster: Column = None,
    population: str | Population = None,
    lonely: Lonely = "error",
    framework: Framework | None = None,
    check_ids: bool = True,
    progress: Progress | None = None,
) -> Findings:
    """Compute percentages, intervals and tests of every question in every breakdown.

    Parameters
    ----------
    source : CaseSet, Tally, data frame, table of an engine, record batch reader, data set, or path
        Case assessments, or counts made of them. All but a case set and a tally need
        ``framework``. A path is a Parquet file, an Arrow IPC file or stream, or a folder of
        such files; a data set is pyarrow's. They are counted part by part, in bounded memory,
        as `omistats.tally` says. A Polars ``LazyFrame``, a DuckDB relation or a Spark
        ``DataFrame`` is counted by its engine. Weighted and clustered cases are read at once,
        wherever they are.
    by : {'unit'}, optional
        Give findings for every unit, then for all together; by default only for all
        together.
    breakdowns : iterable of Breakdown or str, optional
        Instances, classes, or names; the framework's standard ones by default. A tally
        has its own.
    questions : iterable of str, optional
        Question ids; by default every question that is not invented. A tally has its
        own.
    inference : Inference, optional
        Tests, intervals, effects and adjustments; by default those of `Inference`, and for
        weighted or clustered cases Rao and Scott's F and logit intervals.
    weight : str or array_like, optional
        Sampling weights: a column, or one number a case. Percentages are then weighted;
        ``k`` and ``n`` stay counts of answers, also of cases of weight 0, and by them small
        numbers are judged.
    stratum : str or array_like, optional
        What cases were drawn within: a column or one label a case; None for no strata. By
        default the units.
    cluster : str or array_like, optional
        What was drawn: a column or one label a case. By default each case by itself.
    population : str, float, mapping or array_like, optional
        How many clusters (without any: cases) each stratum's population has: one number for
        all, one for each label of a stratum, or a column or array with one a case.
    lonely : {'error', 'null', 'remove', 'adjust'}
        What to do about a stratum of one cluster, as in `omistats.scores`. It matters only
        where there are weights, clusters, a population or strata other than units.
    framework : Framework, optional
        What to check the source against; a case set and a tally carry theirs.
    check_ids : bool
        Refuse a ``case_id`` that stands twice; see `omistats.tally` on what that costs.
    progress : callable, optional
        Called after every part that was counted with the rows done and the rows in all, None
        if that is unknown; of a tally or a table of an engine, never. Not called where weighted
        or clustered cases are read at once.

    Returns
    -------
    Findings
        In this order of nesting: units as declared, then ``all``; breakdowns as
        passed; questions as in the framework; groups as declared.

    Raises
    ------
    UsageError
        When arguments do not fit the source, or a test is not for weighted or clustered cases.
    UnknownNameError
        When a question, breakdown, method or column is unknown.
    DataError
        When a breakdown is ill declared or labels cases outside its groups, or weights,
        strata, clusters or populations cannot be what they should, or the data cannot be read
        or break the rules.

    Notes
    -----
    A percentage is ``100 * k / n``: sufficient answers of the applicable ones, 0-100. Answers that
    are not applicable (null) are in neither; where none is applicable it is null. Tests take cases
    as drawn one by one with equal chances unless weights, strata, clusters or a population say
    otherwise; then they are Rao and Scott's by default.

    References
    ----------
    Rao, J. N. K. and Scott, A. J. (1984). On chi-squared tests for multiway contingency tables
    with cell proportions estimated from survey data. Annals of Statistics 12(1), 46-60.
    doi:10.1214/aos/1176346391

    Examples
    --------
    >>> import omistats as oms
    >>> findings = oms.recompute(oms.omi2.load_synthetic())
    >>> findings.table.num_rows
    900
    >>> visits = findings.breakdown("gender").question("home_visit")
    >>> visits.table.select(["group", "k", "n", "printed", "stars"]).to_pylist()[0]
    {'group': 'male', 'k': 226, 'n': 302, 'printed': 75, 'stars': '--'}
    """
    check_by(by)
    design: dict[str, Any] = {
        "weight": weight,
        "stratum": stratum,
        "cluster": cluster,
        "population": population,
    }
    weighted = is_complex_design(**design)
    chosen = (_DESIGN_BASED_DEFAULT if weighted else _PLAIN) if inference is None else inference
    check_inference(chosen)
    splits = None
    if weighted:
        check_weighted(chosen)
        if isinstance(source, Tally):
            raise UsageError(
                "counts know no more of weights, strata, clusters and populations; pass cases"
            )
        source = read_cases(source, framework, check_ids=check_ids)
        breakdowns = splits = resolve_breakdowns(breakdowns, source.framework)
    if isinstance(source, Tally):
        if breakdowns is not None or questions is not None:
            raise UsageError(
                "a tally has its breakdowns and questions already; "
                "choose them in tally(cases, breakdowns=..., questions=...)"
            )
        if framework is not None and framework != source.framework:
            raise UsageError(
                f"the tally was made with {source.framework.name!r}, not {framework.name!r}; "
                "leave `framework` out or count again"
            )
        counts = source
    else:
        counts = tally(
            source,
            by="unit" if chosen.stratified else by,
            breakdowns=breakdowns,
            questions=questions,
            framework=framework,
            check_ids=check_ids,
            progress=progress,
        )
    shown = counts.with_all() if by == "unit" else counts.collapse_units()
    if splits is not None:
        return Findings.from_drawn(
            source, splits, shown, resolve_design(source, lonely, **design), chosen
        )
    return Findings.from_tally(shown, chosen, counts if chosen.stratified else None)
