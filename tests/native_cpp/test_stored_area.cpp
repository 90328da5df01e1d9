// Parts of files, read by several threads at once; the memory of kept rows, from several threads at once.
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <memory>
#include <numeric>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "check.h"
#include "tql_engine/decode_pool.h"
#include "tql_engine/row_memory.h"
#include "tql_engine/status.h"
#include "tql_engine/stored_area.h"
#include "tql_engine/stream_copy.h"

namespace tql_test {
namespace {

using tql_engine::Codec;
using tql_engine::DecodeBatch;
using tql_engine::DecodePool;
using tql_engine::EncodedRows;
using tql_engine::EngineError;
using tql_engine::KeptRow;
using tql_engine::RowMemory;
using tql_engine::StoredArea;
using tql_engine::StoredFiles;
using tql_engine::stream_copy;

constexpr int64_t kRow = 50'000;

uint8_t byte_of(int64_t file, int64_t at) { return static_cast<uint8_t>(file * 31 + at / 7 + at); }

/// Some files in a folder of their own, known by number.
class Folder {
 public:
  explicit Folder(int64_t files, int64_t rows) {
    std::string name = (std::filesystem::temp_directory_path() / "tqlXXXXXX").string();
    check(mkdtemp(name.data()) != nullptr);
    path_ = name;
    for (int64_t file = 0; file < files; ++file) {
      std::vector<uint8_t> bytes(static_cast<size_t>(rows * kRow));
      for (size_t at = 0; at < bytes.size(); ++at) bytes[at] = byte_of(file, static_cast<int64_t>(at));
      const std::string path = path_of(file);
      std::ofstream(path, std::ios::binary)
          .write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
      struct stat status{};
      check(stat(path.c_str(), &status) == 0);
      known_.set(
          static_cast<size_t>(file),
          {path,
           {status.st_size, status.st_mtim.tv_sec * 1'000'000'000 + status.st_mtim.tv_nsec, status.st_ino}});
    }
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  const StoredFiles& known() const { return known_; }
  std::string path_of(int64_t file) const { return path_ + "/" + std::to_string(file); }

 private:
  std::string path_;
  StoredFiles known_;
};

/// Rows of all files, in an order that mixes them.
struct Wanted {
  std::vector<int64_t> files, offsets, sizes;

  Wanted(int64_t number, int64_t rows) {
    for (int64_t row = 0; row < rows; ++row) {
      for (int64_t file = number; file-- > 0;) {
        files.push_back(file);
        offsets.push_back(row * kRow);
        sizes.push_back(kRow);
      }
    }
  }
  size_t size() const { return files.size(); }
};

EncodedRows rows_of(const std::shared_ptr<StoredArea>& area, const std::vector<int64_t>& places) {
  area->seal();
  return EncodedRows(Codec::kRaw, 1, 1, {{area->bytes(), area}}, std::vector<int32_t>(places.size()), places,
                     std::vector<int64_t>(places.size(), kRow), std::vector<int64_t>(places.size(), kRow));
}

bool is_row(const uint8_t* data, int64_t file, int64_t offset) {
  for (int64_t at = 0; at < kRow; ++at) {
    if (data[at] != byte_of(file, offset + at)) return false;
  }
  return true;
}

void batches_read_what_they_need() {
  const Folder folder(5, 6);
  const Wanted wanted(5, 6);
  DecodePool pool(3);
  for (int round = 0; round < 8; ++round) {
    const auto area = std::make_shared<StoredArea>();
    const EncodedRows rows =
        rows_of(area, area->add(folder.known(), wanted.files, wanted.offsets, wanted.sizes));
    std::vector<std::vector<uint8_t>> results(wanted.size(), std::vector<uint8_t>(kRow));
    std::vector<uint8_t*> outputs;
    for (std::vector<uint8_t>& result : results) outputs.push_back(result.data());
    std::vector<std::shared_ptr<KeptRow>> kept(wanted.size());
    if (round % 2 == 1) {
      const auto memory = std::make_shared<RowMemory>();
      for (size_t i = 0; i < kept.size(); i += 2)
        kept[i] = std::make_shared<KeptRow>(rows, static_cast<int64_t>(i), memory);
    }
    const auto batch = std::make_shared<DecodeBatch>(rows, outputs, std::nullopt, kept);
    pool.submit(batch);
    if (round == 6) batch->cancel();  // readers are at work, or not yet
    while (!batch->wait_for(std::chrono::seconds(1))) {
    }
    batch->check();
    for (size_t i = 0; i < wanted.size() && round != 6; ++i)
      check(is_row(results[i].data(), wanted.files[i], wanted.offsets[i]));
    for (size_t i = 1; i < wanted.size(); i += 7)
      check(is_row(rows.stored(static_cast<int64_t>(i)).data(), wanted.files[i], wanted.offsets[i]));
  }
}

void threads_read_together() {
  const Folder folder(3, 20);
  const Wanted wanted(3, 20);
  StoredArea area;
  const std::vector<int64_t> places = area.add(folder.known(), wanted.files, wanted.offsets, wanted.sizes);
  area.seal();
  std::vector<std::thread> threads;
  for (size_t thread = 0; thread < 4; ++thread) {
    threads.emplace_back([&, thread] {
      for (size_t i = thread; i < places.size(); i += 4) {
        area.need(area.part_of(places[i], kRow));
        check(is_row(area.bytes().data() + places[i], wanted.files[i], wanted.offsets[i]));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  check(area.is_read() && !area.read_some());
}

void damage_is_that_of_one_file() {
  const Folder folder(3, 4);
  const Wanted wanted(3, 4);
  std::filesystem::remove(folder.path_of(0));
  std::filesystem::resize_file(folder.path_of(1), 100);
  StoredArea area;
  const std::vector<int64_t> places = area.add(folder.known(), wanted.files, wanted.offsets, wanted.sizes);
  area.seal();
  for (size_t i = 0; i < places.size(); ++i) {
    std::string message;
    try {
      area.need(area.part_of(places[i], kRow));
    } catch (const EngineError& error) {
      message = error.message();
    }
    const std::string expected[] = {"the file can't be read: No such file or directory",
                                    "the file was changed after it was opened", ""};
    check(message == expected[wanted.files[i]]);
  }
}

void memory_is_nobody_elses() {
  RowMemory memory;
  std::vector<std::thread> threads;
  for (size_t thread = 0; thread < 4; ++thread) {
    threads.emplace_back([&memory, thread] {
      struct Piece {
        uint8_t* data;
        size_t bytes;
        uint8_t mark;
      };
      std::vector<Piece> held;
      for (size_t round = 0; round < 300; ++round) {
        const size_t bytes = (round * 7919 + thread * 131) % 3'000'000;
        held.push_back({memory.allocate(bytes), bytes, static_cast<uint8_t>(round + thread)});
        std::fill_n(held.back().data, std::min<size_t>(bytes, 70'000), held.back().mark);
        if (bytes > 0) held.back().data[bytes - 1] = held.back().mark;
        if (held.size() < 6) continue;
        const Piece piece = held[round % 6];
        held.erase(held.begin() + static_cast<ptrdiff_t>(round % 6));
        for (size_t at = 0; at < std::min<size_t>(piece.bytes, 70'000); ++at)
          check(piece.data[at] == piece.mark);
        check(piece.bytes == 0 || piece.data[piece.bytes - 1] == piece.mark);
        memory.free(piece.data, piece.bytes);
      }
      for (const Piece& piece : held) memory.free(piece.data, piece.bytes);
    });
  }
  for (std::thread& thread : threads) thread.join();
  uint8_t* const first = memory.allocate(100'000);
  memory.free(first, 100'000);
  uint8_t* const again = memory.allocate(99'999);  // fits the same slot
  check(again == first);
  memory.free(again, 99'999);
}

void copies_of_any_size() {
  std::vector<uint8_t> from(300'000), to(300'000 + 200);
  std::iota(from.begin(), from.end(), uint8_t{3});
  for (const size_t bytes :
       {size_t{0}, size_t{1}, size_t{63}, size_t{32'767}, size_t{32'768}, size_t{100'001}, size_t{299'900}}) {
    for (const size_t at : {size_t{0}, size_t{1}, size_t{63}, size_t{100}}) {
      std::ranges::fill(to, 0);
      stream_copy(to.data() + at, from.data() + at / 2, bytes);
      check(std::equal(to.begin() + static_cast<ptrdiff_t>(at),
                       to.begin() + static_cast<ptrdiff_t>(at + bytes),
                       from.begin() + static_cast<ptrdiff_t>(at / 2)));
      check(
          std::all_of(to.begin(), to.begin() + static_cast<ptrdiff_t>(at), [](uint8_t x) { return x == 0; }));
      check(std::all_of(to.begin() + static_cast<ptrdiff_t>(at + bytes), to.end(),
                        [](uint8_t x) { return x == 0; }));
    }
  }
}

}  // namespace

void test_stored_area() {
  batches_read_what_they_need();
  threads_read_together();
  damage_is_that_of_one_file();
  memory_is_nobody_elses();
  copies_of_any_size();
}

}  // namespace tql_test
