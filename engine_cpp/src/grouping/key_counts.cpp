// Counting integers of a small range. Rows are looked at in blocks that stay in the nearest cache, so that
// memory is read once: as the distances from the smallest value, which mostly are bytes, and vectors count
// those.
#include "tql_engine/key_counts.h"

#include <algorithm>
#include <atomic>
#include <limits>
#include <string_view>
#include <type_traits>
#include <unordered_set>
#include <utility>

#include "bounds.h"
#include "byte_counts.h"
#include "tql_engine/execution.h"
#include "tql_engine/grouping.h"
#include "tql_engine/simd.h"

namespace tql_engine {
namespace {

constexpr int64_t kGrain = 1 << 17;
constexpr int64_t kBlock = kMostBytes;
constexpr uint64_t kMostValues = 1 << 16;
constexpr uint64_t kByteValues = 1 << 8;
constexpr uint64_t kWideLanes = 4;  // as kByteLanes, where the counters of more would fill the cache

/// The distances of the values from `low`, as bytes, and whether all are below `range`.
template <class T>
[[gnu::always_inline]] inline bool distances_loop(const T* values, int64_t n, T low, uint64_t range,
                                                  uint8_t* __restrict distances) noexcept {
  using Distance = std::make_unsigned_t<T>;
  Distance most = 0;
  for (int64_t i = 0; i < n; ++i) {
    const auto distance =
        static_cast<Distance>(static_cast<Distance>(values[i]) - static_cast<Distance>(low));
    most = most < distance ? distance : most;
    distances[i] = static_cast<uint8_t>(distance);
  }
  return most < range;
}

#if defined(__x86_64__)
template <class T>
[[gnu::target("avx2")]] bool distances_avx2(const T* values, int64_t n, T low, uint64_t range,
                                            uint8_t* distances) noexcept {
  return distances_loop(values, n, low, range, distances);
}
#endif

template <class T>
bool distances_of(const T* values, int64_t n, T low, uint64_t range, uint8_t* distances) noexcept {
#if defined(__x86_64__)
  if (simd_level() >= SimdLevel::kAvx2) return distances_avx2(values, n, low, range, distances);
#endif
  return distances_loop(values, n, low, range, distances);
}

/// A number that is ordered among others as the value is.
template <class T>
uint64_t widened(T value) noexcept {
  if constexpr (std::is_unsigned_v<T>) return value;
  return static_cast<uint64_t>(static_cast<int64_t>(value)) ^ (uint64_t{1} << 63);
}

template <class T>
T narrowed(uint64_t number) noexcept {
  if constexpr (std::is_unsigned_v<T>) return static_cast<T>(number);
  return static_cast<T>(number ^ (uint64_t{1} << 63));
}

/// The counts of the values that one thread has seen.
class CountTable {
 public:
  /// Counts up to kBlock values; false if their range becomes too wide.
  template <class T>
  bool add(const T* values, int64_t n) {
    if (add_bytes(values, n)) return true;
    const Bounds<T> bounds = bounds_of(values, n);
    if (!cover(widened(bounds.low), widened(bounds.high))) return false;
    if (!add_bytes(values, n)) add_wide(values, n);
    return true;
  }

  /// Makes room for these values; false if the range becomes too wide.
  bool cover(uint64_t low, uint64_t high) {
    if (low - low_ < range_ && high - low_ < range_) return true;
    const uint64_t first = range_ == 0 ? low : std::min(low, low_);
    const uint64_t last = range_ == 0 ? high : std::max(high, low_ + (range_ - 1));
    if (last - first >= kMostValues) return false;
    const uint64_t range = last - first + 1;
    std::vector<uint32_t> counts(range * (range <= kByteValues ? uint64_t{kByteLanes} : kWideLanes));
    for (uint64_t i = 0; i < range_; ++i) {
      counts[low_ - first + i] = static_cast<uint32_t>(count(low_ + i));
    }
    counts_ = std::move(counts);
    low_ = first;
    range_ = range;
    return true;
  }

  uint64_t low() const noexcept { return low_; }
  uint64_t range() const noexcept { return range_; }
  int64_t count(uint64_t value) const noexcept {
    int64_t total = 0;
    for (uint64_t i = value - low_; i < counts_.size(); i += range_) total += counts_[i];
    return total;
  }

 private:
  /// False if the values are not covered, or not by bytes.
  template <class T>
  bool add_bytes(const T* values, int64_t n) noexcept {
    if (range_ == 0 || range_ > kByteValues) return false;
    alignas(64) uint8_t distances[kBlock];
    if (!distances_of(values, n, narrowed<T>(low_), range_, distances)) return false;
    const auto range = static_cast<int64_t>(range_);
    if (range <= kComparedBytes) {
      count_few_bytes(distances, n, range, counts_.data());
    } else {
      count_bytes(distances, n, range, counts_.data());
    }
    return true;
  }

