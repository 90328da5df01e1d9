// Kernels that multiply the rows of two vectors and add up.
#pragma once

#include <memory>

#include "tql_engine/kernel.h"

namespace tql_engine {

/// For all elements but text. The result is a double; that of a vector of zeros is 0.
std::unique_ptr<const Operation> make_cosine(Element element);

/// For floats, which is what the result is too.
std::unique_ptr<const Operation> make_float_dot(Element element);

}  // namespace tql_engine
