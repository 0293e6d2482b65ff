"""Reader of the publication, on an invented one and, if available, on the real one."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings, strategies as st

import omistats as oms

# Internal: how the ids of inspections are made of names.
from omistats.model.units import slug
from omistats.omi2.good_practice import publication as reading
from omistats.omi2.good_practice.index import KnownExample, known_examples
from omistats.omi2.good_practice.publication import (
    CRITERIA,
    NEAR,
    Passages,
    distances,
    fingerprint,
    split_passages,
    words,
)

PUBLICATION = "good_practice_examples.txt"

SYLLABLES = [c + v for c in "bdfgklmnprstvz" for v in "aeiou"]


def nonsense(seed: int, count: int = 90) -> str:
    draw = random.Random(seed)
    return " ".join("".join(draw.choices(SYLLABLES, k=draw.randint(1, 4))) for _ in range(count))


def wrapped(text: str, width: int = 8) -> str:
    every = text.split()
    return " \n".join(" ".join(every[i : i + width]) for i in range(0, len(every), width))


def example(seed: int, name: str = "") -> str:
    return f"{wrapped(nonsense(seed))} \n\n" + (f"{name} \n\n" if name else "")


def heading(criterion: str) -> str:
    return (
        f" {criterion} General Criterion: SOMETHING IN \nCAPITALS (THAT GOES ON) \n"
        "Words of ours that say what it is about, \nover two lines. \n\n"
    )


# Contents of an invented publication: criterion, and the printed name below an example, if any.
LAYOUT = [
    ("1.1", ["North & South", "West Riding"]),
    ("1.2", ["", "North & South", "West Riding"]),
    ("2.1", ["East", "North & South", "", "", "West Riding"]),
    ("2.2", ["East", "West Riding"]),
]


def invented() -> tuple[str, list[KnownExample]]:
    """Make a publication of invented words, and its index for the reader."""
    text, known, seed = "", [], 0
    for criterion in CRITERIA:
        text += "OMI2 Good Practice Examples 7 \n" + heading(criterion)
        run: list[tuple[str, int]] = []
        for i, name in enumerate(dict(LAYOUT).get(criterion, []), 1):
            seed += 1
            run.append((f"{criterion}-{i:02}", seed))
            text += example(seed, name) + "*** \n\n"
            if name:
                for id, s in run:
                    mark = fingerprint(nonsense(s))
                    known.append(
                        KnownExample(id, criterion, slug(name), len(words(nonsense(s))), mark)
                    )
                run = []
        if criterion not in dict(LAYOUT):
            text += "No examples stand here. \n\n*** \n"
    return text + " Summary of reports published \n\nEast\n", known


@pytest.fixture
def mine(monkeypatch: pytest.MonkeyPatch) -> str:
    """An invented publication that replaces the real one."""
    text, known = invented()
    index = pa.table({"id": [k.id for k in known], "unit": [k.unit for k in known]})
    monkeypatch.setattr(reading, "known_examples", lambda: tuple(known))
    monkeypatch.setattr(reading, "load_good_practice", lambda: index)
    return text


@pytest.fixture
def read(tmp_path: Path) -> Callable[[str], pa.Table]:
    def read(text: str) -> pa.Table:
        path = tmp_path / "publication.txt"
        path.write_bytes(text.encode("utf-8"))
        return oms.omi2.read_good_practice(path)

    return read


def problems(read: Callable[[str], pa.Table], text: str) -> dict[str, list[str]]:
    with pytest.raises(oms.DataError) as caught:
        read(text)
    found: dict[str, list[str]] = {}
    for p in caught.value.problems:
        found.setdefault("file" if p.where.endswith(".txt") else p.where, []).append(p.found)
        assert p.hint
    return found


class TestInvented:
    def test_every_example_has_its_text(self, mine, read):
        found = read(mine)
        assert found.column_names == ["id", "unit", "text"]
        assert found["text"].to_pylist() == [nonsense(s) for s in range(1, 13)]
        assert found["unit"].to_pylist()[2:5] == ["north-south", "north-south", "west-riding"]

    @pytest.mark.parametrize(
        "change",
        [
            lambda t: t.replace("\n", "\r\n"),
            lambda t: t.replace("\n", "\r"),
            lambda t: "\ufeff" + t,
            lambda t: t.replace("OMI2 Good", "\fOMI2 Good"),
            lambda t: t.replace("***", "* * *"),
            lambda t: t.replace("***", "\u2217\u2217\u2217"),
            lambda t: t.replace("***", "--------"),
            lambda t: t.replace("***", "  ____  "),
            lambda t: t.replace("OMI2 Good Practice Examples 7 \n", ""),
            lambda t: t.replace("*** \n", "*** \n\n 12 \n\f\n"),
            lambda t: re.sub(r"(?m)^(\w+ \w+ \w+ .*)$", r"OMI2 Good Practice Examples 9\n\1", t),
            lambda t: t.replace(" \n", "   \n").replace(" ", "  "),
            lambda t: t.replace("*** \n", "*** \n*** \n"),
            lambda t: t.replace("\n\nNorth & South", "\n North and South"),
            lambda t: "Contents\n 1.1 General Criterion: SOMETHING 7\n\nForeword\n\n" + t,
            lambda t: t.replace("(THAT GOES ON) \n", "(THAT GOES ON) \n\n"),
            lambda t: t[: t.index(" Summary")],
            lambda t: "Title\n***\nForeword\n-----\n" + t + "-----\nGlossary\n",
            lambda t: t.replace("OMI2 Good", "_________\nOMI2 Good"),
        ],
        ids=[
            "crlf",
            "cr",
            "mark",
            "form feeds",
            "spaced",
            "operators",
            "dashes",
            "rules",
            "no furniture",
            "page numbers",
            "furniture within",
            "spaces",
            "separators twice",
            "names",
            "front matter",
            "blank line",
            "no end matter",
            "rules in front and end matter",
            "rules above running heads",
        ],
    )
    def test_other_renderings_read_alike(self, mine, read, change):
        changed = change(mine)
        assert changed != mine
        assert read(changed).equals(read(mine))

    def test_hyphens_of_words_stay_and_soft_ones_go(self, mine, read):
        every = nonsense(1).split()
        parted = f"{every[0]}-\n{every[1]} pre- and so\u00ad\nft so\u00adft {' '.join(every[2:])}"
        changed = mine.replace(wrapped(nonsense(1)), parted)
        text = read(changed)["text"][0].as_py()
        assert text.startswith(f"{every[0]}-{every[1]} pre- and soft soft {every[2]}")

    def test_a_missing_example_is_named(self, mine, read):
        at = mine.index(example(8))  # 2.1-03, first of a run of three
        found = problems(read, mine[:at] + mine[mine.index("***", at) + 4 :])
        assert found == {"criterion 2.1": ["4 of them, missing 2.1-03 (west-riding)"]}

    def test_everything_in_a_missing_stretch_is_named(self, mine, read):
        """Pages from the middle of 1.2-03 to the middle of 2.1-02."""
        a = mine.index(wrapped(nonsense(5))) + 300
        b = mine.index(wrapped(nonsense(7))) + 300
        found = problems(read, mine[:a] + mine[b:])
        assert found["criterion 1.2"] == ["2 of them, missing 1.2-03 (west-riding)"]
        gone = "no heading; 0 of them, missing 2.1-01 to 2.1-05 (east, north-south, west-riding)"
        assert found["criterion 2.1"] == [gone]
        rest = [f"2.1-0{i} on line {self.line(mine[:a] + mine[b:], 5 + i)}" for i in (3, 4, 5)]
        assert found["file"] == [", ".join(rest), f"other text on line {self.line(mine, 5)}"]

    @staticmethod
    def line(text: str, seed: int) -> int:
        return text[: text.index(wrapped(nonsense(seed)))].count("\n") + 1

    def test_missing_ends_are_named(self, mine, read):
        found = problems(read, mine[: mine.index(wrapped(nonsense(12))) + 100])
        assert found["criterion 2.2"] == ["1 of them, missing 2.2-02 (west-riding)"]
        assert found["criterion 4.5"] == ["no heading"]
        assert found["file"] == [f"none after the text on line {self.line(mine, 12)}"]
        found = problems(read, mine[mine.index(wrapped(nonsense(2))) :])
        assert found["criterion 1.1"][0].startswith("no heading; 0 of them, missing 1.1-01 to 1.1")

    def test_an_inspection_without_examples_is_named(self, mine, read):
        kept = [c for c in mine.split("*** \n") if not c.rstrip().endswith("\nEast")]
        # The separators go with the examples; headings that stood above them go too.
        found = problems(read, "*** \n".join(kept) + "\nEast\n")
        assert found["inspections"] == ["2; none of the examples of east"]

    def test_repeated_pages_are_named(self, mine, read):
        a, b = mine.index(example(9)), mine.index("2.2 General")
        found = problems(read, mine[:b] + "*** \n" + mine[a:b] + mine[b:])
        assert [f.partition(" on")[0] for f in found.pop("file")[0].split(", ")] == [
            "repeated 2.1-04",
            "2.1-05",
        ]
        assert found == {}

    def test_a_lost_name_a_wrong_name_and_a_lost_heading(self, mine, read):
        lost = mine.replace(example(5, "West Riding"), example(5))
        assert problems(read, lost) == {"1.2-03": ["no name of an inspection"]}
        wrong = mine.replace(example(4, "North & South"), example(4, "East"))
        assert problems(read, wrong) == {"1.2-01, 1.2-02": ["east"]}
        unnamed = problems(read, mine.replace(heading("2.2"), ""))
        assert unnamed["criterion 2.2"][0].startswith("no heading; 0 of them")
        assert unnamed["file"][0].startswith("2.2-01 on line")

    def test_half_an_example_does_not_match(self, mine, read):
        half = wrapped(" ".join(nonsense(6).split()[:60]))
        found = problems(read, mine.replace(wrapped(nonsense(6)), half))
        assert [key for key in found if key in {"2.1-01", "criterion 2.1"}]

    def test_two_examples_run_together(self, mine, read):
        changed = mine.replace(example(11, "East") + "*** \n", example(11, "East"))
        found = problems(read, changed)
        assert "2.2-01" in " ".join(found["criterion 2.2"])

    @pytest.mark.parametrize(
        ("content", "said"),
        [
            (b"", "no known example among the 0 passages"),
            (b"Another document.\n***\nWith separators.\n***\n", "no known example among the 2"),
            (b"%PDF-1.7\n\x00\xff", "a PDF"),
            (b"good \x93words\x94", "byte 0x93 at position 5, not utf-8-sig"),
            ("words".encode("utf-16"), "byte 0xff at position 0"),
        ],
    )
    def test_another_document_raises(self, tmp_path, content, said):
        path = tmp_path / "other.txt"
        path.write_bytes(content)
        with pytest.raises(oms.DataError, match=said) as caught:
            oms.omi2.read_good_practice(path)
        assert len(caught.value.problems) == 1

    def test_a_path_without_a_file_raises(self, tmp_path):
        for path in (tmp_path / "none.txt", str(tmp_path), "a\0b"):
            with pytest.raises(oms.DataError, match="plain text"):
                oms.omi2.read_good_practice(path)
        for path in (5, b"text", None):
            with pytest.raises(oms.UsageError, match="`path` must be the path of a text file"):
                oms.omi2.read_good_practice(path)

    def test_another_encoding_must_be_passed(self, mine, tmp_path):
        path = tmp_path / "publication.txt"
        path.write_text(mine.replace(nonsense(1).split()[0], "caf\u00e9", 1), encoding="cp1252")
        with pytest.raises(oms.DataError, match=r"utf-8-sig.*`encoding`"):
            oms.omi2.read_good_practice(path)
        found = oms.omi2.read_good_practice(str(path), encoding="cp1252")
        assert "caf\u00e9" in found["text"][0].as_py()
        for wrong in ("paper", "hex", "a\0b", None, 8):
            with pytest.raises(oms.UsageError, match="unknown encoding"):
                oms.omi2.read_good_practice(path, encoding=wrong)
        with pytest.raises(oms.DataError, match="not utf-"):
            oms.omi2.read_good_practice(path, encoding="utf-16")


class TestPassages:
    @given(
        st.lists(
            st.sampled_from(
                ["some words here", "North & South", "***", "", "12", "2.1 General Criterion: A"]
            ),
            max_size=25,
        )
    )
    def test_every_line_of_words_is_in_a_passage(self, lines: list[str]) -> None:
        """A passage is closed or unclosed; only a heading's statement is in none."""
        found = split_passages("\n".join(lines), {"north-south"}.__contains__)
        text = " ".join(p.text for p in (*found.closed, *found.unclosed))
        taken = sum(f"\n{line}".count("some words here") for line in lines)
        if "2.1 General Criterion: A" not in lines:
            assert text.count("some words here") == taken
        assert found.separators == lines.count("***")
        assert all(p.text for p in found.closed)
        assert "***" not in text

    def test_a_run_belongs_to_the_name_that_closes_it(self):
        """Worked by hand on a text of four examples."""
        text = "A a\n***\nB b\n\nNorth\n***\nC c\n***\nD d\nSouth\n***\n"
        found = split_passages(text, {"north", "south"}.__contains__)
        assert [(p.text, p.unit) for p in found.closed] == [
            ("A a", "north"),
            ("B b", "north"),
            ("C c", "south"),
            ("D d", "south"),
        ]


