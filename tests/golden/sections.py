"""The parts of the language reference that a golden case may belong to."""

from __future__ import annotations

SECTIONS: dict[str, str] = {
    "1": "Grammar, order of evaluation",
    "2": "Lexical rules",
    "3": "Types, promotion, broadcasting",
    "4": "WHERE",
    "5": "Operators, precedence, NULL logic",
    "6": "Comparison, IN, BETWEEN, LIKE, class labels",
    "7": "CONTAINS",
    "8": "ANY, ALL, LOGICAL_AND, LOGICAL_OR, NONZERO, SHAPE",
    "9": "Subscripts and slices",
    "10": "JSON",
    "11": "ARRAY",
    "12": "Functions",
    "13": "Select list, FROM, ORDER BY, LIMIT, OFFSET",
    "14": "GROUP BY, HAVING",
    "15": "UNGROUP BY",
    "16": "EXPAND BY, SAMPLE BY",
    "17": "Set operations, joins, parameters, registered functions",
    "18": "Errors",
    "19": "Equivalences",
    "20": "Differences from other implementations",
}
