"""One Spark for all tests."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from tests.engines.spark.session import local_session

OPTIONS = {
    "spark.ui.showConsoleProgress": "false",
    "spark.log.level": "OFF",
    # Compiling a query takes longer than running it on a handful of rows.
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.adaptive.enabled": "false",
}


@pytest.fixture(scope="session")
def spark() -> Iterator[Any]:
    """Two threads on this machine."""
    session = local_session(**OPTIONS)
    yield session
    session.stop()
