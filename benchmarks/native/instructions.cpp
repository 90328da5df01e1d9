// Runs one plan on columns in memory with one thread, for valgrind's callgrind to count the instructions of:
//
//   tql_instructions PLAN ROWS rows|count       PLAN is a file with a plan as JSON
//
// The plan runs once to warm up; then callgrind is told to start, for the second run alone. "rows" lists the
// rows of the answer as int64, "count" only counts them.
#include <valgrind/callgrind.h>

#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <random>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "../../tests/fuzz/native/json_text.h"
#include "tql_engine/executor.h"
#include "tql_engine/plan.h"

namespace {

using tql_engine::Column;
using tql_engine::Element;

/// The columns that benchmarks/instructions.py describes, `rows` rows of each.
class BenchmarkSource final : public tql_engine::Source {
 public:
  explicit BenchmarkSource(int64_t rows) : rows_(rows) {}

  int64_t num_rows() override { return rows_; }
  std::vector<tql_engine::RowRange> partitions(std::span<const std::string>) override { return {{0, rows_}}; }
  Column read(const std::string& column, tql_engine::Facet, int64_t start, int64_t stop) override {
    return whole(column).slice(start, stop);
  }
  Column take(const std::string& column, tql_engine::Facet, std::span<const int64_t> rows) override {
    return whole(column).take(rows);
  }

 private:
  const Column& whole(const std::string& name) {
    const auto found = columns_.find(name);
    return found != columns_.end() ? found->second : columns_.emplace(name, made(name)).first->second;
  }

  Column made(const std::string& name) {
    std::minstd_rand dice(1);
    if (name == "labels") return numbers<int32_t>(Element::kInt32, [&] { return dice() % 10; });
    if (name == "hundred") return numbers<int32_t>(Element::kInt32, [&] { return dice() % 100; });
    if (name == "score") return numbers<float>(Element::kFloat32, [&] { return dice() % 100000 / 1e5F; });
    if (name == "categories")
      return ragged<int32_t>(Element::kInt32, 5, {}, [&] { return dice() % 80; }, dice);
    if (name == "boxes")
      return ragged<float>(Element::kFloat32, 20, {4}, [&] { return dice() % 10600 / 100.F; }, dice);
    if (name == "vector") return vectors(dice);
    if (name == "caption") return captions(dice);
    throw std::runtime_error("there is no column " + name);
  }

  template <class T>
  struct Buffers {
    std::vector<T> values;
    std::vector<int64_t> offsets{0};
    std::vector<int64_t> shapes;
  };

  template <class T, class Next>
  Column numbers(Element element, Next next, std::vector<int64_t> shape = {}, int64_t each = 1) {
    const auto kept = std::make_shared<std::vector<T>>(static_cast<size_t>(rows_ * each));
    for (T& value : *kept) value = static_cast<T>(next());
    const auto bytes = static_cast<int64_t>(kept->size() * sizeof(T));
    return Column::dense(element, kept->data(), bytes, rows_, std::move(shape), {}, kept);
  }

  /// 1 to `longest` entries per row, each of shape `inner`.
  template <class T, class Next>
  Column ragged(Element element, int longest, std::vector<int64_t> inner, Next next, std::minstd_rand& dice) {
    const auto kept = std::make_shared<Buffers<T>>();
    for (int64_t row = 0; row < rows_; ++row) {
      const auto entries = static_cast<int64_t>(1 + dice() % static_cast<unsigned>(longest));
      const int64_t count = inner.empty() ? entries : entries * inner.front();
      kept->shapes.push_back(entries);
      kept->shapes.insert(kept->shapes.end(), inner.begin(), inner.end());
      for (int64_t i = 0; i < count; ++i) kept->values.push_back(static_cast<T>(next()));
      kept->offsets.push_back(kept->offsets.back() + count);
    }
    return Column::ragged(element, kept->values.data(), kept->offsets.back(), kept->offsets, kept->shapes,
                          1 + static_cast<int>(inner.size()), {}, kept);
  }

  Column vectors(std::minstd_rand& dice) {
    constexpr int64_t kWidth = 64;
    return numbers<float>(Element::kFloat32, [&] { return dice() % 1000 / 1e3F; }, {kWidth}, kWidth);
  }

  Column captions(std::minstd_rand& dice) {
    constexpr std::array<std::string_view, 8> kWords{"sky", "river",  "sword fight", "wordless",
                                                     "dog", "a tree", "world",       "wo"};
    const auto kept = std::make_shared<Buffers<char>>();
    for (int64_t row = 0; row < rows_; ++row) {
      for (const std::string_view part : {kWords[dice() % 8], std::string_view(" and "), kWords[dice() % 8]})
        kept->values.insert(kept->values.end(), part.begin(), part.end());
      kept->offsets.push_back(static_cast<int64_t>(kept->values.size()));
    }
    return Column::text(kept->offsets, kept->values, {}, kept);
  }

  int64_t rows_;
  std::map<std::string, Column> columns_;
};

int64_t run(const tql_engine::Plan& plan, const tql_engine::Sources& sources, bool list_rows) {
  const auto result = execute(plan, sources, {.seed = 7, .threads = 1, .check_interrupt = {}});
  if (list_rows && !result.selection.indices().empty()) return result.selection.indices().back();
  return result.selection.size();
}

}  // namespace

int main(int argc, char** argv) {
  const std::string mode = argc == 4 ? argv[3] : "";
  if (mode != "rows" && mode != "count") {
    std::fprintf(stderr, "usage: tql_instructions PLAN ROWS rows|count\n");
    return 2;
  }
  try {
    std::ifstream file(argv[1], std::ios::binary);
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    const auto value = tql_fuzz::read_json(text);
    if (!value) throw std::runtime_error("the plan is no JSON");
    const auto plan = tql_engine::Plan::compile(*value);
    tql_engine::Sources sources;
    sources.bound = std::make_shared<BenchmarkSource>(std::strtoll(argv[2], nullptr, 10));
    const int64_t first = run(plan, sources, mode == "rows");
    CALLGRIND_START_INSTRUMENTATION;
    const int64_t second = run(plan, sources, mode == "rows");
    CALLGRIND_STOP_INSTRUMENTATION;
    std::printf("%lld %lld\n", static_cast<long long>(first), static_cast<long long>(second));
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
  return 0;
}
