"""Broken folders of programmes: one report names file, line and rule."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Iterator
from datetime import date
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
from tests.programmes.made_up import MADE_UP, write

import omistats as oms

# Internal: cases of any programme, and where the keys of a file are.
from omistats.programmes.simulation import simulate_cases
from omistats.programmes.toml_files import read_toml

SHIPPED = Path(oms.__file__).parent / "programmes"


def problems(folder: Path) -> str:
    with pytest.raises(oms.DataError) as caught:
        oms.programmes.load(folder)
    return str(caught.value)


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        (
            "framework",
            '"four", "five"]\n\n[[str',
            '"four", "five"',
            "framework.toml line 7: must be TOML; found Unclosed array",
        ),
        (
            "framework",
            'levels = ["one", "two", "three", "four", "five"]',
            'levels = ["one", "two", "two", "four", "five"]',
            r"framework.toml line 6, scales.stars.levels: levels must be distinct; found 'two'",
        ),
        (
            "framework",
            'levels = ["one", "two", "three", "four", "five"]',
            'levels = ["five", "one", "four", "two", "three"]',
            "line 7, scales.stars.sufficient: the sufficient ones of ordered levels are the first",
        ),
        (
            "framework",
            'sufficient = ["four", "five"]',
            'sufficient = ["four", "six"]',
            "scales.stars.sufficient: the cut must name levels of the question",
        ),
        (
            "framework",
            'asked_if = { size = "large" }',
            'asked_if = { sise = "large" }',
            "line 42, questions[2].asked_if of lift: a condition must name a characteristic",
        ),
        (
            "framework",
            'asked_if = { size = "large" }',
            'asked_if = { size = "huge" }',
            "levels of size are 'small', 'large'",
        ),
        (
            "framework",
            'asked_if = { size = "large" }',
            'asked_if = { lift_signed = "sufficient" }',
            "no question may wait for its own answer; found lift",
        ),
        ("framework", 'scale = "stars"', 'scale = "star"', "did you mean 'stars'"),
        ("framework", 'headlines = ["service"]', 'headline = ["service"]', "'headlines'"),
        ("framework", 'not_answered = "not sufficient"', 'not_answered = "no"', "`not_answered`"),
        ("framework", 'label = "Open late"', "label = 5", r"questions\[1\].label: must be text"),
        ("framework", '[[questions]]\nid = "welcome"', '[[question]]\nid = "x"', "'questions'"),
        ("units", 'id = "central"', 'id = "east"', "units.toml line 5, units[1].id: ids must be"),
        ("rating", "from = 60", "from = 70", "rating.toml line 8, bands[1].from: must begin where"),
        ("rating", "from = 60", "from = 50", "Bands overlap there"),
        (
            "rating",
            'name = "good"\nfrom = 60',
            'name = "good"\nfrom = 60\n\n[[standards]]\nid = "s"\nitems = ["servise"]',
            "rating.toml line 12, standards[0].items[0]: must be an item of the framework",
        ),
        ("programme", "format = 1", "format = 2", "line 1, format: format must be 1; found 2"),
        ("programme", "format = 1", "", "must say its format"),
        ("programme", 'name = "library_visits"', "", "programme.toml: needs a name"),
    ],
)
def test_what_is_broken_is_named_with_file_and_line(tmp_path, file, old, new, message):
    text = MADE_UP[f"{file}.toml"]
    assert old in text
    found = problems(write(tmp_path, **{file: text.replace(old, new, 1)}))
    assert message.replace("\\", "") in found, found


def test_one_report_lists_the_problems_of_all_files(tmp_path):
    folder = write(
        tmp_path,
        framework=MADE_UP["framework.toml"].replace('"four", "five"]\n', '"six"]\n', 1),
        units=MADE_UP["units.toml"].replace('"central"', '"east"'),
        rating=MADE_UP["rating.toml"].replace("from = 60", "from = 61"),
    )
    found = problems(folder)
    for file in ("framework.toml", "units.toml", "rating.toml"):
        assert file in found


def test_what_is_no_folder(tmp_path):
    assert "no such folder" in problems(tmp_path / "nowhere")
    (tmp_path / "a.txt").write_text("x")
    assert "a programme is a folder" in problems(tmp_path / "a.txt")
    assert "must be in the folder" in problems(tmp_path)
    with pytest.raises(oms.UnknownNameError, match="did you mean 'omi2'"):
        oms.programmes.load("omi3")
    with pytest.raises(oms.UsageError, match="a name or a path"):
        oms.programmes.load(5)  # type: ignore[arg-type]


def test_two_programmes_of_one_name(monkeypatch):
    points = [
        metadata.EntryPoint(name, value, "omistats.programmes")
        for name, value in (("omi2", "omistats"), ("visits", "omistats"), ("visits", "attrs"))
    ]
    monkeypatch.setattr(metadata, "entry_points", lambda **_: points)
    with pytest.raises(oms.DataError) as caught:
        oms.programmes.names()
    assert [problem.where for problem in caught.value.problems] == ["omi2", "visits"]
    with pytest.raises(oms.DataError, match="a name is that of one programme"):
        oms.programmes.load("visits")
    # The others can be loaded.
    assert oms.programmes.load("youth_justice").name == "youth_justice"


def test_a_programme_of_an_installed_package(monkeypatch, tmp_path):
    package = tmp_path / "made_up_package"
    (package / "data").mkdir(parents=True)
    for path in (package, package / "data"):
        (path / "__init__.py").write_text("raise RuntimeError('was run')")
    write(package / "data")
    points = [
        metadata.EntryPoint(name, value, "omistats.programmes")
        for name, value in (
            ("library_visits", "made_up_package.data"),
            ("other_name", "made_up_package.data"),
            ("gone", "made_up_package.gone"),
            ("not_installed", "no_such_package.data"),
        )
    ]
    monkeypatch.setattr(metadata, "entry_points", lambda **_: points)
    monkeypatch.syspath_prepend(tmp_path)
    assert oms.programmes.names()[-4:] == ("library_visits", "other_name", "gone", "not_installed")
    assert oms.programmes.load("library_visits").folder == package / "data"
    for name, message in (
        ("other_name", r"programme.toml line 2, name: .* offered as 'other_name' must have that"),
        ("gone", "gone: must have a folder; found the package made_up_package.gone"),
        ("not_installed", "must have a folder"),
    ):
        with pytest.raises(oms.DataError, match=message):
            oms.programmes.load(name)


@pytest.mark.parametrize(
    ("file", "change", "messages"),
    [
        (
            "framework",
            {'label = "The lift works"': 'label = "The lift works"\nlevels = ["a", "a"]'},
            ["line 41, questions[2].levels of lift: levels must be distinct; found 'a'"],
        ),
        (
            "framework",
            {'scale = "stars"': 'scale = "stars"\nsufficient = ["four"]'},
            ["line 31, questions[0].sufficient: a question has a scale or levels of its own"],
        ),
        (
            "framework",
            {'id = "lift_signed"': 'id = "lift"', 'asked_if = { lift = "sufficient" }': ""},
            ["line 44, questions[3]: questions and strata need distinct names; found 'lift'"],
        ),
        (
            "framework",
            {'id = "open_late"': 'id = "unit"'},
            ["line 33, questions[1]: these names are reserved; found 'unit'"],
        ),
        (
            "framework",
            {'blank = "not applicable"': 'blank = "nothing"'},
            ["line 2, blank: `blank` must be one of 'not applicable', 'not answered'"],
        ),
        (
            "framework",
            {
                'not_answered = "not sufficient"': "",
                'blank = "not applicable"': 'blank = "not answered"',
            },
            ["line 1, blank: blanks that are not answered need a policy"],
        ),
        (
            "framework",
            {'breakdowns = ["size", "town"]': 'breakdowns = ["size", "twon", "size"]'},
            [
                "line 3, breakdowns[1]: must be a breakdown; found unknown breakdown 'twon'; did",
                "line 3, breakdowns[2]: must be named once",
            ],
        ),
        (
            "framework",
            {'asked_if = { size = "large" }': 'asked_if = { lift_signed = "sufficient" }'},
            ["asked_if of lift: no question may wait for its own answer; found lift"],
        ),
        (
            "framework",
            {'levels = ["small", "large"]': 'levels = ["small", "small"]'},
            ["line 11, strata[0].levels of size: "],
        ),
        (
            "framework",
            {'breakdowns = ["size", "town"]': 'breakdowns = [["size", "twon"], ["size"], [5]]'},
            [
                "line 3, breakdowns[0][1]: must be a breakdown; found unknown breakdown 'twon'",
                "line 3, breakdowns[1]: a cross must name two or more different breakdowns",
                "line 3, breakdowns[2][0]: must be text; found 5",
            ],
        ),
        # What is misspelt does not hide what is wrong elsewhere.
        (
            "framework",
            {
                'label = "Open late"': 'label = "Open late"\nlable = ""',
                'size = "large"': 'size = "x"',
            },
            ["questions[1].lable: must be a known key", "asked_if of lift: levels of size are"],
        ),
        (
            "framework",
            {"asked_if = { size": "printed = [[1]]\nasked_if = { size"},
            ["questions[2].printed: must be pairs"],
        ),
        ("units", {'id = "east"': 'id = "all"'}, ["line 2, units[0].id: 'all' stands for all"]),
        ("rating", {"from = 0\n": 'from = 0\n"a[b" = 1\n'}, ["rating.toml line 4, bands[0].a[b"]),
        ("rating", {"[[bands]]": '"a[b" = 1\n[[bands]]'}, ["rating.toml line 1, a[b: must be"]),
        ("programme", {'version = "2030"': "version = 2030"}, ["line 4, version: must be text"]),
        ("programme", {'note = "Made': 'note = "Ma\\de'}, ["programme.toml line 5: must be TOML"]),
        ("programme", {"format = 1": f"format = 1\nx = {'1' * 5000}"}, ["must be TOML"]),
        ("programme", {"format = 1": f"format = 1\nx = {'[' * 9999}"}, ["must be TOML"]),
    ],
)
def test_more_that_is_wrong(tmp_path, file, change, messages):
    text = MADE_UP[f"{file}.toml"].lstrip("\n")
    for old, new in change.items():
        assert old in text
        text = text.replace(old, new, 1)
    found = problems(write(tmp_path, **{file: text}))
    for message in messages:
        assert message in found, found
    assert found.startswith(f"{len(messages)} problem"), found


def test_what_is_wrong_does_not_hide_what_is_wrong_elsewhere(tmp_path):
    """Of a wrong scale, label, stratum and provenance, only what rests on them is not judged."""
    text = MADE_UP["framework.toml"].lstrip("\n")
    for old, new in {
        'sufficient = ["four", "five"]': 'sufficient = ["six"]',
        'breakdowns = ["size", "town"]': 'breakdowns = ["sizes", "town"]',
        'levels = ["north", "south", "west"]': 'levels = ["north", "north"]',
        'label = "Open late"\nheadlines = ["service", "place"]': (
            'label = 5\nheadlines = ["nowhere"]\nasked_if = { welcome = "five", town = "west" }'
        ),
        'asked_if = { size = "large" }': 'asked_if = { sise = "large" }\nprovenance = "guessed"',
        'label = "Place"': "label = 5",
        'asked_if = { lift = "sufficient" }': 'asked_if = [{ welcome = "x" }, { lift = "x" }]',
    }.items():
        assert old in text
        text = text.replace(old, new, 1)
    rating = MADE_UP["rating.toml"].replace("from = 60", "from = 61")
    found = problems(write(tmp_path, framework=text, rating=rating))
    for message in (
        "line 7, scales.stars.sufficient: the cut must name levels",
        "line 3, breakdowns[0]: must be a breakdown; found unknown breakdown 'sizes'",
        "strata[1].levels of town: levels must be distinct",
        "items[1].label: must be text; found 5",
        "questions[1].label: must be text; found 5",
        "questions[1] of open_late: a link must name an item of the framework; found nowhere",
        "questions[2].asked_if of lift: a condition must name a characteristic or a question",
        "questions[2] of lift: provenance must be one of",
        "questions[3].asked_if of lift_signed: levels of lift are 'sufficient'",
        "rating.toml line 8, bands[1].from: must begin where",
    ):
        assert message in found, found
    assert found.startswith("11 problems"), found


def test_an_item_that_no_question_feeds_cannot_be_rated(tmp_path):
    """A section is fed by the questions of its criteria."""
    framework = (
        MADE_UP["framework.toml"]
        + """
