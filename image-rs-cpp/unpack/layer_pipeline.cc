#include "image-rs-cpp/unpack/layer_pipeline.h"

#include "base/strings.h"

namespace nacre::image {

LayerPipeline::LayerPipeline(const Descriptor& layer, const BlobDigest& diff_id,
                             LayerApplier applier, const Limits& limits, UnpackBudget* budget)
    : name_(StrCat("layer ", layer.digest.text())),
      size_(layer.size),
      blob_digest_(layer.digest),
      diff_id_(diff_id),
      budget_(budget),
      applier_(std::move(applier)),
      tar_(&applier_, limits) {}

absl::StatusOr<std::unique_ptr<LayerPipeline>> LayerPipeline::Create(
    const Descriptor& layer, const BlobDigest& diff_id, const LayerKey* key,
    const std::string& folder, const Limits& limits, UnpackBudget* budget) {
  ASSIGN_OR_RETURN(LayerType type, ParseLayerMediaType(layer.media_type));
  if (type.encrypted != (key != nullptr)) {
    return absl::InvalidArgumentError(StrCat(
        "layer ", layer.digest.text(),
        type.encrypted ? " is encrypted and has no key" : " has a key and is not encrypted"));
  }
  ASSIGN_OR_RETURN(LayerApplier applier, LayerApplier::Create(folder, limits, budget));
  std::unique_ptr<LayerPipeline> pipeline(
      new LayerPipeline(layer, diff_id, std::move(applier), limits, budget));
  ASSIGN_OR_RETURN(pipeline->decompressor_, Decompressor::Create(type.compression, limits));
  if (key != nullptr) {
    ASSIGN_OR_RETURN(LayerDecryptor decryptor, LayerDecryptor::Create(*key), pipeline->name_);
    pipeline->decryptor_.emplace(std::move(decryptor));
  }
  return pipeline;
}

LayerPipeline::~LayerPipeline() {
  if (!done_) budget_->Return(unpacked_, applier_.entries());
}

absl::Status LayerPipeline::Write(ByteView data) {
  if (data.size() > size_ - received_) {
    return absl::DataLossError(
        StrCat(name_, ": more bytes than the ", size_, " the manifest names"));
  }
  received_ += data.size();
  blob_digest_.Update(data);
  auto unpack = [this](ByteView plain) { return Unpack(plain); };
  RETURN_IF_ERROR(decryptor_ ? decryptor_->Write(data, unpack) : unpack(data), name_);
  return absl::OkStatus();
}

// A changed blob usually breaks the compressed stream before its digest can be known. What is wrong
// with it is then the digest: so unpacking stops, the rest is still hashed, and Finish() says
// which. A limit is different: passing it is the blob's own doing, and nothing more of it is
// fetched.
absl::Status LayerPipeline::Unpack(ByteView plain) {
  if (!unpacking_.ok()) return absl::OkStatus();
  unpacking_ = decompressor_->Write(plain, [this](ByteView tar) { return TakePlain(tar); });
  return absl::IsResourceExhausted(unpacking_) ? unpacking_ : absl::OkStatus();
}

absl::Status LayerPipeline::TakePlain(ByteView tar) {
  RETURN_IF_ERROR(budget_->DrawBytes(tar.size()));
  unpacked_ += tar.size();
  diff_id_.Update(tar);
  return tar_.Write(tar);
}

absl::StatusOr<LayerFacts> LayerPipeline::Finish() {
  if (received_ != size_) {
    return absl::DataLossError(
        StrCat(name_, ": got ", received_, " bytes, the manifest names ", size_));
  }
  RETURN_IF_ERROR(blob_digest_.Finish(name_));
  if (decryptor_) RETURN_IF_ERROR(decryptor_->Finish(), name_);
  RETURN_IF_ERROR(unpacking_, name_);
  RETURN_IF_ERROR(decompressor_->Finish(), name_);
  RETURN_IF_ERROR(diff_id_.Finish(StrCat(name_, " unpacked (diffID)")));
  RETURN_IF_ERROR(tar_.Finish(), name_);
  ASSIGN_OR_RETURN(LayerFacts facts, applier_.Finish(), name_);
  done_ = true;
  return facts;
}

}  // namespace nacre::image
