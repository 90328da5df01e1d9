"""`tql copy` and `tql ingest`: a bar for a terminal, silence for everything else, and help."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

import tql
from tql.cli.commands import tql as command

pty = pytest.importorskip("pty", reason="no pseudo-terminals on this system")


@pytest.fixture
def work(tmp_path: Path) -> dict[str, list[str]]:
    """Command to its arguments."""
    dataset = tql.empty(tmp_path / "ds")
    dataset.create_tensor("x", dtype="int32")
    dataset.extend({"x": range(3000)})
    dataset.close()
    (tmp_path / "t.csv").write_text("x\n" + "1\n" * 3000)
    return {
        "copy": [str(tmp_path / "ds"), str(tmp_path / "new"), "--query", "select * where x[0] >= 0"],
        "ingest": [str(tmp_path / "t.csv"), str(tmp_path / "new")],
    }


@pytest.mark.parametrize("name", ["copy", "ingest"])
def test_a_bar_on_a_terminal(name: str, work: dict[str, list[str]], tmp_path: Path) -> None:
    terminal, end = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "tql.cli", name, *work[name]],
        env={**os.environ, "TERM": "xterm"}, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=end,
    ) as process:  # fmt: skip
        os.close(end)
        drawn = b""
        try:
            while part := os.read(terminal, 1 << 16):
                drawn += part
        except OSError:  # how Linux says that nobody has the other end any more
            pass
        finally:
            os.close(terminal)
        assert process.stdout is not None
        assert process.stdout.read().decode() == f"3000 rows written to {tmp_path / 'new'}\n"
    assert process.returncode == 0
    assert {"copy": b"saving", "ingest": b"ingesting"}[name] in drawn
    if name == "copy":
        assert b"3000/3000" in drawn


@pytest.mark.parametrize("name", ["copy", "ingest"])
def test_silence_elsewhere(name: str, work: dict[str, list[str]], tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tql.cli", name, *work[name]], capture_output=True, text=True
    )
    assert done.returncode == 0
    assert done.stdout == f"3000 rows written to {tmp_path / 'new'}\n"
    assert done.stderr == ""


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("copy", ["SRC DEST", "--query QUERY", "--overwrite", "--seed", "as a new dataset"]),
        ("ingest", ["SRC DEST", "--overwrite", "Parquet or CSV", "classes of pictures"]),
    ],
)
def test_help(name: str, told: list[str]) -> None:
    for option in ("--help", "-h"):
        done = CliRunner().invoke(command, [name, option])
        assert done.exit_code == 0
        text = " ".join(done.output.split())
        assert all(part in text for part in told)
