// The decode pool as Python sees it. The threads of the pool never touch a Python object: what a batch reads
// and writes is kept alive here, by its ticket or, where that is dropped early, by the pool.
#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <algorithm>
#include <chrono>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "arrays.h"
#include "bindings.h"
#include "block_arrays.h"
#include "buffers.h"
#include "tql_engine/decode_pool.h"
#include "tql_engine/encoded_rows.h"
#include "tql_engine/fixed_rows.h"
#include "tql_engine/image_program.h"
#include "tql_engine/row_memory.h"
#include "tql_engine/status.h"
#include "tql_engine/stored_area.h"
#include "tql_engine/types.h"

namespace py = pybind11;

namespace tql_engine::bindings {
namespace {

using Clock = std::chrono::steady_clock;

using Buffers = std::shared_ptr<const std::vector<std::unique_ptr<BorrowedBytes>>>;

/// Encoded rows, their dtype, and the buffers that they lie in.
struct StoredRows {
  EncodedRows rows;
  py::dtype dtype;
  Buffers buffers;
  std::vector<std::shared_ptr<KeptRow>> kept;  ///< of each row, or of none
  mutable py::object decoded{};                ///< the rows as arrays, if these are there already
};

/// Rows of one shape, and the buffers that they lie in.
struct StoredFixedRows {
  std::shared_ptr<const FixedRows> rows;
  py::dtype dtype;
  std::vector<int64_t> shape;
  Buffers buffers;
};

struct SharedRow {
  std::shared_ptr<KeptRow> row;
  py::dtype dtype;
};

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

/// An array for rows: [rows, ...row_shape], or of one row.
py::array empty(const py::dtype& dtype, std::optional<int64_t> rows, std::span<const int64_t> row_shape) {
  std::vector<py::ssize_t> shape;
  if (rows) shape.push_back(static_cast<py::ssize_t>(*rows));
  shape.insert(shape.end(), row_shape.begin(), row_shape.end());
  auto bytes = static_cast<size_t>(dtype.itemsize());
  for (const py::ssize_t extent : shape) bytes *= static_cast<size_t>(extent);  // checked with the rows
  return empty_array(dtype, std::move(shape), bytes);
}

/// Where the rows go: one array where all have one shape, else a list of them.
struct Results {
  py::object object;
  std::vector<uint8_t*> outputs;
};

/// `shapes`: [rows, rank].
Results make_results(const py::dtype& dtype, int64_t rows, std::span<const int64_t> shapes) {
  const size_t rank = rows == 0 ? 0 : shapes.size() / static_cast<size_t>(rows);
  const auto shape = [&](int64_t row) { return shapes.subspan(static_cast<size_t>(row) * rank, rank); };
  bool uniform = rows > 0;
  for (int64_t row = 1; row < rows && uniform; ++row) uniform = std::ranges::equal(shape(0), shape(row));
  Results results;
  results.outputs.resize(static_cast<size_t>(rows));
  if (uniform) {
    py::array array = empty(dtype, rows, shape(0));
    const int64_t row_bytes = array.nbytes() / rows;
    auto* const data = static_cast<uint8_t*>(array.mutable_data());
    for (int64_t row = 0; row < rows; ++row)
      results.outputs[static_cast<size_t>(row)] = data + row * row_bytes;
    results.object = std::move(array);
    return results;
  }
  py::list arrays;
  for (int64_t row = 0; row < rows; ++row) {
    py::array array = empty(dtype, std::nullopt, shape(row));
    results.outputs[static_cast<size_t>(row)] = static_cast<uint8_t*>(array.mutable_data());
    arrays.append(std::move(array));
  }
  results.object = std::move(arrays);
  return results;
}

/// What a batch reads and writes.
struct Memory {
  py::object rows;
  py::object result;
};

class Pool {
 public:
  explicit Pool(int threads) : pool_(threads) {}

  int threads() const noexcept { return pool_.threads(); }

  void submit(const std::shared_ptr<PoolBatch>& batch) {
    release_idle();
    pool_.submit(batch);
  }

  void close() {
    {
      const py::gil_scoped_release released;
      pool_.close();
    }
    release_idle();
  }

  void keep(std::shared_ptr<PoolBatch> batch, Memory memory) {
    abandoned_.emplace_back(std::move(batch), std::move(memory));
  }

 private:
  void release_idle() {
    // Moved out first: letting go of an object may run Python code that comes back here.
    std::vector<std::pair<std::shared_ptr<PoolBatch>, Memory>> candidates = std::exchange(abandoned_, {});
    for (auto& entry : candidates) {
      if (!entry.first->idle()) abandoned_.push_back(std::move(entry));
    }
  }

  std::vector<std::pair<std::shared_ptr<PoolBatch>, Memory>> abandoned_;
  DecodePool pool_;  // after what it uses: its threads end first
};

class Ticket {
 public:
  Ticket(std::shared_ptr<Pool> pool, std::shared_ptr<PoolBatch> batch, Memory memory)
      : pool_(std::move(pool)), batch_(std::move(batch)), memory_(std::move(memory)) {}

  ~Ticket() {
    batch_->cancel();
    if (!batch_->idle()) pool_->keep(batch_, std::move(memory_));
  }
  Ticket(const Ticket&) = delete;
  Ticket& operator=(const Ticket&) = delete;

  bool done() const noexcept { return batch_->done(); }

