"""Each rule by itself: the query before and what it must become.

=== title
with: rule, rule             (optional: further rules that run on both sides)
select ... (before)
---
select ... (after), or a plan behind a line `plan`, or the word `unchanged`
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from golden.query_cases import QueryCase, read_cases
from golden.schema_text import Sources
from tql.parser import parse
from tql.planner.binder import bind
from tql.planner.live_columns import without_unread_declarations
from tql.planner.logical import Output
from tql.planner.rendering.tree import Line, build
from tql.planner.rewrite import optimize
from tql.planner.rules import RULES

NAMES = [rule.name for rule in RULES]


def cases() -> Iterator[tuple[str, QueryCase]]:
    for path in sorted(Path(__file__).parent.glob("*.test")):
        for case in read_cases(path):
            yield path.stem, case


@pytest.mark.parametrize(
    ("rule", "case"), [pytest.param(rule, case, id=f"{rule}: {case.title}") for rule, case in cases()]
)
def test_rule(rule: str, case: QueryCase) -> None:
    helpers = [name.strip() for name in case.options.get("with", "").split(",") if name.strip()]
    after, fired = run([rule, *helpers], case.query, case)
    if case.expected == "unchanged":
        assert rule not in fired
        return
    assert rule in fired
    if case.expected.startswith("plan\n"):
        assert f"plan\n{drawn(after)}" == case.expected
    else:
        expected, _ = run([rule, *helpers], case.expected, case)
        assert drawn(after) == drawn(expected)  # the readable difference first
        # What the rule leaves unread is not declared by the text after it.
        after, expected = map(without_unread_declarations, (after, expected))
        assert after.input == expected.input
        assert after.columns == expected.columns


def test_every_rule_has_cases() -> None:
    found = {rule for rule, _ in cases()}
    assert found == set(NAMES)
    for rule in NAMES:
        assert any(case.expected == "unchanged" for name, case in cases() if name == rule), rule


def run(names: list[str], query: str, case: QueryCase) -> tuple[Output, list[str]]:
    """The plan after the rules of these names, and which of them fired."""
    rules = tuple(rule for rule in RULES if rule.name in names)
    assert len(rules) == len(names)
    plan, fired = optimize(bind(parse(query), query, case.schema, sources=Sources()), rules=rules)
    return plan, [f.rule for f in fired]


def drawn(plan: Output) -> str:
    return "\n".join(_lines(build(plan.input), ""))


def _lines(line: Line, indent: str) -> Iterator[str]:
    yield f"{indent}{line.operator}" + (": " + "; ".join(line.details) if line.details else "")
    for child in line.children:
        yield from _lines(child, indent + "  ")
