// The kinds of elements, their storage, and the one switch over them. The switch runs when a program is
// compiled or a column is made, never per row.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace tql_engine {

enum class Element : uint8_t {
  kBool,
  kInt8,
  kInt16,
  kInt32,
  kInt64,
  kUint8,
  kUint16,
  kUint32,
  kUint64,
  kFloat16,
  kFloat32,
  kFloat64,
  kText,
};

inline constexpr int kElementCount = 13;

/// IEEE binary16 as stored. It is never computed with: programs widen it to float32 first.
struct Half {
  uint16_t bits;
};

float half_to_float(Half value) noexcept;
/// Rounds to nearest, ties to even.
Half float_to_half(float value) noexcept;

/// How one element lies in memory. Text elements of a vector are views into a column's bytes.
template <Element E>
struct StorageOf;
template <>
struct StorageOf<Element::kBool> {
  using type = uint8_t;
};
template <>
struct StorageOf<Element::kInt8> {
  using type = int8_t;
};
template <>
struct StorageOf<Element::kInt16> {
  using type = int16_t;
};
template <>
struct StorageOf<Element::kInt32> {
  using type = int32_t;
};
template <>
struct StorageOf<Element::kInt64> {
  using type = int64_t;
};
template <>
struct StorageOf<Element::kUint8> {
  using type = uint8_t;
};
template <>
struct StorageOf<Element::kUint16> {
  using type = uint16_t;
};
template <>
struct StorageOf<Element::kUint32> {
  using type = uint32_t;
};
template <>
struct StorageOf<Element::kUint64> {
  using type = uint64_t;
};
template <>
struct StorageOf<Element::kFloat16> {
  using type = Half;
};
template <>
struct StorageOf<Element::kFloat32> {
  using type = float;
};
template <>
struct StorageOf<Element::kFloat64> {
  using type = double;
};
template <>
struct StorageOf<Element::kText> {
  using type = std::string_view;
};

template <Element E>
using Storage = typename StorageOf<E>::type;

constexpr bool is_signed(Element e) noexcept { return e >= Element::kInt8 && e <= Element::kInt64; }
constexpr bool is_unsigned(Element e) noexcept { return e >= Element::kUint8 && e <= Element::kUint64; }
constexpr bool is_integer(Element e) noexcept { return e >= Element::kInt8 && e <= Element::kUint64; }
constexpr bool is_float(Element e) noexcept { return e >= Element::kFloat16 && e <= Element::kFloat64; }
constexpr bool is_numeric(Element e) noexcept { return e != Element::kText; }  // bool counts as a number

/// Bytes of one element: of numbers as stored, of text the size of a view.
constexpr int64_t element_size(Element e) noexcept {
  constexpr std::array<int64_t, kElementCount> kSizes = {
      1, 1, 2, 4, 8, 1, 2, 4, 8, 2, 4, 8, sizeof(std::string_view)};
  return kSizes[static_cast<size_t>(e)];
}

std::string_view element_name(Element e) noexcept;
/// "bytes" and "json" are stored like text; nothing but storage depends on it.
std::optional<Element> parse_element(std::string_view name) noexcept;

/// The type of one row, as the plan declares it. Extents that differ from row to row are -1; no `shape` at
/// all where even the rank differs.
struct Type {
  Element element = Element::kBool;
  std::optional<std::vector<int64_t>> shape = std::vector<int64_t>{};
  bool nullable = false;
  /// A row is a list of values of one rank, NULL or of different extents: one per entry of the first axis.
  bool nested = false;

  /// The type of one entry of the first axis; of types with at least one axis.
  Type entry() const;
  bool is_scalar() const noexcept { return shape.has_value() && shape->empty(); }
  bool is_fixed() const noexcept;
  /// Every row has exactly one element.
  bool is_single() const noexcept {
    return is_fixed() && std::ranges::all_of(*shape, [](int64_t n) { return n == 1; });
  }
};

/// Arrays of more axes are refused when they enter the engine.
inline constexpr int kMaxRank = 32;

/// The product of the extents; nothing if one is negative or the product does not fit into 63 bits.
std::optional<int64_t> checked_product(const int64_t* extents, int rank) noexcept;

}  // namespace tql_engine
