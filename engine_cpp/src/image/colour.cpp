#include "tql_engine/colour.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace tql_engine {
namespace {

/// ITU-R 601-2 luma, as Pillow rounds it.
int luma(const uint8_t* pixel) noexcept {
  return (pixel[0] * 19595 + pixel[1] * 38470 + pixel[2] * 7471 + 0x8000) >> 16;
}

/// Of the blend `from` + factor * (value - `from`), cut off to a byte.
uint8_t blend(int from, int value, float factor) noexcept {
  const float mixed = static_cast<float>(from) + factor * static_cast<float>(value - from);
  if (mixed <= 0) return 0;
  return mixed >= 255 ? uint8_t{255} : static_cast<uint8_t>(mixed);
}

bool coloured(const ImageShape& shape) noexcept { return shape.channels >= 3; }
int64_t colours(const ImageShape& shape) noexcept { return coloured(shape) ? 3 : 1; }
int64_t count_of(const ImageShape& shape) noexcept { return shape.height * shape.width; }

/// All colours blended with one value.
void blend_with(int from, float factor, const ImageShape& shape, uint8_t* pixels) {
  std::array<uint8_t, 256> table;
  for (int value = 0; value < 256; ++value) table[static_cast<size_t>(value)] = blend(from, value, factor);
  const int64_t each = colours(shape);
  uint8_t* const end = pixels + count_of(shape) * shape.channels;
  if (each == shape.channels) {
    for (uint8_t* at = pixels; at != end; ++at) *at = table[*at];
    return;
  }
  for (uint8_t* at = pixels; at != end; at += shape.channels) {
    for (int64_t c = 0; c < each; ++c) at[c] = table[at[c]];
  }
}

int mean_luma(const ImageShape& shape, const uint8_t* pixels) {
  const int64_t count = count_of(shape);
  if (count == 0) return 0;
  int64_t sum = 0;
  const bool colour = coloured(shape);
  for (int64_t i = 0; i < count; ++i, pixels += shape.channels) sum += colour ? luma(pixels) : *pixels;
  return static_cast<int>(static_cast<double>(sum) / static_cast<double>(count) + 0.5);
}

void saturate(float factor, const ImageShape& shape, uint8_t* pixels) {
  uint8_t* const end = pixels + count_of(shape) * shape.channels;
  for (; pixels != end; pixels += shape.channels) {
    const int grey = luma(pixels);
    for (int c = 0; c < 3; ++c) pixels[c] = blend(grey, pixels[c], factor);
  }
}

struct Hsv {
  int h, s, v;
};

/// Smith, "Color gamut transform pairs", SIGGRAPH 1978, with all three from 0 to 255, cut off.
Hsv hsv_of(int r, int g, int b) noexcept {
  const int most = std::max({r, g, b}), least = std::min({r, g, b});
  if (most == least) return {0, 0, most};
  const auto range = static_cast<float>(most - least);
  const float red = static_cast<float>(most - r) / range;
  const float green = static_cast<float>(most - g) / range;
  const float blue = static_cast<float>(most - b) / range;
  float h = 0;
  if (r == most) {
    h = blue - green;
  } else if (g == most) {
    h = static_cast<float>(2.0 + red - blue);
  } else {
    h = static_cast<float>(4.0 + green - red);
  }
  h = static_cast<float>(std::fmod(h / 6.0 + 1.0, 1.0));
  const float s = range / static_cast<float>(most);
  return {std::clamp(static_cast<int>(h * 255.0), 0, 255), std::clamp(static_cast<int>(s * 255.0), 0, 255),
          most};
}

int rounded(double value) noexcept { return std::clamp(static_cast<int>(std::round(value)), 0, 255); }

void put_rgb(const Hsv& colour, uint8_t* pixel) noexcept {
  const auto [h, s, v] = colour;
  const auto set = [pixel](int r, int g, int b) {
    pixel[0] = static_cast<uint8_t>(r);
    pixel[1] = static_cast<uint8_t>(g);
    pixel[2] = static_cast<uint8_t>(b);
  };
  if (s == 0) return set(v, v, v);
  const double sixths = static_cast<float>(h) * 6.0 / 255.0;
  const int sector = static_cast<int>(std::floor(sixths));
  const auto rest = static_cast<float>(sixths - static_cast<float>(sector));
  const auto part = static_cast<float>(static_cast<float>(s) / 255.0);
  const int p = rounded(static_cast<float>(v) * (1.0 - part));
  const int q = rounded(static_cast<float>(v) * (1.0 - part * rest));
  const int t = rounded(static_cast<float>(v) * (1.0 - part * (1.0 - rest)));
  switch (sector % 6) {
    case 0:
      return set(v, t, p);
    case 1:
      return set(q, v, p);
    case 2:
      return set(p, v, t);
    case 3:
      return set(p, q, v);
    case 4:
      return set(t, p, v);
    default:
      return set(v, p, q);
  }
}

void turn_hue(double factor, const ImageShape& shape, uint8_t* pixels) {
  // Whole steps of the circle of 256, the rest cut off, as the array arithmetic of torchvision does it.
  const int turn = static_cast<int>(factor * 255) & 255;
  uint8_t* const end = pixels + count_of(shape) * shape.channels;
  for (; pixels != end; pixels += shape.channels) {
    Hsv colour = hsv_of(pixels[0], pixels[1], pixels[2]);
    colour.h = (colour.h + turn) & 255;
    put_rgb(colour, pixels);
  }
}

}  // namespace

void adjust(Adjustment adjustment, double factor, const ImageShape& shape, uint8_t* pixels) {
  const auto single = static_cast<float>(factor);
  switch (adjustment) {
    case Adjustment::kBrightness:
      return blend_with(0, single, shape, pixels);
    case Adjustment::kContrast:
      return blend_with(mean_luma(shape, pixels), single, shape, pixels);
    case Adjustment::kSaturation:
      return coloured(shape) ? saturate(single, shape, pixels) : void();
    case Adjustment::kHue:
      return coloured(shape) ? turn_hue(factor, shape, pixels) : void();
  }
}

}  // namespace tql_engine
