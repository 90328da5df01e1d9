// Many threads at one decode pool, without Python between.
#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <thread>
#include <vector>

#include "check.h"
#include "tql_engine/decode_pool.h"
#include "tql_engine/encoded_rows.h"
#include "tql_engine/fixed_rows.h"

namespace tql_test {
namespace {

using tql_engine::Codec;
using tql_engine::DecodeBatch;
using tql_engine::DecodePool;
using tql_engine::EncodedRows;
using tql_engine::FixedRows;
using tql_engine::GatherBatch;
using tql_engine::PoolBatch;

constexpr int64_t kRowBytes = 3000;

EncodedRows rows_over(const std::vector<uint8_t>& bytes, int64_t count) {
  const EncodedRows::Buffers buffers = {{bytes, nullptr}};
  std::vector<int64_t> offsets;
  for (int64_t i = 0; i < count; ++i) offsets.push_back(i / 2);  // every other row repeats the one before it
  const auto rows = static_cast<size_t>(count);
  return EncodedRows(Codec::kRaw, 1, 1, buffers, std::vector<int32_t>(rows), offsets,
                     std::vector<int64_t>(rows, kRowBytes), std::vector<int64_t>(rows, kRowBytes));
}

/// Submits a batch; true once it is done, false where it was given up.
bool run(DecodePool& pool, const std::shared_ptr<PoolBatch>& batch, bool impatient) {
  pool.submit(batch);
  if (impatient) {
    batch->cancel();
    while (!batch->idle()) std::this_thread::yield();
    return false;
  }
  while (!batch->wait_for(std::chrono::milliseconds(1))) {
  }
  batch->check();
  return true;
}

void one_caller(DecodePool& pool, const EncodedRows& rows, bool impatient) {
  std::vector<uint8_t> out(static_cast<size_t>(rows.size() * kRowBytes));
  std::vector<uint8_t*> outputs;
  for (int64_t i = 0; i < rows.size(); ++i) outputs.push_back(out.data() + i * kRowBytes);
  if (!run(pool, std::make_shared<DecodeBatch>(rows, outputs), impatient)) return;
  for (int64_t i = 0; i < rows.size(); ++i)
    check(out[static_cast<size_t>(i * kRowBytes)] == static_cast<uint8_t>(i / 2));
}

/// Rows of `row_bytes` bytes in two pieces, those of the second one first.
void gather(DecodePool& pool, const std::vector<uint8_t>& bytes, int64_t row_bytes, bool impatient) {
  const int64_t count = static_cast<int64_t>(bytes.size()) / row_bytes, half = count / 2;
  const auto cut = static_cast<size_t>(half * row_bytes);
  const auto end = static_cast<size_t>(count * row_bytes);
  const std::vector<FixedRows::Piece> pieces = {{0, std::span(bytes).first(cut)},
                                                {half, std::span(bytes).subspan(cut, end - cut)}};
  std::vector<int64_t> wanted;
  for (int64_t i = 0; i < 4000; ++i) wanted.push_back((half + i * 7) % count);
  const auto rows = std::make_shared<const FixedRows>(row_bytes, pieces, wanted);
  std::vector<uint8_t> out(wanted.size() * static_cast<size_t>(row_bytes));
  if (!run(pool, std::make_shared<GatherBatch>(rows, out.data()), impatient)) return;
  for (size_t at = 0; at < out.size(); ++at) {
    const auto size = static_cast<size_t>(row_bytes);
    check(out[at] == bytes[static_cast<size_t>(wanted[at / size]) * size + at % size]);
  }
}

}  // namespace

void test_decode_pool() {
  std::vector<uint8_t> bytes(kRowBytes + 1000);
  for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<uint8_t>(i);
  const EncodedRows rows = rows_over(bytes, 400);
  for (const int threads : {1, 4}) {
    DecodePool pool(threads);
    std::vector<std::thread> callers;
    for (int caller = 0; caller < 4; ++caller) {
      callers.emplace_back([&pool, &bytes, &rows, caller] {
        for (int round = 0; round < 50; ++round) one_caller(pool, rows, (caller + round) % 3 == 0);
        for (const int64_t row_bytes : {1, 3, 8, 300}) gather(pool, bytes, row_bytes, row_bytes % 3 == 2);
      });
    }
    for (std::thread& caller : callers) caller.join();
  }
  std::vector<uint8_t> out(400 * kRowBytes);
  std::vector<uint8_t*> outputs(400, out.data());
  auto pending = std::make_shared<DecodeBatch>(rows.take(std::vector<int64_t>{0, 5}),
                                               std::vector<uint8_t*>{out.data(), out.data() + kRowBytes});
  {
    DecodePool pool(1);
    pool.submit(pending);
  }
  check(pending->done() && pending->idle());
}

}  // namespace tql_test
