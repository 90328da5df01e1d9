// Where the stored rows of a column lie, as Python says it: in its buffers, in files, or decoded already.
#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "buffers.h"
#include "tql_engine/encoded_rows.h"
#include "tql_engine/fixed_rows.h"
#include "tql_engine/kept_row.h"

namespace tql_engine::bindings {

using Buffers = std::shared_ptr<const std::vector<std::unique_ptr<BorrowedBytes>>>;

/// Encoded rows, their dtype, and the buffers that they lie in.
struct StoredRows {
  EncodedRows rows;
  pybind11::dtype dtype;
  Buffers buffers;
  std::vector<std::shared_ptr<KeptRow>> kept;  ///< of each row, or of none
  mutable pybind11::object decoded{};          ///< the rows as arrays, if these are there already
};

/// Rows of one shape, and the buffers that they lie in.
struct StoredFixedRows {
  std::shared_ptr<const FixedRows> rows;
  pybind11::dtype dtype;
  std::vector<int64_t> shape;
  Buffers buffers;
};

struct SharedRow {
  std::shared_ptr<KeptRow> row;
  pybind11::dtype dtype;
};

}  // namespace tql_engine::bindings
