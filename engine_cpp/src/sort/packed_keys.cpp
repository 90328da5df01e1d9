#include "packed_keys.h"

#include <algorithm>
#include <bit>

#include "tql_engine/thread_pool.h"

namespace tql_engine {
namespace {

/// What is known of the codes of a key's values, without those of NaN and NULL. Empty where high < low.
struct CodeRange {
  uint64_t low = kNullCode;
  uint64_t high = 0;
  uint64_t all = ~uint64_t{0};  // bits that are set in all of them
  uint64_t any = 0;             // and in any

  void add(uint64_t code) noexcept {
    if (code >= kNanCode) return;
    low = std::min(low, code);
    high = std::max(high, code);
    all &= code;
    any |= code;
  }
  void add(const CodeRange& other) noexcept {
    low = std::min(low, other.low);
    high = std::max(high, other.high);
    all &= other.all;
    any |= other.any;
  }
};

CodeRange range_of(const EncodedKey& key, int64_t rows, ThreadPool& pool, const Cancellation* cancellation) {
  std::vector<CodeRange> ranges(static_cast<size_t>(pool.threads()));
  pool.parallel_for(
      rows, PackedKeys::kMorsel,
      [&](int64_t begin, int64_t end, int worker) {
        uint64_t codes[PackedKeys::kMorsel];
        key.encode(begin, end, codes);
        CodeRange seen = ranges[static_cast<size_t>(worker)];
        for (int64_t i = 0; i < end - begin; ++i) seen.add(codes[i]);
        ranges[static_cast<size_t>(worker)] = seen;
      },
      cancellation);
  CodeRange total;
  for (const CodeRange& range : ranges) total.add(range);
  return total;
}

}  // namespace

PackedKeys::PackedKeys(const std::vector<EncodedKey>& keys, int64_t rows, ThreadPool& pool,
                       const Cancellation* cancellation)
    : keys_(keys) {
  constexpr int kBits = 64;
  for (const EncodedKey& key : keys_) {
    const CodeRange range = range_of(key, rows, pool, cancellation);
    Field field{&key, range.low, 0, 2, 0};
    if (range.low <= range.high) {
      // Floats widened to double, say, leave their low bits constant.
      const uint64_t differing = range.all ^ range.any;
      field.shift = differing == 0 ? 0 : std::countr_zero(differing);
      field.last = ((range.high - range.low) >> field.shift) + 2;
    }
    bits_ += std::bit_width(field.last);
    field.offset = -bits_;  // from the top, until the width of all is known
    fields_.push_back(field);
    // What follows a key that is not told apart in full cannot decide.
    if (bits_ >= kBits || !key.exact()) break;
  }
  complete_ = bits_ <= kBits && fields_.size() == keys_.size() && keys_.back().exact();
  bits_ = std::min(bits_, kBits);
  for (Field& field : fields_) field.offset += bits_;
}

void PackedKeys::encode(int64_t begin, int64_t end, uint64_t* codes) const noexcept {
  std::fill_n(codes, end - begin, 0);
  uint64_t of_key[kMorsel];
  for (const Field& field : fields_) {
    field.key->encode(begin, end, of_key);
    const int left = std::max(field.offset, 0);
    const int right = std::max(-field.offset, 0);
    for (int64_t i = 0; i < end - begin; ++i) {
      const uint64_t code = of_key[i];
      const uint64_t place = code == kNullCode  ? field.last
                             : code == kNanCode ? field.last - 1
                                                : (code - field.low) >> field.shift;
      codes[i] |= place >> right << left;
    }
  }
}

}  // namespace tql_engine
