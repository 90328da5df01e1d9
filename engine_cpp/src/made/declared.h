// What the columns of a made source are called, and their types.
#pragma once

#include <vector>

#include "tql_engine/made_source.h"

namespace tql_engine {

template <class Columns>
std::vector<MadeColumn> declared(const Columns& columns) {
  return std::vector<MadeColumn>(columns.begin(), columns.end());
}

}  // namespace tql_engine
