// Nested columns: a row is a list of values that may be NULL or differ in shape. No vector holds such a row;
// programs see all of its elements as one flat array, or one of its entries.
#include <algorithm>
#include <cstring>
#include <limits>
#include <memory>
#include <utility>
#include <vector>

#include "tql_engine/integers.h"
#include "tql_engine/leaf.h"
#include "tql_engine/registry.h"
#include "tql_engine/status.h"

namespace tql_engine {
namespace {

/// Where the elements of rows [first, last) of a column that is not a list begin, and how many there are.
struct Elements {
  int64_t start;
  int64_t count;
};

Elements elements_of(const Column& column, int64_t first, int64_t last) noexcept {
  const auto begin = static_cast<size_t>(first);
  const auto end = static_cast<size_t>(last);
  switch (column.layout()) {
    case Layout::kDense:
      return {first * column.row_elements(), (last - first) * column.row_elements()};
    case Layout::kRagged:
      return {column.offsets()[begin], column.offsets()[end] - column.offsets()[begin]};
    case Layout::kTextList:
      return {column.row_offsets()[begin], column.row_offsets()[end] - column.row_offsets()[begin]};
    default:
      return {first, last - first};
  }
}

/// Calls visit(column, elements) for runs of elements of rows [first, last), NULL rows and NULL entries left
/// out. Lists may lie in lists, as deep as arrays have axes.
template <class Visit>
void for_each_elements(const Column& column, int64_t first, int64_t last, const Visit& visit) {
  if (column.layout() != Layout::kList && column.validity() == nullptr) {
    return visit(column, elements_of(column, first, last));
  }
  for (int64_t row = first; row < last; ++row) {
    if (column.is_null(row)) continue;
    if (column.layout() != Layout::kList) {
      visit(column, elements_of(column, row, row + 1));
    } else {
      const auto at = static_cast<size_t>(row);
      for_each_elements(column.items(), column.row_offsets()[at], column.row_offsets()[at + 1], visit);
    }
  }
}

class LoadFlat final : public Operation {
 public:
  explicit LoadFlat(size_t index) : index_(index) {}

  void evaluate(Frame& frame, std::span<const Vector* const>, Register& out) const override {
    const Column& column = frame.batch.segment->columns[index_];
    const int64_t rows = frame.size();
    const auto parts = out.make_arrays(column.element(), 1, rows);
    for (int64_t row = 0; row < rows; ++row) {
      const int64_t at = frame.batch.row(row);
      parts.dims[row] = 0;
      for_each_elements(column, at, at + 1,
                        [&](const Column&, Elements run) { parts.dims[row] += run.count; });
    }
    std::byte* target = out.pack(rows);
    const int64_t size = element_size(column.element());
    for (int64_t row = 0; row < rows; ++row) {
      const int64_t at = frame.batch.row(row);
      for_each_elements(column, at, at + 1, [&](const Column& items, Elements run) {
        if (items.element() == Element::kText) {
          auto* views = reinterpret_cast<std::string_view*>(target);
          for (int64_t i = 0; i < run.count; ++i) views[i] = items.string_at(run.start + i);
        } else if (run.count > 0) {
          std::memcpy(target, items.raw_values() + run.start * size, static_cast<size_t>(run.count * size));
        }
        target += run.count * size;
      });
    }
    if (column.validity() == nullptr) return;
    uint8_t* valid = out.make_valid(rows);
    for (int64_t row = 0; row < rows; ++row) {
      valid[row] = static_cast<uint8_t>(!column.is_null(frame.batch.row(row)));
    }
  }

 private:
  size_t index_;
};

/// One entry of each row: the rows of the column of entries that the indices name.
class LoadItem final : public Operation {
 public:
  LoadItem(size_t index, IntegerReader reader) : index_(index), reader_(reader) {}

