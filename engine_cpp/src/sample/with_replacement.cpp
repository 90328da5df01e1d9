// Independent weighted draws: first how many of them fall into each block of rows, then how often each row of
// the block is drawn. Everything is read and written in order, but for a block's own tables, which stay
// within the cache.
#include <algorithm>
#include <cstdint>
#include <iterator>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "block_draw.h"
#include "block_sums.h"
#include "draw_domains.h"
#include "tql_engine/draws.h"
#include "tql_engine/random.h"
#include "tql_engine/status.h"

namespace tql_engine {
namespace {

constexpr int64_t kPieceBlocks = 16;
constexpr int64_t kMostDraws = std::numeric_limits<uint32_t>::max();  // what a row's count can hold

}  // namespace

/// Draws of a thread, piece by piece. Pieces share blocks of memory: there are many of them.
class Draws::Recorder {
 public:
  explicit Recorder(RandomKey key) : block_(key) {}

  /// Room for a piece of at most this many rows.
  void open(int64_t rows) {
    constexpr size_t kMostRoom = size_t{1} << 18;
    const auto wanted = static_cast<size_t>(rows);
    if (storage_.empty() || room_ - used_ < wanted) {
      room_ = std::max(wanted, std::min(kMostRoom, 2 * room_));  // small draws take little
      storage_.emplace_back(room_ + 1);                          // BlockDraw::copy writes one further
      used_ = 0;
    }
    size_ = 0;
  }

  void draw(std::span<const double> weights, const BlockSums& sums, int64_t block, int64_t first,
            int64_t draws) {
    block_.run(weights, sums, block, first, draws);
    Storage& storage = storage_.back();
    size_ += block_.copy(storage.rows.values().data() + used_ + size_,
                         storage.counts.values().data() + used_ + size_,
                         storage.weights.values().data() + used_ + size_);
  }

  Piece close() {
    Storage& storage = storage_.back();
    const Piece piece{storage.rows.values().subspan(used_, size_),
                      storage.counts.values().subspan(used_, size_),
                      storage.weights.values().subspan(used_, size_)};
    used_ += size_;
    return piece;
  }

  std::vector<Storage>& storage() noexcept { return storage_; }

 private:
  BlockDraw block_;
  std::vector<Storage> storage_;
  size_t room_ = 0;  // of the last block of memory
  size_t used_ = 0;  // of it, by closed pieces
  size_t size_ = 0;  // of the open one
};

Draws draw_with_replacement(std::span<const double> weights, int64_t size, RandomKey key,
                            InterruptiblePool pool) {
  if (size > kMostDraws) {
    throw EngineError(Code::kValue, "the size of a sample must not be above " + std::to_string(kMostDraws) +
                                        ": " + std::to_string(size));
  }
  const BlockSums sums(weights, size, pool);
  if (weights.empty() || size == 0) return Draws(key, {}, {}, {0});
  const std::vector<int64_t> starts = sums.split(size, RandomStream(key.seed, key.stream, kSplitDomain));
  const auto start_of = [&](int64_t block) { return starts[static_cast<size_t>(block)]; };
  std::vector<Draws::Piece> pieces(static_cast<size_t>((sums.blocks() + kPieceBlocks - 1) / kPieceBlocks));
  std::vector<Draws::Recorder> recorders;
  for (int worker = 0; worker < pool.threads(); ++worker) recorders.emplace_back(key);
  pool.parallel_for(sums.blocks(), kPieceBlocks, [&](int64_t begin, int64_t end, int worker) {
    const int64_t draws = start_of(end) - start_of(begin);
    if (draws == 0) return;
    Draws::Recorder& recorder = recorders[static_cast<size_t>(worker)];
    recorder.open(std::min(draws, (end - begin) * kBlockRows));
    for (int64_t block = begin; block < end; ++block) {
      const int64_t of_block = start_of(block + 1) - start_of(block);
      if (of_block > 0) recorder.draw(weights, sums, block, start_of(block), of_block);
    }
    pieces[static_cast<size_t>(begin / kPieceBlocks)] = recorder.close();
  });
  std::vector<int64_t> piece_starts(1);
  for (size_t i = 0; i < pieces.size(); ++i) {
    const int64_t behind = std::min(static_cast<int64_t>(i + 1) * kPieceBlocks, sums.blocks());
    if (!pieces[i].rows.empty()) piece_starts.push_back(start_of(behind));
  }
  std::erase_if(pieces, [](const Draws::Piece& piece) { return piece.rows.empty(); });
  std::vector<Draws::Storage> storage;
  for (Draws::Recorder& recorder : recorders)
    std::ranges::move(recorder.storage(), std::back_inserter(storage));
  return Draws(key, std::move(storage), std::move(pieces), std::move(piece_starts));
}

HeapArray<int64_t> sample_with_replacement(std::span<const double> weights, int64_t size, RandomKey key,
                                           InterruptiblePool pool) {
  return draw_with_replacement(weights, size, key, pool).rows(pool);
}

}  // namespace tql_engine
