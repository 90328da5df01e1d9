#include "tql_engine/stream_copy.h"

#include <cstring>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace tql_engine {

#if defined(__SSE2__)
namespace {

constexpr size_t kLarge = size_t{1} << 15;
constexpr size_t kLine = 64;

}  // namespace

void stream_copy(uint8_t* to, const uint8_t* from, size_t bytes) noexcept {
  if (bytes >= kLarge) {
    const size_t head = -reinterpret_cast<uintptr_t>(to) % kLine;
    std::memcpy(to, from, head);
    to += head;
    from += head;
    bytes -= head;
    for (; bytes >= kLine; bytes -= kLine, to += kLine, from += kLine) {
      const auto* const in = reinterpret_cast<const __m128i*>(from);
      auto* const out = reinterpret_cast<__m128i*>(to);
      const __m128i first = _mm_loadu_si128(in), second = _mm_loadu_si128(in + 1),
                    third = _mm_loadu_si128(in + 2), fourth = _mm_loadu_si128(in + 3);
      _mm_stream_si128(out, first);
      _mm_stream_si128(out + 1, second);
      _mm_stream_si128(out + 2, third);
      _mm_stream_si128(out + 3, fourth);
    }
    _mm_sfence();  // such stores are seen in any order otherwise, even by who takes a lock after this
  }
  if (bytes > 0) std::memcpy(to, from, bytes);
}
#else
void stream_copy(uint8_t* to, const uint8_t* from, size_t bytes) noexcept {
  if (bytes > 0) std::memcpy(to, from, bytes);
}
#endif

}  // namespace tql_engine
