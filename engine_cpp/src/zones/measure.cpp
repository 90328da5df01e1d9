// What a run of values holds: its bounds in one pass over memory that a scan has just brought into the cache,
// for every processor and again for wider vectors.
#include <algorithm>
#include <array>
#include <bit>
#include <concepts>
#include <limits>
#include <type_traits>

#include "tql_engine/ordering.h"
#include "tql_engine/simd.h"
#include "tql_engine/zone_maps.h"

namespace tql_engine {
namespace {

constexpr int64_t kMembers = 64;  // bits of Zone::members

template <class T>
struct Bounds {
  T low;
  T high;
  bool has_nan;
  bool has_values;
};

template <class T>
constexpr T kTop =
    std::numeric_limits<T>::has_infinity ? std::numeric_limits<T>::infinity() : std::numeric_limits<T>::max();
template <class T>
constexpr T kBottom = std::numeric_limits<T>::has_infinity ? -std::numeric_limits<T>::infinity()
                                                           : std::numeric_limits<T>::lowest();

/// Lanes that do not depend on each other, so that the compiler may use vectors for floats too.
template <class T>
[[gnu::always_inline]] inline Bounds<T> bounds_body(const T* __restrict values, int64_t n) {
  constexpr size_t kLanes = 128 / sizeof(T);
  std::array<T, kLanes> low;
  std::array<T, kLanes> high;
  std::array<T, kLanes> unordered;  // 1 where the lane had NaN
  low.fill(kTop<T>);
  high.fill(kBottom<T>);
  unordered.fill(T{0});
  const auto put = [&](size_t lane, T value) [[gnu::always_inline]] {
    low[lane] = value < low[lane] ? value : low[lane];
    high[lane] = value > high[lane] ? value : high[lane];
    if constexpr (std::floating_point<T>) unordered[lane] = value != value ? T{1} : unordered[lane];
  };
  constexpr auto kStep = static_cast<int64_t>(kLanes);
  int64_t row = 0;
  for (; row + kStep <= n; row += kStep) {
    for (size_t lane = 0; lane < kLanes; ++lane) put(lane, values[row + static_cast<int64_t>(lane)]);
  }
  for (; row < n; ++row) put(0, values[row]);
  Bounds<T> bounds{*std::ranges::min_element(low), *std::ranges::max_element(high), false, false};
  bounds.has_nan = std::ranges::any_of(unordered, [](T value) { return value != T{0}; });
  bounds.has_values = bounds.low <= bounds.high;
  return bounds;
}

template <class T>
Bounds<T> bounds_base(const T* values, int64_t n) {
  return bounds_body(values, n);
}

#if defined(__x86_64__)
template <class T>
[[gnu::target("avx2")]] Bounds<T> bounds_avx2(const T* values, int64_t n) {
  return bounds_body(values, n);
}

/// Minima of 64-bit integers have an instruction here.
template <class T>
[[gnu::target("avx512f,avx512bw,avx512dq,avx512vl")]] Bounds<T> bounds_avx512(const T* values, int64_t n) {
  return bounds_body(values, n);
}
#endif

template <class T>
Bounds<T> bounds_of(const T* values, int64_t n) {
#if defined(__x86_64__)
  if (simd_level() >= SimdLevel::kAvx512) return bounds_avx512(values, n);
  if (simd_level() >= SimdLevel::kAvx2) return bounds_avx2(values, n);
#endif
  return bounds_base(values, n);
}

/// The same of rows that are not NULL.
template <class T>
Bounds<T> valid_bounds(const T* values, const uint8_t* valid, int64_t n) {
  Bounds<T> bounds{kTop<T>, kBottom<T>, false, false};
  for (int64_t row = 0; row < n; ++row) {
    if (valid[row] == 0) continue;
    const T value = values[row];
    bounds.has_nan |= ordering::is_nan(value);
    bounds.low = value < bounds.low ? value : bounds.low;
    bounds.high = value > bounds.high ? value : bounds.high;
  }
  bounds.has_values = bounds.low <= bounds.high;
  return bounds;
}

template <std::integral T>
[[gnu::always_inline]] inline uint64_t members_body(const T* values, int64_t n, T low) {
  if constexpr (sizeof(T) == sizeof(uint64_t)) {
    uint64_t members = 0;
    for (int64_t row = 0; row < n; ++row) {
      members |= uint64_t{1} << (static_cast<uint64_t>(values[row]) - static_cast<uint64_t>(low));
    }
    return members;
  } else {
    // Two halves of 32 bits: as many lanes as the values have.
    uint32_t first = 0;
    uint32_t second = 0;
    for (int64_t row = 0; row < n; ++row) {
      const uint32_t at = static_cast<uint32_t>(values[row]) - static_cast<uint32_t>(low);
      const uint32_t bit = uint32_t{1} << (at & 31);
      first |= at < 32 ? bit : 0;
      second |= at < 32 ? 0 : bit;
    }
    return first | uint64_t{second} << 32;
  }
}

template <std::integral T>
uint64_t members_base(const T* values, int64_t n, T low) {
  return members_body(values, n, low);
}

#if defined(__x86_64__)
template <std::integral T>
[[gnu::target("avx2")]] uint64_t members_avx2(const T* values, int64_t n, T low) {
  return members_body(values, n, low);
}
#endif

template <std::integral T>
uint64_t members_of_run(const T* values, int64_t n, T low) {
#if defined(__x86_64__)
  if (simd_level() >= SimdLevel::kAvx2) return members_avx2(values, n, low);
#endif
  return members_base(values, n, low);
}

/// Which integers of [low, low + 64) occur. Most often a few rows have all between the bounds, and then the
/// rest need not be looked at.
template <std::integral T>
uint64_t members_of(const T* values, const uint8_t* valid, int64_t n, T low, uint64_t all) {
  constexpr int64_t kLook = 512;
  uint64_t members = 0;
  int64_t count = 0;
  for (int64_t row = 0; row < n && members != all; row += count) {
    count = std::min(row + kLook, n - row);  // a few first, then ever more
    if (valid == nullptr) {
      members |= members_of_run(values + row, count, low);
      continue;
    }
    for (int64_t i = row; i < row + count; ++i) {
      if (valid[i] != 0) members |= members_body(values + i, 1, low);
    }
  }
  return members;
}

template <class T>
Number number_of(T value) noexcept {
  if constexpr (std::floating_point<T>) {
    return static_cast<double>(value);
  } else if constexpr (std::is_signed_v<T>) {
    return static_cast<int64_t>(value);
  } else {
    return static_cast<uint64_t>(value);
  }
}

template <class T>
void measure(const Column& column, int64_t begin, int64_t n, Zone& zone) {
  const T* values = column.values<T>() + begin;
  const uint8_t* valid = column.validity() == nullptr ? nullptr : column.validity() + begin;
  if (valid != nullptr) zone.nulls = std::count(valid, valid + n, uint8_t{0});
  if (zone.nulls == 0) valid = nullptr;
  const Bounds<T> bounds = valid == nullptr ? bounds_of(values, n) : valid_bounds(values, valid, n);
  zone.has_nan = bounds.has_nan;
  zone.has_values = bounds.has_values;
  if (!bounds.has_values) return;
  zone.low = number_of(bounds.low);
  zone.high = number_of(bounds.high);
  if constexpr (std::integral<T>) {
    const uint64_t span = static_cast<uint64_t>(bounds.high) - static_cast<uint64_t>(bounds.low);
    if (span >= kMembers) return;
    const uint64_t all = ~uint64_t{0} >> (kMembers - 1 - static_cast<int64_t>(span));
    zone.members = members_of(values, valid, n, bounds.low, all);
  }
}

using Measure = void (*)(const Column& column, int64_t begin, int64_t n, Zone& zone);

/// Null for elements without order.
Measure measure_loop(Element element) noexcept {
  switch (element) {
    case Element::kBool:
    case Element::kUint8:
      return &measure<uint8_t>;
    case Element::kInt8:
      return &measure<int8_t>;
    case Element::kInt16:
      return &measure<int16_t>;
    case Element::kInt32:
      return &measure<int32_t>;
    case Element::kInt64:
      return &measure<int64_t>;
    case Element::kUint16:
      return &measure<uint16_t>;
    case Element::kUint32:
      return &measure<uint32_t>;
    case Element::kUint64:
      return &measure<uint64_t>;
    case Element::kFloat32:
      return &measure<float>;
    case Element::kFloat64:
      return &measure<double>;
    case Element::kFloat16:
    case Element::kText:
      return nullptr;
  }
  return nullptr;
}

}  // namespace

bool has_zones(const Column& column) noexcept {
  return column.layout() == Layout::kDense && column.row_elements() == 1 &&
         measure_loop(column.element()) != nullptr;
}

Zone measure_zone(const Column& column, int64_t begin, int64_t end, int64_t start) {
  Zone zone;
  zone.start = start;
  zone.stop = start + (end - begin);
  measure_loop(column.element())(column, begin, end - begin, zone);
  return zone;
}

}  // namespace tql_engine
