// Kernels without arguments: columns, cells, computed columns, constants, row numbers, random numbers.
#include "tql_engine/leaf.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "tql_engine/constant.h"
#include "tql_engine/loops.h"
#include "tql_engine/random.h"
#include "tql_engine/registry.h"
#include "tql_engine/status.h"

namespace tql_engine {
namespace {

constexpr uint8_t kRandomDomain = 0xE0;  // sampling and shuffling use small ones

template <class T>
void gather(const std::byte* values, const Batch& batch, std::byte* out) {
  const auto* from = reinterpret_cast<const T*>(values) + batch.begin;
  auto* to = reinterpret_cast<T*>(out);
  for (int64_t i = 0; i < batch.size; ++i) to[i] = from[batch.picked[i]];
}

void load_scalars(const Column& column, const Batch& batch, Register& out) {
  const int64_t size = element_size(column.element());
  if (batch.picked == nullptr) {
    out.vector = Vector{};
    out.vector.element = column.element();
    out.vector.values = column.raw_values() == nullptr ? nullptr : column.raw_values() + batch.begin * size;
    return;
  }
  std::byte* values = out.make_scalars(column.element(), batch.size);
  switch (size) {
    case 1:
      return gather<uint8_t>(column.raw_values(), batch, values);
    case 2:
      return gather<uint16_t>(column.raw_values(), batch, values);
    case 4:
      return gather<uint32_t>(column.raw_values(), batch, values);
    default:
      return gather<uint64_t>(column.raw_values(), batch, values);
  }
}

void load_dense_arrays(const Column& column, const Batch& batch, Register& out) {
  const int rank = column.rank();
  out.vector = Vector{};
  out.vector.element = column.element();
  out.vector.rank = rank;
  out.vector.values = column.raw_values();
  out.vector.dims = column.row_shape().data();
  auto* strides = out.strides.reserve<int64_t>(rank);
  write_strides(column.row_shape().data(), rank, strides);
  out.vector.strides = strides;
  auto* starts = out.starts.reserve<int64_t>(batch.size);
  for (int64_t i = 0; i < batch.size; ++i) starts[i] = batch.row(i) * column.row_elements();
  out.vector.starts = starts;
  out.vector.run_step = batch.picked == nullptr ? 1 : 0;
}

void load_ragged(const Column& column, const Batch& batch, Register& out) {
  const int rank = column.rank();
  out.vector = Vector{};
  out.vector.element = column.element();
  out.vector.rank = rank;
  out.vector.values = column.raw_values();
  out.vector.run_step = batch.picked == nullptr ? 1 : 0;
  const auto* offsets = static_cast<const int64_t*>(column.offsets().data());
  const int64_t* shapes = column.shapes().data();
  if (batch.picked == nullptr) {
    out.vector.starts = offsets + batch.begin;
    out.vector.dims = shapes + batch.begin * rank;
  } else {
    const auto parts = out.make_arrays(column.element(), rank, batch.size);
    out.vector.values = column.raw_values();
    for (int64_t i = 0; i < batch.size; ++i) {
      parts.starts[i] = offsets[batch.row(i)];
      std::copy_n(shapes + batch.row(i) * rank, rank, parts.dims + i * rank);
    }
  }
  out.vector.dims_step = rank;
  out.vector.strides_step = rank == 1 ? 0 : rank;
  auto* strides = out.strides.reserve<int64_t>(rank == 1 ? 1 : batch.size * rank);
  if (rank == 1) strides[0] = 1;
  for (int64_t i = 0; rank > 1 && i < batch.size; ++i) {
    write_strides(out.vector.row_dims(i), rank, strides + i * rank);
  }
  out.vector.strides = strides;
}

void load_text(const Column& column, const Batch& batch, Register& out) {
  auto* views = reinterpret_cast<std::string_view*>(out.make_scalars(Element::kText, batch.size));
  for (int64_t i = 0; i < batch.size; ++i) views[i] = column.text_at(batch.row(i));
}

void load_text_list(const Column& column, const Batch& batch, Register& out) {
  const auto parts = out.make_arrays(Element::kText, 1, batch.size);
  for (int64_t i = 0; i < batch.size; ++i) parts.dims[i] = column.elements_at(batch.row(i));
  auto* views = reinterpret_cast<std::string_view*>(out.pack(batch.size));
  for (int64_t i = 0; i < batch.size; ++i) {
    const auto row = static_cast<size_t>(batch.row(i));
    for (int64_t s = column.row_offsets()[row]; s < column.row_offsets()[row + 1]; ++s) {
      *views++ = column.string_at(s);
    }
  }
}

class LoadComputed final : public Operation {
 public:
  LoadComputed(size_t index, Element element) : index_(index), element_(element) {}
  void evaluate(Frame& frame, std::span<const Vector* const>, Register& out) const override {
    const Column& column = frame.batch.segment->computed[index_];
    if (column.element() != element_) {
      frame.fail(Code::kInternal, "a computed column has element " +
                                      std::string(element_name(column.element())) + ", the plan says " +
                                      std::string(element_name(element_)));
    }
    load_column(column, frame.batch, out);
  }

