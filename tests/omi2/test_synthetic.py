"""Synthetic cases: reproduced by the generator from printed figures, and plausible."""

from __future__ import annotations

import inspect
import json
from importlib.resources import files
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from hypothesis import given, strategies as st

import omistats as oms
from omistats import UsageError
from omistats.omi2 import load_published

# Internal: the generator of shipped cases is run by maintainers, not by users.
from omistats.omi2.synthesis import __main__ as command
from omistats.omi2.synthesis.generate import SEED, UNKNOWABLE, VERSION, generate
from omistats.omi2.synthesis.selection import InfeasibleError, select
from omistats.omi2.synthesis.targets import Printed, PrintedRow, aim, read_printed

LEVELS = {
    "supervision_type": ["community order", "suspended sentence order", "licence", "custody"],
    "gender": ["male", "female"],
    "ethnicity": ["white", "BME"],
    "disability": ["yes", "no"],
    "age_group": ["17-24", "25+"],
    "risk_of_harm": ["high", "not high"],
}


@pytest.fixture(scope="module")
def shipped() -> pa.Table:
    path = files("omistats.programmes") / "omi2" / "cases.parquet"
    with path.open("rb") as file:
        return pq.read_table(file)


def applicable(table: pa.Table, question: str, **where: str) -> int:
    for column, level in where.items():
        table = table.filter(pc.equal(table[column].cast(pa.string()), level))
    return int(table.num_rows - table[question].null_count)


# --- the file


