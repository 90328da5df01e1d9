// Pictures in memory: eight bits per sample, the samples of a pixel next to each other.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "tql_engine/codec.h"

namespace tql_engine {

/// Pixels [height, width, channels] of somebody else. Its rows may lie further apart than they are long.
struct ImageView {
  const uint8_t* data = nullptr;
  int64_t row_bytes = 0;
  ImageShape shape;

  const uint8_t* row(int64_t y) const noexcept { return data + y * row_bytes; }
};

/// Whole pixels: columns [left, left + width) of rows [top, top + height).
struct Box {
  int64_t left = 0;
  int64_t top = 0;
  int64_t width = 0;
  int64_t height = 0;

  friend bool operator==(const Box&, const Box&) = default;
};

/// A part of an image, between pixels.
struct FractionalBox {
  double left = 0;
  double top = 0;
  double right = 0;
  double bottom = 0;

  friend bool operator==(const FractionalBox&, const FractionalBox&) = default;
};

/// The part of `image` within `box`, which must lie inside of it. Copies nothing.
inline ImageView cut(const ImageView& image, const Box& box) noexcept {
  return {image.data + box.top * image.row_bytes + box.left * image.shape.channels, image.row_bytes,
          ImageShape{box.height, box.width, image.shape.channels}};
}

/// Memory that one picture after the other is put into.
class PixelBuffer {
 public:
  /// Loops may read, never write, so many bytes behind the last pixel.
  static constexpr size_t kSlack = 64;

  /// Room for `bytes` bytes of any content; what the buffer held is gone.
  uint8_t* reserve(size_t bytes) {
    if (bytes > bytes_) {
      memory_.reset();
      bytes_ = 0;
      memory_.reset(new uint8_t[bytes + kSlack]);  // not make_unique, which would clear it
      bytes_ = bytes;
    }
    return memory_.get();
  }

  bool holds(const uint8_t* pixel) const noexcept {
    return memory_ != nullptr && pixel >= memory_.get() && pixel < memory_.get() + bytes_;
  }

  /// Gives back what a picture of unusual size left behind.
  void shrink(size_t most) noexcept {
    if (bytes_ <= most) return;
    memory_.reset();
    bytes_ = 0;
  }

 private:
  std::unique_ptr<uint8_t[]> memory_;
  size_t bytes_ = 0;
};

}  // namespace tql_engine
