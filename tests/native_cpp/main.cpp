// Native tests: what Python can't reach directly, run under the sanitizers too.
#include <cstdio>

#include "check.h"

int main() {
  tql_test::test_thread_pool();
  tql_test::test_block_cache();
  tql_test::test_memory_budget();
  tql_test::test_selection();
  tql_test::test_set_ops();
  tql_test::test_sort();
  tql_test::test_sampling();
  tql_test::test_codec();
  tql_test::test_json();
  tql_test::test_decode_pool();
  tql_test::test_image_program();
  tql_test::test_masks();
  std::puts("native tests passed");
}
