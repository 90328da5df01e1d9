"""Explain for tools: the tree as JSON."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tql.planner.rendering.expression_text import expression_text
from tql.planner.rendering.tree import Line, peak_bytes
from tql.planner.zones import zone_conditions

if TYPE_CHECKING:
    from tql.planner import PlannedQuery


def render_json(planned: PlannedQuery, root: Line) -> str:
    """`{"query", "output", "order_chosen", "rules", "zone_maps", "plan"}`, `plan` nested under "inputs".

    After a run there is also "peak_bytes", and "measured" in each node of the plan.
    """
    data = {
        "query": planned.text,
        "output": [{"name": field.name, "type": field.type.to_json()} for field in planned.schema.fields],
        "order_chosen": planned.order_chosen,
        "rules": [
            {"name": f.rule, "passes": f.times, "microseconds": round(f.seconds * 1e6, 1)}
            for f in planned.fired
        ],
        "zone_maps": [expression_text(x) for x in zone_conditions(planned.optimized.input)],
        "plan": _node(root),
    }
    if root.measured is not None:
        data["peak_bytes"] = peak_bytes(root)
    return json.dumps(data, indent=2, ensure_ascii=False)


def _node(line: Line) -> dict[str, Any]:
    node: dict[str, Any] = {
        "id": line.id,
        "operator": line.operator,
        "expressions": list(line.details),
        "reads": list(line.reads),
        "estimate": {"share": _share(line), "most": line.estimate.most},
    }
    if line.measured is not None:
        node["measured"] = {key: value for key, value in line.measured.items() if key != "id"}
    node["inputs"] = [_node(child) for child in line.children]
    return node


def _share(line: Line) -> float | None:
    """Of the rows of the source that the node's rows belong to; None for a source that the plan makes."""
    return None if line.is_source and line.children else round(line.estimate.share, 6)
