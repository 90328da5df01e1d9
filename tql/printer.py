"""AST to TQL text: keywords in lower case, parentheses and quotes only where they are needed.

Parsing the text gives an equal AST back.

It recurses, as deep as a tree that the parser accepts (`tql.parser.MAX_DEPTH`).
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

from tql import ast
from tql.keywords import RESERVED

# How tightly a piece holds together, as in section "expressions" of the grammar.
_OR, _AND, _NOT, _RANGE, _EQUALITY, _ORDERING, _NULL_TEST, _SUM, _PRODUCT, _UNARY, _POSTFIX = range(11)

_LEVEL = {
    "or": _OR,
    "and": _AND,
    "=": _EQUALITY,
    "!=": _EQUALITY,
    "<": _ORDERING,
    "<=": _ORDERING,
    ">": _ORDERING,
    ">=": _ORDERING,
    "+": _SUM,
    "-": _SUM,
    "*": _PRODUCT,
    "/": _PRODUCT,
    "%": _PRODUCT,
}
_BARE_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*", re.ASCII)


def to_text(node: ast.Node) -> str:
    """The canonical text of a statement, an expression or a piece of a statement.

    Raises:
        ValueError: a name has a character that no quoting can write (`"` or a line break), or is empty.
    """
    match node:
        case ast.Expr():
            return _expression(node)
        case ast.Statement():
            return _statement(node)
        case ast.Select():
            return _select(node)
        case ast.SetOperation():
            return _set_operation(node)
        case ast.TableName() | ast.SubQuery() | ast.Join():
            return _source(node)
        case ast.SelectItem():
            return to_text(node.expr) + _alias(node.alias)
        case ast.Star():
            return "*" if node.qualifier is None else f"{quote_name(node.qualifier)}.*"
        case ast.OrderKey():
            return to_text(node.expr) + (" desc" if node.descending else "")
        case ast.Limit():
            return _limit(node)
        case ast.SampleBy():
            return _sample(node)
        case ast.Expand():
            return _expand(node)
        case ast.GroupBy():
            return _group_by(node)
        case ast.Ungroup():
            return f"ungroup by {'split' if node.by is None else to_text(node.by)}"
        case ast.WeightCase():
            return f"{to_text(node.condition)}: {to_text(node.weight)}"
        case ast.Slice():
            return _slice(node)
        case _:
            raise TypeError(f"not a printable node: {type(node).__name__}")


def quote_name(name: str) -> str:
    """A column, alias or source name as it is written in a query: in double quotes where it must be.

    Raises:
        ValueError: the name is empty, or has a double quote or a line break in it.
    """
    if _BARE_NAME.fullmatch(name) and name.lower() not in RESERVED:
        return name
    if not name or '"' in name or "\n" in name:
        raise ValueError(f"no name of a query can be {name!r}")
    return f'"{name}"'


def quote_text(text: str) -> str:
    """A string literal."""
    return "'" + text.replace("'", "''") + "'"


# --- statements ---------------------------------------------------------------------------------------------


def _statement(node: ast.Statement) -> str:
    parts = [_operand(node.body) if isinstance(node.body, ast.Statement) else to_text(node.body)]
    if node.order_by:
        parts.append("order by " + _list(node.order_by))
    parts += (to_text(clause) for clause in (node.limit, node.sample) if clause is not None)
    return " ".join(parts)


def _set_operation(node: ast.SetOperation) -> str:
    operator = node.operator + (" all" if node.all else "")
    left = to_text(node.left) if isinstance(node.left, ast.SetOperation) else _operand(node.left)
    return f"{left} {operator} {_operand(node.right)}"


def _operand(node: ast.Select | ast.SetOperation | ast.Statement) -> str:
    return to_text(node) if isinstance(node, ast.Select) else f"({to_text(node)})"


def _limit(node: ast.Limit) -> str:
    parts = []
    if node.count is not None:
        parts.append(f"limit {to_text(node.count)}" + (" percent" if node.percent else ""))
    if node.offset is not None:
        parts.append(f"offset {to_text(node.offset)}")
    return " ".join(parts) or "limit all"


def _sample(node: ast.SampleBy) -> str:
    text = f"sample by {to_text(node.weight)}"
    if not node.replace:
        text += " replace false"
    if node.count is not None:
        text += f" limit {to_text(node.count)}" + (" percent" if node.percent else "")
    return text


# --- select -------------------------------------------------------------------------------------------------


def _select(node: ast.Select) -> str:
    parts = ["select"]
    if node.top is not None:
        parts.append(f"top {node.top}")
    if node.distinct:
        parts.append("distinct")
    parts.append(_list(node.items))
    if node.source is not None:
        parts.append(f"from {to_text(node.source)}")
    if node.where is not None:
        parts.append(f"where {to_text(node.where)}")
    parts += (to_text(clause) for clause in (node.expand, node.group_by, node.ungroup) if clause is not None)
    return " ".join(parts)


def _source(node: ast.FromSource) -> str:
    match node:
        case ast.TableName():
            return quote_name(node.name) + _alias(node.alias)
        case ast.SubQuery():
            return f"({to_text(node.statement)})" + _alias(node.alias)
        case ast.Join():
            kind = "" if node.kind == "inner" else f"{node.kind} "
            text = f"{_source(node.left)} {kind}join {_source(node.right)}"
            if node.on is not None:
                text += f" on {to_text(node.on)}"
            if node.using is not None:
                text += f" using ({quote_name(node.using)})"
            return text


def _expand(node: ast.Expand) -> str:
    text = f"expand by {node.before}"
    if node.after != node.before:
        text += f", {node.after}"
    if not node.overlap:
        text += " overlap false"
    return text + _alias(node.alias)


def _group_by(node: ast.GroupBy) -> str:
    text = "group by " + _list(node.keys)
    if node.having is not None:
        text += f" having {to_text(node.having)}"
    return text + (" across space" if node.across == "space" else "")


def _alias(alias: str | None) -> str:
    return "" if alias is None else f" as {quote_name(alias)}"


def _list(nodes: Sequence[ast.Node]) -> str:
    return ", ".join(to_text(node) for node in nodes)


# --- expressions --------------------------------------------------------------------------------------------


def _expression(node: ast.Expr) -> str:
    match node:
        case ast.Literal():
            return _literal(node.value)
        case ast.Parameter():
            return "?"
        case ast.Name():
            return quote_name(node.name) if node.qualifier is None else _qualified(node.qualifier, node.name)
        case ast.ArrayLiteral():
            return f"array[{_list(node.items)}]"
        case ast.Binary(operator=("or" | "and") as operator):
            level = _LEVEL[operator]
            return f" {operator} ".join(_within(operand, level + 1) for operand in _chain(node, operator))
        case ast.Binary():
            level = _LEVEL[node.operator]
            chains = level >= _SUM
            left = _within(node.left, level if chains else level + 1)
            return f"{left} {node.operator} {_within(node.right, level + 1)}"
        case ast.Unary(operator="not"):
            return f"not {_within(node.operand, _NOT)}"
        case ast.Unary():
            operand = _within(node.operand, _UNARY)
            return f"- {operand}" if operand.startswith("-") else f"-{operand}"  # `--` begins a comment
        case ast.Between():
            return (
                f"{_within(node.operand, _EQUALITY)}{_negation(node.negated)} between "
                f"{_within(node.low, _SUM)} and {_within(node.high, _SUM)}"
            )
        case ast.InList():
            return f"{_within(node.operand, _EQUALITY)}{_negation(node.negated)} in ({_list(node.items)})"
        case ast.Like():
            like = "ilike" if node.ignore_case else "like"
            operand = _within(node.operand, _ORDERING)
            return f"{operand}{_negation(node.negated)} {like} {_within(node.pattern, _ORDERING)}"
        case ast.IsNull():
            return f"{_within(node.operand, _SUM)} is{_negation(node.negated)} null"
        case ast.Subscript():
            return f"{_within(node.operand, _POSTFIX)}[{_list(node.items)}]"
        case ast.Call():
            return f"{node.function}({_list(node.args)})"
        case ast.CountStar():
            return "count(*)"
        case ast.WeightCases():
            return f"{node.function}({_list(node.cases)})"
        case _:
            raise TypeError(f"not a printable node: {type(node).__name__}")


def _within(node: ast.Expr, level: int) -> str:
    """The text of an operand, in parentheses where it holds less tightly than its place asks for."""
    text = _expression(node)
    return text if _level(node) >= level else f"({text})"


def _level(node: ast.Expr) -> int:
    match node:
        case ast.Binary():
            return _LEVEL[node.operator]
        case ast.Unary():
            return _NOT if node.operator == "not" else _UNARY
        case ast.Between() | ast.InList():
            return _RANGE
        case ast.Like():
            return _EQUALITY
        case ast.IsNull():
            return _NULL_TEST
        case _:
            return _POSTFIX


def _chain(node: ast.Expr, operator: str, length: int | None = None) -> list[ast.Expr]:
    """The operands of the longest chain of `operator` that the parser would balance into this very tree."""
    if length is None:
        length = max(_chain_lengths(node, operator))
    if length == 1 or not isinstance(node, ast.Binary):
        return [node]
    left = _chain(node.left, operator, (length + 1) // 2)
    return left + _chain(node.right, operator, length // 2)


def _chain_lengths(node: ast.Expr, operator: str) -> set[int]:
    """How many operands a chain may have that is balanced into this tree; 1 where the tree is one operand."""
    if not isinstance(node, ast.Binary) or node.operator != operator:
        return {1}
    left, right = _chain_lengths(node.left, operator), _chain_lengths(node.right, operator)
    return {1} | {2 * n for n in left & right} | {2 * n - 1 for n in left if n - 1 in right}


def _literal(value: bool | float | str) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return quote_text(value)
    if not 0 <= value < math.inf:
        raise ValueError(f"no literal of a query can be {value!r}")
    return repr(value)


def _negation(negated: bool) -> str:
    return " not" if negated else ""


def _qualified(qualifier: str, name: str) -> str:
    return f"{quote_name(qualifier)}.{quote_name(name)}"


def _slice(node: ast.Slice) -> str:
    start, stop, step = ("" if part is None else to_text(part) for part in (node.start, node.stop, node.step))
    return f"{start}:{stop}" + (f":{step}" if step else "")
