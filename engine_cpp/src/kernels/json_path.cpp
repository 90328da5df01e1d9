// Paths into JSON documents: keys, indices and slices, one after the other. The value at a path is the bytes
// of the document, nothing is copied; only a slice writes an array of its own. Every step looks at the whole
// of the value that it steps into, since the last of equal keys counts, and thereby checks it.
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "../json/reader.h"
#include "slices.h"
#include "tql_engine/integers.h"
#include "tql_engine/loops.h"
#include "tql_engine/registry.h"
#include "tql_engine/status.h"

namespace tql_engine {
namespace {

struct Step {
  std::optional<std::string> key;  // a constant one
  int key_of = kAbsent;            // the argument with the key
  SubscriptItem item{};            // otherwise
};

/// Empty if there is no such member.
std::string_view find_member(std::string_view value, std::string_view key) {
  std::string_view found;
  const bool is_object =
      json::for_each_member(value, [&](const json::Key& candidate, std::string_view member) {
        if (candidate.equals(key)) found = member;
      });
  return is_object ? found : std::string_view{};
}

/// Empty if there is no such element.
std::string_view find_element(std::string_view value, int64_t index) {
  if (index < 0) {
    int64_t elements = 0;
    if (!json::for_each_element(value, [&](std::string_view) { ++elements; })) return {};
    if (index + elements < 0) return {};
    index += elements;
  }
  std::string_view found;
  int64_t at = 0;
  const bool is_array = json::for_each_element(value, [&](std::string_view element) {
    if (at++ == index) found = element;
  });
  return is_array ? found : std::string_view{};
}

class JsonGet final : public Operation {
 public:
  JsonGet(std::vector<Step> steps, std::vector<IntegerReader> readers)
      : steps_(std::move(steps)), readers_(std::move(readers)) {}

  void evaluate(Frame& frame, std::span<const Vector* const> args, Register& out) const override {
    bool constant = true;
    for (const Vector* arg : args) {
      if (arg->rank != 0) frame.fail(Code::kInternal, "an array where one value per row was planned");
      constant = constant && arg->is_constant() && arg->valid == nullptr;
    }
    const int64_t rows = frame.size();
    out.texts.clear();
    auto* values = reinterpret_cast<std::string_view*>(out.make_scalars(Element::kText, rows, constant));
    const int64_t count = constant ? std::min<int64_t>(rows, 1) : rows;
    bool all_there = true;
    for (int64_t row = 0; row < count; ++row) {
      values[row] = args[0]->is_valid(row) ? walk(frame, args, row, out.texts) : std::string_view{};
      if (values[row] == "null") values[row] = {};
      all_there = all_there && !values[row].empty();
    }
    if (all_there) return;
    uint8_t* valid = out.make_valid(rows);
    for (int64_t row = 0; row < rows; ++row) {
      valid[row] = static_cast<uint8_t>(!values[row * out.vector.step].empty());
    }
  }

 private:
  /// The value at the path in one row, empty if there is none.
  std::string_view walk(Frame& frame, std::span<const Vector* const> args, int64_t row,
                        TextArena& texts) const {
    auto value = args[0]->at<std::string_view>(row);
    for (const Step& step : steps_) {
      if (step.key) {
        value = find_member(value, *step.key);
      } else if (step.key_of != kAbsent) {
        const Vector& key = *args[static_cast<size_t>(step.key_of)];
        if (!key.is_valid(row)) return {};
        value = find_member(value, key.at<std::string_view>(row));
      } else if (step.item.is_index) {
        const auto index = bound(args, step.item.start, row);
        if (!index) return {};
        value = find_element(value, *index);
      } else {
        value = slice(frame, args, row, step.item, value, texts);
      }
      if (value.empty()) return {};
    }
    return value;
  }

  /// An integer argument in one row, nothing for NULL.
  std::optional<int64_t> bound(std::span<const Vector* const> args, int place, int64_t row) const {
    const auto at = static_cast<size_t>(place);
    if (!args[at]->is_valid(row)) return std::nullopt;
    return readers_[at](args[at]->row_values(row));
  }

  std::string_view slice(Frame& frame, std::span<const Vector* const> args, int64_t row,
                         const SubscriptItem& item, std::string_view value, TextArena& texts) const {
    const std::array<int, 3> places = {item.start, item.stop, item.step};
    std::array<int64_t, 3> given = {0, 0, 1};
    for (size_t i = 0; i < places.size(); ++i) {
      if (places[i] == kAbsent) continue;
      const auto number = bound(args, places[i], row);
      if (!number) return {};
      given[i] = *number;
    }
    const int64_t step = std::max(given[2], -std::numeric_limits<int64_t>::max());
    if (step == 0) frame.fail(Code::kValue, "the step of a slice is zero", row);
    std::vector<std::string_view> elements;
    if (!json::for_each_element(value, [&](std::string_view element) { elements.push_back(element); })) {
      return {};
    }
    const SliceRange range =
        clip_slice(item.start == kAbsent ? nullptr : &given[0], item.stop == kAbsent ? nullptr : &given[1],
                   step, static_cast<int64_t>(elements.size()));
    std::string made = "[";
    for (int64_t i = 0; i < range.length; ++i) {
      if (i > 0) made.push_back(',');
      made += elements[static_cast<size_t>(range.start + i * step)];
    }
    made.push_back(']');
    return texts.keep(made);
  }

  std::vector<Step> steps_;
  std::vector<IntegerReader> readers_;  // per argument; null for documents and keys
};

Bound bind_json_get(const BindContext& context) {
  const auto refuse = [] { throw EngineError(Code::kInternal, "'items' do not go with the arguments"); };
  if (context.args[0].element != Element::kText) refuse_argument(context, 0);
  std::vector<Step> steps;
  int next = 1;
  for (const Value& value : as_list(member(*context.members, "items"), "items")) {
    const Dict& dict = as_dict(value, "items");
    Step step;
    if (const auto key = dict.find("key"); key != dict.end()) {
      step.key = as_string(key->second, "key");
    } else if (dict.contains("key_of")) {
      step.key_of = next++;
    } else {
      step.item = parse_subscript_item(dict, next);
    }
    steps.push_back(std::move(step));
  }
  if (next != static_cast<int>(context.args.size()) || steps.empty()) refuse();
  std::vector<IntegerReader> readers(context.args.size(), nullptr);
  for (const Step& step : steps) {
    if (step.key_of != kAbsent) {
      const auto place = static_cast<size_t>(step.key_of);
      if (context.args[place].element != Element::kText) refuse_argument(context, place);
    }
    if (step.key || step.key_of != kAbsent) continue;
    for (const int place : {step.item.start, step.item.stop, step.item.step}) {
      if (place == kAbsent) continue;
      const auto at = static_cast<size_t>(place);
      readers[at] = integer_reader(context.args[at].element);
      if (readers[at] == nullptr) refuse_argument(context, at);
    }
  }
  return {std::make_unique<JsonGet>(std::move(steps), std::move(readers)), Element::kText};
}

constexpr Kernel kKernels[] = {{"json_get", 1, kAnyNumber, &bind_json_get}};

}  // namespace

std::span<const Kernel> json_path_kernels() noexcept { return kKernels; }

}  // namespace tql_engine
