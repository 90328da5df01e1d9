// Subscripts, as an operation that the compiler of mask programs can look into.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "tql_engine/kernel.h"

namespace tql_engine {

class SubscriptOperation : public Operation {
 public:
  /// i of x[:, ..., i], where x has `rank` axes and the last argument is the constant i; nothing for any
  /// other subscript. `args` are the operations of the arguments.
  virtual std::optional<int64_t> last_axis_index(int rank,
                                                 std::span<const Operation* const> args) const noexcept = 0;
};

}  // namespace tql_engine