def test_the_generator_and_the_command_reproduce_the_shipped_file(
    shipped: pa.Table, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[pa.Table] = []

    def recorded(published: pa.Table, *, seed: int) -> pa.Table:
        made.append(generate(published, seed=seed))
        return made[0]

    # Generation takes seconds, so the command gets the table from here.
    monkeypatch.setattr(command, "generate", recorded)
    assert command.main([str(tmp_path / "out.parquet")]) == 0
    assert made[0].equals(shipped, check_metadata=True)
    assert pq.read_table(tmp_path / "out.parquet").equals(shipped, check_metadata=True)
    assert inspect.signature(generate).parameters["seed"].default == SEED


def test_columns_and_types(shipped: pa.Table) -> None:
    questions = load_published()
    questions = questions.filter(pc.equal(questions["table"], 8))
    ids = list(dict.fromkeys(questions["question"].to_pylist()))
    assert len(ids) == 75
    invented = [f"invented_{i:02d}" for i in range(1, 19)]
    assert shipped.column_names == ["case_id", "unit", *LEVELS, *ids, *invented]
    assert shipped.schema.field("case_id").type == pa.string()
    assert shipped.schema.field("unit").type == pa.dictionary(pa.int16(), pa.string())
    for name, levels in LEVELS.items():
        assert shipped.schema.field(name).type == pa.dictionary(pa.int8(), pa.string())
        assert shipped[name].chunk(0).dictionary.to_pylist() == levels
    assert {shipped.schema.field(q).type for q in ids + invented} == {pa.bool_()}


def test_cases_and_units(shipped: pa.Table) -> None:
    assert shipped["case_id"].to_pylist() == [f"SYN-{i:04d}" for i in range(1, 2214)]
    units = shipped["unit"].to_pylist()
    assert units == sorted(units)
    assert sorted(set(units)) == [f"U{i:02d}" for i in range(1, 16)]
    assert all(100 <= units.count(u) <= 220 for u in set(units))


def test_unclassified_cases_are_few_and_never_in_the_required_strata(shipped: pa.Table) -> None:
    nulls = {name: shipped[name].null_count for name in LEVELS}
    # The most that any printed row leaves unclassified (all cases less the two groups).
    assert nulls == {
        "supervision_type": 0,
        "gender": 5,
        "ethnicity": 20,
        "disability": 13,
        "age_group": 11,
        "risk_of_harm": 0,
    }


def test_metadata_mark_the_cases_as_synthetic(shipped: pa.Table) -> None:
    metadata = shipped.schema.metadata
    assert metadata[b"synthetic"] == b"true"
    assert metadata[b"seed"] == str(SEED).encode()
    assert metadata[b"generator_version"] == VERSION.encode()
    assert b"no row is a real case" in metadata[b"description"]
    assert json.loads(metadata[b"cannot_be_known"]) == list(UNKNOWABLE)


# --- plausible cases


def test_no_induction_in_custody_and_community_work_seldom(shipped: pa.Table) -> None:
    assert applicable(shipped, "induction", supervision_type="custody") == 0
    in_custody = applicable(shipped, "home_visit", supervision_type="custody")
    # The printed Ns leave 71 home visits to suspended sentence orders and custody together.
    suspended = applicable(shipped, "home_visit", supervision_type="suspended sentence order")
    assert in_custody + suspended == 71
    assert in_custody < suspended


@pytest.mark.parametrize("question", ["harm_management", "home_visit", "structured_management"])
def test_questions_for_high_cases_only(shipped: pa.Table, question: str) -> None:
    assert applicable(shipped, question, risk_of_harm="not high") == 0
    assert applicable(shipped, question, risk_of_harm="high") > 0


def test_answers_within_a_case_go_together(shipped: pa.Table) -> None:
    # The design effect of the pooled score: its variance when cases, not answers, are
    # sampled, over that of independent answers. Invented, but it should not be 1.
    answers = np.array([shipped[q].to_pylist() for q in shipped.column_names[8:]], float)
    k, n = np.nansum(answers, axis=0), np.isfinite(answers).sum(axis=0)
    p = k.sum() / n.sum()
    effect = ((k - p * n) ** 2).sum() / (n.sum() * p * (1 - p))
    assert 2.0 < effect < 4.5


def test_units_differ_but_none_is_absurd(shipped: pa.Table) -> None:
    answers = np.array([shipped[q].to_pylist() for q in shipped.column_names[8:]], float)
    unit = np.array(shipped["unit"].to_pylist())
    scores = [np.nanmean(answers[:, unit == u]) for u in np.unique(unit)]
    assert max(scores) - min(scores) > 0.10
    assert min(scores) > 0.50
    assert max(scores) < 0.90


def test_one_circumstance_applies_to_mostly_the_same_cases(shipped: pa.Table) -> None:
    def has(question: str) -> pa.Array:
        return shipped[question].is_valid()

    both = pc.sum(pc.and_(has("ppo_contact"), has("plan_ppo"))).as_py()
    # Independent of each other they would share some 33 cases (271 x 272 / 2213).
    assert both > 150


# --- target counts


def test_the_generator_needs_the_whole_table() -> None:
    published = load_published()
    with pytest.raises(UsageError, match="missing for all"):
        generate(published.slice(0, 0))
    without_age = published.filter(pc.not_equal(published["table"], 11))
    with pytest.raises(UsageError, match=r"'psr_harm'.* and 70 more"):
        generate(without_age)


def test_a_contradiction_is_left_where_the_fewest_cells_differ() -> None:
    # 70% of 10 is 7, but both splits say 4 + 4. One cell missed beats one in each split.
    row = PrintedRow(percent=(80, 80), n=(5, 5), stars=0)
    risk = PrintedRow(percent=(50, 70), n=(2, 10), stars=0)
    target = aim(Printed("q", risk, {"gender": row, "age": row}), np.random.RandomState(1))
    assert target.sufficient["gender"].tolist() == [4, 4, 0]
    assert target.sufficient["age"].tolist() == [4, 4, 0]
    assert target.sufficient["risk_of_harm"].tolist() == [1, 7]


def test_counts_of_every_question_sum_to_one_total() -> None:
    printed = read_printed(load_published())
    assert len(printed) == 75
    rng = np.random.RandomState(3)
    for p in printed:
        target = aim(p, rng)
        (total,) = {int(v.sum()) for v in target.sufficient.values()}
        assert 0 <= total <= p.total
        for name, k in target.sufficient.items():
            assert (k >= 0).all()
            assert (k <= target.applicable[name]).all()


# --- selection


@given(
    st.lists(
        st.tuples(st.integers(0, 2), st.integers(0, 2), st.integers(0, 1), st.booleans()),
        min_size=1,
        max_size=60,
    ),
    st.integers(0, 2**32 - 1),
)
def test_selection_meets_every_total_exactly(
    cases: list[tuple[int, int, int, bool]], seed: int
) -> None:
    """Totals of some selection are feasible; the selection found must have them too."""
    a, b, c, known = (np.array(column) for column in zip(*cases, strict=True))
    eligible = np.ones(len(cases), bool)
    partitions = [
        (groups.astype(np.int64), np.bincount(groups[known], minlength=width).astype(np.int64))
        for groups, width in ((a, 3), (b, 3), (c, 2))
    ]
    rng = np.random.RandomState(seed)
    try:
        chosen = select(eligible, partitions, np.exp(rng.normal(size=len(cases))), rng)
    except InfeasibleError:
        # The search may give up on tight margins, but must never miss a total.
        return
    for groups, wanted in partitions:
        assert np.bincount(groups[chosen], minlength=wanted.size).tolist() == wanted.tolist()


def test_selection_does_not_give_up_on_feasible_totals() -> None:
    for seed in range(200):
        rng = np.random.RandomState(seed)
        size = rng.randint(1, 60)
        known = rng.uniform(size=size) < rng.uniform()
        partitions = []
        for width in (3, 3, 2):
            groups = rng.randint(width, size=size)
            partitions.append((groups, np.bincount(groups[known], minlength=width)))
        chosen = select(np.ones(size, bool), partitions, np.ones(size), rng)
        assert chosen.sum() == known.sum()


@given(st.integers(0, 2**32 - 1))
def test_selection_follows_shares_to_the_case(seed: int) -> None:
    rng = np.random.RandomState(seed)
    part = rng.randint(5, size=300)
    everyone = np.zeros(300, np.int64)
    chance = rng.uniform(0.2, 0.9, 5)
    about = np.bincount(part, minlength=5) * chance
    total = np.array([round(about.sum())])
    chosen = select(
        everyone == 0,
        [(everyone, total)],
        np.exp(rng.normal(size=300)),
        rng,
        shares=(part, about),
    )
    assert chosen.sum() == total[0]
    # A systematic draw is off by less than one at either end of a part, a swap by one more.
    assert np.abs(np.bincount(part[chosen], minlength=5) - about).max() <= 3


def test_a_unit_of_the_shipped_cases_has_groups_that_differ_by_chance() -> None:
    # 5% of tests on groups that are alike; more where the printed groups differ.
    comparisons = oms.recompute(oms.omi2.load_synthetic(), by="unit", breakdowns=["gender"])
    p = comparisons.comparisons().filter(pc.field("unit") != "all")["p_value"].drop_null()
    assert 0.03 < np.mean(p.to_numpy() < 0.05) < 0.09


def test_selection_finds_the_only_solution() -> None:
    # Of 2 x 2 groups with one case each, only the diagonal has one in every row and column
    # once the case off it is not eligible.
    a, b = np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1])
    eligible = np.array([True, True, False, True])
    one = np.array([1, 1])
    chosen = select(eligible, [(a, one), (b, one)], np.ones(4), np.random.RandomState(0))
    assert chosen.tolist() == [True, False, False, True]


def test_selection_raises_if_a_group_is_too_small() -> None:
    a, b = np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1])
    # No case of a's group 1 is wanted, which leaves one case of b's group 0, not two.
    with pytest.raises(InfeasibleError):
        select(
            np.ones(4, bool),
            [(a, np.array([2, 0])), (b, np.array([2, 0]))],
            np.ones(4),
            np.random.RandomState(0),
        )
