// IN a set of constants, as an operation that the program compiler can look into.
#pragma once

#include <memory>
#include <span>
#include <utility>

#include "tql_engine/loops.h"
#include "tql_engine/mask.h"

namespace tql_engine {

/// The loops of one set: bools per value, and bits per value where the elements are numbers.
struct SetLoops {
  UnaryLoop values = nullptr;
  std::shared_ptr<const void> values_operand;
  MaskLoop mask = nullptr;
  std::shared_ptr<const void> mask_operand;
};

class InSet final : public Operation {
 public:
  explicit InSet(SetLoops loops) : loops_(std::move(loops)) {}
  void evaluate(Frame& frame, std::span<const Vector* const> args, Register& out) const override;
  /// Null for texts.
  MaskLoop mask_loop() const noexcept { return loops_.mask; }
  const std::shared_ptr<const void>& mask_operand() const noexcept { return loops_.mask_operand; }

 private:
  SetLoops loops_;
};

}  // namespace tql_engine
