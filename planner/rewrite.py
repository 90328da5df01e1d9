"""The driver of the rules: walks, repeats to a fixed point, records what fired, checks the invariants."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby
from operator import is_
from time import perf_counter
from typing import Any, Literal

from tql.errors import ArgumentError, InternalError
from tql.planner.expressions import Call, Column, Computed, Constant, Expression, with_operands
from tql.planner.logical import Node, Output, SetOp, nodes_by_class, schema_of, source_of
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
    drivers = _drivers([rule for rule in rules if rule.name not in disable])
    checker = Checker(plan)
    found = nodes_by_class(plan)
    for _ in range(_MAX_PASSES):
        before = plan
        for driver in drivers:
            after = driver.apply(plan, found)
            if after is not plan:
                plan, found = after, nodes_by_class(after)
                checker.check(plan, driver.fired_last)
                if observer is not None:
                    observer(driver.fired_last, plan)
        if plan is before:
            break
    tallies = [tally for driver in drivers for tally in driver.tallies]
    return plan, tuple([Fired(t.rule.name, t.times, t.seconds) for t in tallies if t.times])


_Found = Mapping[type[Node], Sequence[Node]]
"""The nodes of the plan by their classes."""


@dataclass(slots=True)
class _Tally:
    """What a rule has done so far."""

    rule: Rule
    times: int = 0
    seconds: float = 0.0


def _drivers(rules: Sequence[Rule]) -> list[_NodeDriver | _ExpressionDriver]:
    """One for each rule of nodes, one for all neighbours among the rules of expressions."""
    return [
        driver
        for level, group in groupby(rules, key=lambda rule: rule.level)
        for driver in ([_ExpressionDriver(group)] if level == "expression" else map(_NodeDriver, group))
    ]


class _NodeDriver:
    """Walks a plan with one rule, if there is a node that it would change."""

    def __init__(self, rule: Rule) -> None:
        self.tallies = [_Tally(rule)]
        self.fired_last = rule.name
        self._function, self._on = rule.function, rule.on
        # By identity; the values keep the nodes alive.
        self._left_alone: dict[int, Node] = {}
        self._seen: dict[int, tuple[Node, Node]] = {}  # of this pass: a node that would change, and how
        self._changed: dict[int, tuple[Node, Node]] = {}  # of this pass: equal sources stay one object

    def apply(self, plan: Output, found: _Found) -> Output:
        if self._on.isdisjoint(found):
            return plan
        start = perf_counter()
        after = self._walk(plan) if self._has_work(found) else plan
        self.tallies[0].seconds += perf_counter() - start
        if after is not plan:
            self.tallies[0].times += 1
            self._changed.clear()
            self._seen.clear()
        assert isinstance(after, Output)
        return after

    def _has_work(self, found: _Found) -> bool:
        for class_ in self._on:
            for node in found.get(class_, ()):
                if id(node) not in self._left_alone and self._visit(node) is not node:
                    return True
        return False

    def _walk(self, node: Node) -> Node:
        changed = self._changed.get(id(node))
        if changed is not None:
            return changed[1]
        after = self._visit(node)
        inputs = after.inputs
        if inputs:
            rewritten = after.with_inputs(*[self._walk(child) for child in inputs])
            # Another look at once, so that a long chain of set operations is merged in one pass.
            after = self._visit(rewritten) if rewritten is not after else after
        self._changed[id(node)] = (node, after)
        return after

    def _visit(self, node: Node) -> Node:
        if type(node) not in self._on or id(node) in self._left_alone:
            return node
        seen = self._seen.get(id(node))
        if seen is not None:
            return seen[1]
        after: Node = self._function(node, schema_of(node.inputs[0]))
        if after is node:
            self._left_alone[id(node)] = node
        else:
            self._seen[id(node)] = (node, after)
        return after


_LOOKS = 8
"""How often a pass looks at one place again that a rule has changed; the rest is left to the next pass."""


class _ExpressionDriver:
    """Walks the expressions of a plan once with several rules. What they left alone is not walked again."""

    def __init__(self, rules: Iterable[Rule]) -> None:
        self.tallies = [_Tally(rule) for rule in rules]
        self.fired_last = ""
        self._by_kernel = _by_kernel(tuple([tally.rule for tally in self.tallies]))
        # By identity; the values keep what is settled alive.
        self._settled: dict[int, Node] = {}
        self._settled_calls: dict[int, tuple[Schema, dict[int, Call]]] = {}  # of each schema they are read on
        self._changed: dict[int, tuple[Node, Node]] = {}
        self._fired: dict[str, _Tally] = {}  # in this pass

    def apply(self, plan: Output, found: _Found) -> Output:
        self._changed.clear()
        self._fired.clear()
        after = self._walk(plan)
        for tally in self._fired.values():
            tally.times += 1
        self.fired_last = "' or '".join(self._fired)
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
            after = after.with_inputs(*[self._walk(child) for child in inputs])
        if after is node:
            self._settled[id(node)] = node
        else:
            self._changed[id(node)] = (node, after)
        return after

    def _visit(self, node: Node) -> Node:
        before = node.expressions
        if not before:
            return node
        after = []
        for x, below in zip(before, expression_inputs(node), strict=True):
            if isinstance(x, Call):
                schema = schema_of(below)
                _, settled = self._settled_calls.setdefault(id(schema), (schema, {}))
                after.append(self._rewritten(x, schema, settled))
            else:
                after.append(x)
        return node if all(map(is_, before, after)) else node.with_expressions(*after)

    def _rewritten(
        self, x: Call, schema: Schema, settled: dict[int, Call], looks: int = _LOOKS
    ) -> Expression:
        """The call after all rules, operands first."""
        if id(x) in settled:
            return x
        operands: list[Expression] | None = None
        for place, operand in enumerate(x.operands):
            if type(operand) is Call and id(operand) not in settled:
                rewritten = self._rewritten(operand, schema, settled)
                if rewritten is not operand:
                    operands = operands or list(x.operands)
                    operands[place] = rewritten
        call_ = x
        if operands is not None:
            changed = with_operands(x, tuple(operands))
            assert isinstance(changed, Call)
            call_ = changed
        for place in self._by_kernel.get(call_.kernel, ()):
            tally = self.tallies[place]
            start = perf_counter()
            after = tally.rule.function(call_, schema)
            tally.seconds += perf_counter() - start
            if after is not call_:
                self._fired[tally.rule.name] = tally
                if not isinstance(after, Call) or not looks:
                    result: Expression = after
                    return result
                return self._rewritten(after, schema, settled, looks - 1)
        settled[id(call_)] = call_
        return call_


@lru_cache(maxsize=4)
def _by_kernel(rules: tuple[Rule, ...]) -> Mapping[str, tuple[int, ...]]:
    """The places of the rules that look at a kernel."""
    kernels = frozenset[str]().union(*(rule.on for rule in rules))
    return {kernel: tuple([i for i, rule in enumerate(rules) if kernel in rule.on]) for kernel in kernels}


class Checker:
    """What must hold after every rule: the same output, every reference resolves, no call lost its place."""

    def __init__(self, plan: Output) -> None:
        self._output = plan.columns
        self._order_chosen = plan.order_chosen
        self._has_spans = plan.span is not NOWHERE
        self._known: dict[int, tuple[Node, dict[str, Type]]] = {}
        self._sound: dict[int, tuple[Node, dict[int, Call]]] = {}  # calls, of each node they read

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
            self._check_expression(expression, read, rule, node)
        if isinstance(node, SetOp) and source_of(node.left) != source_of(node.right):
            raise _broken(rule, "the sides of a set operation are rows of different sources", node)

    def _check_expression(self, expression: Expression, read: Node, rule: str, node: Node) -> None:
        """Check what has not been checked yet, which is what a rule has made."""
        _, sound = self._sound.setdefault(id(read), (read, {}))
        todo = [expression]
        while todo:
            x = todo.pop()
            if isinstance(x, Call):
                if id(x) in sound:
                    continue
                sound[id(x)] = x
                if self._has_spans and x.span is NOWHERE:
                    raise _broken(rule, f"a call of '{x.kernel}' lost its place in the query", node)
                todo += x.operands
            elif not isinstance(x, Constant):
                self._check_reference(x, read, rule, node)

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


def _broken(rule: str, what: str, node: Node) -> InternalError:
    return InternalError(f"the optimiser rule '{rule}' broke the plan: {what}", hint=f"plan: {node}")
