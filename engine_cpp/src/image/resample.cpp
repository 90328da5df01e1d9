// Separable resampling in whole numbers, so that every instruction set gives the same bytes.
//
// The weights are those of Pillow's ImagingResample (Lundh, Clark and others): a filter stretched by the
// scale where it is more than one, evaluated at the middle of the pixels, normalised, in fixed point.
#include "tql_engine/resample.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <vector>

#include "tql_engine/simd.h"

namespace tql_engine {
namespace {

/// [first, end)
struct PixelSpan {
  int64_t first;
  int64_t end;
};

constexpr int kWeightBits = 22;  // 255 times a sum of weights of 1.0 fits into 31 bits
constexpr int32_t kHalf = 1 << (kWeightBits - 1);

/// Which pixels make up each new one, in one direction.
struct Taps {
  std::vector<int64_t> first;    // [size]
  std::vector<int32_t> count;    // [size], at least 1
  std::vector<int32_t> weights;  // [size, most]
  int64_t most = 0;

  const int32_t* weights_of(int64_t i) const noexcept { return weights.data() + i * most; }
};

double triangle(double x) noexcept { return std::max(0.0, 1.0 - std::abs(x)); }

/// From the part [begin, end) of `pixels` pixels to `size` of them, in one direction.
struct Mapping {
  int64_t pixels;
  double begin;
  double end;
  int64_t size;

  double step() const noexcept { return (end - begin) / static_cast<double>(size); }
  double stretch() const noexcept { return std::max(step(), 1.0); }
  double centre(int64_t i) const noexcept { return begin + (static_cast<double>(i) + 0.5) * step(); }

