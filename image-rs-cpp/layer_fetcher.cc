#include "image-rs-cpp/layer_fetcher.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <mutex>
#include <span>
#include <system_error>
#include <thread>

#include "base/strings.h"
#include "image-rs-cpp/unpack/layer_pipeline.h"
#include "image-rs-cpp/unpack/thread_umask.h"

namespace nacre::image {
namespace {

using Sources = std::span<BlobSource* const>;

bool MayGoOn(const absl::Status& status) {
  return absl::IsUnavailable(status) || absl::IsDataLoss(status) ||
         absl::IsDeadlineExceeded(status);
}

// How an attempt to fetch one layer came out.
struct Attempt {
  absl::StatusOr<LayerFacts> facts = absl::UnknownError("not tried");
  // What came was wrong, and not all of it came from the last source.
  bool misled = false;
};

class Fetcher {
 public:
  Fetcher(const LayerPlan& plan, const Limits& limits, Sources sources, LayerStore* store)
      : plan_(plan),
        limits_(limits),
        sources_(sources),
        store_(store),
        budget_(limits, store->Room()),
        windows_(uint64_t{1} << limits.zstd_window_log),
        out_(plan.layers->size()) {}

  absl::StatusOr<std::vector<std::shared_ptr<const StoredLayer>>> Run() {
    const size_t wanted =
        std::clamp<size_t>(limits_.parallel_layers, 1, std::max<size_t>(out_.size(), 1));
    {
      std::vector<std::jthread> helpers;
      try {
        for (size_t i = 0; i < wanted; ++i) {
          helpers.emplace_back([this] {
            ClearThreadUmask();  // what comes unpacked is put into files here
            Work();
          });
        }
      } catch (const std::system_error&) {
        // No more threads to be had: the ones there are do it.
      }
      if (helpers.empty()) Work();
    }
    RETURN_IF_ERROR(error_);
    return std::move(out_);
  }

 private:
  void Work() {
    size_t index;
    while (!stop_ && (index = next_.fetch_add(1)) < out_.size()) {
      absl::StatusOr<std::shared_ptr<const StoredLayer>> layer =
          store_->GetOrUnpack((*plan_.diff_ids)[index],
                              [this, index](LayerPlace& place) { return Fetch(index, &place); });
      if (layer.ok()) {
        out_[index] = *std::move(layer);
        continue;
      }
      std::lock_guard lock(mutex_);
      if (!stop_) error_ = layer.status();
      stop_ = true;
    }
  }

  absl::StatusOr<LayerFacts> Fetch(size_t index, LayerPlace* place) {
    std::optional<Attempt> unpacked = FetchUnpacked(index, place);
    Attempt attempt = unpacked ? *std::move(unpacked) : FetchFrom(sources_, index, place);
    if (!attempt.misled || stop_) return std::move(attempt.facts);
    Attempt again = FetchFrom(sources_.last(1), index, place);
    if (again.facts.ok() || stop_) return std::move(again.facts);
    return absl::Status(
        again.facts.status().code(),
        StrCat(Message(again.facts.status()), " (once before, from elsewhere than ",
               sources_.back()->name(), ": ", Message(attempt.facts.status()), ")"));
  }

  // Into a new tree of `place`.
  absl::StatusOr<std::unique_ptr<LayerPipeline>> Pipeline(size_t index, LayerPlace* place,
                                                          bool unpacked) {
    const std::optional<LayerKey>& key = (*plan_.keys)[index];
    ASSIGN_OR_RETURN(LayerTree* const tree, place->Begin());
    return LayerPipeline::Create({&(*plan_.layers)[index], &(*plan_.diff_ids)[index],
                                  key ? &*key : nullptr, tree, &limits_, &budget_, &windows_,
                                  unpacked});
  }

  // Of an encrypted layer nobody may have the tar, and a tar that is not compressed is the blob.
  bool MayComeUnpacked(size_t index) const {
    const absl::StatusOr<LayerType> type = ParseLayerMediaType((*plan_.layers)[index].media_type);
    return type.ok() && !type->encrypted && type->compression != Compression::kNone &&
           !(*plan_.keys)[index];
  }

