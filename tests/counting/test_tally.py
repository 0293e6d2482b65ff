"""The counts behind findings."""

from __future__ import annotations

import json
import os

import attrs
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st
from tests.damage import failing_writes, flipped
from tests.factories import (
    BREAKDOWNS,
    Gender,
    Harm,
    Supervision,
    frame,
    framework,
    random_frame,
    read,
)

import omistats as oms

# Internal: damaged files that are signed again.
from omistats.counting.tally_file import KIND, with_checksum


def test_shapes_units_and_text_form():
    counts = oms.tally(read(random_frame(1, 50), 3), by="unit", breakdowns=BREAKDOWNS)
    assert counts.units == ("U0", "U1", "U2", "U3")
    assert counts.questions == ("q0", "q1", "q2")
    assert counts.offsets == (0, 2, 4, 6, 10, 11)
    assert counts.k.shape == counts.n.shape == (4, 11, 3)
    assert counts.unknown_k.shape == counts.unknown_n.shape == (4, 5, 3)
    assert counts.cases.shape == (4, 11)
    assert counts.unclassified.shape == counts.excluded.shape == (4, 5)
    for name in ("k", "n", "unknown_k", "unknown_n", "cases", "unclassified", "excluded"):
        assert getattr(counts, name).dtype == np.int64, name
    assert repr(counts) == "Tally: 4 units x 5 breakdowns x 3 questions"


def test_counts_of_a_frame_done_by_hand():
    """q0 is yes, no, not applicable, yes; units A, B, A, B."""
    data = frame(
        gender=["f", "f", "m", None],
        supervision=["community", "suspended", "licence", None],
        harm=["high", None, "not high", "not high"],
    )
    counts = oms.tally(read(data), breakdowns=[Gender(), Supervision(), Harm()], questions=["q0"])
    assert counts.units == ("all",)
    assert counts.k[0, :, 0].tolist() == [1, 0, 1, 0, 1, 2]
    assert counts.n[0, :, 0].tolist() == [2, 0, 1, 0, 1, 3]
    assert counts.cases[0].tolist() == [2, 1, 1, 1, 1, 4]
    assert counts.unclassified[0].tolist() == [1, 1, 1]
    assert counts.excluded[0].tolist() == [0, 1, 0]
    # Of the unclassified only a complement needs the answers.
    assert counts.unknown_k[0, :, 0].tolist() == [0, 0, 0]
    assert counts.unknown_n[0, :, 0].tolist() == [0, 0, 1]


def test_together_and_with_all_agree_with_counting_anew():
    cases = read(random_frame(2, 90), 3)
    by_unit = oms.tally(cases, by="unit", breakdowns=BREAKDOWNS)
    anew = oms.tally(cases, breakdowns=BREAKDOWNS)
    together, extended = by_unit.collapse_units(), by_unit.with_all()
    assert together.units == ("all",)
    assert together.collapse_units() is together
    assert extended.units == (*cases.units, "all")
    for name in ("k", "n", "unknown_k", "unknown_n", "cases", "unclassified", "excluded"):
        np.testing.assert_array_equal(getattr(together, name), getattr(anew, name))
        np.testing.assert_array_equal(getattr(extended, name)[-1:], getattr(anew, name))
        np.testing.assert_array_equal(getattr(extended, name)[:-1], getattr(by_unit, name))


def test_counts_of_all_units_cannot_be_given_by_unit():
    with pytest.raises(oms.UsageError, match='tally\\(cases, by="unit"\\)'):
        oms.tally(read(), breakdowns=[Gender()]).with_all()


def test_the_source_is_a_case_set():
    with pytest.raises(oms.UsageError, match="expected a CaseSet; found dict"):
        oms.tally(frame(), breakdowns=[Gender()])
    with pytest.raises(oms.UsageError, match="`by` must be None or 'unit'"):
        oms.tally(read(), by="region", breakdowns=[Gender()])


def test_sorted_and_unsorted_units_count_alike():
    data = random_frame(4, 101)
    order = sorted(range(101), key=lambda i: data["unit"][i])
    ordered = {name: [values[i] for i in order] for name, values in data.items()}
    one, other = (oms.tally(read(d, 3), by="unit", breakdowns=BREAKDOWNS) for d in (data, ordered))
    np.testing.assert_array_equal(one.k, other.k)
    np.testing.assert_array_equal(one.n, other.n)
    np.testing.assert_array_equal(one.cases, other.cases)


