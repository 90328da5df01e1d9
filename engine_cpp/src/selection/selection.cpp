// The three forms of a selection behind one face. Each is immutable; what is made on demand is made once.
#include "tql_engine/selection.h"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <mutex>
#include <numeric>
#include <string>

#include "expand.h"
#include "tql_engine/draws.h"
#include "tql_engine/heap_array.h"
#include "tql_engine/row_weights.h"
#include "tql_engine/status.h"
#include "tql_engine/thread_pool.h"

namespace tql_engine {
namespace {

constexpr int64_t kMorsel = 1 << 16;
// Words between two entries of the directory that finds a position in a bitmap.
constexpr int64_t kDirectoryWords = 64;
constexpr int64_t kDirectoryRows = kDirectoryWords * Bitmap::kWordBits;

/// The position of the set bit number `rank` of a word that has more than `rank` of them.
int select_bit(uint64_t word, int64_t rank) noexcept {
  for (; rank > 0; --rank) word &= word - 1;
  return std::countr_zero(word);
}

template <class Body>
void for_morsels(ThreadPool* pool, int64_t count, int64_t morsel, const Body& body) {
  if (pool != nullptr) {
    pool->parallel_for(count, morsel, [&body](int64_t begin, int64_t end, int) { body(begin, end); });
  } else if (count > 0) {
    body(0, count);
  }
}

template <class Body>
void for_morsels(ThreadPool* pool, int64_t count, const Body& body) {
  for_morsels(pool, count, kMorsel, body);
}

}  // namespace

class Selection::Rows {
 public:
  Rows(int64_t start, int64_t stop) : kind_(Kind::kRange), size_(stop - start), start_(start), bound_(stop) {}

  Rows(Bitmap bitmap, int64_t count, int64_t start, int64_t bound)
      : kind_(Kind::kBitmap), size_(count), start_(start), bound_(bound), bitmap_(std::move(bitmap)) {}

  Rows(HeapArray<int64_t> indices, int64_t bound, bool ascending)
      : kind_(Kind::kIndices),
        size_(static_cast<int64_t>(indices.values().size())),
        ascending_(ascending),
        bound_(bound),
        indices_(std::move(indices)) {}

  explicit Rows(std::shared_ptr<const Draws> draws)
      : kind_(Kind::kIndices),
        size_(draws->size()),
        ascending_(size_ <= 1),
        bound_(draws->row_bound()),
        draws_(std::move(draws)) {}

  Kind kind() const noexcept { return kind_; }
  const std::shared_ptr<const Draws>& draws() const noexcept { return draws_; }
  int64_t size() const noexcept { return size_; }
  bool ascending() const noexcept { return ascending_; }
  int64_t start() const noexcept { return start_; }
  int64_t bound() const noexcept { return bound_; }
  const Bitmap& bitmap() const noexcept { return bitmap_; }

  std::span<const int64_t> indices(ThreadPool* pool) const {
    if (kind_ == Kind::kIndices && draws_ == nullptr) return indices_.values();
    std::call_once(made_once_, [this, pool] {
      if (draws_ != nullptr) {
        made_ = draws_->rows(pool != nullptr ? *pool : ThreadPool::shared());
        return;
      }
      if (kind_ == Kind::kBitmap)
        directory(pool);  // not from inside the parallel loop: it is made under a lock
      HeapArray<int64_t> made(static_cast<size_t>(size_));
      for_morsels(pool, size_, [&](int64_t begin, int64_t end) {
        copy(begin, made.values().subspan(static_cast<size_t>(begin), static_cast<size_t>(end - begin)));
      });
      made_ = std::move(made);
    });
    return made_.values();
  }

  void copy(int64_t first, std::span<int64_t> out) const {
    if (out.empty()) return;
    switch (kind_) {
      case Kind::kRange:
        std::iota(out.begin(), out.end(), start_ + first);
        return;
      case Kind::kIndices:
        std::copy_n(indices(nullptr).begin() + first, out.size(), out.begin());
        return;
      case Kind::kBitmap:
        copy_from_bitmap(first, out);
        return;
    }
  }

