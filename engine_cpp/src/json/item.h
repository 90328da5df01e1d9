// A document parsed as far as comparing it needs: a number by value, a text without escapes, an array or an
// object as its bytes. As large as a view, so vectors hold items where they hold documents.
#pragma once

#include <bit>
#include <cstdint>
#include <string>
#include <string_view>

#include "tql_engine/compare.h"
#include "tql_engine/text_arena.h"

namespace tql_engine::json {

/// kUnsigned: an integer above what int64 holds. Bools are the integers 0 and 1: they compare with numbers by
/// value. kNull is also what is no document.
enum class Kind : uint8_t { kNull, kInteger, kUnsigned, kDouble, kText, kArray, kObject };

class Item {
 public:
  static Item null() noexcept { return {0, Kind::kNull, 0}; }
  static Item integer(int64_t value) noexcept { return {static_cast<uint64_t>(value), Kind::kInteger, 0}; }
  static Item boolean(bool value) noexcept { return {uint64_t{value}, Kind::kInteger, 1}; }
  static Item number(uint64_t value) noexcept {
    return {value, value >> 63 != 0 ? Kind::kUnsigned : Kind::kInteger, 0};
  }
  static Item number(double value) noexcept { return {std::bit_cast<uint64_t>(value), Kind::kDouble, 0}; }
  /// The text lives longer than the item.
  static Item text(std::string_view text) noexcept { return view(Kind::kText, text); }
  /// Likewise the bytes of an array or an object.
  static Item view(Kind kind, std::string_view bytes) noexcept {
    return {reinterpret_cast<uintptr_t>(bytes.data()), kind, bytes.size()};
  }

  Kind kind() const noexcept { return static_cast<Kind>(tag_ & 0xFF); }
  bool is_number() const noexcept { return kind() >= Kind::kInteger && kind() <= Kind::kDouble; }
  /// The integers 0 and 1 that were written as `false` and `true`.
  bool is_bool() const noexcept { return kind() == Kind::kInteger && tag_ >> 8 != 0; }
  bool is_text() const noexcept { return kind() == Kind::kText; }
  /// Of an array or an object.
  bool is_composite() const noexcept { return kind() >= Kind::kArray; }
  int64_t as_integer() const noexcept { return static_cast<int64_t>(payload_); }
  uint64_t as_unsigned() const noexcept { return payload_; }
  /// Of a number of any kind.
  double as_double() const noexcept;
  /// Of a text, an array or an object.
  std::string_view bytes() const noexcept {
    return {reinterpret_cast<const char*>(static_cast<uintptr_t>(payload_)), static_cast<size_t>(tag_ >> 8)};
  }

 private:
  Item(uint64_t payload, Kind kind, uint64_t size) noexcept
      : payload_(payload), tag_(size << 8 | static_cast<uint64_t>(kind)) {}

  uint64_t payload_;
  uint64_t tag_;
};

static_assert(sizeof(Item) == sizeof(std::string_view));

/// Texts with escapes get a decoded copy in the arena.
Item parse_item(std::string_view document, TextArena& texts);

/// Numbers by value (two integers exactly, else as float64), texts by bytes; arrays and objects are equal or
/// not. Values of different kinds are not equal and not ordered; null compares false with everything.
bool compare(CompareOp op, const Item& left, const Item& right);

/// Appends a text that is the same for equal values and differs for others: keys sorted, the last of equal
/// ones; whole numbers as integers; bools as numbers. NaN equals itself here.
void append_canonical(const Item& item, std::string& out);

/// Appends a float64 as a JSON number that reads back as the same float64.
void append_number(double value, std::string& out);

}  // namespace tql_engine::json
