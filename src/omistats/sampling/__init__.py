"""Samples of caseloads: how large, of whom, drawn how, and what each case then weighs."""

from __future__ import annotations

from omistats.sampling.plan import SamplePlan, plan_sample
from omistats.sampling.weights import DesignWeights, design_weights

__all__ = ["DesignWeights", "SamplePlan", "design_weights", "plan_sample"]
