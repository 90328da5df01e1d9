// Looks for the bit-wise form of a condition in its instructions, and evaluates it block by block.
#include "tql_engine/mask_program.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>

#include "tql_engine/cast.h"
#include "tql_engine/leaf.h"
#include "tql_engine/logic.h"
#include "tql_engine/scalar.h"
#include "tql_engine/set.h"
#include "tql_engine/subscript.h"

namespace tql_engine {
namespace {

constexpr int64_t kWordBits = 64;
constexpr int64_t kBlockRows = 4096;
constexpr int64_t kBlockWords = kBlockRows / kWordBits;
constexpr int kMaxDepth = 64;  // of AND, OR, NOT: each level keeps a block of words on the stack

struct alignas(8) Operand {
  std::array<std::byte, 8> bytes{};
};

/// The constant of a comparison in the column's own element, if the comparison means the same there. int64
/// constants against narrower integers do if they fit; float32 columns are compared in double.
bool narrow_constant(const Constant& constant, Element column, std::byte* out) {
  const Element element = constant.element();
  if (element == column || (element == Element::kFloat64 && column == Element::kFloat32)) {
    std::memcpy(out, constant.values(), static_cast<size_t>(element_size(element)));
    return true;
  }
  if (element != Element::kInt64 || !is_integer(column)) return false;
  int64_t value = 0;
  std::memcpy(&value, constant.values(), sizeof(value));
  const auto store = [&]<class T>(T) {
    if (!std::in_range<T>(value)) return false;
    const T narrowed = static_cast<T>(value);
    std::memcpy(out, &narrowed, sizeof(narrowed));
    return true;
  };
  switch (column) {
    case Element::kInt8:
      return store(int8_t{});
    case Element::kInt16:
      return store(int16_t{});
    case Element::kInt32:
      return store(int32_t{});
    case Element::kUint8:
      return store(uint8_t{});
    case Element::kUint16:
      return store(uint16_t{});
    case Element::kUint32:
      return store(uint32_t{});
    default:
      return false;
  }
}

void fill_ones(int64_t n, uint64_t* words) {
  std::fill_n(words, n / kWordBits, ~uint64_t{0});
  if (n % kWordBits != 0) words[n / kWordBits] = ~uint64_t{0} >> (kWordBits - n % kWordBits);
}

}  // namespace

class MaskCompiler {
 public:
  MaskCompiler(std::span<const Instruction> instructions, const ProgramInputs& inputs)
      : instructions_(instructions), inputs_(inputs) {}

  std::optional<MaskProgram> compile(int result) {
    if (!add(result, 0)) return std::nullopt;
    return std::move(program_);
  }

 private:
  using Kind = MaskProgram::Kind;

  template <class T>
  const T* as(int index) const noexcept {
    return dynamic_cast<const T*>(instructions_[static_cast<size_t>(index)].operation.get());
  }
  int argument(int index, size_t which) const noexcept {
    return instructions_[static_cast<size_t>(index)].args[which];
  }

  /// Adds the nodes of an instruction, its own last.
  bool add(int index, int depth) {
    if (depth > kMaxDepth) return false;
    const size_t before = program_.nodes_.size();
    if (add_by_form(index, depth)) return true;
    program_.nodes_.resize(before);
    return add_coded(index);
  }

  bool add_by_form(int index, int depth) {
    if (const auto* logic = as<LogicOperation>(index)) return add_logic(*logic, index, depth);
    if (as<Truth>(index) != nullptr) {
      const int x = argument(index, 0);
      return column_of(x) == nullptr ? add(x, depth) : add_truth(x);
    }
    if (const auto* compare = as<CompareOperation>(index)) return add_compare(*compare, index);
    if (const auto* set = as<InSet>(index)) return add_set(*set, argument(index, 0));
    if (const auto* any = as<AnyCompare>(index)) return add_any(*any, index);
    if (const auto* text = as<TextCondition>(index)) return add_text(*text, index);
    if (as<IsNull>(index) != nullptr) {
      const LoadColumn* load = column_of(argument(index, 0));
      if (load == nullptr) return false;
      add_node({.kind = Kind::kIsNull, .column = static_cast<int>(load->index())});
      return true;
    }
    const LoadColumn* load = column_of(index);
    return load != nullptr && type_of(*load).element == Element::kBool && add_truth(index);
  }

