// Names of the codecs, and which of them this build has.
#include "tql_engine/codec.h"

#include <array>

#if defined(TQL_HAVE_JPEG)
// clang-format off: jpeglib.h needs cstdio
#include <cstdio>
#include <jpeglib.h>
// clang-format on
#endif
#if defined(TQL_HAVE_LZ4)
#include <lz4.h>
#endif

#define TQL_TEXT_OF_VALUE(value) #value
#define TQL_TEXT_OF(macro) TQL_TEXT_OF_VALUE(macro)

namespace tql_engine {
namespace {

constexpr std::array<std::string_view, 3> kNames = {"raw", "jpeg", "lz4"};

}  // namespace

std::optional<Codec> parse_codec(std::string_view name) noexcept {
  for (size_t i = 0; i < kNames.size(); ++i) {
    if (kNames[i] == name) return static_cast<Codec>(i);
  }
  return std::nullopt;
}

std::string_view codec_name(Codec codec) noexcept { return kNames[static_cast<size_t>(codec)]; }

bool has_codec(Codec codec) noexcept {
  switch (codec) {
    case Codec::kRaw:
      break;
    case Codec::kJpeg:
#if !defined(TQL_HAVE_JPEG)
      return false;
#endif
      break;
    case Codec::kLz4:
#if !defined(TQL_HAVE_LZ4)
      return false;
#endif
      break;
  }
  return true;
}

std::vector<std::pair<std::string, std::string>> native_codecs() {
  std::vector<std::pair<std::string, std::string>> codecs;
#if defined(TQL_HAVE_JPEG) && defined(LIBJPEG_TURBO_VERSION)
  codecs.emplace_back("jpeg", "libjpeg-turbo " TQL_TEXT_OF(LIBJPEG_TURBO_VERSION));
#elif defined(TQL_HAVE_JPEG)
  codecs.emplace_back("jpeg", "libjpeg " TQL_TEXT_OF(JPEG_LIB_VERSION));
#endif
#if defined(TQL_HAVE_LZ4)
  codecs.emplace_back("lz4", std::string("lz4 ") + LZ4_versionString());
#endif
  return codecs;
}

}  // namespace tql_engine