def test_units_in_a_declared_order_that_is_not_that_of_the_rows():
    data = random_frame(6, 70)
    names = ("U3", "none", "U0", "U2", "U1")
    counts = oms.tally(read(data, 3, units=names), by="unit", breakdowns=[Gender()])
    plain = oms.tally(read(data, 3), by="unit", breakdowns=[Gender()])
    for place, unit in enumerate(names):
        if unit == "none":
            assert counts.cases[place].sum() == counts.n[place].sum() == 0
        else:
            np.testing.assert_array_equal(counts.n[place], plain.n[int(unit[1])])


def test_a_tally_cannot_be_changed_under_its_findings():
    counts = oms.tally(read(), breakdowns=[Gender()])
    with pytest.raises(ValueError, match="read-only"):
        counts.k[...] = 0


def test_a_tally_holds_possible_counts():
    counts = oms.tally(read(), breakdowns=[Gender()])
    with pytest.raises(oms.UsageError, match="0 <= k <= n"):
        attrs.evolve(counts, k=counts.n + 1)
    with pytest.raises(oms.UsageError, match="must have the shape"):
        attrs.evolve(counts, k=counts.k[:, :1])


def test_a_framework_without_standard_breakdowns_says_so():
    with pytest.raises(
        oms.UsageError, match=r"names no standard breakdowns; pass .* or breakdowns=\[\]"
    ):
        oms.tally(read())


NAMES = ("k", "n", "unknown_k", "unknown_n", "cases", "unclassified", "excluded")


def assert_equal(one: oms.Tally, other: oms.Tally) -> None:
    for name in ("framework", "units", "splits", "questions", "metadata"):
        assert getattr(one, name) == getattr(other, name), name
    for name in NAMES:
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name), err_msg=name)


def count(cases: oms.CaseSet, by: str | None = "unit", **options: object) -> oms.Tally:
    return oms.tally(cases, by=by, breakdowns=BREAKDOWNS, **options)


