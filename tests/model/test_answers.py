"""States of answers, routing and policies, against a reading of each case by itself."""

from __future__ import annotations

from typing import Any

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings, strategies as st

import omistats as oms

SCALE = ("met", "partly", "not met")
GRADED = oms.Question("plan", "Plan", levels=SCALE, sufficient=SCALE[:1])
SEEN = oms.Question("seen", "Seen")
STRATA = (oms.Stratum("risk", ("high", "low")), oms.Stratum("sex", ("girl", "boy"), required=False))
POLICIES = ("left out", "not sufficient")
WORDS = {True: "sufficient", False: "not sufficient"}


def framework(*questions: oms.Question, **options: Any) -> oms.Framework:
    return oms.Framework("states", questions or (GRADED, SEEN), STRATA, **options)


def data(rows: int = 12, **columns: Any) -> dict[str, Any]:
    return {
        "case_id": [f"c{i}" for i in range(rows)],
        "unit": (["A", "B", "B"] * rows)[:rows],
        "risk": (["high", "low", None, "high"] * rows)[:rows],
        **columns,
    }


def read(frame: Any, *questions: oms.Question, **options: Any) -> oms.CaseSet:
    return oms.CaseSet.from_data(frame, framework=framework(*questions, **options))


def problems(frame: Any, *questions: oms.Question, **options: Any) -> str:
    with pytest.raises(oms.DataError) as caught:
        read(frame, *questions, **options)
    return str(caught.value)


def states(cases: oms.CaseSet, id: str) -> list[str | None]:
    """Return each answer as a word; None for not applicable."""
    words: dict[Any, Any] = {**WORDS, "not applicable": None}
    return [words.get(a, a) for a in cases[id].to_pylist()]


FOUR = ["met", "partly", "not met", "not answered", "not applicable", None] * 2
SEEN_FOUR = ["sufficient", "not sufficient", None, "not answered", "not applicable", None] * 2


class TestFourStates:
    @pytest.mark.parametrize("policy", POLICIES)
    @pytest.mark.parametrize("blank", ["not applicable", "not answered"])
    def test_each_is_counted_where_it_belongs(self, policy, blank):
        cases = read(data(plan=FOUR, seen=SEEN_FOUR), not_answered=policy, blank=blank)
        blanks = blank == "not answered"
        counts = oms.tally(cases, breakdowns=[])
        missing = [2 + 2 * blanks, 2 + 4 * blanks]
        assert counts.k[0, 0].tolist() == [2, 2]
        assert counts.not_answered is not None
        assert counts.not_answered[0, 0].tolist() == missing
        counted = policy == "not sufficient"
        assert counts.n[0, 0].tolist() == [6 + counted * missing[0], 4 + counted * missing[1]]

    def test_without_a_policy_they_are_refused(self):
        found = problems(data(plan=FOUR, seen=SEEN_FOUR))
        assert "plan" in found
        assert "seen" in found
        assert "'not answered'" in found
        assert oms.tally(read(data(plan=FOUR[:3] * 4, seen=[True] * 12)), breakdowns=[]).k.any()

    @pytest.mark.parametrize(
        "make",
        [
            pa.table,
            lambda d: pa.table(d).to_pandas(),
            lambda d: pd.DataFrame(d).astype({"plan": "category"}),
            pl.DataFrame,
            lambda d: pl.DataFrame(d).with_columns(pl.col("plan").cast(pl.Categorical)),
            lambda d: pl.DataFrame(d).with_columns(pl.col("plan").cast(pl.Enum([*FOUR[:5]]))),
            lambda d: duckdb.from_arrow(pa.table(d)).to_arrow_table(),
            lambda d: {**d, "plan": pa.array(d["plan"]).dictionary_encode()},
        ],
    )
    def test_any_frame_gives_the_same(self, make):
        given_rows = data(plan=FOUR, seen=SEEN_FOUR)
        cases = read(make(given_rows), not_answered="left out", blank="not answered")
        expected = ["not answered" if a is None else a for a in FOUR]
        assert states(cases, "plan") == [None if a == "not applicable" else a for a in expected]
        assert states(cases, "seen")[:4] == [*SEEN_FOUR[:2], "not answered", "not answered"]

    @pytest.mark.parametrize(
        "column", [[True, False, None], [1, 0, None], [1.0, 0.0, float("nan")]]
    )
    @pytest.mark.parametrize("blank", ["not applicable", "not answered"])
    def test_two_level_questions_take_booleans_and_numbers(self, column, blank):
        cases = read(data(3, seen=column), SEEN, not_answered="left out", blank=blank)
        last = None if blank == "not applicable" else "not answered"
        assert states(cases, "seen") == ["sufficient", "not sufficient", last]

    @pytest.mark.parametrize("policy", [None, *POLICIES])
    @pytest.mark.parametrize("blank", ["not applicable", "not answered"])
    def test_export_and_reading_again_lose_nothing(self, policy, blank, tmp_path):
        if policy is None and blank == "not answered":
            return
        missing = [] if policy is None else ["not answered"]
        rows = data(
            10,
            plan=[*SCALE, *SCALE, "not applicable", None, *(missing * 2)][:10],
            seen=[True, False, None, True] * 2 + [None, None],
        )
        rows = {name: values[: len(rows["plan"])] for name, values in rows.items()}
        routed = oms.Question("shared", "Shared", asked_if={"risk": "high"})
        rows["shared"] = [{"high": True}.get(r) for r in rows["risk"]]
        options = {"not_answered": policy, "blank": blank}
        cases = read(rows, GRADED, SEEN, routed, **options)
        path = tmp_path / "cases.parquet"
        pq.write_table(pa.table(cases), path)
        for frame in (
            pa.table(cases),
            pl.DataFrame(cases),
            pa.table(cases).to_pandas(),
            pq.read_table(path),
        ):
            again = read(frame, GRADED, SEEN, routed, **options)
            assert again["case_id"].to_pylist() == cases["case_id"].to_pylist()
            for name in cases.columns[1:]:
                assert again[name].equals(cases[name]), name
            theirs, ours = oms.tally(again, breakdowns=[]), oms.tally(cases, breakdowns=[])
            for name, array in ours.arrays().items():
                np.testing.assert_array_equal(theirs.arrays()[name], array)

    def test_values_that_are_no_answers_are_all_listed(self):
        found = problems(
            data(3, plan=["met", "Met", "half"], seen=["yes", "sufficient", None]),
            not_answered="left out",
        )
        for word in (
            "plan",
            "'Met'",
            "'half'",
            "seen",
            "'yes'",
            "answers must be",
            "'not answered'",
        ):
            assert word in found, found


