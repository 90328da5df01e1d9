// Norms, and norms of a difference without the difference in memory.
#pragma once

#include <memory>
#include <optional>
#include <string_view>

#include "row_norms.h"
#include "tql_engine/kernel.h"

namespace tql_engine {

/// The norm that a kernel computes; nothing for other kernels.
std::optional<Norm> norm_named(std::string_view kernel) noexcept;

/// The norm of x - y in double, of rows x of any numbers and doubles y that are the same for all rows.
/// `difference` is the place of the subtraction in the query, for what is wrong with the two shapes.
std::unique_ptr<const Operation> make_distance(Norm norm, Element element, Span difference);

}  // namespace tql_engine
