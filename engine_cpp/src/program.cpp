// Compiles programs: every instruction is checked and bound to its loop, float16 is widened, comparisons
// under ANY are fused, and conditions on scalars get their bit-wise form. Then evaluates them.
#include "tql_engine/program.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <string>
#include <utility>

#include "kernels/norms.h"
#include "tql_engine/cast.h"
#include "tql_engine/compare.h"
#include "tql_engine/leaf.h"
#include "tql_engine/mask.h"
#include "tql_engine/registry.h"
#include "tql_engine/status.h"

namespace tql_engine {
namespace {

constexpr int64_t kMaxInstructions = 1 << 20;
constexpr int64_t kWordBits = 64;

constexpr int64_t words_of(int64_t rows) noexcept { return (rows + kWordBits - 1) / kWordBits; }

const ConstantOperation* as_constant(const Operation& operation) noexcept {
  return dynamic_cast<const ConstantOperation*>(&operation);
}

Span parse_span(const Dict& instruction) {
  const auto found = instruction.find("span");
  if (found == instruction.end() || found->second.is_null()) return {};
  const List& ends = as_list(found->second, "span");
  if (ends.size() != 2) throw EngineError(Code::kInternal, "'span' must have two entries");
  constexpr int64_t kEnd = int64_t{1} << 40;
  return {as_int(ends[0], "span", -1, kEnd), as_int(ends[1], "span", -1, kEnd)};
}

}  // namespace

Type parse_type(const Value& value) {
  const Dict& dict = as_dict(value, "type");
  Type type;
  const std::string& name = as_string(member(dict, "element"), "element");
  const auto element = parse_element(name);
  if (!element) throw EngineError(Code::kInternal, "there is no element '" + name + "'");
  type.element = *element;
  const Value& shape = member(dict, "shape");
  if (shape.is_null()) {
    type.shape.reset();
  } else {
    const List& extents = as_list(shape, "shape");
    if (extents.size() > kMaxRank) throw EngineError(Code::kInternal, "a type has too many axes");
    for (const Value& extent : extents) {
      type.shape->push_back(extent.is_null() ? -1 : as_int(extent, "shape", 0, int64_t{1} << 62));
    }
  }
  if (const auto found = dict.find("nullable"); found != dict.end())
    type.nullable = as_bool(found->second, "nullable");
  if (const auto found = dict.find("nested"); found != dict.end())
    type.nested = as_bool(found->second, "nested");
  if (type.nested && type.shape && (type.shape->empty() || type.shape->front() >= 0)) {
    throw EngineError(Code::kInternal, "the first extent of a nested type must be null");
  }
  return type;
}

/// Compiles one program. Registers of the plan and of the compiled program differ where conversions of
/// float16 were put in between.
class ProgramCompiler {
 public:
  explicit ProgramCompiler(uint64_t stream) : stream_(stream) {}

  Program compile(const Dict& source) {
    const List& instructions = as_list(member(source, "instructions"), "instructions");
    source_ = &instructions;
    if (instructions.empty() || static_cast<int64_t>(instructions.size()) > kMaxInstructions) {
      throw EngineError(Code::kInternal, "a program must have instructions");
    }
    for (size_t i = 0; i < instructions.size(); ++i) {
      std::string name = "?";
      try {
        const Dict& instruction = as_dict(instructions[i], "instruction");
        name = as_string(member(instruction, "kernel"), "kernel");
        add(instruction);
      } catch (const EngineError& error) {
        throw EngineError(error.code(),
                          "instruction " + std::to_string(i) + " (" + name + "): " + error.message());
      }
    }
    program_.result_ = registers_.back();
    program_.result_type_ = types_.back();
    program_.mask_ = MaskProgram::compile(program_.instructions_, program_.result_, program_.inputs_);
    program_.weights_ = WeightProgram::compile(program_.instructions_, program_.result_, program_.inputs_);
    program_.zones_ = ZoneCondition::compile(program_.instructions_, program_.result_, program_.inputs_);
    mark_needed();
    return std::move(program_);
  }

