// Functions of the host: the arguments of a batch as columns, what comes back checked and loaded.
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tql_engine/execution.h"
#include "tql_engine/leaf.h"
#include "tql_engine/registry.h"
#include "tql_engine/status.h"

namespace tql_engine {
namespace {

class Registered final : public Operation {
 public:
  Registered(std::string name, std::vector<Type> args, Type result)
      : name_(std::move(name)), args_(std::move(args)), result_(std::move(result)) {}

  void evaluate(Frame& frame, std::span<const Vector* const> args, Register& out) const override {
    const auto function = frame.surroundings.functions->find(name_);
    if (function == frame.surroundings.functions->end()) {
      frame.fail(Code::kInternal, "there is no function '" + name_ + "'");
    }
    const int64_t rows = frame.size();
    auto made = std::make_shared<const Column>(args.empty() ? call_per_row(frame, function->second, rows)
                                                            : call(frame, function->second, args, rows));
    load_column(*made, {nullptr, 0, rows, nullptr}, out);
    out.owner = std::move(made);
  }

  bool is_repeatable() const noexcept override { return false; }

 private:
  Column call(Frame& frame, const HostFunction& function, std::span<const Vector* const> args,
              int64_t rows) const {
    std::vector<Column> columns;
    for (size_t i = 0; i < args.size(); ++i) columns.push_back(materialize(*args[i], rows, args_[i]));
    Column made = function({frame.span, frame.batch}, columns);
    check(frame, made, rows);
    return made;
  }

  Column call_per_row(Frame& frame, const HostFunction& function, int64_t rows) const {
    std::vector<Column> made;
    for (int64_t row = 0; row < rows; ++row) {
      made.push_back(function({frame.span, frame.batch, row}, {}));
      check(frame, made.back(), 1);
    }
    return Column::concat(made);
  }

  void check(Frame& frame, const Column& made, int64_t rows) const {
    const auto refuse = [&](const std::string& given, const std::string& wanted) {
      frame.fail(Code::kInternal, "the function '" + name_ + "' gave " + given + " instead of " + wanted);
    };
    if (made.length() != rows) refuse(std::to_string(made.length()) + " rows", std::to_string(rows));
    if (made.element() != result_.element) {
      refuse(std::string(element_name(made.element())), std::string(element_name(result_.element)));
    }
    if (result_.shape && static_cast<size_t>(made.rank()) != result_.shape->size()) {
      refuse("rank " + std::to_string(made.rank()), std::to_string(result_.shape->size()));
    }
    if (made.layout() == Layout::kList) refuse("a nested column", "a plain one");
  }

  std::string name_;
  std::vector<Type> args_;
  Type result_;
};

Bound bind_registered(const BindContext& context) {
  if (context.result.nested) throw EngineError(Code::kInternal, "a function may not give a nested column");
  return {std::make_unique<Registered>(as_string(member(*context.members, "function"), "function"),
                                       std::vector<Type>(context.args.begin(), context.args.end()),
                                       context.result),
          context.result.element};
}

constexpr Kernel kKernels[] = {{"registered", 0, kAnyNumber, &bind_registered, true}};

}  // namespace

std::span<const Kernel> registered_kernels() noexcept { return kKernels; }

}  // namespace tql_engine