  bool add_logic(const LogicOperation& logic, int index, int depth) {
    if (!add(argument(index, 0), depth + 1)) return false;
    const int left = last();
    if (logic.kind() == LogicOperation::Kind::kNot) {
      add_node({.kind = Kind::kNot, .left = left});
      return true;
    }
    if (!add(argument(index, 1), depth + 1)) return false;
    const Kind kind = logic.kind() == LogicOperation::Kind::kAnd ? Kind::kAnd : Kind::kOr;
    add_node({.kind = kind, .left = left, .right = last()});
    return true;
  }

  /// `column compare constant`, looking through the cast that the planner puts between a column and a
  /// constant of a wider type.
  bool add_compare(const CompareOperation& compare, int index) {
    for (size_t side = 0; side < 2; ++side) {
      const auto* constant = as<ConstantOperation>(argument(index, side));
      if (constant == nullptr || constant->constant().rank() != 0 || !compare.same_elements()) continue;
      int source = argument(index, 1 - side);
      if (as<CastOperation>(source) != nullptr) source = argument(source, 0);
      const LoadColumn* load = column_of(source);
      if (load == nullptr) return false;
      const Element element = type_of(*load).element;
      if (element == Element::kText) return add_equal_text(*load, compare.op(), constant->constant());
      const bool wide = element == Element::kFloat32 && constant->constant().element() != element;
      const CompareOp op = side == 1 ? compare.op() : swapped(compare.op());
      const MaskLoop loop = compare_mask_loop(op, element, wide);
      auto operand = std::make_shared<Operand>();
      if (loop == nullptr || !narrow_constant(constant->constant(), element, operand->bytes.data()))
        return false;
      return add_values(*load, loop, std::move(operand));
    }
    return false;
  }

  bool add_equal_text(const LoadColumn& load, CompareOp op, const Constant& constant) {
    if (op != CompareOp::kEqual && op != CompareOp::kNotEqual) return false;
    return add_leaf(load, equal_text_leaf(text_of(constant), op == CompareOp::kNotEqual));
  }

  /// `any(array compare constant)`, over all elements of a row or over the last axis' element [:, ..., i].
  bool add_any(const AnyCompare& any, int index) {
    const auto* constant = as<ConstantOperation>(argument(index, 1));
    if (constant == nullptr || constant->constant().rank() != 0) return false;
    int source = argument(index, 0);
    if (as<CastOperation>(source) != nullptr) source = argument(source, 0);
    const auto* subscript = as<SubscriptOperation>(source);
    const auto* load = as<LoadColumn>(subscript == nullptr ? source : argument(source, 0));
    if (load == nullptr) return false;
    const Type& type = type_of(*load);
    if (type.nested || !type.shape || type.shape->empty()) return false;
    if (type.element == Element::kText) {
      return subscript == nullptr && any.op() == CompareOp::kEqual &&
             add_leaf(*load, any_text_leaf(text_of(constant->constant())));
    }
    const auto part = subscript == nullptr ? ArrayPart{} : part_of(*subscript, source, *type.shape);
    const bool wide = type.element == Element::kFloat32 && constant->constant().element() != type.element;
    const MaskLoop loop = compare_mask_loop(any.op(), type.element, wide);
    auto operand = std::make_shared<Operand>();
    if (!part || loop == nullptr ||
        !narrow_constant(constant->constant(), type.element, operand->bytes.data()))
      return false;
    return add_leaf(*load, any_element_leaf(type.element, *part, loop, std::move(operand)));
  }

  /// What a subscript leaves of arrays of this shape: every so manyth element.
  std::optional<ArrayPart> part_of(const SubscriptOperation& subscript, int index,
                                   const std::vector<int64_t>& shape) const {
    std::vector<const Operation*> args;
    for (const int arg : instructions_[static_cast<size_t>(index)].args) {
      args.push_back(instructions_[static_cast<size_t>(arg)].operation.get());
    }
    const int64_t extent = shape.back();
    const auto given = subscript.last_axis_index(static_cast<int>(shape.size()), args);
    if (!given || extent < 1 || extent > ArrayPart::kLargestPeriod) return std::nullopt;
    if (*given < -extent || *given >= extent) return std::nullopt;
    return ArrayPart{extent, *given < 0 ? *given + extent : *given};
  }