  /// The pixels that new pixel i is made of: the triangle reaches one stretched step to both sides.
  PixelSpan bilinear(int64_t i) const noexcept {
    return {std::max<int64_t>(0, static_cast<int64_t>(centre(i) - stretch() + 0.5)),
            std::min(pixels, static_cast<int64_t>(centre(i) + stretch() + 0.5))};
  }
  int64_t nearest(int64_t i) const noexcept {
    return std::clamp<int64_t>(static_cast<int64_t>(centre(i)), 0, pixels - 1);
  }
  PixelSpan needed(Filter filter, int64_t first, int64_t count) const noexcept {
    const int64_t last = first + count - 1;
    if (filter == Filter::kNearest) return {nearest(first), nearest(last) + 1};
    return {bilinear(first).first, bilinear(last).end};
  }
};

Mapping columns_of(const Resampling& how) noexcept {
  return {how.width, how.box.left, how.box.right, how.new_width};
}
Mapping rows_of(const Resampling& how) noexcept {
  return {how.height, how.box.top, how.box.bottom, how.new_height};
}

/// Of `size` new pixels from `first` on. Pixels are counted from `origin`.
void bilinear_taps(const Mapping& mapping, int64_t first, int64_t size, int64_t origin, Taps& taps) {
  const double stretch = mapping.stretch();
  taps.most = static_cast<int64_t>(std::ceil(stretch)) * 2 + 1;
  taps.first.resize(static_cast<size_t>(size));
  taps.count.resize(static_cast<size_t>(size));
  taps.weights.assign(static_cast<size_t>(size * taps.most), 0);
  std::vector<double> exact(static_cast<size_t>(taps.most));
  const double shrink = 1.0 / stretch;
  for (int64_t i = 0; i < size; ++i) {
    const double centre = mapping.centre(first + i);
    const auto [from, to] = mapping.bilinear(first + i);
    const auto count = std::min(to - from, taps.most);
    double sum = 0;
    for (int64_t k = 0; k < count; ++k) {
      const double weight = triangle((static_cast<double>(k + from) - centre + 0.5) * shrink);
      exact[static_cast<size_t>(k)] = weight;
      sum += weight;
    }
    int32_t* const weights = taps.weights.data() + i * taps.most;
    for (int64_t k = 0; k < count; ++k) {
      const double weight = sum == 0 ? 0 : exact[static_cast<size_t>(k)] / sum;
      weights[k] = static_cast<int32_t>(0.5 + weight * (1 << kWeightBits));
    }
    taps.first[static_cast<size_t>(i)] = from - origin;
    taps.count[static_cast<size_t>(i)] = static_cast<int32_t>(count);
  }
}

// Four samples at a time: those of a pixel and, where it has fewer, some of the next one, which nobody looks
// at.
using Bytes4 [[gnu::vector_size(4)]] = uint8_t;
using Sums4 [[gnu::vector_size(16)]] = int32_t;

[[gnu::always_inline]] inline Sums4 widen(const uint8_t* at) noexcept {
  Bytes4 bytes;
  std::memcpy(&bytes, at, sizeof(bytes));
  return __builtin_convertvector(bytes, Sums4);
}

template <int channels>
[[gnu::always_inline]] inline void put(const Sums4& sums, uint8_t* out) noexcept {
  // No clamp: weights are not negative and add up to 1.0 but for their rounding, far below a half.
  for (int c = 0; c < channels; ++c) out[c] = static_cast<uint8_t>(std::min(sums[c] >> kWeightBits, 255));
}

/// `rows` rows of `from` at once to the new width: their sums do not wait for each other.
template <int channels, int rows>
[[gnu::always_inline]] inline void narrow_rows(const uint8_t* from, int64_t row_bytes, const Taps& taps,
                                               int64_t width, uint8_t* out) noexcept {
  for (int64_t x = 0; x < width; ++x) {
    const int32_t* const weights = taps.weights_of(x);
    const uint8_t* const at = from + taps.first[static_cast<size_t>(x)] * channels;
    const int32_t count = taps.count[static_cast<size_t>(x)];
    Sums4 sums[rows];
    for (int r = 0; r < rows; ++r) sums[r] = Sums4{kHalf, kHalf, kHalf, kHalf};
    for (int32_t k = 0; k < count; ++k) {
      const Sums4 weight = {weights[k], weights[k], weights[k], weights[k]};
      for (int r = 0; r < rows; ++r) sums[r] += weight * widen(at + r * row_bytes + k * channels);
    }
    for (int r = 0; r < rows; ++r) put<channels>(sums[r], out + (r * width + x) * channels);
  }
}

template <int channels>
[[gnu::always_inline]] inline void narrow(const ImageView& from, const Taps& taps, int64_t width,
                                          uint8_t* out) noexcept {
  constexpr int kRows = 4;
  const int64_t height = from.shape.height;
  int64_t y = 0;
  for (; y + kRows <= height; y += kRows) {
    narrow_rows<channels, kRows>(from.row(y), from.row_bytes, taps, width, out + y * width * channels);
  }
  for (; y < height; ++y) {
    narrow_rows<channels, 1>(from.row(y), from.row_bytes, taps, width, out + y * width * channels);
  }
}

[[gnu::always_inline]] inline void narrow_any(const ImageView& from, const Taps& taps, int64_t width,
                                              uint8_t* out) noexcept {
  switch (from.shape.channels) {
    case 1:
      return narrow<1>(from, taps, width, out);
    case 2:
      return narrow<2>(from, taps, width, out);
    case 3:
      return narrow<3>(from, taps, width, out);
    default:
      return narrow<4>(from, taps, width, out);
  }
}

/// `samples` sums side by side, over the rows of one tap each.
template <int samples>
[[gnu::always_inline]] inline void flatten_some(const uint8_t* from, int64_t row_bytes,
                                                const int32_t* weights, int32_t count,
                                                uint8_t* out) noexcept {
  int32_t sums[samples];
  for (int j = 0; j < samples; ++j) sums[j] = kHalf;
  for (int32_t k = 0; k < count; ++k) {
    const uint8_t* const row = from + k * row_bytes;
    const int32_t weight = weights[k];
    for (int j = 0; j < samples; ++j) sums[j] += weight * row[j];
  }
  for (int j = 0; j < samples; ++j) out[j] = static_cast<uint8_t>(std::min(sums[j] >> kWeightBits, 255));
}

[[gnu::always_inline]] inline void flatten_all(const ImageView& from, const Taps& taps, int64_t height,
                                               uint8_t* out) noexcept {
  constexpr int kSamples = 32;
  const int64_t row_samples = from.shape.width * from.shape.channels;
  for (int64_t y = 0; y < height; ++y) {
    const int32_t* const weights = taps.weights_of(y);
    const uint8_t* const row = from.row(taps.first[static_cast<size_t>(y)]);
    const int32_t count = taps.count[static_cast<size_t>(y)];
    uint8_t* const to = out + y * row_samples;
    int64_t x = 0;
    for (; x + kSamples <= row_samples; x += kSamples) {
      flatten_some<kSamples>(row + x, from.row_bytes, weights, count, to + x);
    }
    for (; x < row_samples; ++x) flatten_some<1>(row + x, from.row_bytes, weights, count, to + x);
  }
}

void narrow_base(const ImageView& from, const Taps& taps, int64_t width, uint8_t* out) noexcept {
  narrow_any(from, taps, width, out);
}
void flatten_base(const ImageView& from, const Taps& taps, int64_t height, uint8_t* out) noexcept {
  flatten_all(from, taps, height, out);
}

#if defined(__x86_64__)
[[gnu::target("avx2")]] void narrow_avx2(const ImageView& from, const Taps& taps, int64_t width,
                                         uint8_t* out) noexcept {
  narrow_any(from, taps, width, out);
}
[[gnu::target("avx2")]] void flatten_avx2(const ImageView& from, const Taps& taps, int64_t height,
                                          uint8_t* out) noexcept {
  flatten_all(from, taps, height, out);
}
[[gnu::target("avx512bw,avx512vl,avx512dq,prefer-vector-width=512")]] void flatten_avx512(
    const ImageView& from, const Taps& taps, int64_t height, uint8_t* out) noexcept {
  flatten_all(from, taps, height, out);
}
#endif

using Pass = void (*)(const ImageView&, const Taps&, int64_t, uint8_t*) noexcept;

/// To another width. Wider vectors don't help here: a pixel has four samples at most.
Pass narrow_pass() noexcept {
#if defined(__x86_64__)
  if (simd_level() >= SimdLevel::kAvx2) return &narrow_avx2;
#endif
  return &narrow_base;
}

/// To another height.
Pass flatten_pass() noexcept {
#if defined(__x86_64__)
  if (simd_level() == SimdLevel::kAvx512) return &flatten_avx512;
  if (simd_level() == SimdLevel::kAvx2) return &flatten_avx2;
#endif
  return &flatten_base;
}

void nearest(const ImageView& from, const Resampling& how, uint8_t* out) {
  const Box& window = how.window;
  const Mapping across = columns_of(how), down = rows_of(how);
  std::vector<int64_t> columns(static_cast<size_t>(window.width));
  for (int64_t x = 0; x < window.width; ++x) {
    columns[static_cast<size_t>(x)] = (across.nearest(window.left + x) - how.left) * from.shape.channels;
  }
  for (int64_t y = 0; y < window.height; ++y) {
    const uint8_t* const row = from.row(down.nearest(window.top + y) - how.top);
    for (const int64_t at : columns) out = std::copy_n(row + at, from.shape.channels, out);
  }
}

}  // namespace

Box needed_pixels(const Resampling& how) noexcept {
  const Box& window = how.window;
  if (how.keeps_pixels()) return window;
  const PixelSpan across = columns_of(how).needed(how.filter, window.left, window.width);
  const PixelSpan down = rows_of(how).needed(how.filter, window.top, window.height);
  return {across.first, down.first, across.end - across.first, down.end - down.first};
}

void resample(const ImageView& from, const Resampling& how, uint8_t* out, PixelBuffer& scratch) {
  if (how.filter == Filter::kNearest) return nearest(from, how, out);
  const Box& window = how.window;
  thread_local Taps columns, rows;
  bilinear_taps(columns_of(how), window.left, window.width, how.left, columns);
  bilinear_taps(rows_of(how), window.top, window.height, how.top, rows);
  // Only the rows that the second pass looks at.
  const int64_t top = rows.first.front();
  const int64_t bottom = rows.first.back() + rows.count.back();
  for (int64_t& first : rows.first) first -= top;
  const ImageView seen = cut(from, {0, top, from.shape.width, bottom - top});
  const ImageShape between{bottom - top, window.width, from.shape.channels};
  uint8_t* const narrowed =
      scratch.reserve(static_cast<size_t>(between.height * between.width * between.channels));
  narrow_pass()(seen, columns, window.width, narrowed);
  flatten_pass()({narrowed, between.width * between.channels, between}, rows, window.height, out);
}

}  // namespace tql_engine
