// The mask loops that need AVX-512, for the tables that choose among all variants.
#pragma once

#include "tql_engine/mask.h"

namespace tql_engine {

/// Null on other processors' builds and for elements without one.
MaskLoop compare_mask_loop_avx512(CompareOp op, Element element) noexcept;
MaskLoop range_mask_loop_avx512(bool open_low, bool open_high, Element element) noexcept;
MaskLoop few_items_mask_loop_avx512(Element element) noexcept;
MaskLoop small_set_mask_loop_avx512(Element element) noexcept;

}  // namespace tql_engine
