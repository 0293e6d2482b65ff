# Public names of `omistats.stats` and the modules that define them.

from omistats.kernel.bands import (
    BandProbabilities as BandProbabilities,
    BandSize as BandSize,
    band_probabilities as band_probabilities,
    cases_for_band as cases_for_band,
)
from omistats.kernel.chi_square import Comparison as Comparison
from omistats.kernel.compare import (
    GROUP_TESTS as GROUP_TESTS,
    TESTS as TESTS,
    compare as compare,
    compare_groups as compare_groups,
)
from omistats.kernel.effects import (
    DIFFERENCES as DIFFERENCES,
    ODDS_RATIOS as ODDS_RATIOS,
    RISK_RATIOS as RISK_RATIOS,
    Effect as Effect,
    difference as difference,
    odds_ratio as odds_ratio,
    risk_ratio as risk_ratio,
)
from omistats.kernel.equivalence import Equivalence as Equivalence, equivalence as equivalence
from omistats.kernel.intervals import (
    INTERVALS as INTERVALS,
    Interval as Interval,
    interval as interval,
)
from omistats.kernel.multiplicity import ADJUSTMENTS as ADJUSTMENTS, adjust as adjust
from omistats.kernel.planning import (
    Detectable as Detectable,
    Power as Power,
    SampleSize as SampleSize,
    detectable as detectable,
    power as power,
    sample_for_precision as sample_for_precision,
    sample_size as sample_size,
)
from omistats.kernel.ratio import Ratio as Ratio, ratio as ratio
from omistats.kernel.stratified import Stratified as Stratified, stratified as stratified
from omistats.kernel.survey import (
    WeightedComparison as WeightedComparison,
    compare_weighted as compare_weighted,
)
from omistats.kernel.trend import Trend as Trend, trend as trend
