// What can be done to pictures on their way into a batch, as data. Names, arguments and meaning are those of
// torchvision.transforms; which random numbers they draw is ours.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <variant>
#include <vector>

#include "tql_engine/random.h"
#include "tql_engine/resample.h"

namespace tql_engine {

/// The random numbers of one picture: functions of seed, epoch and its place in the epoch alone. Every step
/// of a program has its own.
class RowDraws {
 public:
  /// Draws of one step.
  static constexpr uint64_t kMost = 64;

  RowDraws(uint64_t seed, uint64_t epoch, uint64_t place) noexcept
      : seed_(seed), epoch_(epoch), place_(place) {}

  /// Number `draw` < kMost of step `step` < 64, in [0, 1).
  double uniform(uint8_t step, uint64_t draw) const noexcept {
    // Domains below are those of the sampling and shuffling of rows. 2^49 places.
    return RandomStream(seed_, epoch_, static_cast<uint8_t>(kFirstDomain + step))
        .uniform(place_ * kMost + draw);
  }
  /// In [low, high).
  double between(uint8_t step, uint64_t draw, double low, double high) const noexcept {
    return low + (high - low) * uniform(step, draw);
  }
  /// In [0, bound).
  int64_t below(uint8_t step, uint64_t draw, int64_t bound) const noexcept {
    return static_cast<int64_t>(uniform(step, draw) * static_cast<double>(bound));
  }

 private:
  static constexpr int kFirstDomain = 128;

  uint64_t seed_;
  uint64_t epoch_;
  uint64_t place_;
};

/// To height x width, or, where `width` is 0, the shorter side to `height` and the other in proportion, but
/// not above `max_size` where that is not 0. `exact`: never from a JPEG decoded at a fraction of its size.
struct Resize {
  int64_t height = 0;
  int64_t width = 0;
  int64_t max_size = 0;
  Filter filter = Filter::kBilinear;
  bool exact = false;
};

/// The middle of the picture; what it lacks is black.
struct CenterCrop {
  int64_t height = 0;
  int64_t width = 0;
};

/// A part of random area and proportion (width to height), resized.
struct RandomResizedCrop {
  int64_t height = 0;
  int64_t width = 0;
  std::array<double, 2> scale{};
  std::array<double, 2> ratio{};
  Filter filter = Filter::kBilinear;
  bool exact = false;
};

struct RandomHorizontalFlip {
  double probability = 0.5;
};

/// Factors from these ranges, in random order. As Pillow's ImageEnhance does it, and hue by turning the H of
/// eight-bit HSV.
struct ColorJitter {
  using Range = std::optional<std::array<double, 2>>;
  Range brightness;
  Range contrast;
  Range saturation;
  Range hue;
};

enum class PadMode : uint8_t { kConstant, kEdge, kReflect, kSymmetric };

struct Pad {
  int64_t left = 0;
  int64_t top = 0;
  int64_t right = 0;
  int64_t bottom = 0;
  PadMode mode = PadMode::kConstant;
  std::vector<uint8_t> fill;  ///< one for all channels, or one for each
};

/// Three channels: grey three times over, alpha left out.
struct Rgb {};

/// float32 [channels, height, width], from 0 to 1.
struct ToFloat {};

/// (x - mean) / std, after ToFloat. One number for all channels, or one for each.
struct Normalize {
  std::vector<float> mean;
  std::vector<float> std;
};

using Step = std::variant<Resize, CenterCrop, RandomResizedCrop, RandomHorizontalFlip, ColorJitter, Pad, Rgb,
                          ToFloat, Normalize>;

/// Where to cut and how large the result must be, for each step that does it. All in whole pixels.
Box centre_box(const CenterCrop& step, int64_t height, int64_t width) noexcept;
Box random_box(const RandomResizedCrop& step, int64_t height, int64_t width, const RowDraws& draws,
               uint8_t number) noexcept;
/// [height, width]
std::array<int64_t, 2> resized_extents(const Resize& step, int64_t height, int64_t width) noexcept;

}  // namespace tql_engine