  bool add_text(const TextCondition& text, int index) {
    const LoadColumn* load = column_of(argument(index, 0));
    if (load == nullptr || type_of(*load).element != Element::kText) return false;
    const bool has_second = instructions_[static_cast<size_t>(index)].args.size() > 1;
    const auto* second = has_second ? as<ConstantOperation>(argument(index, 1)) : nullptr;
    return add_leaf(*load, text.leaf(second == nullptr ? nullptr : &second->constant()));
  }

  bool add_leaf(const LoadColumn& load, MaskLeafPtr leaf) {
    if (leaf == nullptr) return false;
    std::shared_ptr<const DictionaryCondition> coded;
    if (is_text(load)) coded = std::make_shared<DictionaryCondition>(text_truth_of(leaf));
    add_node({.kind = Kind::kLeaf,
              .column = static_cast<int>(load.index()),
              .leaf = std::move(leaf),
              .coded = std::move(coded)});
    return true;
  }

  /// Whatever gives a bool from one text and constants. It has this form over dictionaries alone.
  bool add_coded(int index) {
    std::vector<TextStep> steps;
    std::vector<int> places(instructions_.size(), -1);
    const LoadColumn* load = nullptr;
    if (!add_step(index, steps, places, load) || load == nullptr) return false;
    const auto column = static_cast<int>(load->index());
    auto truth = text_truth_of(std::move(steps), load->index(), inputs_.columns.size());
    add_node({.kind = Kind::kCoded,
              .column = column,
              .coded = std::make_shared<DictionaryCondition>(std::move(truth))});
    return true;
  }

  bool add_step(int index, std::vector<TextStep>& steps, std::vector<int>& places,
                const LoadColumn*& load) const {
    constexpr size_t kMostSteps = 64;
    if (places[static_cast<size_t>(index)] >= 0) return true;
    const Instruction& instruction = instructions_[static_cast<size_t>(index)];
    const auto* column = as<LoadColumn>(index);
    if (column != nullptr) {
      if ((load != nullptr && load->index() != column->index()) || !is_text(*column)) return false;
      load = column;
    } else if (instruction.args.empty() && as<ConstantOperation>(index) == nullptr) {
      return false;  // something of the row that is not its value
    }
    if (!instruction.operation->is_repeatable() || steps.size() > kMostSteps) return false;
    std::vector<int> args;
    for (const int arg : instruction.args) {
      if (!add_step(arg, steps, places, load)) return false;
      args.push_back(places[static_cast<size_t>(arg)]);
    }
    places[static_cast<size_t>(index)] = static_cast<int>(steps.size());
    steps.push_back({instruction.operation.get(), std::move(args), instruction.span});
    return true;
  }

  bool is_text(const LoadColumn& load) const noexcept {
    return type_of(load).element == Element::kText && type_of(load).is_scalar();
  }

  static std::string text_of(const Constant& constant) {
    return std::string(*reinterpret_cast<const std::string_view*>(constant.values()));
  }

  bool add_set(const InSet& set, int source) {
    const LoadColumn* load = column_of(source);
    if (load == nullptr) return false;
    if (type_of(*load).element == Element::kText) return add_leaf(*load, set.leaf());
    return add_values(*load, set.mask_loop(), set.mask_operand());
  }

  bool add_truth(int source) {
    const LoadColumn& load = *column_of(source);
    const MaskLoop loop = compare_mask_loop(CompareOp::kNotEqual, type_of(load).element, false);
    return add_values(load, loop, std::make_shared<Operand>());
  }

  bool add_values(const LoadColumn& load, MaskLoop loop, std::shared_ptr<const void> operand) {
    if (loop == nullptr) return false;
    add_node({.kind = Kind::kValues,
              .column = static_cast<int>(load.index()),
              .element = type_of(load).element,
              .loop = loop,
              .operand = std::move(operand)});
    return true;
  }

  void add_node(MaskProgram::Node node) { program_.nodes_.push_back(std::move(node)); }
  int last() const noexcept { return static_cast<int>(program_.nodes_.size()) - 1; }

