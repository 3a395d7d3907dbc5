#include "policy/generate/image_accounts.h"

#include "base/strings.h"
#include "image-rs-cpp/unpack/decompress.h"
#include "image-rs-cpp/unpack/tar_reader.h"

namespace nacre::policy {
namespace {

constexpr size_t kMostAccounts = 1 << 20;  // bytes of one file, as in the guest

std::string Normal(std::string_view path) {
  while (path.starts_with("./") || path.starts_with('/')) {
    path.remove_prefix(path.starts_with('/') ? 1 : 2);
  }
  while (path.ends_with('/')) path.remove_suffix(1);
  return std::string(path);
}

class AccountSink : public image::TarSink {
 public:
  explicit AccountSink(image::AccountFiles* files) : files_(files) {}

  absl::Status BeginEntry(const image::TarEntry& entry) override {
    const std::string path = Normal(entry.path);
    target_ = path == "etc/passwd"  ? &files_->passwd
              : path == "etc/group" ? &files_->group
                                    : nullptr;
    if (path == "etc/.wh.passwd" || path == ".wh.etc" || path == "etc/.wh..wh..opq") {
      files_->passwd.clear();
    }
    if (path == "etc/.wh.group" || path == ".wh.etc" || path == "etc/.wh..wh..opq") {
      files_->group.clear();
    }
    if (target_ == nullptr) return absl::OkStatus();
    if (entry.type != image::TarType::kFile) {
      return absl::UnimplementedError(StrCat(path, " is not a regular file"));
    }
    if (entry.size > kMostAccounts) {
      return absl::ResourceExhaustedError(StrCat(path, " is larger than ", kMostAccounts));
    }
    target_->clear();
    return absl::OkStatus();
  }
  absl::Status EntryData(ByteView data) override {
    if (target_ != nullptr) target_->append(AsText(data));
    return absl::OkStatus();
  }
  absl::Status EndEntry() override { return absl::OkStatus(); }

 private:
  image::AccountFiles* files_;
  std::string* target_ = nullptr;
};

}  // namespace

absl::Status AccountReader::ReadLayer(const image::Descriptor& layer,
                                      const std::function<absl::Status(const OnBytes&)>& stream) {
  ASSIGN_OR_RETURN(const image::LayerType type, image::ParseLayerMediaType(layer.media_type));
  AccountSink sink(&files_);
  image::TarReader tar(&sink, limits_);
  std::unique_ptr<image::Decompressor> decompressor;
  if (type.compression != image::Compression::kNone) {
    ASSIGN_OR_RETURN(decompressor, image::Decompressor::Create(type.compression, limits_));
  }
  RETURN_IF_ERROR(stream([&](ByteView piece) {
    if (!decompressor) return tar.Write(piece);
    return decompressor->Write(piece, [&](ByteView plain) { return tar.Write(plain); });
  }));
  if (decompressor) RETURN_IF_ERROR(decompressor->Finish());
  return tar.Finish();
}

}  // namespace nacre::policy