  py::object wait(std::optional<double> timeout) {
    constexpr auto kBetweenSignals = std::chrono::milliseconds(50);
    constexpr double kForever = 1e9;  // seconds
    const auto limit = std::chrono::duration<double>(std::clamp(timeout.value_or(kForever), 0.0, kForever));
    const auto end = Clock::now() + std::chrono::duration_cast<Clock::duration>(limit);
    bool done = batch_->done();
    while (!done) {
      const auto left = std::max(end - Clock::now(), Clock::duration::zero());
      {
        const py::gil_scoped_release released;
        done = batch_->wait_for(std::min<Clock::duration>(left, kBetweenSignals));
      }
      if (done) break;
      if (PyErr_CheckSignals() != 0) throw py::error_already_set();
      if (Clock::now() >= end) {
        PyErr_SetString(PyExc_TimeoutError, "the rows are not decoded yet");
        throw py::error_already_set();
      }
    }
    if (batch_->idle()) memory_.rows = py::object();  // the result may be held for long
    batch_->check();
    return memory_.result;
  }

 private:
  std::shared_ptr<Pool> pool_;
  std::shared_ptr<PoolBatch> batch_;
  Memory memory_;
};

/// What the rows become by the program: float32 [channels, height, width], or uint8 with the axes of the
/// rows.
Results make_images(const EncodedRows& rows, const ImageProgram& program) {
  const bool floats = program.floats();
  std::vector<int64_t> shapes;
  for (int64_t row = 0; row < rows.size(); ++row) {
    try {
      const auto [height, width, channels] = program.shape_of(rows.image_shape(row));
      if (floats) {
        shapes.insert(shapes.end(), {channels, height, width});
      } else {
        shapes.insert(shapes.end(), {height, width});
        if (rows.rank() == 3 || channels != 1) shapes.push_back(channels);
      }
    } catch (const EngineError& error) {
      throw EngineError(error.code(), error.message(), row);
    }
  }
  return make_results(floats ? py::dtype::of<float>() : py::dtype::of<uint8_t>(), rows.size(), shapes);
}

std::unique_ptr<Ticket> start(const std::shared_ptr<Pool>& pool, const py::object& object, Results results,
                              std::optional<ImageWork> work) {
  const auto& stored = object.cast<const StoredRows&>();
  auto batch =
      std::make_shared<DecodeBatch>(stored.rows, std::move(results.outputs), std::move(work), stored.kept);
  auto ticket = std::make_unique<Ticket>(pool, batch, Memory{object, std::move(results.object)});
  pool->submit(batch);
  return ticket;
}

std::unique_ptr<Ticket> submit_fixed(const std::shared_ptr<Pool>& pool, const py::object& object) {
  const auto& stored = object.cast<const StoredFixedRows&>();
  py::array array = empty(stored.dtype, stored.rows->size(), stored.shape);
  auto batch = std::make_shared<GatherBatch>(stored.rows, static_cast<uint8_t*>(array.mutable_data()));
  auto ticket = std::make_unique<Ticket>(pool, batch, Memory{object, std::move(array)});
  pool->submit(batch);
  return ticket;
}

void check_codec(const EncodedRows& rows) {
  if (has_codec(rows.codec())) return;
  throw EngineError(Code::kValue, "this build has no " + std::string(codec_name(rows.codec())) + " codec");
}

std::unique_ptr<Ticket> submit(const std::shared_ptr<Pool>& pool, const py::object& object) {
  if (py::isinstance<StoredFixedRows>(object)) return submit_fixed(pool, object);
  const auto& stored = object.cast<const StoredRows&>();
  check_codec(stored.rows);
  if (stored.decoded) {
    const auto batch = std::make_shared<DecodeBatch>(stored.rows.take({}), std::vector<uint8_t*>());
    auto ticket =
        std::make_unique<Ticket>(pool, batch, Memory{object, std::exchange(stored.decoded, py::object())});
    pool->submit(batch);
    return ticket;
  }
  return start(pool, object, make_results(stored.dtype, stored.rows.size(), stored.rows.shapes()),
               std::nullopt);
}

std::unique_ptr<Ticket> submit_images(const std::shared_ptr<Pool>& pool, const py::object& object,
                                      const std::shared_ptr<ImageProgram>& program, uint64_t seed,
                                      uint64_t epoch, const Array<int64_t>& places) {
  const auto& stored = object.cast<const StoredRows&>();
  check_codec(stored.rows);
  if (!stored.dtype.equal(py::dtype::of<uint8_t>())) {
    throw py::value_error("images have dtype uint8, not " + py::str(stored.dtype).cast<std::string>());
  }
  const std::span<const int64_t> at = view(places, "places");
  if (static_cast<int64_t>(at.size()) != stored.rows.size()) {
    throw py::value_error("places must have one entry per row");
  }
  Results results = make_images(stored.rows, *program);
  return start(pool, object, std::move(results), ImageWork{program, seed, epoch, {at.begin(), at.end()}});
}

}  // namespace

void register_decode(py::module_& module) {
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
  py::class_<Ticket>(module, "DecodeTicket", "A batch being decoded.")
      .def("wait", &Ticket::wait, py::arg("timeout") = py::none())
      .def("done", &Ticket::done);
  py::class_<Pool, std::shared_ptr<Pool>>(module, "DecodePool", "Threads that decode rows into NumPy arrays.")
      .def(py::init<int>(), py::arg("threads") = 0)
      .def_property_readonly("threads", &Pool::threads)
      .def("submit", &submit, py::arg("rows"))
      .def("submit_images", &submit_images, py::arg("rows"), py::arg("program"), py::arg("seed"),
           py::arg("epoch"), py::arg("places"))
      .def("close", &Pool::close);
}

}  // namespace tql_engine::bindings
