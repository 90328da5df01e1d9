// Which kernels can't end a query: those whose calls a filter may leave out or put in another order, without
// a difference that anybody could see.
#include <algorithm>
#include <array>
#include <string_view>

#include "tql_engine/registry.h"

namespace tql_engine {
namespace {

constexpr auto kSafe = std::to_array<std::string_view>({"abs",
                                                        "add",
                                                        "all",
                                                        "all_strict",
                                                        "amax",
                                                        "amin",
                                                        "and",
                                                        "any",
                                                        "avg",
                                                        "cast",
                                                        "column",
                                                        "computed",
                                                        "constant",
                                                        "contains",
                                                        "contains_text",
                                                        "contains_words",
                                                        "count",
                                                        "divide",
                                                        "equal",
                                                        "greater",
                                                        "greater_equal",
                                                        "in_set",
                                                        "is_null",
                                                        "json_contains",
                                                        "json_equal",
                                                        "json_greater",
                                                        "json_greater_equal",
                                                        "json_in_set",
                                                        "json_kind",
                                                        "json_less",
                                                        "json_less_equal",
                                                        "json_not_equal",
                                                        "json_number",
                                                        "json_of",
                                                        "json_text",
                                                        "l1_norm",
                                                        "l2_norm",
                                                        "less",
                                                        "less_equal",
                                                        "like",
                                                        "linf_norm",
                                                        "multiply",
                                                        "negate",
                                                        "not",
                                                        "not_equal",
                                                        "or",
                                                        "prod",
                                                        "random",
                                                        "row_number",
                                                        "shape",
                                                        "sqrt",
                                                        "subtract",
                                                        "sum"});
static_assert(std::ranges::is_sorted(kSafe));

/// Safe for rows of one element.
constexpr auto kSafeForOne = std::to_array<std::string_view>({"scalar", "truth"});

}  // namespace

bool may_fail(std::string_view kernel, std::span<const Type> args) noexcept {
  // Of a known rank the planner has checked every axis.
  if (std::ranges::any_of(args, [](const Type& type) { return type.nested || !type.shape; })) return true;
  if (std::ranges::find(kSafeForOne, kernel) != kSafeForOne.end()) return !args.front().is_single();
  return !std::ranges::binary_search(kSafe, kernel);
}

std::vector<std::string> safe_kernels() { return {kSafe.begin(), kSafe.end()}; }

}  // namespace tql_engine
