// Pictures of another size.
#pragma once

#include <cstdint>

#include "tql_engine/image.h"

namespace tql_engine {

enum class Filter : uint8_t { kNearest, kBilinear };

/// What becomes of a picture, and which part of that is wanted.
struct Resampling {
  Filter filter = Filter::kBilinear;
  int64_t height = 0;  ///< of the picture
  int64_t width = 0;
  FractionalBox box;       ///< the part of the picture that is resized
  int64_t new_height = 0;  ///< what that becomes
  int64_t new_width = 0;
  Box window;  ///< the pixels of the result that are wanted
  /// Where in the picture the pixels begin that are at hand; all needed_pixels() must be.
  int64_t top = 0;
  int64_t left = 0;

  /// Everything, at another size.
  static Resampling all(Filter filter, const ImageShape& picture, int64_t height, int64_t width) noexcept {
    return {filter,
            picture.height,
            picture.width,
            {0, 0, static_cast<double>(picture.width), static_cast<double>(picture.height)},
            height,
            width,
            {0, 0, width, height},
            0,
            0};
  }

  /// Whether pixels stay as they are, those of the window.
  bool keeps_pixels() const noexcept {
    const FractionalBox whole{0, 0, static_cast<double>(width), static_cast<double>(height)};
    return box == whole && new_height == height && new_width == width;
  }
};

/// The pixels of the picture that the window depends on.
Box needed_pixels(const Resampling& how) noexcept;

/// Fills `out`, rows back to back, with the window. The pixels do not depend on its extent.
///
/// Bilinear is Pillow's: a triangle as wide as the step where the picture gets smaller, the rows first, then
/// the columns, each rounded to eight bits, weights of 22 bits. The bytes of
/// `PIL.Image.resize(box=...)` where that does not take the columns first. Nearest takes the pixel in which
/// the middle of the new one lies.
///
/// `from` must be readable for PixelBuffer::kSlack bytes behind its last pixel. `scratch` holds the picture
/// between the two directions.
void resample(const ImageView& from, const Resampling& how, uint8_t* out, PixelBuffer& scratch);

}  // namespace tql_engine
