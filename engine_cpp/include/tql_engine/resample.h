// Pictures of another size.
#pragma once

#include <cstdint>

#include "tql_engine/image.h"

namespace tql_engine {

enum class Filter : uint8_t { kNearest, kBilinear };

/// Fills `out`, rows back to back, with the part `box` of `from` at the size `shape`. Nothing outside of
/// `from` counts.
///
/// Bilinear is Pillow's: a triangle as wide as the step where the picture gets smaller, the rows first, then
/// the columns, each rounded to eight bits, weights of 22 bits. The bytes of
/// `PIL.Image.resize(box=...)` where that does not take the columns first. Nearest takes the pixel in which
/// the middle of the new one lies.
///
/// `from` must be readable for PixelBuffer::kSlack bytes behind its last pixel. `scratch` holds the picture
/// between the two directions.
void resample(const ImageView& from, const FractionalBox& box, Filter filter, const ImageShape& shape,
              uint8_t* out, PixelBuffer& scratch);

}  // namespace tql_engine
