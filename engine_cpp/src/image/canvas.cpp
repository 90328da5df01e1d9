#include "canvas.h"

#include <algorithm>
#include <cstring>

namespace tql_engine {
namespace {

/// More than this is not kept from one picture to the next.
constexpr size_t kMostKept = size_t{32} << 20;

size_t bytes_of(const ImageShape& shape) noexcept {
  return static_cast<size_t>(shape.height * shape.width * shape.channels);
}

template <int channels>
void reverse(const uint8_t* from, int64_t width, uint8_t* out) noexcept {
  for (int64_t x = 0; x < width; ++x) {
    const uint8_t* const pixel = from + (width - 1 - x) * channels;
    for (int c = 0; c < channels; ++c) out[x * channels + c] = pixel[c];
  }
}

void reverse_row(const uint8_t* from, int64_t width, int64_t channels, uint8_t* out) noexcept {
  switch (channels) {
    case 1:
      return reverse<1>(from, width, out);
    case 2:
      return reverse<2>(from, width, out);
    case 3:
      return reverse<3>(from, width, out);
    default:
      return reverse<4>(from, width, out);
  }
}

/// One row of one channel.
template <bool flipped>
void convert_row(const uint8_t* from, int64_t width, int64_t channels, const float* table,
                 float* out) noexcept {
  const int64_t step = flipped ? -channels : channels;
  const uint8_t* at = flipped ? from + (width - 1) * channels : from;
  for (int64_t x = 0; x < width; ++x, at += step) out[x] = table[*at];
}

/// The pixel, within `extent`, that stands at `at` outside of it.
int64_t mirrored(int64_t at, int64_t extent, PadMode mode) noexcept {
  if (mode == PadMode::kEdge) return std::clamp<int64_t>(at, 0, extent - 1);
  const int64_t twice = mode == PadMode::kReflect ? 1 : 0;  // whether the border itself comes once only
  if (at < 0) return -at - 1 + twice;
  return at < extent ? at : 2 * extent - at - 1 - twice;
}

}  // namespace

bool Canvas::lies_here() const noexcept {
  return buffers_[0].holds(view_.data) || buffers_[1].holds(view_.data);
}

uint8_t* Canvas::settle() {
  const bool dense = view_.row_bytes == view_.shape.width * view_.shape.channels;
  if (flipped_ || !dense || !lies_here()) {
    uint8_t* const pixels = other().reserve(bytes_of(view_.shape));
    write(pixels);
    view_ = {pixels, view_.shape.width * view_.shape.channels, view_.shape};
    flipped_ = false;
  }
  return const_cast<uint8_t*>(view_.data);  // of a buffer of ours
}

void Canvas::crop(const Box& box) noexcept {
  Box seen = box;
  if (flipped_) seen.left = view_.shape.width - box.left - box.width;
  view_ = cut(view_, seen);
}

void Canvas::crop_centre(const CenterCrop& step) {
  const int64_t missing_rows = std::max<int64_t>(0, step.height - view_.shape.height);
  const int64_t missing_columns = std::max<int64_t>(0, step.width - view_.shape.width);
  if (missing_rows > 0 || missing_columns > 0) {
    pad({missing_columns / 2,
         missing_rows / 2,
         (missing_columns + 1) / 2,
         (missing_rows + 1) / 2,
         PadMode::kConstant,
         {0}});
  }
  crop(centre_box(step, view_.shape.height, view_.shape.width));
}

void Canvas::resize(const Resampling& how, uint8_t* into) {
  if (how.keeps_pixels()) {
    const Box& window = how.window;
    return crop({window.left - how.left, window.top - how.top, window.width, window.height});
  }
  if (flipped_ || !lies_here()) settle();
  const ImageShape shape{how.window.height, how.window.width, view_.shape.channels};
  uint8_t* const out = into == nullptr ? other().reserve(bytes_of(shape)) : into;
  resample(view_, how, out, between_);
  view_ = {out, shape.width * shape.channels, shape};
}

void Canvas::pad(const Pad& step) {
  settle();
  const ImageShape old = view_.shape;
  const int64_t channels = old.channels;
  const ImageShape shape{old.height + step.top + step.bottom, old.width + step.left + step.right, channels};
  uint8_t* const out = other().reserve(bytes_of(shape));
  const bool constant = step.mode == PadMode::kConstant;
  const auto fill = [&](uint8_t* pixel) {
    for (int64_t c = 0; c < channels; ++c)
      pixel[c] = step.fill[step.fill.size() == 1 ? 0 : static_cast<size_t>(c)];
  };
  for (int64_t y = 0; y < shape.height; ++y) {
    uint8_t* const row = out + y * shape.width * channels;
    const int64_t from_y = y - step.top;
    if (constant && (from_y < 0 || from_y >= old.height)) {
      for (int64_t x = 0; x < shape.width; ++x) fill(row + x * channels);
      continue;
    }
    const uint8_t* const from = view_.row(constant ? from_y : mirrored(from_y, old.height, step.mode));
    const auto outside = [&](int64_t x) {
      if (constant) return fill(row + x * channels);
      std::memcpy(row + x * channels, from + mirrored(x - step.left, old.width, step.mode) * channels,
                  static_cast<size_t>(channels));
    };
    for (int64_t x = 0; x < step.left; ++x) outside(x);
    std::memcpy(row + step.left * channels, from, static_cast<size_t>(old.width * channels));
    for (int64_t x = step.left + old.width; x < shape.width; ++x) outside(x);
  }
  view_ = {out, shape.width * channels, shape};
}

void Canvas::to_rgb() {
  const int64_t channels = view_.shape.channels;
  if (channels == 3) return;
  const ImageShape shape{view_.shape.height, view_.shape.width, 3};
  uint8_t* const out = other().reserve(bytes_of(shape));
  uint8_t* to = out;
  const int64_t green = channels == 4 ? 1 : 0, blue = channels == 4 ? 2 : 0;
  for (int64_t y = 0; y < shape.height; ++y) {
    const uint8_t* from = view_.row(y);
    for (int64_t x = 0; x < shape.width; ++x, from += channels, to += 3) {
      to[0] = from[0];
      to[1] = from[green];
      to[2] = from[blue];
    }
  }
  view_ = {out, shape.width * 3, shape};
}

void Canvas::adjust(Adjustment adjustment, double factor) {
  uint8_t* const pixels = settle();
  tql_engine::adjust(adjustment, factor, view_.shape, pixels);
}

void Canvas::write(uint8_t* out) const {
  if (view_.data == out) return;
  const auto row_bytes = static_cast<size_t>(view_.shape.width * view_.shape.channels);
  for (int64_t y = 0; y < view_.shape.height; ++y, out += row_bytes) {
    if (flipped_) {
      reverse_row(view_.row(y), view_.shape.width, view_.shape.channels, out);
    } else {
      std::memcpy(out, view_.row(y), row_bytes);
    }
  }
}

void Canvas::write(float* out, const FloatTable& table) const {
  const auto [height, width, channels] = view_.shape;
  // A row of all channels at a time: it stays in the first cache.
  for (int64_t y = 0; y < height; ++y) {
    for (int64_t c = 0; c < channels; ++c) {
      const float* const values = table.values.data() + (table.channels == 1 ? 0 : c * 256);
      float* const to = out + (c * height + y) * width;
      if (flipped_) {
        convert_row<true>(view_.row(y) + c, width, channels, values, to);
      } else {
        convert_row<false>(view_.row(y) + c, width, channels, values, to);
      }
    }
  }
}

void Canvas::tidy() noexcept {
  view_ = {};
  for (PixelBuffer& buffer : buffers_) buffer.shrink(kMostKept);
  between_.shrink(kMostKept);
}

}  // namespace tql_engine
