"""Every page of the methodology has all its parts: formula, assumptions, example, limits, checks.

What the parts say is for readers, and examples are executed with all other pages; here the parts
have to be there, and what they name has to exist.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "docs" / "methodology"
# One is the way in, the other is made by the build.
PAGES = sorted({page.stem for page in FOLDER.glob("*.md")} - {"index", "references"})
KEYS = set(
    re.findall(r"^@\w+\{([\w-]+),", (ROOT / "docs/references.bib").read_text("utf-8"), re.MULTILINE)
)

FENCED = re.compile(
    r"^[ ]*(```+)(?P<kind>[^\n]*)\n(?P<body>.*?)^[ ]*\1[ ]*$", re.MULTILINE | re.DOTALL
)
TEST_FILE = re.compile(r"`((?:tests|benchmarks)/[\w./-]+|test_\w+\.py)`")


def sections(text: str) -> dict[str, str]:
    """Give what stands under each heading of the second level, code blocks left out."""
    without_code = FENCED.sub("", text)
    parts = re.split(r"^## +(.+?) *$", without_code, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def under(text: str, *headings: str) -> str:
    """Give what stands under the first of the headings that is there; nothing if none is."""
    found = sections(text)
    return next((found[heading].strip() for heading in headings if heading in found), "")


def examples(text: str) -> list[str]:
    """Give the blocks that are executed and show something."""
    blocks = [m["body"] for m in FENCED.finditer(text) if m["kind"] == "python"]
    shown = re.compile(r"^ *>>> .*\n(?: *\.\.\. ?.*\n)*(?! *>>>| *\.\.\.) *\S", re.MULTILINE)
    return [body for body in blocks if shown.search(body)]


def formula(text: str) -> bool:
    return "$" in under(text, "Formula", "Formulas")


def assumptions(text: str) -> bool:
    return bool(under(text, "What it assumes"))


def example(text: str) -> bool:
    return bool(examples(text))


def failures(text: str) -> bool:
    return bool(under(text, "When it fails"))


def practice(text: str) -> bool:
    return bool(under(text, "What omistats does"))


def oracle(text: str) -> bool:
    """A file of tests is named, and nothing that is not there."""
    named = TEST_FILE.findall(under(text, "Checked against"))
    paths, folder = [], ""
    for name in named:
        # A bare name is of the folder named before it.
        paths.append(name if "/" in name else f"{folder}/{name}")
        folder = paths[-1].rpartition("/")[0]
    tests = [path for path in paths if re.fullmatch(r"tests/(?:\w+/)*test_\w+\.py", path)]
    return bool(tests) and all((ROOT / path).exists() for path in paths)


def code(text: str) -> bool:
    """Modules are named, and all of them can be imported."""
    line = re.search(r"^In the code: (.+)$", text, re.MULTILINE)
    names = re.findall(r"(?<!\})`(omistats(?:\.\w+)+)`", line[1]) if line else []
    for name in names:
        importlib.import_module(name)
    return bool(names)


def sources(text: str) -> bool:
    cited = re.findall(r"\{cite:\w+\}`([^`]+)`", text)
    keys = {key.strip() for one in cited for key in one.split(",")}
    return bool(keys) and keys <= KEYS


def words(text: str) -> bool:
    """A word of the glossary is linked; the build refuses one that is not there."""
    return bool(re.search(r"\{term\}`[^`]+`", FENCED.sub("", text)))


PARTS: dict[str, Callable[[str], bool]] = {
    "formula": formula,
    "assumptions": assumptions,
    "example": example,
    "failures": failures,
    "practice": practice,
    "oracle": oracle,
    "code": code,
    "sources": sources,
    "words": words,
}


def lacking(text: str) -> list[str]:
    """List the parts that a page has not."""
    return [name for name, there in PARTS.items() if not there(text)]


@pytest.mark.parametrize("page", PAGES)
def test_every_part_is_there(page: str) -> None:
    text = (FOLDER / f"{page}.md").read_text("utf-8")
    assert lacking(text) == []


def test_all_pages_are_looked_at() -> None:
    index = (FOLDER / "index.md").read_text("utf-8")
    tree = re.search(r"```\{toctree\}\n(.*?)```", index, re.DOTALL)
    assert tree
    named = {line for line in tree[1].split() if not line.startswith(":")}
    assert {*PAGES, "references"} == named


COMPLETE = """\
# A page

A {term}`case` is counted {cite:p}`wilson1927`.

## Formula

$k / n$

## What it assumes

Cases.

## Example

```python
>>> 1 + 1
2
```

## When it fails

Seldom.

## What omistats does

This.

## Checked against

A recount (`tests/kernel/test_proportion.py`, `test_intervals.py`).

In the code: `omistats.kernel.intervals`.
"""

DAMAGE = [
    ("formula", "$k / n$", "The share."),
    ("formula", "## Formula\n", "## How\n"),
    ("assumptions", "## What it assumes\n\nCases.", "## What it assumes"),
    ("assumptions", "## What it assumes", "### What it assumes"),
    ("example", "```python", "```text"),
    ("example", "\n2\n", "\n"),
    ("failures", "## When it fails\n\nSeldom.\n", ""),
    ("practice", "## What omistats does\n\nThis.\n", ""),
    ("oracle", "(`tests/kernel/test_proportion.py`, `test_intervals.py`)", ""),
    ("oracle", "test_proportion.py", "test_proportions.py"),
    ("oracle", "`test_intervals.py`", "`test_interval.py`"),
    (
        "oracle",
        "`tests/kernel/test_proportion.py`, `test_intervals.py`",
        "`benchmarks/test_exact.py`",
    ),
    ("oracle", "## Checked against", "## Checked"),
    ("code", "In the code: ", "In the code is "),
    ("code", "`omistats.kernel.intervals`", "proportions"),
    ("sources", "{cite:p}`wilson1927`", "by Wilson"),
    ("sources", "wilson1927", "wilson1972"),
    ("words", "{term}`case`", "case"),
]


def test_a_complete_page_lacks_nothing() -> None:
    assert lacking(COMPLETE) == []


@pytest.mark.parametrize(("part", "old", "new"), DAMAGE)
def test_a_part_that_is_missing_is_found(part: str, old: str, new: str) -> None:
    assert COMPLETE.count(old) == 1
    assert lacking(COMPLETE.replace(old, new)) == [part]


def test_a_module_that_is_not_there_is_found() -> None:
    with pytest.raises(ModuleNotFoundError):
        lacking(COMPLETE.replace("kernel.proportion`", "kernel.proportions`"))
