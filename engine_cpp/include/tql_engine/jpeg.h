// Parts of JPEG files, without decoding the rest.
#pragma once

#include <cstdint>
#include <span>

#include "tql_engine/codec.h"
#include "tql_engine/image.h"

namespace tql_engine {

/// Pixels of an image at 1 / `scale` of its size, which rounds up.
struct JpegPart {
  int scale = 1;  ///< 1, 2, 4 or 8
  Box box;        ///< of the scaled image
};

/// The extent of a scaled image.
constexpr int64_t scaled_extent(int64_t extent, int scale) noexcept { return (extent + scale - 1) / scale; }

/// Decodes the pixels of `part` into `buffer`. At scale 1 they are the very ones that decode_jpeg gives. What
/// lies below is not looked at, and what lies beside and above it is not made into pixels. `part` must lie
/// within the image. Throws what decode_jpeg throws; damage to what is not looked at goes unnoticed.
ImageView decode_jpeg_part(std::span<const uint8_t> data, const ImageShape& expected, const JpegPart& part,
                           PixelBuffer& buffer);

}  // namespace tql_engine