class TestFingerprint:
    @settings(max_examples=30)
    @given(st.text(max_size=300), st.text(max_size=300))
    def test_distance_counts_differing_bits(self, a: str, b: str) -> None:
        found = distances([fingerprint(a), fingerprint(b)], [fingerprint(a), fingerprint(b)])
        assert (found.diagonal() == 0).all()
        assert (found == found.T).all()
        slow = bin(int.from_bytes(fingerprint(a), "big") ^ int.from_bytes(fingerprint(b), "big"))
        assert found[0, 1] == slow.count("1") <= 128

    def test_by_hand(self):
        """The fingerprint of one pair of words is its hash."""
        from hashlib import blake2b

        assert fingerprint("good practice") == blake2b(b"good practice", digest_size=16).digest()

    def test_examples_differ_by_more_than_renderings_do(self):
        known = known_examples()
        apart = distances([k.fingerprint for k in known], [k.fingerprint for k in known])
        index = oms.omi2.load_good_practice().to_pylist()
        first = {r["id"]: r["same_as"] or r["id"] for r in index}
        for i, a in enumerate(known):
            for j, b in enumerate(known[:i]):
                same = first[a.id] == first[b.id]
                assert (apart[i, j] <= 8) if same else (apart[i, j] > NEAR), (a.id, b.id)


