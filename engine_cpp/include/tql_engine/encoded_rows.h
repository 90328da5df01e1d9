// Where the stored bytes of rows lie and what they decode to.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "tql_engine/codec.h"
#include "tql_engine/stored_area.h"

namespace tql_engine {

/// Bytes in memory, of somebody else who keeps them alive; or in files, read when a row of them is needed.
struct StoredBuffer {
  std::span<const uint8_t> bytes;
  std::shared_ptr<StoredArea> area;  ///< sealed; null for bytes in memory
};

/// Immutable once made. All but the bytes in memory is copied, so that what was checked stays true.
class EncodedRows {
 public:
  using Buffers = std::vector<StoredBuffer>;

  /// Row i is bytes [offsets[i], offsets[i] + sizes[i]) of buffer buffer_index[i]; shapes is [rows * rank].
  /// Throws std::invalid_argument unless all lengths agree, every row lies within its buffer, shapes are
  /// possible, and raw rows have as many bytes as their shape says.
  EncodedRows(Codec codec, int64_t item_size, int rank, const Buffers& buffers,
              std::span<const int32_t> buffer_index, std::span<const int64_t> offsets,
              std::span<const int64_t> sizes, std::span<const int64_t> shapes);

  int64_t size() const noexcept { return static_cast<int64_t>(rows_.size()); }
  Codec codec() const noexcept { return codec_; }
  int rank() const noexcept { return rank_; }

  /// Reads them where that is not done yet. Throws EngineError if they can't be read.
  std::span<const uint8_t> stored(int64_t row) const;
  /// Where the stored bytes are or will be: equal rows of one batch may share them.
  const uint8_t* place(int64_t row) const noexcept { return rows_[static_cast<size_t>(row)].stored.data(); }
  size_t stored_size(int64_t row) const noexcept { return rows_[static_cast<size_t>(row)].stored.size(); }
  bool is_read(int64_t row) const noexcept;
  /// What rows lie in that may still have to be read.
  std::span<const std::shared_ptr<StoredArea>> areas() const noexcept { return areas_; }
  /// Bytes of the decoded row.
  int64_t decoded_size(int64_t row) const noexcept { return rows_[static_cast<size_t>(row)].decoded_size; }
  /// [rank]
  std::span<const int64_t> shape(int64_t row) const noexcept {
    return std::span(shapes_).subspan(static_cast<size_t>(row * rank_), static_cast<size_t>(rank_));
  }
  std::span<const int64_t> shapes() const noexcept { return shapes_; }
  /// Of a row of rank 2 (one channel) or 3. Throws EngineError(kValue) for another rank.
  ImageShape image_shape(int64_t row) const;
  /// Every row has one shape, and there is one.
  bool uniform() const noexcept;
  /// Same stored bytes, same shape.
  bool same(int64_t row, int64_t other) const noexcept;

  /// Throws std::out_of_range.
  EncodedRows take(std::span<const int64_t> rows) const;
  /// One row, whose stored bytes were copied to `stored`.
  EncodedRows moved(int64_t row, std::span<const uint8_t> stored) const;
  /// A row for each slot: row slots[i] of `rows`, which may be null, where that is not negative, else the
  /// only row of singles[-1 - slots[i]], which lies in memory. Nothing if they differ in codec or rank.
  /// Throws std::out_of_range.
  static std::optional<EncodedRows> join(const EncodedRows* rows, std::span<const int64_t> slots,
                                         std::span<const EncodedRows* const> singles);

  /// Decodes one row into decoded_size(row) bytes. Throws EngineError(kValue).
  void decode(int64_t row, uint8_t* out) const;
  /// The same to memory that this thread won't read soon.
  void stream(int64_t row, uint8_t* out) const;

 private:
  struct Row {
    std::span<const uint8_t> stored;
    int64_t decoded_size;
    StoredArea* area;  // one of areas_, null for bytes in memory
    size_t part;       // of the area
  };

  EncodedRows(Codec codec, int rank) : codec_(codec), rank_(rank) {}
  void append(const EncodedRows& from, int64_t row);

  Codec codec_;
  int rank_;
  std::vector<Row> rows_;
  std::vector<std::shared_ptr<StoredArea>> areas_;
  std::vector<int64_t> shapes_;
};

}  // namespace tql_engine
