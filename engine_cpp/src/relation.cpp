// Reading the rows of a relation, wherever their source has them.
#include "tql_engine/relation.h"

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "tql_engine/counted_vector.h"
#include "tql_engine/heap_array.h"
#include "tql_engine/memory_budget.h"
#include "tql_engine/status.h"

namespace tql_engine {
namespace {

/// Whether reading is looking at memory that is there anyway.
bool is_view(Source& source) { return !source.is_made() && source.in_memory(); }

/// What `read` gives of a source counts as held, but not what the source needs for it.
template <class Read>
Column hold(Source& source, const Read& read) {
  if (source.is_made()) return read();
  Column values;
  {
    const MemoryBudget::Scope its_own(nullptr);
    values = read();
  }
  if (MemoryBudget::current() == nullptr || values.byte_count() == 0 || source.in_memory()) return values;
  return values.keeping(std::make_shared<const Reservation>(values.byte_count()));
}

/// Reads rows of a source, in one run where that takes no more than they are: rows that lie close together,
/// and rows that come again and again.
Column read_rows(Source& source, const std::string& name, Facet facet, std::span<int64_t> rows,
                 ThreadPool* pool) {
  const auto [low, high] = std::minmax_element(rows.begin(), rows.end());
  const int64_t first = *low;
  const int64_t span = *high - first + 1;
  if (span > static_cast<int64_t>(rows.size()))
    return hold(source, [&] { return source.take(name, facet, rows); });
  Column run = hold(source, [&] { return source.read(name, facet, first, first + span); });
  bool in_order = true;
  for (size_t i = 0; i < rows.size(); ++i) {
    rows[i] -= first;
    in_order = in_order && rows[i] == static_cast<int64_t>(i);
  }
  return in_order ? run : run.rows_at(std::span<const int64_t>(rows), pool);
}

Type shape_type(const Type& type) {
  const int64_t rank = type.nested ? 1 : type.shape ? static_cast<int64_t>(type.shape->size()) : -1;
  return {Element::kInt64, std::vector<int64_t>{rank}};
}

}  // namespace

Relation Relation::slice(int64_t start, int64_t count) const {
  Relation result{source, rows.slice(start, count), {}};
  const int64_t begin = std::min(start, size());
  for (const auto& [id, column] : computed)
    result.computed.emplace(id, column.slice(begin, begin + result.size()));
  return result;
}

Relation Relation::select(std::span<const int64_t> positions, ThreadPool& pool) const {
  Relation result{source, rows.select(positions, &pool), {}};
  for (const auto& [id, column] : computed) result.computed.emplace(id, column.take(positions));
  return result;
}

namespace {

/// The rows of a source at some positions of a selection.
class RowsAt {
 public:
  explicit RowsAt(const Selection& rows)
      : is_run_(rows.kind() == Selection::Kind::kRange),
        first_(rows.row_bound() - rows.size()),
        listed_(is_run_ ? std::span<const int64_t>() : rows.indices()) {}

  int64_t of(int64_t position) const noexcept {
    return is_run_ ? first_ + position : listed_[static_cast<size_t>(position)];
  }
  bool is_run() const noexcept { return is_run_; }
  int64_t first() const noexcept { return first_; }

