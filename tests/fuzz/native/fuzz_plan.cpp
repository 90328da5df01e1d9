// Any plan is run or refused with an EngineError. Beside that only memory may run out, for a plan may ask for
// more rows than a machine holds: each run has a bound, and meets std::bad_alloc behind it. A run that does
// not end by itself is cancelled after a second, as Ctrl-C does; one that does not notice is a finding.
#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>
#include <numeric>
#include <string>
#include <string_view>
#include <vector>

#include "bounded_memory.h"
#include "invented_source.h"
#include "json_text.h"
#include "mutate.h"
#include "tql_engine/executor.h"
#include "tql_engine/status.h"

extern "C" size_t LLVMFuzzerMutate(uint8_t* data, size_t size, size_t max_size);

namespace tql_fuzz {
namespace {

using tql_engine::Code;
using tql_engine::Column;
using tql_engine::Dict;
using tql_engine::EngineError;
using tql_engine::Facet;
using tql_engine::Layout;
using tql_engine::List;
using tql_engine::Value;

constexpr size_t kMemory = size_t{96} << 20;
constexpr std::chrono::seconds kPatience{1};
constexpr int64_t kReadRows = 1 << 12;  // of an answer's columns

uint64_t sum_of(std::string_view bytes) {
  uint64_t sum = 0;
  for (const char c : bytes) sum = sum * 31 + static_cast<unsigned char>(c);
  return sum;
}

/// Looks at every byte of a column that a row of it reaches.
uint64_t look_at(const Column& column) {
  uint64_t sum = 0;
  for (int64_t row = 0; row < column.length(); ++row) {
    std::vector<int64_t> extents(static_cast<size_t>(column.shape_rank()));
    column.shape_at(row, extents.data());
    sum += std::accumulate(extents.begin(), extents.end(), uint64_t{column.is_null(row)});
    if (column.layout() == Layout::kText) sum += sum_of(column.text_at(row));
  }
  if (column.layout() == Layout::kTextList && column.length() > 0) {
    for (int64_t i = column.row_offsets().front(); i < column.row_offsets().back(); ++i)
      sum += sum_of(column.string_at(i));
  } else if (column.layout() == Layout::kList && column.length() > 0) {
    sum += look_at(column.items().slice(column.row_offsets().front(), column.row_offsets().back()));
  } else if (column.layout() == Layout::kDense ||
             (column.layout() == Layout::kRagged && column.length() > 0)) {
    const bool dense = column.layout() == Layout::kDense;
    const int64_t first = dense ? 0 : column.offsets().front();
    const int64_t last = dense ? column.value_count() : column.offsets().back();
    const int64_t size = tql_engine::element_size(column.element());
    sum += sum_of({column.values<char>() + first * size, static_cast<size_t>((last - first) * size)});
  }
  return sum;
}

volatile uint64_t sink = 0;

/// Reads the columns of a source that the plan made, as a view of the answer does.
void read_made(const tql_engine::ExecuteResult& result, const Value& plan) {
  std::vector<int64_t> rows(static_cast<size_t>(std::min(result.selection.size(), kReadRows)));
  result.selection.copy_rows(result.selection.size() - static_cast<int64_t>(rows.size()), rows);
  std::reverse(rows.begin(), rows.end());
  const int64_t stop = std::min(result.made->num_rows(), kReadRows);
  for (const Value& item : *member(*plan.get_if<Dict>(), "output").get_if<List>()) {
    const Dict& column = *item.get_if<Dict>();
    if (as_string(member(column, "from"), "from") != "source") continue;
    const auto named = column.find("column");
    const Value& name = named == column.end() ? member(column, "name") : named->second;
    for (const Facet facet : {Facet::kShape, Facet::kValues}) {
      try {
        sink = sink + look_at(result.made->read(as_string(name, "column"), facet, 0, stop));
        sink = sink + look_at(result.made->take(as_string(name, "column"), facet, rows));
      } catch (const EngineError&) {  // the other columns are read all the same
      }
    }
  }
}

/// How a run ended, for whoever looks into a finding.
void say(const char* end) {
  static const bool wanted = std::getenv("TQL_FUZZ_SAY") != nullptr;
  if (wanted) std::fprintf(stderr, "%s\n", end);
}

void run(const Value& plan) {
  const auto end = std::chrono::steady_clock::now() + kPatience;
  const auto cancel = [end] {
    if (std::chrono::steady_clock::now() > end) throw EngineError(Code::kCancelled, "took too long");
  };
  const tql_engine::Sources sources = invent_sources(plan);
  const BoundedMemory bound(kMemory);
  try {
    const auto compiled = tql_engine::Plan::compile(plan);
    const auto result = execute(compiled, sources, {7, 1, cancel, invent_functions(plan)});
    for (const auto& [_, column] : result.columns) sink = sink + look_at(column);
    if (result.made != nullptr) read_made(result, plan);
    say("ran");
  } catch (const EngineError& error) {
    say(error.what());
  } catch (const std::bad_alloc&) {
    say("out of memory");
  }
}

/// Nodes with ids of their own, which parts of other plans do not have.
void renumber(Value& value, int64_t& next) {
  if (auto* list = std::get_if<List>(&value.data)) {
    for (Value& item : *list) renumber(item, next);
  } else if (auto* dict = std::get_if<Dict>(&value.data)) {
    if (dict->contains("op")) (*dict)["id"].data = next++;
    for (auto& [_, item] : *dict) renumber(item, next);
  }
}

size_t write(Value& plan, uint8_t* out, size_t max_size) {
  int64_t next = 0;
  renumber(plan, next);
  const std::string text = write_json(plan);
  if (text.size() > max_size) return 0;
  std::memcpy(out, text.data(), text.size());
  return text.size();
}

std::string_view text_of(const uint8_t* data, size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

}  // namespace
}  // namespace tql_fuzz

extern "C" const char* __asan_default_options() {
  return "allocator_may_return_null=1:max_allocation_size_mb=96:detect_leaks=0:quarantine_size_mb=32";
}
extern "C" const char* __ubsan_default_options() { return "print_stacktrace=1"; }

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (const auto plan = tql_fuzz::read_json(tql_fuzz::text_of(data, size))) tql_fuzz::run(*plan);
  return 0;
}

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size, unsigned seed) {
  auto plan = tql_fuzz::read_json(tql_fuzz::text_of(data, size));
  constexpr unsigned kBytesInstead = 32;  // one in so many changes knows nothing of JSON
  if (!plan || seed % kBytesInstead == 0) return LLVMFuzzerMutate(data, size, max_size);
  const unsigned changes = 1 + seed / kBytesInstead % 3;
  for (unsigned change = 0; change < changes; ++change) tql_fuzz::mutate(*plan, seed * 31 + change);
  const size_t written = tql_fuzz::write(*plan, data, max_size);
  return written == 0 ? size : written;
}

extern "C" size_t LLVMFuzzerCustomCrossOver(const uint8_t* data, size_t size, const uint8_t* other,
                                            size_t other_size, uint8_t* out, size_t max_size, unsigned seed) {
  auto plan = tql_fuzz::read_json(tql_fuzz::text_of(data, size));
  const auto second = tql_fuzz::read_json(tql_fuzz::text_of(other, other_size));
  if (!plan || !second) return 0;
  tql_fuzz::graft(*plan, *second, seed);
  return tql_fuzz::write(*plan, out, max_size);
}
