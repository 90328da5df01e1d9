#include "key_part.h"

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstring>
#include <limits>
#include <mutex>
#include <string_view>
#include <type_traits>

#include "bounds.h"
#include "code_tables.h"
#include "hash_bytes.h"
#include "row_values.h"
#include "tql_engine/execution.h"
#include "tql_engine/status.h"

namespace tql_engine {
namespace {

constexpr int64_t kGrain = 1 << 16;
constexpr int64_t kShortText = 7;               // bytes of a text that is its own code
constexpr int kLengthBits = 4;                  // beside them
constexpr uint64_t kNullCode64 = ~uint64_t{0};  // as a float this is a NaN, but not the one that all become
constexpr uint64_t kNullCode32 = ~uint32_t{0};

/// Calls f(T{}) with the type of an integer element; of bools with the one they are stored in.
template <class F>
void with_integer(Element element, const F& f) {
  switch (element) {
    case Element::kBool:
    case Element::kUint8:
      return f(uint8_t{});
    case Element::kInt8:
      return f(int8_t{});
    case Element::kInt16:
      return f(int16_t{});
    case Element::kInt32:
      return f(int32_t{});
    case Element::kInt64:
      return f(int64_t{});
    case Element::kUint16:
      return f(uint16_t{});
    case Element::kUint32:
      return f(uint32_t{});
    case Element::kUint64:
      return f(uint64_t{});
    case Element::kFloat16:
    case Element::kFloat32:
    case Element::kFloat64:
    case Element::kText:
      break;
  }
  __builtin_unreachable();
}

template <class T>
uint64_t widened(T value) noexcept {
  return static_cast<uint64_t>(static_cast<int64_t>(value));
}

/// Distances from the smallest value; where there may be NULL, that is 0 and the others are one more.
template <class T>
void encode_integers(const Column& column, int64_t begin, int64_t n, const KeyCoding& coding,
                     uint64_t* codes) {
  const T* values = column.values<T>() + begin;
  for (int64_t i = 0; i < n; ++i) codes[i] = widened(values[i]) - coding.low;
}

template <class T>
void encode_nullable_integers(const Column& column, int64_t begin, int64_t n, const KeyCoding& coding,
                              uint64_t* codes) {
  encode_integers<T>(column, begin, n, {coding.low - 1, nullptr}, codes);
  if (column.validity() == nullptr) return;
  const uint8_t* valid = column.validity() + begin;
  for (int64_t i = 0; i < n; ++i) codes[i] = valid[i] != 0 ? codes[i] : 0;
}

/// The bits of a float, such that equal values have equal bits: one zero, one NaN.
template <class T>
uint64_t float_bits(T value) noexcept {
  if constexpr (std::is_same_v<T, Half>) {
    return float_bits(half_to_float(value));
  } else {
    using Bits = std::conditional_t<sizeof(T) == 4, uint32_t, uint64_t>;
    if (value != value) value = std::numeric_limits<T>::quiet_NaN();
    return std::bit_cast<Bits>(value == 0 ? T{0} : value);
  }
}

template <class T>
void encode_floats(const Column& column, int64_t begin, int64_t n, const KeyCoding&, uint64_t* codes) {
  constexpr uint64_t kNull = sizeof(T) == 8 ? kNullCode64 : kNullCode32;
  const T* values = column.values<T>() + begin;
  for (int64_t i = 0; i < n; ++i) codes[i] = float_bits(values[i]);
  if (column.validity() == nullptr) return;
  const uint8_t* valid = column.validity() + begin;
  for (int64_t i = 0; i < n; ++i) codes[i] = valid[i] != 0 ? codes[i] : kNull;
}

template <class Offset>
void encode_short_from(const Column& column, const Offset* offsets, int64_t begin, int64_t n,
                       uint64_t* codes) {
  const char* bytes = column.values<char>();
  for (int64_t i = 0; i < n; ++i) {
    const int64_t length = offsets[i + 1] - offsets[i];
    uint64_t code = 0;
    if (int64_t{offsets[i]} + int64_t{sizeof(code)} <= column.value_count()) {
      std::memcpy(&code, bytes + offsets[i], sizeof(code));
      if constexpr (std::endian::native == std::endian::big) code = __builtin_bswap64(code);
      code &= (uint64_t{1} << (8 * length)) - 1;
    } else {
      for (int64_t k = 0; k < length; ++k) {
        code |= uint64_t{static_cast<uint8_t>(bytes[offsets[i] + k])} << (8 * k);
      }
    }
    codes[i] = column.is_null(begin + i) ? 0 : code << kLengthBits | static_cast<uint64_t>(length + 1);
  }
}

/// The bytes, and how many they are plus one. NULL is 0.
void encode_short_texts(const Column& column, int64_t begin, int64_t n, const KeyCoding&, uint64_t* codes) {
  column.offsets().visit(
      [&](const auto* offsets) { encode_short_from(column, offsets + begin, begin, n, codes); });
}

void encode_texts(const Column& column, int64_t begin, int64_t n, const KeyCoding&, uint64_t* codes) {
  if (column.layout() == Layout::kText && column.validity() == nullptr) {
    const char* bytes = column.values<char>();
    column.offsets().visit([&](const auto* offsets) {
      for (int64_t i = begin; i < begin + n; ++i) {
        const auto length = static_cast<size_t>(offsets[i + 1] - offsets[i]);
        codes[i - begin] = hash_bytes({bytes + offsets[i], length});
      }
    });
    return;
  }
  for (int64_t i = 0; i < n; ++i) {
    const int64_t row = begin + i;
    codes[i] = column.is_null(row) ? 0 : hash_bytes(column.text_at(row));
  }
}

/// Texts by number, whose codes are known. NULL is 0.
template <class T>
void encode_numbers(const Column& column, int64_t begin, int64_t n, const KeyCoding& coding,
                    uint64_t* codes) {
  const T* numbers = column.values<T>() + begin;
  const uint64_t* of_text = coding.of_text;
  if (column.validity() == nullptr) {
    for (int64_t i = 0; i < n; ++i) codes[i] = of_text[numbers[i]];
    return;
  }
  const uint8_t* valid = column.validity() + begin;
  for (int64_t i = 0; i < n; ++i) codes[i] = valid[i] != 0 ? of_text[numbers[i]] : 0;
}

auto encode_dictionary(const Column& column) {
  return column.code_element() == Element::kInt8    ? encode_numbers<int8_t>
         : column.code_element() == Element::kInt16 ? encode_numbers<int16_t>
                                                    : encode_numbers<int32_t>;
}

void encode_rows(const Column& column, int64_t begin, int64_t n, const KeyCoding&, uint64_t* codes) {
  for (int64_t i = 0; i < n; ++i) codes[i] = hash_row(column, begin + i);
}

/// Bounds of the values of a column that are not NULL; false if there are none.
template <class T>
bool find_bounds(const Column& column, int64_t begin, int64_t end, Bounds<T>& bounds) {
  const T* values = column.values<T>();
  if (column.validity() == nullptr) {
    bounds = bounds_of(values + begin, end - begin);
    return true;
  }
  bool found = false;
  for (int64_t row = begin; row < end; ++row) {
    if (column.is_null(row)) continue;
    const T value = values[row];
    if (!found) bounds = {value, value};
    bounds = {std::min(bounds.low, value), std::max(bounds.high, value)};
    found = true;
  }
  return found;
}

}  // namespace

KeyPart::KeyPart(Execution& execution, Key key, int64_t rows) {
  if (!key.empty()) element_ = key.front().element();
  int64_t start = 0;
  for (const Column& column : key) {
    if (column.element() != element_) {
      throw EngineError(Code::kInternal, "a key gave values of several kinds");
    }
    scalar_ = scalar_ && is_scalar_key(column);
    nullable_ = nullable_ || column.validity() != nullptr;
    pieces_.push_back({&column, start, encode_rows});
    start += column.length();
  }
  if (start != rows) throw EngineError(Code::kInternal, "a key has another number of rows");
  always_equal_ = !nullable_ && !is_float(element_);
  if (!scalar_) {
    exact_ = false;
    largest_ = std::numeric_limits<uint64_t>::max();
  } else if (element_ == Element::kText) {
    plan_texts(execution);
  } else if (is_float(element_)) {
    plan_floats();
  } else {
    plan_integers(execution);
  }
}

void KeyPart::plan_integers(Execution& execution) {
  with_integer(element_, [&]<class T>(T) {
    Bounds<T> all{};
    bool any = false;
    std::mutex mutex;
    for (const Piece& piece : pieces_) {
      execution.parallel_for(piece.column->length(), kGrain, [&](int64_t begin, int64_t end, int) {
        Bounds<T> bounds{};
        if (!find_bounds(*piece.column, begin, end, bounds)) return;
        const std::lock_guard lock(mutex);
        all = any ? Bounds<T>{std::min(all.low, bounds.low), std::max(all.high, bounds.high)} : bounds;
        any = true;
      });
    }
    low_ = widened(all.low);
    largest_ = widened(all.high) - low_;
    for (Piece& piece : pieces_) {
      piece.encode = nullable_ ? encode_nullable_integers<T> : encode_integers<T>;
    }
  });
  if (!nullable_) return;
  exact_ = largest_ != std::numeric_limits<uint64_t>::max();
  if (exact_) ++largest_;
}

void KeyPart::plan_floats() {
  largest_ = element_ == Element::kFloat64 ? kNullCode64 : kNullCode32;
  for (Piece& piece : pieces_) {
    piece.encode = element_ == Element::kFloat64   ? encode_floats<double>
                   : element_ == Element::kFloat32 ? encode_floats<float>
                                                   : encode_floats<Half>;
  }
}

void KeyPart::plan_texts(Execution& execution) {
  int64_t rows = 0;
  for (const Piece& piece : pieces_) rows += piece.column->length();
  if (number_texts(rows)) return;
  const int64_t longest = longest_text(execution);
  exact_ = longest <= kShortText;
  largest_ = exact_ ? (uint64_t{1} << (8 * longest + kLengthBits)) - 1 : std::numeric_limits<uint64_t>::max();
  for (Piece& piece : pieces_) {
    piece.encode = exact_ ? encode_short_texts : encode_texts;
    if (piece.column->layout() != Layout::kDictionary) continue;
    // What every text of the dictionary would have as a row.
    const Column& texts = piece.column->items();
    piece.of_text.resize(static_cast<size_t>(texts.length()));
    piece.encode(texts, 0, texts.length(), {}, piece.of_text.data());
    piece.encode = encode_dictionary(*piece.column);
  }
  const Column* only = pieces_.size() == 1 ? pieces_.front().column : nullptr;
  if (only != nullptr && only->layout() == Layout::kText && !nullable_) plain_ = only;
}

/// Numbers the texts of dictionaries through, equal ones alike; false where there is another column, or where
/// the texts are more than the rows.
bool KeyPart::number_texts(int64_t rows) {
  constexpr int64_t kAnyway = 1 << 10;
  int64_t count = 0;
  for (const Piece& piece : pieces_) {
    if (piece.column->layout() != Layout::kDictionary) return false;
    count += piece.column->items().length();
  }
  if (count > std::max(rows, kAnyway)) return false;
  HashTable<uint64_t> table;
  std::vector<std::string_view> known;
  for (Piece& piece : pieces_) {
    const Column& texts = piece.column->items();
    piece.of_text.resize(static_cast<size_t>(texts.length()));
    for (int64_t i = 0; i < texts.length(); ++i) {
      const std::string_view text = texts.text_at(i);
      const uint32_t number = table.find_or_add(
          hash_bytes(text), [&](uint32_t other) { return known[other] == text; },
          [&] { known.push_back(text); });
      piece.of_text[static_cast<size_t>(i)] = number + (nullable_ ? 1 : 0);
    }
    piece.encode = encode_dictionary(*piece.column);
  }
  largest_ = std::max<uint64_t>(known.size(), 1) - (nullable_ ? 0 : 1);
  return true;
}

/// Up to one more than kShortText: beyond that nobody asks. Of dictionaries those texts that no row has count
/// too.
int64_t KeyPart::longest_text(Execution& execution) const {
  std::atomic<int64_t> longest = 0;
  for (const Piece& piece : pieces_) {
    const bool coded = piece.column->layout() == Layout::kDictionary;
    const Column& texts = coded ? piece.column->items() : *piece.column;
    execution.parallel_for(texts.length(), kGrain, [&](int64_t begin, int64_t end, int) {
      int64_t most = longest.load(std::memory_order_relaxed);
      texts.offsets().visit([&](const auto* offsets) {
        for (int64_t i = begin; i < end && most <= kShortText; ++i) {
          most = std::max<int64_t>(most, offsets[i + 1] - offsets[i]);
        }
      });
      most = std::min(most, kShortText + 1);
      for (int64_t known = longest.load(); known < most && !longest.compare_exchange_weak(known, most);) {
      }
    });
  }
  return longest.load();
}

void KeyPart::encode(int64_t begin, int64_t n, uint64_t* codes) const noexcept {
  for (const Piece& piece : pieces_) {
    const int64_t first = std::max<int64_t>(begin - piece.start, 0);
    const int64_t last = std::min(begin + n - piece.start, piece.column->length());
    if (first >= last) continue;
    piece.encode(*piece.column, first, last - first, {low_, piece.of_text.data()},
                 codes + (piece.start + first - begin));
  }
}

KeyPart::Place KeyPart::place(int64_t row) const noexcept {
  size_t piece = pieces_.size() - 1;
  while (pieces_[piece].start > row) --piece;
  return {pieces_[piece].column, row - pieces_[piece].start};
}

bool KeyPart::same(int64_t left, int64_t right) const noexcept {
  if (exact_) return true;
  if (plain_ != nullptr) return same_bytes(plain_->string_at(left), plain_->string_at(right));
  const Place a = place(left);
  const Place b = place(right);
  return same_row(*a.column, a.row, *b.column, b.row);
}

bool KeyPart::equals_itself(int64_t row) const noexcept {
  if (always_equal_) return true;
  const Place at = place(row);
  if (at.column->is_null(at.row)) return false;
  switch (element_) {
    case Element::kFloat16: {
      const float value = half_to_float(at.column->values<Half>()[at.row]);
      return value == value;
    }
    case Element::kFloat32:
      return at.column->values<float>()[at.row] == at.column->values<float>()[at.row];
    case Element::kFloat64:
      return at.column->values<double>()[at.row] == at.column->values<double>()[at.row];
    default:
      return true;
  }
}

}  // namespace tql_engine
