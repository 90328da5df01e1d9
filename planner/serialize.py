"""The physical plan as text and back: versioned JSON, the same bytes for the same plan."""

from __future__ import annotations

import json

from tql.errors import ArgumentError
from tql.planner.physical import VERSION, PhysicalPlan


def to_json(plan: PhysicalPlan) -> str:
    """The plan as one line of JSON with sorted keys."""
    return json.dumps(plan, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def from_json(text: str) -> PhysicalPlan:
    """The plan that `to_json` wrote.

    Raises:
        ArgumentError: if the text is no plan, or one of another version.
    """
    try:
        plan = json.loads(text)
    except ValueError:
        raise ArgumentError("the text is not a plan: it is not JSON") from None
    if not isinstance(plan, dict) or "tql_plan" not in plan:
        raise ArgumentError("the text is not a plan: it has no member 'tql_plan'")
    if plan["tql_plan"] != VERSION:
        raise ArgumentError(f"a plan of version {plan['tql_plan']!r} cannot be read, only version {VERSION}")
    return plan
