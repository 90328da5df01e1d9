// Rows before they are decoded: how Python makes them, takes some of them, and shares them among batches.
#include "stored_rows.h"

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "arrays.h"
#include "bindings.h"
#include "buffers.h"
#include "tql_engine/row_memory.h"
#include "tql_engine/stored_area.h"
#include "tql_engine/types.h"

namespace py = pybind11;

namespace tql_engine::bindings {
namespace {

void set_file(StoredFiles& files, int64_t number, const py::bytes& path, int64_t size, int64_t modified,
              uint64_t inode) {
  constexpr int64_t kMostFiles = int64_t{1} << 31;
  if (number < 0 || number >= kMostFiles) throw py::value_error("impossible number of a file");
  files.set(static_cast<size_t>(number), {path, {size, modified, inode}});
}

py::array_t<int64_t> add_parts(StoredArea& area, const StoredFiles& files, const Array<int64_t>& numbers,
                               const Array<int64_t>& offsets, const Array<int64_t>& sizes) {
  const std::vector<int64_t> places =
      area.add(files, view(numbers, "numbers"), view(offsets, "offsets"), view(sizes, "sizes"));
  return py::array_t<int64_t>(static_cast<py::ssize_t>(places.size()), places.data());
}

void check_numeric(const py::dtype& dtype) {
  if (std::string("biuf").find(dtype.kind()) == std::string::npos) {
    throw py::value_error("rows cannot be decoded to dtype " + py::str(dtype).cast<std::string>());
  }
}

std::unique_ptr<StoredRows> make_rows(const std::string& codec_text, const py::dtype& dtype,
                                      const py::sequence& buffers, const Array<int32_t>& buffer_index,
                                      const Array<int64_t>& offsets, const Array<int64_t>& sizes,
                                      const Array<int64_t>& shapes) {
  const std::optional<Codec> codec = parse_codec(codec_text);
  if (!codec) throw py::value_error("codec must be 'raw', 'jpeg' or 'lz4', not '" + codec_text + "'");
  check_numeric(dtype);
  if (*codec == Codec::kJpeg && !dtype.equal(py::dtype::of<uint8_t>())) {
    throw py::value_error("jpeg images have dtype uint8, not " + py::str(dtype).cast<std::string>());
  }
  if (shapes.ndim() != 2 || shapes.shape(1) > kMaxRank) {
    throw py::value_error("shapes must have two dimensions, [rows, rank]");
  }
  auto borrowed = std::make_shared<std::vector<std::unique_ptr<BorrowedBytes>>>();
  EncodedRows::Buffers spans;
  for (const py::handle buffer : buffers) {
    if (py::isinstance<StoredArea>(buffer)) {
      auto area = buffer.cast<std::shared_ptr<StoredArea>>();
      area->seal();
      spans.push_back({area->bytes(), area});
      continue;
    }
    borrowed->push_back(std::make_unique<BorrowedBytes>(py::reinterpret_borrow<py::object>(buffer)));
    spans.push_back({borrowed->back()->bytes(), nullptr});
  }
  return std::make_unique<StoredRows>(
      StoredRows{EncodedRows(*codec, dtype.itemsize(), static_cast<int>(shapes.shape(1)), spans,
                             view(buffer_index, "buffer_index"), view(offsets, "offsets"),
                             view(sizes, "sizes"), {shapes.data(), static_cast<size_t>(shapes.size())}),
                 dtype,
                 std::move(borrowed),
                 {}});
}

std::unique_ptr<StoredFixedRows> make_fixed_rows(const py::dtype& dtype, std::vector<int64_t> shape,
                                                 const py::sequence& buffers, const Array<int64_t>& firsts,
                                                 const Array<int64_t>& rows) {
  check_numeric(dtype);
  if (shape.size() > kMaxRank) throw py::value_error("rows have too many axes");
  const std::optional<int64_t> items = checked_product(shape.data(), static_cast<int>(shape.size()));
  if (!items || *items > std::numeric_limits<int64_t>::max() / dtype.itemsize()) {
    throw py::value_error("rows have an impossible shape");
  }
  const std::span<const int64_t> first = view(firsts, "firsts");
  if (first.size() != buffers.size()) throw py::value_error("firsts must have one entry per buffer");
  auto borrowed = std::make_shared<std::vector<std::unique_ptr<BorrowedBytes>>>();
  std::vector<FixedRows::Piece> pieces;
  for (const py::handle buffer : buffers) {
    borrowed->push_back(std::make_unique<BorrowedBytes>(py::reinterpret_borrow<py::object>(buffer)));
    pieces.push_back({first[pieces.size()], borrowed->back()->bytes()});
  }
  auto found = std::make_shared<const FixedRows>(*items * dtype.itemsize(), pieces, view(rows, "rows"));
  return std::make_unique<StoredFixedRows>(
      StoredFixedRows{std::move(found), dtype, std::move(shape), std::move(borrowed)});
}

py::array_t<int64_t> ranges_of_rows(const Array<int64_t>& lasts, const Array<int64_t>& rows) {
  const std::vector<int64_t> ranges = ranges_with(view(lasts, "lasts"), view(rows, "rows"));
  return py::array_t<int64_t>(static_cast<py::ssize_t>(ranges.size()), ranges.data());
}

std::unique_ptr<StoredRows> adopt_each(const py::list& arrays) {
  if (arrays.empty()) throw py::value_error("there are no rows to adopt");
  const auto first = py::cast<py::array>(arrays[0]);
  const auto rows = static_cast<py::ssize_t>(arrays.size());
  Array<int32_t> buffer_index(rows);
  Array<int64_t> offsets(rows);
  Array<int64_t> sizes(rows);
  Array<int64_t> shapes(std::vector<py::ssize_t>{rows, first.ndim()});
  for (py::ssize_t row = 0; row < rows; ++row) {
    const auto array = py::cast<py::array>(arrays[static_cast<size_t>(row)]);
    if (array.ndim() != first.ndim() || !array.dtype().equal(first.dtype()))
      throw py::value_error("rows must have one dtype and one number of axes");
    buffer_index.mutable_at(row) = static_cast<int32_t>(row);
    offsets.mutable_at(row) = 0;
    sizes.mutable_at(row) = array.nbytes();
    for (py::ssize_t axis = 0; axis < first.ndim(); ++axis) shapes.mutable_at(row, axis) = array.shape(axis);
  }
  auto adopted = make_rows("raw", first.dtype(), arrays, buffer_index, offsets, sizes, shapes);
  adopted->decoded = arrays;
  return adopted;
}

std::unique_ptr<StoredRows> adopt_rows(const py::array& array) {
  if (array.ndim() < 1 || (array.flags() & py::array::c_style) == 0)
    throw py::value_error("the array must be C-contiguous and have an axis of rows");
  const auto rows = static_cast<py::ssize_t>(array.shape(0));
  const int64_t row_bytes = rows == 0 ? 0 : array.nbytes() / rows;
  const auto rank = array.ndim() - 1;
  Array<int32_t> buffer_index(rows);
  Array<int64_t> offsets(rows);
  Array<int64_t> sizes(rows);
  Array<int64_t> shapes(std::vector<py::ssize_t>{rows, rank});
  for (py::ssize_t row = 0; row < rows; ++row) {
    buffer_index.mutable_at(row) = 0;
    offsets.mutable_at(row) = row * row_bytes;
    sizes.mutable_at(row) = row_bytes;
    for (py::ssize_t axis = 0; axis < rank; ++axis) shapes.mutable_at(row, axis) = array.shape(axis + 1);
  }
  auto adopted = make_rows("raw", array.dtype(), py::make_tuple(array), buffer_index, offsets, sizes, shapes);
  adopted->decoded = array;
  return adopted;
}

StoredRows take_rows(const StoredRows& stored, const Array<int64_t>& rows) {
  const std::span<const int64_t> wanted = view(rows, "rows");
  StoredRows taken{stored.rows.take(wanted), stored.dtype, stored.buffers, {}};
  if (stored.kept.empty()) return taken;
  for (const int64_t row : wanted) taken.kept.push_back(stored.kept[static_cast<size_t>(row)]);
  return taken;
}

std::vector<SharedRow> keep_rows(const StoredRows& stored, const Array<int64_t>& rows,
                                 const std::shared_ptr<RowMemory>& memory) {
  std::vector<SharedRow> kept;
  for (const int64_t row : view(rows, "rows")) {
    if (row < 0 || row >= stored.rows.size())
      throw py::index_error("row is out of range: " + std::to_string(row));
    kept.push_back({std::make_shared<KeptRow>(stored.rows, row, memory), stored.dtype});
  }
  return kept;
}

std::optional<StoredRows> join_rows(const StoredRows* rows, const Array<int64_t>& slots,
                                    const std::vector<const SharedRow*>& shared) {
  std::vector<const EncodedRows*> singles;
  for (const SharedRow* const row : shared) singles.push_back(&row->row->encoded());
  const std::span<const int64_t> wanted = view(slots, "slots");
  std::optional<EncodedRows> joined =
      EncodedRows::join(rows == nullptr ? nullptr : &rows->rows, wanted, singles);
  if (!joined) return std::nullopt;
  StoredRows result{std::move(*joined),
                    rows == nullptr ? shared.front()->dtype : rows->dtype,
                    rows == nullptr ? nullptr : rows->buffers,
                    {}};
  for (const int64_t slot : wanted) {
    result.kept.push_back(slot < 0 ? shared[static_cast<size_t>(-1 - slot)]->row : nullptr);
  }
  return result;
}

py::tuple tuple_of(std::span<const int64_t> extents) {
  py::tuple result(extents.size());
  for (size_t i = 0; i < extents.size(); ++i) result[i] = extents[i];
  return result;
}

py::array_t<int64_t> shapes_of(const StoredRows& stored) {
  const std::span<const int64_t> shapes = stored.rows.shapes();
  return py::array_t<int64_t>(std::vector<py::ssize_t>{stored.rows.size(), stored.rows.rank()},
                              shapes.data());
}

py::object uniform_shape(const StoredRows& stored) {
  if (!stored.rows.uniform()) return py::none();
  return tuple_of(stored.rows.shape(0));
}

py::bytes row_bytes(const StoredRows& stored, int64_t row) {
  if (row < 0 || row >= stored.rows.size())
    throw py::index_error("row is out of range: " + std::to_string(row));
  const std::span<const uint8_t> bytes = [&] {
    const py::gil_scoped_release released;
    if (!stored.kept.empty() && stored.kept[static_cast<size_t>(row)])
      stored.kept[static_cast<size_t>(row)]->fill();
    return stored.rows.stored(row);
  }();
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}
}  // namespace

void register_stored_rows(py::module_& module) {
  py::class_<StoredFiles>(module, "StoredFiles", "Files by number, and what they were when they were opened.")
      .def(py::init<>())
      .def("set", &set_file, py::arg("number"), py::arg("path"), py::arg("size"), py::arg("modified"),
           py::arg("inode"));
  py::class_<StoredArea, std::shared_ptr<StoredArea>>(
      module, "StoredArea", "Parts of files that are read when a row in them is needed: a buffer of rows.")
      .def(py::init<>())
      .def("add", &add_parts, py::arg("files"), py::arg("numbers"), py::arg("offsets"), py::arg("sizes"));
  py::class_<RowMemory, std::shared_ptr<RowMemory>>(module, "RowMemory", "Memory for rows that are kept.")
      .def(py::init<>());
  py::class_<SharedRow>(module, "KeptRow", "A row that several batches have, made once.");
  py::class_<StoredRows>(module, "EncodedRows",
                         "Where the stored bytes of rows lie, and what they decode to.")
      .def(py::init(&make_rows), py::arg("codec"), py::arg("dtype"), py::arg("buffers"),
           py::arg("buffer_index"), py::arg("offsets"), py::arg("sizes"), py::arg("shapes"))
      .def("__len__", [](const StoredRows& stored) { return stored.rows.size(); })
      .def_property_readonly(
          "codec", [](const StoredRows& stored) { return std::string(codec_name(stored.rows.codec())); })
      .def_property_readonly("dtype", [](const StoredRows& stored) { return stored.dtype; })
      .def_property_readonly("shapes", &shapes_of)
      .def_property_readonly("uniform_shape", &uniform_shape)
      .def("row_bytes", &row_bytes, py::arg("row"))
      .def("take", &take_rows, py::arg("rows"))
      .def("keep", &keep_rows, py::arg("rows"), py::arg("memory"))
      .def_static("adopt", &adopt_each, py::arg("arrays"))
      .def_static("adopt", &adopt_rows, py::arg("array"))
      .def_static("join", &join_rows, py::arg("rows").none(true), py::arg("slots"), py::arg("kept"));
  py::class_<StoredFixedRows>(module, "FixedRows", "Where rows of one shape lie in memory.")
      .def(py::init(&make_fixed_rows), py::arg("dtype"), py::arg("shape"), py::arg("buffers"),
           py::arg("firsts"), py::arg("rows"))
      .def("__len__", [](const StoredFixedRows& stored) { return stored.rows->size(); })
      .def_static("ranges_with", &ranges_of_rows, py::arg("lasts"), py::arg("rows"));
}

}  // namespace tql_engine::bindings