class TestPoliciesAndCuts:
    def test_a_policy_can_be_changed(self):
        cases = read(data(plan=FOUR, seen=SEEN_FOUR), not_answered="left out")
        strict = cases.with_not_answered("not sufficient")
        assert strict["plan"].equals(cases["plan"])
        direct = read(data(plan=FOUR, seen=SEEN_FOUR), not_answered="not sufficient")
        for one in (
            strict,
            strict.with_not_answered("left out").with_not_answered("not sufficient"),
        ):
            np.testing.assert_array_equal(
                oms.tally(one, breakdowns=[]).n, oms.tally(direct, breakdowns=[]).n
            )
        with pytest.raises(oms.DataError, match="`not_answered` must be one of"):
            cases.with_not_answered("ignored")  # type: ignore[arg-type]
        with pytest.raises(oms.UsageError, match="make them with a framework"):
            read(data(3, seen=[True] * 3), SEEN).with_not_answered("left out")

    def test_a_cut_can_be_changed(self):
        cases = read(data(plan=SCALE * 4, seen=[True] * 12))
        for cut in (["met", "partly"], {"plan": ["partly", "met"]}):
            assert oms.tally(cases.with_cut(cut), breakdowns=[]).k[0, 0].tolist() == [8, 12]
        assert oms.tally(cases.with_cut(["not met"]), breakdowns=[]).k[0, 0, 0] == 4
        with pytest.raises(oms.UnknownNameError, match="did you mean 'plan'"):
            cases.with_cut({"plam": ["met"]})
        for cut in (["Met"], ["partly"], [], SCALE):
            with pytest.raises(oms.DataError, match="plan, sufficient"):
                cases.with_cut({"plan": cut})


