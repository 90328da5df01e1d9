"""Functions of the host that queries may call: registered by name, for the whole process.

tql.register_function("brightness", lambda image: image.mean(), returns="float64")
ds.query("select * where brightness(images) > 100")
"""

from __future__ import annotations

import inspect
import threading
import typing
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from tql.errors import ArgumentError
from tql.types import BOOL, FLOAT64, INT64, JSON, TEXT, Type

_OF_ANNOTATION = {bool: BOOL, int: INT64, float: FLOAT64, str: TEXT}


@dataclass(frozen=True)
class RegisteredFunction:
    """A function of the host.

    Attributes:
        name: its name in queries, lower case.
        function: is called once per row with one value per argument.
        returns: the declared type of what it gives.
    """

    name: str
    function: Callable[..., Any]
    returns: Type


_functions: dict[str, RegisteredFunction] = {}
_lock = threading.Lock()
_version = 0


def register_function(name: str, function: Callable[..., Any], returns: str | Type | None = None) -> None:
    """Let queries call a Python function.

    It is called once per row with one value per argument: a NumPy array (0-d for a scalar), a str for text, a
    list of str for a list of text, the Python value for JSON, None for NULL. It may be called in any order of
    rows, more than once, and from several threads. An exception that it raises ends the query and arrives
    unchanged, but for a note that says which part of the query it ended.

    Args:
        name: its name in queries, in any case.
        function: what is called.
        returns: the type of what it gives ("float64", "text", "float32[]", "int64?" where None may come
            back), or None for what its annotation says (bool, int, float, str) and, without one, for a
            dynamic value, which queries see as JSON.

    Raises:
        ArgumentError: for a name that is no identifier, is a word of the language or is registered already,
            for something that cannot be called, and for a type that cannot be read.
    """
    global _version
    from tql.catalogue import CALLABLE
    from tql.keywords import RESERVED

    if not isinstance(name, str) or not name.isascii() or not name.isidentifier() or name.startswith("_"):
        raise ArgumentError(
            f"the name of a function must be letters, digits and _, with a letter first: {name!r}"
        )
    key = name.lower()
    if key in CALLABLE or key in RESERVED:
        raise ArgumentError(f"'{name}' is a word of the language: choose another name")
    if not callable(function):
        raise ArgumentError(f"a function was expected, not {type(function).__name__}: {function!r}")
    entry = RegisteredFunction(key, function, _declared(name, function, returns))
    with _lock:
        if key in _functions:
            raise ArgumentError(
                f"a function named '{name}' is registered already",
                hint="remove it with tql.unregister_function",
            )
        _functions[key] = entry
        _version += 1


def unregister_function(name: str) -> None:
    """Forget a registered function.

    Raises:
        ArgumentError: if there is none of that name.
    """
    global _version
    with _lock:
        if name.lower() not in _functions:
            raise ArgumentError(f"no function named '{name}' is registered")
        del _functions[name.lower()]
        _version += 1


def find(name: str) -> RegisteredFunction | None:
    """The function of that name, in any case."""
    return _functions.get(name.lower())


def names() -> tuple[str, ...]:
    """The names of all registered functions, in order of registration."""
    return tuple(_functions)


def version() -> int:
    """A number that changes whenever a function is registered or removed: part of the key of cached plans."""
    return _version


def _declared(name: str, function: Callable[..., Any], returns: str | Type | None) -> Type:
    if isinstance(returns, Type):
        type_ = returns
    elif isinstance(returns, str):
        type_ = Type.parse(returns)
    elif returns is None:
        type_ = _annotated(function)
    else:
        raise ArgumentError(f"a type is a text or a tql.Type, not {type(returns).__name__}: {returns!r}")
    if type_.nested or type_.element == "bytes" or type_.class_names is not None:
        raise ArgumentError(f"a registered function cannot give {type_}: {name}")
    return replace(type_, nullable=True) if type_.element == "json" else type_


def _annotated(function: Callable[..., Any]) -> Type:
    try:
        hint = typing.get_type_hints(function).get("return", inspect.Signature.empty)
    except (NameError, TypeError, AttributeError):  # an annotation that cannot be evaluated, or none at all
        hint = inspect.Signature.empty
    return _OF_ANNOTATION.get(hint, JSON)
