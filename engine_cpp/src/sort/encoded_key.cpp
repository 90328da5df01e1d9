#include "encoded_key.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <string_view>

#include "tql_engine/loops.h"
#include "tql_engine/parallel_sort.h"

namespace tql_engine {
namespace {

constexpr uint64_t kSign = uint64_t{1} << 63;

uint64_t code_of(double value) noexcept {
  const auto bits = std::bit_cast<uint64_t>(value + 0.0);  // -0.0 + 0.0 is 0.0: the two zeros are equal
  return (bits & kSign) != 0 ? ~bits : bits | kSign;
}

uint64_t code_of(std::string_view text) noexcept {
  uint64_t code = 0;
  const size_t bytes = std::min<size_t>(text.size(), 8);
  for (size_t i = 0; i < bytes; ++i) code |= uint64_t{static_cast<uint8_t>(text[i])} << (56 - 8 * i);
  return code;
}

// Signed and narrow unsigned integers; none of the narrow ones comes near the codes of NaN and NULL.
uint64_t code_of(int64_t value) noexcept { return static_cast<uint64_t>(value) ^ kSign; }

/// `flip` is all ones for a descending key.
template <Element E>
uint64_t row_code(const Column& column, int64_t row, uint64_t flip) noexcept {
  if (column.is_null(row)) return kNullCode;
  if constexpr (E == Element::kText) {
    return code_of(column.text_at(row)) ^ flip;
  } else if constexpr (E == Element::kUint64) {
    return column.values<uint64_t>()[row] ^ flip;
  } else if constexpr (is_float(E)) {
    double value;
    if constexpr (E == Element::kFloat16) {
      value = half_to_float(column.values<Half>()[row]);
    } else {
      value = column.values<Storage<E>>()[row];
    }
    return std::isnan(value) ? kNanCode : code_of(value) ^ flip;
  } else {
    return code_of(static_cast<int64_t>(column.values<Storage<E>>()[row])) ^ flip;
  }
}

template <Element E>
void encode_range(const Column& column, bool descending, int64_t begin, int64_t end,
                  uint64_t* codes) noexcept {
  const uint64_t flip = descending ? ~uint64_t{0} : 0;
  for (int64_t row = begin; row < end; ++row) codes[row - begin] = row_code<E>(column, row, flip);
}

template <Element E>
void encode_picked(const Column& column, bool descending, int64_t begin, const uint16_t* picked,
                   int64_t count, uint64_t* codes) noexcept {
  const uint64_t flip = descending ? ~uint64_t{0} : 0;
  for (int64_t i = 0; i < count; ++i) codes[i] = row_code<E>(column, begin + picked[i], flip);
}

constexpr auto kEncodeRange = per_element([]<Element E>() -> EncodeRange { return &encode_range<E>; });
constexpr auto kEncodePicked = per_element([]<Element E>() -> EncodePicked { return &encode_picked<E>; });

}  // namespace

Encoder::Encoder(Element element) noexcept
    : range(kEncodeRange[static_cast<size_t>(element)]),
      picked(kEncodePicked[static_cast<size_t>(element)]) {}

bool has_exact_codes(Element element, bool nullable) noexcept {
  const bool full_range = element == Element::kInt64 || element == Element::kUint64;
  return element != Element::kText && !(full_range && nullable);
}

EncodedKey::EncodedKey(const SortKey& key) noexcept
    : key_(&key),
      encoder_(key.column.element()),
      exact_(has_exact_codes(key.column.element(), key.column.validity() != nullptr)) {}

int EncodedKey::refine(int64_t a, int64_t b) const noexcept {
  if (exact_) return 0;
  const Column& column = key_->column;
  const int nulls = static_cast<int>(column.is_null(a)) - static_cast<int>(column.is_null(b));
  if (nulls != 0 || column.is_null(a) || column.element() != Element::kText) return nulls;
  const int order = column.text_at(a).compare(column.text_at(b));  // as unsigned bytes
  return key_->descending ? -order : order;
}

bool EntryLess::less_by_rows(int64_t a, int64_t b) const noexcept {
  const std::vector<EncodedKey>& keys = *keys_;
  if (const int order = keys[0].refine(a, b); order != 0) return order < 0;
  for (size_t i = 1; i < keys.size(); ++i) {
    const uint64_t left = keys[i].code(a);
    const uint64_t right = keys[i].code(b);
    if (left != right) return left < right;
    if (const int order = keys[i].refine(a, b); order != 0) return order < 0;
  }
  return a < b;
}

}  // namespace tql_engine
