// Sets of rows: whole words at a time.
#include <algorithm>
#include <bit>

#include "expand.h"
#include "tql_engine/selection.h"

namespace tql_engine {
namespace {

constexpr uint64_t kAll = ~uint64_t{0};

uint64_t low_bits(int64_t count) noexcept { return count >= Bitmap::kWordBits ? kAll : ~(kAll << count); }

}  // namespace

void Bitmap::insert_range(int64_t begin, int64_t end) noexcept {
  while (begin < end) {
    const int64_t offset = begin % kWordBits;
    const int64_t bits = std::min(kWordBits - offset, end - begin);
    words()[word(begin)] |= low_bits(bits) << offset;
    begin += bits;
  }
}

int64_t Bitmap::count(int64_t begin, int64_t end) const noexcept {
  if (begin >= end) return 0;
  const size_t first = word(begin);
  const size_t last = word(end - 1);
  const uint64_t head = kAll << (begin % kWordBits);
  const uint64_t tail = low_bits((end - 1) % kWordBits + 1);
  if (first == last) return std::popcount(words()[first] & head & tail);
  return std::popcount(words()[first] & head) + std::popcount(words()[last] & tail) +
         count_bits(words().subspan(first + 1, last - first - 1));
}

}  // namespace tql_engine
