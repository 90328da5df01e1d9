// Sources with the columns that a plan speaks of, as it describes them, holding values that break things.
#pragma once

#include <cstdint>

#include "tql_engine/executor.h"
#include "tql_engine/value.h"

namespace tql_fuzz {

/// A bound source and one for every key that a scan of the plan names.
tql_engine::Sources invent_sources(const tql_engine::Value& plan);

/// A function for every one that the plan calls: it gives back its first argument.
tql_engine::HostFunctions invent_functions(const tql_engine::Value& plan);

}  // namespace tql_fuzz
