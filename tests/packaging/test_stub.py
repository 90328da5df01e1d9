"""The typed stub of the engine names what the compiled module has, and the reverse."""

from __future__ import annotations

import ast
from importlib.resources import files

from tql import _engine

STUB = files("tql") / "_engine.pyi"
ONLY_IN_THE_STUB = {"Buffer", "Source"}  # names for type checkers: an alias and a protocol


def declared() -> dict[str, set[str]]:
    """Top-level name to the public members that the stub gives it."""
    names: dict[str, set[str]] = {}
    for node in ast.parse(STUB.read_text()).body:
        if isinstance(node, ast.ClassDef):
            names[node.name] = {member.name for member in node.body if isinstance(member, ast.FunctionDef)}
        elif isinstance(node, ast.FunctionDef):
            names[node.name] = set()
    return {name: members for name, members in names.items() if name not in ONLY_IN_THE_STUB}


def public(thing: object) -> set[str]:
    return {name for name in vars(thing) if not name.startswith("_")}


def test_the_module_and_the_stub_have_the_same_names() -> None:
    assert public(_engine) == set(declared())


def test_the_classes_have_the_same_members() -> None:
    for name, members in declared().items():
        found = getattr(_engine, name)
        if isinstance(found, type) and not issubclass(found, Exception):
            assert public(found) == {member for member in members if not member.startswith("_")}, name
