from dataclasses import replace

from tql.planner.expressions import Call, Constant, Expression
from tql.planner.logical import Filter, Limit, Node
from tql.schema import Schema


def split_conjuncts(node: Filter, schema: Schema) -> Node:
    """Test the parts of an AND one after the other.

        where a and b                   ->   where a; then, on what is left, b
        where a and true and a          ->   where a
        where true                      ->   (nothing)
        where false                     ->   limit 0

    The second condition reads only the rows that survived the first, and each can be moved by itself. Only an
    AND of scalars: arrays may fail to go together.
    """
    only = node.conjuncts[0]
    if len(node.conjuncts) == 1 and isinstance(only, Call) and only.kernel != "and":
        return node
    parts: dict[Expression, None] = {}
    for conjunct in node.conjuncts:
        for part in _parts(conjunct):
            if isinstance(part, Constant):
                if part.value is False:
                    return Limit(node.input, 0, 0, span=node.span)
                if part.value is True:
                    continue
            parts.setdefault(part)
    if len(parts) == len(node.conjuncts) and all(a is b for a, b in zip(parts, node.conjuncts, strict=True)):
        return node
    if not parts:
        return node.input if node.fetch is None else Limit(node.input, 0, node.fetch, span=node.span)
    return replace(node, conjuncts=tuple(parts))


def _parts(x: Expression) -> list[Expression]:
    if isinstance(x, Call) and x.kernel == "and" and all(operand.type.is_scalar for operand in x.operands):
        return [part for operand in x.operands for part in _parts(operand)]
    return [x]
