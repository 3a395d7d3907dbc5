#include "image-rs-cpp/layer_fetcher.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <mutex>
#include <system_error>
#include <thread>

#include "base/file.h"
#include "base/strings.h"
#include "image-rs-cpp/unpack/layer_pipeline.h"

namespace nacre::image {
namespace {

class Fetcher {
 public:
  Fetcher(const LayerPlan& plan, const Limits& limits, RegistryClient* registry, LayerStore* store)
      : plan_(plan),
        limits_(limits),
        registry_(registry),
        store_(store),
        budget_(limits),
        out_(plan.layers->size()) {}

  absl::StatusOr<std::vector<std::shared_ptr<const StoredLayer>>> Run() {
    const size_t wanted =
        std::clamp<size_t>(limits_.parallel_layers, 1, std::max<size_t>(out_.size(), 1));
    {
      std::vector<std::jthread> helpers;
      try {
        for (size_t i = 1; i < wanted; ++i) helpers.emplace_back([this] { Work(); });
      } catch (const std::system_error&) {
        // No more threads to be had: the ones there are do it.
      }
      Work();
    }
    RETURN_IF_ERROR(error_);
    return std::move(out_);
  }

 private:
  void Work() {
    size_t index;
    while (!stop_ && (index = next_.fetch_add(1)) < out_.size()) {
      absl::StatusOr<std::shared_ptr<const StoredLayer>> layer = store_->GetOrUnpack(
          (*plan_.diff_ids)[index],
          [this, index](const std::string& folder) { return FetchWithRetry(index, folder); });
      if (layer.ok()) {
        out_[index] = *std::move(layer);
        continue;
      }
      std::lock_guard lock(mutex_);
      if (!stop_) error_ = layer.status();
      stop_ = true;
    }
  }

  absl::StatusOr<LayerFacts> FetchWithRetry(size_t index, const std::string& folder) {
    auto delay = std::chrono::milliseconds(limits_.retry_delay_ms);
    for (uint32_t attempt = 1;; ++attempt, delay *= 2) {
      bool network_failed = false;
      absl::StatusOr<LayerFacts> facts = Fetch(index, folder, &network_failed);
      if (facts.ok() || !network_failed || stop_ || attempt >= limits_.fetch_attempts) return facts;
      RETURN_IF_ERROR(RemoveTree(folder));
      RETURN_IF_ERROR(MakeDirectories(folder, 0700));
      std::this_thread::sleep_for(delay);
    }
  }

  absl::StatusOr<LayerFacts> Fetch(size_t index, const std::string& folder, bool* network_failed) {
    const Descriptor& layer = (*plan_.layers)[index];
    const std::optional<LayerKey>& key = (*plan_.keys)[index];
    ASSIGN_OR_RETURN(std::unique_ptr<LayerPipeline> pipeline,
                     LayerPipeline::Create(layer, (*plan_.diff_ids)[index], key ? &*key : nullptr,
                                           folder, limits_, &budget_));
    absl::Status unpacked;  // as opposed to the network
    absl::Status fetched = registry_->GetBlob(*plan_.reference, layer, [&](ByteView data) {
      unpacked = stop_ ? absl::CancelledError("another layer failed") : pipeline->Write(data);
      return unpacked;
    });
    RETURN_IF_ERROR(unpacked);
    *network_failed = absl::IsUnavailable(fetched) || absl::IsDataLoss(fetched) ||
                      absl::IsDeadlineExceeded(fetched);
    RETURN_IF_ERROR(fetched);
    *network_failed = false;
    return pipeline->Finish();
  }

  const LayerPlan& plan_;
  const Limits& limits_;
  RegistryClient* registry_;
  LayerStore* store_;
  UnpackBudget budget_;
  std::vector<std::shared_ptr<const StoredLayer>> out_;
  std::atomic<size_t> next_ = 0;
  std::atomic<bool> stop_ = false;
  std::mutex mutex_;
  absl::Status error_;
};

}  // namespace

absl::StatusOr<std::vector<std::shared_ptr<const StoredLayer>>> FetchLayers(
    const LayerPlan& plan, const Limits& limits, RegistryClient* registry, LayerStore* store) {
  return Fetcher(plan, limits, registry, store).Run();
}

}  // namespace nacre::image