  // Nothing when no source keeps the layer's tar, or it broke off: the blob is to be fetched. The
  // last source is where blobs come from and is not asked.
  std::optional<Attempt> FetchUnpacked(size_t index, LayerPlace* place) {
    if (!MayComeUnpacked(index)) return std::nullopt;
    for (BlobSource* source : sources_.first(sources_.size() - 1)) {
      std::unique_ptr<LayerPipeline> pipeline;
      absl::Status unpacked;  // as opposed to the source
      const absl::Status read =
          source->ReadUnpacked(*plan_.reference, (*plan_.layers)[index], [&](ByteView data) {
            unpacked = WriteUnpacked(index, place, data, &pipeline);
            return unpacked;
          });
      if (!unpacked.ok()) return Attempt{unpacked, !stop_};
      if (!read.ok()) continue;
      if (pipeline == nullptr) return Attempt{absl::DataLossError("nothing came"), true};
      Attempt attempt{pipeline->Finish(), false};
      attempt.misled = !attempt.facts.ok();
      return attempt;
    }
    return std::nullopt;
  }

  absl::Status WriteUnpacked(size_t index, LayerPlace* place, ByteView data,
                             std::unique_ptr<LayerPipeline>* pipeline) {
    if (stop_) return absl::CancelledError("another layer failed");
    if (*pipeline == nullptr) {
      ASSIGN_OR_RETURN(*pipeline, Pipeline(index, place, true));
    }
    return (*pipeline)->Write(data);
  }

  Attempt FetchFrom(Sources sources, size_t index, LayerPlace* place) {
    auto pipeline = Pipeline(index, place, false);
    if (!pipeline.ok()) return {pipeline.status(), false};
    bool mixed = false;
    absl::Status fetched = ReadAll(sources, (*plan_.layers)[index], pipeline->get(), &mixed);
    // A source that misleads can bring about any error, a full disk too.
    if (!fetched.ok()) return {fetched, mixed && !stop_};
    Attempt attempt{(*pipeline)->Finish(), false};
    attempt.misled = mixed && !attempt.facts.ok();
    return attempt;
  }

  // The whole blob into the pipeline, going on where a source has stopped. `mixed`: some of it came
  // from a source other than the last.
  absl::Status ReadAll(Sources sources, const Descriptor& layer, LayerPipeline* pipeline,
                       bool* mixed) {
    uint32_t attempts = 1;
    for (size_t source = 0;;) {
      const bool last = source + 1 == sources.size();
      const uint64_t before = pipeline->received();
      absl::Status unpacked;  // as opposed to the source
      absl::Status read =
          sources[source]->Read(*plan_.reference, layer, before, [&](ByteView data) {
            *mixed |= !last;
            unpacked = stop_ ? absl::CancelledError("another layer failed") : pipeline->Write(data);
            return unpacked;
          });
      RETURN_IF_ERROR(unpacked);
      if (read.ok() && pipeline->received() == layer.size) return read;
      // A source that ends too early without saying so has broken off like any other.
      if (read.ok()) read = absl::DataLossError(EndsEarly(layer, pipeline->received()));
      if (!last) {
        ++source;
        continue;
      }
      // Whoever makes progress may go on; only standing still counts.
      if (pipeline->received() != before) attempts = 1;
      if (!MayGoOn(read) || stop_ || attempts >= limits_.fetch_attempts) return read;
      std::this_thread::sleep_for(std::chrono::milliseconds(limits_.retry_delay_ms) * attempts);
      ++attempts;
    }
  }

  static std::string EndsEarly(const Descriptor& layer, uint64_t received) {
    return StrCat("layer ", layer.digest.text(), ": got ", received, " bytes, the manifest names ",
                  layer.size);
  }

  const LayerPlan& plan_;
  const Limits& limits_;
  const Sources sources_;
  LayerStore* store_;
  UnpackBudget budget_;
  WindowMemory windows_;
  std::vector<std::shared_ptr<const StoredLayer>> out_;
  std::atomic<size_t> next_ = 0;
  std::atomic<bool> stop_ = false;
  std::mutex mutex_;
  absl::Status error_;
};

}  // namespace

absl::StatusOr<std::vector<std::shared_ptr<const StoredLayer>>> FetchLayers(
    const LayerPlan& plan, const Limits& limits, const std::vector<BlobSource*>& sources,
    LayerStore* store) {
  return Fetcher(plan, limits, sources, store).Run();
}

}  // namespace nacre::image
