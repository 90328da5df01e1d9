// A queue of batches, and threads that take groups of rows from its front.
#include "tql_engine/decode_pool.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <exception>
#include <iterator>
#include <mutex>
#include <numeric>
#include <system_error>
#include <unordered_map>
#include <utility>

#include "tql_engine/process.h"
#include "tql_engine/stream_copy.h"

namespace tql_engine {
namespace {

/// Decoded bytes that a thread takes at once, some 50 microseconds of work: the lock costs nothing then, and
/// the threads end together.
int64_t group_bytes(Codec codec) noexcept {
  switch (codec) {
    case Codec::kRaw:
      return 1 << 18;
    case Codec::kLz4:
      return 1 << 16;
    case Codec::kJpeg:
      break;
  }
  return 1 << 14;
}

/// Threads that read ahead: they wait for storage more than they work, and storage likes many requests.
constexpr int kReaders = 4;
constexpr auto kSlowRead = std::chrono::microseconds(500);

using Clock = std::chrono::steady_clock;

/// Where there are none yet, `number` threads, or as many as the system allows.
template <class Work>
void start(std::vector<std::thread>& threads, int number, const Work& work) {
  if (!threads.empty()) return;
  try {
    while (static_cast<int>(threads.size()) < number) threads.push_back(start_thread(work));
  } catch (const std::system_error&) {  // fewer will do
  }
}

EngineError cancelled(const char* why) { return {Code::kCancelled, why}; }

EngineError with_row(const EngineError& error, int64_t row) { return {error.code(), error.message(), row}; }

}  // namespace

/// What threads, batches and the pool share. After a fork the child leaves it alone: its threads are gone,
/// and one of them may have held the lock.
struct PoolBatch::Shared {
  const uint64_t generation = fork_generation();
  std::mutex mutex;
  std::condition_variable submitted;
  std::condition_variable finished;
  std::condition_variable announced;
  std::deque<std::shared_ptr<PoolBatch>> queue;
  std::deque<std::weak_ptr<StoredArea>> unread;  // of which a reader may still begin something
  std::vector<std::thread> threads;
  std::vector<std::thread> readers;
  bool closed = false;

  bool lives_here() const noexcept { return generation == fork_generation(); }

  void work() {
    std::unique_lock lock(mutex);
    for (;;) {
      submitted.wait(lock, [this] { return closed || !queue.empty(); });
      if (closed) return;
      const std::shared_ptr<PoolBatch> batch = queue.front();
      const size_t first = batch->next_run_;
      const size_t last = std::min(batch->runs(), first + batch->group_);
      batch->next_run_ = last;
      if (last == batch->runs()) queue.pop_front();
      if (first == last) continue;  // cancelled
      ++batch->at_work_;
      lock.unlock();
      std::optional<EngineError> error = batch->do_runs(first, last);
      lock.lock();
      // Runs before this one were taken earlier and still end: the first row that failed is the one reported.
      if (error && (!batch->error_ || error->row() < batch->error_->row())) batch->error_ = std::move(error);
      if (batch->error_) batch->next_run_ = batch->runs();
      --batch->at_work_;
      if (batch->finished()) finished.notify_all();
    }
  }

  /// Readers work on the area in front, until there is nothing in it that nobody has begun. As long as
  /// storage answers at once, which is the page cache, one is enough: each that has to wait calls one more.
  void read() {
    std::unique_lock lock(mutex);
    for (;;) {
      announced.wait(lock, [this] { return closed || !unread.empty(); });
      if (closed) return;
      const std::weak_ptr<StoredArea> front = unread.front();
      lock.unlock();
      const std::shared_ptr<StoredArea> area = front.lock();  // nothing where nobody wants it any more
      const auto begun = Clock::now();
      const bool more = area != nullptr && area->read_some();
      if (more && Clock::now() - begun > kSlowRead) announced.notify_one();
      lock.lock();
      if (!more && !unread.empty() && is_same(unread.front(), front)) unread.pop_front();
    }
  }

