"""The reserved words: what a bare name may not be. A test compares them with the grammar's."""

from __future__ import annotations

_CLAUSES = {"select", "top", "distinct", "from", "where", "expand", "overlap", "group", "having", "across"}
_ENDINGS = {
    "ungroup",
    "split",
    "order",
    "by",
    "asc",
    "desc",
    "limit",
    "offset",
    "percent",
    "all",
    "sample",
    "replace",
}
_SOURCES = {"join", "inner", "left", "right", "full", "outer", "cross", "natural", "on", "using", "as"}
_SETS = {"union", "intersect", "except"}
_OPERATORS = {"and", "or", "not", "in", "between", "like", "ilike", "is", "isnull"}
_VALUES = {"null", "true", "false", "array", "case", "cast", "exists"}

RESERVED = frozenset(_CLAUSES | _ENDINGS | _SOURCES | _SETS | _OPERATORS | _VALUES)
