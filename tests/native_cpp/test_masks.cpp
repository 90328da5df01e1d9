// Loops that turn values into bits, against one comparison after the other: on processors without a Python to
// test them with, this is what says that the portable ones are right.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "../../engine_cpp/src/kernels/row_bits.h"
#include "../../engine_cpp/src/kernels/text_bits.h"
#include "../../engine_cpp/src/kernels/text_set.h"
#include "check.h"
#include "tql_engine/mask.h"

namespace tql_test {
namespace {

using namespace tql_engine;

constexpr std::array<int64_t, 8> kLengths = {0, 1, 63, 64, 65, 127, 128, 1000};

int64_t words_of(int64_t n) { return (n + 63) / 64; }

/// Bits of `holds(i)` for i < n, with nothing behind them.
template <class Holds>
std::vector<uint64_t> bits_of(int64_t n, const Holds& holds) {
  std::vector<uint64_t> words(static_cast<size_t>(words_of(n)));
  for (int64_t i = 0; i < n; ++i) words[static_cast<size_t>(i / 64)] |= uint64_t{holds(i)} << (i % 64);
  return words;
}

template <class T>
std::vector<T> values_of(int64_t n, std::mt19937& random) {
  std::uniform_int_distribution<int> small(0, 5);
  std::vector<T> values(static_cast<size_t>(n));
  for (T& value : values) value = static_cast<T>(small(random));
  for (size_t i = 0; i + 3 < values.size(); i += 17) {
    values[i] = std::numeric_limits<T>::max();
    values[i + 1] = std::numeric_limits<T>::lowest();
    if constexpr (std::is_floating_point_v<T>) values[i + 2] = std::numeric_limits<T>::quiet_NaN();
  }
  return values;
}

template <class T>
bool holds(CompareOp op, T x, T y) {
  switch (op) {
    case CompareOp::kEqual:
      return x == y;
    case CompareOp::kNotEqual:
      return x != y;
    case CompareOp::kLess:
      return x < y;
    case CompareOp::kLessEqual:
      return x <= y;
    case CompareOp::kGreater:
      return x > y;
    case CompareOp::kGreaterEqual:
      return x >= y;
  }
  return false;
}

template <Element E>
void test_comparisons() {
  using T = Storage<E>;
  std::mt19937 random(7);
  for (const int64_t n : kLengths) {
    const auto values = values_of<T>(n, random);
    for (const auto op : {CompareOp::kEqual, CompareOp::kNotEqual, CompareOp::kLess, CompareOp::kLessEqual,
                          CompareOp::kGreater, CompareOp::kGreaterEqual}) {
      const T constant = 3;
      std::vector<uint64_t> words(static_cast<size_t>(words_of(n)));
      compare_mask_loop(op, E)(values.data(), &constant, n, words.data());
      check(words ==
            bits_of(n, [&](int64_t i) { return holds(op, values[static_cast<size_t>(i)], constant); }));
    }
    FewItems few{3, {}};
    const std::array<T, 3> items = {1, 4, std::numeric_limits<T>::max()};
    std::memcpy(few.items.data(), items.data(), sizeof(items));
    std::vector<uint64_t> words(static_cast<size_t>(words_of(n)));
    few_items_mask_loop(E)(values.data(), &few, n, words.data());
    check(words == bits_of(n, [&](int64_t i) {
            return std::ranges::find(items, values[static_cast<size_t>(i)]) != items.end();
          }));
  }
}

void test_rows_of_bits() {
  std::mt19937 random(3);
  for (const int density : {2, 40, 4000}) {
    std::vector<int64_t> offsets = {0};
    std::uniform_int_distribution<int64_t> length(0, 9);
    for (int row = 0; row < 30000; ++row) offsets.push_back(offsets.back() + length(random));
    offsets.push_back(offsets.back() + 200000);  // a row that is longer than what is looked at together
    std::vector<uint8_t> flags(static_cast<size_t>(offsets.back()));
    for (uint8_t& flag : flags) flag = std::uniform_int_distribution<int>(0, density)(random) == 0 ? 1 : 0;
    const auto rows = std::ssize(offsets) - 1;
    std::vector<uint64_t> words(static_cast<size_t>(words_of(rows)));
    const std::vector<int32_t> narrow(offsets.begin(), offsets.end());
    for (const Offsets& starts : {Offsets(offsets), Offsets(narrow.data(), narrow.size())}) {
      any_of_rows({starts, 0}, 0, 0, rows, words.data(),
                  [&](int64_t at, int64_t n, uint64_t* bits) { mark_nonzero(flags.data() + at, n, bits); });
      check(words == bits_of(rows, [&](int64_t row) {
              const auto i = static_cast<size_t>(row);
              return std::any_of(flags.begin() + offsets[i], flags.begin() + offsets[i + 1],
                                 [](uint8_t flag) { return flag != 0; });
            }));
    }
  }
}

void test_texts(bool is_narrow) {
  std::mt19937 random(5);
  std::uniform_int_distribution<int> pick(0, 5);
  const std::array<std::string, 6> parts = {"car", "boat", "", "a longer text", "cars", "ar"};
  std::string data;
  std::vector<int64_t> offsets = {0};
  std::vector<std::string> texts;
  for (int i = 0; i < 1000; ++i) {
    texts.push_back(parts[static_cast<size_t>(pick(random))] + parts[static_cast<size_t>(pick(random))]);
    data += texts.back();
    offsets.push_back(static_cast<int64_t>(data.size()));
  }
  const std::vector<int32_t> narrow(offsets.begin(), offsets.end());
  const Texts all{data.data(), static_cast<int64_t>(data.size()),
                  is_narrow ? Offsets(narrow.data(), narrow.size()) : Offsets(offsets)};
  const int64_t n = 1000;
  std::vector<uint64_t> words(static_cast<size_t>(words_of(n)));
  for (const std::string& text : {std::string("car"), std::string(), std::string("a longer textcars")}) {
    equal_texts(all, text, 0, n, words.data());
    check(words == bits_of(n, [&](int64_t i) { return texts[static_cast<size_t>(i)] == text; }));
  }
  const std::vector<std::string_view> wanted = {"car", "carboat", "", "a longer texta longer text",
                                                "nowhere"};
  const TextSet set(wanted);
  set.mark(all, 0, n, words.data());
  check(words == bits_of(n, [&](int64_t i) {
          return std::ranges::find(wanted, texts[static_cast<size_t>(i)]) != wanted.end();
        }));
  const Needle needle("ca", false);
  std::vector<uint64_t> places(static_cast<size_t>(words_of(all.size)));
  needle.find(all.data, all.size, 0, all.size, places.data());
  check(places ==
        bits_of(all.size, [&](int64_t i) { return data.compare(static_cast<size_t>(i), 2, "ca") == 0; }));
}

}  // namespace

void test_masks() {
  test_comparisons<Element::kInt8>();
  test_comparisons<Element::kUint8>();
  test_comparisons<Element::kInt16>();
  test_comparisons<Element::kUint16>();
  test_comparisons<Element::kInt32>();
  test_comparisons<Element::kUint32>();
  test_comparisons<Element::kInt64>();
  test_comparisons<Element::kUint64>();
  test_comparisons<Element::kFloat32>();
  test_comparisons<Element::kFloat64>();
  test_rows_of_bits();
  test_texts(false);
  test_texts(true);
}

}  // namespace tql_test
