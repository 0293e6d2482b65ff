"""The public types as a user's checker sees them, read from the installed package, never run."""

from __future__ import annotations

from typing import assert_type

import omistats as oms


def errors_form_one_family(error: oms.DataError) -> None:
    caught: oms.OmistatsError = error
    assert_type(error.problems, tuple[oms.Problem, ...])
    assert_type(str(caught), str)
