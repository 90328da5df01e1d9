#include "row_values.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>
#include <string_view>

#include "hash_bytes.h"

namespace tql_engine {
namespace {

constexpr uint64_t kNullHash = 0x2545F4914F6CDD1Du;

uint64_t joined(uint64_t hash, uint64_t next) noexcept {
  return fold(hash ^ 0x9E3779B97F4A7C15u, next ^ kNullHash);
}

/// The first of the elements of a row of numbers.
const std::byte* elements(const Column& column, int64_t row) noexcept {
  const int64_t start = column.layout() == Layout::kDense ? row * column.row_elements()
                                                          : column.offsets()[static_cast<size_t>(row)];
  return column.raw_values() + start * element_size(column.element());
}

/// The first string or item of a row of a list.
int64_t first_entry(const Column& column, int64_t row) noexcept {
  return column.row_offsets()[static_cast<size_t>(row)];
}

/// Calls f(T{}) with the type of a float element.
template <class F>
auto with_float(Element element, const F& f) {
  if (element == Element::kFloat64) return f(double{});
  return element == Element::kFloat32 ? f(float{}) : f(Half{});
}

double number(double value) noexcept { return value; }
double number(float value) noexcept { return value; }
double number(Half value) noexcept { return half_to_float(value); }

uint64_t float_hash(double value) noexcept {
  if (value != value) value = std::numeric_limits<double>::quiet_NaN();
  return std::bit_cast<uint64_t>(value == 0 ? 0.0 : value);
}

uint64_t hash_numbers(const Column& column, int64_t row) noexcept {
  const int64_t count = column.elements_at(row);
  const std::byte* values = elements(column, row);
  if (!is_float(column.element())) {
    const auto size = static_cast<size_t>(count * element_size(column.element()));
    return hash_bytes({reinterpret_cast<const char*>(values), size});
  }
  return with_float(column.element(), [&]<class T>(T) {
    uint64_t hash = 0;
    for (int64_t i = 0; i < count; ++i) {
      hash = joined(hash, float_hash(number(reinterpret_cast<const T*>(values)[i])));
    }
    return hash;
  });
}

bool same_numbers(const Column& left, int64_t left_row, const Column& right, int64_t right_row) noexcept {
  const int64_t count = left.elements_at(left_row);
  const std::byte* a = elements(left, left_row);
  const std::byte* b = elements(right, right_row);
  if (count == 0) return true;
  if (!is_float(left.element())) {
    return std::memcmp(a, b, static_cast<size_t>(count * element_size(left.element()))) == 0;
  }
  return with_float(left.element(), [&]<class T>(T) {
    for (int64_t i = 0; i < count; ++i) {
      const double x = number(reinterpret_cast<const T*>(a)[i]);
      const double y = number(reinterpret_cast<const T*>(b)[i]);
      if (x != y && (x == x || y == y)) return false;
    }
    return true;
  });
}

bool same_shape(const Column& left, int64_t left_row, const Column& right, int64_t right_row) noexcept {
  if (left.rank() != right.rank()) return false;
  int64_t a[kMaxRank];
  int64_t b[kMaxRank];
  left.shape_at(left_row, a);
  right.shape_at(right_row, b);
  return std::equal(a, a + left.rank(), b);
}

}  // namespace

uint64_t hash_row(const Column& column, int64_t row) noexcept {
  if (column.is_null(row)) return kNullHash;
  switch (column.layout()) {
    case Layout::kText:
    case Layout::kDictionary:
      return hash_bytes(column.text_at(row));
    case Layout::kTextList:
    case Layout::kList: {
      const int64_t count = column.elements_at(row);
      auto hash = static_cast<uint64_t>(count);
      for (int64_t i = first_entry(column, row); i < first_entry(column, row) + count; ++i) {
        const bool texts = column.layout() == Layout::kTextList;
        hash = joined(hash, texts ? hash_bytes(column.string_at(i)) : hash_row(column.items(), i));
      }
      return hash;
    }
    case Layout::kDense:
    case Layout::kRagged:
      break;
  }
  int64_t shape[kMaxRank];
  column.shape_at(row, shape);
  uint64_t hash = hash_numbers(column, row);
  for (int axis = 0; axis < column.rank(); ++axis) hash = joined(hash, static_cast<uint64_t>(shape[axis]));
  return hash;
}

bool same_row(const Column& left, int64_t left_row, const Column& right, int64_t right_row) noexcept {
  const bool null = left.is_null(left_row);
  if (null || right.is_null(right_row)) return null && right.is_null(right_row);
  if (left.is_text()) return left.text_at(left_row) == right.text_at(right_row);
  if (left.layout() == Layout::kTextList || left.layout() == Layout::kList) {
    const int64_t count = left.elements_at(left_row);
    if (count != right.elements_at(right_row)) return false;
    const int64_t a = first_entry(left, left_row);
    const int64_t b = first_entry(right, right_row);
    for (int64_t i = 0; i < count; ++i) {
      const bool same = left.layout() == Layout::kTextList
                            ? left.string_at(a + i) == right.string_at(b + i)
                            : same_row(left.items(), a + i, right.items(), b + i);
      if (!same) return false;
    }
    return true;
  }
  return same_shape(left, left_row, right, right_row) && same_numbers(left, left_row, right, right_row);
}

}  // namespace tql_engine