@pytest.fixture(scope="module")
def text(sources: Path) -> str:
    return (sources / PUBLICATION).read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def whole(sources: Path) -> pa.Table:
    return oms.omi2.read_good_practice(sources / PUBLICATION)


class TestPublication:
    def test_the_table_is_the_index_with_texts(self, whole):
        index = oms.omi2.load_good_practice()
        assert whole.drop_columns("text").equals(index)
        assert whole.schema.metadata == index.schema.metadata
        assert whole["text"].null_count == 0

    def test_order_and_units_are_read_from_the_text(self, text):
        """Passages split without the index are in its order and have its units."""
        index = oms.omi2.load_good_practice().to_pylist()
        units = {r["unit"] for r in index}
        cut: Passages = split_passages(text, units.__contains__)
        assert cut.unclosed == ()
        counts: dict[str | None, int] = {}
        for passage, row, known in zip(cut.closed, index, known_examples(), strict=True):
            counts[passage.criterion] = counts.get(passage.criterion, 0) + 1
            assert passage.criterion == row["criterion"]
            assert (counts[passage.criterion], passage.unit) == (row["order"], row["unit"])
            # The fingerprints shipped are those of the text.
            assert (len(words(passage.text)), fingerprint(passage.text)) == (
                known.words,
                known.fingerprint,
            ), row["id"]

    def test_every_word_of_an_example_is_there(self, whole, text):
        """A crude recount: paragraphs between lines of asterisks, without headings and names."""
        mine = " ".join(whole["text"].to_pylist())
        body = text[: text.index("Summary of reports")]
        lines = [" ".join(line.split()) for line in body.split("\n")]
        absent = [x for x in lines if x and x != "***" and x.rstrip("-") not in mine]
        for line in absent:
            assert (
                re.match(r"\d\.|OMI2|No examples|Please note|inspections in", line)
                or line.isupper()
                or len(line) < 70
            ), line
        # Three lines to a heading with its statement, 16 of them; some take four or five.
        assert len(set(absent)) < 16 * 6 + 36

    def test_cross_listed_texts_are_alike(self, whole):
        """Another measure of similarity over all pairs finds the pairs of the index."""
        rows = whole.to_pylist()
        shingles = {r["id"]: self.triples(r["text"]) for r in rows}
        alike = {
            (a["id"], b["id"])
            for i, b in enumerate(rows)
            for a in rows[:i]
            if 2 * len(shingles[a["id"]] & shingles[b["id"]])
            > min(len(shingles[a["id"]]), len(shingles[b["id"]]))
        }
        first: dict[str, str] = {}
        for a, b in sorted(alike, key=lambda pair: (pair[1], pair[0])):
            first.setdefault(b, a)
        assert first == {r["id"]: r["same_as"] for r in rows if r["same_as"]}

    @staticmethod
    def triples(text: str) -> set[tuple[str, ...]]:
        every = words(text)
        return set(zip(every, every[1:], every[2:], strict=False))

    @pytest.mark.parametrize("seed", range(20))
    def test_any_missing_stretch_is_found(self, text, read, whole, seed):
        """Every example in the removed lines is named, and no other."""
        draw = random.Random(seed)
        lines = text.split("\n")
        end = next(i for i, line in enumerate(lines) if "Summary of reports" in line)
        a = draw.randrange(end - 80)
        b = min(end, a + draw.randrange(60, 400))
        said = problems(read, "\n".join(lines[:a] + lines[b:]))
        missing = " ".join(x for where, found in said.items() if "crit" in where for x in found)
        named = set(re.findall(r"\d\.\d-\d\d", missing))
        for first, last in re.findall(r"(\d\.\d-\d\d) to (\d\.\d-\d\d)", missing):
            named |= {f"{first[:3]}-{n:02}" for n in range(int(first[4:]), int(last[4:]) + 1)}
        gone = self.joined(lines[a:b])
        kept = f"{self.joined(lines[:a])} * {self.joined(lines[b:])}"
        repeated = {r["same_as"] for r in whole.to_pylist()}
        lost = set()
        for row in whole.to_pylist():
            if row["same_as"] is None and row["id"] not in repeated:
                if row["text"] in gone:
                    lost.add(row["id"])
                    assert row["id"] in named, (row["id"], said)
                # Without its heading, an example is under the one before.
                elif row["text"] in kept and "General Criterion" not in gone:
                    assert row["id"] not in named, (row["id"], said)
        assert lost

    @staticmethod
    def joined(lines: list[str]) -> str:
        return re.sub(r"(?<=\w)- ?\n(?=\w)", "-", "\n".join(x.strip() for x in lines)).replace(
            "\n", " "
        )

    def test_the_other_publication_raises(self, sources):
        with pytest.raises(oms.DataError, match="no known example"):
            oms.omi2.read_good_practice(sources / "aggregate_findings_2011.txt")

    def test_renderings(self, text, read, whole):
        furniture = "\n\fOMI2 Good Practice Examples 12\n"
        lines = text.split("\n")
        paged = "\n".join(
            line + (furniture if i % 45 == 44 else "") for i, line in enumerate(lines)
        )
        for changed in (paged, text.replace("\n", "\r\n"), text.replace("***", "* * *")):
            assert read(changed).equals(whole)


def test_no_sentence_of_the_publication_is_in_what_we_ship(sources: Path, repository: Path) -> None:
    """No eight words in a row are in the index, its themes, its reader, its pages or its tests."""

    def runs(text: str) -> set[tuple[str, ...]]:
        every = re.findall(r"[a-z]+", text.lower())
        return {tuple(every[i : i + 8]) for i in range(len(every) - 7)}

    published: set[tuple[str, ...]] = set()
    for file in sources.glob("*.txt"):
        published |= runs(file.read_text(encoding="utf-8"))
    content = repository / "src" / "omistats" / "omi2"
    files: Sequence[Path] = [
        *(content / "good_practice").glob("*.py"),
        *(content / "data").glob("good_practice*.csv"),
        *(repository / "tests" / "omi2").glob("test_good_practice*.py"),
        repository / "docs" / "reference" / "good-practice.md",
        repository / "docs" / "how-to" / "read-good-practice.md",
    ]
    assert len(files) >= 10
    for file in files:
        assert not runs(file.read_text(encoding="utf-8")) & published, file
