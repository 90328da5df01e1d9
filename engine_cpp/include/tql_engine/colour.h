// Brightness, contrast, saturation and hue, in place: the bytes that Pillow gives.
#pragma once

#include <cstdint>

#include "tql_engine/image.h"

namespace tql_engine {

/// One number for each of the four adjustments. Pictures of one channel or with alpha (2, 4) keep the alpha;
/// those without colour have neither saturation nor hue.
enum class Adjustment : uint8_t { kBrightness, kContrast, kSaturation, kHue };

/// Adjusts `pixels`, which lie back to back. `factor`: 1 leaves brightness, contrast and saturation as they
/// are; hue is a part of a turn, from -0.5 to 0.5. As PIL.ImageEnhance does it (a blend with black, with the
/// mean luma, with the luma), and hue in eight-bit HSV.
void adjust(Adjustment adjustment, double factor, const ImageShape& shape, uint8_t* pixels);

}  // namespace tql_engine
