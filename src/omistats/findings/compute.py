"""Compute findings for every unit, breakdown and question in one call."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from omistats.breakdowns.base import BreakdownLike
from omistats.counting.count import tally
from omistats.counting.tally import By, Tally, check_by, resolve_breakdowns
from omistats.errors import UsageError
from omistats.findings.findings import Findings
from omistats.inference.options import Inference, check_inference
from omistats.kernel.design import Population
from omistats.model.batches import Progress, read_cases
from omistats.model.framework import Framework
from omistats.model.survey_design import Column, LonelyName, is_complex_design, resolve_design

__all__ = ["recompute"]


_DEFAULT = Inference()


def recompute(
    source: Any,
    *,
    by: By | None = None,
    breakdowns: Iterable[BreakdownLike] | None = None,
    questions: Iterable[str] | None = None,
    inference: Inference | None = None,
    weight: Column = None,
    stratum: Column = "unit",
    cluster: Column = None,
    population: str | Population = None,
    lonely: LonelyName = "error",
    framework: Framework | None = None,
    check_ids: bool = True,
    progress: Progress | None = None,
) -> Findings:
    """Compute percentages, intervals and tests of every question in every breakdown.

    Parameters
    ----------
    source : CaseSet, Tally, data frame, table of an engine, record batch reader, data set, or path
        Case assessments or counts. All but a case set and a tally need ``framework``. A path is
        a Parquet file, an Arrow IPC file or stream, or a folder of such files; a data set is
        pyarrow's. They are counted part by part, in bounded memory; see `omistats.tally`. A
        path may also be a workbook, a text file, or a file of SPSS or Stata whose headers are
        the names of the framework's columns; these are read into memory. A Polars
        ``LazyFrame``, a DuckDB relation or a Spark ``DataFrame`` is counted by its engine.
        Weighted and clustered cases are read into memory, wherever they are.
    by : {'unit'}, optional
        Compute findings for every unit, then for all together; by default only for all
        together.
    breakdowns : iterable of Breakdown or str, optional
        Instances, classes or names; by default the framework's standard breakdowns. Not for a
        tally, which has its breakdowns.
    questions : iterable of str, optional
        Question ids; by default every question that is not invented. Not for a tally, which
        has its questions.
    inference : Inference, optional
        Tests, intervals, effects and adjustments; by default those of `Inference`, and for
        weighted or clustered cases Pearson's test and Wilson's intervals on effective answers.
    weight : str or array_like, optional
        Sampling weights: a column, or one number a case. Percentages are then weighted;
        ``k`` and ``n`` stay unweighted, count cases of weight 0 too, and decide what is
        flagged or suppressed. A pandas Series here, and as stratum, cluster or population, goes
        by its index.
    stratum : str or array_like, optional
        Strata of the sample: a column, or one label a case. By default the units; None for no
        strata.
    cluster : str or array_like, optional
        Cluster identifiers: a column, or one label a case. By default each case is a cluster.
    population : str, float, mapping or array_like, optional
        Number of clusters (or of cases, if there are no clusters) in each stratum's population:
        one number for all strata, a mapping by stratum, or a column or array with one number a
        case.
    lonely : {'error', 'null', 'remove', 'adjust', 'average'}, or 'fail' or 'certainty'
        Treatment of a stratum with one cluster: raise an error, leave null what depends on it,
        let it contribute nothing, measure it from the mean of all strata, or give it the average
        variance of the other strata that have answers. The last two are R's names of
        ``'error'`` and ``'remove'``. It matters only with weights, clusters, a population or
        strata other than units.
    framework : Framework, optional
        Framework to check the source against; a case set and a tally have theirs.
    check_ids : bool
        Whether to raise if a ``case_id`` is repeated; see `omistats.tally` for the cost.
    progress : callable, optional
        Called after every part that was counted, with the rows done and the rows in all (None
        if unknown). Never called for a tally, a table of an engine, or weighted or clustered
        cases.

    Returns
    -------
    Findings
        Rows in this order of nesting: units as declared, then ``all``; breakdowns as
        passed; questions as in the framework; groups as declared.

    Raises
    ------
    UsageError
        When arguments do not fit the source, or a test is not for weighted or clustered cases.
    UnknownNameError
        When a question, breakdown, method or column is unknown.
    DataError
        When a breakdown is not valid or labels cases outside its groups, weights, strata,
        clusters or populations are not valid, or the data cannot be read or break the rules.

    Notes
    -----
    A percentage is ``100 * k / n``: sufficient answers of the applicable ones, 0-100. Answers that
    are not applicable (null) do not count; if no answer is applicable, the percentage is null.
    Tests assume a simple random sample. With weights, strata, clusters or a population they are
    made on effective answers by default: Kish's number for the weights, divided by the design
    effect of the clusters.

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
    chosen = inference
    if chosen is None:
        chosen = Inference(test="effective", interval="effective") if weighted else _DEFAULT
    check_inference(chosen)
    splits = None
    if weighted:
        from omistats.inference.weighted import check_weighted

        check_weighted(chosen)
        if isinstance(source, Tally):
            options = ", ".join(f"`{name}`" for name in design)
            raise UsageError(f"{options} need case data; found a Tally; pass cases instead")
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
                f"`framework` must be that of the tally, {source.framework.name!r}; found "
                f"{framework.name!r}. Leave it out or count again"
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
    reported = counts.with_all() if by == "unit" else counts.collapse_units()
    if splits is not None:
        sample_design = resolve_design(source, lonely, **design)
        return Findings.from_sample(source, splits, reported, sample_design, chosen)
    return Findings.from_tally(reported, chosen, counts if chosen.stratified else None)
