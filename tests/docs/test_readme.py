"""The README's examples run as they stand, in order, from the root of the project."""

from __future__ import annotations

import os
import re
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

from tql import registered
from tql.cli.commands import tql as command

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.DOTALL | re.MULTILINE)


@pytest.fixture(autouse=True)
def _at_the_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


def test_python_examples_run() -> None:
    if "torch" in README:
        pytest.importorskip("torch")
    namespace: dict[str, object] = {"__name__": "readme"}
    examples = blocks("python")
    assert examples
    try:
        for example in examples:
            exec(compile(example, "README.md", "exec"), namespace)
    finally:
        for name in registered.names():
            registered.unregister_function(name)


@pytest.mark.parametrize(
    "line", [line for block in blocks("console") for line in block.splitlines() if line.startswith("$ tql ")]
)
def test_commands_run(line: str) -> None:
    done = CliRunner().invoke(command, shlex.split(line)[2:])
    assert done.exit_code == 0, done.output


def test_links_lead_somewhere() -> None:
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", README):
        assert os.path.exists(ROOT / target), target