  /// The column of one element per row that an instruction hands on.
  const LoadColumn* column_of(int index) const noexcept {
    if (as<ScalarOperation>(index) != nullptr) index = argument(index, 0);
    const auto* load = as<LoadColumn>(index);
    return load != nullptr && type_of(*load).is_single() ? load : nullptr;
  }
  const Type& type_of(const LoadColumn& load) const noexcept { return inputs_.columns[load.index()].type; }

  std::span<const Instruction> instructions_;
  const ProgramInputs& inputs_;
  MaskProgram program_;
};

std::optional<MaskProgram> MaskProgram::compile(std::span<const Instruction> instructions, int result,
                                                const ProgramInputs& inputs) {
  return MaskCompiler(instructions, inputs).compile(result);
}

bool MaskProgram::runs_on(const Segment& segment) const noexcept {
  return std::ranges::all_of(nodes_, [&](const Node& node) {
    if (node.column < 0) return true;
    const Column& column = segment.columns[static_cast<size_t>(node.column)];
    if (node.coded != nullptr && column.layout() == Layout::kDictionary) return node.coded->runs_on(column);
    if (node.kind == Kind::kCoded) return false;
    if (node.kind == Kind::kLeaf) return node.leaf->runs_on(column);
    return node.kind == Kind::kIsNull || (column.layout() == Layout::kDense && column.row_elements() == 1);
  });
}

void MaskProgram::evaluate(const Segment& segment, int64_t first, int64_t n, uint64_t* words) const {
  for (int64_t done = 0; done < n; done += kBlockRows) {
    const int64_t count = std::min(kBlockRows, n - done);
    evaluate_block(nodes_.back(), segment, first + done, count, words + done / kWordBits);
  }
}

void MaskProgram::evaluate_block(const Node& node, const Segment& segment, int64_t first, int64_t n,
                                 uint64_t* words) const {
  const int64_t count = (n + kWordBits - 1) / kWordBits;
  const auto all = [&](uint64_t value) {
    return std::all_of(words, words + n / kWordBits, [&](uint64_t word) { return word == value; });
  };
  switch (node.kind) {
    case Kind::kValues: {
      const Column& column = segment.columns[static_cast<size_t>(node.column)];
      node.loop(column.raw_values() + first * element_size(node.element), node.operand.get(), n, words);
      if (column.validity() != nullptr) keep_nonzero(column.validity() + first, n, words);
      return;
    }
    case Kind::kCoded:
    case Kind::kLeaf: {
      const Column& column = segment.columns[static_cast<size_t>(node.column)];
      if (node.coded != nullptr && column.layout() == Layout::kDictionary) {
        return node.coded->evaluate(column, first, n, words);
      }
      node.leaf->evaluate(column, first, n, words);
      if (column.validity() != nullptr) keep_nonzero(column.validity() + first, n, words);
      return;
    }
    case Kind::kIsNull: {
      const Column& column = segment.columns[static_cast<size_t>(node.column)];
      if (column.validity() == nullptr) {
        std::fill_n(words, count, uint64_t{0});
        return;
      }
      fill_ones(n, words);
      keep_nonzero(column.validity() + first, n, words);
      break;  // the rows that are not NULL: turned around below
    }
    case Kind::kNot:
      evaluate_block(nodes_[static_cast<size_t>(node.left)], segment, first, n, words);
      break;
    case Kind::kAnd:
    case Kind::kOr: {
      evaluate_block(nodes_[static_cast<size_t>(node.left)], segment, first, n, words);
      const bool is_and = node.kind == Kind::kAnd;
      // The other side of a block that is decided is not even read.
      if (n % kWordBits == 0 && all(is_and ? 0 : ~uint64_t{0})) return;
      std::array<uint64_t, kBlockWords> right;
      evaluate_block(nodes_[static_cast<size_t>(node.right)], segment, first, n, right.data());
      for (int64_t i = 0; i < count; ++i) {
        const uint64_t other = right[static_cast<size_t>(i)];
        words[i] = is_and ? words[i] & other : words[i] | other;
      }
      return;
    }
  }
  std::array<uint64_t, kBlockWords> ones;
  fill_ones(n, ones.data());
  for (int64_t i = 0; i < count; ++i) words[i] = ~words[i] & ones[static_cast<size_t>(i)];
}

}  // namespace tql_engine
