"""The rules, in order, with a reason wherever the order matters."""

from __future__ import annotations

from tql.planner.logical import Filter, Limit, Output, SetOp, Sort
from tql.planner.made_sources import Join
from tql.planner.rewrite import Rule, expression_rule, node_rule
from tql.planner.rules.aggregate_groups import aggregate_groups
from tql.planner.rules.fold_constants import fold_constants
from tql.planner.rules.in_list import in_list
from tql.planner.rules.merge_filters import merge_filters
from tql.planner.rules.merge_set_operations import merge_set_operations
from tql.planner.rules.merge_subscripts import merge_subscripts
from tql.planner.rules.narrow_constants import narrow_constants
from tql.planner.rules.order_conjuncts import order_conjuncts
from tql.planner.rules.push_down_filter import push_down_filter
from tql.planner.rules.push_down_join_conditions import push_down_join_conditions
from tql.planner.rules.push_down_limit import push_down_limit
from tql.planner.rules.remove_dead_columns import remove_dead_columns
from tql.planner.rules.remove_idle_sorts import remove_idle_sorts
from tql.planner.rules.search_vectors import search_vectors
from tql.planner.rules.shape_from_metadata import shape_from_metadata
from tql.planner.rules.simplify_predicates import simplify_predicates
from tql.planner.rules.sort_groups import sort_groups
from tql.planner.rules.split_conjuncts import split_conjuncts
from tql.planner.rules.stop_early_at_limit import stop_early_at_limit
from tql.planner.rules.top_k import top_k
from tql.planner.rules.unwrap_single_elements import unwrap_single_elements
from tql.planner.values import FOLDABLE

_COMPARISONS = ("equal", "not_equal", "less", "less_equal", "greater", "greater_equal")

RULES: tuple[Rule, ...] = (
    # Expressions first: every later rule looks at conditions in their simplest form. Shapes that are known
    # become constants for fold_constants; folded constants and unwrapped columns are what narrow_constants
    # looks for.
    expression_rule(shape_from_metadata, "shape"),
    expression_rule(merge_subscripts, "subscript"),
    expression_rule(fold_constants, *FOLDABLE),
    expression_rule(unwrap_single_elements, "scalar", "truth", "any", "all", "all_strict", "contains"),
    expression_rule(narrow_constants, *_COMPARISONS, "contains"),
    expression_rule(in_list, "in_set", "or"),
    # Conditions: simplify_predicates turns NOT (a OR b) into the AND that split_conjuncts takes apart, and
    # the parts move one by one.
    node_rule(simplify_predicates, Filter),
    node_rule(split_conjuncts, Filter),
    node_rule(merge_filters, Filter),
    # Before push_down_filter, which copies an outer condition to both sides, and before limits close a side.
    node_rule(merge_set_operations, SetOp),
    node_rule(push_down_filter, Filter),
    node_rule(push_down_join_conditions, Join),
    # Limits after filters: a filter never passes a limit, so it must be down before a limit has settled above
    # it.
    node_rule(push_down_limit, Limit),
    # Before top_k: a limit above groups can take the sort that has come up to it.
    node_rule(sort_groups, Output),
    node_rule(top_k, Limit),
    node_rule(stop_early_at_limit, Limit),
    node_rule(remove_idle_sorts, Sort, SetOp),
    # Before remove_dead_columns, which drops the lists that are no longer read.
    node_rule(aggregate_groups, Output),
    node_rule(remove_dead_columns, Output),
    # Last: conjuncts are complete and in their final form.
    node_rule(order_conjuncts, Filter),
    # After top_k, which says how many rows are wanted, and push_down_filter, which may put a filter below.
    node_rule(search_vectors, Sort),
)

__all__ = ["RULES"]
