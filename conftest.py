"""Executes the Python examples of the README and the documentation."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from sybil import Sybil
from sybil.parsers.myst import DocTestDirectiveParser, PythonCodeBlockParser, SkipParser

PLUGIN = Path(__file__).parent / "tests" / "plugin" / "omistats-tenure"
PLUGIN_PAGE = "docs/how-to/own-breakdown.md"

PARSERS = [SkipParser(), PythonCodeBlockParser(), DocTestDirectiveParser()]


@pytest.fixture(scope="session")
def plugin_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The documentation's plugin package, built and installed in a folder of its own."""
    folder = tmp_path_factory.mktemp("plugin")
    quiet = ["--quiet", "--disable-pip-version-check", "--no-index", "--no-deps"]
    arguments = ["install", *quiet, "--no-build-isolation", "--target", str(folder), str(PLUGIN)]
    done = subprocess.run(  # noqa: S603  # our own interpreter and our own folder
        [sys.executable, "-m", "pip", *arguments], capture_output=True, text=True, check=False
    )
    if done.returncode:
        pytest.fail(done.stdout + done.stderr)
    return folder


@pytest.fixture
def plugin_on_path(plugin_folder: Path) -> Iterator[None]:
    """The plugin, installed as far as this interpreter can tell."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(plugin_folder))
        yield
    for name in [n for n in sys.modules if n.startswith("omistats_tenure")]:
        del sys.modules[name]


pages = Sybil(
    parsers=PARSERS,
    patterns=["README.md", "docs/*.md", "docs/**/*.md"],
    excludes=["docs/_build/**", PLUGIN_PAGE],
)
plugin_page = Sybil(parsers=PARSERS, patterns=[PLUGIN_PAGE], fixtures=["plugin_on_path"])

pytest_collect_file = (pages + plugin_page).pytest()
