"""The pages for contributors stay short; what they show is executed with all other pages."""

from __future__ import annotations

import re

import pytest

PAGES = ("add-a-breakdown", "add-a-method", "add-an-engine")


@pytest.mark.parametrize("page", PAGES)
def test_a_contribution_takes_under_thirty_lines(repository, page):
    text = (repository / "docs" / "project" / f"{page}.md").read_text(encoding="utf-8")
    lines = re.findall(r"^(?:>>>|\.\.\.) ?(.*\S)", text, re.MULTILINE)
    assert 5 < len(lines) < 30
    # Whoever skips a step would not be told: nothing on these pages is left out.
    assert "skip:" not in text


@pytest.mark.parametrize("page", PAGES)
def test_every_file_that_a_page_names_is_there(repository, page):
    text = (repository / "docs" / "project" / f"{page}.md").read_text(encoding="utf-8")
    new = {"src/omistats/breakdowns/began_in.py", "tests/breakdowns/test_began_in.py"}
    named = set(re.findall(r"(?<![\w/.-])((?:src|tests|docs)/[\w./-]*\w)", text)) - new
    assert len(named) > 3
    assert [name for name in sorted(named) if not (repository / name).exists()] == []
