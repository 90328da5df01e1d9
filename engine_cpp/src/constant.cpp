// Constants: every leaf is checked against the element kind, every list against its siblings.
#include "tql_engine/constant.h"

#include <cmath>
#include <cstring>
#include <limits>
#include <utility>

#include "tql_engine/status.h"

namespace tql_engine {
namespace {

constexpr int64_t kNoStart = 0;

[[noreturn]] void refuse(Element element) {
  throw EngineError(Code::kInternal, "a constant is no value of type " + std::string(element_name(element)));
}

template <class T>
T integer_of(const Value& value, Element element) {
  if (const auto* number = value.get_if<int64_t>(); number != nullptr && std::in_range<T>(*number)) {
    return static_cast<T>(*number);
  }
  if (const auto* number = value.get_if<uint64_t>(); number != nullptr && std::in_range<T>(*number)) {
    return static_cast<T>(*number);
  }
  refuse(element);
}

double float_of(const Value& value, Element element) {
  if (const auto* name = value.get_if<std::string>()) {
    if (*name == "nan") return std::numeric_limits<double>::quiet_NaN();
    if (*name == "inf") return std::numeric_limits<double>::infinity();
    if (*name == "-inf") return -std::numeric_limits<double>::infinity();
    refuse(element);
  }
  if (value.get_if<bool>() != nullptr || value.get_if<List>() != nullptr) refuse(element);
  return as_double(value, "value");
}

/// A conversion that is defined for every double: beyond the range of float it gives infinity.
float narrow(double number) noexcept {
  if (std::isfinite(number) && std::abs(number) > static_cast<double>(std::numeric_limits<float>::max())) {
    return number > 0 ? std::numeric_limits<float>::infinity() : -std::numeric_limits<float>::infinity();
  }
  return static_cast<float>(number);
}

}  // namespace

Constant Constant::parse(const Value& value, Element element) {
  Constant constant;
  constant.element_ = element;
  const Value* level = &value;
  while (const auto* list = level->get_if<List>()) {
    if (constant.dims_.size() == kMaxRank) throw EngineError(Code::kInternal, "a constant has too many axes");
    constant.dims_.push_back(static_cast<int64_t>(list->size()));
    if (list->empty()) break;
    level = &list->front();
  }
  constant.parse_level(value, 0);
  constant.strides_.resize(constant.dims_.size());
  write_strides(constant.dims_.data(), constant.rank(), constant.strides_.data());
  return constant;
}

void Constant::parse_level(const Value& value, int depth) {
  const auto* list = value.get_if<List>();
  if (depth == rank()) {
    if (list != nullptr) throw EngineError(Code::kInternal, "a constant is not rectangular");
    return append(value);
  }
  if (list == nullptr || static_cast<int64_t>(list->size()) != dims_[static_cast<size_t>(depth)]) {
    throw EngineError(Code::kInternal, "a constant is not rectangular");
  }
  for (const Value& item : *list) parse_level(item, depth + 1);
}

void Constant::append(const Value& value) {
  const auto push = [this](const auto& number) {
    const auto* bytes = reinterpret_cast<const std::byte*>(&number);
    numbers_.insert(numbers_.end(), bytes, bytes + sizeof(number));
  };
  ++size_;
  switch (element_) {
    case Element::kBool:
      if (const auto* truth = value.get_if<bool>()) return push(static_cast<uint8_t>(*truth));
      refuse(element_);
    case Element::kInt8:
      return push(integer_of<int8_t>(value, element_));
    case Element::kInt16:
      return push(integer_of<int16_t>(value, element_));
    case Element::kInt32:
      return push(integer_of<int32_t>(value, element_));
    case Element::kInt64:
      return push(integer_of<int64_t>(value, element_));
    case Element::kUint8:
      return push(integer_of<uint8_t>(value, element_));
    case Element::kUint16:
      return push(integer_of<uint16_t>(value, element_));
    case Element::kUint32:
      return push(integer_of<uint32_t>(value, element_));
    case Element::kUint64:
      return push(integer_of<uint64_t>(value, element_));
    case Element::kFloat16:
      return push(float_to_half(narrow(float_of(value, element_))));
    case Element::kFloat32:
      return push(narrow(float_of(value, element_)));
    case Element::kFloat64:
      return push(float_of(value, element_));
    case Element::kText:
      strings_.push_back(as_string(value, "value"));
      views_.push_back(strings_.back());
      return;
  }
}

Vector Constant::vector() const noexcept {
  Vector vector;
  vector.element = element_;
  vector.rank = rank();
  vector.values = values();
  vector.step = 0;
  vector.starts = &kNoStart;
  vector.starts_step = 0;
  vector.dims = dims_.data();
  vector.strides = strides_.data();
  vector.run_step = rank() > 0 ? 1 : 0;
  return vector;
}

}  // namespace tql_engine
