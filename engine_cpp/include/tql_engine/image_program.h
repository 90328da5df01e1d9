// Steps in a row, from the stored bytes of a picture to what the batch holds.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "tql_engine/codec.h"
#include "tql_engine/transforms.h"

namespace tql_engine {

struct FloatTable;

/// Immutable, for any number of threads.
class ImageProgram {
 public:
  /// Steps at most.
  static constexpr size_t kMostSteps = 64;

  /// Step i draws the random numbers of step `first_number` + i. Throws std::invalid_argument for steps that
  /// make no sense, alone or together.
  ImageProgram(std::vector<Step> steps, uint8_t first_number);
  ~ImageProgram();
  ImageProgram(const ImageProgram&) = delete;
  ImageProgram& operator=(const ImageProgram&) = delete;

  /// Whether the result is float32 [channels, height, width]; else it is uint8 [height, width, channels].
  bool floats() const noexcept { return floats_ != nullptr; }

  /// Whether two runs for one picture may differ.
  bool random() const noexcept { return random_; }

  /// Height, width and channels of what becomes of such a picture. Throws EngineError(kShape) for one that
  /// the steps can't be applied to.
  ImageShape shape_of(const ImageShape& picture) const;
  int64_t bytes_of(const ImageShape& result) const noexcept;

  /// At which fraction 1 / n of its size a JPEG is decoded that is such a picture.
  int jpeg_scale(const ImageShape& picture, const RowDraws& draws) const;

  /// Fills `out`. Throws EngineError(kValue) for damaged bytes.
  void run(Codec codec, std::span<const uint8_t> stored, const ImageShape& picture, const RowDraws& draws,
           uint8_t* out) const;

 private:
  struct Start;

  Start start(const ImageShape& picture, const RowDraws& draws) const;
  uint8_t number(size_t step) const noexcept { return static_cast<uint8_t>(first_number_ + step); }

  std::vector<Step> steps_;  // those on bytes, in order; and flips
  std::unique_ptr<const FloatTable> floats_;
  uint8_t first_number_;
  bool random_ = false;
};

}  // namespace tql_engine