  /// The row at a position of a bitmap.
  int64_t row_at(int64_t position) const {
    const std::vector<int64_t>& before = directory();
    const auto entry = std::upper_bound(before.begin(), before.end(), position) - before.begin() - 1;
    int64_t rank = position - before[static_cast<size_t>(entry)];
    size_t word = static_cast<size_t>(entry * kDirectoryWords);
    for (;; ++word) {
      const int64_t rows = std::popcount(bitmap_.words()[word]);
      if (rank < rows) break;
      rank -= rows;
    }
    return static_cast<int64_t>(word) * Bitmap::kWordBits + select_bit(bitmap_.words()[word], rank);
  }

  /// How many rows of a bitmap lie below `row`, which is within it.
  int64_t rank_in_bitmap(int64_t row) const {
    const int64_t entry = row / kDirectoryRows;
    return directory()[static_cast<size_t>(entry)] + bitmap_.count(entry * kDirectoryRows, row);
  }

 private:
  // Set bits before each run of kDirectoryWords words.
  const std::vector<int64_t>& directory(ThreadPool* pool = nullptr) const {
    std::call_once(directory_made_, [this, pool] {
      const int64_t runs = bitmap_.size() / kDirectoryRows;  // whole ones
      directory_.resize(static_cast<size_t>(runs) + 1);
      for_morsels(pool, runs, kMorsel / kDirectoryWords, [&](int64_t begin, int64_t end) {
        for (int64_t run = begin; run < end; ++run) {
          directory_[static_cast<size_t>(run) + 1] =
              bitmap_.count(run * kDirectoryRows, (run + 1) * kDirectoryRows);
        }
      });
      std::partial_sum(directory_.begin(), directory_.end(), directory_.begin());
    });
    return directory_;
  }

  void copy_from_bitmap(int64_t first, std::span<int64_t> out) const {
    const std::span<const uint64_t> words = bitmap_.words();
    const int64_t row = row_at(first);
    const auto word = static_cast<size_t>(row / Bitmap::kWordBits);
    const uint64_t bits = words[word] & (~uint64_t{0} << (row % Bitmap::kWordBits));
    const auto base = static_cast<int64_t>(word) * Bitmap::kWordBits;
    const size_t done = expand_bits({&bits, 1}, base, out);
    expand_bits(words.subspan(word + 1), base + Bitmap::kWordBits, out.subspan(done));
  }

