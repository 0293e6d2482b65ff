# Public names of `omistats.programmes` and the modules that define them.

from omistats.programmes.programme import (
    Programme as Programme,
    load as load,
    names as names,
)
