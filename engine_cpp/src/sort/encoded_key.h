// Every key becomes a 64-bit code whose unsigned order is the order of the key. Most comparisons end there;
// only codes that say too little (text beyond 8 bytes, NULL beside a full 64-bit range) look at the values
// again.
#pragma once

#include <cstdint>
#include <vector>

#include "tql_engine/sort.h"

namespace tql_engine {

inline constexpr uint64_t kNullCode = ~uint64_t{0};
/// Codes from here on are those of NaN and NULL, and of the last 64-bit integers.
inline constexpr uint64_t kNanCode = kNullCode - 1;

/// Writes the codes of rows [begin, end) of a column.
using EncodeRange = void (*)(const Column& column, bool descending, int64_t begin, int64_t end,
                             uint64_t* codes) noexcept;
/// Writes the codes of rows begin + picked[0 .. count).
using EncodePicked = void (*)(const Column& column, bool descending, int64_t begin, const uint16_t* picked,
                              int64_t count, uint64_t* codes) noexcept;

/// How values of one kind of key are encoded.
struct Encoder {
  explicit Encoder(Element element) noexcept;

  EncodeRange range;
  EncodePicked picked;
};

/// A key of rows that are all there.
class EncodedKey {
 public:
  explicit EncodedKey(const SortKey& key) noexcept;

  const SortKey& key() const noexcept { return *key_; }
  /// Equal codes mean equal keys.
  bool exact() const noexcept { return exact_; }

  void encode(int64_t begin, int64_t end, uint64_t* codes) const noexcept {
    encoder_.range(key_->column, key_->descending, begin, end, codes);
  }
  uint64_t code(int64_t row) const noexcept {
    uint64_t result;
    encode(row, row + 1, &result);
    return result;
  }

  /// Compares rows with equal codes; negative, 0 or positive.
  int refine(int64_t a, int64_t b) const noexcept;

 private:
  const SortKey* key_;
  Encoder encoder_;
  bool exact_;
};

/// Whether codes of such a key are always exact.
bool has_exact_codes(Element element, bool nullable) noexcept;

struct Entry {
  uint64_t code;  // of the first key
  int64_t row;
};

/// The order of the rows: by the codes of the first key, then by what the keys say, then by row number.
class EntryLess {
 public:
  /// By code and row number alone: for one key with exact codes.
  EntryLess() = default;
  /// `keys` must outlive this.
  explicit EntryLess(const std::vector<EncodedKey>& keys) noexcept
      : keys_(keys.size() == 1 && keys.front().exact() ? nullptr : &keys) {}

  /// There are further keys, or codes that are not exact.
  bool looks_at_rows() const noexcept { return keys_ != nullptr; }

  bool operator()(const Entry& a, const Entry& b) const noexcept {
    if (a.code != b.code) return a.code < b.code;
    return keys_ == nullptr ? a.row < b.row : less_by_rows(a.row, b.row);
  }

 private:
  bool less_by_rows(int64_t a, int64_t b) const noexcept;

  const std::vector<EncodedKey>* keys_ = nullptr;
};

/// Sorts entries, on all threads.
void sort_entries(ThreadPool& pool, std::vector<Entry>& entries, const EntryLess& less);

}  // namespace tql_engine
