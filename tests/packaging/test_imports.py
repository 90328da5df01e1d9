"""Who may import whom: the layers of the package, read off the sources."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LANGUAGE, PLANNER, LOADER, FACE, ENGINE = "language", "planner", "loader", "face", "engine"

# What each layer may import besides itself. The engine is C++ and imports nothing of ours.
ALLOWED = {
    LANGUAGE: set(),
    PLANNER: {LANGUAGE},
    LOADER: {LANGUAGE, PLANNER, ENGINE},
    FACE: {LANGUAGE, PLANNER, LOADER, ENGINE},
}
CONFINED = {
    "lark": {"tql/parser.py", "tql/lalr.py"},
    "torch": {"loader/to_torch.py", "loader/device.py", "loader/torch_dataset.py"},
    "PIL": {"loader/sources/v3/images.py", "loader/images.py"},
    "usearch": {"loader/vector_index.py"},
    "lz4": {"loader/sources/v3/compression.py", "loader/compression.py"},
    "click": {"tql/cli/"},
    "rich": {"tql/cli/", "loader/progress.py"},
    "pyarrow": {"loader/writing/arrow_columns.py"},
}


def sources() -> list[Path]:
    return sorted(
        path.relative_to(ROOT)
        for folder in ("tql", "planner", "loader")
        for path in (ROOT / folder).rglob("*.py")
        if not (folder == "tql" and path.relative_to(ROOT).parts[1] in ("planner", "loader", "grammar"))
    )


def layer_of_file(path: Path) -> str:
    if path.parts[0] != "tql":
        return path.parts[0]
    return FACE if path.parts[1] in ("__init__.py", "api.py", "cli") else LANGUAGE


def layer_of_module(name: str) -> str:
    parts = name.split(".")
    if parts == ["tql"] or parts[1] in ("api", "cli"):
        return FACE
    if parts[1] == "_engine":
        return ENGINE
    return parts[1] if parts[1] in (PLANNER, LOADER) else LANGUAGE


def imports(path: Path) -> Iterator[str]:
    """Every module that a file imports at run time, at any depth; imports for type checkers do not count."""
    tree = ast.parse((ROOT / path).read_text())
    typing_only = {
        inner
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if node in typing_only:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: write the full module name"
            if node.module == "tql":
                yield from (f"tql.{alias.name}" for alias in node.names)
            else:
                yield node.module or ""


@pytest.mark.parametrize("path", sources(), ids=str)
def test_imports_point_down(path: Path) -> None:
    mine = layer_of_file(path)
    for module in imports(path):
        if module.split(".")[0] == "tql":
            theirs = layer_of_module(module)
            assert theirs == mine or theirs in ALLOWED[mine], f"{path} ({mine}) imports {module} ({theirs})"
        assert module.split(".")[0] not in ("planner", "loader"), f"{path}: import tql.{module}"


@pytest.mark.parametrize("path", sources(), ids=str)
def test_outside_libraries_stay_in_their_place(path: Path) -> None:
    for module in imports(path):
        homes = CONFINED.get(module.split(".")[0])
        if homes is not None:
            assert any(str(path).startswith(home) for home in homes), f"{path} imports {module}"


def test_pybind11_stays_in_the_bindings() -> None:
    for path in (ROOT / "engine_cpp").rglob("*.[ch]*"):
        if "pybind11" in path.read_text():
            assert path.parent.name == "bindings", path


def test_the_engine_names_no_python_part() -> None:
    for path in (ROOT / "engine_cpp").rglob("*.[ch]*"):
        assert 'import("tql' not in path.read_text(), path
