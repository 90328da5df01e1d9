// A program runs in two parts. What the first steps say (cut, flip, resize) is worked out before anything is
// decoded, so that a JPEG gives only the pixels that are wanted, and no more of them than needed. The rest is
// done to the pixels.
#include "tql_engine/image_program.h"

#include <algorithm>
#include <optional>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>

#include "canvas.h"
#include "tql_engine/jpeg.h"
#include "tql_engine/status.h"

namespace tql_engine {
namespace {

struct Target {
  int64_t height;
  int64_t width;
  Filter filter;
  bool exact;
};

template <class T>
Target target_of(const T& step, int64_t height, int64_t width) noexcept {
  return {height, width, step.filter, step.exact};
}

bool flips(const RandomHorizontalFlip& step, const RowDraws& draws, uint8_t number) noexcept {
  return draws.uniform(number, 0) < step.probability;
}

void resize_to(Canvas& canvas, const Target& target, uint8_t* into) {
  canvas.resize(Resampling::all(target.filter, canvas.shape(), target.height, target.width), into);
}

Box mirrored(const Box& box, int64_t width) noexcept {
  return {width - box.left - box.width, box.top, box.width, box.height};
}

void jitter(const ColorJitter& step, const RowDraws& draws, uint8_t number, Canvas& canvas) {
  std::array<Adjustment, 4> order = {Adjustment::kBrightness, Adjustment::kContrast, Adjustment::kSaturation,
                                     Adjustment::kHue};
  const std::array<const ColorJitter::Range*, 4> ranges = {&step.brightness, &step.contrast, &step.saturation,
                                                           &step.hue};
  for (uint64_t i = 0; i < 3; ++i) {
    const auto left = static_cast<int64_t>(order.size() - i);
    std::swap(order[i], order[i + static_cast<uint64_t>(draws.below(number, i, left))]);
  }
  for (const Adjustment adjustment : order) {
    const auto which = static_cast<size_t>(adjustment);
    const ColorJitter::Range& range = *ranges[which];
    if (range) canvas.adjust(adjustment, draws.between(number, 3 + which, (*range)[0], (*range)[1]));
  }
}

/// The pixels of a part of a stored picture; `part` has a scale for JPEG files only.
ImageView pixels_of(Codec codec, std::span<const uint8_t> stored, const ImageShape& picture,
                    const JpegPart& part, Canvas& canvas) {
  if (codec == Codec::kJpeg) return decode_jpeg_part(stored, picture, part, canvas.decoded());
  const uint8_t* pixels = stored.data();
  if (codec == Codec::kLz4) {
    const auto bytes = static_cast<size_t>(picture.height * picture.width * picture.channels);
    uint8_t* const decoded = canvas.decoded().reserve(bytes);
    decode_lz4(stored, {decoded, bytes});
    pixels = decoded;
  }
  return cut({pixels, picture.width * picture.channels, picture}, part.box);
}

/// The largest fraction of the size at which a part of `box` is not smaller than the target.
int scale_for(const Box& box, const std::optional<Target>& target) noexcept {
  if (!target || target->exact || target->filter == Filter::kNearest) return 1;
  for (const int scale : {8, 4, 2}) {
    if (box.width >= target->width * scale && box.height >= target->height * scale) return scale;
  }
  return 1;
}

/// Whether what a step does depends on random numbers.
bool draws_numbers(const Step& step) noexcept {
  if (const auto* flip = std::get_if<RandomHorizontalFlip>(&step))
    return flip->probability > 0 && flip->probability < 1;
  return std::holds_alternative<RandomResizedCrop>(step) || std::holds_alternative<ColorJitter>(step);
}

template <class T>
void check_count(const std::vector<T>& values, const char* what, int64_t channels) {
  const auto count = static_cast<int64_t>(values.size());
  if (count == 1 || count == channels) return;
  throw EngineError(Code::kShape, std::string(what) + " has " + std::to_string(count) +
                                      " channels, the image has " + std::to_string(channels));
}

}  // namespace

/// What the first steps come to: a part of the picture, perhaps flipped, perhaps of another size, and perhaps
/// only the middle of that.
struct ImageProgram::Start {
  Box box;
  bool flipped = false;
  bool rgb = false;
  std::optional<Target> target;
  std::optional<Box> window;  // of the target
  size_t next = 0;            // the first step that is left

  void narrow(Box part) noexcept {
    if (flipped) part = mirrored(part, box.width);
    box = {box.left + part.left, box.top + part.top, part.width, part.height};
  }

  /// The box at 1 / `scale` of the picture's size: pixels that hold all of it.
  Box scaled(int scale) const noexcept {
    const int64_t left = box.left / scale, top = box.top / scale;
    return {left, top, scaled_extent(box.left + box.width, scale) - left,
            scaled_extent(box.top + box.height, scale) - top};
  }

