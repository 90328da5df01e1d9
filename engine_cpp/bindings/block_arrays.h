// NumPy arrays in the engine's own blocks.
#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "tql_engine/block_cache.h"

namespace tql_engine::bindings {

/// An array like NumPy's `empty` makes it, in memory of earlier arrays where it is large: the system would
/// clear every page first, and its allocator keeps what it can't put together again. `bytes` are those of the
/// shape.
inline pybind11::array empty_array(const pybind11::dtype& dtype, std::vector<pybind11::ssize_t> shape,
                                   size_t bytes) {
  if (bytes < kLargeBlock) return pybind11::array(dtype, std::move(shape));
  auto block = std::make_unique<Block>(allocate_block(bytes));
  void* const memory = block->memory;
  const pybind11::capsule owner(block.get(), [](void* pointer) {
    const std::unique_ptr<Block> freed(static_cast<Block*>(pointer));
    free_block(*freed);
  });
  [[maybe_unused]] const Block* const owned = block.release();
  return pybind11::array(dtype, std::move(shape), memory, owner);
}

/// uint8 [size]
inline pybind11::array_t<uint8_t> empty_bytes(size_t size) {
  return empty_array(pybind11::dtype::of<uint8_t>(), {static_cast<pybind11::ssize_t>(size)}, size);
}

}  // namespace tql_engine::bindings