[[items]]
id = "2"
level = "section"
label = "Two"

[[items]]
id = "2.1"
level = "criterion"
label = "Two, one"
parent = "2"
"""
    )
    rating = MADE_UP["rating.toml"] + '\n[[standards]]\nid = "s"\nitems = ["place", "2", "2.1"]\n'
    found = problems(write(tmp_path, framework=framework, rating=rating))
    assert found.startswith("2 problems")
    assert (
        "rating.toml line 12, standards[0].items[1]: must be an item that questions feed; "
        "found '2', to which no question is linked. Link one to it, or take it out."
    ) in found
    assert "standards[0].items[2]" in found
    linked = framework.replace(
        'headlines = ["service"]', 'headlines = ["service"]\ncriterion = "2.1"'
    )
    programme = oms.programmes.load(write(tmp_path, framework=linked, rating=rating))
    cases = simulate_cases(programme.framework, programme.units, cases=50)
    assert len(oms.ratings(oms.scores(cases, by="unit"), programme.rating)) == 2


def test_bytes_that_are_no_text(tmp_path):
    folder = write(tmp_path)
    path = folder / "units.toml"
    path.write_bytes(b'[[units]]\nid = "caf\xe9"\n')
    assert "units.toml line 2: must be UTF-8; found the byte 0xe9" in problems(folder)
    path.write_bytes(b'\xef\xbb\xbf[[units]]\r\nid = "a"\r\n')
    assert oms.programmes.load(folder).units == (oms.Unit("a"),)


def test_a_text_that_is_no_path():
    assert "no such folder" in problems("a/\0")
    assert "no such folder" in problems("a/" + "x" * 9999)


# --- where keys are ------------------------------------------------------------------------------

AWKWARD = """
note = '''
[not_a_table]
key = "no key"
'''
"quoted \\u0041" = 1
[ a . "b.c" ]
x.y = [ # a comment ] [x]
  [1, 2],
  ["]", \"\"\"
[[no_table]]
\\\"\"\"\"\"]
]
[[t]]
id = {p = [1,
2], q.r = 3}
[[t.u]]
k = 1
[[t.u]]
k = 2
[[t]]
[[t.u]]
k = 3
[t.u.deep]
z = 2024-01-01
"""


def test_lines_of_keys_in_awkward_files(tmp_path):
    path = tmp_path / "awkward.toml"
    path.write_text(AWKWARD)
    file = read_toml(path)
    assert file.lines == {
        ("note",): 2,
        ("quoted A",): 6,
        ("a", "b.c"): 7,
        ("a", "b.c", "x", "y"): 8,
        ("a", "b.c", "x", "y", 0): 9,
        ("a", "b.c", "x", "y", 0, 0): 9,
        ("a", "b.c", "x", "y", 0, 1): 9,
        ("a", "b.c", "x", "y", 1): 10,
        ("a", "b.c", "x", "y", 1, 0): 10,
        ("a", "b.c", "x", "y", 1, 1): 10,
        ("t", 0): 14,
        ("t", 0, "id"): 15,
        ("t", 0, "id", "p"): 15,
        ("t", 0, "id", "p", 0): 15,
        ("t", 0, "id", "p", 1): 16,
        ("t", 0, "id", "q", "r"): 16,
        ("t", 0, "u", 0): 17,
        ("t", 0, "u", 0, "k"): 18,
        ("t", 0, "u", 1): 19,
        ("t", 0, "u", 1, "k"): 20,
        ("t", 1): 21,
        ("t", 1, "u", 0): 22,
        ("t", 1, "u", 0, "k"): 23,
        ("t", 1, "u", 0, "deep"): 24,
        ("t", 1, "u", 0, "deep", "z"): 25,
    }
    assert file.where("t", 1, "u", 0, "deep", "none") == "awkward.toml line 24, t[1].u[0].deep.none"


def paths(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    if not isinstance(value, dict | list):
        return
    for key, entry in value.items() if isinstance(value, dict) else enumerate(value):
        yield (*path, key)
        yield from paths(entry, (*path, key))


# Tables that are named only in the headers of those within them.
HEADLESS = (("scales",), ("codes",), ("layouts",))


@pytest.mark.parametrize(
    "path", sorted(SHIPPED.glob("*/*.toml")), ids=lambda path: "/".join(path.parts[-2:])
)
def test_every_key_of_a_shipped_file_is_on_its_line(path):
    file = read_toml(path)
    text = path.read_text().splitlines()
    lists = {p[:-1] for p in paths(file.data) if isinstance(p[-1], int)}
    for place in paths(file.data):
        if place in file.lines:
            key = next(part for part in reversed(place) if isinstance(part, str))
            assert key in text[file.lines[place] - 1] or place[:-1] in lists, place
        else:
            # Named only by what is in it.
            assert place in lists or place in HEADLESS, place


# --- anything in the place of anything -----------------------------------------------------------

ODD = [
    5,
    -1.5,
    math.nan,
    True,
    "",
    "  ",
    "odd",
    [],
    ["odd"],
    [5],
    [[]],
    {},
    {"odd": 5},
    date(2030, 1, 2),
]


def as_toml(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{as_key(k)} = {as_toml(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(as_toml, value)) + "]"
    if isinstance(value, bool):
        return str(value).lower()
    return as_key(value) if isinstance(value, str) else str(value)


def as_key(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


def changed(value: Any, path: tuple[str | int, ...], new: Any) -> Any:
    """Return a copy with another value at a path."""
    if not path:
        return new
    copied = value.copy()
    copied[path[0]] = changed(value[path[0]], path[1:], new)
    return copied


@pytest.mark.parametrize("name", ["programme", "framework", "units", "rating"])
def test_an_odd_value_anywhere_is_read_or_reported_with_its_line(tmp_path, name):
    data = tomllib.loads(MADE_UP[f"{name}.toml"])
    if name == "rating":
        data |= tomllib.loads((SHIPPED / "youth_justice/rating.toml").read_text())
        for standard in data["standards"]:
            standard.pop("items", None)
    if name == "programme":
        data["breaks"] = {"2029": "New questions."}
        data["unit"] = "library"
    file = write(tmp_path) / f"{name}.toml"
    for place in paths(data):
        for odd in ODD:
            other = changed(data, place, odd)
            # A key on each line.
            file.write_text("".join(f"{as_key(k)} = {as_toml(v)}\n" for k, v in other.items()))
            lines = {f"{file.name} line {i}" for i in range(1, len(other) + 1)}
            try:
                oms.programmes.load(tmp_path)
            except oms.DataError as error:
                for problem in error.problems:
                    where = problem.where.partition(",")[0].partition(" of ")[0]
                    # Only what is not there at all, and what needs it, has no line.
                    assert where in lines or "need" in problem.rule or "must say" in problem.rule
                    assert len(str(problem)) < 500


def test_a_circle_is_told_with_the_problems_of_other_questions(tmp_path):
    text = MADE_UP["framework.toml"].replace(
        'asked_if = { size = "large" }', 'asked_if = { lift_signed = "sufficient" }'
    )
    rating = MADE_UP["rating.toml"] + '\n[[standards]]\nid = "s"\nitems = ["servise"]\n'
    framework = text.replace('label = "Open late"', "label = 5")
    found = problems(write(tmp_path, framework=framework, rating=rating))
    assert "framework.toml line 35, questions[1].label: must be text; found 5" in found
    assert "framework.toml line 42, questions[2].asked_if of lift: no question may wait" in found
    assert "rating.toml line 12, standards[0].items[0]: must be an item of the framework" in found
    assert found.count("\n") == 3


def test_a_folder_named_as_no_programme_is_hinted_at(tmp_path, monkeypatch):
    write(tmp_path)
    folder = tmp_path / "library_visits"
    folder.mkdir()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(oms.UnknownNameError, match=r"folder of that name: pass './library_visits'"):
        oms.programmes.load("library_visits")
    for name in ("nowhere", "a" * 5000, "a\0b"):
        with pytest.raises(oms.UnknownNameError) as caught:
            oms.programmes.load(name)
        assert "folder of that name" not in str(caught.value)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("below = 60", f"below = {10**400}", "line 4, bands[0].below: must be a percentage"),
        ("below = 60", "below = inf", "line 4, bands[0].below: must be a percentage"),
        ("from = 60", "from = [[60]]", "line 8, bands[1].from: must be a percentage"),
        ("from = 60", "from = 60\npoints = nan", "line 9, bands[1].points: must be a whole"),
        ('name = "good"', 'name = [["good"]]', "line 7, bands[1].name: must be text"),
        ("from = 60", 'from = 60\n"\\u001b[2J" = 1', r"bands[1].'\x1b[2J': must be a key"),
    ],
)
def test_odd_values_of_a_rating_are_told_on_their_line(tmp_path, old, new, message):
    found = problems(write(tmp_path, rating=MADE_UP["rating.toml"].replace(old, new, 1)))
    assert message in found
    assert found.replace("\n", "").isprintable()


def test_printed_rows_must_be_whole_numbers(tmp_path):
    for value in ("[[inf, 1]]", "[[1.5, 1]]", "[[[1], 1]]", "[1]", "[[true, 1]]", "[[1, 2, 3]]"):
        text = MADE_UP["framework.toml"].replace(
            'label = "Open late"', f'label = "Open late"\nprinted = {value}'
        )
        found = problems(write(tmp_path, framework=text))
        assert "line 36, questions[1].printed: must be pairs of the numbers" in found


@pytest.mark.parametrize(
    ("new", "message"),
    [
        ("[[standar.ds]]\nid = 1", "rating.toml line 10, standar: must be a key that is known"),
        (f"most_points = {'1' * 5000}", "rating.toml line 10: must be TOML; found a whole number"),
        ('provenance = """a', "rating.toml line 10: must be TOML; found Unterminated string"),
    ],
)
def test_what_has_no_line_of_its_own_has_one(tmp_path, new, message):
    found = problems(write(tmp_path, rating=MADE_UP["rating.toml"].rstrip() + "\n\n" + new))
    assert message in found
