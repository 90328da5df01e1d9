// The mask loops that need AVX-512, for the tables that choose among all variants.
#pragma once

#include "tql_engine/mask.h"

namespace tql_engine {

/// choose.operator()<T>() for the type of the numbers that a column of this element holds; null for others.
template <class Choose>
MaskLoop loop_for(Element element, const Choose& choose) {
  switch (element) {
    case Element::kBool:
    case Element::kUint8:
      return choose.template operator()<uint8_t>();
    case Element::kInt8:
      return choose.template operator()<int8_t>();
    case Element::kInt16:
      return choose.template operator()<int16_t>();
    case Element::kUint16:
      return choose.template operator()<uint16_t>();
    case Element::kInt32:
      return choose.template operator()<int32_t>();
    case Element::kUint32:
      return choose.template operator()<uint32_t>();
    case Element::kInt64:
      return choose.template operator()<int64_t>();
    case Element::kUint64:
      return choose.template operator()<uint64_t>();
    case Element::kFloat32:
      return choose.template operator()<float>();
    case Element::kFloat64:
      return choose.template operator()<double>();
    default:
      return nullptr;
  }
}

/// Null on other processors' builds and for elements without one.
MaskLoop compare_mask_loop_avx512(CompareOp op, Element element) noexcept;
MaskLoop range_mask_loop_avx512(bool open_low, bool open_high, Element element) noexcept;
MaskLoop few_items_mask_loop_avx512(Element element) noexcept;
MaskLoop small_set_mask_loop_avx512(Element element) noexcept;

}  // namespace tql_engine
