// IN a set of constants, as an operation that the program compiler can look into.
#pragma once

#include <memory>
#include <span>
#include <utility>

#include "tql_engine/constant.h"
#include "tql_engine/loops.h"
#include "tql_engine/mask.h"
#include "tql_engine/mask_leaf.h"

namespace tql_engine {

/// The loops of one set: bools per value, and bits per value.
struct SetLoops {
  UnaryLoop values = nullptr;
  std::shared_ptr<const void> values_operand;
  MaskLoop mask = nullptr;
  std::shared_ptr<const void> mask_operand;
  MaskLeafPtr leaf;  // over a column of texts
};

/// The set of these codes, which are of int8, int16 or int32 and fit.
SetLoops code_set(Element element, std::span<const int64_t> codes);

class InSet final : public Operation {
 public:
  InSet(SetLoops loops, std::shared_ptr<const Constant> items)
      : loops_(std::move(loops)), items_(std::move(items)) {}
  void evaluate(Frame& frame, std::span<const Vector* const> args, Register& out) const override;
  /// Null for numbers.
  const MaskLeafPtr& leaf() const noexcept { return loops_.leaf; }
  /// Null for texts.
  MaskLoop mask_loop() const noexcept { return loops_.mask; }
  const std::shared_ptr<const void>& mask_operand() const noexcept { return loops_.mask_operand; }
  /// The numbers of the set; null for texts.
  const Constant* items() const noexcept { return items_.get(); }

 private:
  SetLoops loops_;
  std::shared_ptr<const Constant> items_;
};

}  // namespace tql_engine
