// The slot that was freed last is handed out first: it is in the caches.
#include "tql_engine/row_memory.h"

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <new>

namespace tql_engine {

RowMemory::~RowMemory() {
  for (const Block& block : blocks_) free_block(block);
}

size_t RowMemory::size_class(size_t bytes) noexcept {
  const size_t power = std::bit_width((bytes - 1) / kSmallest) - 1;  // kSmallest << power < bytes
  const size_t step = (kSmallest << power) / kSteps;
  return power * kSteps + (bytes - (kSmallest << power) + step - 1) / step;
}

size_t RowMemory::slot_bytes(size_t size_class) noexcept {
  const size_t base = kSmallest << (size_class / kSteps);
  return base + size_class % kSteps * (base / kSteps);
}

uint8_t* RowMemory::allocate(size_t bytes) {
  if (!in_slots(bytes)) {
    void* const memory = std::malloc(std::max<size_t>(bytes, 1));
    if (memory == nullptr) throw std::bad_alloc();
    return static_cast<uint8_t*>(memory);
  }
  const size_t which = size_class(bytes);
  const std::lock_guard lock(mutex_);
  if (free_[which].empty()) add_slots(which);
  uint8_t* const slot = free_[which].back();
  free_[which].pop_back();
  return slot;
}

void RowMemory::free(uint8_t* memory, size_t bytes) noexcept {
  if (!in_slots(bytes)) {
    std::free(memory);
    return;
  }
  const std::lock_guard lock(mutex_);
  free_[size_class(bytes)].push_back(memory);  // there is room: see add_slots
}

void RowMemory::add_slots(size_t size_class) {
  const size_t bytes = slot_bytes(size_class);
  const size_t wanted = std::max(kLargeBlock, 4 * bytes);
  blocks_.reserve(blocks_.size() + 1);
  const size_t slots = wanted / bytes;
  free_[size_class].reserve(slots_[size_class] + slots);
  const Block block = allocate_block(wanted);
  blocks_.push_back(block);
  slots_[size_class] += slots;
  for (size_t slot = slots; slot-- > 0;)
    free_[size_class].push_back(static_cast<uint8_t*>(block.memory) + slot * bytes);
}

}  // namespace tql_engine
