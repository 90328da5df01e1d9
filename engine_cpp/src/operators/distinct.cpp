// SELECT DISTINCT: the first row of each combination of keys. NULL equals NULL and NaN equals NaN here.
#include <algorithm>
#include <cstring>
#include <limits>
#include <string>
#include <unordered_set>
#include <utility>

#include "tql_engine/execution.h"
#include "tql_engine/grouping.h"

namespace tql_engine {
namespace {

constexpr int64_t kInterval = 1 << 12;  // rows between two looks for interrupts

template <class T>
void append(std::string& key, const T& value) {
  key.append(reinterpret_cast<const char*>(&value), sizeof(value));
}

/// Equal floats get equal bytes: one zero, one NaN.
template <class T>
void append_floats(std::string& key, const T* values, int64_t n) {
  for (int64_t i = 0; i < n; ++i) {
    const T value = values[i];
    append(key, value == 0 ? T{0} : value != value ? std::numeric_limits<T>::quiet_NaN() : value);
  }
}

/// Bytes that are equal for two rows exactly if the rows are: every part has its length before it.
void append_row(std::string& key, const Column& column, int64_t row) {
  key.push_back(column.is_null(row) ? '\0' : '\1');
  if (column.is_null(row)) return;
  if (column.layout() == Layout::kList) {
    const auto first = column.row_offsets()[static_cast<size_t>(row)];
    const int64_t count = column.elements_at(row);
    append(key, count);
    for (int64_t item = first; item < first + count; ++item) append_row(key, column.items(), item);
    return;
  }
  if (column.element() == Element::kText) {
    const bool list = column.layout() == Layout::kTextList;
    const int64_t first = list ? column.row_offsets()[static_cast<size_t>(row)] : row;
    const int64_t count = list ? column.elements_at(row) : 1;
    append(key, count);
    for (int64_t i = first; i < first + count; ++i) {
      const std::string_view text = column.string_at(i);
      append(key, text.size());
      key.append(text);
    }
    return;
  }
  int64_t shape[kMaxRank];
  column.shape_at(row, shape);
  for (int axis = 0; axis < column.rank(); ++axis) append(key, shape[axis]);
  const int64_t count = column.elements_at(row);
  const int64_t start = column.layout() == Layout::kDense ? row * column.row_elements()
                                                          : column.offsets()[static_cast<size_t>(row)];
  if (column.element() == Element::kFloat32) {
    append_floats(key, column.values<float>() + start, count);
  } else if (column.element() == Element::kFloat64) {
    append_floats(key, column.values<double>() + start, count);
  } else if (column.element() == Element::kFloat16) {
    for (int64_t i = 0; i < count; ++i) {
      const float value = half_to_float(column.values<Half>()[start + i]);
      append_floats(key, &value, 1);
    }
  } else if (count > 0) {
    const int64_t size = element_size(column.element());
    key.append(reinterpret_cast<const char*>(column.raw_values() + start * size),
               static_cast<size_t>(count * size));
  }
}

}  // namespace

Relation run_distinct(Execution& execution, const Distinct& distinct, const Relation& input) {
  std::vector<const Program*> programs;
  for (const Program& program : distinct.keys) programs.push_back(&program);
  const std::vector<Column> columns = evaluate_columns(execution, input, programs);
  if (std::all_of(columns.begin(), columns.end(), is_scalar_key)) {
    std::vector<Key> keys;
    for (const Column& column : columns) keys.emplace_back(&column, 1);
    GroupWants wants;
    wants.firsts = true;
    return input.select(group_rows(execution, keys, input.size(), std::move(wants)).firsts, execution.pool());
  }
  std::unordered_set<std::string> seen;
  std::vector<int64_t> positions;
  std::string key;
  for (int64_t row = 0; row < input.size(); ++row) {
    if (row % kInterval == 0) execution.check_interrupt();
    key.clear();
    for (const Column& column : columns) append_row(key, column, row);
    if (seen.insert(key).second) positions.push_back(row);
  }
  return input.select(positions, execution.pool());
}

}  // namespace tql_engine
