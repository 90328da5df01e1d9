"""Frozen data classes of which a query has many: made without a detour for each of their fields."""

from __future__ import annotations

from dataclasses import MISSING, fields
from typing import Any, TypeVar

T = TypeVar("T")


def quick(cls: type[T]) -> type[T]:
    """The frozen data class with an initializer that writes its fields itself.

    That of `dataclass` calls `object.__setattr__` for each, which takes two to three times as long as to fill
    the instance's dictionary, or its slots by their descriptors.

    Raises:
        TypeError: for a class with `__post_init__` or with a default factory.
    """
    names: dict[str, Any] = {}
    body: list[str] = []
    plain: list[str] = []
    keywords: list[str] = []
    for field in fields(cls):  # type: ignore[arg-type]
        if field.default_factory is not MISSING or not field.init or hasattr(cls, "__post_init__"):
            raise TypeError(f"{cls.__name__} cannot be made quickly")
        name = field.name
        if field.default is not MISSING:
            names[f"_default_{name}"] = field.default
        parameter = name if field.default is MISSING else f"{name}=_default_{name}"
        (keywords if field.kw_only is True else plain).append(parameter)
        slot = getattr(cls, name, None) if hasattr(cls, "__slots__") else None
        if slot is None:
            body.append(f"_members[{name!r}] = {name}")
        else:
            names[f"_set_{name}"] = slot.__set__
            body.append(f"_set_{name}(self, {name})")
    if not hasattr(cls, "__slots__"):
        body.insert(0, "_members = self.__dict__")
    signature = ", ".join(["self", *plain, *(["*", *keywords] if keywords else [])])
    exec(f"def __init__({signature}):\n " + "\n ".join(body), names)
    made = names["__init__"]
    made.__qualname__ = f"{cls.__qualname__}.__init__"
    made.__annotations__ = cls.__init__.__annotations__
    type.__setattr__(cls, "__init__", made)
    return cls