def test_cuts_that_change_nothing_or_do_not_fit_all():
    cases = read(data(seen=[True] * 12), SEEN)
    with pytest.raises(oms.UsageError, match="for questions with levels; found none in 'states'"):
        cases.with_cut(["x"])
    other = oms.Question("other", "Other", levels=("yes", "no"), sufficient=("yes",))
    with pytest.raises(oms.DataError) as caught:
        framework(GRADED, other).with_cut(["yes"])
    (problem,) = caught.value.problems
    assert problem.where == "plan, sufficient"
    assert problem.hint == "Pass a mapping of question to levels."
    with pytest.raises(oms.UsageError, match=r"`sufficient` must be a list of levels"):
        oms.Question("q", "Q", levels=("a", "b"), sufficient=5)  # type: ignore[arg-type]


def routed(condition: Any, id: str = "shared", **options: Any) -> oms.Question:
    return oms.Question(id, id, asked_if=condition, **options)


class TestRouting:
    @settings(max_examples=60, deadline=None)
    @given(seed=st.integers(0, 10_000), policy=st.sampled_from(POLICIES), blank=st.booleans())
    def test_every_case_is_asked_what_its_rules_say(self, seed, policy, blank):
        """All of a mapping, any of a list, strata and answers, and chains, case by case."""
        questions = [
            GRADED,
            SEEN,
            # Declared before the question it waits for.
            routed({"both": ["sufficient"]}, "last"),
            routed({"risk": "high", "plan": ["met", "partly"]}, "both"),
            routed([{"risk": "low"}, {"seen": "not sufficient"}], "any"),
        ]
        rng = np.random.default_rng(seed)
        rows: dict[str, Any] = data(30)
        rows["risk"] = [("high", "low", None)[i] for i in rng.integers(0, 3, 30)]
        rows["plan"] = [FOUR[i] for i in rng.integers(0, 6, 30)]
        rows["seen"] = [SEEN_FOUR[i] for i in rng.integers(0, 6, 30)]
        default = "not answered" if blank else "not applicable"

        def settled(value: Any) -> str:
            return default if value is None else str(value)

        def decide(conditions: list[dict[str, tuple[str, ...]]], case: dict[str, Any]) -> Any:
            """True, False, or None if it is not known."""
            found = []
            for condition in conditions:
                parts = []
                for name, levels in condition.items():
                    value = case[name]
                    unknown = value in (None, "not answered", "undecided")
                    parts.append(None if unknown else value in levels)
                found.append(False if False in parts else None if None in parts else True)
            return True if True in found else None if None in found else False

        rules: dict[str, list[dict[str, tuple[str, ...]]]] = {
            "both": [{"risk": ("high",), "plan": ("met", "partly")}],
            "any": [{"risk": ("low",)}, {"seen": ("not sufficient",)}],
            "last": [{"both": ("sufficient",)}],
        }
        rows |= {name: [] for name in rules}
        expected: dict[str, list[str]] = {name: [] for name in rules}
        for i in range(30):
            case = {
                "risk": rows["risk"][i],
                "plan": settled(rows["plan"][i]),
                "seen": settled(rows["seen"][i]),
            }
            for name, conditions in rules.items():
                asked = decide(conditions, case)
                options = ["not answered", "not applicable", None]
                if asked is not False:
                    options += ["sufficient", "not sufficient"]
                value = options[rng.integers(0, len(options))]
                state = "not applicable" if value is None and not asked else settled(value)
                if asked is False:
                    state = "not applicable"
                rows[name].append(value)
                expected[name].append(state)
                is_undecided = asked is None and state == "not applicable"
                case[name] = "undecided" if is_undecided else state
        cases = read(rows, *questions, not_answered=policy, blank=default)
        again = read(pa.table(cases), *questions, not_answered=policy, blank=default)
        made = framework(*questions, not_answered=policy, blank=default)
        # Queries take long.
        sources = [cases, again, *([duckdb.from_arrow(pa.table(rows))] * (seed % 4 == 0))]
        counts = [oms.tally(source, framework=made, breakdowns=[]) for source in sources]
        for name, array in counts[0].arrays().items():
            for other in counts[1:]:
                np.testing.assert_array_equal(other.arrays()[name], array, name)
        for name, wanted in expected.items():
            assert states(cases, name) == [None if x == "not applicable" else x for x in wanted]

    def test_without_a_policy_blanks_are_not_applicable(self):
        answers = [True, None, None, False] * 3
        cases = read(data(shared=answers), routed({"risk": "high"}))
        assert cases["shared"].to_pylist() == answers
        assert oms.tally(cases, breakdowns=[]).n[0, 0, 0] == 6

    def test_blanks_of_those_who_are_not_asked_are_not_missing(self):
        cases = read(
            data(shared=[True, None, None, None] * 3),
            routed({"risk": "high"}),
            not_answered="left out",
            blank="not answered",
        )
        assert states(cases, "shared") == ["sufficient", None, None, "not answered"] * 3

    def test_answers_of_those_who_are_not_asked_are_reported_with_ids(self):
        found = problems(
            data(shared=[True, True, None, False] * 3, other=[None] * 11 + [True]),
            routed({"risk": "high"}),
            routed({"risk": "low"}, "other"),
        )
        assert "shared: asked only if risk is 'high'; found 3 answers in other cases" in found
        assert "'c1', 'c5', 'c9'" in found
        assert "other: asked only if risk is 'low'; found 1 answer in" in found
        assert "'c11'" in found

    def test_an_optional_characteristic_that_is_not_there_asks_nobody_for_sure(self):
        answers = [True, None, False, None] * 3
        cases = read(data(shared=answers), routed({"sex": "girl"}))
        assert cases["shared"].to_pylist() == answers

    def test_a_part_of_the_questions_is_routed_alike(self, tmp_path, monkeypatch):
        """A stream reads the columns that decide, and what these depend on, unasked."""
        from omistats.model import files

        questions = (GRADED, SEEN, routed({"plan": "met"}, "a"), routed({"a": "sufficient"}, "b"))
        rows = data(
            200,
            plan=(["met", "partly", "not answered"] * 100)[:200],
            seen=[True] * 200,
            a=([True, None, None, False, None, None] * 50)[:200],
            b=([True, None, None, None, None, None] * 50)[:200],
        )
        path = tmp_path / "cases.parquet"
        pq.write_table(pa.table(rows), path, row_group_size=50)
        options = {"not_answered": "not sufficient", "blank": "not answered"}
        whole = oms.tally(read(rows, *questions, **options), breakdowns=[], questions=["b"])
        monkeypatch.setattr(files, "ROWS", 64)
        for source in (path, pl.scan_parquet(path), duckdb.from_arrow(pa.table(rows))):
            part = oms.tally(
                source, framework=framework(*questions, **options), breakdowns=[], questions=["b"]
            )
            for name, array in whole.arrays().items():
                np.testing.assert_array_equal(part.arrays()[name], array, name)


