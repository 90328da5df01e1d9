// Draws in the order of their rows, brought into random order on demand. Independent draws are exchangeable:
// given how often each row was drawn, every order is equally likely.
#include "tql_engine/draws.h"

#include <algorithm>
#include <limits>
#include <memory>
#include <utility>

#include "draw_domains.h"
#include "shuffle.h"

namespace tql_engine {

Draws::Draws(RandomKey key, std::vector<Storage> storage, std::vector<Piece> pieces,
             std::vector<int64_t> starts)
    : key_(key), storage_(std::move(storage)), pieces_(std::move(pieces)), starts_(std::move(starts)) {}

int64_t Draws::row_bound() const noexcept { return pieces_.empty() ? 0 : pieces_.back().rows.back() + 1; }

template <class Value, class Result, class ValuesOf>
HeapArray<Result> Draws::in_order(InterruptiblePool& pool, const ValuesOf& values_of) const {
  return shuffled<Value, Result>(size(), key_, kOrderDomain, pool, [&]() -> Producer<Value> {
    size_t piece = 0;
    size_t entry = 0;
    int64_t left = -1;  // of the entry; -1: nothing was made yet
    return [=, this, &values_of](int64_t begin, std::span<Value> out) mutable {
      if (left < 0) {
        piece =
            static_cast<size_t>(std::upper_bound(starts_.begin(), starts_.end(), begin) - starts_.begin()) -
            1;
        const auto counts = pieces_[piece].counts;
        int64_t skipped = begin - starts_[piece];
        while (skipped >= counts[entry]) skipped -= counts[entry++];
        left = counts[entry] - skipped;
      }
      const auto next = [&] {
        if (left > 0) return;
        if (++entry == pieces_[piece].counts.size()) {
          ++piece;
          entry = 0;
        }
        left = pieces_[piece].counts[entry];
      };
      // Most rows come a few times: write more copies than that at once, and the next row over the last ones.
      constexpr size_t kCopies = 8;
      size_t at = 0;
      while (at + kCopies <= out.size()) {
        next();
        std::fill_n(out.data() + at, kCopies, static_cast<Value>(values_of(pieces_[piece])[entry]));
        const auto count = std::min<int64_t>(left, kCopies);
        at += static_cast<size_t>(count);
        left -= count;
      }
      for (; at < out.size(); ++at, --left) {
        next();
        out[at] = static_cast<Value>(values_of(pieces_[piece])[entry]);
      }
    };
  });
}

HeapArray<int64_t> Draws::rows(InterruptiblePool pool) const {
  const auto rows_of = [](const Piece& piece) { return piece.rows.data(); };
  if (row_bound() <= int64_t{std::numeric_limits<uint32_t>::max()})
    return in_order<uint32_t, int64_t>(pool, rows_of);
  return in_order<int64_t, int64_t>(pool, rows_of);
}

HeapArray<double> Draws::weights(InterruptiblePool pool) const {
  return in_order<double, double>(pool, [](const Piece& piece) { return piece.weights.data(); });
}

Repeats Draws::repeats(InterruptiblePool pool) const {
  std::vector<size_t> starts(1);
  for (const Piece& piece : pieces_) starts.push_back(starts.back() + piece.rows.size());
  Repeats all{HeapArray<int64_t>(starts.back()), HeapArray<int64_t>(starts.back())};
  pool.parallel_for(static_cast<int64_t>(pieces_.size()), 1, [&](int64_t begin, int64_t end, int) {
    for (auto i = static_cast<size_t>(begin); i < static_cast<size_t>(end); ++i) {
      const Piece& piece = pieces_[i];
      std::ranges::copy(piece.rows, all.rows.values().begin() + static_cast<ptrdiff_t>(starts[i]));
      std::ranges::copy(piece.counts, all.counts.values().begin() + static_cast<ptrdiff_t>(starts[i]));
    }
  });
  return all;
}

Draws Draws::renamed(std::span<const int64_t> rows) && {
  for (Piece& piece : pieces_) {
    for (int64_t& row : piece.rows) row = rows[static_cast<size_t>(row)];
  }
  return std::move(*this);
}

Draws Draws::renamed(int64_t start) && {
  for (Piece& piece : pieces_) {
    for (int64_t& row : piece.rows) row += start;
  }
  return std::move(*this);
}

}  // namespace tql_engine
