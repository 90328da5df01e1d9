// Raw LZ4 blocks.
#include <algorithm>
#include <limits>
#include <string>

#include "tql_engine/codec.h"
#include "tql_engine/status.h"

#if defined(TQL_HAVE_LZ4)
#include <lz4.h>
#endif

namespace tql_engine {

void check_lz4_size(size_t stored, int64_t size) {
  constexpr int64_t kExpansion = 255;  // at most, and a little more for the last literals
  constexpr int64_t kSlack = 64;
  if (size / kExpansion <= static_cast<int64_t>(stored) + kSlack) return;
  throw EngineError(Code::kValue, "an lz4 block of " + std::to_string(stored) + " bytes cannot give " +
                                      std::to_string(size));
}

#if defined(TQL_HAVE_LZ4)
void decode_lz4(std::span<const uint8_t> data, std::span<uint8_t> out) {
  constexpr size_t kLimit = std::numeric_limits<int>::max();  // of the library's interface
  if (data.size() > kLimit || out.size() > kLimit) {
    throw EngineError(Code::kValue,
                      "lz4 block is too large: " + std::to_string(std::max(data.size(), out.size())));
  }
  uint8_t nothing = 0;  // the library wants an address, for no bytes too
  uint8_t* const target = out.empty() ? &nothing : out.data();
  const int size =
      LZ4_decompress_safe(reinterpret_cast<const char*>(data.data()), reinterpret_cast<char*>(target),
                          static_cast<int>(data.size()), static_cast<int>(out.size()));
  if (size < 0)
    throw EngineError(Code::kValue, "lz4 block is damaged, or longer than " + std::to_string(out.size()));
  if (static_cast<size_t>(size) != out.size()) {
    throw EngineError(Code::kValue, "lz4 block gives " + std::to_string(size) + " bytes instead of " +
                                        std::to_string(out.size()));
  }
}
#else
void decode_lz4(std::span<const uint8_t>, std::span<uint8_t>) {
  throw EngineError(Code::kValue, "this build has no lz4 codec");
}
#endif

}  // namespace tql_engine
