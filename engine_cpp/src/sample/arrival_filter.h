// Which rows may arrive before a given time, going by 16 random bits of each: most rows need no more.
#pragma once

#include <cstdint>

namespace tql_engine {

/// Bit i of `words` becomes whether row i may arrive by `time`: never for a weight that is 0, negative or
/// NaN, and always for rows that do arrive. `prefixes` are the highest bits of the rows' random numbers. Bits
/// behind n in the last word become 0.
using EarlyRows = void (*)(const uint16_t* prefixes, const double* weights, int64_t n, double time,
                           uint64_t* words) noexcept;

EarlyRows early_rows() noexcept;

}  // namespace tql_engine