 private:
  bool is_run_;
  int64_t first_;
  std::span<const int64_t> listed_;
};

/// The rows of positions that are not missing; where each position's is among them if some are, else nothing.
struct Wanted {
  HeapArray<int64_t> rows;
  HeapArray<int64_t> places;
  size_t count = 0;
};

Wanted wanted_rows(const RowsAt& rows, const Positions& positions) {
  const auto size = static_cast<size_t>(positions.size());
  Wanted wanted{HeapArray<int64_t>(size), {}, 0};
  int64_t* out = wanted.rows.values().data();
  if (positions.is_run()) {
    for (size_t i = 0; i < size; ++i) out[i] = rows.of(positions.first() + static_cast<int64_t>(i));
    wanted.count = size;
    return wanted;
  }
  positions.visit([&]<class Row>(std::span<const Row> list) {
    size_t count = 0;
    for (const Row position : list) {
      if (position != kMissing<Row>) out[count++] = rows.of(static_cast<int64_t>(position));
    }
    wanted.count = count;
    if (count == size) return;
    wanted.places = HeapArray<int64_t>(size);
    int64_t* place = wanted.places.values().data();
    int64_t next = 0;
    for (const Row position : list) *place++ = position == kMissing<Row> ? -1 : next++;
  });
  return wanted;
}

/// Of a source in memory: the rows without a list of them.
Column view_rows(Source& source, const std::string& name, const Selection& selection, const RowsAt& rows,
                 const Positions& positions, ThreadPool* pool) {
  const int64_t bound = selection.row_bound();
  if (rows.is_run()) return source.read(name, Facet::kValues, rows.first(), bound).rows_at(positions, pool);
  const Column all = source.read(name, Facet::kValues, 0, bound);
  if (positions.is_run() && positions.size() == selection.size())
    return all.rows_at(selection.indices(), pool);
  const Wanted wanted = wanted_rows(rows, positions);
  const Column found = all.rows_at(wanted.rows.values().first(wanted.count), pool);
  return wanted.places.values().empty() ? found : found.rows_at(wanted.places.values(), pool);
}

}  // namespace

Column Relation::read(const InputColumn& column, Facet facet, const Positions& positions, const Type* type,
                      ThreadPool* pool) const {
  constexpr int64_t kViewedRows = 16;  // per row that is wanted
  if (column.computed) {
    Column values = computed.at(column.name).rows_at(positions, pool);
    if (type != nullptr) check_type(values, column.name, *type);
    return facet == Facet::kShape ? shapes_of(values) : values;
  }
  const RowsAt source_rows(rows);
  Column read;
  if (facet == Facet::kValues && size() > 0 && rows.row_bound() / kViewedRows <= positions.size() &&
      is_view(*source)) {
    read = view_rows(*source, column.name, rows, source_rows, positions, pool);
  } else if (positions.is_run() && source_rows.is_run() && positions.size() > 0) {
    const int64_t first = source_rows.of(positions.first());
    read = hold(*source, [&] { return source->read(column.name, facet, first, first + positions.size()); });
  } else {
    Wanted wanted = wanted_rows(source_rows, positions);
    const std::span<const int64_t> places = std::as_const(wanted.places).values();
    if (wanted.count == 0) {
      const Column none = Column::empty(facet == Facet::kShape ? shape_type(*type) : *type);
      return none.take_or_null(places);
    }
    read = read_rows(*source, column.name, facet, wanted.rows.values().first(wanted.count), pool);
    if (!places.empty()) read = read.rows_at(places, pool);
  }
  if (facet == Facet::kValues && type != nullptr) check_type(read, column.name, *type);
  if (facet == Facet::kShape && read.element() != Element::kInt64) {
    throw EngineError(Code::kInternal, "the source gave shapes of column '" + column.name + "' as " +
                                           std::string(element_name(read.element())));
  }
  return read;
}

Column shapes_of(const Column& column) {
  struct Buffers {
    CountedVector<int64_t> extents;
    CountedVector<uint8_t> validity;
  };
  auto buffers = std::make_shared<Buffers>();
  const int rank = column.shape_rank();
  buffers->extents.resize(static_cast<size_t>(column.length() * rank));
  for (int64_t row = 0; row < column.length(); ++row) {
    column.shape_at(row, buffers->extents.data() + row * rank);
  }
  if (column.validity() != nullptr) {
    buffers->validity.assign(column.validity(), column.validity() + column.length());
  }
  const auto bytes = static_cast<int64_t>(buffers->extents.size() * sizeof(int64_t));
  const int64_t* extents = buffers->extents.data();
  const std::span<const uint8_t> validity = buffers->validity;
  return Column::dense(Element::kInt64, extents, bytes, column.length(), {rank}, validity, buffers);
}

}  // namespace tql_engine
