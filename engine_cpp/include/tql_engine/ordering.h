// What equal and less mean, decided here and nowhere else: for NaN, for text, across signedness.
#pragma once

#include <concepts>
#include <string_view>
#include <type_traits>
#include <utility>

namespace tql_engine::ordering {

template <class L, class R>
inline constexpr bool kMixedIntegers = std::integral<L> && std::integral<R> && !std::same_as<L, R>;

/// NaN equals nothing, itself included. Integers compare by value across signedness. Text compares bytes.
template <class L, class R>
constexpr bool equal(const L& left, const R& right) noexcept {
  if constexpr (kMixedIntegers<L, R>) {
    return std::cmp_equal(left, right);
  } else {
    return left == right;
  }
}

/// False if one side is NaN. Text orders by unsigned bytes, which for UTF-8 is the order of code points.
template <class L, class R>
constexpr bool less(const L& left, const R& right) noexcept {
  if constexpr (kMixedIntegers<L, R>) {
    return std::cmp_less(left, right);
  } else {
    return left < right;
  }
}

/// False if one side is NaN, so this is not the negation of less(right, left).
template <class L, class R>
constexpr bool less_equal(const L& left, const R& right) noexcept {
  if constexpr (kMixedIntegers<L, R>) {
    return std::cmp_less_equal(left, right);
  } else {
    return left <= right;
  }
}

template <class T>
constexpr bool is_nan(const T& value) noexcept {
  if constexpr (std::floating_point<T>) {
    return value != value;
  } else {
    return false;
  }
}

}  // namespace tql_engine::ordering
