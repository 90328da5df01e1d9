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

namespace tql_test {
namespace {

using tql_engine::Codec;
using tql_engine::DecodeBatch;
using tql_engine::DecodePool;
using tql_engine::EncodedRows;

constexpr int64_t kRowBytes = 3000;

EncodedRows rows_over(const std::vector<uint8_t>& bytes, int64_t count) {
  const EncodedRows::Buffers buffers = {{bytes, nullptr}};
  std::vector<int64_t> offsets;
  for (int64_t i = 0; i < count; ++i) offsets.push_back(i / 2);  // every other row repeats the one before it
  const auto rows = static_cast<size_t>(count);
  return EncodedRows(Codec::kRaw, 1, 1, buffers, std::vector<int32_t>(rows), offsets,
                     std::vector<int64_t>(rows, kRowBytes), std::vector<int64_t>(rows, kRowBytes));
}

void one_caller(DecodePool& pool, const EncodedRows& rows, bool impatient) {
  std::vector<uint8_t> out(static_cast<size_t>(rows.size() * kRowBytes));
  std::vector<uint8_t*> outputs;
  for (int64_t i = 0; i < rows.size(); ++i) outputs.push_back(out.data() + i * kRowBytes);
  const auto batch = std::make_shared<DecodeBatch>(rows, outputs);
  pool.submit(batch);
  if (impatient) {
    batch->cancel();
    while (!batch->idle()) std::this_thread::yield();
    return;
  }
  while (!batch->wait_for(std::chrono::milliseconds(1))) {
  }
  batch->check();
  for (int64_t i = 0; i < rows.size(); ++i)
    check(out[static_cast<size_t>(i * kRowBytes)] == static_cast<uint8_t>(i / 2));
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
      callers.emplace_back([&pool, &rows, caller] {
        for (int round = 0; round < 50; ++round) one_caller(pool, rows, (caller + round) % 3 == 0);
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
