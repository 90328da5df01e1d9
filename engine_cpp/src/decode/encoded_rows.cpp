// Checks of what storage says about its rows, before anybody relies on it.
#include "tql_engine/encoded_rows.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <stdexcept>
#include <string>

#include "tql_engine/status.h"
#include "tql_engine/stream_copy.h"
#include "tql_engine/types.h"

namespace tql_engine {
namespace {

[[noreturn]] void refuse(int64_t row, const std::string& message) {
  throw std::invalid_argument("row " + std::to_string(row) + " " + message);
}

int64_t decoded_bytes(std::span<const int64_t> shape, int64_t item_size, int64_t row) {
  const std::optional<int64_t> items = checked_product(shape.data(), static_cast<int>(shape.size()));
  if (!items || *items > std::numeric_limits<int64_t>::max() / item_size)
    refuse(row, "has an impossible shape");
  return *items * item_size;
}

/// What the codec says about a size, so that no damaged file makes anybody allocate without bound.
void check_plausible(Codec codec, int64_t stored, int64_t decoded, int64_t row) {
  switch (codec) {
    case Codec::kRaw:
      if (stored == decoded) return;
      refuse(row, "has " + std::to_string(stored) + " bytes instead of " + std::to_string(decoded));
    case Codec::kLz4:
      try {
        check_lz4_size(static_cast<size_t>(stored), decoded);
      } catch (const EngineError& error) {
        refuse(row, "is damaged: " + error.message());
      }
      return;
    case Codec::kJpeg:
      if (decoded / 4 <= kMaxPixels) return;
      refuse(row, "has too many pixels");
  }
}

}  // namespace

EncodedRows::EncodedRows(Codec codec, int64_t item_size, int rank, const Buffers& buffers,
                         std::span<const int32_t> buffer_index, std::span<const int64_t> offsets,
                         std::span<const int64_t> sizes, std::span<const int64_t> shapes)
    : codec_(codec), rank_(rank), shapes_(shapes.begin(), shapes.end()) {
  const size_t count = buffer_index.size();
  if (offsets.size() != count || sizes.size() != count ||
      shapes.size() != count * static_cast<size_t>(rank)) {
    throw std::invalid_argument("buffer_index, offsets, sizes and shapes must have one entry per row");
  }
  if (item_size <= 0) throw std::invalid_argument("the dtype must have a size");
  rows_.reserve(count);
  for (const StoredBuffer& buffer : buffers) {
    if (buffer.area) areas_.push_back(buffer.area);
  }
  for (size_t i = 0; i < count; ++i) {
    const auto row = static_cast<int64_t>(i);
    if (buffer_index[i] < 0 || static_cast<size_t>(buffer_index[i]) >= buffers.size()) {
      refuse(row, "names a buffer that does not exist: " + std::to_string(buffer_index[i]));
    }
    const auto& [buffer, area] = buffers[static_cast<size_t>(buffer_index[i])];
    const auto length = static_cast<int64_t>(buffer.size());
    if (offsets[i] < 0 || sizes[i] < 0 || offsets[i] > length || sizes[i] > length - offsets[i]) {
      refuse(row, "lies outside of its buffer: " + std::to_string(sizes[i]) + " bytes at " +
                      std::to_string(offsets[i]) + " of " + std::to_string(length));
    }
    const int64_t decoded = decoded_bytes(shape(row), item_size, row);
    check_plausible(codec, sizes[i], decoded, row);
    rows_.push_back({buffer.subspan(static_cast<size_t>(offsets[i]), static_cast<size_t>(sizes[i])), decoded,
                     area.get(), area ? area->part_of(offsets[i], sizes[i]) : 0});
  }
}

std::span<const uint8_t> EncodedRows::stored(int64_t row) const {
  const Row& found = rows_[static_cast<size_t>(row)];
  if (found.area != nullptr) found.area->need(found.part);
  return found.stored;
}

bool EncodedRows::is_read(int64_t row) const noexcept {
  const StoredArea* const area = rows_[static_cast<size_t>(row)].area;
  return area == nullptr || area->is_read();
}

bool EncodedRows::uniform() const noexcept {
  for (int64_t row = 1; row < size(); ++row) {
    if (!std::ranges::equal(shape(0), shape(row))) return false;
  }
  return size() > 0;
}

bool EncodedRows::same(int64_t row, int64_t other) const noexcept {
  return place(row) == place(other) && stored_size(row) == stored_size(other) &&
         std::ranges::equal(shape(row), shape(other));
}

EncodedRows EncodedRows::take(std::span<const int64_t> rows) const {
  EncodedRows taken(codec_, rank_);
  taken.areas_ = areas_;
  taken.rows_.reserve(rows.size());
  taken.shapes_.reserve(rows.size() * static_cast<size_t>(rank_));
  for (const int64_t row : rows) taken.append(*this, row);
  return taken;
}

void EncodedRows::append(const EncodedRows& from, int64_t row) {
  if (row < 0 || row >= from.size()) throw std::out_of_range("row is out of range: " + std::to_string(row));
  rows_.push_back(from.rows_[static_cast<size_t>(row)]);
  const std::span<const int64_t> extents = from.shape(row);
  shapes_.insert(shapes_.end(), extents.begin(), extents.end());
}

EncodedRows EncodedRows::moved(int64_t row, std::span<const uint8_t> stored) const {
  EncodedRows single(codec_, rank_);
  single.append(*this, row);
  single.rows_.front().stored = stored;
  single.rows_.front().area = nullptr;
  return single;
}

std::optional<EncodedRows> EncodedRows::join(const EncodedRows* rows, std::span<const int64_t> slots,
                                             std::span<const EncodedRows* const> singles) {
  if (rows == nullptr && singles.empty()) throw std::out_of_range("there are no rows to join");
  const EncodedRows& first = rows == nullptr ? *singles.front() : *rows;
  const auto fits = [&first](const EncodedRows* single) {
    return single->codec_ == first.codec_ && single->rank_ == first.rank_;
  };
  if (!std::ranges::all_of(singles, fits)) return std::nullopt;
  EncodedRows joined(first.codec_, first.rank_);
  if (rows != nullptr) joined.areas_ = rows->areas_;
  joined.rows_.reserve(slots.size());
  joined.shapes_.reserve(slots.size() * static_cast<size_t>(first.rank_));
  for (const int64_t slot : slots) {
    if (slot >= 0 && rows != nullptr) {
      joined.append(*rows, slot);
    } else if (slot < 0 && static_cast<size_t>(-1 - slot) < singles.size()) {
      joined.append(*singles[static_cast<size_t>(-1 - slot)], 0);
    } else {
      throw std::out_of_range("slot is out of range: " + std::to_string(slot));
    }
  }
  return joined;
}

void EncodedRows::decode(int64_t row, uint8_t* out) const {
  const std::span<const uint8_t> data = stored(row);
  const auto bytes = static_cast<size_t>(decoded_size(row));
  if (data.empty() && bytes == 0) return;  // a row without elements is stored as nothing
  switch (codec_) {
    case Codec::kRaw:
      std::memcpy(out, data.data(), bytes);
      return;
    case Codec::kLz4:
      decode_lz4(data, {out, bytes});
      return;
    case Codec::kJpeg:
      break;
  }
  decode_jpeg(data, image_shape(row), out);
}

void EncodedRows::stream(int64_t row, uint8_t* out) const {
  switch (codec_) {
    case Codec::kRaw:
      stream_copy(out, stored(row).data(), static_cast<size_t>(decoded_size(row)));
      return;
    case Codec::kJpeg:
      if (decoded_size(row) == 0) break;
      stream_jpeg(stored(row), image_shape(row), out);
      return;
    case Codec::kLz4:
      break;
  }
  decode(row, out);
}

ImageShape EncodedRows::image_shape(int64_t row) const {
  if (rank_ != 2 && rank_ != 3)
    throw EngineError(Code::kValue, "an image has 2 or 3 axes, not " + std::to_string(rank_));
  const std::span<const int64_t> extents = shape(row);
  return {extents[0], extents[1], rank_ == 3 ? extents[2] : 1};
}

}  // namespace tql_engine