class TestAdding:
    @settings(max_examples=20)
    @given(st.integers(0, 10**6), st.integers(1, 60), st.integers(1, 5), st.booleans())
    def test_parts_of_any_partition_add_up_to_the_whole(self, seed, size, parts, by_unit):
        rng = np.random.default_rng(seed)
        cases = read(random_frame(seed, size), 3)
        part = rng.integers(0, parts, size)
        by = "unit" if by_unit else None
        tallies = [count(cases.filter(part == p), by) for p in rng.permutation(parts)]
        assert_equal(tallies[0].merge(*tallies[1:]), count(cases, by))

    @settings(max_examples=20)
    @given(st.integers(0, 10**6), st.integers(3, 60))
    def test_it_does_not_matter_which_are_added_first(self, seed, size):
        """Each part has its own units, so that their order is put to the test too."""
        data = random_frame(seed, size)
        part = np.random.default_rng(seed).integers(0, 3, size)
        a, b, c = (
            count(
                read(
                    {
                        n: [v for v, q in zip(d, part, strict=True) if q == p]
                        for n, d in data.items()
                    },
                    3,
                )
            )
            for p in range(3)
        )
        assert_equal(a.merge(b).merge(c), a.merge(b.merge(c)))
        assert_equal(a.merge(b, c), a.merge(b).merge(c))
        swapped, straight = c.merge(a, b), a.merge(b, c)
        assert set(swapped.units) == set(straight.units)
        np.testing.assert_array_equal(swapped.collapse_units().k, straight.collapse_units().k)

    def test_units_that_are_new_come_after(self):
        cases = read(random_frame(1, 60), 3)
        counts = count(cases)
        last, first = counts.drop_units(["U0", "U1"]), counts.drop_units(("U2", "U3"))
        merged = last.merge(first)
        assert merged.units == ("U2", "U3", "U0", "U1")
        np.testing.assert_array_equal(merged.n, counts.n[[2, 3, 0, 1]])

    @given(st.integers(0, 10**6))
    @settings(max_examples=10)
    def test_a_unit_replaced_is_a_unit_recounted(self, seed):
        old, new = random_frame(seed, 50), random_frame(seed + 1, 50)
        units = old["unit"]
        mixed = {
            name: [
                new[name][i] if units[i] == "U2" and name not in ("unit", "case_id") else v
                for i, v in enumerate(values)
            ]
            for name, values in old.items()
        }
        whole = read(mixed, 3, units=("U0", "U1", "U2", "U3"))
        one = oms.CaseSet.from_data(
            pa.table(whole.filter([u == "U2" for u in units])), framework=whole.framework
        )
        counts = count(read(old, 3, units=("U0", "U1", "U2", "U3")))
        assert_equal(counts.replace(count(one)), count(whole))

    def test_a_unit_not_there_yet_is_added_by_replacing(self):
        counts = count(read(random_frame(3, 60), 3))
        assert_equal(counts.drop_units("U3").replace(counts.drop_units(["U0", "U1", "U2"])), counts)

    def test_every_difference_is_listed(self):
        one = count(read(random_frame(1, 20), 3))
        other = oms.tally(
            read(random_frame(2, 20), 2), breakdowns=[Harm(), OtherGender()], questions=["q1"]
        )
        with pytest.raises(oms.UsageError) as caught:
            one.merge(one.drop_units("U0"), other)
        text = str(caught.value)
        for words in (
            "tally 3: a different framework of the name 'small'",
            "tally 3: counts of all units together, not counts by unit",
            "lacks breakdowns 'supervision', 'tier', 'one_group'",
            "breakdown 'gender' has the groups 'm', 'f' (groups), not 'f', 'm' (groups)",
            "lacks questions 'q0', 'q2'",
        ):
            assert words in text
        assert "tally 2" not in text

    def test_names_orders_and_what_is_besides_are_told(self):
        one = oms.tally(read(), by="unit", breakdowns=[Gender()], questions=["q0"])
        other = oms.tally(
            oms.CaseSet.from_data(frame(), framework=framework(name="other")),
            by="unit",
            breakdowns=[Harm(), Gender()],
        )
        with pytest.raises(oms.UsageError, match="framework 'other', not 'small'") as caught:
            one.replace(other)
        assert "has other breakdowns 'harm'" in str(caught.value)
        assert "has other questions 'q1'" in str(caught.value)
        turned = oms.tally(read(), by="unit", breakdowns=[Harm(), Gender()])
        straight = oms.tally(read(), by="unit", breakdowns=[Gender(), Harm()])
        with pytest.raises(oms.UsageError, match="breakdowns in another order: 'harm', 'gender'"):
            straight.merge(turned)

    def test_what_is_no_tally_and_no_count_by_unit_is_refused(self):
        counts = oms.tally(read(), by="unit", breakdowns=[Gender()])
        with pytest.raises(oms.UsageError, match="expected tallies to merge; found CaseSet"):
            counts.merge(read())
        together = counts.collapse_units()
        with pytest.raises(oms.UsageError, match="no unit can be replaced; make them with"):
            together.replace(together)
        with pytest.raises(oms.UsageError, match="no unit can be dropped"):
            together.drop_units("all")
        with pytest.raises(oms.UnknownNameError, match="unknown unit 'C'"):
            counts.drop_units(["A", "C"])
        with pytest.raises(oms.UsageError, match="tally 2: has 'all' as well as its units"):
            counts.merge(counts.with_all())

    def test_all_beside_units_is_counted_once(self):
        counts = oms.tally(read(), by="unit", breakdowns=[Gender()])
        extended = counts.with_all()
        assert extended.with_all() is extended
        assert_equal(extended.collapse_units(), counts.collapse_units())
        findings = oms.recompute(counts, by="unit")
        assert oms.recompute(findings.tally, by="unit").table.equals(findings.table)

    def test_synthetic_parts_mark_the_sum(self):
        counts = oms.tally(read(), by="unit", breakdowns=[Gender()])
        said = [{b"synthetic": b"yes", b"seed": b"1"}, {b"seed": b"2", b"round": b"3"}, {}]
        a, b, c = (attrs.evolve(counts, metadata=m) for m in said)
        assert a.merge(b).metadata == {b"synthetic": b"true"}
        assert b.merge(b).metadata == b.metadata
        assert b.merge(c).metadata == {}
        assert c.merge(b, a).metadata == a.merge(b).merge(c).metadata == {b"synthetic": b"true"}
        assert a.replace(c).metadata == {b"synthetic": b"true"}


