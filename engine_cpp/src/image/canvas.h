// One picture while steps are applied to it, and the memory that goes with that.
#pragma once

#include <cstdint>

#include "tql_engine/colour.h"
#include "tql_engine/image.h"
#include "tql_engine/transforms.h"

namespace tql_engine {

/// What each sample becomes: [channels][256], made once for a program.
struct FloatTable {
  int64_t channels = 1;  ///< 1 stands for any number of them
  std::vector<float> values;
};

class Canvas {
 public:
  /// Where a picture that is decoded comes to lie. The pictures before it are gone then.
  PixelBuffer& decoded() noexcept { return buffers_[0]; }

  /// Starts with this picture, which must outlive what follows. `flipped`: its columns come in reverse.
  void begin(const ImageView& picture, bool flipped) noexcept {
    view_ = picture;
    flipped_ = flipped;
  }

  const ImageShape& shape() const noexcept { return view_.shape; }

  void flip() noexcept { flipped_ = !flipped_; }
  void crop(const Box& box) noexcept;
  void crop_centre(const CenterCrop& step);
  /// `how` speaks of the picture as it is seen. Where `into` is not null, the result goes there.
  void resize(const Resampling& how, uint8_t* into = nullptr);
  void pad(const Pad& step);
  void to_rgb();
  void adjust(Adjustment adjustment, double factor);

  /// Rows back to back.
  void write(uint8_t* out) const;
  /// One channel after the other.
  void write(float* out, const FloatTable& table) const;

  /// Gives back what an unusually large picture took.
  void tidy() noexcept;

 private:
  /// A buffer that the picture does not lie in.
  PixelBuffer& other() noexcept { return buffers_[buffers_[0].holds(view_.data) ? 1 : 0]; }
  /// The picture in memory of its own, as it is seen, rows back to back.
  uint8_t* settle();
  bool lies_here() const noexcept;

  ImageView view_;
  bool flipped_ = false;
  PixelBuffer buffers_[2];
  PixelBuffer between_;  // the two directions of a resampling
};

}  // namespace tql_engine
