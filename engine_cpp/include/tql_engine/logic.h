// The condition of a row, as an operation that the program compiler can look into.
#pragma once

#include <span>

#include "tql_engine/loops.h"

namespace tql_engine {

/// The row as a condition: its one element; an empty array and NULL are false.
class Truth final : public Operation {
 public:
  explicit Truth(UnaryLoop loop) : loop_(loop) {}
  void evaluate(Frame& frame, std::span<const Vector* const> args, Register& out) const override;

 private:
  UnaryLoop loop_;
};

}  // namespace tql_engine
