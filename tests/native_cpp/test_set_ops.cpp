// Set operations against the definition, written row by row.
#include <algorithm>
#include <cstdint>
#include <map>
#include <set>
#include <span>
#include <vector>

#include "check.h"
#include "tql_engine/random.h"
#include "tql_engine/set_ops.h"
#include "tql_engine/thread_pool.h"

namespace tql_test {
namespace {

using tql_engine::combine;
using tql_engine::RandomStream;
using tql_engine::Selection;
using tql_engine::SetOp;
using tql_engine::SetOpKind;
using tql_engine::SetOpResult;
using tql_engine::ThreadPool;
using Rows = std::vector<int64_t>;

Rows once(const Rows& rows) {
  std::set<int64_t> seen;
  Rows kept;
  for (const int64_t row : rows) {
    if (seen.insert(row).second) kept.push_back(row);
  }
  return kept;
}

Rows expected(const SetOp& op, const Rows& left, const Rows& right) {
  Rows result;
  if (op.kind == SetOpKind::kUnion) {
    result = left;
    result.insert(result.end(), right.begin(), right.end());
  } else {
    const bool wanted = op.kind == SetOpKind::kIntersect;
    std::map<int64_t, int64_t> unmatched;
    for (const int64_t row : right) ++unmatched[row];
    for (const int64_t row : left) {
      bool matched = unmatched[row] > 0;
      if (op.all && matched) --unmatched[row];
      if (matched == wanted) result.push_back(row);
    }
  }
  if (!op.all) result = once(result);
  if (!op.ordered) std::stable_sort(result.begin(), result.end());
  return result;
}

Rows draw(const RandomStream& random, int64_t count, int64_t bound, bool set) {
  Rows rows;
  for (int64_t i = 0; i < count; ++i) {
    rows.push_back(
        static_cast<int64_t>(random.bounded(static_cast<uint64_t>(i), static_cast<uint64_t>(bound))));
  }
  if (set) {
    std::sort(rows.begin(), rows.end());
    rows.erase(std::unique(rows.begin(), rows.end()), rows.end());
  }
  return rows;
}

void agrees(const SetOp& op, const Rows& left, const Rows& right, ThreadPool& pool) {
  const Rows wanted = expected(op, left, right);
  const Selection a = Selection::from_indices(left);
  const Selection b = Selection::from_indices(right);
  for (const bool with_origins : {false, true}) {
    const SetOpResult result = combine(op, a, b, with_origins, pool);
    check(std::ranges::equal(result.selection.indices(), wanted));
    if (!with_origins) {
      check(result.origins.empty());
      continue;
    }
    check(result.origins.size() == wanted.size());
    std::set<int64_t> used;
    for (size_t i = 0; i < wanted.size(); ++i) {
      const int64_t origin = result.origins[i];
      check(used.insert(origin).second);
      check((origin >= 0 ? left[static_cast<size_t>(origin)] : right[static_cast<size_t>(~origin)]) ==
            wanted[i]);
    }
  }
}

}  // namespace

void test_set_ops() {
  ThreadPool pool(3);
  uint64_t stream = 0;
  for (const int64_t bound : {int64_t{10}, int64_t{300}, int64_t{1} << 40}) {
    for (const auto& [left_count, right_count] :
         {std::pair<int64_t, int64_t>{0, 0}, {5, 0}, {0, 5}, {40, 40}, {200, 30}}) {
      for (const bool left_set : {false, true}) {
        for (const bool right_set : {false, true}) {
          const Rows left = draw(RandomStream(1, ++stream), left_count, bound, left_set);
          const Rows right = draw(RandomStream(1, ++stream), right_count, bound, right_set);
          for (const SetOpKind kind : {SetOpKind::kUnion, SetOpKind::kIntersect, SetOpKind::kExcept}) {
            for (const bool all : {false, true}) {
              for (const bool ordered : {false, true}) agrees({kind, all, ordered}, left, right, pool);
            }
          }
        }
      }
    }
  }
  const SetOp both{SetOpKind::kUnion};
  const SetOpResult joined = combine(both, Selection::range(0, 100), Selection::range(100, 200), false, pool);
  check(joined.selection.kind() == Selection::Kind::kRange && joined.selection.size() == 200);
}

}  // namespace tql_test
