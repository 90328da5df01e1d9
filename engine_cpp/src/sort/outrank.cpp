#include "outrank.h"

#include <cmath>
#include <cstring>
#include <limits>
#include <type_traits>

namespace tql_engine {
namespace {

template <class T, bool descending>
[[gnu::always_inline]] inline bool any_body(const void* values, int64_t begin, int64_t end,
                                            const void* bound) noexcept {
  const T limit = *static_cast<const T*>(bound);
  const T* const from = static_cast<const T*>(values);
  int found = 0;
  for (int64_t row = begin; row < end; ++row) found |= descending ? from[row] > limit : from[row] < limit;
  return found != 0;
}

template <class T, bool descending>
bool any_base(const void* values, int64_t begin, int64_t end, const void* bound) noexcept {
  return any_body<T, descending>(values, begin, end, bound);
}

#if defined(__x86_64__)
template <class T, bool descending>
[[gnu::target("avx2")]] bool any_avx2(const void* values, int64_t begin, int64_t end,
                                      const void* bound) noexcept {
  return any_body<T, descending>(values, begin, end, bound);
}

template <class T, bool descending>
[[gnu::target("avx512f,avx512bw,avx512dq,avx512vl")]] bool any_avx512(const void* values, int64_t begin,
                                                                      int64_t end,
                                                                      const void* bound) noexcept {
  return any_body<T, descending>(values, begin, end, bound);
}
#endif

template <class T, bool descending>
auto choose_any() noexcept {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
      __builtin_cpu_supports("avx512vl")) {
    return &any_avx512<T, descending>;
  }
  if (__builtin_cpu_supports("avx2")) return &any_avx2<T, descending>;
#endif
  return &any_base<T, descending>;
}

/// The value of a row, or where ties count the one just behind it; false where there is no such value.
template <class T>
bool bound_of(const void* values, int64_t row, bool descending, bool ties, void* bound) noexcept {
  T value = static_cast<const T*>(values)[row];
  if constexpr (std::is_floating_point_v<T>) {
    constexpr T kInfinity = std::numeric_limits<T>::infinity();
    const T last = descending ? -kInfinity : kInfinity;
    if (std::isnan(value) || (ties && value == last)) return false;
    if (ties) value = std::nextafter(value, last);
  } else if (ties) {
    const T last = descending ? std::numeric_limits<T>::min() : std::numeric_limits<T>::max();
    if (value == last) return false;
    value = static_cast<T>(descending ? value - 1 : value + 1);
  }
  std::memcpy(bound, &value, sizeof(value));
  return true;
}

}  // namespace

template <class T>
void Outrank::choose() noexcept {
  any_ = key_->descending ? choose_any<T, true>() : choose_any<T, false>();
  bound_of_ = &bound_of<T>;
}

void Outrank::choose_for(Element element) noexcept {
  switch (element) {
    case Element::kBool:
    case Element::kUint8:
      return choose<uint8_t>();
    case Element::kInt8:
      return choose<int8_t>();
    case Element::kInt16:
      return choose<int16_t>();
    case Element::kInt32:
      return choose<int32_t>();
    case Element::kInt64:
      return choose<int64_t>();
    case Element::kUint16:
      return choose<uint16_t>();
    case Element::kUint32:
      return choose<uint32_t>();
    case Element::kUint64:
      return choose<uint64_t>();
    case Element::kFloat32:
      return choose<float>();
    case Element::kFloat64:
      return choose<double>();
    default:
      return;
  }
}

Outrank::Outrank(const SortKey& key, bool ties) noexcept : key_(&key), ties_(ties) {
  if (key.column.layout() == Layout::kDense) choose_for(key.column.element());
}

void Outrank::set_bound(int64_t row) noexcept {
  const Column& column = key_->column;
  active_ = any_ != nullptr && !column.is_null(row) &&
            bound_of_(column.raw_values(), row, key_->descending, ties_, &bound_);
}

}  // namespace tql_engine
