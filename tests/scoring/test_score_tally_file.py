"""A saved ScoreTally is read back unchanged, or an error is raised."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pyarrow as pa
import pytest
from tests.damage import failing_writes, flipped
from tests.scoring.programme import (
    BREAKDOWNS,
    FRAMEWORK,
    WALD,
    case_set,
    framework,
    have_spread,
    read,
)
from tests.scoring.test_score_tally import alike, same, whole

import omistats as oms
from omistats import DataError, ScoreTally, UsageError, score_tally

# Internal: damaged files that are signed again.
from omistats.counting.tally_file import with_checksum
from omistats.scoring.effective import size_columns
from omistats.scoring.score_tally_file import KIND


@pytest.fixture
def path(tmp_path: Path) -> Path:
    found = tmp_path / "sums.arrow"
    whole().write(found)
    return found


def table_of(path: Path) -> pa.Table:
    with pa.OSFile(str(path)) as file:
        return pa.ipc.open_file(file).read_all()


def put(path: Path, table: pa.Table, sign: bool = True, **said: Any) -> None:
    """Write a table with changed metadata, by default with a checksum that fits."""
    metadata = dict(table.schema.metadata)
    if said:
        metadata[KIND.key] = json.dumps({**json.loads(metadata[KIND.key]), **said}).encode()
    table = table.replace_schema_metadata(metadata)
    table = with_checksum(table, KIND) if sign else table
    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_file(file, table.schema) as out:
        out.write_table(table)


@pytest.mark.parametrize("complement", ["all", "known"])
def test_saved_sums_are_read_back(tmp_path, complement):
    whole(complement).write(tmp_path / "sums.arrow")
    found = ScoreTally.read(tmp_path / "sums.arrow", framework=FRAMEWORK)
    alike(found, whole(complement))
    same(oms.scores(found, by="unit"), oms.scores(whole(complement), by="unit"))


def test_the_mark_of_synthetic_cases_is_kept(tmp_path):
    cases = oms.omi2.load_synthetic()
    sums = score_tally(cases, items=["3"])
    sums.write(str(tmp_path / "sums.arrow"))
    found = ScoreTally.read(str(tmp_path / "sums.arrow"), framework=cases.framework)
    assert found.metadata == sums.metadata
    assert table_of(tmp_path / "sums.arrow").schema.metadata[b"synthetic"] == b"true"


def test_no_units_no_rows(tmp_path):
    cases = oms.CaseSet.from_data(pa.table(case_set([])), framework=FRAMEWORK, units=[])
    sums = score_tally(cases, breakdowns=BREAKDOWNS)
    sums.write(tmp_path / "none.arrow")
    alike(ScoreTally.read(tmp_path / "none.arrow", framework=FRAMEWORK), sums)


def test_the_table_is_tidy(path):
    rows = table_of(path).to_pylist()
    sums = whole()
    assert len(rows) == 6 * 9 * 8
    row = next(
        r for r in rows
        if (r["unit"], r["breakdown"], r["group"], r["item"]) == ("south", "gender", "m", "safety")
    )  # fmt: skip
    at = [item.item.id for item in sums.items].index("safety")
    assert [row[name] for name in ("k", "n", "kk", "kn", "nn")] == sums.moments[1, 2, at].tolist()
    assert row["cases"] == 27
    first = size_columns(sums.items)[at]
    assert row["sizes"] == sums.sizes[1, 2, first].tolist()
    rest = [r for r in rows if r["breakdown"] == "harm" and r["group"] is None]
    assert len(rest) == 6 * 8
    assert sum(r["n"] for r in rest) == sums.moments[:, -1, :, 1].sum()


def test_a_file_of_an_earlier_version_serves_walds_rules(path):
    """It has no sums by number of answers."""
    put(path, table_of(path).drop_columns("sizes"))
    old = ScoreTally.read(path, framework=FRAMEWORK)
    assert old.sizes is None
    found = oms.scores(old, by="unit").table
    assert set(found["interval_method"].to_pylist()) - {None} == {"wald-t"}
    assert set(found["method"].to_pylist()) - {None} == {"wald-f"}
    effective = ["reliability", "cases", "effective_n", "effective_df"]
    by_name = oms.scores(whole(), by="unit", df="design", **WALD).table
    # A group of one case has a standard error of 0 by name.
    told = have_spread(found)
    mine, theirs = (x.filter(told).drop_columns(effective) for x in (found, by_name))
    assert mine.num_rows > len(found) / 2
    assert mine.equals(theirs)
    assert {found[name].null_count for name in effective[1:]} == {len(found)}
    for name in ("interval", "test"):
        with pytest.raises(UsageError, match=f"`{name}='effective'` needs sums by number of answ"):
            oms.scores(old, **{name: "effective"})
    # What one part lacks, the whole lacks; what is replaced stays without.
    for both in (old.merge(whole()), whole().merge(old), whole().replace(old)):
        assert both.sizes is None
        assert set(oms.scores(both).table["interval_method"].to_pylist()) == {"wald-t"}


def test_a_file_that_is_there_is_replaced(path):
    whole("known").write(path)
    alike(ScoreTally.read(path, framework=FRAMEWORK), whole("known"))


@pytest.mark.parametrize("share", [0, 0.1, 0.5, 0.9, 0.999])
def test_a_truncated_file(path, share):
    whole_file = path.read_bytes()
    path.write_bytes(whole_file[: int(share * len(whole_file))])
    with pytest.raises(
        DataError, match=r"sums.arrow: expected a file of sums over cases, complete; found "
    ):
        ScoreTally.read(path, framework=FRAMEWORK)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(DataError, match=r"none\.arrow: expected a file of sums over cases"):
        ScoreTally.read(tmp_path / "none.arrow", framework=FRAMEWORK)


def test_other_files(tmp_path, path):
    other = tmp_path / "scores.arrow"
    table = oms.scores(case_set(read())).table
    with pa.OSFile(str(other), "wb") as file, pa.ipc.new_file(file, table.schema) as out:
        out.write_table(table)
    with pytest.raises(DataError, match=r"that ScoreTally.write wrote; found no metadata 'omis"):
        ScoreTally.read(other, framework=FRAMEWORK)
    for text in (b"{", b"[]", b"{}", b"\xff", b"[" * 100_000):
        changed = table_of(path).replace_schema_metadata({KIND.key: text})
        with pa.OSFile(str(other), "wb") as file, pa.ipc.new_file(file, changed.schema) as out:
            out.write_table(changed)
        with pytest.raises(DataError, match=r"that ScoreTally\.write wrote; found metadata"):
            ScoreTally.read(other, framework=FRAMEWORK)


@pytest.mark.parametrize(
    ("said", "message"),
    [
        (
            {"version": 2},
            "sums over cases of version 1; found version 2. Read it with the omistats",
        ),
        ({"version": True}, "sums over cases of version 1; found version True"),
        ({"complement": "some"}, "metadata that describe the sums; found ValueError"),
        ({"breakdowns": [{"key": "x", "groups": ["y"], "contrast": "z"}]}, "describe the sums"),
        ({"items": {}}, "items of the framework; found `items` names none"),
        ({"items": 1}, "metadata that describe the sums"),
        ({"breakdowns": [{"key": "x", "groups": ["y"], "contrast": "groups"}]}, "not those writt"),
        ({"breakdowns": []}, "432 rows that are not those written"),
        ({"framework": "other"}, "sums of the framework 'other'; found 'made up'"),
        ({"items": {"1.1": ["a1"]}}, "found other ones for '1.1'"),
        ({"items": {"9": ["a1"]}}, "items of the framework; found unknown item '9'"),
    ],
)
def test_metadata_that_do_not_fit_are_raised(path, said, message):
    put(path, table_of(path), **said)
    with pytest.raises(DataError, match=message):
        ScoreTally.read(path, framework=FRAMEWORK)


def test_changed_metadata_are_detected(path):
    put(path, table_of(path), sign=False, complement="known")
    with pytest.raises(DataError, match=f"{path}.*unchanged; found content that does not"):
        ScoreTally.read(path, framework=FRAMEWORK)


def changed(table: pa.Table, name: str, at: int, value: Any) -> pa.Table:
    values = table[name].to_pylist()
    values[at] = value
    place = table.column_names.index(name)
    return table.set_column(place, table.schema.field(name), pa.array(values, table[name].type))


@pytest.mark.parametrize(
    "change",
    [
        lambda t: t.slice(0, t.num_rows - 1),
        lambda t: t.slice(1),
        lambda t: t.take(np.arange(t.num_rows)[::-1]),
        lambda t: t.drop_columns("nn"),
        lambda t: t.rename_columns(["u", *t.column_names[1:]]).replace_schema_metadata(
            t.schema.metadata
        ),
        lambda t: changed(t, "unit", 3, "south"),
        lambda t: changed(t, "unit", 0, None),
        lambda t: changed(t, "group", 9, None),
        lambda t: changed(t, "cases", 5, 99),
        lambda t: changed(t, "kk", 7, None),
        lambda t: changed(t, "sizes", 7, None),
        lambda t: changed(t, "sizes", 7, t["sizes"][7].as_py()[:-1]),
        lambda t: changed(t, "sizes", 7, [None, *t["sizes"][7].as_py()[1:]]),
    ],
)
def test_changed_rows_are_detected(path, change):
    table = change(table_of(path))
    put(path, table)
    with pytest.raises(DataError, match="rows that are not those written"):
        ScoreTally.read(path, framework=FRAMEWORK)
    put(path, table, sign=False)
    with pytest.raises(DataError, match="unchanged; found content that does not match"):
        ScoreTally.read(path, framework=FRAMEWORK)


@pytest.mark.parametrize(
    "change",
    [
        lambda t: changed(t, "n", 7, t["n"][7].as_py() + 1),
        # How many cases have a sufficient answer, which no other sum tells.
        lambda t: changed(
            t, "sizes", 7, [*t["sizes"][7].as_py()[:-2], 1, t["sizes"][7].as_py()[-1]]
        ),
        lambda t: t.slice(0, t.num_rows - 72),
        lambda t: t.slice(0, 0),
    ],
)
def test_possible_sums_that_were_not_written_are_detected(path, change):
    put(path, table_of(path), sign=False)
    alike(ScoreTally.read(path, framework=FRAMEWORK), whole())
    put(path, change(table_of(path)), sign=False)
    with pytest.raises(DataError, match="unchanged; found content that does not match"):
        ScoreTally.read(path, framework=FRAMEWORK)


def test_every_changed_byte_is_detected(path):
    """A changed byte raises an error or changes nothing."""
    refused = []
    for _ in flipped(path, 300):
        try:
            found = ScoreTally.read(path, framework=FRAMEWORK)
        except DataError as error:
            refused.append(str(error))
        else:
            alike(found, whole())
    assert len(refused) > 200
    assert all(str(path) in message for message in refused)


@pytest.mark.parametrize("failing", [OSError("disk full"), KeyboardInterrupt()])
def test_a_failed_write_leaves_the_file_as_it_was(path, monkeypatch, failing):
    before = path.read_bytes()
    failing_writes(path, monkeypatch, failing)
    with pytest.raises(type(failing)):
        whole("known").write(path)
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


def test_a_different_framework_is_raised(path):
    other = framework(name="else", questions=FRAMEWORK.questions[1:])
    with pytest.raises(DataError, match="2 problems") as caught:
        ScoreTally.read(path, framework=other)
    assert "sums of the framework 'made up'; found 'else'" in str(caught.value)
    assert "other ones for '1', '1.1', 'safety'" in str(caught.value)
    # Questions that do not feed the items, and labels, may change.
    label = attrs.evolve(FRAMEWORK.questions[0], label="Said otherwise")
    relabelled = framework(questions=(label, *FRAMEWORK.questions[1:-1]))
    assert ScoreTally.read(path, framework=relabelled).framework == relabelled
    with pytest.raises(UsageError, match="`framework` must be a Framework; found None"):
        ScoreTally.read(path, framework=None)  # type: ignore[arg-type]


def test_the_mark_of_synthetic_cases_cannot_be_taken_off_a_file(tmp_path):
    cases = oms.omi2.load_synthetic()
    path = tmp_path / "sums.arrow"
    score_tally(cases, items=["3"]).write(path)
    table = table_of(path)
    metadata = {**table.schema.metadata, b"synthetic": b"false"}
    put(path, table.replace_schema_metadata(metadata), sign=False)
    with pytest.raises(DataError, match="unchanged; found content that does not match"):
        ScoreTally.read(path, framework=cases.framework)
