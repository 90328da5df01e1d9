// Bits of texts that lie one behind the other: where a needle begins, and which texts are equal to another.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "tql_engine/offsets.h"

namespace tql_engine {

/// Texts one behind the other: text i is bytes [offsets[i], offsets[i + 1]) of `data`, of which there are
/// `size`.
struct Texts {
  const char* data;
  int64_t size;
  Offsets offsets;

  int64_t start(int64_t text) const noexcept { return offsets[static_cast<size_t>(text)]; }
};

/// A needle of at least one byte. Where the case is ignored, ASCII letters of the needle are lower case and
/// match both.
class Needle {
 public:
  Needle(std::string bytes, bool ignore_case);

  const std::string& bytes() const noexcept { return bytes_; }
  bool ignores_case() const noexcept { return ignore_case_; }
  int64_t size() const noexcept { return static_cast<int64_t>(bytes_.size()); }
  bool is_at(const char* text) const noexcept;

  /// Bit i of `words` becomes whether the needle begins at byte begin + i of `data`; it may reach beyond
  /// begin + n, but not beyond the data.
  void find(const char* data, int64_t size, int64_t begin, int64_t n, uint64_t* words) const noexcept;

  /// The bytes that are compared for all places at once: these, after OR with `fold`.
  static constexpr size_t kProbes = 4;
  struct Probe {
    int64_t offset;
    uint8_t fold;
    uint8_t byte;
  };
  const Probe* probes() const noexcept { return probes_; }
  /// The probes are all bytes there are.
  bool is_probed() const noexcept { return bytes_.size() <= kProbes; }

 private:
  std::string bytes_;
  bool ignore_case_;
  Probe probes_[kProbes];
};

/// Bit i of `words` becomes whether text first + i is `text`.
void equal_texts(const Texts& texts, const std::string& text, int64_t first, int64_t n, uint64_t* words);

/// No byte is above 127.
bool is_ascii(const char* data, int64_t n) noexcept;

}  // namespace tql_engine
