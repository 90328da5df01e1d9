"""Bound expressions as TQL-like text, for readers of plans."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tql.planner.expressions import KEY_OF, Call, Cell, Column, Computed, Constant, Expression
from tql.printer import quote_name
from tql.types import Type

_BINARY = {
    "or": ("or", 1), "and": ("and", 2),
    "equal": ("=", 5), "not_equal": ("!=", 5),
    "less": ("<", 6), "less_equal": ("<=", 6), "greater": (">", 6), "greater_equal": (">=", 6),
    "json_equal": ("=", 5), "json_not_equal": ("!=", 5), "json_less": ("<", 6), "json_less_equal": ("<=", 6),
    "json_greater": (">", 6), "json_greater_equal": (">=", 6),
    "add": ("+", 8), "subtract": ("-", 8), "multiply": ("*", 9), "divide": ("/", 9), "modulo": ("%", 9),
}  # fmt: skip
_NOT, _RANGE, _EQUALITY, _NULL, _UNARY, _POSTFIX = 3, 4, 5, 7, 10, 11
_MOST_ITEMS = 8
_COMPARISONS = tuple(kernel for kernel, (_, strength) in _BINARY.items() if strength in (5, 6))
_NAMES = {
    "contains_text": "contains", "contains_words": "contains", "json_contains": "contains",
    "json_keys": "keys", "json_shape": "shape", "json_number": "number", "json_text": "text",
    "json_elements": "elements",
    "json_kind": "kind", "json_canonical": "canonical",
}  # fmt: skip


def expression_text(x: Expression) -> str:
    """The expression as TQL. Conversions show as `float64(x)`; taking a row's one element does not show."""
    return _render(x)[0]


def _render(x: Expression) -> tuple[str, int]:
    """Text and how tightly its outermost operator binds."""
    match x:
        case Column(facet="shape"):
            return f"shape({name_text(x.name)})", _POSTFIX
        case Column(facet="flat"):
            return f"elements({name_text(x.name)})", _POSTFIX
        case Column():
            return name_text(x.name), _POSTFIX
        case Cell():
            return f"data({name_text(x.name)}, {x.row})", _POSTFIX
        case Computed():
            return name_text(x.id), _POSTFIX
        case Constant():
            text = constant_text(x.value, x.type)
            return text, _UNARY if text.startswith("-") else _POSTFIX
        case Call():
            return _call(x)
    raise AssertionError(x)


def _call(x: Call) -> tuple[str, int]:
    if x.kernel in _BINARY:
        symbol, strength = _BINARY[x.kernel]
        chains = x.kernel not in _COMPARISONS
        left = _tight(x.operands[0], strength if chains else strength + 1)
        return (
            f"{left} {symbol} {_tight(x.operands[1], strength + (x.kernel not in ('and', 'or')))}",
            strength,
        )
    first = x.operands[0] if x.operands else None
    match x.kernel:
        case "scalar" | "truth" | "json_truth" | "json_of" if first is not None:
            return _render(first)
        case "not" if first is not None:
            return f"not {_tight(first, _NOT)}", _NOT
        case "negate" if first is not None:
            return f"-{_tight(first, _UNARY + 1)}", _UNARY
        case "is_null" if first is not None:
            return f"{_tight(first, _NULL + 1)} is null", _NULL
        case "in_set" | "json_in_set" if first is not None:
            element = Type(first.type.element, (), class_names=first.type.class_names)
            items = _cut([constant_text(value, element) for value in x.option("values")])
            return f"{_tight(first, _RANGE + 1)} in ({items})", _RANGE
        case "like" if first is not None:
            word = "ilike" if x.option("ignore_case") else "like"
            return f"{_tight(first, _EQUALITY + 1)} {word} {quoted(x.option('pattern'))}", _EQUALITY
        case "cast":
            return f"{x.type.element}({_arguments(x)})", _POSTFIX
        case "registered":
            return f"{x.option('function').partition('(')[0]}({_arguments(x)})", _POSTFIX
        case "subscript" | "gather" | "json_get" | "column_item":
            return _subscript(x), _POSTFIX
        case "max_weight" | "sum_weight":
            cases = [
                f"{expression_text(c)}: {constant_text(w, Type('float64'))}"
                for c, w in zip(x.operands, x.option("weights"), strict=True)
            ]
            return f"{x.kernel}({', '.join(cases)})", _POSTFIX
    axis = x.option("axis")
    name = _NAMES.get(x.kernel, x.kernel)
    return f"{name}({_arguments(x)}{'' if axis is None else f', {axis}'})", _POSTFIX


def _arguments(x: Call) -> str:
    return ", ".join(expression_text(operand) for operand in x.operands)


def _tight(x: Expression, least: int) -> str:
    text, strength = _render(x)
    return text if strength >= least else f"({text})"


def _subscript(x: Call) -> str:
    base = _tight(x.operands[0], _POSTFIX)
    registers = [expression_text(operand) for operand in x.operands[1:]]
    if x.kernel in ("gather", "column_item"):
        return f"{base}[{registers[0]}]"
    remaining = iter(registers)
    items = []
    for item in x.option("items"):
        if item is None or item == KEY_OF:
            items.append(next(remaining))
            continue
        if isinstance(item, str):
            items.append(quoted(item))
            continue
        start, stop, step = (next(remaining) if given else "" for given in item)
        items.append(f"{start}:{stop}" + (f":{step}" if step else ""))
    return base + (
        "".join(f"[{item}]" for item in items) if x.kernel == "json_get" else f"[{', '.join(items)}]"
    )


def constant_text(value: Any, type_: Type) -> str:
    """A constant as TQL; class indices as the names that they stand for."""
    if isinstance(value, tuple):
        element = Type(type_.element, (), class_names=type_.class_names)
        return f"ARRAY[{_cut([constant_text(item, element) for item in value])}]"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return quoted(value)
    names = type_.class_names
    if names is not None and 0 <= value < len(names):
        return quoted(names[value])
    if isinstance(value, float):
        if math.isfinite(value):
            shortest = str(np.dtype(type_.element).type(value)) if type_.is_float else repr(value)
            return str(int(value)) if value.is_integer() and abs(value) < 1e15 else shortest
        return "nan" if math.isnan(value) else "inf" if value > 0 else "-inf"
    return str(value)


def _cut(items: list[str]) -> str:
    shown = ", ".join(items[:_MOST_ITEMS])
    return f"{shown}, ... {len(items)} in all" if len(items) > _MOST_ITEMS else shown


def quoted(text: str) -> str:
    """A text as TQL."""
    return "'" + text.replace("'", "''") + "'"


def name_text(name: str) -> str:
    """A column name, quoted where it is no plain word."""
    return quote_name(name) if name and '"' not in name and "\n" not in name else repr(name)
