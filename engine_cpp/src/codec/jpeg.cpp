// JPEG through libjpeg-turbo. The library reports errors by longjmp, so whatever runs under a guard holds no
// object with a destructor.
#include "tql_engine/jpeg.h"

#include <algorithm>
#include <string>

#include "tql_engine/status.h"
#include "tql_engine/stream_copy.h"

#if defined(TQL_HAVE_JPEG)
// clang-format off: each needs the one before it
#include <csetjmp>
#include <cstdio>
#include <jpeglib.h>
#include <jerror.h>
// clang-format on
#endif

namespace tql_engine {

#if defined(TQL_HAVE_JPEG)
namespace {

// A progressive file may hold any number of scans, each of which costs a pass over the whole image.
constexpr int kMaxScans = 500;

struct Failure {
  jpeg_error_mgr manager;  // first: the library hands out a pointer to it
  std::jmp_buf jump;
  char message[JMSG_LENGTH_MAX];
};

[[noreturn]] void fail(j_common_ptr info) {
  auto* failure = reinterpret_cast<Failure*>(info->err);
  failure->manager.format_message(info, failure->message);
  std::longjmp(failure->jump, 1);
}

/// Warnings after which pixels are missing or invented. Others are about what surrounds the pixels.
bool damages_pixels(int code) noexcept {
  return code == JWRN_HIT_MARKER || code == JWRN_HUFF_BAD_CODE || code == JWRN_JPEG_EOF ||
         code == JWRN_MUST_RESYNC || code == JWRN_ARITH_BAD_CODE;
}

void on_message(j_common_ptr info, int level) {
  if (level < 0 && damages_pixels(info->err->msg_code)) fail(info);
}

void on_progress(j_common_ptr info) {
  const auto* decompress = reinterpret_cast<j_decompress_ptr>(info);
  if (decompress->input_scan_number <= kMaxScans) return;
  auto* failure = reinterpret_cast<Failure*>(info->err);
  std::snprintf(failure->message, sizeof(failure->message), "more than %d scans", kMaxScans);
  std::longjmp(failure->jump, 1);
}

/// One image. Not reused for the next: tables that a file fails to define would be those of the file before
/// it.
class Decompressor {
 public:
  explicit Decompressor(std::span<const uint8_t> data) {
    info_.err = jpeg_std_error(&failure_.manager);
    failure_.manager.error_exit = fail;
    failure_.manager.emit_message = on_message;
    progress_.progress_monitor = on_progress;
    if (!guarded([&] { jpeg_create_decompress(&info_); })) raise();
    const bool read = guarded([&] {
      jpeg_mem_src(&info_, data.data(), static_cast<unsigned long>(data.size()));
      jpeg_read_header(&info_, TRUE);
    });
    if (!read) {
      jpeg_destroy_decompress(&info_);
      raise();
    }
  }

  ~Decompressor() { jpeg_destroy_decompress(&info_); }
  Decompressor(const Decompressor&) = delete;
  Decompressor& operator=(const Decompressor&) = delete;

  ImageShape shape() const noexcept {
    return {static_cast<int64_t>(info_.image_height), static_cast<int64_t>(info_.image_width),
            info_.num_components};
  }

  void decode(uint8_t* out) {
    const auto row_bytes = static_cast<size_t>(info_.image_width) * static_cast<size_t>(info_.num_components);
    const bool decoded = guarded([&] {
      start(1);
      read_rows(0, info_.output_height, out, row_bytes);
    });
    if (!decoded) raise();
  }

  /// The same in strips that fit the nearest caches; from there they go past them.
  void stream(uint8_t* out, PixelBuffer& buffer) {
    constexpr size_t kStripBytes = size_t{1} << 16;
    const auto row_bytes = static_cast<size_t>(info_.image_width) * static_cast<size_t>(info_.num_components);
    const auto strip = static_cast<JDIMENSION>(std::max<size_t>(1, kStripBytes / row_bytes));
    uint8_t* const pixels = buffer.reserve(strip * row_bytes);
    const bool decoded = guarded([&] {
      start(1);
      for (JDIMENSION first = 0; first < info_.output_height; first += strip) {
        const JDIMENSION end = std::min(info_.output_height, first + strip);
        read_rows(first, end, pixels, row_bytes);
        stream_copy(out + first * row_bytes, pixels, (end - first) * row_bytes);
      }
    });
    if (!decoded) raise();
  }

