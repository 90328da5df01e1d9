"""The `tql` command as a user meets it: output, messages, exit codes."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

import tql
from tql.cli.__main__ import main
from tql.cli.query import _cell

DATA = Path(__file__).resolve().parents[2] / "examples" / "data"
FASHION = str(DATA / "fashion-mnist")
COCO = str(DATA / "coco-mini")


@dataclass
class Done:
    code: int
    out: str
    err: str


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    def _run(*args: str) -> Done:
        monkeypatch.setattr(sys, "argv", ["tql", *args])
        monkeypatch.setenv("COLUMNS", "200")
        with pytest.raises(SystemExit) as exit_:
            main()
        captured = capsys.readouterr()
        return Done(exit_.value.code or 0, captured.out, captured.err)

    return _run


def test_explain_shows_the_plan(run) -> None:
    done = run("explain", "select * where labels != 5 limit 10", "--dataset", FASHION)
    assert done.code == 0
    assert "labels" in done.out
    assert "filter, stop after 10 rows: labels != 5" in done.out and "scan" in done.out


def test_explain_analyze_counts_rows(run) -> None:
    done = run(
        "explain", "select * where labels = 'Shirt'", "--dataset", FASHION, "--analyze", "--format", "json"
    )
    assert done.code == 0
    text = json.dumps(json.loads(done.out))
    assert "rows_out" in text


def test_query_prints_the_first_rows_and_how_many_there_are(run) -> None:
    done = run("query", FASHION, "select labels where labels = 'Shirt'", "--limit", "3")
    assert done.code == 0
    assert done.out.count("Shirt") == 3
    assert "rows, 3 shown" in done.out


def test_query_shows_arrays_by_type_and_shape_and_class_names(run) -> None:
    done = run("query", COCO, "select * where shape(boxes)[0] = 2", "--limit", "2")
    assert done.code == 0
    assert "uint8[" in done.out


def test_a_query_that_names_its_dataset_needs_no_other(run) -> None:
    text = f'select labels from "{FASHION}" where labels = 3 limit 2'
    assert run("query", text).out == run("query", FASHION, "select labels where labels = 3 limit 2").out
    done = run("explain", text)
    assert done.code == 0 and f'scan: "{FASHION}"' in done.out
    missing = run("query", 'select * from "nowhere"')
    assert missing.code == 1 and missing.err.startswith("SourceNotFoundError: source not found: nowhere")


def test_a_dataset_alone_shows_its_rows(run) -> None:
    assert run("query", COCO, "--limit", "2").out == run("query", COCO, "select *", "--limit", "2").out


def test_cells_of_every_kind() -> None:
    ds = tql.from_pydict(
        {
            "json": [{"a": [1, "ü"]}, None],
            "nested": [[[1, 2], None, list(range(20))], []],
            "texts": [["a", "b[0]"], []],
            "labels": [["dog", None], ["cat"]],
            "number": [1.5, float("nan")],
            "long": ["x" * 100, ""],
            "bytes": [b"a", b""],
        },
        {"nested": "int64[][]", "labels": tql.class_label(["cat", "dog"], "int8?[]")},
    )
    rows = [{name: _cell(row[name], field.type) for name, field in ds.schema.items()} for row in ds]
    assert rows[0] == {
        "json": '{"a": \\[1, "ü"]}',
        "nested": "\\[\\[1, 2], NULL, int64\\[20]]",
        "texts": "\\['a', 'b\\[0]']",
        "labels": "dog, NULL",
        "number": "1.5",
        "long": "x" * 57 + "...",
        "bytes": "b'a'",
    }
    assert rows[1]["json"] == "[dim]NULL[/dim]" and rows[1]["nested"] == "\\[]" and rows[1]["number"] == "nan"


def test_query_of_no_rows(run) -> None:
    done = run("query", FASHION, "select * where labels > 100")
    assert done.code == 0
    assert "0 rows" in done.out


def test_info_lists_the_columns_and_the_codecs(run) -> None:
    done = run("info", COCO)
    assert done.code == 0
    for piece in ("images", "categories", "boxes", "jpeg", "80", "jpeg decoding:"):
        assert piece in done.out


def test_a_mistake_in_the_query_is_shown_in_place_with_exit_code_1(run) -> None:
    done = run("query", FASHION, "select * where lables = 5")
    assert done.code == 1
    assert done.out == ""
    assert done.err.startswith("UnknownColumnError: no column named 'lables'\n  line 1, column 16\n")
    assert "\n  select * where lables = 5\n                 ^^^^^^\n" in done.err
    assert "did you mean 'labels'?" in done.err
    assert "Traceback" not in done.err


def test_a_missing_dataset_is_named(run, tmp_path: Path) -> None:
    done = run("info", str(tmp_path / "nowhere"))
    assert done.code == 1
    assert done.err.startswith("DatasetNotFoundError: ")
    assert "nowhere" in done.err


@pytest.mark.parametrize(
    "args",
    [
        ("query",),
        ("query", "a", "b", "c"),
        ("explain", "select *"),
        ("query", FASHION, "select *", "--limit", "-1"),
        ("nope",),
    ],
)
def test_wrong_usage_is_exit_code_2(run, args: tuple[str, ...]) -> None:
    assert run(*args).code == 2


def test_seed_makes_a_sample_repeatable(run) -> None:
    args = ("query", FASHION, "select labels sample by max_weight(labels = 1: 1) limit 5", "--seed", "3")
    assert run(*args).out == run(*args).out
