"""Check a mapping against the framework and units that it is for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

import attrs

from omistats.errors import DataError, Problem, UnknownNameError, UsageError, format_values
from omistats.mappings.mapping import (
    AGE_RULES,
    ANY_OTHER,
    DATES,
    EXACT,
    KINDS,
    LOOSE,
    OPEN,
    RULES,
    UNKNOWN,
    CaseMapping,
    Layout,
    column_places,
    matching,
    plain,
    spellings,
)
from omistats.model.framework import NOT_ANSWERED, NOT_APPLICABLE, Framework, Question
from omistats.model.units import Unit
from omistats.programmes.toml_files import Key

__all__ = ["check_mapping", "either", "open_places"]


def check_mapping(
    mapping: CaseMapping, framework: Framework, units: Sequence[Unit]
) -> list[Problem]:
    """Check a mapping against the framework and units that it is for.

    Parameters
    ----------
    mapping : CaseMapping
        The mapping.
    framework : Framework
        Questions and characteristics.
    units : sequence of Unit
        The declared units; none if any name is a unit.

    Returns
    -------
    list of Problem
        With the line of each, if the mapping was read from a file.
    """
    check = _Check(mapping, framework, [])
    check.open_questions()
    check.code_tables()
    if not mapping.layouts:
        check.add((), "a mapping needs a layout", "none", "Write [layouts.NAME].")
    for name, layout in mapping.layouts.items():
        check.layout(name, layout)
    check.unit_names(units)
    check.choices()
    return check.problems


@attrs.frozen(eq=False)
class _Check:
    """Problems of a mapping, with their places."""

    mapping: CaseMapping
    framework: Framework
    problems: list[Problem]

    def add(self, path: Key, rule: str, found: str, hint: str) -> None:
        self.problems.append(Problem(self.mapping.where(*path), rule, found, hint))

    def unknown(
        self, path: Key, what: str, name: str, known: Sequence[str], hint: str = "Correct it."
    ) -> None:
        near = str(UnknownNameError(what, name, known))
        self.add(path, f"must be a {what}", near, hint)

    def choices(self) -> None:
        """Check the words of a mapping that was made in Python."""
        mapping = self.mapping
        for key, rules, known in (
            ("rules", mapping.rules, RULES),
            ("ages", mapping.ages, AGE_RULES),
        ):
            for rule, words in known.items():
                if (word := getattr(rules, rule)) not in (*words, OPEN):
                    self.add((key, rule), f"must be {either(words)}", repr(word), "Correct it.")
        if mapping.match not in (EXACT, LOOSE, OPEN):
            known_ = either((EXACT, LOOSE))
            self.add(("match",), f"must be {known_}", repr(mapping.match), "Correct it.")
        first, last = mapping.ages.earliest, mapping.ages.latest
        if first is not None and last is not None and first > last:
            rule, hint = "`latest` must not be before `earliest`", "Swap the two."
            self.add(("ages", "latest"), rule, f"{first} and {last}", hint)

    def open_questions(self) -> None:
        """Report everything that a person has still to decide."""
        for path, hint in open_places(self.mapping):
            self.add(path, "is a question that you have to answer", repr(OPEN), hint)

    def code_tables(self) -> None:
        """Check that each code means one thing."""
        for name, table in self.mapping.codes.items():
            seen: dict[str, str] = {}
            for answer, codes in table.items():
                for i, code in enumerate(codes):
                    key = matching(code, self.mapping.match)
                    other = seen.setdefault(key, answer)
                    path = ("codes", name, answer, i)
                    if other != answer:
                        rule, hint = "a code means one thing", "Take it out of one of the two."
                        self.add(path, rule, f"{code!r} of {other!r} and of {answer!r}", hint)
                    elif key in (matching(c, self.mapping.match) for c in codes[:i]):
                        self.add(path, "a code is listed once", repr(code), "Take one away.")

    def layout(self, name: str, layout: Layout) -> None:
        path: Key = ("layouts", name)
        for key in ("id", "unit"):
            if not getattr(layout, key):
                hint = f'Write {key} = "..." with the header of the column.'
                self.add(path, f"a layout needs the column of the {key}", "none", hint)
        if layout.dates not in (*DATES, OPEN):
            rule = f"must be {either(DATES)}"
            self.add((*path, "dates"), rule, repr(layout.dates), "Correct it.")
        self._questions(path, layout)
        self._characteristics(path, layout)
        self._kept(path, layout)
        self._columns_once(path, layout)
        self._complete(path, layout)

    def _questions(self, path: Key, layout: Layout) -> None:
        known = {question.id: question for question in self.framework.questions}
        for id, column in layout.questions.items():
            place = (*path, "questions", id)
            if id not in known:
                self.unknown(place, "question", id, tuple(known), "Correct or remove it.")
                continue
            if not column.column and not column.number:
                hint = 'Write column = "..." or number = "...".'
                self.add(place, "a question needs its column", "none", hint)
            self._targets(place, column.codes, answers_of(known[id], self.framework))

    def _characteristics(self, path: Key, layout: Layout) -> None:
        known = {stratum.name: stratum.levels for stratum in self.framework.strata}
        for name, given in layout.characteristics.items():
            place = (*path, "characteristics", name)
            if name not in known:
                hint = "Correct it, or keep the column under [layouts.*.keep]."
                self.unknown(place, "characteristic", name, tuple(known), hint)
                continue
            dated = bool(given.born) + bool(given.at)
            if dated == 1 or bool(dated) == bool(given.column) or (dated and given.codes):
                rule = "needs `column` and `codes`, or `born` and `at`"
                shown = format_values(
                    [k for k in ("column", "codes", "born", "at") if getattr(given, k)]
                )
                self.add(place, rule, shown, "Write the headers of the columns.")
            elif dated:
                self._bands(place, known[name])
            else:
                self._targets(place, given.codes, (*known[name], UNKNOWN))

    def _bands(self, place: Key, levels: Sequence[str]) -> None:
        from omistats.profiles.age_groups import age_group

        try:
            age_group([], "2000-01-01", levels)
        except UsageError as error:
            hint = "Use a column of groups and its codes."
            self.add(place, "levels must be bands of years", str(error), hint)

    def _kept(self, path: Key, layout: Layout) -> None:
        framework = self.framework
        taken = {"case_id", "unit", *framework.question_ids, *(s.name for s in framework.strata)}
        for name, kept in layout.keep.items():
            place = (*path, "keep", name)
            if name in taken:
                hint = "Call the column something else."
                self.add(place, "is a name of the framework", repr(name), hint)
            if not kept.column:
                self.add(place, "needs its column", "none", 'Write column = "...".')
            if kept.kind not in KINDS:
                self.add((*place, "kind"), f"must be {either(KINDS)}", kept.kind, "Correct it.")
            elif kept.codes and kept.kind != "text":
                hint = "Take one of the two away."
                self.add(place, "has codes or a kind of its own", f"kind {kept.kind!r}", hint)
            if kept.codes:
                self._targets(place, kept.codes, None)

    def _targets(self, place: Key, names: Sequence[str], allowed: Sequence[str] | None) -> None:
        """Check tables of codes: known, each covering the one before, the last in the scale."""
        tables = self.mapping.codes
        place = (*place, "codes")
        if not names:
            hint = 'Write codes = "..." with the name of a table under [codes].'
            self.add(place[:-1], "needs its codes", "none", hint)
        for name in names:
            if name not in tables and name != OPEN:
                self.unknown(place, "table under [codes]", name, tuple(tables))
        if not names or not {*names} <= tables.keys():
            return
        for first, second in pairwise(names):
            given = {matching(c, self.mapping.match) for cs in tables[second].values() for c in cs}
            if ANY_OTHER in given:
                continue
            for answer in tables[first]:
                if (
                    answer not in (UNKNOWN, OPEN)
                    and matching(answer, self.mapping.match) not in given
                ):
                    rule = f"must be a code of [codes.{second}], which goes on from here"
                    self.add(("codes", first, answer), rule, repr(answer), "Add it there.")
        for answer in tables[names[-1]] if allowed is not None else ():
            if answer not in (*(allowed or ()), OPEN):
                rule = f"must be one of {format_values(allowed or (), 12)} for {place[-2]}"
                hint = "Correct it, or give this column a table of codes of its own."
                self.add(("codes", names[-1], answer), rule, repr(answer), hint)

    def _columns_once(self, path: Key, layout: Layout) -> None:
        """Check that no column is that of two questions, or ignored and used."""
        owner: dict[str, str] = {}
        numbers: dict[str, str] = {}
        for key, name in ((layout.id, "id"), (layout.unit, "unit")):
            if key and key != OPEN and (other := owner.setdefault(plain(key), name)) != name:
                self._twice((*path, name), key, other)
        for id, question in layout.questions.items():
            place = (*path, "questions", id)
            if question.column and question.column != OPEN:
                other = owner.setdefault(plain(question.column), id)
                if other != id:
                    self._twice((*place, "column"), question.column, other)
            if question.number and (other := numbers.setdefault(question.number, id)) != id:
                self._twice((*place, "number"), question.number, other)
        for header, place in column_places(path, layout):
            owner.setdefault(plain(header), place[-2] if len(place) > 3 else str(place[-1]))  # type: ignore[arg-type]
        for i, header in enumerate(layout.ignore):
            if plain(header) in owner:
                rule, hint = "an ignored column is not used", "Take it away in one place."
                what = f"{header!r} for {owner[plain(header)]}"
                self.add((*path, "ignore", i), rule, what, hint)

    def _twice(self, place: Key, header: str, other: str) -> None:
        rule, hint = "a column is that of one question", "Correct one of the two."
        self.add(place, rule, f"{header!r} is that of {other} as well", hint)

    def _complete(self, path: Key, layout: Layout) -> None:
        """Check that every question and needed characteristic has a column or is absent."""
        strata = {stratum.name: stratum.required for stratum in self.framework.strata}
        known = (*self.framework.question_ids, *strata)
        for i, name in enumerate(layout.absent):
            if name not in known:
                self.unknown((*path, "absent", i), "question or characteristic", name, known)
            elif name in layout.questions or name in layout.characteristics:
                rule, hint = "what is absent has no column", "Take it away in one place."
                self.add((*path, "absent", i), rule, repr(name), hint)
        groups = {
            "questions": self.framework.question_ids,
            "characteristics": tuple(name for name, needed in strata.items() if needed),
        }
        for key, names in groups.items():
            given = (*getattr(layout, key), *layout.absent)
            if missing := [name for name in names if name not in given]:
                hint = "Add each with its column, or list it in `absent`."
                self.add(
                    (*path, key), f"needs all {key}", f"none for {format_values(missing, 8)}", hint
                )

    def unit_names(self, units: Sequence[Unit]) -> None:
        names = self.mapping.units
        ids = tuple(unit.id for unit in units)
        unknown = [id for id in names.synonyms if units and id not in (*ids, OPEN)]
        for id in unknown:
            self.unknown(("units", "synonyms", id), "unit", id, ids)
        if unknown:
            return
        try:
            spellings(names, units)
        except DataError as error:
            where = self.mapping.where("units", "synonyms")
            self.problems.extend(attrs.evolve(problem, where=where) for problem in error.problems)


def answers_of(question: Question, framework: Framework) -> tuple[str, ...]:
    """List what a code of a question may mean."""
    more = () if framework.not_answered is None else (NOT_ANSWERED,)
    return (*question.answers, NOT_APPLICABLE, *more)


def either(words: Sequence[str]) -> str:
    """Join words for a rule, with `or` before the last."""
    shown = [repr(word) for word in words]
    return " or ".join([", ".join(shown[:-1]), shown[-1]]) if len(shown) > 1 else shown[0]


def open_places(mapping: CaseMapping) -> Iterator[tuple[Key, str]]:
    """List the places where a person has still to decide, with what to do."""
    for name, table in mapping.codes.items():
        if table.get(OPEN):
            what = f"Move {format_values(table[OPEN])} to what {_each(table[OPEN])} mean."
            yield ("codes", name, OPEN), what
    for key, group, words in (("rules", mapping.rules, RULES), ("ages", mapping.ages, AGE_RULES)):
        for rule, known in words.items():
            if getattr(group, rule) == OPEN:
                yield (key, rule), f"Write {either(known)}."
    if mapping.match == OPEN:
        yield ("match",), f"Write {either((EXACT, LOOSE))}."
    if names := mapping.units.synonyms.get(OPEN):
        yield ("units", "synonyms", OPEN), f"Move {format_values(names)} to the unit of each."
    for name, layout in mapping.layouts.items():
        yield from _open_columns(("layouts", name), layout)


def _open_columns(path: Key, layout: Layout) -> Iterator[tuple[Key, str]]:
    if layout.dates == OPEN:
        yield (*path, "dates"), f"Write {either(DATES)}."
    for header, place in column_places(path, layout):
        if header == OPEN:
            yield place, "Write the header of its column, or list it in `absent`."
    for key in ("questions", "characteristics", "keep"):
        for entry, given in getattr(layout, key).items():
            if OPEN in given.codes:
                yield (*path, key, entry, "codes"), "Write the name of a table under [codes]."


def _each(codes: Sequence[str]) -> str:
    return "it" if len(codes) == 1 else "they"