class OtherGender(oms.Breakdown):
    key = "gender"
    groups = ("m", "f")


class TestFiles:
    @pytest.mark.parametrize("by", ["unit", None])
    def test_a_saved_tally_gives_the_same_findings(self, tmp_path, by):
        cases = oms.omi2.load_synthetic()
        counts = oms.tally(cases, by=by)
        counts.write(tmp_path / "counts.arrow")
        again = oms.Tally.read(str(tmp_path / "counts.arrow"), framework=cases.framework)
        assert_equal(again, counts)
        one, other = (oms.recompute(c, by=by) for c in (counts, again))
        assert one.table.equals(other.table, check_metadata=True)
        assert one.unclassified.equals(other.unclassified)

    @settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(st.integers(0, 10**6), st.integers(0, 40))
    def test_any_tally_comes_back(self, tmp_path, seed, size):
        counts = count(read(random_frame(seed, size), 3))
        counts.write(tmp_path / "counts.arrow")
        read_again = oms.Tally.read(tmp_path / "counts.arrow", framework=counts.framework)
        assert_equal(read_again, counts)

    def test_anyone_can_read_the_file(self, tmp_path):
        counts = count(read())
        counts.write(tmp_path / "counts.arrow")
        table = pa.ipc.open_file(tmp_path / "counts.arrow").read_all()
        assert table.column_names == [
            "unit",
            "breakdown",
            "group",
            "kind",
            "cases",
            "k:q0",
            "n:q0",
            "k:q1",
            "n:q1",
        ]
        harm = [r for r in table.to_pylist() if r["unit"] == "A" and r["breakdown"] == "harm"]
        assert [(r["group"], r["kind"]) for r in harm] == [
            ("high", "group"),
            ("all", "group"),
            (None, "unclassified"),
            (None, "left out"),
        ]
        assert harm[0]["k:q0"] == counts.k[0, 4, 0]
        assert harm[3]["n:q0"] is None
        assert json.loads(table.schema.metadata[b"omistats.tally"]) == {
            "version": 1,
            "framework": "small",
            "units": ["A", "B"],
            "splits": [attrs.asdict(s) | {"groups": list(s.groups)} for s in counts.splits],
            "questions": ["q0", "q1"],
        }

    def test_a_file_that_is_there_is_replaced(self, tmp_path):
        path = tmp_path / "counts.arrow"
        path.write_text("something else")
        path.chmod(0o640)
        (tmp_path / "link.arrow").symlink_to(path)
        counts = count(read())
        counts.write(tmp_path / "link.arrow")
        assert_equal(oms.Tally.read(path, framework=counts.framework), counts)
        assert (tmp_path / "link.arrow").is_symlink()
        assert path.stat().st_mode & 0o777 == 0o640
        assert len(list(tmp_path.iterdir())) == 2

    @pytest.mark.parametrize("error", [OSError("disk full"), KeyboardInterrupt()])
    def test_writing_that_fails_leaves_what_was_there(self, tmp_path, monkeypatch, error):
        path = tmp_path / "counts.arrow"
        count(read()).write(path)
        before = path.read_bytes()
        failing_writes(path, monkeypatch, error)
        with pytest.raises(type(error)):
            count(read(random_frame(1, 40), 3)).write(path)
        assert path.read_bytes() == before
        assert list(tmp_path.iterdir()) == [path]

    def test_what_cannot_be_replaced_is_left(self, tmp_path):
        (tmp_path / "folder").mkdir()
        for path in (tmp_path / "folder", os.devnull):
            with pytest.raises(oms.UsageError, match=f"path of a file to write; found {path}"):
                count(read()).write(path)
        with pytest.raises(FileNotFoundError, match="nowhere"):
            count(read()).write(tmp_path / "nowhere" / "counts.arrow")
        assert [p.name for p in tmp_path.iterdir()] == ["folder"]


def rewritten(path, change, sign: bool = True) -> None:
    """Write the file anew with a change of its table, by default with a checksum that fits."""
    table = change(pa.ipc.open_file(pa.BufferReader(path.read_bytes())).read_all())
    table = with_checksum(table, KIND) if sign else table
    with pa.ipc.new_file(path, table.schema) as writer:
        writer.write_table(table)


