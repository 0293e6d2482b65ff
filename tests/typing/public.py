"""The public types as a user's checker sees them, read from the installed package, never run.

An ignore marks what must be refused: mypy reports it as unused should the call ever be accepted.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, assert_type

import numpy as np
import numpy.typing as npt
import pandas as pd
import polars as pl
import pyarrow as pa

import omistats as oms

# Internal: types that only functions and methods return, and groups that a tally declares.
from omistats.breakdowns.groups import GroupSpec
from omistats.findings.points import Point
from omistats.inference.change import Change
from omistats.model.treatment import Treatment
from omistats.model.units import UnitMatches
from omistats.profiles.characteristics import Characteristics
from omistats.profiles.representativeness import Representativeness
from omistats.resampling.common import Resampled
from omistats.scoring.unit_comparison import UnitComparison
from omistats.scoring.weaknesses import Weaknesses


def errors_form_one_family(error: oms.DataError) -> None:
    caught: oms.OmistatsError = error
    assert_type(error.problems, tuple[oms.Problem, ...])
    assert_type(str(caught), str)


def one_call_from_cases_to_findings(cases: oms.CaseSet) -> None:
    assert_type(oms.recompute(cases), oms.Findings)
    assert_type(oms.recompute(cases, by="unit"), oms.Findings)
    assert_type(oms.tally(cases), oms.Tally)
    oms.recompute(cases, by="region")  # type: ignore[arg-type]


def counts_and_sums_add_up_and_are_saved(cases: oms.CaseSet, tally: oms.Tally) -> None:
    assert_type(tally.merge(tally, tally), oms.Tally)
    assert_type(tally.replace(tally).drop_units("A"), oms.Tally)
    assert_type(oms.Tally.read("counts.arrow", framework=cases.framework), oms.Tally)
    oms.tally("cases.parquet", framework=cases.framework, check_ids=False, progress=print)
    oms.tally(cases, progress="bar")  # type: ignore[arg-type]
    sums = oms.score_tally(cases, breakdowns=["gender"])
    assert_type(sums.merge(sums), oms.ScoreTally)
    assert_type(oms.ScoreTally.read("sums.arrow", framework=cases.framework), oms.ScoreTally)
    assert_type(oms.scores(sums), oms.Scores)


def the_numeric_face_answers_with_records() -> None:
    assert_type(oms.stats.compare(30, 50, 20, 50), oms.stats.Comparison)
    assert_type(oms.stats.interval([30, 20], 50), oms.stats.Interval)
    assert_type(oms.stats.difference(30, 50, [20, 30], 50, "wald"), oms.stats.Effect)
    assert_type(oms.stats.risk_ratio(30, 50, 20, 50), oms.stats.Effect)
    assert_type(oms.stats.odds_ratio(30, 50, 20, 50, confidence=0.9), oms.stats.Effect)
    oms.stats.interval("thirty", 50, confidence="high")  # type: ignore[arg-type]


def strata_and_surveys() -> None:
    assert_type(oms.stats.stratified([3, 4], [6, 9], [2, 2], [5, 8]), oms.stats.Stratified)
    assert_type(
        oms.stats.compare_weighted([1, 0], ["a", "b"], weight=[1, 2]), oms.stats.WeightedComparison
    )
    oms.stats.stratified([3], [6], [2], [5], correction="yes")  # type: ignore[arg-type]
    found = oms.stats.compare_weighted([1, 0], ["a", "b"], lonely="average")
    assert_type(found.kish_n, npt.NDArray[np.float64])
    oms.stats.ratio([1, 2], [3, 4], lonely="certainty")
    oms.stats.compare_weighted([1, 0], ["a", "b"], lonely="drop")  # type: ignore[arg-type]
    assert_type(oms.SmallNumbers(flag_effective=None).flag_effective, float | None)


def plans_and_absence_of_difference() -> None:
    found = oms.stats.equivalence(30, 50, [20, 30], 50, margin=0.05)
    assert_type(found, oms.stats.Equivalence)
    assert_type(found.equivalent, npt.NDArray[np.bool_])
    assert_type(oms.stats.power(0.6, [0.7, 0.8], 50, 50), oms.stats.Power)
    assert_type(oms.stats.detectable(0.6, 50, 50), oms.stats.Detectable)
    assert_type(oms.stats.sample_size(0.6, 0.7), oms.stats.SampleSize)
    assert_type(oms.stats.sample_for_precision(0.05), npt.NDArray[np.float64])
    oms.stats.equivalence(30, 50, 20, 50)  # type: ignore[call-arg]
    oms.stats.power(0.6, 0.7, 50, 50, method="simulated")  # type: ignore[arg-type]


def small_numbers_are_judged_by_a_policy() -> None:
    policy = oms.SmallNumbers(flag_below=20, suppress_below=5)
    assert_type(policy.judge([3, 40], 9.0), npt.NDArray[np.int8])
    assert_type(policy.suppressed([3, 40]), npt.NDArray[np.bool_])
    policy.flag_below = 10  # type: ignore[misc]


def findings_take_any_method_and_any_design(cases: oms.CaseSet) -> None:
    asked = oms.Inference(
        test="fisher",
        interval="jeffreys",
        effects=["difference", "odds_ratio"],
        difference="miettinen-nurminen",
        adjust=["holm", "bh"],
        family="table",
        small_numbers=oms.SmallNumbers(suppress_below=5),
    )
    findings = oms.recompute(cases, inference=asked)
    assert_type(findings.significant(adjusted="holm"), oms.Findings)
    assert_type(findings.significant(0.01, "bh").inference, oms.Inference)
    assert_type(findings.significant(adjusted="bh", family="everything"), oms.Findings)
    assert_type(findings.families, dict[str, str])
    changed = findings.compare(findings, adjust=None, questions={"old": "new"}, strict=True)
    assert_type(changed, Change)
    assert_type(changed.significant(), Change)
    findings.compare(findings, questions={"old": 1})  # type: ignore[dict-item]
    findings.significant(adjusted="bh", family="page")  # type: ignore[arg-type]
    drawn = oms.recompute(cases, weight="w", cluster="officer", population={"A": 900.0, "B": 40})
    assert_type(drawn, oms.Findings)
    oms.recompute(cases, weight=np.ones(len(cases)), stratum=None, population=90, lonely="adjust")
    assert_type(oms.scores(cases, weight="w", cluster=["a"], population="clusters"), oms.Scores)
    oms.Inference(effects="difference", adjust="holm")
    oms.Inference(family="page")  # type: ignore[arg-type]
    oms.recompute(cases, lonely="ignore")  # type: ignore[arg-type]
    oms.recompute(cases, inference="fisher")  # type: ignore[arg-type]
    findings.significant(adjusted=True)  # type: ignore[arg-type]


def methods_are_registered_by_name() -> None:
    def halves(k: Any, n: Any, confidence: float) -> tuple[Any, Any]:
        return k / n / 2, (k / n + 1) / 2

    oms.stats.INTERVALS.register("halves", halves, aliases=["half"])
    assert_type(oms.stats.TESTS.name("fisher_exact"), str)
    assert_type(list(oms.stats.ADJUSTMENTS), list[str])
    oms.stats.INTERVALS.register("none", None)  # type: ignore[arg-type]


class Tenure(oms.Breakdown):
    """Housing tenure at sentence."""

    key = "tenure"
    groups = ("owned", "rented", "none")


def a_breakdown_of_ones_own_is_passed_as_an_instance(cases: oms.CaseSet) -> None:
    assert_type(oms.recompute(cases, breakdowns=[*oms.omi2.STANDARD, Tenure()]), oms.Findings)


def a_framework_is_declared_with_plain_lists() -> None:
    home_visit = oms.Question("home_visit", "Home visited")
    tenure = oms.Stratum("tenure", ["owned", "rented", "none"])
    framework = oms.Framework("demo", [home_visit], strata=[tenure])
    assert_type(framework.questions, tuple[oms.Question, ...])
    assert_type(tenure.levels, tuple[str, ...])


def a_breakdown_may_classify_as_it_likes() -> None:
    class Banded(oms.Breakdown):
        key = "banded"
        groups = ("few", "many")
        contrast = "groups"

        def classify(self, cases: oms.CaseSet) -> Any:
            return ["few"] * len(cases)

    assert_type(Banded().problems(), list[oms.Problem])

    class Typo(oms.Breakdown):
        contrast = "complements"  # type: ignore[assignment]

    class Sealed(oms.Breakdown):
        def codes(self, cases: oms.CaseSet) -> Any:  # type: ignore[misc]
            return None


def breakdowns_come_as_instances_classes_and_names(cases: oms.CaseSet) -> None:
    assert_type(oms.omi2.STANDARD, tuple[oms.Breakdown, ...])
    oms.recompute(cases, breakdowns=[oms.omi2.Gender(), oms.omi2.RiskOfHarm, "age_group"])
    oms.recompute(cases, breakdowns=[3])  # type: ignore[list-item]


def cases_are_read_from_any_frame(frame: pd.DataFrame, other: pl.DataFrame) -> None:
    cases = oms.CaseSet.from_data(frame, framework=oms.omi2.FRAMEWORK)
    assert_type(cases, oms.CaseSet)
    assert_type(
        oms.CaseSet.from_data(other, framework=oms.omi2.FRAMEWORK, units=["A"]), oms.CaseSet
    )
    assert_type(cases.units, tuple[str, ...])
    assert_type(cases.extra, tuple[str, ...])
    assert_type(len(cases), int)
    assert_type(cases.filter([True]), oms.CaseSet)
    assert_type(cases.regroup({"A": "north"}), oms.CaseSet)
    oms.CaseSet.from_data(frame)  # type: ignore[call-arg]
    cases.regroup({"A": 1})  # type: ignore[dict-item]


def units_are_matched_and_put_together(cases: oms.CaseSet, names: pd.Series[str]) -> None:
    found = oms.match_units(names, [oms.Unit("a", "A", ["one"]), "b"])
    assert_type(found, UnitMatches)
    assert_type(found.units, tuple[oms.Unit, ...])
    oms.match_units([None, "Kent"], oms.omi2.UNITS, affixes=())
    oms.CaseSet.from_data(names, framework=oms.omi2.FRAMEWORK, units=oms.omi2.UNITS)
    assert_type(oms.omi2.UNITS, tuple[oms.omi2.Inspection, ...])
    assert_type(oms.omi2.TRUSTS, tuple[oms.Unit, ...])
    assert_type(oms.omi2.regions(cases), dict[str, str])
    cases.regroup(oms.omi2.trusts(oms.omi2.UNITS))
    assert_type(oms.tally(cases, by="unit").regroup({"A": "north"}), oms.Tally)
    assert_type(oms.score_tally(cases).regroup({"A": "north"}), oms.ScoreTally)
    assert_type(oms.omi2.with_fieldwork({"kent": "2010-03-15"}), tuple[oms.omi2.Inspection, ...])
    oms.Unit("a", region="north")  # type: ignore[call-arg]
    oms.match_units(names)  # type: ignore[call-arg]
    oms.omi2.regions(3)  # type: ignore[arg-type]


def terms_are_looked_up() -> None:
    glossary = oms.omi2.GLOSSARY
    assert_type(glossary["mappa"], oms.omi2.Term)
    assert_type(glossary.find("MAPPA").also, tuple[str, ...])
    assert_type(glossary.terms_in("MAPPA"), tuple[oms.omi2.Term, ...])
    assert_type(glossary.mentions("MAPPA"), tuple[oms.omi2.Mention, ...])
    glossary["x"] = glossary["mappa"]  # type: ignore[index]


def counts_and_methods_are_arguments(cases: oms.CaseSet) -> None:
    counts = oms.tally(cases, by="unit", breakdowns=["gender"], questions=["induction"])
    assert_type(counts.k, npt.NDArray[np.int64])
    assert_type(counts.splits, tuple[GroupSpec, ...])
    assert_type(counts.splits[0].contrast, Literal["groups", "complement"])
    findings = oms.recompute(counts, inference=oms.Inference(confidence=0.99, complement="known"))
    assert_type(findings, oms.Findings)
    oms.Inference(complement="some")  # type: ignore[arg-type]


def findings_give_findings_and_frames(findings: oms.Findings) -> None:
    assert_type(findings.significant(0.01), oms.Findings)
    assert_type(findings.question("a", "b").breakdown("c").unit("all"), oms.Findings)
    assert_type(findings.to_pandas(), pd.DataFrame)
    assert_type(findings.to_polars(), pl.DataFrame)
    assert_type(findings.write_parquet("findings.parquet"), None)
    assert_type(findings.inference, oms.Inference)
    assert_type(findings.tally, oms.Tally)
    assert_type(
        oms.Findings.from_counts([[1]], np.array([[2]]), questions=["a"], groups=["b"]),
        oms.Findings,
    )
    oms.Findings.from_counts([1], [2], questions=["a"], groups=["b"], contrast="x")  # type: ignore[arg-type]


def records_hold_arrays() -> None:
    outcome = oms.stats.compare_groups([1, 2, 3], [4, 5, 6], axis=-1)
    assert_type(outcome.p_value, npt.NDArray[np.float64])
    assert_type(outcome.stars, npt.NDArray[np.str_])
    assert_type(oms.stats.interval(1, 2).low, npt.NDArray[np.float64])


def scores_lay_units_side_by_side(cases: oms.CaseSet) -> None:
    scores = oms.scores(cases, by="unit")
    assert_type(scores, oms.Scores)
    assert_type(scores.item("safety").unit("all").breakdown(), oms.Scores)
    assert_type(scores.ranges(), pa.Table)
    assert_type(scores.by_unit(order={"A": 1}), pa.Table)
    assert_type(oms.scores(cases, population={"A": 900.0, "B": 1200}), oms.Scores)
    oms.scores(cases, population=object())  # type: ignore[arg-type]
    oms.scores(cases, population={"A": "60"})  # type: ignore[dict-item]
    assert_type(scores.to_pandas(), pd.DataFrame)
    assert_type(scores.to_polars(), pl.DataFrame)
    assert_type(len(scores), int)
    compared = scores.units("safety", order={"A": 1}, overdispersion="additive")
    assert_type(compared.table, pa.Table)
    assert_type(compared.dispersion.tau2, npt.NDArray[np.float64])
    assert_type(compared.heterogeneity.p_value, npt.NDArray[np.float64])
    assert_type(compared.pairs(), pa.Table)
    assert_type(compared.to_pandas(), pd.DataFrame)
    assert_type(compared.to_polars(), pl.DataFrame)
    assert_type(compared, UnitComparison)
    assert_type(compared.baseline, float)
    changed = scores.compare(scores, adjust="holm", items={"old": None}, questions={"q": "r"})
    assert_type(changed, Change)
    scores.compare(scores, items={"old": 1})  # type: ignore[dict-item]
    scores.compare(cases)  # type: ignore[arg-type]
    weak = scores.weaknesses("A", level="headline", adjust="bh", family="all", others=["B"])
    assert_type(weak, Weaknesses)
    assert_type(weak.credible(), pa.Table)
    assert_type(weak.to_pandas(), pd.DataFrame)
    scores.weaknesses(level="chapter")  # type: ignore[arg-type]
    found = oms.omi2.practice(scores, unit="A", theme="alcohol", kind="case", limit=3)
    assert_type(found, oms.omi2.Practice)
    assert_type(found.table, pa.Table)
    assert_type(found.found, int)
    assert_type(found.weaknesses, Weaknesses | None)
    assert_type(found.notes, tuple[str, ...])
    oms.omi2.practice(kind="person")  # type: ignore[arg-type]
    assert_type(oms.stats.ratio([1, 2], [3, 4], cluster=["a", "b"]), oms.stats.Ratio)
    assert_type(oms.stats.ratio([1, 2], [3, 4]).se, npt.NDArray[np.float64])
    assert_type(oms.stats.ratio([1, 2], [3, 4], population=90), oms.stats.Ratio)
    assert_type(
        oms.stats.ratio([1, 2], [3, 4], stratum=["a", "b"], population={"a": 9}, lonely="remove"),
        oms.stats.Ratio,
    )
    oms.stats.ratio([1, 2], [3, 4], lonely="null")  # type: ignore[arg-type]
    assert_type(oms.stats.ratio([1, 2], [3, 4], interval="effective"), oms.stats.Ratio)
    oms.stats.ratio([1, 2], [3, 4], interval="wilson")  # type: ignore[arg-type]
    scores.units("safety", scale="logit")  # type: ignore[arg-type]
    scores.units(["safety"])  # type: ignore[arg-type]
    scores.units("safety", overdispersion="both")  # type: ignore[arg-type]


def options_of_scores_are_words(cases: oms.CaseSet) -> None:
    assert_type(oms.scores(cases, rule="questions", lonely="null", interval="logit"), oms.Scores)
    oms.scores(cases, lonely="average")
    oms.scores(cases, lonely="certainty", test="wald")
    assert_type(oms.scores(cases, df="design", complement="known", breakdowns=None), oms.Scores)
    oms.scores(cases, rule="mean")  # type: ignore[arg-type]
    oms.scores(cases, lonely="ignore")  # type: ignore[arg-type]
    oms.scores(cases, interval="wilson")  # type: ignore[arg-type]
    assert_type(oms.scores(cases, interval="effective", test="wald"), oms.Scores)
    made = oms.scores(cases, test="permutation", permutations=999, seed=1)
    assert_type(made, oms.Scores)
    oms.scores(cases, test="permutation", permutations="all")  # type: ignore[arg-type]
    oms.scores(cases, test="fisher")  # type: ignore[arg-type]
    oms.scores(cases, df=12)  # type: ignore[arg-type]
    oms.scores(cases, complement="rest")  # type: ignore[arg-type]
    oms.scores(cases, breakdowns=5)  # type: ignore[arg-type]


def the_programme_of_2011() -> None:
    assert_type(oms.omi2.load_synthetic(), oms.CaseSet)
    assert_type(oms.omi2.FRAMEWORK, oms.Framework)
    assert_type(oms.omi2.FRAMEWORK.question("induction"), oms.Question)
    assert_type(oms.omi2.reproduce(), oms.omi2.Reproduction)
    assert_type(oms.omi2.reproduce().matched("n", 3), tuple[int, int])
    points = oms.omi2.main_points(oms.recompute(oms.omi2.load_synthetic()))
    assert_type(points, tuple[oms.omi2.MainPoint, ...])
    assert_type(points[0].point, Point)
    oms.omi2.reproduce().matched("p")  # type: ignore[arg-type]
    assert_type(oms.omi2.load_good_practice(), pa.Table)
    assert_type(oms.omi2.read_good_practice("text.txt", encoding="cp1252"), pa.Table)
    assert_type(oms.omi2.THEMES["alcohol"], oms.omi2.Theme)
    oms.omi2.read_good_practice(b"text.txt")  # type: ignore[arg-type]


def what_is_drawn_again_is_a_table(cases: oms.CaseSet) -> None:
    found = oms.max_t(cases, breakdowns=["gender"], within="unit", fixed_n=True)
    assert_type(found, Resampled)
    assert_type(found.table, pa.Table)
    assert_type(found.to_pandas(), pd.DataFrame)
    assert_type(oms.bootstrap(cases, of="scores", resample="units").to_polars(), pl.DataFrame)
    oms.max_t(cases, within="units")  # type: ignore[arg-type]
    oms.bootstrap(cases, of="points")  # type: ignore[arg-type]


def many_tests_are_adjusted() -> None:
    assert_type(oms.stats.adjust([0.01, 0.2], "holm"), npt.NDArray[np.float64])
    oms.stats.ADJUSTMENTS.register("as they are", lambda p: p)
    found = oms.forensics.survivors([60], [100], [80], [100], ["**"], adjustment="bh")
    assert_type(found, oms.forensics.Survivors)
    assert_type(found.least, int)
    assert_type(oms.omi2.survivors(), pa.Table)


def who_the_cases_are(cases: oms.CaseSet, breakdown: oms.Breakdown) -> None:
    types = oms.MultiValued("types", ["physical", "learning"], indicator=("disability", "yes"))
    assert_type(types.levels, tuple[str, ...])
    found = oms.characteristics(cases, ["gender", types, breakdown, oms.omi2.Gender], by="unit")
    assert_type(found, Characteristics)
    assert_type(found.cases, dict[str, int])
    assert_type(found.to_polars(), pl.DataFrame)
    oms.characteristics(cases, oms.omi2.ANNEX_1)
    oms.characteristics(cases, by="region")  # type: ignore[arg-type]
    oms.age_group(["1985-02-28"], "2010-01-01", ["10-14", "15-17"], highest=20)
    beside = oms.representativeness(cases, cases, of=["gender"], boosted=["risk_of_harm"])
    assert_type(beside, Representativeness)
    assert_type(beside.to_pandas(), pd.DataFrame)
    oms.representativeness(cases, cases, lonely="ignore")  # type: ignore[arg-type]
    oms.representativeness(cases, cases, of=[types])  # type: ignore[list-item]
    assert_type(oms.omi2.with_invented_characteristics(cases, seed=1), oms.CaseSet)


def samples_are_planned_drawn_and_weighted(caseload: oms.CaseSet) -> None:
    quotas = {"risk_of_harm": {"high": 0.4}, "gender": {"female": 20}}
    plan = oms.plan_sample(caseload, size={"A": 160}, keep=["gender"], least=2)
    oms.plan_sample(caseload, size=160, at_least=quotas)
    oms.plan_sample(caseload, half_width={"A": 0.05}, p=0.8, confidence=0.9)
    oms.plan_sample(caseload, size=160, at_least={"gender": {None: 1, "female": {"A": 20}}})
    assert_type(plan, oms.sampling.SamplePlan)
    assert_type(oms.plan_sample(caseload, half_width=0.06, give_way=True).table, pa.Table)
    assert_type(plan.draw(seed=2011), oms.CaseSet)
    weighed = oms.design_weights(plan.draw(1), caseload, cells=("risk_of_harm",), least=2)
    assert_type(weighed, oms.sampling.DesignWeights)
    assert_type(weighed.cases, oms.CaseSet)
    assert_type(weighed.merged, tuple[tuple[tuple[str | None, ...], ...], ...])
    assert_type(oms.omi2.CASELOAD, oms.Framework)
    assert_type(oms.omi2.simulate(2, sizes=(500, 900)), oms.CaseSet)
    plan.draw()  # type: ignore[call-arg]
    oms.plan_sample(caseload, size="160")  # type: ignore[arg-type]
    oms.plan_sample(caseload, size=160, give_way="yes")  # type: ignore[arg-type]


def printed_tables_are_rounded_in_some_way() -> None:
    found = oms.forensics.infer_rounding(["12.5", "33.3"], [8, 3], n_at_most=[True, False])
    assert_type(found, oms.forensics.InferredRounding)
    assert_type(found.possible, tuple[str, ...])
    counts = oms.forensics.attainable(12, 8, 50, 8, rounding="half-even", decimals=0)
    assert_type(counts.roundings, tuple[str, ...])
    assert_type(counts.reason, npt.NDArray[np.str_])
    oms.forensics.difference_behind(12, 8, 50, 8, weighted=True)
    oms.forensics.attainable(12, 8, 50, 8, decimals="1")  # type: ignore[arg-type]


def printed_differences_are_bounded() -> None:
    found = oms.forensics.difference_behind(58, 171, 67, 1266)
    assert_type(found, oms.forensics.DifferenceBehind)
    assert_type(found.low, npt.NDArray[np.float64])
    assert_type(oms.omi2.comparisons(confidence=0.9, level=0.01), pa.Table)


def graded_answers_programmes_and_ratings() -> None:
    question = oms.Question("a", "A", levels=["yes", "no"], sufficient="yes", asked_if={"b": "x"})
    assert_type(question.answers, tuple[str, ...])
    framework = oms.Framework("f", [question], not_answered="left out", blank="not answered")
    oms.Framework("f", [question], not_answered="ignored")  # type: ignore[arg-type]
    cases = oms.CaseSet.from_data({}, framework=framework)
    assert_type(cases.with_cut(["yes"]), oms.CaseSet)
    assert_type(cases.with_not_answered("not sufficient"), oms.CaseSet)
    found = oms.levels(cases, breakdowns=["sex", ("sex", "risk")])
    assert_type(found, oms.Levels)
    assert_type(found.cuts(), pa.Table)
    programme = oms.programmes.load("youth_justice")
    assert_type(programme, oms.programmes.Programme)
    assert_type(oms.programmes.names(), tuple[str, ...])
    assert_type(programme.unit, str)
    assert_type(programme.breaks, Mapping[str, str])
    assert_type(programme.load_cases(), oms.CaseSet)
    assert_type(programme.rating, oms.RatingRule | None)
    rule = oms.RatingRule.percentages(["low", "high"], [50])
    assert_type(oms.ratings(oms.scores(cases, by="unit"), rule), oms.Ratings)
    chances = oms.stats.band_probabilities(14, 0.72, [0.5, 0.65, 0.8])
    assert_type(chances, oms.stats.BandProbabilities)
    assert_type(oms.stats.cases_for_band(0.72, [0.5]), oms.stats.BandSize)
    oms.stats.band_probabilities(14, 0.72, [0.65], population=[20, 40])
    needed = oms.stats.cases_for_band([0.72, 0.65], [0.65], 0.8, population=200)
    assert_type(needed.n, npt.NDArray[np.float64])
    assert_type(needed.reason, npt.NDArray[np.str_])
    assert_type(oms.RatingRule.from_dict({"bands": []}, items=["1.1"]), oms.RatingRule)
    assert_type(rule.cuts, tuple[float, ...])
    oms.ratings(scores=oms.scores(cases), rule=rule, caseload={"A": 40}, given={"A": {"s": "low"}})
    oms.ratings(oms.scores(cases), rule, given={"A": "low"})  # type: ignore[dict-item]
    scores = oms.scores(cases, by="unit", test="permutation", permutations=99, seed=1)
    assert_type(scores.compare(scores), Change)


def exports_read_by_a_mapping() -> None:
    mapping = oms.mappings.load("youth_justice")
    assert_type(mapping, oms.mappings.CaseMapping)
    cases = oms.read_cases("export.csv", mapping, layout="export")
    assert_type(cases, oms.CaseSet)
    assert_type(cases.treatment, Treatment | None)
    found = oms.mappings.check("export.csv", programme="youth_justice")
    assert_type(found, oms.mappings.Check)
    assert_type(found.mapping, oms.mappings.CaseMapping)
    assert_type(found.ready, bool)
    assert_type(found.to_toml(), str)
    assert_type(mapping.layouts["export"].questions, dict[str, oms.mappings.QuestionColumn])
    oms.read_cases("export.csv", 3)  # type: ignore[arg-type]
