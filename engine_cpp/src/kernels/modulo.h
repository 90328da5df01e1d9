// Remainders of integers, with the sign of the dividend.
#pragma once

#include "tql_engine/loops.h"

namespace tql_engine {

/// The loop for an integer element; false if a divisor is zero. Null for others.
BinaryLoop integer_modulo_loop(Element element) noexcept;

}  // namespace tql_engine
