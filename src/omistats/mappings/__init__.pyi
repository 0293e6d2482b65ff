# Public names of `omistats.mappings` and the modules that define them.

from omistats.mappings.export_check import Check as Check, check as check
from omistats.mappings.mapping import (
    AgeRules as AgeRules,
    CaseMapping as CaseMapping,
    Characteristic as Characteristic,
    KeptColumn as KeptColumn,
    Layout as Layout,
    QuestionColumn as QuestionColumn,
    Rules as Rules,
    UnitNames as UnitNames,
)
from omistats.mappings.mapping_file import load as load
