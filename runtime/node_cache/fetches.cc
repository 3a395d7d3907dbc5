#include "runtime/node_cache/fetches.h"

#include <algorithm>
#include <system_error>

#include "base/log.h"
#include "base/strings.h"
#include "runtime/node_cache/limits.h"

namespace nacre::runtime {
namespace {

using Clock = std::chrono::steady_clock;

// What a reader is told. A registry that refuses this node may still serve the guest, which has
// credentials of its own: for the guest that is the same as not having the blob.
absl::Status ForReader(const absl::Status& status) {
  if (absl::IsUnavailable(status) || absl::IsDataLoss(status) || absl::IsDeadlineExceeded(status)) {
    return absl::UnavailableError(status.message());
  }
  return absl::NotFoundError(status.message());
}

}  // namespace

void Fetches::Stop() {
  const std::lock_guard lock(mutex_);
  stopped_ = true;
  progress_.notify_all();
}

Fetches::~Fetches() {
  std::map<BlobName, std::shared_ptr<Fetch>> running;
  {
    const std::lock_guard lock(mutex_);
    running.swap(running_);
  }
  for (auto& [name, fetch] : running) fetch->thread.request_stop();
  for (auto& [name, fetch] : running) fetch->thread = std::jthread();  // joins
}

// With the mutex held. A blob that arrived is in the store; a failure is remembered for a while.
void Fetches::ForgetEnded() {
  const auto before = Clock::now() - std::chrono::milliseconds(kFetchRetryMs);
  std::erase_if(running_, [&](const auto& item) {
    const Fetch& fetch = *item.second;
    return fetch.ended && (fetch.status.ok() || fetch.ended_at < before);
  });
}

absl::StatusOr<std::shared_ptr<Fetches::Fetch>> Fetches::Join(
    const image::ImageReference& reference, const BlobName& name) {
  const std::lock_guard lock(mutex_);
  ForgetEnded();
  if (const auto found = running_.find(name); found != running_.end()) return found->second;
  const size_t alive = std::count_if(running_.begin(), running_.end(),
                                     [](const auto& item) { return !item.second->ended; });
  if (alive >= kMaxNodeCacheFetches || running_.size() >= kMaxNodeCacheFailures) {
    return absl::UnavailableError("the node cache fetches as much as it may already");
  }
  auto fetch = std::make_shared<Fetch>();
  ASSIGN_OR_RETURN(fetch->blob, store_->Begin(name));
  try {
    fetch->thread = std::jthread(
        [this, raw = fetch.get(), reference](std::stop_token stop) { Run(raw, reference, stop); });
  } catch (const std::system_error& error) {
    return absl::UnavailableError(StrCat("node cache: ", error.what()));
  }
  running_[name] = fetch;
  return fetch;
}

void Fetches::Run(Fetch* fetch, const image::ImageReference& reference,
                  const std::stop_token& stop) {
  IncomingBlob& blob = *fetch->blob;
  const image::Descriptor descriptor{
      .media_type = "", .digest = blob.name().digest, .size = blob.name().size, .annotations = {}};
  if (unpacker_ != nullptr) unpacker_->FetchBegins();
  absl::Status status = registry_->Read(reference, descriptor, 0, [&](ByteView bytes) {
    if (stop.stop_requested()) return absl::CancelledError("the node cache ends");
    RETURN_IF_ERROR(blob.Write(bytes));
    { const std::lock_guard lock(mutex_); }  // a reader is before its wait, or in it
    progress_.notify_all();
    return absl::OkStatus();
  });
  if (status.ok()) status = blob.Commit();
  if (unpacker_ != nullptr) unpacker_->FetchEnds(blob.name(), status.ok());
  Log(status.ok() ? LogLevel::kInfo : LogLevel::kWarning, "blob_fetched",
      {{"repository", blob.name().repository},
       {"digest", blob.name().digest.text()},
       {"bytes", blob.written()},
       {"error", status.ok() ? std::string() : Message(status)}});
  const std::lock_guard lock(mutex_);
  fetch->status = status;
  fetch->ended_at = Clock::now();
  fetch->ended = true;
  progress_.notify_all();
}

absl::StatusOr<std::string> Fetches::Read(const image::ImageReference& reference,
                                          const BlobName& name, uint64_t offset, uint32_t length,
                                          size_t headroom) {
  const absl::StatusOr<std::shared_ptr<Fetch>> joined = Join(reference, name);
  if (!joined.ok()) return ForReader(joined.status());
  const std::shared_ptr<Fetch>& fetch = *joined;
  {
    std::unique_lock lock(mutex_);
    const auto there = [&] { return stopped_ || fetch->ended || fetch->blob->written() > offset; };
    for (uint64_t seen = fetch->blob->written(); !there(); seen = fetch->blob->written()) {
      const auto patience = std::chrono::milliseconds(kFetchProgressTimeoutMs);
      const auto moved = [&] { return there() || fetch->blob->written() > seen; };
      if (!progress_.wait_for(lock, patience, moved)) {
        return absl::UnavailableError(
            StrCat("nothing came from the registry for ", kFetchProgressTimeoutMs, " ms"));
      }
    }
    if (stopped_) return absl::UnavailableError("the node cache ends");
    if (fetch->ended && !fetch->status.ok()) return ForReader(fetch->status);
  }
  ASSIGN_OR_RETURN(std::string data, fetch->blob->Read(offset, length, headroom));
  if (data.size() > headroom) return data;
  return absl::UnavailableError("the fetched blob is shorter than was asked for");
}

}  // namespace nacre::runtime