  ImageView decode_part(const JpegPart& part, PixelBuffer& buffer) {
    const auto channels = static_cast<size_t>(info_.num_components);
    const Box& box = part.box;
    JDIMENSION left = 0, width = 0, top = 0;
    const bool started = guarded([&] {
      start(part.scale);
      width = info_.output_width;
#if defined(LIBJPEG_TURBO_VERSION)
      // Smoothly upsampled colour looks at the pixels beside it.
      constexpr JDIMENSION kMargin = 4;
      const auto first = static_cast<JDIMENSION>(box.left),
                 end = static_cast<JDIMENSION>(box.left + box.width);
      left = first > kMargin ? first - kMargin : 0;
      width = std::min(info_.output_width, end + kMargin) - left;
      if (width < info_.output_width) {
        jpeg_crop_scanline(&info_, &left, &width);
      } else {
        left = 0;
      }
      if (box.top > 0) top = jpeg_skip_scanlines(&info_, static_cast<JDIMENSION>(box.top));
#endif
    });
    if (!started) raise();
    const size_t row_bytes = width * channels;
    const auto bottom = static_cast<JDIMENSION>(box.top + box.height);
    uint8_t* const pixels = buffer.reserve((bottom - top) * row_bytes);
    const bool decoded = guarded([&] { read_rows(top, bottom, pixels, row_bytes); });
    if (!decoded) raise();
    const ImageView rows{pixels,
                         static_cast<int64_t>(row_bytes),
                         {bottom - top, static_cast<int64_t>(width), info_.num_components}};
    return cut(rows, {box.left - left, box.top - top, box.width, box.height});
  }

 private:
  void start(int scale) {
    info_.out_color_space = info_.num_components == 1 ? JCS_GRAYSCALE : JCS_RGB;
    info_.dct_method = JDCT_ISLOW;
    info_.do_fancy_upsampling = TRUE;
    info_.scale_num = 1;
    info_.scale_denom = static_cast<unsigned>(scale);
    if (info_.progressive_mode) info_.progress = &progress_;
    jpeg_start_decompress(&info_);
  }

  /// The rows [first, end), back to back.
  void read_rows(JDIMENSION first, JDIMENSION end, uint8_t* out, size_t row_bytes) {
    while (info_.output_scanline < end) {
      constexpr JDIMENSION kRows = 4;  // of one call the library never makes more
      JSAMPROW rows[kRows];
      const JDIMENSION count = std::min(kRows, end - info_.output_scanline);
      for (JDIMENSION i = 0; i < count; ++i) rows[i] = out + (info_.output_scanline - first + i) * row_bytes;
      jpeg_read_scanlines(&info_, rows, count);
    }
  }

  /// False if the library failed meanwhile: the message is in failure_.
  template <class Body>
  bool guarded(const Body& body) {
    if (setjmp(failure_.jump) != 0) return false;
    body();
    return true;
  }

  [[noreturn]] void raise() const { throw EngineError(Code::kValue, failure_.message); }

  jpeg_decompress_struct info_{};
  jpeg_progress_mgr progress_{};
  Failure failure_{};
};

std::string text_of(const ImageShape& shape) {
  return std::to_string(shape.height) + " x " + std::to_string(shape.width) + " x " +
         std::to_string(shape.channels);
}

void check_header(const ImageShape& shape, const ImageShape& expected) {
  if (shape != expected) {
    throw EngineError(Code::kValue, "image is " + text_of(shape) + " instead of " + text_of(expected));
  }
  if (shape.channels != 1 && shape.channels != 3) {
    throw EngineError(Code::kValue, "images of " + std::to_string(shape.channels) +
                                        " components (CMYK, YCCK) are not decoded natively");
  }
  if (shape.height * shape.width > kMaxPixels) {  // the library allows 65500 in each direction
    throw EngineError(Code::kValue, "image has too many pixels: " + text_of(shape));
  }
}

}  // namespace

ImageShape jpeg_shape(std::span<const uint8_t> data) { return Decompressor(data).shape(); }

void decode_jpeg(std::span<const uint8_t> data, const ImageShape& expected, uint8_t* out) {
  Decompressor image(data);
  check_header(image.shape(), expected);
  image.decode(out);
}

void stream_jpeg(std::span<const uint8_t> data, const ImageShape& expected, uint8_t* out) {
  thread_local PixelBuffer buffer;
  Decompressor image(data);
  check_header(image.shape(), expected);
  image.stream(out, buffer);
}

ImageView decode_jpeg_part(std::span<const uint8_t> data, const ImageShape& expected, const JpegPart& part,
                           PixelBuffer& buffer) {
  Decompressor image(data);
  check_header(image.shape(), expected);
  return image.decode_part(part, buffer);
}
#else
ImageShape jpeg_shape(std::span<const uint8_t>) {
  throw EngineError(Code::kValue, "this build has no jpeg codec");
}

void decode_jpeg(std::span<const uint8_t>, const ImageShape&, uint8_t*) {
  throw EngineError(Code::kValue, "this build has no jpeg codec");
}

void stream_jpeg(std::span<const uint8_t>, const ImageShape&, uint8_t*) {
  throw EngineError(Code::kValue, "this build has no jpeg codec");
}

ImageView decode_jpeg_part(std::span<const uint8_t>, const ImageShape&, const JpegPart&, PixelBuffer&) {
  throw EngineError(Code::kValue, "this build has no jpeg codec");
}
#endif

}  // namespace tql_engine
