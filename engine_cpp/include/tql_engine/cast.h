// Conversion between element kinds, defined for every value.
#pragma once

#include <span>

#include "tql_engine/loops.h"

namespace tql_engine {

/// Null where there is no conversion (text). float16 converts from and to float32 alone.
UnaryLoop cast_loop(Element from, Element to) noexcept;

class CastOperation final : public Operation {
 public:
  CastOperation(UnaryLoop loop, Element element) : loop_(loop), element_(element) {}
  void evaluate(Frame& frame, std::span<const Vector* const> args, Register& out) const override {
    apply_unary(frame, loop_, nullptr, *args[0], element_, out);
  }
  /// What it converts to.
  Element element() const noexcept { return element_; }

 private:
  UnaryLoop loop_;
  Element element_;
};

}  // namespace tql_engine