class TestFrameworks:
    """One report of all that is wrong with levels, policies and routing."""

    def refused(self, *questions: oms.Question, **options: Any) -> list[str]:
        with pytest.raises(oms.DataError) as caught:
            framework(*questions, **options)
        return [str(problem) for problem in caught.value.problems]

    def test_levels_and_cuts_together(self):
        def graded(id: str, levels: Any, sufficient: Any, **options: Any) -> oms.Question:
            return oms.Question(id, id, levels=levels, sufficient=sufficient, **options)

        found = self.refused(
            graded("repeated", ("a", "b", "a"), ("a",)),
            graded("order", ("good", "bad", "fair"), ("good", "fair")),
            graded("middle", ("a", "b", "c"), ("b",)),
            graded("unknown", ("a", "b"), ("A",)),
            graded("none", ("a", "b"), ()),
            graded("every", ("a", "b"), ("a", "b")),
            graded("twice", ("a", "b", "c"), ("a", "a")),
            graded("one", ("a",), ("a",)),
            graded("blank", ("a", " "), ("a",)),
            graded("reserved", ("all", "not answered"), ("all",)),
            graded("bare", (), ("a",)),
            graded("long", tuple(f"{i}" for i in range(126)), ("0",)),
            graded("fine", ("a", "b", "c"), ("b",), ordered=False),
            not_answered="maybe",
            blank="nothing",
        )
        text = "\n".join(found)
        for words in (
            "repeated, levels: levels must be distinct; found 'a'",
            "order, sufficient: the sufficient ones of ordered levels are the first or the last",
            "middle, sufficient: the sufficient ones of ordered levels",
            "unknown, sufficient: the cut must name levels of the question: 'a', 'b'; found 'A'",
            "none, sufficient: some levels must be sufficient and some not; found none",
            "every, sufficient: some levels must be sufficient and some not; found all",
            "twice, sufficient: levels must be distinct",
            "one, levels: a question has 2 to 125 levels",
            "blank, levels: levels must be text",
            "reserved, levels: 'all', 'not answered' and 'not applicable' are reserved",
            "bare, levels: sufficient levels need levels",
            "long, levels: a question has 2 to 125 levels; found 126",
            "`not_answered` must be one of 'left out', 'not sufficient', or None; found 'maybe'",
            "`blank` must be one of 'not applicable', 'not answered'; found 'nothing'",
        ):
            assert words in text, words
        assert "fine" not in text

    def test_blanks_need_a_policy(self):
        (found,) = self.refused(SEEN, blank="not answered")
        assert "blanks that are not answered need a policy" in found

    def test_routing_over_what_is_not_there(self):
        found = "\n".join(
            self.refused(
                SEEN,
                GRADED,
                routed({"rsik": "high"}, "name"),
                routed({"risk": "higher", "plan": "good"}, "levels"),
                routed({"seen": "yes"}, "answers"),
                routed({}, "empty"),
                routed({"risk": ()}, "nothing"),
            )
        )
        for words in (
            "name, asked_if: a condition must name a characteristic or a question",
            "did you mean 'risk'",
            "levels, asked_if: levels of risk are 'high', 'low'; found 'higher'",
            "levels, asked_if: levels of plan are 'met', 'partly', 'not met'; found 'good'",
            "answers, asked_if: levels of seen are 'sufficient', 'not sufficient'; found 'yes'",
            "empty, asked_if: a condition must name something",
            "nothing, asked_if: a condition must name levels of risk",
        ):
            assert words in found, found

    def test_circles(self):
        one = (routed({"a": "sufficient"}, "a"),)
        three = tuple(routed({after: "sufficient"}, id) for id, after in ("ab", "bc", "ca"))
        for questions, names in ((one, "a"), (three, "abc")):
            (found,) = self.refused(SEEN, *questions)
            assert "no question may wait for its own answer" in found
            for name in names:
                assert f"{name} -> " in found or f"-> {name}" in found

    @pytest.mark.parametrize("blank", ["not applicable", "not answered"])
    def test_a_blank_whose_condition_is_blank_too_is_not_applicable(self, blank):
        """Nobody can tell whether it was asked; an answer stands, and so does "not answered"."""
        follow = oms.Question("follow", "Follow", asked_if={"seen": "sufficient"})
        alone = oms.Question("alone", "Alone", asked_if={"risk": "high"})
        frame = {
            **data(2),
            "risk": [None, None],
            "seen": ["not answered", "not answered"],
            "follow": [None, "not answered"],
            "alone": [None, "sufficient"],
        }
        cases = read(frame, SEEN, follow, alone, not_answered="left out", blank=blank)
        assert states(cases, "follow") == [None, "not answered"]
        assert states(cases, "alone") == [None, "sufficient"]

    @pytest.mark.parametrize("blank", ["not applicable", "not answered"])
    @pytest.mark.parametrize("policy", [None, *POLICIES])
    def test_an_answer_behind_an_undecided_blank_stands(self, policy, blank):
        """Whether ``b`` was asked is not known, so nor is whether ``c`` was."""
        if policy is None and blank == "not answered":
            return
        questions = (routed({"risk": "high"}, "b"), routed({"b": "sufficient"}, "c"))
        options = {"not_answered": policy, "blank": blank}
        frame = {**data(2), "risk": pa.array([None, None], pa.string())}
        frame |= {"b": pa.array([None, None], pa.bool_()), "c": [True, None]}
        cases = read(frame, *questions, **options)
        assert states(cases, "c") == ["sufficient", None]
        assert states(read(pa.table(cases), *questions, **options), "c") == ["sufficient", None]
        made = framework(*questions, **options)
        for source in (pl.DataFrame(pa.table(frame)).lazy(), duckdb.from_arrow(pa.table(frame))):
            found = oms.tally(source, framework=made, breakdowns=[])
            assert found.n[0, 0].tolist() == [0, 1]

    @pytest.mark.parametrize("condition", ["high", 5, [5], {"risk": 5}])
    def test_what_is_no_condition(self, condition):
        with pytest.raises(oms.UsageError, match=r"asked_if|list of names"):
            routed(condition)

    def test_questions_are_put_after_those_they_wait_for(self):
        made = framework(
            routed({"b": "sufficient"}, "a"),
            routed({"c": "sufficient"}, "b"),
            oms.Question("c", "C"),
        )
        assert [q.id for q in made.routed] == ["b", "a"]
