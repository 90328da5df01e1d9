// Whole spans of random numbers at a time.
#include "tql_engine/random.h"

#include <cstddef>

namespace tql_engine {

void RandomStream::fill_uniform(uint64_t first, std::span<double> out) const noexcept {
  size_t done = 0;
  if (first % 2 == 1 && !out.empty()) out[done++] = uniform(first);
  for (; done + 2 <= out.size(); done += 2) {
    const std::array<uint64_t, 2> pair = block((first + done) >> 1);
    out[done] = unit_interval(pair[0]);
    out[done + 1] = unit_interval(pair[1]);
  }
  if (done < out.size()) out[done] = uniform(first + done);
}

}  // namespace tql_engine
