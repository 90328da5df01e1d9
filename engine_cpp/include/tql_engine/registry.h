// The table of all kernels: the only way from a name in a plan to code.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tql_engine/kernel.h"

namespace tql_engine {

/// Null for an unknown name.
const Kernel* find_kernel(std::string_view name) noexcept;
/// Whether a call with arguments of these types may end the query with an error, or calls the host. Arrays
/// whose shapes do not go together are no error where conditions are evaluated.
bool may_fail(std::string_view kernel, std::span<const Type> args) noexcept;
/// The kernels that never do so, whatever the values of arguments of known rank.
std::vector<std::string> safe_kernels();

std::vector<std::string> kernel_names();

// One table per family, each next to its loops.
std::span<const Kernel> leaf_kernels() noexcept;
std::span<const Kernel> compare_kernels() noexcept;
std::span<const Kernel> arithmetic_kernels() noexcept;
std::span<const Kernel> logic_kernels() noexcept;
std::span<const Kernel> cast_kernels() noexcept;
std::span<const Kernel> set_kernels() noexcept;
std::span<const Kernel> text_kernels() noexcept;
std::span<const Kernel> reduce_kernels() noexcept;
std::span<const Kernel> norm_kernels() noexcept;
std::span<const Kernel> array_kernels() noexcept;
std::span<const Kernel> subscript_kernels() noexcept;
std::span<const Kernel> vector_kernels() noexcept;
std::span<const Kernel> weight_kernels() noexcept;
std::span<const Kernel> coalesce_kernels() noexcept;
std::span<const Kernel> maxsim_kernels() noexcept;
std::span<const Kernel> nested_kernels() noexcept;
std::span<const Kernel> registered_kernels() noexcept;
std::span<const Kernel> json_path_kernels() noexcept;
std::span<const Kernel> json_value_kernels() noexcept;
std::span<const Kernel> json_compare_kernels() noexcept;

}  // namespace tql_engine
