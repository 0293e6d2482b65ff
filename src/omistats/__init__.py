"""Inspection case assessments into findings people can stand behind."""

from __future__ import annotations

from omistats import omi2
from omistats.breakdowns.base import Breakdown
from omistats.breakdowns.groups import Split
from omistats.counting.count import tally
from omistats.counting.tally import Tally
from omistats.errors import DataError, OmistatsError, Problem, UnknownNameError, UsageError
from omistats.findings.compute import recompute
from omistats.findings.findings import Findings
from omistats.findings.points import Point
from omistats.forensics.attainable_counts import Attainable, attainable
from omistats.forensics.difference_bounds import DifferenceBehind, difference_behind
from omistats.forensics.surviving_stars import Survivors, survivors
from omistats.inference.options import Inference
from omistats.kernel.chi_square import Comparison
from omistats.kernel.compare import GROUP_TESTS, TESTS, compare, compare_groups
from omistats.kernel.effects import (
    DIFFERENCES,
    ODDS_RATIOS,
    RISK_RATIOS,
    Effect,
    difference,
    odds_ratio,
    risk_ratio,
)
from omistats.kernel.equivalence import Equivalence, equivalence
from omistats.kernel.intervals import INTERVALS, Interval, interval
from omistats.kernel.multiplicity import ADJUSTMENTS, adjust
from omistats.kernel.planning import (
    Detectable,
    Power,
    SampleSize,
    detectable,
    power,
    sample_for_precision,
    sample_size,
)
from omistats.kernel.ratio import Ratio, ratio
from omistats.kernel.small_numbers import SmallNumbers
from omistats.kernel.stratified import Stratified, stratified
from omistats.kernel.survey import WeightedComparison, compare_weighted
from omistats.kernel.trend import Trend, trend
from omistats.model.case_set import CaseSet
from omistats.model.framework import Framework, Item, Link, Question, Stratum
from omistats.model.units import Unit, UnitMatches, match_units
from omistats.omi2.breakdowns import (
    STANDARD,
    AgeGroup,
    Disability,
    Ethnicity,
    Gender,
    RiskOfHarm,
    SupervisionType,
)
from omistats.profiles.age_groups import age_group
from omistats.profiles.characteristics import Characteristics, characteristics
from omistats.profiles.multi_valued import Several
from omistats.profiles.representativeness import Representativeness, representativeness
from omistats.resampling.bootstrap import bootstrap
from omistats.resampling.common import Resampled
from omistats.resampling.max_t import max_t
from omistats.sampling.plan import SamplePlan, plan_sample
from omistats.sampling.weights import DesignWeights, design_weights
from omistats.scoring.compute import scores
from omistats.scoring.result import Scores
from omistats.scoring.score_tally import ScoreTally
from omistats.scoring.sources import score_tally
from omistats.scoring.unit_comparison import UnitComparison
from omistats.scoring.weaknesses import Weaknesses

__all__ = [
    "ADJUSTMENTS",
    "DIFFERENCES",
    "GROUP_TESTS",
    "INTERVALS",
    "ODDS_RATIOS",
    "RISK_RATIOS",
    "STANDARD",
    "TESTS",
    "AgeGroup",
    "Attainable",
    "Breakdown",
    "CaseSet",
    "Characteristics",
    "Comparison",
    "DataError",
    "DesignWeights",
    "Detectable",
    "DifferenceBehind",
    "Disability",
    "Effect",
    "Equivalence",
    "Ethnicity",
    "Findings",
    "Framework",
    "Gender",
    "Inference",
    "Interval",
    "Item",
    "Link",
    "OmistatsError",
    "Point",
    "Power",
    "Problem",
    "Question",
    "Ratio",
    "Representativeness",
    "Resampled",
    "RiskOfHarm",
    "SamplePlan",
    "SampleSize",
    "ScoreTally",
    "Scores",
    "Several",
    "SmallNumbers",
    "Split",
    "Stratified",
    "Stratum",
    "SupervisionType",
    "Survivors",
    "Tally",
    "Trend",
    "Unit",
    "UnitComparison",
    "UnitMatches",
    "UnknownNameError",
    "UsageError",
    "Weaknesses",
    "WeightedComparison",
    "__version__",
    "adjust",
    "age_group",
    "attainable",
    "bootstrap",
    "characteristics",
    "compare",
    "compare_groups",
    "compare_weighted",
    "design_weights",
    "detectable",
    "difference",
    "difference_behind",
    "equivalence",
    "interval",
    "match_units",
    "max_t",
    "odds_ratio",
    "omi2",
    "plan_sample",
    "power",
    "ratio",
    "recompute",
    "representativeness",
    "risk_ratio",
    "sample_for_precision",
    "sample_size",
    "score_tally",
    "scores",
    "stratified",
    "survivors",
    "tally",
    "trend",
]


__version__ = "0.1.0"