  /// From the pixels scaled(scale), as they are seen, to the target.
  Resampling resampling(int scale) const noexcept {
    const Box pixels = scaled(scale);
    Resampling how =
        Resampling::all(target->filter, {pixels.height, pixels.width, 0}, target->height, target->width);
    const auto at = [scale](int64_t pixel, int64_t origin) {
      return static_cast<double>(pixel) / scale - static_cast<double>(origin);
    };
    how.box = {at(box.left, pixels.left), at(box.top, pixels.top), at(box.left + box.width, pixels.left),
               at(box.top + box.height, pixels.top)};
    if (flipped) {
      const auto width = static_cast<double>(pixels.width);
      how.box = {width - how.box.right, how.box.top, width - how.box.left, how.box.bottom};
    }
    if (window) how.window = *window;
    return how;
  }

  /// False if the step can't be done before the picture is there.
  bool take(const Step& step, uint8_t number, const RowDraws& draws) {
    if (target) return take_window(step);
    if (const auto* flip = std::get_if<RandomHorizontalFlip>(&step)) {
      flipped = flipped != flips(*flip, draws, number);
    } else if (const auto* centre = std::get_if<CenterCrop>(&step)) {
      if (centre->height > box.height || centre->width > box.width) return false;
      narrow(centre_box(*centre, box.height, box.width));
    } else if (const auto* random = std::get_if<RandomResizedCrop>(&step)) {
      narrow(random_box(*random, box.height, box.width, draws, number));
      target = target_of(*random, random->height, random->width);
    } else if (const auto* resize = std::get_if<Resize>(&step)) {
      const auto [height, width] = resized_extents(*resize, box.height, box.width);
      target = target_of(*resize, height, width);
    } else if (std::holds_alternative<Rgb>(step)) {
      rgb = true;
    } else {
      return false;
    }
    return true;
  }

