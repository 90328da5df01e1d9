"""AST to TQL text: keywords in lower case, parentheses and quotes only where they are needed.

Parsing the text gives an equal AST back.

Nothing here recurses: each node is turned into pieces, which are text or nodes still to be turned.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

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


@dataclass(frozen=True, slots=True)
class _Within:
    """An operand, in parentheses where it holds less tightly than its place asks for."""

    node: ast.Expr
    level: int


_Piece = str | ast.Node | _Within


def to_text(node: ast.Node) -> str:
    """The canonical text of a statement, an expression or a piece of a statement.

    Raises:
        ValueError: a name has a character that no quoting can write (`"` or a line break), or is empty.
    """
    text: list[str] = []
    chains = _Chains()
    todo: list[_Piece] = [node]
    while todo:
        piece = todo.pop()
        if isinstance(piece, str):
            text.append(piece)
        elif isinstance(piece, _Within):
            loose = _level(piece.node) < piece.level
            todo += (")", piece.node, "(") if loose else (piece.node,)
        else:
            pieces = _expression(piece, chains) if isinstance(piece, ast.Expr) else _clause(piece)
            todo += reversed(pieces)
    return "".join(text)


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


def _clause(node: ast.Node) -> list[_Piece]:
    match node:
        case ast.Statement():
            return _statement(node)
        case ast.Select():
            return _select(node)
        case ast.SetOperation():
            operator = node.operator + (" all" if node.all else "")
            left = [node.left] if isinstance(node.left, ast.SetOperation) else _operand(node.left)
            return [*left, f" {operator} ", *_operand(node.right)]
        case ast.TableName():
            return [quote_name(node.name) + _alias(node.alias)]
        case ast.SubQuery():
            return ["(", node.statement, ")" + _alias(node.alias)]
        case ast.Join():
            return _join(node)
        case ast.SelectItem():
            return [node.expr, _alias(node.alias)]
        case ast.Star():
            return ["*" if node.qualifier is None else f"{quote_name(node.qualifier)}.*"]
        case ast.OrderKey():
            return [node.expr, " desc" if node.descending else ""]
        case ast.Limit():
            return _limit(node)
        case ast.SampleBy():
            return _sample(node)
        case ast.Expand():
            return [_expand(node)]
        case ast.GroupBy():
            return _group_by(node)
        case ast.Ungroup():
            return ["ungroup by ", "split" if node.by is None else node.by]
        case ast.WeightCase():
            return [node.condition, ": ", node.weight]
        case ast.Slice():
            return _slice(node)
        case _:
            raise TypeError(f"not a printable node: {type(node).__name__}")


def _statement(node: ast.Statement) -> list[_Piece]:
    pieces: list[_Piece] = []
    pieces += _operand(node.body) if isinstance(node.body, ast.Statement) else [node.body]
    if node.order_by:
        pieces += [" order by ", *_list(node.order_by)]
    for clause in (node.limit, node.sample):
        if clause is not None:
            pieces += [" ", clause]
    return pieces


def _operand(node: ast.Select | ast.SetOperation | ast.Statement) -> list[_Piece]:
    return [node] if isinstance(node, ast.Select) else ["(", node, ")"]


def _limit(node: ast.Limit) -> list[_Piece]:
    pieces: list[_Piece] = []
    if node.count is not None:
        pieces += ["limit ", node.count, " percent" if node.percent else ""]
    if node.offset is not None:
        pieces += ["offset " if node.count is None else " offset ", node.offset]
    if node.count is None and node.offset is None:
        pieces.append("limit all")
    return pieces


def _sample(node: ast.SampleBy) -> list[_Piece]:
    pieces: list[_Piece] = []
    pieces += ["sample by ", node.weight]
    if not node.replace:
        pieces.append(" replace false")
    if node.count is not None:
        pieces += [" limit ", node.count, " percent" if node.percent else ""]
    return pieces


# --- select -------------------------------------------------------------------------------------------------


def _select(node: ast.Select) -> list[_Piece]:
    pieces: list[_Piece] = []
    pieces.append("select ")
    if node.top is not None:
        pieces.append(f"top {node.top} ")
    if node.distinct:
        pieces.append("distinct ")
    pieces += _list(node.items)
    if node.source is not None:
        pieces += [" from ", node.source]
    if node.where is not None:
        pieces += [" where ", node.where]
    for clause in (node.expand, node.group_by, node.ungroup):
        if clause is not None:
            pieces += [" ", clause]
    return pieces


def _join(node: ast.Join) -> list[_Piece]:
    pieces: list[_Piece] = []
    kind = "" if node.kind == "inner" else f"{node.kind} "
    pieces += [node.left, f" {kind}join ", node.right]
    if node.on is not None:
        pieces += [" on ", node.on]
    if node.using is not None:
        pieces.append(f" using ({quote_name(node.using)})")
    return pieces


def _expand(node: ast.Expand) -> str:
    text = f"expand by {node.before}"
    if node.after != node.before:
        text += f", {node.after}"
    if not node.overlap:
        text += " overlap false"
    return text + _alias(node.alias)


def _group_by(node: ast.GroupBy) -> list[_Piece]:
    pieces: list[_Piece] = []
    pieces += ["group by ", *_list(node.keys)]
    if node.having is not None:
        pieces += [" having ", node.having]
    if node.across == "space":
        pieces.append(" across space")
    return pieces


def _alias(alias: str | None) -> str:
    return "" if alias is None else f" as {quote_name(alias)}"


def _list(nodes: Sequence[_Piece], separator: str = ", ") -> list[_Piece]:
    pieces: list[_Piece] = []
    for node in nodes:
        pieces += (separator, node)
    return pieces[1:]


# --- expressions --------------------------------------------------------------------------------------------


def _expression(node: ast.Expr, chains: _Chains) -> list[_Piece]:
    match node:
        case ast.Literal():
            return [_literal(node.value)]
        case ast.Parameter():
            return ["?"]
        case ast.Name():
            name = quote_name(node.name)
            return [name if node.qualifier is None else f"{quote_name(node.qualifier)}.{name}"]
        case ast.ArrayLiteral():
            return ["array[", *_list(node.items), "]"]
        case ast.Binary(operator=("or" | "and") as operator):
            level = _LEVEL[operator]
            return _list([_Within(x, level + 1) for x in chains.operands(node)], f" {operator} ")
        case ast.Binary():
            level = _LEVEL[node.operator]
            left = _Within(node.left, level if level >= _SUM else level + 1)
            return [left, f" {node.operator} ", _Within(node.right, level + 1)]
        case ast.Unary(operator="not"):
            return ["not ", _Within(node.operand, _NOT)]
        case ast.Unary():
            doubled = isinstance(node.operand, ast.Unary) and node.operand.operator == "-"
            return ["- " if doubled else "-", _Within(node.operand, _UNARY)]  # `--` begins a comment
        case ast.Between():
            between = f"{_negation(node.negated)} between "
            low, high = _Within(node.low, _SUM), _Within(node.high, _SUM)
            return [_Within(node.operand, _EQUALITY), between, low, " and ", high]
        case ast.InList():
            operand = _Within(node.operand, _EQUALITY)
            return [operand, f"{_negation(node.negated)} in (", *_list(node.items), ")"]
        case ast.Like():
            like = f"{_negation(node.negated)} {'ilike' if node.ignore_case else 'like'} "
            return [_Within(node.operand, _ORDERING), like, _Within(node.pattern, _ORDERING)]
        case ast.IsNull():
            return [_Within(node.operand, _SUM), f" is{_negation(node.negated)} null"]
        case ast.Subscript():
            return [_Within(node.operand, _POSTFIX), "[", *_list(node.items), "]"]
        case ast.Call():
            return [f"{node.function}(", *_list(node.args), ")"]
        case ast.CountStar():
            return ["count(*)"]
        case ast.WeightCases():
            return [f"{node.function}(", *_list(node.cases), ")"]
        case _:
            raise TypeError(f"not a printable node: {type(node).__name__}")


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


class _Chains:
    """Finds out which trees of one operator the parser has made of a chain without parentheses."""

    def __init__(self) -> None:
        self._lengths: dict[int, set[int]] = {}  # by identity of the node

    def operands(self, node: ast.Binary) -> list[ast.Expr]:
        """Those of the longest chain that the parser would balance into this very tree."""
        operands: list[ast.Expr] = []
        todo: list[tuple[ast.Expr, int]] = [(node, max(self._lengths_of(node)))]
        while todo:
            operand, length = todo.pop()
            if length == 1 or not isinstance(operand, ast.Binary):
                operands.append(operand)
            else:
                todo += ((operand.right, length // 2), (operand.left, (length + 1) // 2))
        return operands

    def _lengths_of(self, root: ast.Binary) -> set[int]:
        """How many operands a chain may have that is balanced into this tree; 1: the tree is one operand."""
        known = self._lengths
        todo: list[ast.Binary] = [root]
        while todo:
            node = todo[-1]
            sides = (node.left, node.right)
            inner = [x for x in sides if isinstance(x, ast.Binary) and x.operator == node.operator]
            missing = [x for x in inner if id(x) not in known]
            if missing:
                todo += missing
                continue
            todo.pop()
            left, right = (known[id(x)] if any(x is y for y in inner) else {1} for x in sides)
            twice, odd = {2 * n for n in left & right}, {2 * n - 1 for n in left if n - 1 in right}
            known[id(node)] = {1} | twice | odd
        return known[id(root)]


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


def _slice(node: ast.Slice) -> list[_Piece]:
    pieces: list[_Piece] = []
    if node.start is not None:
        pieces.append(node.start)
    pieces.append(":")
    if node.stop is not None:
        pieces.append(node.stop)
    if node.step is not None:
        pieces += [":", node.step]
    return pieces
