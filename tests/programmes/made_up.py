"""A programme of four questions, made up by the tests."""

from __future__ import annotations

from pathlib import Path

MADE_UP = {
    "programme.toml": """
format = 1
name = "library_visits"
title = "Visits to libraries"
version = "2030"
note = "Made up by a test."
""",
    "framework.toml": """
not_answered = "not sufficient"
blank = "not applicable"
breakdowns = ["size", "town"]

[scales.stars]
levels = ["one", "two", "three", "four", "five"]
sufficient = ["four", "five"]

[[strata]]
name = "size"
levels = ["small", "large"]

[[strata]]
name = "town"
levels = ["north", "south", "west"]

[[items]]
id = "service"
level = "headline"
label = "Service"

[[items]]
id = "place"
level = "headline"
label = "Place"

[[questions]]
id = "welcome"
label = "Visitors are welcomed"
scale = "stars"
headlines = ["service"]

[[questions]]
id = "open_late"
label = "Open late"
headlines = ["service", "place"]

[[questions]]
id = "lift"
label = "The lift works"
headlines = ["place"]
asked_if = { size = "large" }

[[questions]]
id = "lift_signed"
label = "The lift is signed"
headlines = [{ item = "place", provenance = "invented" }]
asked_if = { lift = "sufficient" }
""",
    "units.toml": """
[[units]]
id = "east"

[[units]]
id = "central"
name = "Central"
synonyms = ["City"]
""",
    "rating.toml": """
[[bands]]
name = "poor"
from = 0
below = 60

[[bands]]
name = "good"
from = 60
""",
}


def write(folder: Path, **changes: str) -> Path:
    for name, text in MADE_UP.items():
        key = name.partition(".")[0]
        if changes.get(key) != "":
            (folder / name).write_text(changes.get(key, text).lstrip("\n"))
    return folder
