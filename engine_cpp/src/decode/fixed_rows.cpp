// Finding rows of one size, and copying them next to each other.
#include "tql_engine/fixed_rows.h"

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <limits>
#include <stdexcept>
#include <string>

namespace tql_engine {
namespace {

/// Bytes ahead of the copy that are asked of memory. Rows in random order are nothing that the processor
/// foresees; two to four kilobytes, measured on rows of 784 bytes, are enough and stay in the first cache.
constexpr int64_t kAheadBytes = 3072;
constexpr int64_t kMostRowsAhead = 16;
constexpr int64_t kCacheLine = 64;

[[noreturn]] void refuse(int64_t row) {
  throw std::out_of_range("row " + std::to_string(row) + " is in none of the pieces");
}

/// Number of the last of `count` > 0 ascending firsts that is not behind `row`, or 0. Without branches:
/// shuffled rows would have half of those of a common search predicted wrongly.
template <class FirstOf>
size_t last_not_behind(size_t count, int64_t row, const FirstOf& first_of) noexcept {
  size_t at = 0;
  while (count > 1) {
    const size_t half = count / 2;
    at += first_of(at + half) <= row ? half : 0;
    count -= half;
  }
  return at;
}

template <size_t kBytes>
void gather_small(std::span<const uint8_t* const> sources, uint8_t* out) noexcept {
  for (const uint8_t* const source : sources) {
    std::memcpy(out, source, kBytes);
    out += kBytes;
  }
}

}  // namespace

FixedRows::FixedRows(int64_t row_bytes, std::span<const Piece> pieces, std::span<const int64_t> rows)
    : row_bytes_(row_bytes), sources_(rows.size()) {
  if (row_bytes <= 0) throw std::invalid_argument("rows must have a size");
  struct Place {
    int64_t first;
    uint64_t count;
    const uint8_t* bytes;
  };
  std::vector<Place> places;
  int64_t behind = 0;  // the row behind the last piece
  for (const Piece& piece : pieces) {
    const auto bytes = static_cast<int64_t>(piece.bytes.size());
    const int64_t count = bytes / row_bytes;
    if (count * row_bytes != bytes) throw std::invalid_argument("a piece holds part of a row");
    if (piece.first < behind || piece.first > std::numeric_limits<int64_t>::max() - count) {
      throw std::invalid_argument("pieces must ascend and not overlap");
    }
    behind = piece.first + count;
    places.push_back({piece.first, static_cast<uint64_t>(count), piece.bytes.data()});
  }
  if (places.empty()) {
    if (!rows.empty()) refuse(rows.front());
    return;
  }
  const auto source = [row_bytes](const Place& place, int64_t row) {
    const uint64_t within = static_cast<uint64_t>(row) - static_cast<uint64_t>(place.first);
    if (within >= place.count) refuse(row);
    return place.bytes + within * static_cast<uint64_t>(row_bytes);
  };
  if (places.size() == 1) {
    const Place only = places.front();
    std::ranges::transform(rows, sources_.begin(), [&](int64_t row) { return source(only, row); });
    return;
  }
  const auto first_of = [&places](size_t i) { return places[i].first; };
  std::ranges::transform(rows, sources_.begin(), [&](int64_t row) {
    return source(places[last_not_behind(places.size(), row, first_of)], row);
  });
}

void FixedRows::gather(int64_t first, int64_t last, uint8_t* out) const noexcept {
  const std::span<const uint8_t* const> sources =
      std::span(sources_).subspan(static_cast<size_t>(first), static_cast<size_t>(last - first));
  switch (row_bytes_) {
    case 1:
      return gather_small<1>(sources, out);
    case 2:
      return gather_small<2>(sources, out);
    case 4:
      return gather_small<4>(sources, out);
    case 8:
      return gather_small<8>(sources, out);
    default:
      break;
  }
  const auto bytes = static_cast<size_t>(row_bytes_);
  const auto ahead = static_cast<size_t>(std::clamp<int64_t>(kAheadBytes / row_bytes_, 1, kMostRowsAhead));
  const int64_t asked = std::min(row_bytes_, kAheadBytes);  // the processor foresees the rest of a large row
  for (size_t row = 0; row < sources.size(); ++row) {
    if (row + ahead < sources.size()) {
      const uint8_t* const next = sources[row + ahead];
      for (int64_t at = 0; at < asked; at += kCacheLine) __builtin_prefetch(next + at);
      __builtin_prefetch(next + asked - 1);
    }
    std::memcpy(out, sources[row], bytes);
    out += bytes;
  }
}

std::vector<int64_t> ranges_with(std::span<const int64_t> lasts, std::span<const int64_t> rows) {
  std::vector<uint8_t> found(lasts.size());
  const int64_t end = lasts.empty() ? 0 : lasts.back() + 1;
  // A range begins behind the last row of the one before.
  const auto first_of = [&lasts](size_t i) { return i == 0 ? 0 : lasts[i - 1] + 1; };
  for (const int64_t row : rows) {
    if (row < 0 || row >= end) refuse(row);
    found[last_not_behind(lasts.size(), row, first_of)] = 1;
  }
  std::vector<int64_t> ranges;
  for (size_t i = 0; i < found.size(); ++i) {
    if (found[i] != 0) ranges.push_back(static_cast<int64_t>(i));
  }
  return ranges;
}

}  // namespace tql_engine
