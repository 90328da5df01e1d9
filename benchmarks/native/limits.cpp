// What the machine can do at most, for the benchmarks to compare with: reading memory once, and decoding
// JPEGs in a bare libjpeg-turbo loop. Prints seconds.
//
//   limits read BYTES THREADS          sum BYTES of memory once
//   limits jpeg FILE THREADS           decode every image of FILE once
//
// FILE holds a uint32 count, as many uint32 sizes, then the images back to back.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <string>
#include <thread>
#include <vector>

// clang-format off: jpeglib.h needs what cstdio declares
#include <jpeglib.h>
// clang-format on

namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

template <class Work>
double on_threads(int threads, Work work) {
  const auto start = Clock::now();
  std::vector<std::thread> crew;
  for (int id = 1; id < threads; ++id) crew.emplace_back(work, id);
  work(0);
  for (auto& thread : crew) thread.join();
  return seconds_since(start);
}

double read_memory(size_t bytes, int threads) {
  std::vector<uint64_t> words(bytes / sizeof(uint64_t), 1);
  std::atomic<uint64_t> total{0};
  const size_t share = words.size() / static_cast<size_t>(threads);
  double best = 1e9;
  for (int round = 0; round < 5; ++round) {
    best = std::min(best, on_threads(threads, [&](int id) {
                      const uint64_t* begin = words.data() + share * static_cast<size_t>(id);
                      uint64_t sum[8] = {};
                      for (size_t i = 0; i + 8 <= share; i += 8)
                        for (size_t k = 0; k < 8; ++k) sum[k] += begin[i + k];
                      for (uint64_t part : sum) total += part;
                    }));
  }
  if (total == 0) std::puts("");  // keeps the sums alive
  return best;
}

double decode_all(const std::string& path, int threads) {
  std::ifstream file(path, std::ios::binary);
  const std::vector<char> raw{std::istreambuf_iterator<char>(file), {}};
  const char* data = raw.data();
  uint32_t count = 0;
  std::memcpy(&count, data, sizeof count);
  std::vector<uint32_t> sizes(count);
  std::memcpy(sizes.data(), data + 4, size_t{count} * 4);
  std::vector<const char*> images(count);
  const char* at = data + 4 + size_t{count} * 4;
  for (uint32_t i = 0; i < count; at += sizes[i++]) images[i] = at;

  std::atomic<uint32_t> next{0};
  return on_threads(threads, [&](int) {
    jpeg_decompress_struct decoder;
    jpeg_error_mgr errors;
    decoder.err = jpeg_std_error(&errors);
    jpeg_create_decompress(&decoder);
    std::vector<unsigned char> pixels;
    for (uint32_t i; (i = next.fetch_add(1)) < count;) {
      jpeg_mem_src(&decoder, reinterpret_cast<const unsigned char*>(images[i]), sizes[i]);
      jpeg_read_header(&decoder, TRUE);
      jpeg_start_decompress(&decoder);
      const size_t stride = size_t{decoder.output_width} * static_cast<size_t>(decoder.output_components);
      pixels.resize(stride * decoder.output_height);
      while (decoder.output_scanline < decoder.output_height) {
        JSAMPROW row = pixels.data() + stride * decoder.output_scanline;
        jpeg_read_scanlines(&decoder, &row, 1);
      }
      jpeg_finish_decompress(&decoder);
    }
    jpeg_destroy_decompress(&decoder);
  });
}

}  // namespace

int main(int argc, char** argv) {
  const std::string what = argc == 4 ? argv[1] : "";
  if (what == "read") {
    std::printf("%.9f\n", read_memory(std::strtoull(argv[2], nullptr, 10), std::atoi(argv[3])));
  } else if (what == "jpeg") {
    std::printf("%.9f\n", decode_all(argv[2], std::atoi(argv[3])));
  } else {
    std::fprintf(stderr, "usage: limits read BYTES THREADS | limits jpeg FILE THREADS\n");
    return 2;
  }
  return 0;
}
