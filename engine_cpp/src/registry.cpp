// All kernels by name.
#include "tql_engine/registry.h"

#include <array>
#include <map>

namespace tql_engine {
namespace {

using Index = std::map<std::string_view, const Kernel*>;

const Index& index() {
  static const Index all = [] {
    Index made;
    for (const auto family :
         {leaf_kernels(),       compare_kernels(),   arithmetic_kernels(), logic_kernels(),
          cast_kernels(),       set_kernels(),       text_kernels(),       reduce_kernels(),
          norm_kernels(),       array_kernels(),     subscript_kernels(),  vector_kernels(),
          weight_kernels(),     coalesce_kernels(),  maxsim_kernels(),     nested_kernels(),
          registered_kernels(), json_path_kernels(), json_value_kernels(), json_compare_kernels()}) {
      for (const Kernel& kernel : family) made.emplace(kernel.name, &kernel);
    }
    return made;
  }();
  return all;
}

}  // namespace

const Kernel* find_kernel(std::string_view name) noexcept {
  const auto found = index().find(name);
  return found == index().end() ? nullptr : found->second;
}

std::vector<std::string> kernel_names() {
  std::vector<std::string> names;
  for (const auto& [name, kernel] : index()) names.emplace_back(name);
  return names;
}

}  // namespace tql_engine
