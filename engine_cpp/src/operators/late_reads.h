// When the rows that survived are read alone, and when the rows around them come with them.
#pragma once

#include <algorithm>
#include <cstdint>

#include "tql_engine/kernel.h"

namespace tql_engine {

/// Plain numbers and shapes: reading them all costs less than finding out which are needed.
inline bool is_cheap(const ColumnRef& ref) noexcept {
  return ref.facet == Facet::kShape || (ref.type.is_scalar() && ref.type.element != Element::kText);
}

/// Images, videos, lists of lists: every row may have to be decoded for itself.
inline bool is_large(const ColumnRef& ref) noexcept {
  constexpr int64_t kManyElements = 64;
  if (is_cheap(ref)) return false;
  const Type& type = ref.type;
  if (type.nested || !type.shape || type.shape->size() > 2) return true;
  const bool is_fixed = type.is_fixed();
  const auto elements = is_fixed ? checked_product(type.shape->data(), static_cast<int>(type.shape->size()))
                                 : std::optional<int64_t>();
  return is_fixed && (!elements || *elements >= kManyElements);
}

/// Whether `alive` of some rows are better read alone. Memory is only skipped where much of it is; of storage
/// nothing large is read in vain.
inline bool read_alone(const ColumnRef& ref, bool in_memory, int64_t alive, int64_t rows) noexcept {
  constexpr int64_t kInMemory = 16;
  constexpr int64_t kInStorage = 2;
  if (is_cheap(ref)) return false;
  if (in_memory) return alive * kInMemory <= rows;
  return is_large(ref) ? alive < rows : alive * kInStorage <= rows;
}

}  // namespace tql_engine
