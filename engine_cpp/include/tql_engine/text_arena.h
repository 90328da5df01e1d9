// Memory for texts that a kernel makes: it stays where it is, so views into it stay valid while more is
// added.
#pragma once

#include <cstddef>
#include <memory>
#include <string_view>
#include <vector>

namespace tql_engine {

class TextArena {
 public:
  /// Forgets every text; keeps the largest piece of memory for the next ones.
  void clear() noexcept;
  /// Room for up to `size` bytes, to be ended by `close`. Throws std::bad_alloc.
  char* open(size_t size);
  /// What was written into the room since `open`; `end` is behind the last byte.
  std::string_view close(const char* end) noexcept;
  /// A copy of a text.
  std::string_view keep(std::string_view text);

 private:
  struct Chunk {
    std::unique_ptr<char[]> bytes;
    size_t size;
  };
  std::vector<Chunk> chunks_;
  size_t used_ = 0;  // of the last chunk
};

}  // namespace tql_engine
