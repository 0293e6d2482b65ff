"""A programme: a folder that holds its framework, units, rating rule and cases as data."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import attrs

from omistats.breakdowns.base import Breakdown
from omistats.breakdowns.registry import resolve
from omistats.errors import (
    DataError,
    OmistatsError,
    Problem,
    UnknownNameError,
    UsageError,
    format_value,
    format_values,
)
from omistats.model.batches import read_cases
from omistats.model.case_set import CaseSet
from omistats.model.framework import Framework, Item, Link, Question, Stratum
from omistats.model.units import Unit
from omistats.programmes.toml_files import TomlFile, read_toml
from omistats.scoring.ratings import RatingRule

__all__ = ["Programme", "load", "names"]

FORMAT = 1
"""The version of the layout of folders that this version reads."""

_SHIPPED = Path(__file__).parent
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
    framework : Framework
        Questions with their levels and routing, items, strata, and standard breakdowns.
    units : tuple of Unit
        The units, possibly none.
    rating : RatingRule or None
        How percentages become ratings.
    breaks : mapping of str to str
        Versions after which results are not comparable with earlier ones, and why.
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
            Cases with the programme's framework and units. Simulated ones are marked synthetic.

        Raises
        ------
        DataError
            When the folder holds no cases, or they break a rule.
        """
        path = self.folder / "cases.parquet"
        if not path.exists():
            what, hint = "no such file", "Read cases of your own with CaseSet.from_data."
            raise DataError([Problem(str(path), "a programme's cases", what, hint)])
        found = read_cases(path, self.framework)
        units = [unit for unit in self.units if unit.id in found.units] or None
        return CaseSet.from_data(found, framework=self.framework, units=units)

    def __repr__(self) -> str:
        questions, units = len(self.framework.questions), len(self.units)
        return (
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
        When two of them have one name.

    Examples
    --------
    >>> import omistats as oms
    >>> oms.programmes.names()
    ('omi2', 'seizure_clinic', 'youth_justice')
    """
    return tuple(_folders())


def _folders() -> dict[str, Path]:
    """Find the folders of programmes by name, without importing what offers them."""
    from importlib.metadata import entry_points
    from importlib.util import find_spec

    found = {path.parent.name: path.parent for path in sorted(_SHIPPED.glob("*/programme.toml"))}
    for point in entry_points(group=ENTRY_POINT_GROUP):
        spec = find_spec(point.value)
        places = list(spec.submodule_search_locations or ()) if spec is not None else []
        if point.name in found:
            what = f"{found[point.name]} and {point.value}"
            hint = "Load one by its path, or uninstall the other."
            raise DataError([Problem(point.name, "one programme of a name", what, hint)])
        if places:
            found[point.name] = Path(places[0])
    return found


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
        folders = _folders()
        if text not in folders:
            raise UnknownNameError("programme", text, folders)
        return _read(folders[text])
    return _read(Path(text))


def _read(folder: Path) -> Programme:
    if not folder.is_dir():
        what = "a file" if folder.exists() else "no such folder"
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
    framework = rating = None
    if "framework.toml" in files:
        framework = _read_framework(files["framework.toml"], str(about.get("name") or folder.name))
    units = _read_units(files["units.toml"]) if "units.toml" in files else ()
    if "rating.toml" in files:
        rating = _read_rating(files["rating.toml"], framework)
    problems += [problem for file in files.values() for problem in file.problems]
    if problems:
        raise DataError(problems)
    assert framework is not None  # noqa: S101  # else there was a problem
    return Programme(
        about["name"],
        about["title"],
        about["version"],
        about["note"],
        framework,
        units,
        rating,
        about["breaks"],
        folder,
    )


def _read_head(file: TomlFile) -> dict[str, Any]:
    data = file.data
    known = ("format", "name", "title", "version", "note", "breaks")
    file.check_keys((), data, known)
    found: dict[str, Any] = {"format": file.take((), data, "format", int, None)}
    if found["format"] is None:
        file.add((), "must say its format", "none", f"Write format = {FORMAT} on top.")
    elif found["format"] != FORMAT:
        hint = "Use the version of omistats that it was written for."
        file.add(("format",), f"format must be {FORMAT}", data["format"], hint)
    for key, needed in (("name", True), ("title", True), ("version", True), ("note", False)):
        value = file.take((), data, key, str, "")
        if needed and not value.strip():
            file.add((key,), f"a programme needs a {key}", "none", f'Write {key} = "...".')
        found[key] = value
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
    strata = [s for i, table in file.tables("strata") if (s := _stratum(file, i, table))]
    items = [item for i, table in file.tables("items") if (item := _item(file, i, table))]
    asked = file.tables("questions")
    if not asked:
        file.add(("questions",), "a framework needs questions", "none", "Write [[questions]].")
    questions = [q for i, table in asked if (q := _question(file, i, table, scales))]
    if file.problems:
        return None
    try:
        return Framework(
            file.take((), data, "name", str, name),
            questions,
            strata,
            items,
            file.take((), data, "breakdowns", list, []),
            file.take((), data, "not_answered", str, None),
            file.take((), data, "blank", str, "not applicable"),
        )
    except DataError as error:
        places = {
            table.get("id", table.get("name")): (key, i)
            for key in ("items", "strata", "questions")
            for i, table in file.tables(key)
        }
        for problem in error.problems:
            name, _, key = problem.where.partition(", ")
            path: tuple[str | int, ...] = places.get(name, ())
            where = file.where(*path, *((key,) if path and key else ())) + f" of {name}"
            file.problems.append(attrs.evolve(problem, where=where))
    except OmistatsError as error:
        file.add((), "must be a framework", str(error))
    return None


def _read_scales(file: TomlFile) -> dict[str, dict[str, Any]]:
    scales = file.take((), file.data, "scales", dict, {})
    found = {}
    for name, table in scales.items():
        path = ("scales", name)
        if not isinstance(table, dict):
            file.add(path, "must be a table", table)
            continue
        file.check_keys(path, table, ("levels", "sufficient", "ordered"))
        found[name] = _scale(file, path, table)
        try:
            Framework("scale", [Question("a scale", "A scale", **found[name])])
        except OmistatsError as error:
            for problem in getattr(error, "problems", ()):
                key = problem.where.partition(", ")[2]
                where = file.where(*path, key)
                file.problems.append(attrs.evolve(problem, where=where))
            found[name] = {}
    return found


def _scale(file: TomlFile, path: tuple[str | int, ...], table: dict[str, Any]) -> dict[str, Any]:
    found = {key: _texts(file, path, table, key) for key in ("levels", "sufficient")}
    return {**found, "ordered": file.take(path, table, "ordered", bool, True)}


def _texts(file: TomlFile, path: tuple[str | int, ...], table: dict[str, Any], key: str) -> Any:
    values = file.take(path, table, key, list, [])
    if odd := [value for value in values if not isinstance(value, str)]:
        file.add((*path, key), "must be a list of text", format_values(odd))
        return []
    return values


def _fields(
    file: TomlFile, path: tuple[str | int, ...], table: dict[str, Any], needed: tuple[str, ...]
) -> bool:
    """Check that texts are there; note those that are not."""
    good = True
    for key in needed:
        value = file.take(path, table, key, str, "")
        if not value.strip():
            if key not in table or isinstance(table[key], str):
                file.add(path, f"needs a {key}", "none", f'Write {key} = "...".')
            good = False
    return good


def _stratum(file: TomlFile, i: int, table: dict[str, Any]) -> Stratum | None:
    path = ("strata", i)
    file.check_keys(path, table, ("name", "levels", "required"))
    levels = _texts(file, path, table, "levels")
    if not _fields(file, path, table, ("name",)):
        return None
    try:
        return Stratum(table["name"], levels, file.take(path, table, "required", bool, True))
    except DataError as error:
        for problem in error.problems:
            file.problems.append(attrs.evolve(problem, where=file.where(*path, "levels")))
    return None


def _item(file: TomlFile, i: int, table: dict[str, Any]) -> Item | None:
    path = ("items", i)
    known = ("id", "level", "label", "parent", "statement", "purpose", "ended")
    file.check_keys(path, table, known)
    if not _fields(file, path, table, ("id", "level", "label")):
        return None
    return Item(
        table["id"],
        table["level"],
        table["label"],
        file.take(path, table, "parent", str, None),
        file.take(path, table, "statement", str, ""),
        file.take(path, table, "purpose", str, ""),
        file.take(path, table, "ended", bool, False),
    )


def _question(
    file: TomlFile, i: int, table: dict[str, Any], scales: Mapping[str, dict[str, Any]]
) -> Question | None:
    path = ("questions", i)
    file.check_keys(path, table, _QUESTION_KEYS)
    if not _fields(file, path, table, ("id", "label")):
        return None
    options: dict[str, Any] = {}
    if "scale" in table:
        name = file.take(path, table, "scale", str, "")
        if name not in scales:
            near = str(UnknownNameError("scale", name, scales)) if name else "none"
            file.add((*path, "scale"), "must be one of [scales]", near)
        else:
            options = dict(scales[name])
    elif "levels" in table:
        options = _scale(file, path, table)
    provenance = file.take(path, table, "provenance", str, "published")
    criterion = table.get("criterion")
    headlines = file.take(path, table, "headlines", list, [])
    links = [
        _link(file, (*path, key), value, provenance)
        for key, values in (
            ("criterion", [criterion] if criterion is not None else []),
            ("headlines", headlines),
        )
        for value in values
    ]
    printed = file.take(path, table, "printed", list, [])
    asked_if = table.get("asked_if")
    if asked_if is not None and not isinstance(asked_if, dict | list):
        file.add((*path, "asked_if"), "must be a table of levels, or a list of them", asked_if)
        return None
    if any(link is None for link in links):
        return None
    first = links[0] if criterion is not None else None
    try:
        return Question(
            table["id"],
            table["label"],
            first,
            [link for link in links[criterion is not None :] if link is not None],
            tuple((int(a), int(b)) for a, b in printed),
            provenance,
            asked_if=asked_if,
            **options,
        )
    except (OmistatsError, TypeError, ValueError) as error:
        file.add(path, "must be a question", str(error))
    return None


def _link(file: TomlFile, path: tuple[str | int, ...], value: Any, provenance: str) -> Link | None:
    """Read a link: the id of an item, or a table of item and provenance."""
    if isinstance(value, str):
        return Link(value, provenance)  # type: ignore[arg-type]  # the framework checks it
    if isinstance(value, dict) and isinstance(value.get("item"), str):
        file.check_keys(path, value, ("item", "provenance"))
        return Link(value["item"], value.get("provenance", provenance))
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
        synonyms = _texts(file, path, table, "synonyms")
        if table["id"] in (unit.id for unit in units):
            file.add((*path, "id"), "ids must be unique", table["id"], "Rename one of them.")
            continue
        units.append(Unit(table["id"], file.take(path, table, "name", str, ""), synonyms))
    return tuple(units)


def _read_rating(file: TomlFile, framework: Framework | None) -> RatingRule | None:
    try:
        rule = RatingRule.from_dict(file.data)
    except DataError as error:
        for problem in error.problems:
            path = _path_of(problem.where)
            file.problems.append(attrs.evolve(problem, where=file.where(*path)))
        return None
    if framework is not None:
        known = {item.id for item in framework.items}
        for i, standard in enumerate(rule.standards):
            for item in standard.items:
                if item not in known:
                    near = str(UnknownNameError("item", item, known))
                    file.add(("standards", i, "items"), "must be items of the framework", near)
    return rule


def _path_of(where: str) -> tuple[str | int, ...]:
    """Turn a key such as ``bands[1].from`` into its parts."""
    parts: list[str | int] = []
    for part in where.split("."):
        name, _, place = part.partition("[")
        parts.append(name)
        if place:
            parts.append(int(place.rstrip("]")))
    return tuple(parts)
