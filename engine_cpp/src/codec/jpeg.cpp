// JPEG through libjpeg-turbo. The library reports errors by longjmp, so whatever runs under a guard holds no
// object with a destructor.
#include <algorithm>
#include <string>

#include "tql_engine/codec.h"
#include "tql_engine/status.h"

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
      info_.out_color_space = info_.num_components == 1 ? JCS_GRAYSCALE : JCS_RGB;
      info_.dct_method = JDCT_ISLOW;
      info_.do_fancy_upsampling = TRUE;
      if (info_.progressive_mode) info_.progress = &progress_;
      jpeg_start_decompress(&info_);
      while (info_.output_scanline < info_.output_height) {
        constexpr JDIMENSION kRows = 16;
        JSAMPROW rows[kRows];
        const JDIMENSION count = std::min(kRows, info_.output_height - info_.output_scanline);
        for (JDIMENSION i = 0; i < count; ++i) rows[i] = out + (info_.output_scanline + i) * row_bytes;
        jpeg_read_scanlines(&info_, rows, count);
      }
    });
    if (!decoded) raise();
  }

 private:
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

}  // namespace

ImageShape jpeg_shape(std::span<const uint8_t> data) { return Decompressor(data).shape(); }

void decode_jpeg(std::span<const uint8_t> data, const ImageShape& expected, uint8_t* out) {
  Decompressor image(data);
  const ImageShape shape = image.shape();
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
  image.decode(out);
}
#else
ImageShape jpeg_shape(std::span<const uint8_t>) {
  throw EngineError(Code::kValue, "this build has no jpeg codec");
}

void decode_jpeg(std::span<const uint8_t>, const ImageShape&, uint8_t*) {
  throw EngineError(Code::kValue, "this build has no jpeg codec");
}
#endif

}  // namespace tql_engine
