"""Inspection case assessments into findings people can stand behind."""

from __future__ import annotations

from omistats import omi2
from omistats.breakdowns import (
    STANDARD,
    AgeGroup,
    Breakdown,
    Disability,
    Ethnicity,
    Gender,
    RiskOfHarm,
    SupervisionType,
)
from omistats.characteristics import (
    Characteristics,
    Representativeness,
    Several,
    age_group,
    characteristics,
    representativeness,
)
from omistats.counting import tally
from omistats.errors import DataError, OmistatsError, Problem, UnknownNameError, UsageError
from omistats.findings import Findings
from omistats.forensics import (
    Attainable,
    DifferenceBehind,
    Survivors,
    attainable,
    difference_behind,
    survivors,
)
from omistats.inference import Inference
from omistats.kernel.clustered import Ratio, ratio
from omistats.kernel.comparison_methods import GROUP_TESTS, TESTS
from omistats.kernel.differences import DIFFERENCES
from omistats.kernel.face import (
    Detectable,
    Effect,
    Equivalence,
    Interval,
    Power,
    SampleSize,
    Stratified,
    Trend,
    WeightedComparison,
    adjust,
    compare,
    compare_groups,
    compare_weighted,
    detectable,
    difference,
    equivalence,
    interval,
    odds_ratio,
    power,
    risk_ratio,
    sample_for_precision,
    sample_size,
    stratified,
    trend,
)
from omistats.kernel.intervals import INTERVALS
from omistats.kernel.multiplicity import ADJUSTMENTS
from omistats.kernel.relative import ODDS_RATIOS, RISK_RATIOS
from omistats.kernel.significance import Comparison
from omistats.kernel.small_numbers import SmallNumbers
from omistats.model.cases import CaseSet
from omistats.model.framework import Framework, Item, Link, Question
from omistats.model.naming import UnitMatches, match_units
from omistats.model.strata import Stratum
from omistats.model.units import Unit
from omistats.publish.points import Point
from omistats.recompute import recompute
from omistats.resampling import Resampled, bootstrap, max_t
from omistats.sampling import DesignWeights, SamplePlan, design_weights, plan_sample
from omistats.scores import Scores, ScoreTally, UnitComparison, Weaknesses, score_tally, scores
from omistats.tallies import Split, Tally

__version__ = "0.1.0"

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
