// The one element of a row, as an operation that the program compiler can look through.
#pragma once

#include <span>

#include "tql_engine/loops.h"

namespace tql_engine {

/// The one element of a row; NULL where there is none, an error where there are more. Rows that all have one
/// are not copied if they lie one behind the other.
class ScalarOperation final : public Operation {
 public:
  void evaluate(Frame& frame, std::span<const Vector* const> args, Register& out) const override;
};

}  // namespace tql_engine
