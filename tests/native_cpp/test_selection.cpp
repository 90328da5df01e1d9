// All forms of a selection answer alike.
#include <algorithm>
#include <cstdint>
#include <memory>
#include <numeric>
#include <thread>
#include <utility>
#include <vector>

#include "check.h"
#include "tql_engine/random.h"
#include "tql_engine/row_weights.h"
#include "tql_engine/selection.h"
#include "tql_engine/status.h"
#include "tql_engine/thread_pool.h"

namespace tql_test {
namespace {

using tql_engine::Bitmap;
using tql_engine::HeapArray;
using tql_engine::RandomStream;
using tql_engine::RowWeights;
using tql_engine::Selection;
using tql_engine::ThreadPool;
using Rows = std::vector<int64_t>;

Rows rows_of(const Selection& selection) {
  const auto indices = selection.indices();
  return {indices.begin(), indices.end()};
}

std::vector<double> weights_of(const Selection& selection) {
  const auto weights = selection.weights()->values();
  return {weights.begin(), weights.end()};
}

Selection as_bitmap(const Rows& rows, int64_t size) {
  Bitmap bitmap(size);
  for (const int64_t row : rows) bitmap.insert(row);
  return Selection::from_bitmap(std::move(bitmap));
}

void answers(const Selection& selection, const Rows& rows, int64_t size) {
  check(selection.size() == static_cast<int64_t>(rows.size()));
  check(selection.row_bound() == (rows.empty() ? 0 : *std::max_element(rows.begin(), rows.end()) + 1));
  for (int64_t first = 0; first < selection.size(); first += 13) {
    Rows some(static_cast<size_t>(std::min<int64_t>(29, selection.size() - first)));
    selection.copy_rows(first, some);
    check(std::equal(some.begin(), some.end(), rows.begin() + first));
  }
  check(rows_of(selection) == rows);
  if (selection.ascending()) {
    for (int64_t row = 0; row <= size + 70; row += 7) {
      const auto place = std::lower_bound(rows.begin(), rows.end(), row);
      check(selection.rank(row) == place - rows.begin());
      check(selection.contains(row) == (place != rows.end() && *place == row));
    }
  }
  const Bitmap bitmap = selection.to_bitmap(size);
  for (int64_t row = 0; row < size; ++row) {
    check(bitmap.contains(row) == (std::find(rows.begin(), rows.end(), row) != rows.end()));
  }
  for (const auto& [start, count] :
       {std::pair<int64_t, int64_t>{0, 5}, {3, 1}, {10, 400}, {64, 64}, {0, 0}, {9999, 3}}) {
    const auto begin = static_cast<size_t>(std::clamp<int64_t>(start, 0, selection.size()));
    const auto end = static_cast<size_t>(std::min<int64_t>(start + count, selection.size()));
    const Rows expected(rows.begin() + static_cast<ptrdiff_t>(begin),
                        rows.begin() + static_cast<ptrdiff_t>(std::max(begin, end)));
    check(rows_of(selection.slice(start, count)) == expected);
  }
}

void selects_positions() {
  ThreadPool pool(3);
  HeapArray<double> values(4);
  std::iota(values.values().begin(), values.values().end(), 1.0);
  const auto weights = std::make_shared<const RowWeights>(std::move(values));
  const Selection selection = Selection::from_indices({5, 9, 2, 7}).with_weights(weights);
  const Selection chosen = selection.select(Rows{3, 3, 0}, &pool);
  check(rows_of(chosen) == Rows({7, 7, 5}));
  check(weights_of(chosen) == std::vector<double>({4, 4, 1}));
  check(weights_of(selection.slice(1, 2)) == std::vector<double>({2, 3}));
  check(rows_of(Selection::range(10, 20).select(Rows{9, 0})) == Rows({19, 10}));
  for (const int64_t position : {-1, 4}) {
    bool refused = false;
    try {
      selection.select(Rows{0, position});
    } catch (const tql_engine::EngineError&) {
      refused = true;
    }
    check(refused);
  }
}

void counts_in_ranges() {
  Bitmap bitmap(1000);
  bitmap.insert_range(10, 500);
  bitmap.insert_range(700, 701);
  for (const auto& [begin, end] :
       {std::pair<int64_t, int64_t>{0, 1000}, {0, 10}, {10, 11}, {63, 65}, {64, 128}, {499, 701}, {5, 5}}) {
    int64_t visited = 0;
    bitmap.for_each(begin, end, [&](int64_t row) {
      check(row >= begin && row < end && bitmap.contains(row));
      ++visited;
    });
    check(visited == bitmap.count(begin, end));
  }
  check(bitmap.count() == 491);
}

void makes_indices_once_for_many_threads() {
  ThreadPool pool(2);
  Rows rows;
  for (int64_t row = 0; row < 300'000; row += 1 + row % 3) rows.push_back(row);
  const Selection selection = as_bitmap(rows, 300'000);
  check(selection.kind() == Selection::Kind::kBitmap);
  std::vector<std::thread> readers;
  for (int i = 0; i < 4; ++i) {
    readers.emplace_back([&] { check(std::ranges::equal(selection.indices(&pool), rows)); });
  }
  for (std::thread& reader : readers) reader.join();
}

}  // namespace

void test_selection() {
  const RandomStream random(1, 0);
  for (const int64_t size : {1, 63, 64, 65, 128, 1000, 5000}) {
    for (const double share : {0.0, 0.01, 0.5, 0.95, 1.0}) {
      Rows rows;
      for (int64_t row = 0; row < size; ++row) {
        if (random.uniform(static_cast<uint64_t>(row)) < share) rows.push_back(row);
      }
      answers(as_bitmap(rows, size), rows, size);
      answers(Selection::from_indices(rows), rows, size);
      std::reverse(rows.begin(), rows.end());
      answers(Selection::from_indices(rows), rows, size);
    }
  }
  answers(Selection::range(100, 300), rows_of(Selection::range(100, 300)), 400);
  selects_positions();
  counts_in_ranges();
  makes_indices_once_for_many_threads();
}

}  // namespace tql_test
