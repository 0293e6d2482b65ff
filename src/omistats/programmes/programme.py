"""A programme: a folder that holds its framework, units, rating rule and cases as data."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, get_args

import attrs

from omistats.breakdowns.base import Breakdown
from omistats.breakdowns.registry import known_names, resolve
from omistats.errors import (
    DataError,
    OmistatsError,
    Problem,
    UnknownNameError,
    UsageError,
    format_value,
    visible,
)
from omistats.model.batches import read_cases
from omistats.model.case_set import CaseSet
from omistats.model.framework import (
    ALL,
    Condition,
    Framework,
    Item,
    Level,
    Link,
    Question,
    Stratum,
    circle_problems,
)
from omistats.model.metadata import is_synthetic
from omistats.model.rating_rule import RatingRule
from omistats.model.units import Unit
from omistats.programmes.toml_files import Key, TomlFile, read_toml

__all__ = ["SHIPPED", "Programme", "load", "names"]

FORMAT = 1
"""The version of the layout of folders that this version reads."""

SHIPPED = Path(__file__).parent
"""Where the shipped programmes are."""

ENTRY_POINT_GROUP = "omistats.programmes"


@attrs.frozen(eq=False)
class Programme:
    """An inspection programme, read from its folder by `omistats.programmes.load`.

    Attributes
    ----------
    name, title, version : str
        Its short name, its name for people, and the version of its questions.
    note : str
        Where its content is from, and what of it is made up.
    unit : str
        What its units are called, such as ``clinic``.
    framework : Framework
        Questions with their levels and routing, items, strata, and standard breakdowns.
    units : tuple of Unit
        The units, possibly none.
    rating : RatingRule or None
        How percentages become ratings.
    breaks : mapping of str to str
        Versions after which results are not comparable with earlier ones, and why; for readers
        only, `Findings.compare` does not look at it.
    folder : Path
        The folder.

    Examples
    --------
    >>> import omistats as oms
    >>> programme = oms.programmes.load("youth_justice")
    >>> programme
    Programme youth_justice (Youth justice case inspection, version 2023): 23 questions, 8 units
    >>> programme.rating.band_names
    ('Inadequate', 'Requires improvement', 'Good', 'Outstanding')
    >>> programme.load_cases().framework is programme.framework
    True
    """

    name: str
    title: str
    version: str
    note: str
    unit: str
    framework: Framework
    units: tuple[Unit, ...]
    rating: RatingRule | None
    breaks: Mapping[str, str]
    folder: Path

    @cached_property
    def breakdowns(self) -> tuple[Breakdown, ...]:
        """The standard breakdowns of the framework."""
        return resolve(self.framework.breakdowns, self.framework)

    def load_cases(self) -> CaseSet:
        """Read the cases that the folder holds, ``cases.parquet``.

        Returns
        -------
        CaseSet
            Cases with the programme's framework and all its units, those without cases too.
            Simulated ones are marked synthetic; if these name none of the programme's units,
            their units are their own.

        Raises
        ------
        DataError
            When the folder holds no cases, or they break a rule, such as a unit that is not
            declared.
        """
        path = self.folder / "cases.parquet"
        if not path.exists():
            what, hint = "no such file", "Read cases of your own with CaseSet.from_data."
            raise DataError([Problem(str(path), "a programme's cases", what, hint)])
        found = read_cases(path, self.framework)
        own_units = is_synthetic(found.metadata) and not any(
            u.id in found.units for u in self.units
        )
        units = None if own_units or not self.units else self.units
        return CaseSet.from_data(found, framework=self.framework, units=units)

    def __repr__(self) -> str:
        questions, units = len(self.framework.questions), len(self.units)
        return visible(
            f"Programme {self.name} ({self.title}, version {self.version}): {questions} "
            f"question{'s' * (questions != 1)}, {units} unit{'s' * (units != 1)}"
        )


def names() -> tuple[str, ...]:
    """List the programmes that can be loaded by name.

    Returns
    -------
    tuple of str
        Those that are shipped, then those of installed packages (entry points in the group
        ``omistats.programmes``, whose value is a package that holds the folder).

    Raises
    ------
    DataError
        When two programmes have one name; all such names are listed.

    Examples
    --------
    >>> import omistats as oms
    >>> oms.programmes.names()
    ('omi2', 'seizure_clinic', 'youth_justice')
    """
    offers = _offers()
    _check_names(offers)
    return tuple(offer.name for offer in offers)


@attrs.frozen
class _Offer:
    """A programme that can be loaded by name: where it is, and who offers it."""

    name: str
    source: str
    folder: Path | None


def _offers() -> list[_Offer]:
    """List the programmes with a name, without importing what offers them."""
    from importlib.metadata import entry_points

    shipped = [path.parent for path in sorted(SHIPPED.glob("*/programme.toml"))]
    return [
        *(_Offer(folder.name, str(folder), folder) for folder in shipped),
        *(
            _Offer(point.name, f"the package {point.value}", _folder_of(point.value))
            for point in entry_points(group=ENTRY_POINT_GROUP)
        ),
    ]


def _folder_of(package: str) -> Path | None:
    """Find the folder of a package; only the outermost is looked up, as others are imported."""
    from importlib.util import find_spec

    first, *rest = package.split(".")
    try:
        spec = find_spec(first)
    except (ImportError, ValueError):
        return None
    places = list(spec.submodule_search_locations or ()) if spec is not None else []
    folders = [Path(place, *rest) for place in places]
    return next((folder for folder in folders if folder.is_dir()), None)


def _check_names(offers: Sequence[_Offer]) -> None:
    """Check that no name is offered twice."""
    sources: dict[str, list[str]] = {}
    for offer in offers:
        sources.setdefault(offer.name, []).append(offer.source)
    hint = "Load one by its path, or uninstall the other."
    problems = [
        Problem(name, "a name is that of one programme", " and ".join(both), hint)
        for name, both in sources.items()
        if len(both) > 1
    ]
    if problems:
        raise DataError(problems)


def load(name: str | os.PathLike[str]) -> Programme:
    """Load a programme by name, or from a folder.

    Parameters
    ----------
    name : str or path
        A name that `names` lists; or the path of a folder, which has a separator or is a Path.

    Returns
    -------
    Programme
        The programme. Nothing in the folder is run.

    Raises
    ------
    UnknownNameError
        When no programme has the name.
    DataError
        When the folder is incomplete, of another layout, or breaks a rule. All problems are
        listed with file and line.
    UsageError
        When ``name`` is neither text nor a path.

    Examples
    --------
    >>> import omistats as oms
    >>> oms.programmes.load("omi2").framework == oms.omi2.DEMONSTRATION
    True
    """
    if not isinstance(name, str | os.PathLike):
        raise UsageError(f"`name` must be a name or a path; found {format_value(name)}")
    text = os.fspath(name)
    if isinstance(name, str) and not any(mark in text for mark in ("/", os.sep, ".")):
        offers = _offers()
        found = [offer for offer in offers if offer.name == text]
        if not found:
            known = dict.fromkeys(offer.name for offer in offers)
            hint = ""
            if _is_folder(Path(text)):
                hint = f"There is a folder of that name: pass {f'./{text}'!r} to load it"
            raise UnknownNameError("programme", text, known, hint)
        _check_names(found)
        if found[0].folder is None:
            hint = "Reinstall it, unpacked, or load the programme by the path of its folder."
            raise DataError([Problem(text, "must have a folder", found[0].source, hint)])
        return _read(found[0].folder, text)
    return _read(Path(text))


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except (OSError, ValueError):
        # The text is no path that this system can have.
        return False


def _read(folder: Path, offered_as: str | None = None) -> Programme:
    """Read a folder; one that is offered under a name must have that name."""
    if not _is_folder(folder):
        try:
            what = "a file" if folder.exists() else "no such folder"
        except (OSError, ValueError):
            what = "no such folder"
        hint = "Pass the folder that has programme.toml in it."
        raise DataError([Problem(str(folder), "a programme is a folder", what, hint)])
    files: dict[str, TomlFile] = {}
    problems: list[Problem] = []
    for file, needed in (
        ("programme.toml", True),
        ("framework.toml", True),
        ("units.toml", False),
        ("rating.toml", False),
    ):
        if needed or (folder / file).exists():
            try:
                files[file] = read_toml(folder / file)
            except DataError as error:
                problems += error.problems
    head = files.get("programme.toml")
    about = _read_head(head) if head is not None else {}
    if head is not None and head.problems and about.get("format") != FORMAT:
        # Of another layout: what else is there has other rules.
        raise DataError([*problems, *head.problems])
    if head is not None and offered_as is not None and about["name"] not in ("", offered_as):
        rule = f"a programme that is offered as {offered_as!r} must have that name"
        head.add(("name",), rule, about["name"], "Correct one of the two.")
    framework = rating = None
    if "framework.toml" in files:
        framework = _read_framework(files["framework.toml"], str(about.get("name") or folder.name))
    units = _read_units(files["units.toml"]) if "units.toml" in files else ()
    if "rating.toml" in files:
        rating = _read_rating(files["rating.toml"], files.get("framework.toml"))
    problems += [problem for file in files.values() for problem in file.problems]
    if problems:
        raise DataError(problems)
    assert framework is not None  # noqa: S101  # else there was a problem
    return Programme(
        about["name"],
        about["title"],
        about["version"],
        about["note"],
        about["unit"],
        framework,
        units,
        rating,
        about["breaks"],
        folder,
    )


_HEAD_KEYS = ("format", "name", "title", "version", "note", "unit", "breaks")


def _read_head(file: TomlFile) -> dict[str, Any]:
    data = file.data
    file.check_keys((), data, _HEAD_KEYS)
    found: dict[str, Any] = {"format": file.take((), data, "format", int, None)}
    if "format" not in data:
        file.add((), "must say its format", "none", f"Write format = {FORMAT} on top.")
    elif found["format"] not in (None, FORMAT):
        hint = "Use the version of omistats that it was written for."
        file.add(("format",), f"format must be {FORMAT}", data["format"], hint)
    needed = ("name", "title", "version")
    _fields(file, (), data, needed)
    found |= {key: data[key] if isinstance(data.get(key), str) else "" for key in needed}
    found["note"] = file.take((), data, "note", str, "").strip()
    found["unit"] = file.take((), data, "unit", str, "unit").strip() or "unit"
    breaks = file.take((), data, "breaks", dict, {})
    for version, why in breaks.items():
        if not isinstance(why, str):
            file.add(("breaks", version), "must be text", why)
    found["breaks"] = {str(version): str(why) for version, why in breaks.items()}
    return found


_FRAMEWORK_KEYS = (
    *("name", "not_answered", "blank", "breakdowns", "scales", "strata", "items", "questions"),
)
_QUESTION_KEYS = (
    *("id", "label", "scale", "levels", "sufficient", "ordered", "criterion", "headlines"),
    *("asked_if", "provenance", "printed"),
)


def _read_framework(file: TomlFile, name: str) -> Framework | None:
    """Read a framework; problems are added to the file."""
    data = file.data
    file.check_keys((), data, _FRAMEWORK_KEYS)
    scales = _read_scales(file)
    unread: set[str] = set()
    strata = [_stratum(file, i, table, unread) for i, table in file.tables("strata")]
    items = [_item(file, i, table) for i, table in file.tables("items")]
    questions = [_question(file, i, table, scales, unread) for i, table in file.tables("questions")]
    if "questions" not in data or data["questions"] == []:
        file.add((), "a framework needs questions", "none", "Write [[questions]].")
    own = file.take((), data, "name", str, name) or name
    settings = (
        _read_breakdowns(file, [stratum.name for stratum in strata if stratum is not None]),
        file.take((), data, "not_answered", str, None),
        file.take((), data, "blank", str, "not applicable"),
    )
    tables = len(_listed(file, "strata") + _listed(file, "items") + _listed(file, "questions"))
    parts = [part for part in (*strata, *items, *questions) if part is not None]
    if len(parts) < tables:
        # What names a part without a name would be blamed for it; circles are not.
        waits = {
            table["id"]: _names_in(table.get("asked_if", []))
            for table in _listed(file, "questions")
            if isinstance(table.get("id"), str)
        }
        _place_problems(file, circle_problems(waits))
        return None
    asked = [
        attrs.evolve(q, asked_if=_conditions_on(q.asked_if, unread))
        for q in questions
        if q is not None
    ]
    try:
        return Framework(own, asked, strata, items, *settings)  # type: ignore[arg-type]
    except DataError as error:
        _place_problems(file, error.problems)
        return None
    except OmistatsError as error:
        file.add((), "must be a framework", str(error))
        return None


# The levels of what has levels that could not be read.
_UNREAD = ("a level", "another level")


def _conditions_on(asked_if: Sequence[Condition], unread: set[str]) -> list[dict[str, Any]]:
    """Return conditions, with levels that stand in for those of what could not be read."""
    return [
        {name: _UNREAD[:1] if name in unread else levels for name, levels in condition}
        for condition in asked_if
    ]


def _listed(file: TomlFile, key: str) -> list[dict[str, Any]]:
    """Return the entries of a list, without noting those that are no table: they are empty."""
    values = file.data.get(key)
    if not isinstance(values, list):
        return []
    return [value if isinstance(value, dict) else {} for value in values]


def _place_problems(file: TomlFile, problems: Sequence[Problem]) -> None:
    """Give each problem of a framework the line of the entry that it is about."""
    places: dict[str, Key] = {}
    for key in ("items", "strata", "questions"):
        # Of entries with one name, the last: it is the one too many.
        for i, table in enumerate(_listed(file, key)):
            places[str(table.get("id", table.get("name")))] = (key, i)
    for problem in problems:
        owner, key = problem.where, ""
        while owner not in places and ", " in owner:
            owner, _, end = owner.rpartition(", ")
            key = f"{end}, {key}" if key else end
        setting = re.match(r"`(\w+)`|blanks? that", problem.rule)
        if owner in places:
            where = file.where(*places[owner], *((key,) if key else ())) + f" of {owner}"
        elif setting:
            where = file.where(setting[1] or "blank")
        else:
            # About names that are listed.
            about = [place for id, place in places.items() if repr(id) in problem.found]
            where = file.where(*(about[-1] if about else ()))
        file.problems.append(attrs.evolve(problem, where=where))


def _read_breakdowns(file: TomlFile, strata: Sequence[str]) -> list[str | tuple[str, ...]]:
    """Read standard breakdowns, without importing those of installed packages."""
    values = file.take((), file.data, "breakdowns", list, [])
    crosses = [tuple(value) if isinstance(value, list) else (value,) for value in values]
    names = {name for cross in crosses for name in cross if isinstance(name, str)}
    # Searching the installed packages takes longer than all else.
    known = strata if names <= {*strata} else known_names(strata)
    is_whole = len(strata) == len(_listed(file, "strata"))
    good: list[str | tuple[str, ...]] = []
    for i, (value, cross) in enumerate(zip(values, crosses, strict=True)):
        path: Key = ("breakdowns", i)
        before = len(file.problems)
        for j, name in enumerate(cross):
            place = (*path, j) if isinstance(value, list) else path
            if not _is_text(name):
                file.add(place, "must be text", name)
            elif name not in known and is_whole:
                near = str(UnknownNameError("breakdown", name, known))
                file.add(place, "must be a breakdown", near, "Name one of [[strata]].")
        if len(file.problems) > before:
            continue
        if isinstance(value, list) and (len(cross) < 2 or len({*cross}) < len(cross)):
            file.add(path, "a cross must name two or more different breakdowns", value)
        elif cross in crosses[:i]:
            file.add(path, "must be named once", value, "Take one away.")
        else:
            good.append(cross if isinstance(value, list) else value)
    return good


def _check_fed(file: TomlFile, framework: TomlFile) -> None:
    """Check that questions feed the items of standards."""
    links = [
        link.get("item") if isinstance(link, dict) else link
        for table in _listed(framework, "questions")
        for given in (table.get("criterion", []), table.get("headlines", []))
        for link in (given if isinstance(given, list) else [given])
    ]
    items = _listed(framework, "items")
    known = [table.get("id") for table in items]
    if any(link not in known for link in links):
        # It may be meant for any of them.
        return
    fed = links + [table.get("parent") for table in items if table.get("id") in links]
    for i, standard in enumerate(_listed(file, "standards")):
        given = standard.get("items")
        for j, item in enumerate(given if isinstance(given, list) else []):
            if isinstance(item, str) and item in known and item not in fed:
                rule, hint = (
                    "must be an item that questions feed",
                    "Link one to it, or take it out.",
                )
                what = f"{item!r}, to which no question is linked"
                file.add(("standards", i, "items", j), rule, what, hint)


def _read_scales(file: TomlFile) -> dict[str, dict[str, Any] | None]:
    """Read the levels of each scale; None for one that is wrong."""
    scales = file.take((), file.data, "scales", dict, {})
    found: dict[str, dict[str, Any] | None] = {}
    for name, table in scales.items():
        path = ("scales", name)
        found[name] = None
        if not isinstance(table, dict):
            file.add(path, "must be a table", table)
            continue
        file.check_keys(path, table, ("levels", "sufficient", "ordered"))
        before = len(file.problems)
        scale = _scale(file, path, table)
        if not table.get("levels") and len(file.problems) == before:
            file.add(path, "needs levels", "none", "List them in order.")
        if len(file.problems) > before:
            continue
        try:
            Framework("scale", [Question("a scale", "A scale", **scale)])
        except DataError as error:
            for problem in error.problems:
                key = problem.where.partition(", ")[2]
                file.problems.append(attrs.evolve(problem, where=file.where(*path, key)))
            continue
        found[name] = scale
    return found


def _scale(file: TomlFile, path: Key, table: dict[str, Any]) -> dict[str, Any]:
    found = {key: _texts(file, path, table, key) for key in ("levels", "sufficient")}
    return {**found, "ordered": file.take(path, table, "ordered", bool, True)}


def _texts(file: TomlFile, path: Key, table: dict[str, Any], key: str) -> list[str]:
    """Return a list of text; note entries that are none."""
    values: list[Any] = file.take(path, table, key, list, [])
    odd = [i for i, value in enumerate(values) if not _is_text(value)]
    for i in odd:
        file.add((*path, key, i), "must be text", values[i])
    return [] if odd else values


def _fields(file: TomlFile, path: Key, table: dict[str, Any], needed: tuple[str, ...]) -> bool:
    """Check that texts are there; note those that are not."""
    good = True
    for key in needed:
        value = table.get(key)
        if key not in table:
            file.add(
                path, f"needs {'an' if key == 'id' else 'a'} {key}", "none", f'Write {key} = "...".'
            )
        elif not _is_text(value):
            file.add((*path, key), "must be text", value)
        else:
            continue
        good = False
    return good


def _stratum(file: TomlFile, i: int, table: dict[str, Any], unread: set[str]) -> Stratum | None:
    """Read a stratum; None for one without a name."""
    path = ("strata", i)
    file.check_keys(path, table, ("name", "levels", "required"))
    before = len(file.problems)
    levels = _texts(file, path, table, "levels")
    if not _fields(file, path, table, ("name",)):
        return None
    if len(file.problems) > before:
        return _unread_stratum(table["name"], unread)
    try:
        return Stratum(table["name"], levels, file.take(path, table, "required", bool, True))
    except DataError as error:
        where = file.where(*path, "levels") + f" of {table['name']}"
        file.problems.extend(attrs.evolve(problem, where=where) for problem in error.problems)
    return _unread_stratum(table["name"], unread)


def _unread_stratum(name: str, unread: set[str]) -> Stratum | None:
    unread.add(name)
    try:
        return Stratum(name, _UNREAD)
    except DataError:
        # Its name is what is wrong.
        return None


def _item(file: TomlFile, i: int, table: dict[str, Any]) -> Item | None:
    """Read an item; None for one without an id."""
    path = ("items", i)
    known = ("id", "level", "label", "parent", "statement", "purpose", "ended")
    file.check_keys(path, table, known)
    good = _fields(file, path, table, ("id", "level", "label"))
    if not _is_text(table.get("id")):
        return None
    # One whose level could not be read may be the section that others name.
    level: Any = table["level"] if good or table.get("level") in get_args(Level) else "section"
    return Item(
        table["id"],
        level,
        table["label"] if good else "",
        file.take(path, table, "parent", str, None),
        file.take(path, table, "statement", str, ""),
        file.take(path, table, "purpose", str, ""),
        file.take(path, table, "ended", bool, False),
    )


def _question(
    file: TomlFile,
    i: int,
    table: dict[str, Any],
    scales: Mapping[str, dict[str, Any] | None],
    unread: set[str],
) -> Question | None:
    """Read a question; None for one without an id. Ids without levels are added to ``unread``."""
    path = ("questions", i)
    file.check_keys(path, table, _QUESTION_KEYS)
    _fields(file, path, table, ("id", "label"))
    id = table["id"] if _is_text(table.get("id")) else None
    before = len(file.problems)
    options = _answers_of(file, path, table, scales)
    if id is not None and (len(file.problems) > before or options is None):
        unread.add(id)
        options = {"levels": _UNREAD, "sufficient": _UNREAD[:1]}
    provenance = file.take(path, table, "provenance", str, "published")
    criterion = None
    if "criterion" in table:
        criterion = _link(file, (*path, "criterion"), table["criterion"], provenance)
    given = file.take(path, table, "headlines", list, [])
    headlines = [
        _link(file, (*path, "headlines", j), value, provenance) for j, value in enumerate(given)
    ]
    asked_if = table.get("asked_if", [])
    if not _is_condition(asked_if):
        rule = "must be a table of names and the levels they may have, or a list of such tables"
        file.add((*path, "asked_if"), rule, asked_if)
        asked_if = []
    printed = file.take(path, table, "printed", list, [])
    if not all(_is_pair(pair) for pair in printed):
        rule = "must be pairs of the numbers of a table and a row"
        file.add((*path, "printed"), rule, printed)
        printed = []
    if id is None:
        return None
    return Question(
        id,
        table["label"] if _is_text(table.get("label")) else "",
        criterion,
        [link for link in headlines if link is not None],
        tuple((table_, row) for table_, row in printed),
        provenance,
        asked_if=asked_if,
        **(options or {}),
    )


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _is_pair(value: Any) -> bool:
    return isinstance(value, list) and [type(part) for part in value] == [int, int]


def _names_in(asked_if: Any) -> list[str]:
    """Return what a condition names, as far as it is one."""
    if not _is_condition(asked_if):
        return []
    several = [asked_if] if isinstance(asked_if, dict) else asked_if
    return [name for one in several for name in one]


def _is_condition(value: Any) -> bool:
    """Say whether a value is a table of names with a level or a list of levels, or several."""
    several = [value] if isinstance(value, dict) else value
    return isinstance(several, list) and all(
        isinstance(one, dict)
        and all(
            isinstance(levels, str)
            or (isinstance(levels, list) and all(isinstance(level, str) for level in levels))
            for levels in one.values()
        )
        for one in several
    )


def _answers_of(
    file: TomlFile,
    path: Key,
    table: dict[str, Any],
    scales: Mapping[str, dict[str, Any] | None],
) -> dict[str, Any] | None:
    """Return the levels of a question: those of its scale, its own, or none.

    None stands for a scale that is wrong, which is noted already.
    """
    own = [key for key in ("levels", "sufficient", "ordered") if key in table]
    if "scale" not in table:
        return _scale(file, path, table) if own else {}
    if own:
        rule = "a question has a scale or levels of its own"
        file.add((*path, own[0]), rule, "both", "Take one away.")
    name = file.take(path, table, "scale", str, None)
    if name is not None and name not in scales:
        near = str(UnknownNameError("scale", name, scales))
        file.add((*path, "scale"), "must be one of [scales]", near)
    return scales.get(name)


def _link(file: TomlFile, path: Key, value: Any, provenance: str) -> Link | None:
    """Read a link: the id of an item, or a table of item and provenance."""
    if isinstance(value, str):
        return Link(value, provenance)  # type: ignore[arg-type]  # the framework checks it
    if isinstance(value, dict) and isinstance(value.get("item"), str):
        file.check_keys(path, value, ("item", "provenance"))
        return Link(value["item"], file.take(path, value, "provenance", str, provenance))
    file.add(path, "must be an item's id, or a table of item and provenance", value)
    return None


def _read_units(file: TomlFile) -> tuple[Unit, ...]:
    file.check_keys((), file.data, ("units",))
    units: list[Unit] = []
    for i, table in file.tables("units"):
        path = ("units", i)
        file.check_keys(path, table, ("id", "name", "synonyms"))
        if not _fields(file, path, table, ("id",)):
            continue
        name = file.take(path, table, "name", str, "")
        synonyms = _texts(file, path, table, "synonyms")
        if table["id"] in (unit.id for unit in units):
            file.add((*path, "id"), "ids must be unique", table["id"], "Rename one of them.")
        elif table["id"] == ALL:
            file.add((*path, "id"), f"{ALL!r} stands for all units", table["id"], "Rename it.")
        else:
            units.append(Unit(table["id"], name, synonyms))
    return tuple(units)


def _read_rating(file: TomlFile, framework: TomlFile | None) -> RatingRule | None:
    """Read a rule; an id of an item that could not be read may be any that it names."""
    known: list[Any] = []
    if framework is not None:
        known = [table.get("id") for table in _listed(framework, "items")]
        _check_fed(file, framework)
    readable = framework is not None and all(isinstance(id, str) for id in known)
    try:
        return RatingRule.from_dict(file.data, items=known if readable else None)
    except DataError as error:
        for problem in error.problems:
            path = _path_of(problem.where)
            file.problems.append(attrs.evolve(problem, where=file.where(*path)))
    return None


def _path_of(where: str) -> Key:
    """Turn a place such as ``standards[1].items[0]`` into its parts."""
    entry = re.match(r"(\w+)\[(\d+)\](?:\.(items)\[(\d+)\]|\.(.*))?$", where, re.DOTALL)
    if entry is None:
        return (where,)
    own: Key = (entry[1], int(entry[2]))
    if entry[3]:
        return (*own, entry[3], int(entry[4]))
    return (*own, entry[5]) if entry[5] else own
