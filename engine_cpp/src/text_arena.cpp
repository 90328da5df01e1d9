// Chunks of memory, each twice as large as the one before.
#include "tql_engine/text_arena.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace tql_engine {

void TextArena::clear() noexcept {
  if (chunks_.size() > 1) {
    std::swap(chunks_.front(), chunks_.back());
    chunks_.resize(1);
  }
  used_ = 0;
}

char* TextArena::open(size_t size) {
  if (chunks_.empty() || chunks_.back().size - used_ < size) {
    constexpr size_t kFirstChunk = 1 << 12;
    const size_t grown = chunks_.empty() ? kFirstChunk : 2 * chunks_.back().size;
    const size_t wanted = std::max(grown, size);
    chunks_.push_back({std::make_unique_for_overwrite<char[]>(wanted), wanted});
    used_ = 0;
  }
  return chunks_.back().bytes.get() + used_;
}

std::string_view TextArena::close(const char* end) noexcept {
  const char* start = chunks_.back().bytes.get() + used_;
  const auto size = static_cast<size_t>(end - start);
  used_ += size;
  return {start, size};
}

std::string_view TextArena::keep(std::string_view text) {
  if (text.empty()) return {};
  char* start = open(text.size());
  std::memcpy(start, text.data(), text.size());
  return close(start + text.size());
}

}  // namespace tql_engine
