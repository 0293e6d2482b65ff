# Public names of `omistats.omi2` and the modules that define them.

from omistats.omi2.breakdowns import (
    STANDARD as STANDARD,
    AgeGroup as AgeGroup,
    Disability as Disability,
    Ethnicity as Ethnicity,
    Gender as Gender,
    RiskOfHarm as RiskOfHarm,
    SupervisionType as SupervisionType,
)
from omistats.omi2.cases import (
    load_synthetic as load_synthetic,
    with_invented_characteristics as with_invented_characteristics,
)
from omistats.omi2.framework import (
    ANNEX_1 as ANNEX_1,
    CASELOAD as CASELOAD,
    DEMONSTRATION as DEMONSTRATION,
    DISABILITY_TYPES as DISABILITY_TYPES,
    FRAMEWORK as FRAMEWORK,
    PUBLISHED_SCORES as PUBLISHED_SCORES,
    PublishedScore as PublishedScore,
)
from omistats.omi2.glossary import (
    GLOSSARY as GLOSSARY,
    Glossary as Glossary,
    Mention as Mention,
    Term as Term,
)
from omistats.omi2.good_practice.index import (
    THEMES as THEMES,
    Theme as Theme,
    load_good_practice as load_good_practice,
)
from omistats.omi2.good_practice.publication import read_good_practice as read_good_practice
from omistats.omi2.good_practice.search import Practice as Practice, practice as practice
from omistats.omi2.printed_comparisons import comparisons as comparisons, survivors as survivors
from omistats.omi2.printed_contradictions import (
    Contradiction as Contradiction,
    contradictions as contradictions,
)
from omistats.omi2.published import (
    TABLES as TABLES,
    Table as Table,
    load_published as load_published,
)
from omistats.omi2.reproduction import (
    ComparedCell as ComparedCell,
    MainPoint as MainPoint,
    Reproduction as Reproduction,
    main_points as main_points,
    reproduce as reproduce,
)
from omistats.omi2.simulation import simulate as simulate
from omistats.omi2.units import (
    AFFIXES as AFFIXES,
    TRUSTS as TRUSTS,
    UNITS as UNITS,
    Inspection as Inspection,
    regions as regions,
    trusts as trusts,
    with_fieldwork as with_fieldwork,
)
