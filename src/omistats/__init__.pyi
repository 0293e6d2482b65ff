# Public names of omistats and the modules that define them.

from omistats import (
    forensics as forensics,
    mappings as mappings,
    omi2 as omi2,
    programmes as programmes,
    sampling as sampling,
    stats as stats,
)
from omistats.breakdowns.base import Breakdown as Breakdown
from omistats.counting.count import tally as tally
from omistats.counting.tally import Tally as Tally
from omistats.errors import (
    DataError as DataError,
    OmistatsError as OmistatsError,
    Problem as Problem,
    UnknownNameError as UnknownNameError,
    UsageError as UsageError,
)
from omistats.findings.compute import recompute as recompute
from omistats.findings.findings import Findings as Findings
from omistats.findings.levels import Levels as Levels, levels as levels
from omistats.inference.options import Inference as Inference
from omistats.kernel.small_numbers import SmallNumbers as SmallNumbers
from omistats.mappings.read import read_cases as read_cases
from omistats.model.case_set import CaseSet as CaseSet
from omistats.model.framework import (
    Framework as Framework,
    Item as Item,
    Link as Link,
    Question as Question,
    Stratum as Stratum,
)
from omistats.model.rating_rule import RatingRule as RatingRule
from omistats.model.units import Unit as Unit, match_units as match_units
from omistats.profiles.age_groups import age_group as age_group
from omistats.profiles.characteristics import characteristics as characteristics
from omistats.profiles.multi_valued import MultiValued as MultiValued
from omistats.profiles.representativeness import representativeness as representativeness
from omistats.resampling.bootstrap import bootstrap as bootstrap
from omistats.resampling.max_t import max_t as max_t
from omistats.sampling.plan import plan_sample as plan_sample
from omistats.sampling.weights import design_weights as design_weights
from omistats.scoring.compute import scores as scores
from omistats.scoring.ratings import Ratings as Ratings, ratings as ratings
from omistats.scoring.result import Scores as Scores
from omistats.scoring.score_tally import ScoreTally as ScoreTally
from omistats.scoring.sources import score_tally as score_tally

__version__: str
