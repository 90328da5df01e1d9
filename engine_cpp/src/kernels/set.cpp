// IN a set of constants: a bit per value where integers lie close together, else a hash table. NaN is in no
// set.
#include "tql_engine/set.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <limits>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "key_set.h"
#include "like_leaf.h"
#include "text_set.h"
#include "tql_engine/constant.h"
#include "tql_engine/ordering.h"
#include "tql_engine/registry.h"

namespace tql_engine {
namespace {

/// A bit for each of `first`, `first` + 1, ...; keys wrap around, so signed integers need no care.
struct BitSet {
  uint64_t first;
  std::vector<uint64_t> words;

  bool contains(uint64_t key) const noexcept {
    const uint64_t at = key - first;
    return at / 64 < words.size() && (words[at / 64] >> (at % 64) & 1) != 0;
  }
};

template <class T, class Set>
void number_loop(const void* state, const void* x, int64_t x_step, void* out, int64_t n) {
  const Set& set = *static_cast<const Set*>(state);
  const T* values = static_cast<const T*>(x);
  auto* to = static_cast<uint8_t*>(out);
  for (int64_t i = 0; i < n; ++i) {
    const T value = values[i * x_step];
    to[i] = static_cast<uint8_t>(!ordering::is_nan(value) && set.contains(key_of(value)));
  }
}

void text_loop(const void* state, const void* x, int64_t x_step, void* out, int64_t n) {
  const auto& set = *static_cast<const TextSet*>(state);
  const auto* values = static_cast<const std::string_view*>(x);
  auto* to = static_cast<uint8_t*>(out);
  for (int64_t i = 0; i < n; ++i) to[i] = static_cast<uint8_t>(set.contains(values[i * x_step]));
}

template <class T, class Set>
void number_mask(const void* values, const void* operand, int64_t n, uint64_t* words) {
  constexpr int64_t kWordBits = 64;
  const PackBytes pack = pack_bytes();
  std::array<uint8_t, kWordBits> bytes;
  for (int64_t i = 0; i < n; i += kWordBits) {
    const int64_t count = std::min(kWordBits, n - i);
    if (count < kWordBits) bytes.fill(0);
    number_loop<T, Set>(operand, static_cast<const T*>(values) + i, 1, bytes.data(), count);
    words[i / kWordBits] = pack(bytes.data());
  }
}

/// Through the filter of the set first, value after value without a branch.
template <class T>
void filtered_mask(const void* values, const void* operand, int64_t n, uint64_t* words) {
  constexpr int64_t kWordBits = 64;
  const auto& set = *static_cast<const KeySet*>(operand);
  const T* from = static_cast<const T*>(values);
  for (; n > 0; n -= kWordBits, from += kWordBits, ++words) {
    uint64_t found = 0;
    for (int64_t i = 0; i < std::min(n, kWordBits); ++i)
      found |= uint64_t{set.filter().may_contain(key_of(from[i]))} << i;
    for (uint64_t left = found; left != 0; left &= left - 1) {
      const int bit = std::countr_zero(left);
      if (!set.contains(key_of(from[bit]))) found &= ~(uint64_t{1} << bit);
    }
    *words = found;
  }
}

template <class T, class Set>
SetLoops loops_over(std::shared_ptr<const Set> set) {
  return {&number_loop<T, Set>, set, &number_mask<T, Set>, set, nullptr};
}

/// A comparison with each item costs less than a look-up where there are few.
template <class T>
void compare_few(const std::vector<T>& values, Element element, SetLoops& loops) {
  const MaskLoop loop = few_items_mask_loop(element);
  if (loop == nullptr || std::ssize(values) > FewItems::kMost) return;
  auto few = std::make_shared<FewItems>(FewItems{std::ssize(values), {}});
  if (!values.empty()) std::memcpy(few->items.data(), values.data(), values.size() * sizeof(T));
  loops.mask = loop;
  loops.mask_operand = std::move(few);
}

template <class T>
SetLoops make_value_set(std::span<const T> items, [[maybe_unused]] Element element) {
  std::vector<uint64_t> keys;
  std::vector<T> values;
  T low = std::numeric_limits<T>::max();
  T high = std::numeric_limits<T>::lowest();
  for (const T value : items) {
    if (ordering::is_nan(value)) continue;
    keys.push_back(key_of(value));
    values.push_back(value);
    low = std::min(low, value);
    high = std::max(high, value);
  }
  if constexpr (std::is_integral_v<T>) {
    constexpr uint64_t kLargestSpan = 1 << 20;
    const uint64_t span = keys.empty() ? 0 : key_of(high) - key_of(low);
    if (span < kLargestSpan && span <= 64 * keys.size() + 1024) {
      auto set = std::make_shared<BitSet>(BitSet{keys.empty() ? 0 : key_of(low), {}});
      set->words.resize(span / 64 + 1);
      for (const uint64_t key : keys)
        set->words[(key - set->first) / 64] |= uint64_t{1} << ((key - set->first) % 64);
      SetLoops loops = loops_over<T, BitSet>(set);
      const MaskLoop small = span < SmallSet::kBits ? small_set_mask_loop(element) : nullptr;
      if (small != nullptr) {
        auto bits = std::make_shared<SmallSet>(SmallSet{set->first, {}});
        for (const uint64_t key : keys)
          bits->words[(key - bits->first) / 32] |= uint32_t{1} << ((key - bits->first) % 32);
        loops.mask = small;
        loops.mask_operand = std::move(bits);
      }
      if (small == nullptr) compare_few(values, element, loops);
      return loops;
    }
  }
  SetLoops loops = loops_over<T, KeySet>(std::make_shared<KeySet>(keys));
  loops.mask = &filtered_mask<T>;  // NaN has a key that is in no set
  compare_few(values, element, loops);
  return loops;
}

template <class T>
SetLoops make_number_set(const Constant& items, Element element) {
  return make_value_set<T>({reinterpret_cast<const T*>(items.values()), static_cast<size_t>(items.size())},
                           element);
}

template <class T>
SetLoops make_code_set(std::span<const int64_t> codes, Element element) {
  const std::vector<T> narrow(codes.begin(), codes.end());
  return make_value_set<T>(narrow, element);
}

SetLoops make_text_set(Constant items) {
  struct Owned {
    explicit Owned(Constant constant)
        : items(std::move(constant)),
          set({reinterpret_cast<const std::string_view*>(items.values()),
               static_cast<size_t>(items.size())}) {}
    Constant items;
    TextSet set;
  };
  auto owned = std::make_shared<Owned>(std::move(items));
  const std::shared_ptr<const TextSet> set(owned, &owned->set);
  return {&text_loop, set, nullptr, nullptr, text_set_leaf(set)};
}

using Make = SetLoops (*)(const Constant& items, Element element);

constexpr auto kMakers = per_element([]<Element E>() -> Make {
  if constexpr (E == Element::kText || E == Element::kFloat16) {
    return nullptr;
  } else {
    return &make_number_set<Storage<E>>;
  }
});

Bound bind_in_set(const BindContext& context) {
  const Element element = context.args[0].element;
  Constant items = Constant::parse(member(*context.members, "values"), element);
  if (items.rank() != 1) throw EngineError(Code::kInternal, "'values' must be a flat list");
  if (element == Element::kText)
    return {std::make_unique<InSet>(make_text_set(std::move(items)), nullptr), Element::kBool};
  SetLoops loops = kMakers[static_cast<size_t>(element)](items, element);
  auto kept = std::make_shared<const Constant>(std::move(items));
  return {std::make_unique<InSet>(std::move(loops), std::move(kept)), Element::kBool};
}

constexpr Kernel kKernels[] = {{"in_set", 1, 1, &bind_in_set}};

}  // namespace

void InSet::evaluate(Frame& frame, std::span<const Vector* const> args, Register& out) const {
  const void* operand = loops_.values_operand.get();
  if (args[0]->valid == nullptr) {
    return apply_unary(frame, loops_.values, operand, *args[0], Element::kBool, out);
  }
  apply_unary(frame, loops_.values, operand, *args[0], Element::kBool, out.scratch(0));
  copy_with_zero_for_null(frame, out.scratch(0).vector, out);
}

SetLoops code_set(Element element, std::span<const int64_t> codes) {
  switch (element) {
    case Element::kInt8:
      return make_code_set<int8_t>(codes, element);
    case Element::kInt16:
      return make_code_set<int16_t>(codes, element);
    default:
      return make_code_set<int32_t>(codes, element);
  }
}

std::span<const Kernel> set_kernels() noexcept { return kKernels; }

}  // namespace tql_engine
