// Comparisons with a constant in the column's own element, and two of them as a range: what mask loops are
// chosen by.
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <optional>

#include "tql_engine/compare.h"
#include "tql_engine/constant.h"
#include "tql_engine/mask.h"
#include "tql_engine/types.h"

namespace tql_engine {

/// One value of any element, where the mask loops expect it.
struct alignas(8) Operand {
  std::array<std::byte, 8> bytes{};
};

/// `value op constant`, both of `element`.
struct NarrowComparison {
  CompareOp op;
  Element element;
  Operand constant;
};

/// A loop and what it works with.
struct MaskStep {
  MaskLoop loop = nullptr;
  std::shared_ptr<const void> operand{};
};

/// The comparison of the column's elements that holds for the same values as `cast(value) op constant`, where
/// the cast is to the element of the constant. Nothing if there is none: an integer that the column can't
/// have, or a float beside integers.
std::optional<NarrowComparison> narrow_comparison(CompareOp op, const Constant& constant, Element column);

/// The loop of a comparison; without one for elements that have none.
MaskStep mask_step(const NarrowComparison& comparison);

/// The loop for both of two comparisons with the same column, one with a lower and one with an upper end.
/// Nothing if they are no such pair.
std::optional<MaskStep> range_step(const NarrowComparison& left, const NarrowComparison& right);

}  // namespace tql_engine
