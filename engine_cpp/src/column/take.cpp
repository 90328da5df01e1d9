// Rows of a column by position: a gather. Rows that are missing become NULL.
#include <algorithm>
#include <atomic>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "buffers.h"
#include "tql_engine/column.h"
#include "tql_engine/thread_pool.h"

namespace tql_engine {
namespace {

using column_parts::Buffers;
using column_parts::bytes_of;
using column_parts::copy_bytes;
using column_parts::refuse;

constexpr int64_t kGrain = 1 << 16;

/// Calls f(part, begin, end) for parts of kGrain of [0, count), on the threads of the pool if there is one.
template <class F>
void each_part(ThreadPool* pool, size_t count, const F& f) {
  const auto body = [&](int64_t begin, int64_t end, int) {
    f(static_cast<size_t>(begin / kGrain), static_cast<size_t>(begin), static_cast<size_t>(end));
  };
  const auto total = static_cast<int64_t>(count);
  if (pool != nullptr) {
    pool->parallel_for(total, kGrain, body);
    return;
  }
  for (int64_t begin = 0; begin < total; begin += kGrain) body(begin, std::min(total, begin + kGrain), 0);
}

/// Whether some row is missing; only then are they allowed to be.
template <class Row>
bool check_rows(std::span<const Row> rows, bool may_miss, int64_t length, ThreadPool* pool) {
  std::atomic<bool> some_missing = false;
  each_part(pool, rows.size(), [&](size_t, size_t begin, size_t end) {
    const auto bound = static_cast<uint64_t>(length);
    bool outside = false;
    bool missing = false;
    for (size_t i = begin; i < end; ++i) {
      const bool none = rows[i] == kMissing<Row>;
      missing = missing || none;
      outside |= static_cast<uint64_t>(rows[i]) >= bound && !(none && may_miss);
    }
    if (missing) some_missing.store(true, std::memory_order_relaxed);
    for (size_t i = begin; outside && i < end; ++i) {
      const Row row = rows[i];
      if (static_cast<uint64_t>(row) < bound || (row == kMissing<Row> && may_miss)) continue;
      throw std::out_of_range("row " + std::to_string(row) + " is outside of " + std::to_string(length) +
                              " rows");
    }
  });
  return some_missing.load();
}

template <class Word, class Row>
void gather_words(std::byte* to, const std::byte* from, std::span<const Row> rows, bool with_missing) {
  auto* target = reinterpret_cast<Word*>(to);
  const auto* values = reinterpret_cast<const Word*>(from);
  if (with_missing) {
    for (size_t i = 0; i < rows.size(); ++i)
      target[i] = rows[i] == kMissing<Row> ? Word{0} : values[static_cast<size_t>(rows[i])];
  } else {
    for (size_t i = 0; i < rows.size(); ++i) target[i] = values[static_cast<size_t>(rows[i])];
  }
}

template <class Row>
void gather_part(std::byte* to, const std::byte* from, std::span<const Row> rows, int64_t row_bytes,
                 bool with_missing) {
  switch (row_bytes) {
    case 0:
      return;
    case 1:
      return gather_words<uint8_t>(to, from, rows, with_missing);
    case 2:
      return gather_words<uint16_t>(to, from, rows, with_missing);
    case 4:
      return gather_words<uint32_t>(to, from, rows, with_missing);
    case 8:
      return gather_words<uint64_t>(to, from, rows, with_missing);
    default:
      break;
  }
  for (const Row row : rows) {
    if (row == kMissing<Row>) {
      std::fill_n(to, row_bytes, std::byte{0});
    } else {
      copy_bytes(to, from + static_cast<int64_t>(row) * row_bytes, row_bytes);
    }
    to += row_bytes;
  }
}

template <class Row>
void gather_fixed(std::byte* to, const std::byte* from, std::span<const Row> rows, int64_t row_bytes,
                  bool with_missing, ThreadPool* pool) {
  each_part(pool, rows.size(), [&](size_t, size_t begin, size_t end) {
    gather_part(to + static_cast<int64_t>(begin) * row_bytes, from, rows.subspan(begin, end - begin),
                row_bytes, with_missing);
  });
}

/// The spans [offsets[row], offsets[row + 1]) of `from`, one behind the other; nothing for a missing row.
template <class Row>
CountedVector<int64_t> gather_spans(Buffers& to, const std::byte* from, const Offsets& offsets,
                                    std::span<const Row> rows, int64_t size, ThreadPool* pool) {
  const auto length = [&](Row row) {
    const auto place = static_cast<size_t>(row);
    return row == kMissing<Row> ? int64_t{0} : offsets[place + 1] - offsets[place];
  };
  const auto add = [](int64_t& total, int64_t more) {
    if (__builtin_add_overflow(total, more, &total)) refuse("a column is too large");
  };
  std::vector<int64_t> starts(rows.size() / static_cast<size_t>(kGrain) + 1);  // of the parts
  each_part(pool, rows.size(), [&](size_t part, size_t begin, size_t end) {
    for (size_t i = begin; i < end; ++i) add(starts[part], length(rows[i]));
  });
  int64_t total = 0;
  for (int64_t& start : starts) add(total, std::exchange(start, total));
  CountedVector<int64_t> result(rows.size() + 1);
  result[rows.size()] = total;
  std::byte* values = to.allocate(bytes_of(total, size));
  each_part(pool, rows.size(), [&](size_t part, size_t begin, size_t end) {
    int64_t at = starts[part];
    for (size_t i = begin; i < end; ++i) {
      result[i] = at;
      if (rows[i] == kMissing<Row>) continue;
      const int64_t count = length(rows[i]);
      copy_bytes(values + at * size, from + offsets[static_cast<size_t>(rows[i])] * size, count * size);
      at += count;
    }
  });
  return result;
}

/// The numbers from row_offsets[row] to row_offsets[row + 1] of each row, and where each row's begin.
template <class Row>
CountedVector<int64_t> list_spans(const Offsets& row_offsets, std::span<const Row> rows,
                                  CountedVector<int64_t>& offsets) {
  CountedVector<int64_t> items;
  offsets.reserve(rows.size() + 1);
  offsets.push_back(0);
  for (const Row row : rows) {
    if (row != kMissing<Row>) {
      const auto i = static_cast<size_t>(row);
      for (int64_t item = row_offsets[i]; item < row_offsets[i + 1]; ++item) items.push_back(item);
    }
    offsets.push_back(static_cast<int64_t>(items.size()));
  }
  return items;
}

}  // namespace

Column Column::take(std::span<const int64_t> rows) const {
  check_rows(rows, false, length_, nullptr);
  return gather(rows, false, nullptr);
}

Column Column::take_or_null(std::span<const int64_t> rows) const {
  return gather(rows, check_rows(rows, true, length_, nullptr), nullptr);
}

Column Column::rows_at(const Positions& positions, ThreadPool* pool) const {
  if (positions.is_run()) return slice(positions.first(), positions.first() + positions.size());
  return positions.visit(
      [&](auto rows) { return gather(rows, check_rows(rows, true, length_, pool), pool); });
}

template <class Row>
Column Column::gather(std::span<const Row> rows, bool with_missing, ThreadPool* pool) const {
  auto buffers = std::make_shared<Buffers>();
  if (validity_ != nullptr || with_missing) {
    buffers->validity.resize(rows.size());
    each_part(pool, rows.size(), [&](size_t, size_t begin, size_t end) {
      for (size_t i = begin; i < end; ++i) {
        const bool valid = rows[i] != kMissing<Row> && !is_null(static_cast<int64_t>(rows[i]));
        buffers->validity[i] = valid ? 1 : 0;
      }
    });
  }
  const CountedVector<uint8_t>& validity = buffers->validity;
  const auto count = static_cast<int64_t>(rows.size());
  const int64_t size = element_size(element_);
  switch (layout_) {
    case Layout::kDense: {
      const int64_t row_bytes = bytes_of(row_elements_, size);
      const int64_t bytes = bytes_of(count, row_bytes);
      gather_fixed(buffers->allocate(bytes), values_, rows, row_bytes, with_missing, pool);
      return dense(element_, buffers->values.values().data(), bytes, count, row_shape_, validity, buffers);
    }
    case Layout::kRagged: {
      buffers->offsets = gather_spans(*buffers, values_, offsets_, rows, size, pool);
      const auto rank = static_cast<size_t>(rank_);
      buffers->shapes.resize(rows.size() * rank);
      for (size_t i = 0; i < rows.size(); ++i) {
        if (rows[i] == kMissing<Row>) continue;
        std::copy_n(shapes_.data() + static_cast<size_t>(rows[i]) * rank, rank,
                    buffers->shapes.data() + i * rank);
      }
      return ragged(element_, buffers->values.values().data(), buffers->offsets.back(), buffers->offsets,
                    buffers->shapes, rank_, validity, buffers);
    }
    case Layout::kText: {
      buffers->offsets = gather_spans(*buffers, values_, offsets_, rows, 1, pool);
      const auto* data = reinterpret_cast<const char*>(buffers->values.values().data());
      return text(buffers->offsets, {data, static_cast<size_t>(buffers->offsets.back())}, validity, buffers);
    }
    case Layout::kDictionary: {
      const int64_t code_size = element_size(code_element_);
      gather_fixed(buffers->allocate(bytes_of(count, code_size)), values_, rows, code_size, with_missing,
                   pool);
      // The codes were checked when the column was made, and a row that is missing is NULL.
      Column column = *this;
      column.length_ = column.value_count_ = count;
      column.values_ = buffers->values.values().data();
      column.validity_ = validity.empty() ? nullptr : validity.data();
      column.owner_ = std::move(buffers);
      return column;
    }
    case Layout::kTextList: {
      const CountedVector<int64_t> strings = list_spans(row_offsets_, rows, buffers->row_offsets);
      buffers->offsets =
          gather_spans(*buffers, values_, offsets_, std::span<const int64_t>(strings), 1, pool);
      const auto* data = reinterpret_cast<const char*>(buffers->values.values().data());
      return text_list(buffers->row_offsets, buffers->offsets,
                       {data, static_cast<size_t>(buffers->offsets.back())}, validity, buffers);
    }
    case Layout::kList: {
      const CountedVector<int64_t> items = list_spans(row_offsets_, rows, buffers->row_offsets);
      return list(buffers->row_offsets, items_->take(items), validity, buffers);
    }
  }
  return *this;
}

}  // namespace tql_engine
