// What the engine must know of the process it runs in: how many cores it may use, and whether it was forked.
#pragma once

#include <cstdint>
#include <functional>
#include <thread>

namespace tql_engine {

/// More threads than this are never started, whatever a caller asks for.
inline constexpr int kMaxThreads = 256;

/// The cores that this process may run on: the scheduler's affinity mask where the system has one.
int available_cores() noexcept;

/// `requested` threads, or one per available core where it is 0 or less; at least 1, at most kMaxThreads.
int resolve_threads(int requested) noexcept;

/// How often this process is a forked copy of the one that loaded the engine. Threads started under another
/// number don't exist here, and locks from that time may be held forever: leave both alone.
uint64_t fork_generation() noexcept;

/// A thread that gets no signals, so that Ctrl-C reaches the interpreter's main thread.
std::thread start_thread(std::function<void()> body);

}  // namespace tql_engine
