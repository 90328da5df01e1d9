// Filter over a range of a source.
#pragma once

#include <memory>
#include <vector>

#include "tql_engine/execution.h"

namespace tql_engine {

using ConjunctEvaluators = std::vector<std::vector<std::unique_ptr<Evaluator>>>;  // per conjunct and worker

ConjunctEvaluators make_evaluators(Execution& execution, const Condition& condition, const SourcePtr& source);

/// The rows of the source that pass; the input is a range of them.
Selection filter_range(Execution& execution, const Condition& condition, const Relation& input);

}  // namespace tql_engine