  template <class T>
  void add_wide(const T* values, int64_t n) noexcept {
    uint32_t* const lane0 = counts_.data();
    uint32_t* const lane1 = lane0 + range_;
    uint32_t* const lane2 = lane1 + range_;
    uint32_t* const lane3 = lane2 + range_;
    const uint64_t low = low_;
    int64_t i = 0;
    for (; i + 4 <= n; i += 4) {
      ++lane0[widened(values[i]) - low];
      ++lane1[widened(values[i + 1]) - low];
      ++lane2[widened(values[i + 2]) - low];
      ++lane3[widened(values[i + 3]) - low];
    }
    for (; i < n; ++i) ++lane0[widened(values[i]) - low];
  }

  uint64_t low_ = 0;
  uint64_t range_ = 0;
  std::vector<uint32_t> counts_;  // [lane][value - low]
};

/// Counts by value, in order of first appearance.
template <class T>
KeyCounts in_order(Execution& execution, const T* values, int64_t rows, uint64_t low,
                   const std::vector<int64_t>& counts) {
  const auto distinct =
      static_cast<size_t>(std::count_if(counts.begin(), counts.end(), [](int64_t n) { return n > 0; }));
  KeyCounts result;
  std::vector<uint8_t> seen(counts.size());
  for (int64_t begin = 0; result.firsts.size() < distinct; begin += kGrain) {
    execution.check_interrupt();
    const int64_t end = std::min(rows, begin + kGrain);
    for (int64_t row = begin; row < end; ++row) {
      const uint64_t place = widened(values[row]) - low;
      if (seen[place] != 0) continue;
      seen[place] = 1;
      result.firsts.push_back(row);
      result.counts.push_back(counts[place]);
    }
  }
  return result;
}

template <class T>
std::optional<KeyCounts> count_integers(Execution& execution, const Column& key) {
  const T* values = key.values<T>();
  const int64_t rows = key.length();
  std::vector<CountTable> tables(static_cast<size_t>(execution.threads()));
  std::atomic<bool> too_wide = false;
  execution.parallel_for(rows, kGrain, [&](int64_t begin, int64_t end, int worker) {
    CountTable& table = tables[static_cast<size_t>(worker)];
    for (int64_t block = begin; block < end && !too_wide.load(std::memory_order_relaxed); block += kBlock) {
      const int64_t n = std::min(kBlock, end - block);
      if (!table.add(values + block, n)) too_wide.store(true, std::memory_order_relaxed);
    }
  });
  if (too_wide.load()) return std::nullopt;
  CountTable all;
  for (const CountTable& table : tables) {
    if (table.range() > 0 && !all.cover(table.low(), table.low() + (table.range() - 1))) return std::nullopt;
  }
  std::vector<int64_t> counts(all.range());
  for (const CountTable& table : tables) {
    for (uint64_t i = 0; i < table.range(); ++i) {
      counts[table.low() + i - all.low()] += table.count(table.low() + i);
    }
  }
  return in_order(execution, values, rows, all.low(), counts);
}

/// Of the texts of a dictionary, unless they are many.
bool all_different(const Column& texts) {
  if (texts.length() > static_cast<int64_t>(kMostValues)) return false;
  std::unordered_set<std::string_view> known;
  for (int64_t i = 0; i < texts.length(); ++i) {
    if (!known.insert(texts.text_at(i)).second) return false;
  }
  return true;
}

}  // namespace

std::optional<KeyCounts> count_keys(Execution& execution, const Column& key) {
  if (key.layout() == Layout::kDictionary) {
    if (!all_different(key.items())) return std::nullopt;
    return count_keys(execution, key.codes());
  }
  if (key.length() == 0 || key.length() > std::numeric_limits<uint32_t>::max() || key.validity() != nullptr ||
      !is_scalar_key(key)) {
    return std::nullopt;
  }
  switch (key.element()) {
    case Element::kBool:
    case Element::kUint8:
      return count_integers<uint8_t>(execution, key);
    case Element::kInt8:
      return count_integers<int8_t>(execution, key);
    case Element::kInt16:
      return count_integers<int16_t>(execution, key);
    case Element::kInt32:
      return count_integers<int32_t>(execution, key);
    case Element::kInt64:
      return count_integers<int64_t>(execution, key);
    case Element::kUint16:
      return count_integers<uint16_t>(execution, key);
    case Element::kUint32:
      return count_integers<uint32_t>(execution, key);
    case Element::kUint64:
      return count_integers<uint64_t>(execution, key);
    default:
      return std::nullopt;
  }
}

}  // namespace tql_engine