  /// What follows on a change of size: the middle may be all that is made of it.
  bool take_window(const Step& step) noexcept {
    const auto* centre = std::get_if<CenterCrop>(&step);
    if (centre == nullptr || window) return false;
    if (centre->height > target->height || centre->width > target->width) return false;
    window = centre_box(*centre, target->height, target->width);
    return true;
  }
};

ImageProgram::ImageProgram(std::vector<Step> steps, uint8_t first_number) : first_number_(first_number) {
  if (first_number + steps.size() > kMostSteps) {
    throw std::invalid_argument("at most " + std::to_string(kMostSteps) + " steps");
  }
  FloatTable table;
  bool floats = false;
  for (Step& step : steps) {
    if (std::holds_alternative<ToFloat>(step)) {
      if (floats) throw std::invalid_argument("ToFloat comes twice");
      floats = true;
      for (int value = 0; value < 256; ++value) table.values.push_back(static_cast<float>(value) / 255.0F);
      step = RandomHorizontalFlip{0};  // steps keep their numbers
    } else if (auto* normalize = std::get_if<Normalize>(&step)) {
      if (!floats) throw std::invalid_argument("Normalize comes before ToFloat");
      const auto count = static_cast<int64_t>(std::max(normalize->mean.size(), normalize->std.size()));
      if (table.channels != 1 && count != 1 && count != table.channels) {
        throw std::invalid_argument("Normalize comes twice, for different numbers of channels");
      }
      FloatTable next;
      next.channels = std::max(table.channels, count);
      for (int64_t c = 0; c < next.channels; ++c) {
        const auto of = [c](const std::vector<float>& list) {
          return list.at(list.size() == 1 ? 0 : static_cast<size_t>(c));
        };
        const float mean = of(normalize->mean), deviation = of(normalize->std);
        const float* const from = table.values.data() + (table.channels == 1 ? 0 : c * 256);
        for (int value = 0; value < 256; ++value) next.values.push_back((from[value] - mean) / deviation);
      }
      table = std::move(next);
      step = RandomHorizontalFlip{0};
    } else if (floats && !std::holds_alternative<RandomHorizontalFlip>(step)) {
      throw std::invalid_argument("only Normalize and RandomHorizontalFlip come after ToFloat");
    }
  }
  steps_ = std::move(steps);
  random_ = std::ranges::any_of(steps_, draws_numbers);
  if (floats) floats_ = std::make_unique<const FloatTable>(std::move(table));
}

ImageProgram::~ImageProgram() = default;

int ImageProgram::jpeg_scale(const ImageShape& picture, const RowDraws& draws) const {
  const Start from = start(picture, draws);
  return scale_for(from.box, from.target);
}

ImageProgram::Start ImageProgram::start(const ImageShape& picture, const RowDraws& draws) const {
  Start start;
  start.box = {0, 0, picture.width, picture.height};
  while (start.next < steps_.size() && start.take(steps_[start.next], number(start.next), draws)) {
    ++start.next;
  }
  return start;
}

ImageShape ImageProgram::shape_of(const ImageShape& picture) const {
  if (picture.channels < 1 || picture.channels > 4) {
    throw EngineError(Code::kShape, "an image has 1 to 4 channels, not " + std::to_string(picture.channels));
  }
  if (picture.height < 1 || picture.width < 1) {
    throw EngineError(Code::kShape, "the image has no pixels");
  }
  int64_t height = picture.height, width = picture.width, channels = picture.channels;
  for (const Step& step : steps_) {
    if (const auto* resize = std::get_if<Resize>(&step)) {
      const auto extents = resized_extents(*resize, height, width);
      height = extents[0];
      width = extents[1];
    } else if (const auto* centre = std::get_if<CenterCrop>(&step)) {
      height = centre->height;
      width = centre->width;
    } else if (const auto* random = std::get_if<RandomResizedCrop>(&step)) {
      height = random->height;
      width = random->width;
    } else if (const auto* pad = std::get_if<Pad>(&step)) {
      const bool reflect = pad->mode == PadMode::kReflect;
      if (reflect || pad->mode == PadMode::kSymmetric) {
        const int64_t less = reflect ? 1 : 0;
        if (std::max(pad->top, pad->bottom) > height - less ||
            std::max(pad->left, pad->right) > width - less) {
          throw EngineError(Code::kShape, "the image is too small to be mirrored into its padding: " +
                                              std::to_string(height) + " x " + std::to_string(width));
        }
      } else if (pad->mode == PadMode::kConstant) {
        check_count(pad->fill, "the fill of Pad", channels);
      }
      height += pad->top + pad->bottom;
      width += pad->left + pad->right;
    } else if (std::holds_alternative<Rgb>(step)) {
      channels = 3;
    }
    if (height > kMaxPixels || width > kMaxPixels || height * width > kMaxPixels) {
      throw EngineError(Code::kShape, "the image would have too many pixels: " + std::to_string(height) +
                                          " x " + std::to_string(width));
    }
  }
  if (floats() && floats_->channels != 1 && floats_->channels != channels) {
    throw EngineError(Code::kShape, "Normalize has " + std::to_string(floats_->channels) +
                                        " channels, the image has " + std::to_string(channels));
  }
  return {height, width, channels};
}

int64_t ImageProgram::bytes_of(const ImageShape& result) const noexcept {
  return result.height * result.width * result.channels * (floats() ? int64_t{sizeof(float)} : 1);
}

void ImageProgram::run(Codec codec, std::span<const uint8_t> stored, const ImageShape& picture,
                       const RowDraws& draws, uint8_t* out) const {
  thread_local Canvas canvas;
  const Start from = start(picture, draws);
  const int scale = codec == Codec::kJpeg ? scale_for(from.box, from.target) : 1;
  Box box = from.scaled(scale);
  std::optional<Resampling> how;
  if (from.target) {
    how = from.resampling(scale);
    Box needed = needed_pixels(*how);
    how->left = needed.left;
    how->top = needed.top;
    if (from.flipped) needed = mirrored(needed, box.width);
    box = {box.left + needed.left, box.top + needed.top, needed.width, needed.height};
  }
  canvas.begin(pixels_of(codec, stored, picture, {scale, box}, canvas), from.flipped);
  if (from.rgb) canvas.to_rgb();
  const bool straight = !floats() && from.next == steps_.size();
  if (how) canvas.resize(*how, straight ? out : nullptr);
  for (size_t i = from.next; i < steps_.size(); ++i) {
    const bool last = !floats() && i + 1 == steps_.size();
    const ImageShape shape = canvas.shape();
    std::visit(
        [&](const auto& step) {
          using T = std::decay_t<decltype(step)>;
          if constexpr (std::is_same_v<T, RandomHorizontalFlip>) {
            if (flips(step, draws, number(i))) canvas.flip();
          } else if constexpr (std::is_same_v<T, CenterCrop>) {
            canvas.crop_centre(step);
          } else if constexpr (std::is_same_v<T, RandomResizedCrop>) {
            canvas.crop(random_box(step, shape.height, shape.width, draws, number(i)));
            resize_to(canvas, target_of(step, step.height, step.width), last ? out : nullptr);
          } else if constexpr (std::is_same_v<T, Resize>) {
            const auto [height, width] = resized_extents(step, shape.height, shape.width);
            resize_to(canvas, target_of(step, height, width), last ? out : nullptr);
          } else if constexpr (std::is_same_v<T, Pad>) {
            canvas.pad(step);
          } else if constexpr (std::is_same_v<T, Rgb>) {
            canvas.to_rgb();
          } else if constexpr (std::is_same_v<T, ColorJitter>) {
            jitter(step, draws, number(i), canvas);
          }
        },
        steps_[i]);
  }
  if (floats()) {
    canvas.write(reinterpret_cast<float*>(out), *floats_);
  } else {
    canvas.write(out);
  }
  canvas.tidy();
}

}  // namespace tql_engine
