// From columns of any element kind to codes.
#include "key_codes.h"

#include <bit>
#include <functional>
#include <limits>
#include <string_view>
#include <type_traits>

#include "tql_engine/execution.h"
#include "tql_engine/status.h"

namespace tql_engine {
namespace {

constexpr int64_t kGrain = 1 << 16;

/// Equal values get equal bits: one zero, one NaN; integers are widened.
template <class T>
uint64_t bits_of(T value) noexcept {
  if constexpr (std::is_same_v<T, Half>) {
    return bits_of(half_to_float(value));
  } else if constexpr (std::is_floating_point_v<T>) {
    using Bits = std::conditional_t<sizeof(T) == 4, uint32_t, uint64_t>;
    if (value != value) value = std::numeric_limits<T>::quiet_NaN();
    return std::bit_cast<Bits>(value == 0 ? T{0} : value);
  } else {
    return static_cast<uint64_t>(static_cast<int64_t>(value));
  }
}

/// A code that no value of the type has; of 64-bit types any, which `same` tells apart.
template <class T>
constexpr uint64_t null_code() noexcept {
  if constexpr (std::is_same_v<T, Half> || sizeof(T) == 8) {
    return uint64_t{1} << 40;
  } else if constexpr (std::is_floating_point_v<T>) {
    return uint64_t{1} << 40;
  } else {
    return static_cast<uint64_t>(int64_t{std::numeric_limits<T>::max()} + 1);
  }
}

template <class T>
void write_numbers(Execution& execution, const Column& column, uint64_t* codes) {
  const T* values = column.values<T>();
  execution.parallel_for(column.length(), kGrain, [&](int64_t begin, int64_t end, int) {
    for (int64_t i = begin; i < end; ++i) codes[i] = bits_of(values[i]);
    for (int64_t i = begin; column.validity() != nullptr && i < end; ++i) {
      if (column.is_null(i)) codes[i] = null_code<T>();
    }
  });
}

void write_texts(Execution& execution, const Column& column, uint64_t* codes) {
  execution.parallel_for(column.length(), kGrain, [&](int64_t begin, int64_t end, int) {
    for (int64_t i = begin; i < end; ++i) {
      codes[i] = column.is_null(i) ? 0 : std::hash<std::string_view>{}(column.text_at(i));
    }
  });
}

void write_codes(Execution& execution, const Column& column, uint64_t* codes) {
  switch (column.element()) {
    case Element::kBool:
    case Element::kUint8:
      return write_numbers<uint8_t>(execution, column, codes);
    case Element::kInt8:
      return write_numbers<int8_t>(execution, column, codes);
    case Element::kInt16:
      return write_numbers<int16_t>(execution, column, codes);
    case Element::kInt32:
      return write_numbers<int32_t>(execution, column, codes);
    case Element::kInt64:
      return write_numbers<int64_t>(execution, column, codes);
    case Element::kUint16:
      return write_numbers<uint16_t>(execution, column, codes);
    case Element::kUint32:
      return write_numbers<uint32_t>(execution, column, codes);
    case Element::kUint64:
      return write_numbers<uint64_t>(execution, column, codes);
    case Element::kFloat16:
      return write_numbers<Half>(execution, column, codes);
    case Element::kFloat32:
      return write_numbers<float>(execution, column, codes);
    case Element::kFloat64:
      return write_numbers<double>(execution, column, codes);
    case Element::kText:
      return write_texts(execution, column, codes);
  }
}

}  // namespace

KeyCodes::KeyCodes(Execution& execution, Key key, int64_t rows)
    : key_(key), codes_(static_cast<size_t>(rows)) {
  const Element element = key.empty() ? Element::kBool : key.front().element();
  integral_ = !is_float(element) && element != Element::kText;
  int64_t start = 0;
  for (const Column& column : key) {
    if (column.element() != element || !is_scalar_key(column)) {
      throw EngineError(Code::kInternal, "a key gave no single value of one kind per row");
    }
    const bool confusable = element == Element::kText || (element_size(element) == 8 && column.validity());
    exact_ = exact_ && !confusable;
    starts_.push_back(start);
    write_codes(execution, column, codes_.values().data() + start);
    start += column.length();
  }
  if (start != rows) throw EngineError(Code::kInternal, "a key has another number of rows");
}

KeyCodes::Place KeyCodes::place(int64_t row) const noexcept {
  size_t piece = starts_.size() - 1;
  while (starts_[piece] > row) --piece;
  return {&key_[piece], row - starts_[piece]};
}

bool KeyCodes::same(int64_t left, int64_t right) const noexcept {
  if (exact_) return true;
  const Place a = place(left);
  const Place b = place(right);
  if (a.column->is_null(a.row) || b.column->is_null(b.row)) {
    return a.column->is_null(a.row) && b.column->is_null(b.row);
  }
  return a.column->element() != Element::kText || a.column->text_at(a.row) == b.column->text_at(b.row);
}

}  // namespace tql_engine
