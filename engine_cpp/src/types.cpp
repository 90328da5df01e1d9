// Names of element kinds, half precision conversion, checked sizes.
#include "tql_engine/types.h"

#include <bit>
#include <cstring>

namespace tql_engine {
namespace {

constexpr std::array<std::string_view, kElementCount> kNames = {
    "bool",   "int8",   "int16",   "int32",   "int64",   "uint8", "uint16",
    "uint32", "uint64", "float16", "float32", "float64", "text",
};

}  // namespace

std::string_view element_name(Element e) noexcept { return kNames[static_cast<size_t>(e)]; }

std::optional<Element> parse_element(std::string_view name) noexcept {
  if (name == "bytes" || name == "json") return Element::kText;
  for (size_t i = 0; i < kNames.size(); ++i) {
    if (kNames[i] == name) return static_cast<Element>(i);
  }
  return std::nullopt;
}

float half_to_float(Half value) noexcept {
  const uint32_t sign = static_cast<uint32_t>(value.bits & 0x8000u) << 16;
  const uint32_t exponent = (value.bits >> 10) & 0x1Fu;
  const uint32_t fraction = value.bits & 0x3FFu;
  if (exponent == 0x1F) return std::bit_cast<float>(sign | 0x7F800000u | (fraction << 13));
  if (exponent != 0) return std::bit_cast<float>(sign | ((exponent + 112) << 23) | (fraction << 13));
  const float subnormal = static_cast<float>(fraction) * 0x1p-24f;
  return std::bit_cast<float>(sign | std::bit_cast<uint32_t>(subnormal));
}

Half float_to_half(float value) noexcept {
  const uint32_t bits = std::bit_cast<uint32_t>(value);
  const auto sign = static_cast<uint16_t>((bits >> 16) & 0x8000u);
  const uint32_t magnitude = bits & 0x7FFFFFFFu;
  if (magnitude > 0x7F800000u) return {static_cast<uint16_t>(sign | 0x7E00u | ((magnitude >> 13) & 0x3FFu))};
  if (magnitude >= 0x477FF000u) return {static_cast<uint16_t>(sign | 0x7C00u)};  // rounds beyond 65504
  if (magnitude < 0x38800000u) {
    // Subnormal: adding 0.5 lets the FPU round at the right bit.
    const float shifted = std::bit_cast<float>(magnitude) + 0.5f;
    return {static_cast<uint16_t>(sign | (std::bit_cast<uint32_t>(shifted) - 0x3F000000u))};
  }
  const uint32_t rounded = magnitude + 0xFFFu + ((magnitude >> 13) & 1u);
  return {static_cast<uint16_t>(sign | ((rounded - 0x38000000u) >> 13))};
}

Type Type::entry() const {
  Type type = *this;
  type.nested = false;
  type.nullable = nested;
  if (shape && !shape->empty()) type.shape->erase(type.shape->begin());
  return type;
}

bool Type::is_fixed() const noexcept {
  if (!shape || nested) return false;
  for (const int64_t extent : *shape) {
    if (extent < 0) return false;
  }
  return true;
}

std::optional<int64_t> checked_product(const int64_t* extents, int rank) noexcept {
  int64_t product = 1;
  for (int axis = 0; axis < rank; ++axis) {
    if (extents[axis] < 0 || __builtin_mul_overflow(product, extents[axis], &product)) return std::nullopt;
  }
  return product;
}

}  // namespace tql_engine
