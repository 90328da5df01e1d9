// A float32 column is compared in float32: between two neighbouring floats all doubles split the floats
// alike, so the one on the other side of the constant stands for it.
#include "tql_engine/narrow_compare.h"

#include <cmath>
#include <cstring>
#include <limits>
#include <type_traits>
#include <utility>

namespace tql_engine {
namespace {

template <class T>
T value_of(const Operand& operand) noexcept {
  T value;
  std::memcpy(&value, operand.bytes.data(), sizeof(value));
  return value;
}

template <class T>
Operand operand_of(T value) noexcept {
  Operand operand;
  std::memcpy(operand.bytes.data(), &value, sizeof(value));
  return operand;
}

/// The largest float that is not above a number, which may be -infinity.
float float_below(double value) noexcept {
  constexpr float kLargest = std::numeric_limits<float>::max();
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  if (value > double{kLargest}) return value < double{kInfinity} ? kLargest : kInfinity;
  if (value < -double{kLargest}) return -kInfinity;
  const auto nearest = static_cast<float>(value);
  return double{nearest} <= value ? nearest : std::nextafter(nearest, -kInfinity);
}

NarrowComparison narrow_double(CompareOp op, double constant) noexcept {
  constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();
  constexpr Element kElement = Element::kFloat32;
  if (std::isnan(constant)) return {op, kElement, operand_of(kNaN)};
  const float below = float_below(constant);
  if (double{below} == constant) return {op, kElement, operand_of(below)};
  switch (op) {
    case CompareOp::kLess:
    case CompareOp::kLessEqual:
      return {CompareOp::kLessEqual, kElement, operand_of(below)};
    case CompareOp::kGreater:
    case CompareOp::kGreaterEqual:
      return {CompareOp::kGreaterEqual, kElement, operand_of(-float_below(-constant))};
    default:
      return {op, kElement, operand_of(kNaN)};  // no float equals it
  }
}

template <class T>
std::optional<Operand> narrow_integer(int64_t value) noexcept {
  if (!std::in_range<T>(value)) return std::nullopt;
  return operand_of(static_cast<T>(value));
}

std::optional<Operand> narrow_integer(int64_t value, Element column) noexcept {
  switch (column) {
    case Element::kInt8:
      return narrow_integer<int8_t>(value);
    case Element::kInt16:
      return narrow_integer<int16_t>(value);
    case Element::kInt32:
      return narrow_integer<int32_t>(value);
    case Element::kUint8:
      return narrow_integer<uint8_t>(value);
    case Element::kUint16:
      return narrow_integer<uint16_t>(value);
    case Element::kUint32:
      return narrow_integer<uint32_t>(value);
    default:
      return std::nullopt;
  }
}

bool is_lower_end(CompareOp op) noexcept {
  return op == CompareOp::kGreater || op == CompareOp::kGreaterEqual;
}
bool is_upper_end(CompareOp op) noexcept { return op == CompareOp::kLess || op == CompareOp::kLessEqual; }

template <class T>
std::optional<MaskStep> make_range(const NarrowComparison& lower, const NarrowComparison& upper) {
  T low = value_of<T>(lower.constant);
  T high = value_of<T>(upper.constant);
  const bool open_low = lower.op == CompareOp::kGreater;
  const bool open_high = upper.op == CompareOp::kLess;
  if constexpr (std::is_integral_v<T>) {
    if (open_low && low == std::numeric_limits<T>::max()) return std::nullopt;
    if (open_high && high == std::numeric_limits<T>::lowest()) return std::nullopt;
    low = static_cast<T>(low + (open_low ? 1 : 0));
    high = static_cast<T>(high - (open_high ? 1 : 0));
  }
  const MaskLoop loop = range_mask_loop(open_low, open_high, lower.element);
  if (loop == nullptr) return std::nullopt;
  return MaskStep{loop,
                  std::make_shared<RangeEnds>(RangeEnds{operand_of(low).bytes, operand_of(high).bytes})};
}

}  // namespace

std::optional<NarrowComparison> narrow_comparison(CompareOp op, const Constant& constant, Element column) {
  const Element element = constant.element();
  if (element == Element::kText) return std::nullopt;
  Operand value;
  std::memcpy(value.bytes.data(), constant.values(), static_cast<size_t>(element_size(element)));
  if (element == column) return NarrowComparison{op, column, value};
  if (element == Element::kFloat64 && column == Element::kFloat32)
    return narrow_double(op, value_of<double>(value));
  if (element != Element::kInt64) return std::nullopt;
  const auto narrowed = narrow_integer(value_of<int64_t>(value), column);
  if (!narrowed) return std::nullopt;
  return NarrowComparison{op, column, *narrowed};
}

MaskStep mask_step(const NarrowComparison& comparison) {
  const MaskLoop loop = compare_mask_loop(comparison.op, comparison.element);
  if (loop == nullptr) return {};
  return {loop, std::make_shared<Operand>(comparison.constant)};
}

std::optional<MaskStep> range_step(const NarrowComparison& left, const NarrowComparison& right) {
  if (left.element != right.element) return std::nullopt;
  if (is_upper_end(left.op)) return is_lower_end(right.op) ? range_step(right, left) : std::nullopt;
  if (!is_lower_end(left.op) || !is_upper_end(right.op)) return std::nullopt;
  switch (left.element) {
    case Element::kInt8:
      return make_range<int8_t>(left, right);
    case Element::kInt16:
      return make_range<int16_t>(left, right);
    case Element::kInt32:
      return make_range<int32_t>(left, right);
    case Element::kInt64:
      return make_range<int64_t>(left, right);
    case Element::kUint8:
      return make_range<uint8_t>(left, right);
    case Element::kUint16:
      return make_range<uint16_t>(left, right);
    case Element::kUint32:
      return make_range<uint32_t>(left, right);
    case Element::kUint64:
      return make_range<uint64_t>(left, right);
    case Element::kFloat32:
      return make_range<float>(left, right);
    case Element::kFloat64:
      return make_range<double>(left, right);
    default:
      return std::nullopt;
  }
}

}  // namespace tql_engine