  static bool is_same(const std::weak_ptr<StoredArea>& a, const std::weak_ptr<StoredArea>& b) noexcept {
    return !a.owner_before(b) && !b.owner_before(a);
  }
};

DecodeBatch::DecodeBatch(EncodedRows rows, std::vector<uint8_t*> outputs, std::optional<ImageWork> work,
                         std::vector<std::shared_ptr<KeptRow>> kept)
    : rows_(std::move(rows)), outputs_(std::move(outputs)), work_(std::move(work)), kept_(std::move(kept)) {
  order_.resize(static_cast<size_t>(rows_.size()));
  std::iota(order_.begin(), order_.end(), int64_t{0});
  const bool images = rows_.codec() == Codec::kJpeg || work_;
  if (images || !kept_.empty()) gather_equal_rows();
  int64_t bytes = 0;
  for (int64_t i = 0; i < rows_.size(); ++i) {
    const int64_t row = order_[static_cast<size_t>(i)];
    if (i > 0 && rows_.same(order_[static_cast<size_t>(i - 1)], row)) continue;
    run_starts_.push_back(i);
    bytes += rows_.decoded_size(row);
  }
  run_starts_.push_back(rows_.size());
  const auto average = bytes / std::max<int64_t>(1, static_cast<int64_t>(runs())) + 1;
  const int64_t most = group_bytes(images ? Codec::kJpeg : rows_.codec());
  group_ = static_cast<size_t>(std::max<int64_t>(1, most / average));
}

void DecodeBatch::gather_equal_rows() {
  std::unordered_map<const uint8_t*, int64_t> firsts;
  std::vector<int64_t> first(order_.size());
  for (const int64_t row : order_) {
    const int64_t candidate = firsts.try_emplace(rows_.place(row), row).first->second;
    first[static_cast<size_t>(row)] = rows_.same(candidate, row) ? candidate : row;
  }
  if (firsts.size() == order_.size()) return;
  std::ranges::stable_sort(order_, {}, [&first](int64_t row) { return first[static_cast<size_t>(row)]; });
}

size_t DecodeBatch::made_bytes(int64_t row) const {
  if (!work_) return static_cast<size_t>(rows_.decoded_size(row));
  return static_cast<size_t>(work_->program->bytes_of(work_->program->shape_of(rows_.image_shape(row))));
}

void DecodeBatch::make(int64_t row, uint8_t* out) const {
  if (!work_) return rows_.decode(row, out);
  work_->program->run(rows_.codec(), rows_.stored(row), rows_.image_shape(row), draws(row), out);
}

RowDraws DecodeBatch::draws(int64_t row) const noexcept {
  return {work_->seed, work_->epoch, static_cast<uint64_t>(work_->places[static_cast<size_t>(row)])};
}

bool DecodeBatch::grows(int64_t row) const {
  return made_bytes(row) > static_cast<size_t>(rows_.decoded_size(row));
}

KeptRow* DecodeBatch::kept(int64_t row) const noexcept {
  return kept_.empty() ? nullptr : kept_[static_cast<size_t>(row)].get();
}

void DecodeBatch::make_once(std::span<const int64_t> run) const {
  const int64_t row = run.front();
  const size_t bytes = made_bytes(row);
  const uint8_t* from = nullptr;
  if (KeptRow* const shared = kept(row)) {
    from = shared->value(bytes, [&](uint8_t* out) { make(row, out); });
  } else {
    uint8_t* const out = outputs_[static_cast<size_t>(row)];
    make(row, out);
    from = out;
    run = run.subspan(1);
  }
  if (bytes == 0) return;
  for (const int64_t other : run) stream_copy(outputs_[static_cast<size_t>(other)], from, bytes);
}

void DecodeBatch::make_each(std::span<const int64_t> run) const {
  thread_local PixelBuffer buffer;
  const int64_t row = run.front();
  const ImageShape shape = rows_.image_shape(row);
  const auto bytes = static_cast<size_t>(rows_.decoded_size(row));
  const auto decode = [&](uint8_t* out) { rows_.decode(row, out); };
  const uint8_t* pixels = nullptr;
  for (const int64_t each : run) {
    const RowDraws drawn = draws(each);
    // Pixels of a scaled JPEG are others: whether a picture is shared must make no difference.
    if (rows_.codec() == Codec::kJpeg && work_->program->jpeg_scale(shape, drawn) > 1) {
      make(each, outputs_[static_cast<size_t>(each)]);
      continue;
    }
    if (pixels == nullptr) {
      if (KeptRow* const shared = kept(row)) {
        pixels = shared->value(bytes, decode);
      } else {
        uint8_t* const decoded = buffer.reserve(bytes);
        decode(decoded);
        pixels = decoded;
      }
    }
    work_->program->run(Codec::kRaw, {pixels, bytes}, shape, drawn, outputs_[static_cast<size_t>(each)]);
  }
  buffer.shrink(size_t{32} << 20);
}

bool PoolBatch::done() const noexcept {
  if (shared_ == nullptr || !shared_->lives_here()) return runs() == 0;
  const std::lock_guard lock(shared_->mutex);
  return finished();
}

bool PoolBatch::idle() const noexcept {
  if (shared_ == nullptr || !shared_->lives_here()) return true;
  return done();
}

bool PoolBatch::wait_for(std::chrono::nanoseconds time) const {
  if (shared_ == nullptr || !shared_->lives_here()) return true;
  std::unique_lock lock(shared_->mutex);
  return shared_->finished.wait_for(lock, time, [this] { return finished(); });
}

void PoolBatch::check() const {
  if (runs() == 0) return;
  if (shared_ == nullptr || !shared_->lives_here()) {
    throw cancelled("the batch was submitted before this process was forked");
  }
  const std::lock_guard lock(shared_->mutex);
  if (error_) throw *error_;
}

void PoolBatch::cancel() noexcept {
  if (shared_ == nullptr || !shared_->lives_here()) return;
  const std::lock_guard lock(shared_->mutex);
  next_run_ = runs();
}

std::optional<EngineError> DecodeBatch::do_runs(size_t first, size_t last) const {
  for (size_t run = first; run < last; ++run) {
    if (std::optional<EngineError> error = decode_run(run)) return error;
  }
  return std::nullopt;
}

std::optional<EngineError> DecodeBatch::decode_run(size_t run) const {
  const auto begin = static_cast<size_t>(run_starts_[run]), end = static_cast<size_t>(run_starts_[run + 1]);
  const std::span<const int64_t> rows = std::span(order_).subspan(begin, end - begin);
  const int64_t row = rows.front();
  try {
    if (KeptRow* const shared = kept(row)) shared->fill();
    if (rows.size() == 1 && kept(row) == nullptr) {
      uint8_t* const out = outputs_[static_cast<size_t>(row)];
      work_ ? make(row, out) : rows_.stream(row, out);
    } else if (work_ && (work_->program->random() || (kept(row) != nullptr && grows(row)))) {
      make_each(rows);
    } else {
      make_once(rows);
    }
  } catch (const EngineError& error) {
    return with_row(error, row);
  } catch (const std::exception& error) {
    return EngineError(Code::kInternal, error.what(), row);
  }
  return std::nullopt;
}

GatherBatch::GatherBatch(std::shared_ptr<const FixedRows> rows, uint8_t* out)
    : rows_(std::move(rows)), out_(out) {
  group_ = static_cast<size_t>(std::max<int64_t>(1, group_bytes(Codec::kRaw) / rows_->row_bytes()));
}

std::optional<EngineError> GatherBatch::do_runs(size_t first, size_t last) const {
  const auto row = static_cast<int64_t>(first);
  rows_->gather(row, static_cast<int64_t>(last), out_ + row * rows_->row_bytes());
  return std::nullopt;
}

DecodePool::DecodePool(int threads)
    : threads_(resolve_threads(threads)), shared_(std::make_shared<PoolBatch::Shared>()) {}

void DecodePool::adapt_to_fork() {
  if (shared_->lives_here()) return;
  auto fresh = std::make_shared<PoolBatch::Shared>();
  fresh->closed = shared_->closed;
  // Never destroyed: the threads that it would wait for don't exist here.
  [[maybe_unused]] auto* abandoned =
      new std::shared_ptr<PoolBatch::Shared>(std::exchange(shared_, std::move(fresh)));
}

void DecodePool::submit(std::shared_ptr<PoolBatch> batch) {
  adapt_to_fork();
  PoolBatch::Shared& shared = *shared_;
  const std::lock_guard lock(shared.mutex);
  if (shared.closed) throw cancelled("the decode pool is closed");
  start(shared.threads, threads_, [&shared] { shared.work(); });
  if (shared.threads.empty()) throw EngineError(Code::kRuntime, "the system allows no more threads");
  batch->shared_ = shared_;
  if (batch->runs() == 0) return;
  for (const std::shared_ptr<StoredArea>& area : batch->areas()) {
    if (area->is_read() || !area->claim()) continue;
    start(shared.readers, kReaders, [&shared] { shared.read(); });  // without any, who decodes reads
    shared.unread.push_back(area);
    shared.announced.notify_one();
  }
  shared.queue.push_back(std::move(batch));
  shared.submitted.notify_all();
}

void DecodePool::close() {
  adapt_to_fork();
  std::vector<std::thread> threads;
  {
    const std::lock_guard lock(shared_->mutex);
    shared_->closed = true;
    threads.swap(shared_->threads);
    std::ranges::move(shared_->readers, std::back_inserter(threads));
    shared_->readers.clear();
    shared_->unread.clear();
    for (const std::shared_ptr<PoolBatch>& batch : shared_->queue) {
      batch->next_run_ = batch->runs();
      if (!batch->error_) batch->error_ = cancelled("the decode pool was closed");
    }
    shared_->queue.clear();
  }
  shared_->submitted.notify_all();
  shared_->announced.notify_all();
  shared_->finished.notify_all();
  for (std::thread& thread : threads) thread.join();
}

}  // namespace tql_engine
