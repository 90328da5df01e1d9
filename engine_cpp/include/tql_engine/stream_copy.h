// Copies to memory that the thread won't read soon.
#pragma once

#include <cstddef>
#include <cstdint>

namespace tql_engine {

/// Like memcpy. Large copies go past the caches: memory is not read only to be overwritten, and what the
/// caches hold stays there.
void stream_copy(uint8_t* to, const uint8_t* from, size_t bytes) noexcept;

}  // namespace tql_engine
