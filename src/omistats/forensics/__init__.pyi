# Public names of `omistats.forensics` and the modules that define them.

from omistats.forensics.attainable_counts import Attainable as Attainable, attainable as attainable
from omistats.forensics.difference_bounds import (
    DifferenceBehind as DifferenceBehind,
    difference_behind as difference_behind,
)
from omistats.forensics.printed_figures import (
    InferredRounding as InferredRounding,
    infer_rounding as infer_rounding,
)
from omistats.forensics.surviving_stars import Survivors as Survivors, survivors as survivors