  void evaluate(Frame& frame, std::span<const Vector* const> args, Register& out) const override {
    const Column& column = frame.batch.segment->columns[index_];
    const int64_t rows = frame.size();
    std::vector<int64_t> places(static_cast<size_t>(rows), kNowhere);
    int64_t lowest = std::numeric_limits<int64_t>::max();
    for (int64_t row = 0; row < rows; ++row) {
      const int64_t place = find(column, frame.batch.row(row), *args[0], row);
      places[static_cast<size_t>(row)] = place;
      if (place != kNowhere) lowest = std::min(lowest, place);
    }
    if (lowest == std::numeric_limits<int64_t>::max()) return make_nulls(column, rows, out);
    auto* picked = out.scratch(0).values.reserve<int32_t>(rows);
    bool all_there = true;
    for (int64_t row = 0; row < rows; ++row) {
      const int64_t place = places[static_cast<size_t>(row)];
      all_there = all_there && place != kNowhere;
      const int64_t distance = place == kNowhere ? 0 : place - lowest;
      if (distance > std::numeric_limits<int32_t>::max()) {
        frame.fail(Code::kRuntime, "the lists of a batch have too many entries", row);
      }
      picked[row] = static_cast<int32_t>(distance);
    }
    load_column(column.items(), {nullptr, lowest, rows, picked}, out);
    if (all_there) return;
    const uint8_t* loaded = out.vector.valid;  // may be the very memory that is written
    uint8_t* valid = out.make_valid(rows);
    for (int64_t row = 0; row < rows; ++row) {
      const bool there = places[static_cast<size_t>(row)] != kNowhere;
      valid[row] = static_cast<uint8_t>(there && (loaded == nullptr || loaded[row] != 0));
    }
  }

 private:
  static constexpr int64_t kNowhere = -1;

  /// Where the entry of one row lies, kNowhere if there is none.
  int64_t find(const Column& column, int64_t at, const Vector& index, int64_t row) const noexcept {
    if (column.is_null(at) || !index.is_valid(row)) return kNowhere;
    const int64_t first = column.row_offsets()[static_cast<size_t>(at)];
    const int64_t count = column.row_offsets()[static_cast<size_t>(at) + 1] - first;
    const int64_t given = reader_(index.row_values(row));
    const int64_t entry = given < 0 ? given + count : given;
    return entry < 0 || entry >= count ? kNowhere : first + entry;
  }

  static void make_nulls(const Column& column, int64_t rows, Register& out) {
    const int rank = column.rank() - 1;
    if (rank == 0) {
      std::byte* values = out.make_scalars(column.element(), rows);
      std::fill_n(values, rows * element_size(column.element()), std::byte{0});
    } else {
      const auto parts = out.make_arrays(column.element(), rank, rows);
      std::fill_n(parts.dims, rows * rank, int64_t{0});
      out.pack(rows);
    }
    std::fill_n(out.make_valid(rows), rows, uint8_t{0});
  }

  size_t index_;
  IntegerReader reader_;
};

/// The nested column itself among the inputs; its rank is checked where it is read only if the plan says it.
size_t add_nested(const BindContext& context, std::optional<std::vector<int64_t>> shape) {
  Type type{context.result.element, std::move(shape), true, true};
  context.inputs->columns.push_back(
      {as_string(member(*context.members, "name"), "name"), Facet::kValues, std::move(type)});
  return context.inputs->columns.size() - 1;
}

Bound bind_column_item(const BindContext& context) {
  const IntegerReader reader = integer_reader(context.args[0].element);
  if (reader == nullptr || !context.args[0].is_scalar()) refuse_argument(context, 0);
  if (context.result.nested) throw EngineError(Code::kInternal, "a nested entry cannot be loaded");
  auto shape = context.result.shape;
  if (shape) shape->insert(shape->begin(), -1);
  return {std::make_unique<LoadItem>(add_nested(context, std::move(shape)), reader), context.result.element};
}

constexpr Kernel kKernels[] = {{"column_item", 1, 1, &bind_column_item}};

}  // namespace

Bound bind_flat_column(const BindContext& context) {
  return {std::make_unique<LoadFlat>(add_nested(context, std::nullopt)), context.result.element};
}

std::span<const Kernel> nested_kernels() noexcept { return kKernels; }

}  // namespace tql_engine
