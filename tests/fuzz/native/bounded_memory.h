// A bound for the memory of one run, so that what asks for more meets std::bad_alloc, as it would on a
// machine that has no more, instead of ending the fuzzer.
#pragma once

#include <cstddef>

namespace tql_fuzz {

/// While it lives, `new` of this thread throws std::bad_alloc beyond `bytes` in all.
class BoundedMemory {
 public:
  explicit BoundedMemory(size_t bytes);
  ~BoundedMemory();
  BoundedMemory(const BoundedMemory&) = delete;
  BoundedMemory& operator=(const BoundedMemory&) = delete;
};

}  // namespace tql_fuzz
