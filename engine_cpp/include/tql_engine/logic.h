// Conditions and their connectives, as operations that the compiler of mask programs can look into.
#pragma once

#include <cstdint>
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

/// AND, OR, NOT, element-wise; NULL counts as false and never comes out.
class LogicOperation final : public Operation {
 public:
  enum class Kind : uint8_t { kAnd, kOr, kNot };

  explicit LogicOperation(Kind kind) : kind_(kind) {}
  void evaluate(Frame& frame, std::span<const Vector* const> args, Register& out) const override;
  Kind kind() const noexcept { return kind_; }

 private:
  Kind kind_;
};

class IsNull final : public Operation {
 public:
  void evaluate(Frame& frame, std::span<const Vector* const> args, Register& out) const override;
};

}  // namespace tql_engine