def marked(table: pa.Table, key: bytes, value: bytes) -> pa.Table:
    return table.replace_schema_metadata({**table.schema.metadata, key: value})


def saying(**changes: object):
    def change(table: pa.Table) -> pa.Table:
        metadata = dict(table.schema.metadata)
        said = {**json.loads(metadata[KIND.key]), **changes}
        metadata[KIND.key] = json.dumps(said).encode()
        return table.replace_schema_metadata(metadata)

    return change


def with_counts(name: str, rows: slice | int, value: int | None):
    def change(table: pa.Table) -> pa.Table:
        values = table[name].to_pylist()
        values[rows] = value
        place = table.column_names.index(name)
        return table.set_column(place, table.schema.field(name), pa.array(values, pa.int64()))

    return change


class TestBadFiles:
    @pytest.fixture
    def path(self, tmp_path):
        count(read()).write(tmp_path / "counts.arrow")
        return tmp_path / "counts.arrow"

    def refused(self, path, *words: str, problems: int = 1) -> None:
        with pytest.raises(oms.DataError) as caught:
            oms.Tally.read(path, framework=framework())
        assert len(caught.value.problems) == problems, caught.value
        for word in (str(path), *words):
            assert word in str(caught.value)

    def test_missing(self, tmp_path):
        self.refused(tmp_path / "nowhere.arrow", "Check that the file exists and is complete")

    @pytest.mark.parametrize("kept", [0, 5, 100, -1, -30])
    def test_cut_short(self, path, kept):
        path.write_bytes(path.read_bytes()[:kept])
        self.refused(path, "Check that the file exists and is complete")

    def test_another_kind_of_file(self, path):
        rewritten(path, lambda table: table.replace_schema_metadata(None))
        self.refused(path, "a file that Tally.write wrote", "Write the tally again")

    def test_another_version(self, path):
        rewritten(path, saying(version=2))
        self.refused(path, "a saved tally of version 1; found version 2", "that wrote it")

    @pytest.mark.parametrize("text", [b"{", b"[]", b"{}", b"\xff"])
    def test_metadata_that_say_nothing(self, path, text):
        rewritten(path, lambda table: table.replace_schema_metadata({KIND.key: text}))
        self.refused(path, "a file that Tally.write wrote; found metadata 'omistats.tally'")

    @pytest.mark.parametrize(
        "said", [{"units": 1}, {"units": [1]}, {"splits": [1]}, {"splits": 1}, {"questions": None}]
    )
    def test_metadata_that_say_something_else(self, path, said):
        rewritten(path, saying(**said))
        self.refused(path, "metadata must describe the tally")

    def test_a_breakdown_that_cannot_be(self, path):
        split = {"key": "harm", "groups": ["high"], "contrast": "complement"}
        rewritten(path, saying(splits=[split]))
        self.refused(path, "a complement must have the groups")

    @pytest.mark.parametrize(
        "change",
        [
            saying(questions=["q1", "q0"]),
            saying(units=["B", "A"]),
            with_counts("cases", 0, 2),
            with_counts("n:q1", 0, 2),
            with_counts("k:q0", 0, None),
            lambda t: t.slice(0, 3),
            lambda t: t.rename_columns([*t.column_names[:-1], "n:q9"]).replace_schema_metadata(
                t.schema.metadata
            ),
            lambda t: t.drop_columns(["n:q1"]),
            lambda t: t.set_column(5, "k:q0", t["k:q0"].cast(pa.int32())),
            lambda t: marked(t, b"synthetic", b"false"),
            lambda t: marked(t, b"omistats.tally.checksum", b""),
            lambda t: marked(t, b"omistats.tally.more", b""),
        ],
    )
    def test_changed_since(self, path, change):
        rewritten(path, change, sign=False)
        self.refused(path, "expected a saved tally, unchanged; found content that does not match")

    def test_laid_out_otherwise_it_is_the_same(self, path):
        """Chunks and dictionaries are no content."""
        counts = oms.Tally.read(path, framework=framework())

        def change(table: pa.Table) -> pa.Table:
            pieces = [table.slice(i, 5) for i in range(0, len(table), 5)]
            return pa.concat_tables(pieces).unify_dictionaries()

        rewritten(path, change, sign=False)
        assert_equal(oms.Tally.read(path, framework=framework()), counts)

    @pytest.mark.parametrize("seed", [1, 2])
    def test_a_flipped_bit_is_told_or_of_no_consequence(self, path, seed):
        counts = oms.Tally.read(path, framework=framework())
        refused = []
        for _ in flipped(path, 300, seed):
            try:
                found = oms.Tally.read(path, framework=framework())
            except oms.DataError as error:
                refused.append(str(error))
            else:
                assert_equal(found, counts)
        assert len(refused) > 100
        assert all(str(path) in message for message in refused)

    def test_a_name_that_is_no_text(self, path):
        """Both places of a file where a column's name stands."""
        whole = path.read_bytes()
        assert whole.count(b"k:q1") == 2
        path.write_bytes(whole.replace(b"k:q1", b"k:\xff1"))
        self.refused(
            path, "expected a saved tally, complete", "Check that the file exists and is complete"
        )

    def test_columns_lost_or_of_another_type(self, path):
        original = path.read_bytes()
        rewritten(path, lambda table: table.drop_columns(["n:q1"]))
        self.refused(path, "missing columns 'n:q1', extra columns none")
        path.write_bytes(original)
        rewritten(path, lambda t: t.set_column(5, "k:q0", t["k:q0"].cast(pa.int32())))
        self.refused(path, "k:q0: expected a column of int64; found int32")

    def test_rows_lost_or_moved(self, path):
        original = path.read_bytes()
        rewritten(path, lambda table: table.slice(1))
        self.refused(path, "one for each group of each unit, in order", "the first of them row 0")
        path.write_bytes(original)
        rewritten(path, lambda table: table.slice(0, 3))
        self.refused(path, "found 3 rows, 0 of them different")

    def test_every_impossible_count_is_listed(self, path):
        rewritten(path, with_counts("k:q0", 0, 9))
        rewritten(path, with_counts("n:q1", 1, 9))
        rewritten(path, with_counts("cases", 3, -1))
        self.refused(
            path,
            "counts must be 0 <= k <= n; found k = 9, n = 1 of q0 in supervision community, unit A",
            "no more answers than cases; found n = 9",
            "numbers of cases must not be negative; found excluded = -1",
            problems=3,
        )

    def test_counts_that_are_null(self, path):
        rewritten(path, with_counts("k:q0", 0, None))
        self.refused(
            path, "k:q0: values must be counts where answers are counted, else null; found 1 rows"
        )

    def test_a_subset_that_is_more_than_all(self, path):
        table = pa.ipc.open_file(pa.BufferReader(path.read_bytes())).read_all()
        row = next(i for i, r in enumerate(table.to_pylist()) if r["group"] == "all")
        rewritten(path, with_counts("cases", row, 0))
        rewritten(path, with_counts("k:q0", row, 0))
        rewritten(path, with_counts("n:q0", row, 0))
        rewritten(path, with_counts("k:q1", row, 0))
        rewritten(path, with_counts("n:q1", row, 0))
        self.refused(path, "harm: 'high' and the unclassified must not exceed 'all'")

    def test_another_framework(self, path):
        for other, words in (
            (framework(name="other"), "it was made with 'small', not 'other'"),
            (framework(1), "the framework has no questions 'q1'"),
            (
                oms.Framework("small", list(reversed(framework().questions))),
                "has its questions in another order",
            ),
        ):
            with pytest.raises(oms.UsageError, match=words):
                oms.Tally.read(path, framework=other)
        with pytest.raises(oms.UsageError, match="`framework` must be a Framework; found 'small'"):
            oms.Tally.read(path, framework="small")


def test_a_unit_that_is_taken_out_leaves_the_whole_too():
    counts = oms.tally(oms.omi2.load_synthetic(), by="unit", breakdowns=["gender"])
    gone = counts.units[0]
    left = counts.with_all().drop_units(gone)
    assert left.units == (*counts.units[1:], "all")
    np.testing.assert_array_equal(left.n, counts.drop_units(gone).with_all().n)
    assert (left.n[-1] < counts.with_all().n[-1]).any()
