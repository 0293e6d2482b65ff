"""Propose a mapping for an export that nobody prepared; what is not clear is left as a question."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import attrs
import numpy as np

from omistats import _arrow
from omistats.errors import DataError, UsageError, format_values
from omistats.mappings.dates import possible_orders
from omistats.mappings.mapping import (
    LOOSE,
    OPEN,
    UNKNOWN,
    CaseMapping,
    Characteristic,
    Layout,
    QuestionColumn,
    Rules,
    UnitNames,
    has_number,
    plain,
    spellings,
)
from omistats.model.framework import (
    NOT_ANSWERED,
    NOT_APPLICABLE,
    SUFFICIENT,
    Framework,
    Question,
    Stratum,
)
from omistats.model.raw_table import RawColumn, RawTable
from omistats.model.units import Spellings, Unit
from omistats.profiles.age_groups import parse_bands
from omistats.programmes.programme import Programme
from omistats.programmes.toml_files import Key

__all__ = ["Proposal", "propose_mapping", "similar"]

LAYOUT: Final = "export"
"""The name of the only layout of a proposal."""

# Words that mean one thing wherever they are written; any other is a question.
_NOT_APPLICABLE = ("n/a", "na", "not applicable")
_NOT_ANSWERED = ("not answered", "no answer")
_UNKNOWN = (
    *("n/k", "nk", "not known", "unknown", "not stated", "not recorded"),
    *("prefer not to say", "refused"),
)
_YES, _NO = ("yes", "y", "true"), ("no", "n", "false")
_LEVELS: Mapping[str, tuple[str, ...]] = {
    "male": ("male", "m"),
    "female": ("female", "f"),
    "yes": _YES,
    "no": _NO,
    "sufficient": ("sufficient", *_YES),
    "not sufficient": ("not sufficient", "insufficient", *_NO),
}
_RISK: Mapping[str, tuple[str, ...]] = {
    "high": ("high", "very high"),
    "not high": ("not high", "low", "medium"),
}

# The groups of the Office for National Statistics (census of 2011), as five.
ONS: Final[Mapping[str, tuple[str, ...]]] = {
    "White": (
        "English/Welsh/Scottish/Northern Irish/British",
        "Irish",
        "Gypsy or Irish Traveller",
        "Any other White background",
    ),
    "Mixed": (
        "White and Black Caribbean",
        "White and Black African",
        "White and Asian",
        "Any other Mixed/multiple ethnic background",
    ),
    "Asian": ("Indian", "Pakistani", "Bangladeshi", "Chinese", "Any other Asian background"),
    "Black": ("African", "Caribbean", "Any other Black/African/Caribbean background"),
    "Other": ("Arab", "Any other ethnic group"),
}

_ID = re.compile(r"\b(id|ref|reference|number|no|urn|key|code)\b")
_UNIT = re.compile(r"\b(unit|area|service|site|clinic|team|region|provider)\b")
_BORN = re.compile(r"\b(birth|born|dob)\b")
_AT = re.compile(r"\b(inspection|inspected|inspdate|assessment date|audit|audited)\b")


@attrs.frozen(eq=False)
class Proposal:
    """A mapping with its open questions, and what to say of its entries.

    Attributes
    ----------
    mapping : CaseMapping
        With ``"?"`` where a person has to decide.
    comments : dict of tuple to str
        What stands above entries, by their path.
    """

    mapping: CaseMapping
    comments: dict[Key, str]


def similar(text: str, others: Iterable[str], most: int = 3, least: float = 0.6) -> list[str]:
    """List the texts that are most like one, the nearest first; case and spaces do not matter."""
    from difflib import get_close_matches

    known: dict[str, str] = {}
    for other in others:
        known.setdefault(plain(other), other)
    return [known[key] for key in get_close_matches(plain(text), known, n=most, cutoff=least)]


def propose_mapping(table: RawTable, programme: Programme) -> Proposal:
    """Propose a mapping for a table.

    Parameters
    ----------
    table : RawTable
        The export.
    programme : Programme
        Its framework and units are what columns and codes are mapped to.

    Returns
    -------
    Proposal
        A column is proposed where its header is the name or number of what it stands for, or its
        values are those of one characteristic only. All else is a question.
    """
    return _Proposer(table, programme).propose()


class _Proposer:
    def __init__(self, table: RawTable, programme: Programme) -> None:
        self.table, self.programme = table, programme
        self.framework: Framework = programme.framework
        self.columns = [_Column(column) for column in table.columns if column.name]
        self.comments: dict[Key, str] = {}
        self.codes: dict[str, dict[str, tuple[str, ...]]] = {}
        self.used: set[str] = set()

    def propose(self) -> Proposal:
        path: Key = ("layouts", LAYOUT)
        id_column = self._id()
        unit_column, names = self._unit()
        questions = self._questions()
        characteristics, dates = self._characteristics()
        rest = [column.name for column in self.columns if column.name not in self.used]
        headers = [id_column, unit_column, *(q.column for q in questions.values())]
        headers += [c.column for c in characteristics.values()]
        if rest and OPEN in headers:
            # One of them may be what is asked for below.
            self.comments[path] = f"Columns that are not used yet: {format_values(rest, 50)}."
            rest = []
        labels = any(column.raw.labels for column in self.columns)
        if labels:
            self.comments[(*path, "labels")] = "Codes are the labels of the numbers."
        layout = Layout(
            id=id_column,
            unit=unit_column,
            questions=questions,
            characteristics=characteristics,
            ignore=tuple(rest),
            sheet=self.table.sheet or "" if len(self.table.sheets) > 1 else "",
            dates=dates,
            labels=labels,
        )
        self.comments[()] = (
            f'How {self.table.place} is read. Where "{OPEN}" stands, a person has to decide.'
        )
        mapping = CaseMapping(
            programme=self.programme.name,
            layouts={LAYOUT: layout},
            codes=self.codes,
            units=names,
            rules=Rules(),
            match=LOOSE,
        )
        return Proposal(mapping, self.comments)

    # --- keys ---

    def _id(self) -> str:
        found = [c for c in self.columns if _ID.search(c.words) and c.is_key()]
        exact = [c for c in self.columns if plain(c.name) in ("case_id", "case id")]
        path: Key = ("layouts", LAYOUT, "id")
        header = self._one(exact or found, path, "the id of a case")
        if header == OPEN and not found:
            # The first columns in which nearly every text is another.
            keys = [c.name for c in self.columns if c.is_key() and not c.is_dated()][:3]
            if keys:
                self.comments[path] += f" It may be {format_values(keys)}."
        return header

    def _unit(self) -> tuple[str, UnitNames]:
        path: Key = ("layouts", LAYOUT, "unit")
        units = self.programme.units
        index = spellings(UnitNames(), units)
        if index is None:
            word = re.compile(rf"\b{re.escape(plain(self.programme.unit))}\b")
            found = [c for c in self.columns if word.search(c.words)]
            found = found or [c for c in self.columns if _UNIT.search(c.words)]
            return self._one(found, path, f"the {self.programme.unit}"), UnitNames()
        found = [c for c in self.columns if c.share(lambda t: index.find(t) is not None) >= 0.3]
        header = self._one(found, path, f"the {self.programme.unit}")
        if header == OPEN:
            return header, UnitNames()
        affixes = self._affixes(found[0], units)
        index = spellings(UnitNames(affixes), units)
        assert index is not None  # noqa: S101  # there are units
        open_names, notes = [], []
        for text, rows in found[0].texts.items():
            if index.find(text) is None:
                near = [index.units[i] for i in (index.candidates(text) or index.near(text))[:3]]
                names = " or ".join(unit.id for unit in near) or "none is like it"
                rest = _words_after(index, text)
                more = f' Or put "{rest}" into affixes.' if rest else ""
                notes.append(f"{text!r}, {_rows(rows)}: {names}?{more}")
                open_names.append(text)
        synonyms = {OPEN: tuple(open_names)} if open_names else {}
        if notes:
            self.comments["units", "synonyms"] = (
                'Write the names under the id of their unit, as north = ["N. District"].\n'
                + "\n".join(notes)
            )
        if affixes:
            self.comments["units", "affixes"] = "Words around names that say nothing more."
        return header, UnitNames(affixes, synonyms)

    def _affixes(self, column: _Column, units: Sequence[Unit]) -> tuple[str, ...]:
        """Find words that follow the names of two units or more."""
        index = spellings(UnitNames(), units)
        assert index is not None  # noqa: S101  # there are units
        after: dict[str, set[int]] = {}
        for text in column.texts:
            rest = _words_after(index, text) if index.find(text) is None else ""
            place = index.find(text.removesuffix(rest)) if rest else None
            if place is not None:
                after.setdefault(rest, set()).add(place)
        return tuple(affix for affix, places in after.items() if len(places) > 1)

    def _one(self, found: Sequence[_Column], path: Key, what: str) -> str:
        """Return the header of the only column; else ask."""
        if len(found) == 1:
            self.used.add(found[0].name)
            return found[0].name
        names = format_values([column.name for column in found], 6)
        self.comments[path] = f"Which column is {what}? " + (
            f"It may be {names}." if found else "No header says so."
        )
        return OPEN

    # --- questions ---

    def _questions(self) -> dict[str, QuestionColumn]:
        found: dict[str, QuestionColumn] = {}
        path: Key = ("layouts", LAYOUT, "questions")
        scales: dict[tuple[str, ...], list[_Column]] = {}
        names: dict[tuple[str, ...], str] = {}
        owners: dict[str, str] = {}
        for question in self.framework.questions:
            scale = question.answers
            names.setdefault(scale, _scale_name(question, names))
            column = self._column_of(question, owners)
            self.comments[(*path, question.id)] = question.label
            if column is None:
                free = [c.name for c in self.columns if c.name not in self.used]
                near = similar(question.label, free)
                more = f" Is it {' or '.join(map(repr, near))}?" if near else ""
                self.comments[(*path, question.id)] += (
                    f'. Write the header of its column, or put "{question.id}" into `absent`.{more}'
                )
                found[question.id] = QuestionColumn(OPEN, codes=(names[scale],))
                scales.setdefault(scale, [])
                continue
            owners[column.name] = question.id
            self.used.add(column.name)
            scales.setdefault(scale, []).append(column)
            found[question.id] = QuestionColumn(column.name, codes=(names[scale],))
        for scale, columns in scales.items():
            self._scale_codes(names[scale], scale, columns)
        return found

    def _column_of(self, question: Question, owners: Mapping[str, str]) -> _Column | None:
        free = [c for c in self.columns if c.name not in owners]
        same = {plain(question.id), plain(question.label)}
        exact = [c for c in free if same & {plain(c.name), plain(c.raw.label)}]
        if len(exact) == 1:
            return exact[0]
        number = _number_of(question.id)
        if exact or number is None:
            return None
        if sum(_number_of(q.id) == number for q in self.framework.questions) > 1:
            return None
        numbered = [
            c for c in free if has_number(c.name, number) or has_number(c.raw.label, number)
        ]
        return numbered[0] if len(numbered) == 1 else None

    def _scale_codes(self, name: str, scale: Sequence[str], columns: Sequence[_Column]) -> None:
        texts: dict[str, int] = {}
        for column in columns:
            for text, rows in column.texts.items():
                texts[text] = texts.get(text, 0) + rows
        known = {answer: (plain(answer), *_LEVELS.get(answer, ())) for answer in scale}
        known[NOT_APPLICABLE] = _NOT_APPLICABLE
        if self.framework.not_answered is not None:
            known[NOT_ANSWERED] = _NOT_ANSWERED
        blank: dict[str, tuple[str, ...]] = {self.framework.blank: ("",)}
        if not columns:
            self.codes[name] = self._words(known, blank)
            return
        self.codes[name] = self._sorted(("codes", name), texts, known, blank)

    def _words(
        self, known: Mapping[str, Sequence[str]], more: Mapping[str, tuple[str, ...]]
    ) -> dict[str, tuple[str, ...]]:
        """Propose words for a column that is not found yet."""
        return {
            answer: tuple(dict.fromkeys((*more.get(answer, ()), *words)))
            for answer, words in known.items()
        }

    def _sorted(
        self,
        path: Key,
        texts: Mapping[str, int],
        known: Mapping[str, Sequence[str]],
        more: Mapping[str, tuple[str, ...]],
    ) -> dict[str, tuple[str, ...]]:
        """Put each text under what it means; the others are a question."""
        table: dict[str, list[str]] = {answer: list(more.get(answer, ())) for answer in known}
        left: dict[str, int] = {}
        seen: set[str] = set()
        for text, rows in texts.items():
            key = plain(text)
            answers = [answer for answer, words in known.items() if key in words]
            if len(answers) == 1:
                if key not in seen:
                    table[answers[0]].append(text)
                seen.add(key)
            else:
                left[text] = left.get(text, 0) + rows
        if left:
            counted = "; ".join(f"{text!r} in {_rows(rows)}" for text, rows in left.items())
            self.comments[(*path, OPEN)] = f"What does each of these mean? {counted}"
            # One of each that is the same but for case and spaces.
            one = {plain(text): text for text in reversed(left)}
            table[OPEN] = list(reversed(one.values()))
        return {answer: tuple(codes) for answer, codes in table.items()}

    # --- characteristics ---

    def _characteristics(self) -> tuple[dict[str, Characteristic], str]:
        found: dict[str, Characteristic] = {}
        dates = "year first"
        for stratum in self.framework.strata:
            path: Key = ("layouts", LAYOUT, "characteristics", stratum.name)
            ages = self._ages() if _are_bands(stratum) else None
            if ages is not None:
                found[stratum.name] = Characteristic(born=ages[0].name, at=ages[1].name)
                dates = self._order(ages)
                continue
            column = self._column_of_stratum(stratum, path)
            if column is None:
                if stratum.required:
                    found[stratum.name] = Characteristic(OPEN, (stratum.name,))
                    self.codes[stratum.name] = self._words(_known_words(stratum), {UNKNOWN: ("",)})
                continue
            self.used.add(column.name)
            found[stratum.name] = Characteristic(column.name, self._stratum_codes(stratum, column))
        return found, dates

    def _column_of_stratum(self, stratum: Stratum, path: Key) -> _Column | None:
        free = [c for c in self.columns if c.name not in self.used and c.filled]
        name = plain(stratum.name.replace("_", " "))
        named = [c for c in free if name in (c.words, plain(c.name))]
        words = [c for c in free if any(part in c.words.split() for part in name.split()[:1])]
        levels = [plain(level) for level in stratum.levels]
        words = words or [c for c in free if any(f" {x} " in f" {c.words} " for x in levels)]
        known = _words_of(stratum)
        valued = [c for c in free if c.share(lambda t: plain(t) in known) >= 0.7]
        both = [c for c in words if c in valued]
        # Any column may hold yes and no.
        telling = [] if {*levels} & {"yes", "no"} else valued
        for choice in (named, both, telling, words):
            if len(choice) == 1:
                return choice[0]
        near = format_values([c.name for c in dict.fromkeys((*named, *valued, *words))], 6)
        self.comments[path] = (
            f"Which column says {stratum.name}: {format_values(stratum.levels)}? "
            f"{'It may be ' + near + '.' if near != 'none' else 'No header says so.'} Write its "
            f'header, or put "{stratum.name}" into `absent`.'
        )
        return None

    def _stratum_codes(self, stratum: Stratum, column: _Column) -> tuple[str, ...]:
        ons = {plain(code): five for five, codes in ONS.items() for code in codes}
        blank = {UNKNOWN: ("",)}
        if column.share(lambda t: plain(t) in ons) >= 0.7:
            first, second = f"{stratum.name}_5", stratum.name
            known = {five: tuple(map(plain, codes)) for five, codes in ONS.items()}
            known[UNKNOWN] = _UNKNOWN
            self.comments["codes", first] = (
                "The groups of the Office for National Statistics, as five."
            )
            table = self._sorted(("codes", first), column.texts, known, blank)
            # All of them, as next year's file may have those that this one lacks.
            self.codes[first] = {**table, **ONS}
            levels = {level: (plain(level),) for level in stratum.levels}
            self.codes[second] = self._sorted(("codes", second), dict.fromkeys(ONS, 0), levels, {})
            self.comments["codes", second, OPEN] = "Which group is each of the five in?"
            return (first, second)
        known_words = _known_words(stratum)
        self.codes[stratum.name] = self._sorted(
            ("codes", stratum.name), column.texts, known_words, blank
        )
        return (stratum.name,)

    def _ages(self) -> tuple[_Column, _Column] | None:
        dated = [c for c in self.columns if c.is_dated()]
        born = [c for c in dated if _BORN.search(c.words)]
        at = [c for c in dated if _AT.search(c.words) and c not in born]
        if len(born) != 1 or len(at) != 1:
            return None
        self.used |= {born[0].name, at[0].name}
        return born[0], at[0]

    def _order(self, columns: Iterable[_Column]) -> str:
        texts = [text for column in columns for text in column.texts]
        orders = possible_orders(texts)
        if len(orders) == 1 or not texts:
            return orders[0] if orders else "year first"
        if "year first" in orders:
            return "year first"
        both = " and ".join(map(repr, orders)) or "none of them"
        self.comments["layouts", LAYOUT, "dates"] = (
            f"Is the day or the month first? All dates can be read as {both}."
        )
        return OPEN


class _Column:
    """A column of the export, with how many rows have each text."""

    def __init__(self, raw: RawColumn) -> None:
        self.raw, self.name = raw, raw.name
        coded = raw.coded
        codes, texts = _arrow.codes_of(coded), coded.dictionary.to_pylist()
        counts = np.bincount(codes[codes >= 0], minlength=len(texts))
        self.texts: dict[str, int] = {}
        for text, rows in zip(texts, counts.tolist(), strict=True):
            shown = raw.labels.get(text, text)
            if rows and shown.strip():
                self.texts[shown] = self.texts.get(shown, 0) + rows
        self.filled = sum(self.texts.values())
        # D.O.B. is one word.
        spelled = re.sub(r"\b(\w)\.(?=\w\b)", r"\1", f"{raw.name} {raw.label}".casefold())
        self.words = " ".join(re.findall(r"[^\W_]+", spelled))

    def share(self, test: object) -> float:
        """Return the share of filled cells whose text passes a test."""
        # Answers and names have few different texts; comments have many.
        if not self.filled or len(self.texts) > 400:
            return 0.0
        assert callable(test)  # noqa: S101  # for the type checker
        return sum(rows for text, rows in self.texts.items() if test(text)) / self.filled

    def is_key(self) -> bool:
        return len(self.texts) >= 0.9 * max(1, self.filled)

    def is_dated(self) -> bool:
        return bool(self.texts) and bool(
            possible_orders(list(self.texts)) or self.raw.dates is not None
        )


def _words_after(index: Spellings, text: str) -> str:
    """Return the words that follow the name of a unit; empty if it has none in front."""
    words = text.split()
    for end in range(len(words) - 1, 0, -1):
        if index.find(" ".join(words[:end])) is not None:
            return " ".join(words[end:])
    return ""


def _rows(count: int) -> str:
    return f"{count:,} row{'s' * (count != 1)}"


def _number_of(id: str) -> str | None:
    """Return the number in the id of a question, as 1.1 of ``q1_1``."""
    found = re.search(r"\d+(?:[._]\d+)+", id)
    return found[0].replace("_", ".") if found else None


def _scale_name(question: Question, names: Mapping[tuple[str, ...], str]) -> str:
    if question.answers == SUFFICIENT:
        return "yes_no"
    base = f"levels_{len(question.answers)}"
    taken = set(names.values())
    return next(
        name for name in (base, *(f"{base}_{i}" for i in range(2, 10_000))) if name not in taken
    )


def _known_words(stratum: Stratum) -> dict[str, tuple[str, ...]]:
    words = {level: (plain(level), *_LEVELS.get(level, ())) for level in stratum.levels}
    if set(stratum.levels) == set(_RISK):
        words = dict(_RISK)
    words[UNKNOWN] = _UNKNOWN
    return words


def _words_of(stratum: Stratum) -> set[str]:
    words = {word for words in _known_words(stratum).values() for word in words}
    if any(plain(level) == "white" for level in stratum.levels):
        words |= {plain(code) for codes in ONS.values() for code in codes}
    return words


def _are_bands(stratum: Stratum) -> bool:
    try:
        parse_bands(stratum.levels)
    except (UsageError, DataError):
        return False
    return True
