// Decoding of single stored items into memory of the caller. No state between items: what an item decodes to
// never depends on another one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tql_engine {

enum class Codec : uint8_t { kRaw, kJpeg, kLz4 };

std::optional<Codec> parse_codec(std::string_view name) noexcept;
std::string_view codec_name(Codec codec) noexcept;

/// Whether this build can decode it. The libraries are optional.
bool has_codec(Codec codec) noexcept;

/// The native codecs of this build, with library and version: {"jpeg", "libjpeg-turbo 2.1.5"}.
std::vector<std::pair<std::string, std::string>> native_codecs();

/// More pixels than this are refused before anything is decoded.
inline constexpr int64_t kMaxPixels = int64_t{1} << 28;

struct ImageShape {
  int64_t height = 0;
  int64_t width = 0;
  int64_t channels = 0;

  friend bool operator==(const ImageShape&, const ImageShape&) = default;
};

/// From the header alone. Throws EngineError(kValue) with the library's message.
ImageShape jpeg_shape(std::span<const uint8_t> data);

/// Decodes to height * width * channels bytes, rows from the top, channels RGB or grey, with the accurate
/// inverse transform and smooth upsampling (what Pillow gives). The header is compared with `expected` before
/// anything is decoded. Throws EngineError(kValue): also for data that ends early or is damaged where libjpeg
/// would go on with a warning, and for images of four components.
void decode_jpeg(std::span<const uint8_t> data, const ImageShape& expected, uint8_t* out);

/// The same for memory that this thread won't read soon.
void stream_jpeg(std::span<const uint8_t> data, const ImageShape& expected, uint8_t* out);

/// Throws EngineError(kValue) if no LZ4 block of `stored` bytes can give `size` bytes. Check it before
/// allocating.
void check_lz4_size(size_t stored, int64_t size);

/// One raw LZ4 block that gives exactly out.size() bytes. Throws EngineError(kValue).
void decode_lz4(std::span<const uint8_t> data, std::span<uint8_t> out);

}  // namespace tql_engine
