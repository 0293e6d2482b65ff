# Public names of `omistats.sampling` and the modules that define them.

from omistats.sampling.plan import SamplePlan as SamplePlan, plan_sample as plan_sample
from omistats.sampling.weights import (
    DesignWeights as DesignWeights,
    design_weights as design_weights,
)
