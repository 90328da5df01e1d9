// Constants of a plan: nested lists checked and laid out as one array of an element kind.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "tql_engine/types.h"
#include "tql_engine/value.h"
#include "tql_engine/vector.h"

namespace tql_engine {

class Constant {
 public:
  /// A number, bool, string or rectangular nesting of lists of them. Throws EngineError(kInternal) if a leaf
  /// is not a value of `element`.
  static Constant parse(const Value& value, Element element);

  Element element() const noexcept { return element_; }
  int rank() const noexcept { return static_cast<int>(dims_.size()); }
  int64_t size() const noexcept { return size_; }
  const std::byte* values() const noexcept {
    return element_ == Element::kText ? reinterpret_cast<const std::byte*>(views_.data()) : numbers_.data();
  }
  /// The same value in every row; points into this constant.
  Vector vector() const noexcept;

 private:
  void parse_level(const Value& value, int depth);
  void append(const Value& value);

  Element element_ = Element::kBool;
  int64_t size_ = 0;
  std::vector<int64_t> dims_;
  std::vector<int64_t> strides_;
  std::vector<std::byte> numbers_;
  std::deque<std::string> strings_;  // a deque never moves what the views point to
  std::vector<std::string_view> views_;
};

}  // namespace tql_engine