 private:
  void add(const Dict& instruction) {
    const std::string& name = as_string(member(instruction, "kernel"), "kernel");
    const Kernel* kernel = find_kernel(name);
    if (kernel == nullptr) throw EngineError(Code::kInternal, "there is no such kernel");
    const List& args = as_list(member(instruction, "args"), "args");
    const auto count = static_cast<int64_t>(args.size());
    if (count < kernel->min_args || count > kernel->max_args) {
      throw EngineError(Code::kInternal, "wrong number of arguments: " + std::to_string(count));
    }
    const Type declared = parse_type(member(instruction, "type"));
    std::vector<int> registers;
    std::vector<Type> types;
    for (const Value& arg : args) {
      const auto index =
          static_cast<size_t>(as_int(arg, "args", 0, static_cast<int64_t>(registers_.size()) - 1));
      registers.push_back(registers_[index]);
      types.push_back(types_[index]);
    }
    const Span span = parse_span(instruction);
    Type result = declared;
    if (!kernel->takes_half && !registers.empty()) {
      for (size_t i = 0; i < registers.size(); ++i) {
        if (types[i].element == Element::kFloat16)
          registers[i] = convert(registers[i], types[i], Element::kFloat32, span);
      }
      if (declared.element == Element::kFloat16) result.element = Element::kFloat32;
    }
    program_.may_fail_ = program_.may_fail_ || may_fail(name, types);
    Bound bound = kernel->bind({name, types, result, &instruction, &program_.inputs_, stream_++, span});
    if (bound.element != result.element) {
      throw EngineError(Code::kInternal, "gives " + std::string(element_name(bound.element)) +
                                             ", the plan says " +
                                             std::string(element_name(declared.element)));
    }
    if (auto fused = fuse_any(name, instruction, registers)) bound.operation = std::move(fused);
    if (auto fused = fuse_distance(name, args, registers)) bound.operation = std::move(fused);
    int index = append(std::move(bound.operation), std::move(registers), span);
    if (result.element != declared.element) index = convert(index, result, declared.element, span);
    registers_.push_back(index);
    types_.push_back(declared);
  }

  int append(std::unique_ptr<const Operation> operation, std::vector<int> args, Span span) {
    program_.instructions_.push_back({std::move(operation), std::move(args), span});
    return static_cast<int>(program_.instructions_.size()) - 1;
  }

  int convert(int source, Type& type, Element element, Span span) {
    Type result = type;
    result.element = element;
    Bound bound = find_kernel("cast")->bind({"cast", {&type, 1}, result, nullptr, nullptr, 0, span});
    type = result;
    return append(std::move(bound.operation), {source}, span);
  }

  /// any(x op constant) without the array of bools in between. Rewrites `args` to (x, constant).
  std::unique_ptr<const Operation> fuse_any(std::string_view name, const Dict& instruction,
                                            std::vector<int>& args) {
    const auto axis = instruction.find("axis");
    if (name != "any" || (axis != instruction.end() && !axis->second.is_null())) return nullptr;
    const auto& source = program_.instructions_[static_cast<size_t>(args[0])];
    const auto* compare = dynamic_cast<const CompareOperation*>(source.operation.get());
    if (compare == nullptr) return nullptr;
    for (size_t side = 0; side < 2; ++side) {
      const auto* constant =
          as_constant(*program_.instructions_[static_cast<size_t>(source.args[side])].operation);
      if (constant == nullptr || constant->constant().rank() != 0 || !compare->same_elements()) continue;
      const CompareOp op = side == 1 ? compare->op() : swapped(compare->op());
      const Element element = constant->constant().element();
      if (any_compare_loop(op, element) == nullptr) return nullptr;
      args = {source.args[1 - side], source.args[side]};
      return std::make_unique<AnyCompare>(op, element);
    }
    return nullptr;
  }

  /// The norm of x - y, of doubles where y is the same for all rows, from x before it was cast and without
  /// the difference in memory. Rewrites `args` to (x, y).
  std::unique_ptr<const Operation> fuse_distance(std::string_view name, const List& named,
                                                 std::vector<int>& args) {
    const std::optional<Norm> norm = norm_named(name);
    if (!norm) return nullptr;
    const size_t difference = arg_of(named, 0);
    if (kernel_at(difference) != "subtract" || types_[difference].element != Element::kFloat64)
      return nullptr;
    const Dict& source = as_dict((*source_)[difference], "instruction");
    const List& sides = as_list(member(source, "args"), "args");
    for (size_t side = 0; side < 2; ++side) {  // |x - y| = |y - x|
      const size_t y = arg_of(sides, 1 - side);
      const std::string& leaf = kernel_at(before_casts(y));
      if (leaf != "constant" && leaf != "cell") continue;
      const size_t x = before_casts(arg_of(sides, side), 1);
      if (!is_numeric(types_[x].element)) continue;
      args = {registers_[x], registers_[y]};
      return make_distance(*norm, types_[x].element, parse_span(source));
    }
    return nullptr;
  }

