// All keys of a sort in one 64-bit code, as far as it has room for them: each key's code less what all rows
// share of it. Most sorts by several keys are one sort of integers then.
#pragma once

#include <cstdint>
#include <vector>

#include "encoded_key.h"

namespace tql_engine {

class PackedKeys {
 public:
  /// Looks at all rows of the keys that may fit. `keys` must outlive this.
  PackedKeys(const std::vector<EncodedKey>& keys, int64_t rows, ThreadPool& pool,
             const Cancellation* cancellation);

  /// Codes take the low bits() bits, 1 to 64.
  int bits() const noexcept { return bits_; }
  /// Equal codes mean rows that are equal in all keys. Otherwise equal codes mean at least that the codes of
  /// the first key are equal, as EntryLess wants.
  bool complete() const noexcept { return complete_; }

  /// Writes the codes of rows [begin, end), at most kMorsel of them.
  void encode(int64_t begin, int64_t end, uint64_t* codes) const noexcept;

  static constexpr int64_t kMorsel = 1 << 13;

 private:
  /// A key's part of the code.
  struct Field {
    const EncodedKey* key;
    uint64_t low;   // the lowest code of a value
    int shift;      // low bits that are the same in all codes
    uint64_t last;  // what NULL becomes; NaN is one less, and values are below
    int offset;     // of the field's lowest bit; negative where low bits are cut off
  };

  const std::vector<EncodedKey>& keys_;
  std::vector<Field> fields_;
  int bits_ = 0;
  bool complete_ = false;
};

}  // namespace tql_engine
