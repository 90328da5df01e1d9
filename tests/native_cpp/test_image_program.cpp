// Many threads at image programs, of JPEGs and of raw pixels, without Python between.
#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include "check.h"
#include "tql_engine/decode_pool.h"
#include "tql_engine/encoded_rows.h"
#include "tql_engine/image_program.h"
#include "tql_engine/kept_row.h"
#include "tql_engine/status.h"

namespace tql_test {
namespace {

using tql_engine::Codec;
using tql_engine::ColorJitter;
using tql_engine::DecodeBatch;
using tql_engine::DecodePool;
using tql_engine::EncodedRows;
using tql_engine::Filter;
using tql_engine::ImageProgram;
using tql_engine::ImageShape;
using tql_engine::ImageWork;
using tql_engine::KeptRow;
using tql_engine::Normalize;
using tql_engine::Pad;
using tql_engine::PadMode;
using tql_engine::RandomHorizontalFlip;
using tql_engine::RandomResizedCrop;
using tql_engine::Resize;
using tql_engine::RowMemory;
using tql_engine::Step;
using tql_engine::ToFloat;

constexpr int64_t kRows = 60;
constexpr ImageShape kPicture{40, 48, 3};

// A colour gradient of 40 x 48 pixels, its colours at half the resolution.
constexpr std::array<uint8_t, 391> kJpeg = {
    0xff, 0xd8, 0xff, 0xe0, 0x00, 0x10, 0x4a, 0x46, 0x49, 0x46, 0x00, 0x01, 0x01, 0x00, 0x00, 0x01, 0x00,
    0x01, 0x00, 0x00, 0xff, 0xdb, 0x00, 0x43, 0x00, 0x14, 0x0e, 0x0f, 0x12, 0x0f, 0x0d, 0x14, 0x12, 0x10,
    0x12, 0x17, 0x15, 0x14, 0x18, 0x1e, 0x32, 0x21, 0x1e, 0x1c, 0x1c, 0x1e, 0x3d, 0x2c, 0x2e, 0x24, 0x32,
    0x49, 0x40, 0x4c, 0x4b, 0x47, 0x40, 0x46, 0x45, 0x50, 0x5a, 0x73, 0x62, 0x50, 0x55, 0x6d, 0x56, 0x45,
    0x46, 0x64, 0x88, 0x65, 0x6d, 0x77, 0x7b, 0x81, 0x82, 0x81, 0x4e, 0x60, 0x8d, 0x97, 0x8c, 0x7d, 0x96,
    0x73, 0x7e, 0x81, 0x7c, 0xff, 0xdb, 0x00, 0x43, 0x01, 0x15, 0x17, 0x17, 0x1e, 0x1a, 0x1e, 0x3b, 0x21,
    0x21, 0x3b, 0x7c, 0x53, 0x46, 0x53, 0x7c, 0x7c, 0x7c, 0x7c, 0x7c, 0x7c, 0x7c, 0x7c, 0x7c, 0x7c, 0x7c,
    0x7c, 0x7c, 0x7c, 0x7c, 0x7c, 0x7c, 0x7c, 0x7c, 0x7c, 0x7c, 0x7c, 0x7c, 0x7c, 0x7c, 0x7c, 0x7c, 0x7c,
    0x7c, 0x7c, 0x7c, 0x7c, 0x7c, 0x7c, 0x7c, 0x7c, 0x7c, 0x7c, 0x7c, 0x7c, 0x7c, 0x7c, 0x7c, 0x7c, 0x7c,
    0x7c, 0x7c, 0x7c, 0x7c, 0x7c, 0xff, 0xc0, 0x00, 0x11, 0x08, 0x00, 0x28, 0x00, 0x30, 0x03, 0x01, 0x22,
    0x00, 0x02, 0x11, 0x01, 0x03, 0x11, 0x01, 0xff, 0xc4, 0x00, 0x17, 0x00, 0x01, 0x01, 0x01, 0x01, 0x00,
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x03, 0x00, 0x05, 0x06, 0xff, 0xc4,
    0x00, 0x16, 0x10, 0x01, 0x01, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x00, 0x00, 0x02, 0x03, 0xff, 0xc4, 0x00, 0x19, 0x01, 0x00, 0x02, 0x03, 0x01, 0x00, 0x00, 0x00,
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x01, 0x04, 0x00, 0x03, 0x06, 0x02, 0xff, 0xc4,
    0x00, 0x19, 0x11, 0x01, 0x01, 0x00, 0x03, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x00, 0x00, 0x03, 0x01, 0x02, 0x12, 0x11, 0xff, 0xda, 0x00, 0x0c, 0x03, 0x01, 0x00, 0x02, 0x11,
    0x03, 0x11, 0x00, 0x3f, 0x00, 0xe4, 0xe7, 0x23, 0x4e, 0x46, 0x9c, 0x8d, 0x39, 0x39, 0xe8, 0x27, 0x40,
    0x4e, 0x46, 0x9c, 0x8d, 0x39, 0x1a, 0x72, 0x1e, 0x8f, 0x4e, 0x81, 0x9c, 0x8b, 0x39, 0x1e, 0x72, 0x2c,
    0xe4, 0x9d, 0x1f, 0x9d, 0x19, 0xf3, 0x91, 0xa7, 0x23, 0x4e, 0x46, 0x9c, 0x94, 0x74, 0xc9, 0x4e, 0x80,
    0x9c, 0x8d, 0x39, 0x1a, 0x72, 0x34, 0xe4, 0x3d, 0x1e, 0x9d, 0x03, 0x39, 0x16, 0x72, 0x3c, 0xe4, 0x59,
    0xc8, 0x7a, 0x3d, 0x3a, 0x33, 0xe7, 0x23, 0x4e, 0x49, 0x28, 0xf5, 0x95, 0x9e, 0xd9, 0x2c, 0xe4, 0x69,
    0xc9, 0x24, 0xf4, 0xf4, 0xf6, 0xc9, 0xa7, 0x22, 0xce, 0x49, 0x0f, 0xa7, 0xe7, 0xb6, 0x5f, 0xff, 0xd9};

EncodedRows rows_of(Codec codec, const std::vector<uint8_t>& bytes) {
  const EncodedRows::Buffers buffers = {{bytes, nullptr}};
  std::vector<int64_t> shapes;
  for (int64_t i = 0; i < kRows; ++i) {
    shapes.insert(shapes.end(), {kPicture.height, kPicture.width, kPicture.channels});
  }
  const auto rows = static_cast<size_t>(kRows);
  return EncodedRows(codec, 1, 3, buffers, std::vector<int32_t>(rows), std::vector<int64_t>(rows),
                     std::vector<int64_t>(rows, static_cast<int64_t>(bytes.size())), shapes);
}

std::vector<uint8_t> made(DecodePool& pool, const EncodedRows& rows,
                          const std::shared_ptr<const ImageProgram>& program, bool impatient,
                          const std::vector<std::shared_ptr<KeptRow>>& kept = {}) {
  const auto bytes = static_cast<size_t>(program->bytes_of(program->shape_of(kPicture)));
  std::vector<uint8_t> out(bytes * static_cast<size_t>(kRows));
  std::vector<uint8_t*> outputs;
  std::vector<int64_t> places;
  for (int64_t i = 0; i < kRows; ++i) {
    outputs.push_back(out.data() + static_cast<size_t>(i) * bytes);
    places.push_back(i);
  }
  const auto batch = std::make_shared<DecodeBatch>(rows, outputs, ImageWork{program, 1, 2, places}, kept);
  pool.submit(batch);
  if (impatient) {
    batch->cancel();
    while (!batch->idle()) std::this_thread::yield();
    return {};
  }
  while (!batch->wait_for(std::chrono::milliseconds(1))) {
  }
  batch->check();
  return out;
}

std::vector<std::shared_ptr<const ImageProgram>> programs() {
  const RandomResizedCrop crop{16, 20, {0.1, 1.0}, {0.75, 1.33}, Filter::kBilinear, false};
  const ColorJitter jitter{{{0.5, 1.5}}, {{0.5, 1.5}}, {{0.5, 1.5}}, {{-0.2, 0.2}}};
  const Pad pad{3, 2, 1, 0, PadMode::kReflect, {0}};
  std::vector<std::shared_ptr<const ImageProgram>> all;
  const auto add = [&all](std::vector<Step> steps) {
    all.push_back(std::make_shared<const ImageProgram>(std::move(steps), uint8_t{0}));
  };
  add({crop, RandomHorizontalFlip{0.5}, ToFloat{}, Normalize{{0.4F, 0.5F, 0.6F}, {0.2F}}});
  add({pad, jitter, crop});
  add({Resize{10, 10, 0, Filter::kBilinear, false}, RandomHorizontalFlip{0.5}});
  add({Resize{10, 12, 0, Filter::kBilinear, false}});
  add({Resize{60, 70, 0, Filter::kBilinear, false}, ToFloat{}});
  return all;
}

void compare(Codec codec, const std::vector<uint8_t>& bytes) {
  const EncodedRows rows = rows_of(codec, bytes);
  const auto all = programs();
  std::vector<std::vector<uint8_t>> expected;
  {
    DecodePool alone(1);
    for (const auto& program : all) expected.push_back(made(alone, rows, program, false));
  }
  DecodePool pool(4);
  std::vector<std::thread> callers;
  for (size_t caller = 0; caller < 4; ++caller) {
    callers.emplace_back([&, caller] {
      for (size_t round = 0; round < 12; ++round) {
        const size_t which = (caller + round) % all.size();
        const bool impatient = (caller + round) % 5 == 0;
        const std::vector<uint8_t> out = made(pool, rows, all[which], impatient);
        check(impatient || out == expected[which]);
      }
    });
  }
  for (std::thread& caller : callers) caller.join();
}

/// Every third row comes again, in each of the batches that the callers make at the same time; some of these
/// are cancelled half-way.
void share_rows(Codec codec, const std::vector<uint8_t>& bytes) {
  const EncodedRows plain = rows_of(codec, bytes);
  for (const auto& program : programs()) {
    const auto memory = std::make_shared<RowMemory>();
    std::vector<std::shared_ptr<KeptRow>> kept;
    std::vector<const EncodedRows*> singles;
    std::vector<int64_t> slots;
    for (int64_t i = 0; i < kRows; ++i) {
      kept.push_back(i % 3 == 0 ? std::make_shared<KeptRow>(plain, i, memory) : nullptr);
      slots.push_back(i % 3 == 0 ? -1 - static_cast<int64_t>(singles.size()) : i);
      if (kept.back() != nullptr) singles.push_back(&kept.back()->encoded());
    }
    const EncodedRows rows = EncodedRows::join(&plain, slots, singles).value();
    std::vector<uint8_t> expected;
    {
      DecodePool alone(1);
      expected = made(alone, plain, program, false);
    }
    DecodePool pool(4);
    std::vector<std::thread> callers;
    for (int caller = 0; caller < 4; ++caller) {
      callers.emplace_back([&, caller] {
        for (int round = 0; round < 6; ++round) {
          const bool impatient = (caller + round) % 3 == 0;
          check(made(pool, rows, program, impatient, kept) == expected || impatient);
        }
      });
    }
    for (std::thread& caller : callers) caller.join();
  }
}

void share_damaged_rows() {
  std::vector<uint8_t> bytes(kJpeg.begin(), kJpeg.begin() + kJpeg.size() / 2);
  const EncodedRows rows = rows_of(Codec::kJpeg, bytes);
  const auto row = std::make_shared<KeptRow>(rows, 0, std::make_shared<RowMemory>());
  std::vector<uint8_t> out(static_cast<size_t>(rows.decoded_size(0)));
  DecodePool pool(2);
  for (int round = 0; round < 3; ++round) {
    const auto batch =
        std::make_shared<DecodeBatch>(rows.take(std::vector<int64_t>{0}), std::vector<uint8_t*>{out.data()},
                                      std::nullopt, std::vector<std::shared_ptr<KeptRow>>{row});
    pool.submit(batch);
    while (!batch->wait_for(std::chrono::milliseconds(1))) {
    }
    bool failed = false;
    try {
      batch->check();
    } catch (const tql_engine::EngineError& error) {
      failed = error.row() == 0;
    }
    check(failed);
  }
}

}  // namespace

void test_image_program() {
  std::vector<uint8_t> pixels(static_cast<size_t>(kPicture.height * kPicture.width * kPicture.channels));
  for (size_t i = 0; i < pixels.size(); ++i) pixels[i] = static_cast<uint8_t>(i * 7);
  compare(Codec::kRaw, pixels);
  share_rows(Codec::kRaw, pixels);
  if (!tql_engine::has_codec(Codec::kJpeg)) return;
  compare(Codec::kJpeg, {kJpeg.begin(), kJpeg.end()});
  share_rows(Codec::kJpeg, {kJpeg.begin(), kJpeg.end()});
  share_damaged_rows();
}

}  // namespace tql_test
