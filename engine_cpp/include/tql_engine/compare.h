// The six comparisons: their operators, and the loops beside the element-wise ones.
#pragma once

#include <cstdint>

#include "tql_engine/kernel.h"
#include "tql_engine/ordering.h"
#include "tql_engine/types.h"

namespace tql_engine {

enum class CompareOp : uint8_t { kEqual, kNotEqual, kLess, kLessEqual, kGreater, kGreaterEqual };

/// The comparison that holds for (y, x) where `op` holds for (x, y).
constexpr CompareOp swapped(CompareOp op) noexcept {
  switch (op) {
    case CompareOp::kLess:
      return CompareOp::kGreater;
    case CompareOp::kLessEqual:
      return CompareOp::kGreaterEqual;
    case CompareOp::kGreater:
      return CompareOp::kLess;
    case CompareOp::kGreaterEqual:
      return CompareOp::kLessEqual;
    default:
      return op;
  }
}

struct Equal {
  template <class L, class R>
  static constexpr bool apply(const L& left, const R& right) noexcept {
    return ordering::equal(left, right);
  }
};
struct NotEqual {
  template <class L, class R>
  static constexpr bool apply(const L& left, const R& right) noexcept {
    return !ordering::equal(left, right);
  }
};
struct Less {
  template <class L, class R>
  static constexpr bool apply(const L& left, const R& right) noexcept {
    return ordering::less(left, right);
  }
};
struct LessEqual {
  template <class L, class R>
  static constexpr bool apply(const L& left, const R& right) noexcept {
    return ordering::less_equal(left, right);
  }
};
struct Greater {
  template <class L, class R>
  static constexpr bool apply(const L& left, const R& right) noexcept {
    return ordering::less(right, left);
  }
};
struct GreaterEqual {
  template <class L, class R>
  static constexpr bool apply(const L& left, const R& right) noexcept {
    return ordering::less_equal(right, left);
  }
};

/// A bound comparison, which the program compiler can look into to fuse it.
class CompareOperation final : public Operation {
 public:
  CompareOperation(CompareOp op, Element left, Element right);
  void evaluate(Frame& frame, std::span<const Vector* const> args, Register& out) const override;
  CompareOp op() const noexcept { return op_; }
  bool same_elements() const noexcept { return same_; }

 private:
  CompareOp op_;
  bool swap_;
  bool same_;
  bool (*loop_)(const void*, int64_t, const void*, int64_t, void*, int64_t);
};

/// Whether some of n elements compares true with the constant.
using AnyCompareLoop = bool (*)(const void* x, int64_t step, const void* constant, int64_t n);
/// Null for elements without one.
AnyCompareLoop any_compare_loop(CompareOp op, Element element) noexcept;

/// any(x op y) with one scalar y per row, without the array of bools between them. NULL gives false.
class AnyCompare final : public Operation {
 public:
  AnyCompare(CompareOp op, Element element) : op_(op), loop_(any_compare_loop(op, element)) {}
  void evaluate(Frame& frame, std::span<const Vector* const> args, Register& out) const override;
  CompareOp op() const noexcept { return op_; }

 private:
  CompareOp op_;
  AnyCompareLoop loop_;
};

}  // namespace tql_engine
