// Simple lower case of Unicode characters.
#pragma once

#include <cstdint>

namespace tql_engine {

char32_t lower_case(char32_t character) noexcept;

}  // namespace tql_engine
