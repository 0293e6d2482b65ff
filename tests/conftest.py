"""Profiles of Hypothesis, and fixtures of every test."""

from __future__ import annotations

import os
from importlib.metadata import version
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# Reproducible where it gates a change, and not at the mercy of a slow machine.
settings.register_profile(
    "ci",
    derandomize=True,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
# Enough to see that a version of a dependency is unlike another.
settings.register_profile("few", settings.get_profile("ci"), max_examples=20)
settings.register_profile("dev", deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "dev"))

SOURCES = "OMISTATS_SOURCES"


def pytest_configure() -> None:
    # A mistyped folder must not turn into tests quietly left out.
    given = os.environ.get(SOURCES)
    if given and not Path(given).is_dir():
        msg = f"{SOURCES} is not a folder: {given}"
        raise pytest.UsageError(msg)


def pytest_report_header() -> list[str]:
    used = ("numpy", "scipy", "attrs", "pyarrow", "narwhals")
    return [
        ", ".join(f"{name} {version(name)}" for name in used),
        f"publications: {os.environ.get(SOURCES) or f'not at hand ({SOURCES} is not set)'}",
    ]


@pytest.fixture(scope="session")
def repository() -> Path:
    """The root of the checkout."""
    return Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def sources() -> Path:
    """The folder with the publications' plain text, which is not ours to distribute."""
    given = os.environ.get(SOURCES)
    if not given:
        pytest.skip(f"needs the publications' text; set {SOURCES} to its folder")
    return Path(given)
