// A changed blob usually breaks the compressed stream before its digest can be known. What is wrong
// with it is then the digest: so unpacking stops, the rest is still hashed, and Finish() says
// which. A limit is different: passing it is the blob's own doing, and nothing more of it is
// fetched.
#include "image-rs-cpp/unpack/layer_pipeline.h"

#include <algorithm>
#include <system_error>

#include "base/strings.h"
#include "image-rs-cpp/unpack/thread_umask.h"

namespace nacre::image {
namespace {

// Large enough that handing one over costs nothing beside filling it, small enough that what one
// stage has just written is still in a cache when the next one reads it.
constexpr size_t kBlobBuffer = 128 << 10, kTarBuffer = 256 << 10;
constexpr size_t kBuffers = 8;

uint64_t MostUnpacked(uint64_t size, const Limits& limits) {
  const uint64_t ratio = std::max<uint64_t>(limits.max_unpack_ratio, 1);
  if (size > limits.max_unpacked_size / ratio) return limits.max_unpacked_size;
  return std::max(size * ratio, limits.unpack_ratio_from);
}

}  // namespace

LayerPipeline::LayerPipeline(const PipelineRequest& request)
    : name_(StrCat("layer ", request.layer->digest.text())),
      size_(request.layer->size),
      comes_unpacked_(request.unpacked),
      blob_digest_(request.layer->digest),
      compressed_(kBuffers, kBlobBuffer),
      tar_bytes_(kBuffers, kTarBuffer),
      budget_(request.budget),
      most_unpacked_(MostUnpacked(request.layer->size, *request.limits)),
      diff_id_(*request.diff_id),
      applier_(request.tree, *request.limits, request.budget),
      tar_(&applier_, *request.limits) {}

absl::StatusOr<std::unique_ptr<LayerPipeline>> LayerPipeline::Create(
    const PipelineRequest& request) {
  ASSIGN_OR_RETURN(LayerType type, ParseLayerMediaType(request.layer->media_type));
  if (type.encrypted != (request.key != nullptr)) {
    return absl::InvalidArgumentError(StrCat(
        "layer ", request.layer->digest.text(),
        type.encrypted ? " is encrypted and has no key" : " has a key and is not encrypted"));
  }
  if (type.encrypted && request.unpacked) {
    return absl::InvalidArgumentError(StrCat("layer ", request.layer->digest.text(),
                                             " is encrypted, and so never comes unpacked"));
  }
  std::unique_ptr<LayerPipeline> pipeline(new LayerPipeline(request));
  if (request.unpacked) return pipeline;
  ASSIGN_OR_RETURN(pipeline->decompressor_,
                   Decompressor::Create(type.compression, *request.limits, request.windows));
  if (request.key != nullptr) {
    ASSIGN_OR_RETURN(LayerDecryptor decryptor, LayerDecryptor::Create(*request.key),
                     pipeline->name_);
    pipeline->decryptor_.emplace(std::move(decryptor));
  }
  RETURN_IF_ERROR(pipeline->StartThreads(), pipeline->name_);
  return pipeline;
}

absl::Status LayerPipeline::StartThreads() {
  try {
    inflating_ = std::thread([this] { InflateStage(); });
    applying_ = std::thread([this] { ApplyStage(); });
  } catch (const std::system_error& error) {
    return absl::ResourceExhaustedError(StrCat("starting a thread: ", error.what()));
  }
  return absl::OkStatus();
}

LayerPipeline::~LayerPipeline() {
  Stop();
  if (!done_) budget_->Return(unpacked_, applier_.entries(), applier_.content());
}

void LayerPipeline::Stop() {
  compressed_.Fail();
  tar_bytes_.Fail();
  Join();
}

void LayerPipeline::Join() {
  if (inflating_.joinable()) inflating_.join();
  if (applying_.joinable()) applying_.join();
}

absl::Status LayerPipeline::Write(ByteView data) {
  if (comes_unpacked_) {
    received_ += data.size();
    if (applied_.ok()) applied_ = Unpack(data);
    return Annotate(applied_, name_);
  }
  if (data.size() > size_ - received_) {
    return absl::DataLossError(
        StrCat(name_, ": more bytes than the ", size_, " the manifest names"));
  }
  if (past_limit_) {
    Stop();
    return Annotate(Unpacked(), name_);
  }
  received_ += data.size();
  blob_digest_.Update(data);
  RETURN_IF_ERROR(Pass(data), name_);
  return absl::OkStatus();
}

absl::Status LayerPipeline::Pass(ByteView data) {
  if (!decryptor_) {
    compressed_.Write(data);
    return absl::OkStatus();
  }
  while (!data.empty()) {
    const std::span<uint8_t> room = compressed_.Room();
    if (room.empty()) {
      decryptor_->Skip(data);
      return absl::OkStatus();
    }
    const size_t count = std::min(room.size(), data.size());
    RETURN_IF_ERROR(decryptor_->Write(data.first(count), room.first(count)));
    compressed_.Commit(count);
    data = data.subspan(count);
  }
  return absl::OkStatus();
}

absl::Status LayerPipeline::Inflate() {
  for (ByteView data = compressed_.Next(); !data.empty(); data = compressed_.Next()) {
    RETURN_IF_ERROR(decompressor_->WriteTo(data, &tar_bytes_));
  }
  return decompressor_->Finish();
}

void LayerPipeline::InflateStage() {
  inflated_ = Inflate();
  if (inflated_.ok()) {
    tar_bytes_.Close();
  } else {
    compressed_.Abandon();
    tar_bytes_.Fail();
  }
  decompressor_.reset();  // its window may be what another layer waits for
}

absl::Status LayerPipeline::Apply() {
  for (ByteView data = tar_bytes_.Next(); !data.empty(); data = tar_bytes_.Next()) {
    RETURN_IF_ERROR(Unpack(data));
  }
  return absl::OkStatus();
}

// The next bytes of the tar.
absl::Status LayerPipeline::Unpack(ByteView data) {
  RETURN_IF_ERROR(budget_->DrawBytes(data.size()));
  unpacked_ += data.size();
  if (unpacked_ > most_unpacked_) {
    return absl::ResourceExhaustedError(
        StrCat("its ", size_, " bytes unpack to more than ", most_unpacked_));
  }
  diff_id_.Update(data);
  return tar_.Write(data);
}

void LayerPipeline::ApplyStage() {
  ClearThreadUmask();
  applied_ = Apply();
  if (applied_.ok()) return;
  if (absl::IsResourceExhausted(applied_)) past_limit_ = true;
  tar_bytes_.Abandon();
}

// Why unpacking stopped, once both threads have ended. An inflater that found nobody to take its
// bytes is not the cause, nor is one whose stream we cut because a limit was met behind it.
absl::Status LayerPipeline::Unpacked() {
  if (past_limit_) return applied_;
  return inflated_.ok() || absl::IsCancelled(inflated_) ? applied_ : inflated_;
}

absl::Status LayerPipeline::FinishBlob() {
  if (received_ != size_) {
    return absl::DataLossError(
        StrCat(name_, ": got ", received_, " bytes, the manifest names ", size_));
  }
  compressed_.Close();
  Join();
  RETURN_IF_ERROR(blob_digest_.Finish(name_));
  if (decryptor_) RETURN_IF_ERROR(decryptor_->Finish(), name_);
  return absl::OkStatus();
}

absl::StatusOr<LayerFacts> LayerPipeline::Finish() {
  if (!comes_unpacked_) RETURN_IF_ERROR(FinishBlob());
  RETURN_IF_ERROR(Unpacked(), name_);
  RETURN_IF_ERROR(diff_id_.Finish(StrCat(name_, " unpacked (diffID)")));
  RETURN_IF_ERROR(tar_.Finish(), name_);
  ASSIGN_OR_RETURN(LayerFacts facts, applier_.Finish(), name_);
  done_ = true;
  return facts;
}

}  // namespace nacre::image
