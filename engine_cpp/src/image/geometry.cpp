// Where the steps cut, by torchvision's rules.
#include <algorithm>
#include <cmath>

#include "tql_engine/transforms.h"

namespace tql_engine {

Box centre_box(const CenterCrop& step, int64_t height, int64_t width) noexcept {
  const auto middle = [](int64_t whole, int64_t part) {
    return static_cast<int64_t>(std::nearbyint(static_cast<double>(whole - part) / 2.0));  // half to even
  };
  return {middle(width, step.width), middle(height, step.height), step.width, step.height};
}

Box random_box(const RandomResizedCrop& step, int64_t height, int64_t width, const RowDraws& draws,
               uint8_t number) noexcept {
  constexpr uint64_t kTries = 10;
  constexpr uint64_t kDrawsPerTry = 4;
  static_assert(kTries * kDrawsPerTry <= RowDraws::kMost);
  const double area = static_cast<double>(height) * static_cast<double>(width);
  const double least = std::log(step.ratio[0]), most = std::log(step.ratio[1]);
  const auto extent = [](double exact) { return static_cast<int64_t>(std::nearbyint(exact)); };
  for (uint64_t attempt = 0; attempt < kTries; ++attempt) {
    const uint64_t draw = attempt * kDrawsPerTry;
    const double wanted = area * draws.between(number, draw, step.scale[0], step.scale[1]);
    const double ratio = std::exp(draws.between(number, draw + 1, least, most));
    const int64_t w = extent(std::sqrt(wanted * ratio)), h = extent(std::sqrt(wanted / ratio));
    if (w <= 0 || w > width || h <= 0 || h > height) continue;
    const int64_t top = draws.below(number, draw + 2, height - h + 1);
    const int64_t left = draws.below(number, draw + 3, width - w + 1);
    return {left, top, w, h};
  }
  const double ratio = static_cast<double>(width) / static_cast<double>(height);
  int64_t w = width, h = height;
  if (ratio < step.ratio[0]) {
    h = extent(static_cast<double>(w) / step.ratio[0]);
  } else if (ratio > step.ratio[1]) {
    w = extent(static_cast<double>(h) * step.ratio[1]);
  }
  w = std::clamp<int64_t>(w, 1, width);
  h = std::clamp<int64_t>(h, 1, height);
  return {(width - w) / 2, (height - h) / 2, w, h};
}

std::array<int64_t, 2> resized_extents(const Resize& step, int64_t height, int64_t width) noexcept {
  if (step.width > 0) return {step.height, step.width};
  const int64_t shorter = std::min(height, width), longer = std::max(height, width);
  const auto in_proportion = [](int64_t size, int64_t of, int64_t to) {
    const double exact = static_cast<double>(size) * static_cast<double>(of) / static_cast<double>(to);
    return std::max<int64_t>(1, static_cast<int64_t>(exact));
  };
  int64_t small = step.height, large = in_proportion(step.height, longer, shorter);
  if (step.max_size > 0 && large > step.max_size) {
    small = in_proportion(step.max_size, small, large);
    large = step.max_size;
  }
  return width <= height ? std::array{large, small} : std::array{small, large};
}

}  // namespace tql_engine
