// Sorting against std::stable_sort with the order spelled out.
#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <memory>
#include <numeric>
#include <span>
#include <string>
#include <vector>

#include "check.h"
#include "tql_engine/column.h"
#include "tql_engine/partition.h"
#include "tql_engine/random.h"
#include "tql_engine/sort.h"
#include "tql_engine/thread_pool.h"

namespace tql_test {
namespace {

using tql_engine::Column;
using tql_engine::Element;
using tql_engine::RandomStream;
using tql_engine::sort_positions;
using tql_engine::SortKey;
using tql_engine::ThreadPool;
using Rows = std::vector<int64_t>;

/// A key and what decides between two of its rows.
struct Case {
  SortKey key;
  std::vector<int> rank;  // 0 value, 1 NaN, 2 NULL
  std::vector<std::string> texts;
  std::vector<long double> numbers;  // holds every 64-bit integer

  int compare(int64_t a, int64_t b) const {
    const auto i = static_cast<size_t>(a);
    const auto j = static_cast<size_t>(b);
    if (rank[i] != rank[j]) return rank[i] - rank[j];
    if (rank[i] != 0) return 0;
    int order =
        texts.empty() ? (numbers[i] > numbers[j]) - (numbers[i] < numbers[j]) : texts[i].compare(texts[j]);
    return key.descending ? -order : order;
  }
};

std::vector<uint8_t> validity_of(const RandomStream& random, size_t rows, bool nulls) {
  std::vector<uint8_t> valid(nulls ? rows : 0, 1);
  for (size_t i = 0; i < valid.size(); ++i) valid[i] = random.bounded(rows + i, 7) != 0;
  return valid;
}

template <class T>
Case numeric(Element element, std::vector<T> values, const std::vector<uint8_t>& valid, bool descending) {
  struct Kept {
    std::vector<T> values;
    std::vector<uint8_t> valid;
  };
  auto kept = std::make_shared<Kept>(Kept{std::move(values), valid});
  Case result;
  for (size_t i = 0; i < kept->values.size(); ++i) {
    const auto number = static_cast<long double>(kept->values[i]);
    const bool null = !valid.empty() && valid[i] == 0;
    result.rank.push_back(null ? 2 : std::isnan(number) ? 1 : 0);
    result.numbers.push_back(number);
  }
  const auto rows = static_cast<int64_t>(kept->values.size());
  result.key = {Column::dense(element, kept->values.data(), rows * static_cast<int64_t>(sizeof(T)), rows, {},
                              kept->valid, kept),
                descending};
  return result;
}

Case text(const std::vector<std::string>& values, const std::vector<uint8_t>& valid, bool descending) {
  struct Kept {
    std::string bytes;
    std::vector<int64_t> offsets{0};
    std::vector<uint8_t> valid;
  };
  auto kept = std::make_shared<Kept>();
  kept->valid = valid;
  for (const std::string& value : values) {
    kept->bytes += value;
    kept->offsets.push_back(static_cast<int64_t>(kept->bytes.size()));
  }
  Case result;
  result.texts = values;
  for (size_t i = 0; i < values.size(); ++i) result.rank.push_back(!valid.empty() && valid[i] == 0 ? 2 : 0);
  result.key = {Column::text(kept->offsets, kept->bytes, kept->valid, kept), descending};
  return result;
}

template <class T>
std::vector<T> integers(const RandomStream& random, size_t rows, bool full_range) {
  constexpr T kEdges[] = {std::numeric_limits<T>::min(), std::numeric_limits<T>::max(), T{0}, T{1}};
  std::vector<T> values(rows);
  for (size_t i = 0; i < rows; ++i) {
    const uint64_t bits = random.bits(i);
    if (bits % 5 == 0) {
      values[i] = kEdges[bits / 5 % 4];
    } else {
      values[i] = static_cast<T>(full_range ? bits : bits % 10);
    }
  }
  return values;
}

template <class T>
std::vector<T> floats(const RandomStream& random, size_t rows) {
  constexpr T kInfinity = std::numeric_limits<T>::infinity();
  constexpr T kEdges[] = {T{0},
                          -T{0},
                          kInfinity,
                          -kInfinity,
                          std::numeric_limits<T>::quiet_NaN(),
                          -std::numeric_limits<T>::quiet_NaN(),
                          std::numeric_limits<T>::denorm_min(),
                          T{-1}};
  std::vector<T> values(rows);
  for (size_t i = 0; i < rows; ++i) {
    const uint64_t choice = random.bounded(i, 16);
    values[i] = choice < 8 ? kEdges[choice] : static_cast<T>(random.uniform(i) - 0.5);
  }
  return values;
}

std::vector<std::string> strings(const RandomStream& random, size_t rows) {
  std::vector<std::string> values(rows);
  for (size_t i = 0; i < rows; ++i) {
    const uint64_t bits = random.bits(i);
    values[i] = bits % 3 == 0 ? "" : bits % 3 == 1 ? "common prefix " : "";
    for (uint64_t n = bits / 3 % 4; n > 0; --n)
      values[i] += static_cast<char>(
          "a\0\xff"
          "b"[bits >> (8 + 2 * n) & 3]);
  }
  return values;
}

std::vector<Case> cases(size_t rows, uint64_t seed) {
  std::vector<Case> all;
  uint64_t stream = 0;
  for (const bool descending : {false, true}) {
    for (const bool nulls : {false, true}) {
      const RandomStream random(seed, ++stream);
      const std::vector<uint8_t> valid = validity_of(random, rows, nulls);
      for (const bool full : {false, true}) {
        all.push_back(numeric(Element::kInt8, integers<int8_t>(random, rows, full), valid, descending));
        all.push_back(numeric(Element::kInt16, integers<int16_t>(random, rows, full), valid, descending));
        all.push_back(numeric(Element::kInt32, integers<int32_t>(random, rows, full), valid, descending));
        all.push_back(numeric(Element::kInt64, integers<int64_t>(random, rows, full), valid, descending));
        all.push_back(numeric(Element::kUint8, integers<uint8_t>(random, rows, full), valid, descending));
        all.push_back(numeric(Element::kUint16, integers<uint16_t>(random, rows, full), valid, descending));
        all.push_back(numeric(Element::kUint32, integers<uint32_t>(random, rows, full), valid, descending));
        all.push_back(numeric(Element::kUint64, integers<uint64_t>(random, rows, full), valid, descending));
      }
      std::vector<uint8_t> bools(rows);
      for (size_t i = 0; i < rows; ++i) bools[i] = static_cast<uint8_t>(random.bits(i) & 1);
      all.push_back(numeric(Element::kBool, bools, valid, descending));
      all.push_back(numeric(Element::kFloat32, floats<float>(random, rows), valid, descending));
      all.push_back(numeric(Element::kFloat64, floats<double>(random, rows), valid, descending));
      all.push_back(text(strings(random, rows), valid, descending));
    }
  }
  return all;
}

void agrees(const std::vector<const Case*>& by, int64_t rows, ThreadPool& pool) {
  Rows expected(static_cast<size_t>(rows));
  std::iota(expected.begin(), expected.end(), 0);
  std::stable_sort(expected.begin(), expected.end(), [&by](int64_t a, int64_t b) {
    for (const Case* one : by) {
      if (const int order = one->compare(a, b); order != 0) return order < 0;
    }
    return false;
  });
  std::vector<SortKey> keys;
  for (const Case* one : by) keys.push_back(one->key);
  check(sort_positions(keys, rows, -1, pool) == expected);
  for (const int64_t fetch : {int64_t{0}, int64_t{1}, rows / 10, rows - 1, rows, rows + 5}) {
    const Rows first(expected.begin(), expected.begin() + std::clamp<int64_t>(fetch, 0, rows));
    check(sort_positions(keys, rows, std::max<int64_t>(0, fetch), pool) == first);
  }
}

void halves(ThreadPool& pool) {
  const std::vector<uint16_t> bits = {0x3C00, 0xBC00, 0x7E00, 0x7C00, 0x0000, 0x8000, 0xFC00, 0x3800};
  const auto column = Column::dense(Element::kFloat16, bits.data(), 16, 8, {}, {}, nullptr);
  const SortKey ascending{column, false};
  check(sort_positions(std::span(&ascending, 1), 8, -1, pool) == Rows({6, 1, 4, 5, 7, 0, 3, 2}));
  const SortKey descending{column, true};
  check(sort_positions(std::span(&descending, 1), 8, -1, pool) == Rows({3, 0, 7, 4, 5, 1, 6, 2}));
}

void partitions_stably() {
  for (const int threads : {1, 4}) {
    ThreadPool pool(threads);
    const RandomStream random(4, 0);
    constexpr int64_t kCount = 300'000;
    Rows order(kCount);
    const auto bucket = [&](int64_t i) {
      return static_cast<int64_t>(random.bits(static_cast<uint64_t>(i)) % 5);
    };
    const Rows starts = tql_engine::partition_stable(
        pool, kCount, 6, bucket,
        [&](int64_t i, int64_t position) { order[static_cast<size_t>(position)] = i; });
    check(starts.size() == 7 && starts.front() == 0 && starts[5] == kCount && starts[6] == kCount);
    for (size_t i = 1; i < order.size(); ++i) {
      const int64_t before = bucket(order[i - 1]);
      const int64_t after = bucket(order[i]);
      check(before < after || (before == after && order[i - 1] < order[i]));
    }
  }
}

}  // namespace

void test_sort() {
  for (const int threads : {1, 3}) {
    ThreadPool pool(threads);
    halves(pool);
    for (const int64_t rows : {1, 2, 50, 6000}) {
      const std::vector<Case> all = cases(static_cast<size_t>(rows), static_cast<uint64_t>(rows));
      for (const Case& one : all) agrees({&one}, rows, pool);
      for (size_t i = 0; i < all.size(); i += 3)
        agrees({&all[i], &all[(i * 7 + 11) % all.size()]}, rows, pool);
    }
    const std::vector<Case> many = cases(150'000, 9);  // enough for parallel merges
    for (const size_t i : {size_t{3}, size_t{11}, many.size() - 2, many.size() - 1})
      agrees({&many[i]}, 150'000, pool);
    // Keys of one code: all of it, cut off within the second key, and none left for the third.
    const size_t full = many.size() / 2 + 11;  // the 64-bit integers of a full range
    agrees({&many[0], &many[2], &many[many.size() - 2]}, 150'000, pool);
    agrees({&many[0], &many[full]}, 150'000, pool);
    agrees({&many[3], &many[many.size() - 1], &many[0]}, 150'000, pool);
    agrees({&many[full], &many[4], &many[1]}, 150'000, pool);
    check(sort_positions({}, 3, -1, pool) == Rows({0, 1, 2}));
  }
  partitions_stably();
}

}  // namespace tql_test