  size_t arg_of(const List& args, size_t i) const {
    return static_cast<size_t>(as_int(args[i], "args", 0, static_cast<int64_t>(registers_.size()) - 1));
  }

  const std::string& kernel_at(size_t index) const {
    return as_string(member(as_dict((*source_)[index], "instruction"), "kernel"), "kernel");
  }

  /// The instruction that a value comes from if up to `most` casts are left out.
  size_t before_casts(size_t index, int most = kMaxRank) const {
    for (; most > 0 && kernel_at(index) == "cast"; --most) {
      index = arg_of(as_list(member(as_dict((*source_)[index], "instruction"), "args"), "args"), 0);
    }
    return index;
  }

  /// Dead instructions are those that fusing left behind.
  void mark_needed() {
    auto& instructions = program_.instructions_;
    instructions[static_cast<size_t>(program_.result_)].needed = true;
    for (size_t i = instructions.size(); i-- > 0;) {
      for (size_t a = 0; instructions[i].needed && a < instructions[i].args.size(); ++a) {
        instructions[static_cast<size_t>(instructions[i].args[a])].needed = true;
      }
    }
  }

  Program program_;
  const List* source_ = nullptr;  // the plan's instructions
  std::vector<int> registers_;    // of the plan's instructions
  std::vector<Type> types_;       // likewise
  uint64_t stream_;
};

Program Program::compile(const Dict& program, uint64_t stream) {
  return ProgramCompiler(stream).compile(program);
}

Program Program::over_column(ColumnRef column, std::unique_ptr<const Operation> operation, Type result) {
  Program program;
  program.inputs_.columns.push_back(std::move(column));
  program.instructions_.push_back({std::make_unique<LoadColumn>(0), {}, {}, true});
  program.instructions_.push_back({std::move(operation), {0}, {}, true});
  program.result_ = 1;
  program.result_type_ = std::move(result);
  return program;
}

const ColumnRef* Program::as_plain_column() const noexcept {
  const auto* load =
      dynamic_cast<const LoadColumn*>(instructions_[static_cast<size_t>(result_)].operation.get());
  return load == nullptr ? nullptr : &inputs_.columns[load->index()];
}

Evaluator::Evaluator(const Program& program, Surroundings surroundings, OnConflict on_conflict)
    : program_(program), registers_(program.instructions_.size()) {
  frame_.surroundings = std::move(surroundings);
  frame_.on_conflict = on_conflict;
}

const Vector& Evaluator::evaluate(const Batch& batch) {
  frame_.batch = batch;
  frame_.has_conflicts = false;
  for (size_t i = 0; i < program_.instructions_.size(); ++i) {
    const auto& instruction = program_.instructions_[i];
    if (!instruction.needed) continue;
    args_.clear();
    for (const int arg : instruction.args) args_.push_back(&registers_[static_cast<size_t>(arg)].vector);
    frame_.span = instruction.span;
    instruction.operation->evaluate(frame_, args_, registers_[i]);
  }
  return registers_[static_cast<size_t>(program_.result_)].vector;
}

void Evaluator::mark(const Batch& batch, uint64_t* words) {
  const Vector& result = evaluate(batch);
  if (result.rank != 0 || result.element != Element::kBool) {
    frame_.fail(Code::kInternal, "a condition gave no single bool per row");
  }
  const auto* values = result.data<uint8_t>();
  if (result.step == 1) {
    mark_nonzero(values, batch.size, words);
  } else {
    std::fill_n(words, words_of(batch.size), uint64_t{0});
    for (int64_t row = 0; row < batch.size; ++row) {
      words[row / kWordBits] |= uint64_t{values[row * result.step] != 0} << (row % kWordBits);
    }
  }
  if (result.valid != nullptr) keep_nonzero(result.valid, batch.size, words);
  if (!frame_.has_conflicts) return;
  const auto* conflicts = frame_.conflicts.reserve<uint8_t>(batch.size);
  for (int64_t row = 0; row < batch.size; ++row) {
    words[row / kWordBits] &= ~(uint64_t{conflicts[row] != 0} << (row % kWordBits));
  }
}

int64_t Evaluator::narrow(const Batch& batch, int32_t* kept) {
  words_.resize(static_cast<size_t>(words_of(batch.size)));
  mark(batch, words_.data());
  int64_t count = 0;
  for (size_t word = 0; word < words_.size(); ++word) {
    for (uint64_t bits = words_[word]; bits != 0; bits &= bits - 1) {
      kept[count++] = static_cast<int32_t>(static_cast<int64_t>(word) * kWordBits + std::countr_zero(bits));
    }
  }
  return count;
}

}  // namespace tql_engine
