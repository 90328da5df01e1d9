"""What a user gets: one import package with everything in it, and nothing else."""

from __future__ import annotations

import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.skipif(not (ROOT / "CMakeLists.txt").exists(), reason="needs the source tree")


def tree(*suffixes: str) -> set[str]:
    """The files of the package in the source tree, by the place where they are installed."""
    listed = subprocess.check_output(
        ["git", "ls-files", "tql", "planner", "loader", "grammar"], cwd=ROOT, text=True
    )
    files = {name for name in listed.splitlines() if name.endswith(suffixes)}
    return {name if name.startswith("tql/") else f"tql/{name}" for name in files}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Source archive and wheel, the wheel without the compiled engine, which is not the subject here."""
    out = tmp_path_factory.mktemp("dist")
    command = [
        sys.executable,
        "-m",
        "build",
        "--no-isolation",
        "--outdir",
        str(out),
        "-C",
        "wheel.cmake=false",
        str(ROOT),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return out


def test_the_wheel_holds_the_whole_package_and_nothing_else(built: Path) -> None:
    names = zipfile.ZipFile(next(built.glob("*.whl"))).namelist()
    assert {name.split("/")[0].split("-")[0] for name in names} == {"tql"}
    assert tree(".py", ".pyi", ".typed", ".lark") - set(names) == set()


def test_the_source_archive_can_be_built_from(built: Path) -> None:
    with tarfile.open(next(built.glob("*.tar.gz"))) as archive:
        names = {name.split("/", 1)[1] for name in archive.getnames() if "/" in name}
    assert {"CMakeLists.txt", "pyproject.toml", "LICENSE", "README.md", "planner/__init__.py"} <= names
    assert "tql/planner/__init__.py" not in names, "the links of the checkout must not be packed twice"
