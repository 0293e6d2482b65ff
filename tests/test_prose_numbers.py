"""Numbers in the prose of the pages are computed there, or printed by a source, or accounted for.

A number in the running text of a page must stand in a block that is executed on the same page, in
its code or in its output. Failing that it is of a class below, or docs/numbers.toml gives the
reason why it may stand there. Numbers in words count from eleven on. What this sees is that the
number is on the page: whether the sentence around it is right is for readers.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

import omistats as oms

ROOT = Path(__file__).resolve().parents[1]
PAGES = ["README.md", *sorted(str(p.relative_to(ROOT)) for p in (ROOT / "docs").rglob("*.md"))]
PAGES = [p for p in PAGES if not p.startswith("docs/_build/")]
ACCOUNTED: dict[str, dict[str, Any]] = tomllib.loads(
    (ROOT / "docs" / "numbers.toml").read_text("utf-8")
)

NUMBER = re.compile(r"(?<![\w.])\d+(?:[,_]\d{3})*(?:\.\d+)*(?!\w)")
FENCE = re.compile(
    r"^(?P<tick>```+)(?P<kind>[^\n]*)\n(?P<body>.*?)^(?P=tick)[ ]*$", re.MULTILINE | re.DOTALL
)
EXECUTED = ("python",)
# Their text is prose, as are captions and what a figure says to those who cannot see it.
PROSE_DIRECTIVES = ("{eval-rst}", "{warning}", "{admonition}", "{note}", "{glossary}")

_TEENS = [
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
]
_TENS = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
_ONES = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
# Up to ten a word is a way of speaking.
WORDS = {word: value for value, word in enumerate(_TEENS, 11)}
WORDS |= {word: 10 * value for value, word in enumerate(_TENS, 2)}
WORDS |= {
    f"{ten}-{one}": 10 * tens + ones
    for tens, ten in enumerate(_TENS, 2)
    for ones, one in enumerate(_ONES, 1)
}
WORDS |= {"hundred": 100, "thousand": 1_000, "million": 1_000_000}
IN_WORDS = re.compile(
    rf"\b({'|'.join(sorted(WORDS, key=len, reverse=True))})\b",
    re.IGNORECASE,
)

# What is stripped is no number that anything could compute: markup, names, places in a text.
NOT_PROSE = [
    r"(?s:<!--.*?-->)",
    r"^%.*$",  # comments, and lines that the build replaces
    r"(?s:\$\$.*?\$\$)",
    r"(?<!\$)\$[^$\n]+\$",
    r"\{[a-z:]+\}`[^`]*`",  # roles: citations, terms, references
    r":[a-z:]+:`[^`]*`",
    r"``[^`]*``|`[^`]*`",
    r"(?<=\])\([^)\s]*\)",  # where links lead
    r"https?://\S+",
    r"^\([\w-]+\)=$",
    r"^\s*\d+\. ",  # of a list
    r"^\s*:(?!alt:)[\w-]+:.*$",  # options of directives
    r"^\s*\.\. (?:auto\w+|plot|py:\w+|currentmodule)::.*$",
]
_ROWS = r"\d{1,2}(?![\d,.%]*\d|%)"
_AND = r"(?:, | and |-|–| to )"
NAMES = [
    r"\b[Oo]ne (?:\w+ )?in twenty\b",  # the level of 5%
    r"\bOMI 2\b",
    rf"\b[Tt]ables? {_ROWS}(?:{_AND}{_ROWS})*",
    r"\b[Ss]ection \d\b",
    r"\b[Aa]nnex \d\b",
    rf"\b[Cc]riteri(?:on|a) \d\.\d(?:{_AND}\d\.\d)*",
    r"\bPython 3\.\d+",
]
# The ends of proportions and percentages, and the smallest counts.
ENDS = "0 1 2 100"
# Conventional levels and confidences, as proportions and in percent.
LEVELS = "5 0.1 95 99 0.05 0.01 0.001"
# The report's year, cases, Trust areas inspected and Trusts.
REPORT = "2011 2213 15 35"
# What the library knows of it: questions, inspections, comparisons, and rows of its tables.
KNOWN = "75 36 441 451"
ALWAYS = set(f"{ENDS} {LEVELS} {REPORT} {KNOWN}".split())


def plain(number: str) -> str:
    """Write a number in one way: 1,266 and 1266, 0.50 and 0.5 are the same."""
    number = number.replace(",", "").replace("_", "")
    if number.count(".") == 1:
        number = number.rstrip("0").rstrip(".")
    return number


def numbers(text: str) -> set[str]:
    """Give the numbers of a text."""
    in_words = {str(WORDS[word.lower()]) for word in IN_WORDS.findall(text)}
    return {plain(n) for n in NUMBER.findall(text)} | in_words


def read(page: str) -> str:
    """Give a page, with the files that it includes."""
    path = ROOT / page

    def included(match: re.Match[str]) -> str:
        return (path.parent / match[1]).read_text("utf-8")

    return re.sub(
        r"^```\{include\} (\S+)\n.*?```$", included, path.read_text("utf-8"), flags=re.MULTILINE
    )


def executed(text: str) -> str:
    """Give the code and the output of what is executed on a page."""
    return "\n".join(m["body"] for m in FENCE.finditer(text) if m["kind"] in EXECUTED)


def prose(text: str) -> str:
    """Give what a page says beside its code, formulae, markup and names."""

    def kept(match: re.Match[str]) -> str:
        kind, _, title = match["kind"].partition(" ")
        return f"{title}\n{prose(match['body'])}" if kind in PROSE_DIRECTIVES else ""

    text = FENCE.sub(kept, text)
    for pattern in [*NOT_PROSE, *NAMES]:
        text = re.sub(pattern, " ", text, flags=re.MULTILINE)
    return text


def uncomputed(page: str) -> set[str]:
    """Give the numbers that a page states, does not compute, and that are of no class."""
    text = read(page)
    return numbers(prose(text)) - numbers(executed(text)) - ALWAYS


def accounts(key: str) -> list[tuple[str, str, str]]:
    """Give page, number and file of what is accounted for by a file."""
    return [
        (page, number, reason[key])
        for page, entries in ACCOUNTED.items()
        for number, reason in entries.items()
        if isinstance(reason, dict) and key in reason
    ]


@pytest.mark.parametrize("page", PAGES)
def test_every_number_in_prose_is_computed_or_accounted_for(page: str) -> None:
    left = uncomputed(page) - set(ACCOUNTED.get(page, {}))
    assert not left, (
        f"{page} states {', '.join(sorted(left))}: compute it in a block of the page, leave it "
        "out, or say in docs/numbers.toml where it is from"
    )


@pytest.mark.parametrize("page", ACCOUNTED)
def test_nothing_is_accounted_for_that_need_not_be(page: str) -> None:
    assert page in PAGES
    assert set(ACCOUNTED[page]) - uncomputed(page) == set()


def test_every_account_is_a_reason_or_a_place() -> None:
    for entries in ACCOUNTED.values():
        for number, reason in entries.items():
            assert number == plain(number)
            if isinstance(reason, dict):
                assert list(reason) in (["in"], ["printed"]), number
            else:
                assert len(reason) > 10, number


@pytest.mark.parametrize(("page", "number", "file"), accounts("in"))
def test_a_number_is_where_it_is_said_to_be(page: str, number: str, file: str) -> None:
    text = (ROOT / file).read_text("utf-8")
    assert number in numbers(executed(text) if file.endswith(".md") else text)


def test_a_number_is_printed_by_the_publication_that_is_named(sources: Path) -> None:
    printed = {"report": "aggregate_findings_2011.txt", "examples": "good_practice_examples.txt"}
    texts = {name: numbers((sources / file).read_text("utf-8")) for name, file in printed.items()}
    found = {(page, number): number in texts[name] for page, number, name in accounts("printed")}
    assert [place for place, there in found.items() if not there] == []
    assert set(REPORT.split()) - texts["report"] == set()


def test_what_the_library_knows_of_the_report_is_counted() -> None:
    survives = oms.omi2.comparisons()["survives"].to_pylist()
    compared = sum(found is not None for found in survives)
    counts = [len(oms.omi2.FRAMEWORK.questions), len(oms.omi2.UNITS), compared, len(survives)]
    assert [str(count) for count in counts] == KNOWN.split()


def test_what_is_prose_and_what_is_executed() -> None:
    page = """# 11 things
Ninety-nine and twenty-six, one in twenty, in seventeen of a million.
Some 1,234 cases of `12`, $13$, {cite:p}`x14`, [a 15 b](c16.md), Table 17 and 0.50.

$$
18
$$

```python
>>> 19 + 1
20
```

```bash
run 21
```

```{eval-rst}
.. plot:: x22.py
   :alt: 23 dots.
   :width: 24

   Of 25.
```
"""
    assert numbers(prose(page)) == {
        "11",
        "1234",
        "99",
        "26",
        "17",
        "1000000",
        "15",
        "0.5",
        "23",
        "25",
    }
    assert numbers(executed(page)) == {"19", "1", "20"}
