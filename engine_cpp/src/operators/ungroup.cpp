// UNGROUP BY: how long the rows are that are to be cut, and hence how many rows are made of each.
#include <algorithm>
#include <memory>
#include <string>
#include <utility>

#include "tql_engine/counted_vector.h"
#include "tql_engine/execution.h"
#include "tql_engine/status.h"

namespace tql_engine {
namespace {

constexpr int64_t kNone = -1;  // of rows that are NULL
constexpr int64_t kFirstRows = 4096;
constexpr int64_t kLargestRows = 1 << 18;
constexpr int64_t kChunkBytes = 64 << 20;

class Lengths {
 public:
  Lengths(Execution& execution, const Ungroup& ungroup, const Relation& input)
      : execution_(execution),
        ungroup_(ungroup),
        input_(input),
        lengths_(static_cast<size_t>(input.size()), kNone) {}

  CountedVector<int64_t> find() {
    for (const UngroupColumn& column : ungroup_.columns) {
      const bool cut =
          column.mode == UngroupColumn::Mode::kElement || column.mode == UngroupColumn::Mode::kPart;
      if (cut) add(column);
    }
    for (int64_t& length : lengths_) length = std::max<int64_t>(length, 0);
    return std::move(lengths_);
  }

 private:
  void add(const UngroupColumn& column) {
    const auto* made = dynamic_cast<const MadeSource*>(input_.source.get());
    const bool tells_null = made != nullptr && made->shapes_tell_null(column.input.name);
    const bool by_values = column.input.computed || (column.type.nullable && !tells_null);
    const Facet facet = by_values ? Facet::kValues : Facet::kShape;
    int64_t step = kFirstRows;
    for (int64_t begin = 0, count = 0; begin < input_.size(); begin += count) {
      execution_.check_interrupt();
      count = std::min(step, input_.size() - begin);
      const Column read =
          input_.read(column.input, facet, Positions::run(begin, count), nullptr, &execution_.pool());
      if (!column.input.computed) execution_.count(read);
      for (int64_t i = 0; i < read.length(); ++i) {
        note(column, begin + i, by_values ? length_of(read, i) : length_in_shape(column, read, i));
      }
      const int64_t each = read.byte_count() / read.length() + 1;
      step = std::clamp<int64_t>(memory_share(kChunkBytes) / each, 1, kLargestRows);
    }
    before_ = &column;
  }

  static int64_t length_of(const Column& values, int64_t row) {
    if (values.is_null(row)) return kNone;
    int64_t extents[kMaxRank];
    values.shape_at(row, extents);
    return values.rank() == 0 ? kNone : extents[0];
  }

  static int64_t length_in_shape(const UngroupColumn& column, const Column& shapes, int64_t row) {
    if (shapes.is_null(row)) return kNone;
    const int64_t at = shapes.layout() == Layout::kRagged ? shapes.offsets()[static_cast<size_t>(row)]
                                                          : row * shapes.row_elements();
    const int64_t length = shapes.elements_at(row) > 0 ? shapes.values<int64_t>()[at] : kNone;
    if (length < 0) {
      throw EngineError(Code::kInternal, "the source gave no length of column '" + column.input.name + "'");
    }
    return length;
  }

  void note(const UngroupColumn& column, int64_t position, int64_t length) {
    int64_t& known = lengths_[static_cast<size_t>(position)];
    if (length == kNone || length == known) return;
    if (known == kNone) {
      known = length;
      return;
    }
    throw EngineError(Code::kValue,
                      "columns '" + before_->input.name + "' and '" + column.input.name +
                          "' have different lengths in one row: " + std::to_string(known) + " and " +
                          std::to_string(length),
                      row_at(position));
  }

  int64_t row_at(int64_t position) const {
    int64_t row = 0;
    input_.rows.copy_rows(position, {&row, 1});
    return row;
  }

  Execution& execution_;
  const Ungroup& ungroup_;
  const Relation& input_;
  const UngroupColumn* before_ = nullptr;
  CountedVector<int64_t> lengths_;
};

}  // namespace

Relation run_ungroup(Execution& execution, const Ungroup& ungroup, const Relation& input) {
  CountedVector<int64_t> lengths = Lengths(execution, ungroup, input).find();
  const Cutting& cutting = ungroup.cutting;
  CountedVector<int64_t> starts;
  starts.reserve(lengths.size() + 1);
  starts.push_back(0);
  for (size_t row = 0; row < lengths.size(); ++row) {
    if (row % kLargestRows == 0) execution.check_interrupt();
    if (cutting.kind == Cutting::Kind::kLengths && lengths[row] != cutting.bounds.back()) {
      int64_t number = 0;
      input.rows.copy_rows(static_cast<int64_t>(row), {&number, 1});
      throw EngineError(Code::kValue,
                        "the lengths of UNGROUP BY must sum to the length of each row: " +
                            std::to_string(cutting.bounds.back()) + " and " + std::to_string(lengths[row]),
                        number);
    }
    int64_t next = 0;
    if (__builtin_add_overflow(starts.back(), cutting.rows_of(lengths[row]), &next))
      throw EngineError(Code::kValue, "UNGROUP BY gives too many rows");
    starts.push_back(next);
  }
  const int64_t rows = starts.back();
  auto source = std::make_shared<UngroupSource>(execution.pool(), input, cutting, std::move(lengths),
                                                std::move(starts), ungroup.columns);
  return {std::move(source), Selection::range(0, rows), {}};
}

}  // namespace tql_engine
