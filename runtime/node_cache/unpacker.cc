// A first pull must be as fast as it would be without this. While one runs, fetches do, nearly all
// of the time; so the thread waits until there has been none for a moment, and again whenever one
// begins. Its priority is low besides, for what the guests then do, but not the lowest: on a node
// whose processors are never idle it would not be done when the second pod comes, and whoever waits
// for a lock it holds would wait long.
#include "runtime/node_cache/unpacker.h"

#include <linux/ioprio.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

#include "base/log.h"
#include "base/strings.h"
#include "image-rs-cpp/unpack/decompress.h"
#include "runtime/node_cache/limits.h"

namespace nacre::runtime {
namespace {

constexpr size_t kReadSize = 128 << 10;

constexpr int kNiceness = 10;

// Best effort: a node that does not allow it unpacks with everybody else. A thread's own, on Linux.
void BeNice() {
  (void)::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), kNiceness);
  (void)::syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0, IOPRIO_PRIO_VALUE(IOPRIO_CLASS_IDLE, 0));
}

bool StartsWith(ByteView data, ByteView magic) {
  return data.size() >= magic.size() && std::equal(magic.begin(), magic.end(), data.begin());
}

// By its first bytes (RFC 1952 section 2.3.1, RFC 8878 section 3.1): the cache knows no manifest.
absl::StatusOr<image::Compression> CompressionOf(ByteView head) {
  constexpr uint8_t kGzip[] = {0x1f, 0x8b}, kZstd[] = {0x28, 0xb5, 0x2f, 0xfd};
  constexpr uint8_t kSkippable[] = {0x2a, 0x4d, 0x18};  // after 0x50 to 0x5f
  if (StartsWith(head, kGzip)) return image::Compression::kGzip;
  const bool skippable =
      !head.empty() && head[0] >> 4 == 5 && StartsWith(head.subspan(1), kSkippable);
  if (StartsWith(head, kZstd) || skippable) return image::Compression::kZstd;
  return absl::InvalidArgumentError("neither gzip nor zstd");
}

absl::StatusOr<size_t> ReadSome(int file, std::span<uint8_t> out) {
  for (;;) {
    const ssize_t size = ::read(file, out.data(), out.size());
    if (size >= 0) return static_cast<size_t>(size);
    if (errno != EINTR) return ErrnoStatus(errno, "reading a cached blob");
  }
}

}  // namespace

Unpacker::Unpacker(BlobStore* store) : store_(store) {
  try {
    thread_ = std::jthread([this](const std::stop_token& stop) { Run(stop); });
  } catch (const std::system_error& error) {
    Log(LogLevel::kWarning, "nothing_is_unpacked", {{"error", error.what()}});
  }
}

Unpacker::~Unpacker() { thread_ = std::jthread(); }

void Unpacker::Want(const BlobName& name) {
  const std::lock_guard lock(mutex_);
  const auto retried = Clock::now() - std::chrono::milliseconds(kUnpackRetryMs);
  std::erase_if(failed_, [&](const auto& item) { return item.second < retried; });
  if (failed_.contains(name) || failed_.size() >= kMaxNodeCacheWishes) return;
  if (wishes_.size() >= kMaxNodeCacheWishes) {
    std::erase_if(wishes_, [](const auto& wish) { return !wish.second; });  // for what never came
  }
  const absl::Status lacks = store_->LacksTar(name);
  if (!lacks.ok() && !absl::IsNotFound(lacks)) return;
  wishes_[name] = lacks.ok();
  changed_.notify_all();
}

void Unpacker::FetchBegins() {
  const std::lock_guard lock(mutex_);
  ++fetching_;
}

void Unpacker::FetchEnds(const BlobName& name, bool kept) {
  const std::lock_guard lock(mutex_);
  if (--fetching_ == 0) {
    quiet_from_ = Clock::now() + std::chrono::milliseconds(kUnpackQuietMs);
    changed_.notify_all();
  }
  if (!kept) return;
  const auto wish = wishes_.find(name);
  if (wish == wishes_.end()) return;
  wish->second = true;
  changed_.notify_all();
}

void Unpacker::AwaitQuiet(Clock::time_point latest, const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  for (;;) {
    const Clock::time_point now = Clock::now();
    const bool fetching = fetching_ > 0;
    if (stop.stop_requested() || now >= latest || (!fetching && now >= quiet_from_)) return;
    changed_.wait_until(lock, stop, fetching ? latest : std::min(latest, quiet_from_),
                        [&] { return (fetching_ > 0) != fetching; });
  }
}

void Unpacker::Run(const std::stop_token& stop) {
  BeNice();
  std::unique_lock lock(mutex_);
  for (;;) {
    auto next = wishes_.end();
    const auto found = [&] {
      next = std::find_if(wishes_.begin(), wishes_.end(), [](const auto& i) { return i.second; });
      return next != wishes_.end();
    };
    if (!changed_.wait(lock, stop, found) || stop.stop_requested()) return;
    const BlobName name = next->first;
    lock.unlock();
    const absl::Status status = Unpack(name, stop);
    Log(LogLevel::kInfo, "blob_unpacked",
        {{"repository", name.repository},
         {"digest", name.digest.text()},
         {"error", status.ok() ? std::string() : Message(status)}});
    lock.lock();
    wishes_.erase(name);
    if (!status.ok()) failed_[name] = Clock::now();
  }
}

absl::Status Unpacker::Unpack(const BlobName& name, const std::stop_token& stop) {
  const Clock::time_point latest = Clock::now() + std::chrono::milliseconds(kUnpackPatienceMs);
  AwaitQuiet(latest, stop);
  ASSIGN_OR_RETURN(const auto tar, store_->BeginTar(name));
  const uint64_t most = std::max(name.size * kMaxNodeCacheUnpackRatio, kNodeCacheUnpackRatioFrom);
  std::unique_ptr<image::Decompressor> decompressor;
  uint64_t unpacked = 0;
  Bytes buffer(kReadSize);
  for (;;) {
    ASSIGN_OR_RETURN(const size_t size, ReadSome(tar->blob(), buffer));
    if (size == 0) break;
    const ByteView data = ByteView(buffer).first(size);
    if (decompressor == nullptr) {
      ASSIGN_OR_RETURN(const image::Compression kind, CompressionOf(data));
      ASSIGN_OR_RETURN(decompressor, image::Decompressor::Create(kind, {}));
    }
    RETURN_IF_ERROR(decompressor->Write(data, [&](ByteView plain) -> absl::Status {
      if (fetching_ > 0) AwaitQuiet(latest, stop);
      if (stop.stop_requested()) return absl::CancelledError("the node cache ends");
      unpacked += plain.size();
      if (unpacked <= most) return tar->Write(plain);
      return absl::ResourceExhaustedError(
          StrCat("its ", name.size, " bytes unpack to more than ", most));
    }));
  }
  if (unpacked == 0) return absl::DataLossError("it unpacks to nothing");
  RETURN_IF_ERROR(decompressor->Finish());
  return tar->Commit();
}

}  // namespace nacre::runtime