  const Kind kind_;
  const int64_t size_;
  const bool ascending_ = true;
  const int64_t start_ = 0;
  const int64_t bound_;
  const Bitmap bitmap_;
  mutable std::once_flag directory_made_;
  mutable std::vector<int64_t> directory_;
  mutable std::once_flag made_once_;
  mutable HeapArray<int64_t> made_;
  const HeapArray<int64_t> indices_;
  const std::shared_ptr<const Draws> draws_;
};

Selection Selection::from_draws(std::shared_ptr<const Draws> draws) {
  if (draws->size() == 0)
    return range(0, 0).with_weights(std::make_shared<const RowWeights>(HeapArray<double>()));
  const auto weights = std::make_shared<const RowWeights>(
      static_cast<size_t>(draws->size()), [draws] { return draws->weights(ThreadPool::shared()); });
  return Selection(std::make_shared<const Rows>(draws), weights);
}

const std::shared_ptr<const Draws>& Selection::draws() const noexcept { return rows_->draws(); }

Selection Selection::range(int64_t start, int64_t stop) {
  if (stop <= start) return Selection(std::make_shared<const Rows>(0, 0));
  return Selection(std::make_shared<const Rows>(start, stop));
}

Selection Selection::from_bitmap(Bitmap bitmap, int64_t count) {
  const std::span<const uint64_t> words = bitmap.words();
  if (count < 0) count = bitmap.count();
  if (count == 0) return range(0, 0);
  const auto set = [](uint64_t word) { return word != 0; };
  const auto first_word = std::find_if(words.begin(), words.end(), set) - words.begin();
  const auto last_word = words.rend() - std::find_if(words.rbegin(), words.rend(), set) - 1;
  const int64_t first =
      first_word * Bitmap::kWordBits + std::countr_zero(words[static_cast<size_t>(first_word)]);
  const int64_t bound =
      (last_word + 1) * Bitmap::kWordBits - std::countl_zero(words[static_cast<size_t>(last_word)]);
  if (bound - first == count) return range(first, bound);
  if (count * Bitmap::kWordBits < bitmap.size()) {  // 8 bytes per row against 1 bit per row of the source
    HeapArray<int64_t> indices(static_cast<size_t>(count));
    expand_bits(words.subspan(static_cast<size_t>(first_word)), first_word * Bitmap::kWordBits,
                indices.values());
    return Selection(std::make_shared<const Rows>(std::move(indices), bound, true));
  }
  return Selection(std::make_shared<const Rows>(std::move(bitmap), count, first, bound));
}

Selection Selection::from_indices(const std::vector<int64_t>& indices) {
  HeapArray<int64_t> copy(indices.size());
  std::copy(indices.begin(), indices.end(), copy.values().begin());
  return from_indices(std::move(copy));
}

Selection Selection::from_indices(HeapArray<int64_t> indices, ThreadPool* pool) {
  const std::span<const int64_t> rows = std::as_const(indices).values();
  if (rows.empty()) return range(0, 0);
  std::atomic<bool> ascending = true;
  std::atomic<bool> contiguous = true;
  std::atomic<int64_t> largest = rows.front();
  for_morsels(pool, static_cast<int64_t>(rows.size()) - 1, [&](int64_t begin, int64_t end) {
    bool upwards = true;
    bool in_steps = true;
    int64_t top = 0;
    for (auto i = static_cast<size_t>(begin); i < static_cast<size_t>(end); ++i) {
      upwards &= rows[i] < rows[i + 1];
      in_steps &= rows[i] + 1 == rows[i + 1];
      top = std::max(top, rows[i + 1]);
    }
    if (!upwards) ascending.store(false, std::memory_order_relaxed);
    if (!in_steps) contiguous.store(false, std::memory_order_relaxed);
    int64_t known = largest.load(std::memory_order_relaxed);
    while (known < top && !largest.compare_exchange_weak(known, top, std::memory_order_relaxed)) {
    }
  });
  if (contiguous) return range(rows.front(), rows.back() + 1);
  return Selection(std::make_shared<const Rows>(std::move(indices), largest + 1, ascending));
}

Selection Selection::from_mask(std::span<const uint8_t> mask) {
  Bitmap bitmap(static_cast<int64_t>(mask.size()));
  const std::span<uint64_t> words = bitmap.words();
  for (size_t word = 0; word < words.size(); ++word) {
    const auto bytes = mask.subspan(word * 64, std::min<size_t>(64, mask.size() - word * 64));
    uint64_t bits = 0;
    for (size_t i = 0; i < bytes.size(); ++i) bits |= uint64_t{bytes[i] != 0} << i;
    words[word] = bits;
  }
  return from_bitmap(std::move(bitmap));
}

int64_t Selection::size() const noexcept { return rows_->size(); }
Selection::Kind Selection::kind() const noexcept { return rows_->kind(); }
bool Selection::ascending() const noexcept { return rows_->ascending(); }
int64_t Selection::row_bound() const noexcept { return rows_->bound(); }

std::span<const int64_t> Selection::indices(ThreadPool* pool) const { return rows_->indices(pool); }

void Selection::copy_rows(int64_t first, std::span<int64_t> out) const { rows_->copy(first, out); }

Bitmap Selection::to_bitmap(int64_t size) const {
  Bitmap bitmap(size);
  switch (kind()) {
    case Kind::kRange:
      bitmap.insert_range(rows_->start(), rows_->bound());
      break;
    case Kind::kBitmap: {
      const auto words = rows_->bitmap().words();
      std::copy_n(words.begin(), std::min(words.size(), bitmap.words().size()), bitmap.words().begin());
      break;
    }
    case Kind::kIndices:
      for (const int64_t row : rows_->indices(nullptr)) bitmap.insert(row);
      break;
  }
  return bitmap;
}

bool Selection::contains(int64_t row) const noexcept {
  if (row < 0 || row >= rows_->bound()) return false;
  switch (kind()) {
    case Kind::kRange:
      return row >= rows_->start();
    case Kind::kBitmap:
      return rows_->bitmap().contains(row);
    case Kind::kIndices:
      break;
  }
  const std::span<const int64_t> rows = rows_->indices(nullptr);
  return std::binary_search(rows.begin(), rows.end(), row);
}

int64_t Selection::rank(int64_t row) const {
  if (row >= rows_->bound()) return size();
  switch (kind()) {
    case Kind::kRange:
      return std::max<int64_t>(0, row - rows_->start());
    case Kind::kBitmap:
      return row <= 0 ? 0 : rows_->rank_in_bitmap(row);
    case Kind::kIndices:
      break;
  }
  const std::span<const int64_t> rows = rows_->indices(nullptr);
  return std::lower_bound(rows.begin(), rows.end(), row) - rows.begin();
}

Selection Selection::slice(int64_t start, int64_t count) const {
  start = std::clamp<int64_t>(start, 0, size());
  count = std::clamp<int64_t>(count, 0, size() - start);
  if (count == size()) return *this;
  Selection part;
  if (count > 0) {
    switch (kind()) {
      case Kind::kRange:
        part = range(rows_->start() + start, rows_->start() + start + count);
        break;
      case Kind::kBitmap: {
        const int64_t first = rows_->row_at(start);
        const int64_t bound = rows_->row_at(start + count - 1) + 1;
        Bitmap bitmap(bound);
        const auto words = rows_->bitmap().words();
        const auto kept = bitmap.words();
        const auto first_word = static_cast<size_t>(first / Bitmap::kWordBits);
        std::copy(words.begin() + static_cast<ptrdiff_t>(first_word),
                  words.begin() + static_cast<ptrdiff_t>(kept.size()),
                  kept.begin() + static_cast<ptrdiff_t>(first_word));
        kept[first_word] &= ~uint64_t{0} << (first % Bitmap::kWordBits);
        kept.back() &= ~uint64_t{0} >> (Bitmap::kWordBits - 1 - (bound - 1) % Bitmap::kWordBits);
        part = from_bitmap(std::move(bitmap), count);
        break;
      }
      case Kind::kIndices: {
        const auto rows =
            rows_->indices(nullptr).subspan(static_cast<size_t>(start), static_cast<size_t>(count));
        part = from_indices(std::vector<int64_t>(rows.begin(), rows.end()));
        break;
      }
    }
  }
  if (weights_ != nullptr) {
    HeapArray<double> weights(static_cast<size_t>(count));
    std::copy_n(weights_->values().begin() + start, count, weights.values().begin());
    part.weights_ = std::make_shared<const RowWeights>(std::move(weights));
  }
  return part;
}

Selection Selection::select(std::span<const int64_t> positions, ThreadPool* pool) const {
  const int64_t rows = size();
  // Listing all rows of a set pays only if many of them are asked for.
  constexpr int64_t kFewRows = 16;
  const bool look_up = kind() == Kind::kBitmap && static_cast<int64_t>(positions.size()) < rows / kFewRows;
  const bool listed = kind() != Kind::kRange && !look_up;
  const std::span<const int64_t> source = listed ? indices(pool) : std::span<const int64_t>();
  const int64_t start = rows_->start();
  // Made before the loop below, which could not run another one.
  const std::span<const double> weights_of_rows =
      weights_ == nullptr ? std::span<const double>() : weights_->values();
  HeapArray<int64_t> taken(positions.size());
  HeapArray<double> taken_weights(weights_ == nullptr ? 0 : positions.size());
  const std::span<int64_t> chosen = taken.values();
  const std::span<double> weights = taken_weights.values();
  for_morsels(pool, static_cast<int64_t>(positions.size()), [&](int64_t begin, int64_t end) {
    for (auto i = static_cast<size_t>(begin); i < static_cast<size_t>(end); ++i) {
      const int64_t position = positions[i];
      if (position < 0 || position >= rows) {
        throw EngineError(Code::kValue, "position is out of range: " + std::to_string(position));
      }
      chosen[i] = listed    ? source[static_cast<size_t>(position)]
                  : look_up ? rows_->row_at(position)
                            : start + position;
      if (weights_ != nullptr) weights[i] = weights_of_rows[static_cast<size_t>(position)];
    }
  });
  Selection result = from_indices(std::move(taken), pool);
  if (weights_ != nullptr) result.weights_ = std::make_shared<const RowWeights>(std::move(taken_weights));
  return result;
}

Selection Selection::with_weights(std::shared_ptr<const RowWeights> weights) const {
  if (weights != nullptr && static_cast<int64_t>(weights->size()) != size()) {
    throw EngineError(Code::kInternal, "a selection needs one weight per row");
  }
  return Selection(rows_, std::move(weights));
}

}  // namespace tql_engine
