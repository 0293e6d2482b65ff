"""Command `practice`: the same result as the call, for people and machines."""

from __future__ import annotations

import json

import pytest

import omistats as oms

# Internal: the command line, without starting a process.
from omistats.cli import main


def test_text_is_that_of_the_call(capsys):
    assert main(["practice", "--criterion", "2.3", "--theme", "alcohol"]) == 0
    out, err = capsys.readouterr()
    assert out == f"{oms.omi2.practice(criterion='2.3', theme='alcohol')}\n"
    assert "2.3-" in out
    assert err == ""


def test_json_is_that_of_the_call_and_nothing_else_is_on_stdout(capsys):
    words = "--criterion 2.3 --criterion 1.1 --theme drugs --theme mappa --kind case --limit 3"
    assert main(["practice", *words.split(), "--unit", "wiltshire", "--json"]) == 0
    found = oms.omi2.practice(
        criterion=["2.3", "1.1"], theme=["drugs", "mappa"], kind="case", unit="wiltshire", limit=3
    )
    assert json.loads(capsys.readouterr().out) == found.to_dict()
    assert len(found) == 3


def test_a_unit_s_own_examples_are_left_out(capsys):
    assert main(["practice", "--json"]) == 0
    every = json.loads(capsys.readouterr().out)
    units = {row["unit"] for row in every["examples"]}
    assert "wiltshire" in units
    assert main(["practice", "--json", "--unit", "wiltshire"]) == 0
    rest = json.loads(capsys.readouterr().out)
    assert {row["unit"] for row in rest["examples"]} == units - {"wiltshire"}
    own = sum(row["unit"] == "wiltshire" for row in every["examples"])
    assert rest["found"] == every["found"] - own


@pytest.mark.parametrize("criterion", ["4.3", "4.4"])
def test_a_criterion_without_examples_is_explained(capsys, criterion):
    assert main(["practice", "--criterion", criterion]) == 0
    out = capsys.readouterr().out
    assert "0 examples" in out
    assert f"no example was published under {criterion}" in out


@pytest.mark.parametrize(
    ("words", "part"),
    [
        ("--criterion 2.9 --theme alcohl", "'2.3'"),
        ("--theme alcohl", "'alcohol'"),
        ("--unit wiltshir", "'wiltshire'"),
        ("--limit 0", "`limit`"),
    ],
)
def test_a_bad_option_is_one_plain_line_and_status_2(capsys, words, part):
    assert main(["practice", *words.split()]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert part in err
    assert err.count("\n") == 1


@pytest.mark.parametrize("words", ["--kind tale", "--limit few", "--xml"])
def test_usage_errors_exit_with_2(capsys, words):
    with pytest.raises(SystemExit) as caught:
        main(["practice", *words.split()])
    assert caught.value.code == 2
    assert "usage: omistats" in capsys.readouterr().err


def test_another_document_or_none_is_reported_without_a_traceback(capsys, tmp_path):
    path = tmp_path / "other.txt"
    path.write_text("Some other\x1b]0;text\x07 ***\n***\n", encoding="utf-8")
    for where in (path, tmp_path / "none.txt"):
        assert main(["practice", "--criterion", "2.3", "--publication", str(where)]) == 2
        out, err = capsys.readouterr()
        assert out == ""
        assert "Traceback" not in err
        assert all(c == "\n" or c.isprintable() for c in err)


def test_a_missing_file_is_one_plain_line(capsys, tmp_path):
    for where, found in ((tmp_path / "none.txt", "no such file"), (tmp_path, "is a directory")):
        assert main(["practice", "--publication", str(where)]) == 2
        err = capsys.readouterr().err
        assert err.startswith(f"omistats: {where}: ")
        assert err.count("\n") == 1
        assert found in err
        assert "Errno" not in err


def test_a_publication_in_another_encoding(capsys, tmp_path, sources):
    text = (sources / "good_practice_examples.txt").read_text(encoding="utf-8")
    path = tmp_path / "other.txt"
    path.write_bytes(text.encode("utf-16"))
    words = ["practice", "--criterion", "2.3", "--limit", "1", "--json", "--publication", str(path)]
    assert main(words) == 2
    err = capsys.readouterr().err
    # Only one hint.
    assert err.endswith("Save it as UTF-8, or pass its `encoding`.\n")
    assert main([*words, "--encoding", "utf-16"]) == 0
    (row,) = json.loads(capsys.readouterr().out)["examples"]
    whole = oms.omi2.read_good_practice(sources / "good_practice_examples.txt").to_pylist()
    assert row["text"] == next(each["text"] for each in whole if each["id"] == row["id"])


def test_an_encoding_needs_a_publication(capsys, tmp_path):
    assert main(["practice", "--encoding", "cp1252"]) == 2
    assert "--publication" in capsys.readouterr().err
    path = tmp_path / "any.txt"
    path.write_text("any", encoding="utf-8")
    assert main(["practice", "--publication", str(path), "--encoding", "none-such"]) == 2
    assert "unknown encoding 'none-such'" in capsys.readouterr().err


def test_texts_reach_the_terminal_without_control_characters(capsys, monkeypatch):
    index = oms.omi2.load_good_practice()
    evil = "red\x1b[31m \x9b2Jtail\x7f\x07"
    table = index.append_column("text", [[evil] * index.num_rows])
    monkeypatch.setattr(
        "omistats.omi2.good_practice.publication.read_good_practice", lambda path: table
    )
    words = ["practice", "--criterion", "2.3", "--limit", "2", "--publication", "any"]
    assert main(words) == 0
    out = capsys.readouterr().out
    assert out.count("red[31m 2Jtail") == 2
    assert all(c == "\n" or c.isprintable() for c in out)
    assert main([*words, "--json"]) == 0
    out = capsys.readouterr().out
    assert all(c == "\n" or c.isprintable() for c in out)
    assert json.loads(out)["examples"][0]["text"] == evil


def test_texts_of_the_publication(capsys, sources):
    path = sources / "good_practice_examples.txt"
    words = ["practice", "--criterion", "2.3", "--theme", "alcohol", "--publication", str(path)]
    assert main(words) == 0
    out = capsys.readouterr().out
    found = oms.omi2.practice(
        criterion="2.3", theme="alcohol", text=oms.omi2.read_good_practice(path)
    )
    texts = found.table["text"].to_pylist()
    assert len(texts) > 0
    for text in texts:
        # Wrapped to the width of a page, word by word the same.
        assert " ".join(text.split()) in " ".join(out.split())


def test_an_error_reaches_the_terminal_without_control_characters(capsys, tmp_path):
    where = tmp_path / "no\x1b[31mthing\u202e.txt"
    assert main(["practice", "--publication", str(where)]) == 2
    err = capsys.readouterr().err
    assert r"no\x1b[31mthing\u202e.txt" in err
    assert all(c == "\n" or c.isprintable() for c in err)
