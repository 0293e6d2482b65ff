"""The glossary: complete, in our own words, and found in labels."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

import omistats as oms

GLOSSARY = oms.omi2.GLOSSARY
TERMS = tuple(GLOSSARY.values())

# The heads of the two glossaries, as printed but for quotation marks and italics; where a head
# names several things, all of them.
AGGREGATE = (
    "Accredited programme", "Approved premises", "Child Protection", "ETE", "HMI Probation",
    "Interventions", "constructive interventions", "restrictive interventions", "ISP", "LoR",
    "LSCB", "MAPPA", "NOMS", "OASys", "eOASys", "Offender management", "Offender manager",
    "OMI 2", "PPO", "PSO", "PSR", "RoH", "RoH work", "Risk of Harm work", "RoSH",
    "Risk of Serious Harm", "Safeguarding",
)  # fmt: skip
GOOD_PRACTICE = (
    "ADHD", "Approved premises", "ATR", "CARATS", "CPN", "DRR", "ESOL", "ETE", "FDR", "GP",
    "HMCTS", "HMP", "IDAP", "Interventions", "constructive interventions",
    "restrictive interventions", "IOM", "IPP", "LoR", "LSCB", "MAPPA", "MARAC", "Nacro", "NHS",
    "NVQ", "OASys", "eOASys", "PCT", "PO", "PPO", "PSO", "PSR", "RoH", "RoH work",
    "Risk of Harm work", "RoSH", "Risk of Serious Harm", "SOTP", "SSO", "VLO", "YOI",
)  # fmt: skip
LISTS = {"aggregate": AGGREGATE, "good practice": GOOD_PRACTICE}
FILES = {
    "aggregate": ("aggregate_findings_2011.txt", "ANNEX 3 Glossary"),
    "good practice": ("good_practice_examples.txt", "\n Glossary \n"),
}


def singular(name: str) -> str:
    return name if name in GLOSSARY_SPELLINGS else name.removesuffix("s")


GLOSSARY_SPELLINGS = {s.casefold() for t in TERMS for s in t.spellings}


def words(text: str) -> list[str]:
    return re.findall(r"[a-z']+", text.lower().replace("\N{RIGHT SINGLE QUOTATION MARK}", "'"))


class TestContents:
    @pytest.mark.parametrize("publication", LISTS)
    def test_every_listed_term_is_there_and_says_where_it_is_listed(self, publication):
        heads = LISTS[publication]
        found = [GLOSSARY.find(singular(head.casefold())) for head in heads]
        assert {t.id for t in found} == {t.id for t in TERMS if publication in t.listed_in}

    @pytest.mark.parametrize("publication", LISTS)
    def test_the_lists_are_those_of_the_publications(self, publication, sources: Path):
        """In the printed order; each head is searched after the one before it."""
        name, heading = FILES[publication]
        text = (sources / name).read_text(encoding="utf-8")
        text = re.sub(r"</?i>|['\N{LEFT SINGLE QUOTATION MARK}]", "", text)
        text = text.replace("\N{RIGHT SINGLE QUOTATION MARK}", "").split(heading)[-1]
        # What begins a line, before a tab, a blank or a semicolon, has to be a head of ours.
        place = 0
        for head in LISTS[publication]:
            loose = r"\s+(?:and\s+)?".join(map(re.escape, head.split()))
            match = re.compile(loose, re.IGNORECASE).search(text, place)
            if head.split()[0] not in ("constructive", "restrictive"):
                assert match, head
                place = match.start()
        if publication == "aggregate":
            rows = [line.split("\t")[0] for line in text.splitlines() if "\t" in line]
            ours = {h.casefold() for h in AGGREGATE}
            for row in rows:
                parts = re.split(r"[;/,(]| or ", row.strip())
                assert parts[0].strip().casefold() in ours, row
            assert len(rows) == 21

    def test_ids_spellings_and_meanings_are_distinct(self):
        assert len(GLOSSARY) == len({t.meaning for t in TERMS}) == 73
        spellings = [" ".join(words(s)) for t in TERMS for s in {t.id, *t.spellings}]
        of = {s: {t.id for t in TERMS if s in {" ".join(words(x)) for x in (t.id, *t.spellings)}}
              for s in spellings}  # fmt: skip
        assert {s: ids for s, ids in of.items() if len(ids) > 1} == {}
        for term in TERMS:
            assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", term.id)
            assert len(set(term.spellings)) == len(term.spellings)

    @pytest.mark.parametrize("term", TERMS, ids=lambda term: term.id)
    def test_meanings_are_short_sentences_on_one_line(self, term):
        assert term.meaning[0].isupper()
        assert term.meaning.endswith(".")
        assert "\n" not in term.meaning
        assert "  " not in term.meaning
        assert len(term.meaning) < 280
        # A definition does not begin by saying the word again.
        assert not term.meaning.lower().startswith(term.term.lower())

    def test_spelling_is_british(self):
        """Endings and words that are spelled differently in American English."""
        american = r"\b\w+(?:ize[ds]?|izing|ization|yze[ds]?)\b|\bprograms?\b|\bbehavior|\blicense|"
        american += r"\bcenter|\boffense|\bcounsel(?:ing|or)\b|\bcolor|\bhonor|\bjudgment"
        for term in TERMS:
            assert not re.search(american, " ".join((*term.spellings, term.meaning)).lower())

    def test_own_words(self, sources: Path):
        """No eight words in a row are in a publication."""
        texts = [" ".join(words(f.read_text(encoding="utf-8"))) for f in sources.glob("*.txt")]
        assert len(texts) == 2
        for term in TERMS:
            for said in (term.meaning, *term.spellings):
                row = words(said)
                for i in range(len(row) - 7):
                    assert not any(" ".join(row[i : i + 8]) in text for text in texts), term

    def test_own_words_would_be_noticed(self, sources: Path):
        text = (sources / FILES["aggregate"][0]).read_text(encoding="utf-8")
        row = words(text)[1000:1008]
        assert " ".join(row) in " ".join(words(text))


class TestLookUp:
    @pytest.mark.parametrize(
        ("name", "id"),
        [
            ("mappa", "mappa"),
            ("Multi-Agency Public Protection Arrangements", "mappa"),
            ("multi agency public protection arrangements", "mappa"),
            (" ROSH ", "rosh"),
            ("Risk of Serious Harm", "rosh"),
            ("risk of harm", "roh"),
            ("general criteria", "general-criterion"),
            ("key aspect", "question"),
            ("full-analysis", "full-analysis"),
            ("omi2", "omi-2"),
        ],
    )
    def test_by_any_spelling(self, name, id):
        assert GLOSSARY.find(name).id == id

    @given(st.sampled_from([(t, s) for t in TERMS for s in (t.id, *t.spellings)]))
    def test_every_spelling_finds_its_term_and_is_found_in_a_text(self, pair):
        term, spelling = pair
        assert GLOSSARY.find(spelling.upper()) is term
        if spelling in term.spellings:
            (mention,) = GLOSSARY.mentions(f"({spelling})")
            assert mention.term is term
            assert f"({spelling})"[mention.start : mention.stop] == spelling

    @pytest.mark.parametrize("name", ["MAPA", "", "walrus", None, 3])
    def test_an_unknown_term_raises(self, name):
        with pytest.raises(oms.UnknownNameError, match="unknown term") as caught:
            GLOSSARY.find(name)
        if name == "MAPA":
            assert "did you mean 'MAPPA'" in str(caught.value)

    @pytest.mark.parametrize(
        ("name", "near"),
        [("Mapp", "MAPPA"), ("oassys", "OASys"), ("PROBATION OFICER", "probation officer")],
    )
    def test_near_terms_are_found_in_any_case(self, name, near):
        with pytest.raises(oms.UnknownNameError) as caught:
            GLOSSARY.find(name)
        assert f"did you mean {near!r}" in str(caught.value)

    def test_not_every_term_is_listed_where_none_is_near(self):
        with pytest.raises(oms.UnknownNameError) as caught:
            GLOSSARY.find("walrus")
        assert len(str(caught.value)) < 100
        assert {s for t in TERMS for s in t.spellings} <= set(caught.value.known)

    def test_it_is_a_mapping_that_cannot_be_changed(self):
        assert GLOSSARY["mappa"].term == "MAPPA"
        assert "mappa" in GLOSSARY
        assert "MAPPA" not in GLOSSARY
        assert list(GLOSSARY) == sorted(GLOSSARY, key=lambda id: GLOSSARY[id].term.casefold())
        assert repr(GLOSSARY) == "Glossary: 73 terms"
        with pytest.raises(TypeError):
            GLOSSARY["new"] = GLOSSARY["mappa"]
        with pytest.raises(AttributeError):
            GLOSSARY["mappa"].meaning = "Something else."
        with pytest.raises(KeyError):
            GLOSSARY["new"]


class TestMentions:
    def ids(self, text: str) -> list[str]:
        return [term.id for term in GLOSSARY.terms_in(text)]

    @pytest.mark.parametrize(
        ("text", "ids"),
        [
            ("", []),
            ("Nothing of the kind", []),
            # The longer of two that start alike, or of which one contains the other.
            ("high risk of harm", ["high-risk-of-harm"]),
            ("Constructive interventions, and other interventions",
             ["constructive-intervention", "interventions"]),
            # Plurals, any case, hyphens and lines.
            ("SUSPENDED SENTENCE ORDERS", ["sso"]),
            ("a pre-sentence\nreport", ["psr"]),
            ("a pre sentence report", ["psr"]),
            # Abbreviations are no words: this is a river, and that a post.
            ("the Po and a po", []),
            ("POs and a PO", ["po"]),
            ("gps, GPs", ["gp"]),
            # No term is found within a word.
            ("showcase, untrustworthy", []),
            ("MAPPA, then MAPPA again, then PPO", ["mappa", "ppo"]),
        ],
    )  # fmt: skip
    def test_terms_in_a_text(self, text, ids):
        assert self.ids(text) == ids

    def test_places_are_those_of_the_text(self):
        text = "The MAPPA, and prolific offenders on licence"
        found = [(text[m.start : m.stop], m.term.id) for m in GLOSSARY.mentions(text)]
        assert found == [("MAPPA", "mappa"), ("prolific offenders", "ppo"), ("licence", "licence")]

    @given(st.text(alphabet="MAPRoHS riskofhamcase-\n.,é", max_size=60))
    def test_mentions_never_overlap(self, text):
        found = GLOSSARY.mentions(text)
        assert all(a.stop <= b.start for a, b in pairwise(found))
        assert {m.term for m in found} == set(GLOSSARY.terms_in(text))

    def test_labels_lead_to_terms(self):
        """Abbreviations of labels are all explained."""
        for question in oms.omi2.FRAMEWORK.questions:
            for capitals in re.findall(r"\b[A-Z]{2,}\b", question.label):
                assert GLOSSARY.find(capitals) in GLOSSARY.terms_in(question.label)
        linked = [q.id for q in oms.omi2.FRAMEWORK.questions if GLOSSARY.terms_in(q.label)]
        # Counted by hand: 32 of the 75 labels use plain words only.
        assert len(linked) == 43
        for level in ("BME", "licence", "custody", "community order", "suspended sentence order"):
            assert GLOSSARY.find(level)

    @pytest.mark.parametrize("text", [None, 3, b"MAPPA", ["MAPPA"]])
    def test_other_types_than_text_raise(self, text):
        with pytest.raises(oms.UsageError, match="`text` must be a string; found"):
            GLOSSARY.terms_in(text)
