"""The driver of the rules: walks, repeats to a fixed point, records what fired, checks the invariants."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from time import perf_counter
from typing import Any, Literal

from tql.errors import ArgumentError, InternalError
from tql.planner.expressions import Call, Column, Computed, Expression, transform, walk
from tql.planner.logical import Node, Output, SetOp, schema_of, source_of
from tql.planner.made_sources import expression_inputs, references
from tql.planner.relations import carried
from tql.planner.suggest import near_names
from tql.schema import Schema
from tql.span import NOWHERE
from tql.types import Type

_MAX_PASSES = 12

Observer = Callable[[str, Output], None]


@dataclass(frozen=True, slots=True)
class Rule:
    """One rewrite.

    Attributes:
        function: `(node, schema) -> node` or `(expression, schema) -> expression`; the very same object where
            it has nothing to do. The schema is that of the source whose rows the node reads, or for which
            the expression is computed. The driver walks: nodes parents first, expressions operands first.
        level: what it rewrites.
        on: the classes of nodes, or the kernels, that it looks at.
    """

    function: Callable[[Any, Schema], Any]
    level: Literal["node", "expression"]
    on: frozenset[Any]

    @property
    def name(self) -> str:
        return self.function.__name__

    @property
    def help(self) -> str:
        """First line of the rule's docstring."""
        return (self.function.__doc__ or "").strip().partition("\n")[0]


def node_rule(function: Callable[[Any, Schema], Node], *classes: type[Node]) -> Rule:
    return Rule(function, "node", frozenset(classes))


def expression_rule(function: Callable[[Call, Schema], Expression], *kernels: str) -> Rule:
    return Rule(function, "expression", frozenset(kernels))


@dataclass(frozen=True, slots=True)
class Fired:
    """A rule that changed the plan: in how many passes, and the seconds it took in all."""

    rule: str
    times: int
    seconds: float


def optimize(
    plan: Output,
    disable: Collection[str] = (),
    observer: Observer | None = None,
    rules: tuple[Rule, ...] | None = None,
) -> tuple[Output, tuple[Fired, ...]]:
    """Apply the rules until none fires any more.

    Args:
        plan: a bound plan.
        disable: names of rules that stay out.
        observer: is told the rule's name and the plan after each rule that fired.
        rules: in order, `RULES` if None.

    Raises:
        ArgumentError: if `disable` names no rule.
        InternalError: if a rule breaks an invariant.
    """
    from tql.planner.rules import RULES

    rules = RULES if rules is None else rules
    names = [rule.name for rule in rules]
    for name in disable:
        if name not in names:
            raise ArgumentError(f"no rule is named '{name}'", candidates=near_names(name, names))
    drivers = [_Driver(rule) for rule in rules if rule.name not in disable]
    checker = Checker(plan)
    for _ in range(_MAX_PASSES):
        before = plan
        for driver in drivers:
            after = driver.apply(plan)
            if after is not plan:
                checker.check(after, driver.rule.name)
                plan = after
                if observer is not None:
                    observer(driver.rule.name, plan)
        if plan is before:
            break
    fired = [Fired(d.rule.name, d.times, d.seconds) for d in drivers if d.times]
    return plan, tuple(fired)


class _Driver:
    """Walks a plan with one rule. Subtrees that it left alone once are not walked again."""

    def __init__(self, rule: Rule) -> None:
        self.rule = rule
        self.times = 0
        self.seconds = 0.0
        self._settled: dict[int, Node] = {}  # by identity; the value keeps the node alive
        self._changed: dict[int, tuple[Node, Node]] = {}  # of this pass: equal sources stay one object
        self._visit = self._visit_node if rule.level == "node" else self._visit_expressions

    def apply(self, plan: Output) -> Output:
        if id(plan) in self._settled:
            return plan
        start = perf_counter()
        self._changed.clear()
        after = self._walk(plan)
        self.seconds += perf_counter() - start
        if after is not plan:
            self.times += 1
        assert isinstance(after, Output)
        return after

    def _walk(self, node: Node) -> Node:
        if id(node) in self._settled:
            return node
        changed = self._changed.get(id(node))
        if changed is not None:
            return changed[1]
        after = self._visit(node)
        inputs = after.inputs
        if inputs:
            rewritten = after.with_inputs(*[self._walk(child) for child in inputs])
            # Another look at once, so that a long chain of set operations is merged in one pass.
            after = self._visit(rewritten) if rewritten is not after else after
        if after is node:
            self._settled[id(node)] = node
        else:
            self._changed[id(node)] = (node, after)
        return after

    def _visit_node(self, node: Node) -> Node:
        if type(node) not in self.rule.on:
            return node
        after: Node = self.rule.function(node, schema_of(node.inputs[0]))
        return after

    def _visit_expressions(self, node: Node) -> Node:
        before = node.expressions
        if not before:
            return node
        after = []
        for expression, below in zip(before, expression_inputs(node), strict=True):
            if not isinstance(expression, Call) or self.rule.on.isdisjoint(expression.kernels):
                after.append(expression)
                continue
            schema = schema_of(below)

            def rewrite(x: Expression, schema: Schema = schema) -> Expression:
                if isinstance(x, Call) and x.kernel in self.rule.on:
                    result: Expression = self.rule.function(x, schema)
                    return result
                return x

            after.append(transform(expression, rewrite))
        if all(a is b for a, b in zip(before, after, strict=True)):
            return node
        return node.with_expressions(*after)


class Checker:
    """What must hold after every rule: the same output, every reference resolves, no call lost its place."""

    def __init__(self, plan: Output) -> None:
        self._output = plan.columns
        self._order_chosen = plan.order_chosen
        self._has_spans = plan.span is not NOWHERE
        self._known: dict[int, tuple[Node, dict[str, Type]]] = {}

    def check(self, plan: Output, rule: str) -> None:
        """Raise InternalError, naming the rule, if the plan is not sound."""
        if plan.columns != self._output or plan.order_chosen != self._order_chosen:
            raise _broken(rule, "the output changed", plan)
        self._check_node(plan.input, rule)
        for column in plan.columns:
            self._check_reference(column.source, plan.input, rule, plan)

    def _check_node(self, node: Node, rule: str) -> None:
        if id(node) in self._known:
            return
        for child in node.inputs:
            self._check_node(child, rule)
        below = [self._known[id(child)][1] for child in node.inputs]
        self._known[id(node)] = (node, carried(node, below))
        for child, reference in references(node):
            self._check_reference(reference, child, rule, node)
        for expression, read in zip(node.expressions, expression_inputs(node), strict=True):
            for x in walk(expression):
                self._check_reference(x, read, rule, node)
        if isinstance(node, SetOp) and source_of(node.left) != source_of(node.right):
            raise _broken(rule, "the sides of a set operation are rows of different sources", node)

    def _check_reference(self, x: Expression, below: Node, rule: str, node: Node) -> None:
        """Where `below` is the input whose answer the expression reads."""
        match x:
            case Column():
                schema = schema_of(below)
                if x.name not in schema or (x.facet == "values" and schema.type_of(x.name) != x.type):
                    raise _broken(rule, f"column '{x.name}' does not resolve", node)
            case Computed():
                if self._known[id(below)][1].get(x.id) != x.type:
                    raise _broken(rule, f"computed column '{x.id}' does not resolve", node)
            case Call() if self._has_spans and x.span is NOWHERE:
                raise _broken(rule, f"a call of '{x.kernel}' lost its place in the query", node)


def _broken(rule: str, what: str, node: Node) -> InternalError:
    return InternalError(f"the optimiser rule '{rule}' broke the plan: {what}", hint=f"plan: {node}")
