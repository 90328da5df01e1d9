// The few things that native tests need of a test framework.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <source_location>

namespace tql_test {

/// Ends the program if `condition` is false.
inline void check(bool condition, const std::source_location& place = std::source_location::current()) {
  if (condition) return;
  std::fprintf(stderr, "%s:%u: check failed in %s\n", place.file_name(), static_cast<unsigned>(place.line()),
               place.function_name());
  std::exit(1);
}

void test_thread_pool();
void test_block_cache();
void test_memory_budget();
void test_selection();
void test_set_ops();
void test_sort();
void test_stored_area();
void test_decode_pool();
void test_image_program();
void test_masks();
void test_sampling();
void test_codec();
void test_json();

}  // namespace tql_test