 private:
  size_t index_;
  Element element_;
};

class RowNumber final : public Operation {
 public:
  void evaluate(Frame& frame, std::span<const Vector* const>, Register& out) const override {
    auto* numbers = reinterpret_cast<int64_t*>(out.make_scalars(Element::kInt64, frame.size()));
    const RowNumbers& position = frame.batch.segment->position;
    for (int64_t i = 0; i < frame.size(); ++i) numbers[i] = position.at(frame.batch.row(i));
  }
};

/// A function of seed, instruction and position: the same for any number of threads.
class Random final : public Operation {
 public:
  explicit Random(uint64_t stream) : stream_(stream) {}
  void evaluate(Frame& frame, std::span<const Vector* const>, Register& out) const override {
    auto* numbers = reinterpret_cast<int32_t*>(out.make_scalars(Element::kInt32, frame.size()));
    const RandomStream stream(frame.surroundings.seed, stream_, kRandomDomain);
    const RowNumbers& position = frame.batch.segment->position;
    for (int64_t i = 0; i < frame.size(); ++i) {
      const auto at = static_cast<uint64_t>(position.at(frame.batch.row(i)));
      numbers[i] = static_cast<int32_t>(stream.bits(at) >> 33);
    }
  }

 private:
  uint64_t stream_;
};

Bound bind_column(const BindContext& context) {
  const std::string& name = as_string(member(*context.members, "name"), "name");
  const std::string& facet = as_string(member(*context.members, "facet"), "facet");
  if (facet == "flat") return bind_flat_column(context);
  if (facet != "values" && facet != "shape")
    throw EngineError(Code::kInternal, "there is no facet '" + facet + "'");
  const ColumnRef ref{name, facet == "shape" ? Facet::kShape : Facet::kValues, context.result};
  if (ref.facet == Facet::kShape && ref.type.element != Element::kInt64) {
    throw EngineError(Code::kInternal, "the facet 'shape' has element int64");
  }
  context.inputs->columns.push_back(ref);
  return {std::make_unique<LoadColumn>(context.inputs->columns.size() - 1), context.result.element};
}

/// One row of a column for all rows.
class LoadCell final : public Operation {
 public:
  explicit LoadCell(size_t index) : index_(index) {}
  void evaluate(Frame& frame, std::span<const Vector* const>, Register& out) const override {
    const Column& cell = frame.surroundings.cells[index_];
    load_column(cell, {nullptr, 0, 1, nullptr}, out);
    Vector& vector = out.vector;
    vector.step = vector.starts_step = vector.dims_step = vector.strides_step = 0;
    if (vector.valid == nullptr) return;
    const bool there = vector.valid[0] != 0;
    vector.valid = nullptr;
    if (!there) std::fill_n(out.make_valid(frame.size()), frame.size(), uint8_t{0});
  }

 private:
  size_t index_;
};

Bound bind_cell(const BindContext& context) {
  const std::string& name = as_string(member(*context.members, "name"), "name");
  constexpr int64_t kLargest = std::numeric_limits<int64_t>::max();
  const int64_t row = as_int(member(*context.members, "row"), "row", -kLargest, kLargest);
  if (context.result.nested) throw EngineError(Code::kInternal, "a cell of a nested column cannot be loaded");
  auto& cells = context.inputs->cells;
  cells.push_back({{name, Facet::kValues, context.result}, row, context.span});
  return {std::make_unique<LoadCell>(cells.size() - 1), context.result.element};
}

Bound bind_computed(const BindContext& context) {
  context.inputs->computed.push_back(as_string(member(*context.members, "id"), "id"));
  return {std::make_unique<LoadComputed>(context.inputs->computed.size() - 1, context.result.element),
          context.result.element};
}

Bound bind_constant(const BindContext& context) {
  return {std::make_unique<ConstantOperation>(
              Constant::parse(member(*context.members, "value"), context.result.element)),
          context.result.element};
}

Bound bind_row_number(const BindContext& context) {
  context.inputs->positions = true;
  return {std::make_unique<RowNumber>(), Element::kInt64};
}

Bound bind_random(const BindContext& context) {
  context.inputs->positions = true;
  return {std::make_unique<Random>(context.stream), Element::kInt32};
}

constexpr Kernel kKernels[] = {
    {"column", 0, 0, &bind_column},         {"cell", 0, 0, &bind_cell},
    {"computed", 0, 0, &bind_computed},     {"constant", 0, 0, &bind_constant},
    {"row_number", 0, 0, &bind_row_number}, {"random", 0, 0, &bind_random},
};

}  // namespace

void load_column(const Column& column, const Batch& batch, Register& out) {
  switch (column.layout()) {
    case Layout::kDense:
      if (column.rank() == 0) {
        load_scalars(column, batch, out);
      } else {
        load_dense_arrays(column, batch, out);
      }
      break;
    case Layout::kRagged:
      load_ragged(column, batch, out);
      break;
    case Layout::kText:
    case Layout::kDictionary:
      load_text(column, batch, out);
      break;
    case Layout::kTextList:
      load_text_list(column, batch, out);
      break;
    case Layout::kList:
      throw EngineError(Code::kInternal, "a nested column cannot be loaded as a whole");
  }
  if (column.validity() == nullptr) return;
  if (batch.picked == nullptr) {
    out.vector.valid = column.validity() + batch.begin;
    return;
  }
  uint8_t* valid = out.make_valid(batch.size);
  for (int64_t i = 0; i < batch.size; ++i) valid[i] = column.validity()[batch.row(i)];
}

void ConstantOperation::evaluate(Frame&, std::span<const Vector* const>, Register& out) const {
  out.vector = constant_.vector();
}

void LoadColumn::evaluate(Frame& frame, std::span<const Vector* const>, Register& out) const {
  load_column(frame.batch.segment->columns[index_], frame.batch, out);
}

std::span<const Kernel> leaf_kernels() noexcept { return kKernels; }

}  // namespace tql_engine
