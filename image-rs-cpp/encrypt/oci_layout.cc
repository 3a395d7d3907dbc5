#include "image-rs-cpp/encrypt/oci_layout.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <system_error>
#include <vector>

#include "base/encoding.h"
#include "base/file.h"
#include "base/json.h"
#include "base/strings.h"
#include "crypto/digest.h"
#include "crypto/random.h"
#include "image-rs-cpp/printable.h"

namespace nacre::image {
namespace {

constexpr std::string_view kTagAnnotation = "org.opencontainers.image.ref.name";
constexpr size_t kPiece = 128 << 10;

std::string TagOf(const Descriptor& descriptor) {
  auto found = descriptor.annotations.find(std::string(kTagAnnotation));
  return found == descriptor.annotations.end() ? "" : found->second;
}

std::string TagList(const std::vector<Descriptor>& entries) {
  std::vector<std::string> tags;
  for (const Descriptor& entry : entries) tags.push_back(Printable(TagOf(entry), 60));
  return tags.empty() ? "none" : StrJoin(tags, ", ");
}

}  // namespace

absl::StatusOr<OciLayout> OciLayout::Open(const std::string& path, const Limits& limits) {
  const std::string what = StrCat("image layout ", path);
  ASSIGN_OR_RETURN(std::string text, ReadTextFile(path + "/oci-layout", 4096), what);
  ASSIGN_OR_RETURN(Json marker, ParseJson(text), what);
  if (!marker.is_object()) return absl::InvalidArgumentError(what + ": oci-layout is no object");
  ASSIGN_OR_RETURN(std::string version, JsonString(marker, "imageLayoutVersion", what));
  if (version != "1.0.0") {
    return absl::UnimplementedError(StrCat(what, ": version '", Printable(version, 20), "'"));
  }
  return OciLayout(path, limits);
}

absl::StatusOr<OciLayout> OciLayout::Create(const std::string& path, const Limits& limits) {
  std::error_code error;
  const bool empty = !PathExists(path) || std::filesystem::is_empty(path, error);
  if (!empty || error) {
    return absl::AlreadyExistsError(StrCat(path, " is not an empty folder"));
  }
  RETURN_IF_ERROR(MakeDirectories(path + "/blobs/sha256"));
  RETURN_IF_ERROR(
      WriteFileAtomic(path + "/oci-layout", AsBytes(R"({"imageLayoutVersion":"1.0.0"})")));
  return OciLayout(path, limits);
}

std::string OciLayout::BlobPath(const BlobDigest& digest) const {
  std::string name = digest.text();
  std::replace(name.begin(), name.end(), ':', '/');
  return StrCat(path_, "/blobs/", name);
}

bool OciLayout::IsLayout(const std::string& path) { return PathExists(path + "/oci-layout"); }

absl::StatusOr<std::vector<Descriptor>> OciLayout::Entries() const {
  ASSIGN_OR_RETURN(std::string text,
                   ReadTextFile(path_ + "/index.json", limits_.max_manifest_size));
  ASSIGN_OR_RETURN(Index index, ParseIndex(text, limits_), path_);
  std::vector<Descriptor> out;
  for (IndexEntry& entry : index.entries) out.push_back(std::move(entry.descriptor));
  return out;
}

absl::StatusOr<Descriptor> OciLayout::FindTag(const std::string& tag) const {
  ASSIGN_OR_RETURN(std::vector<Descriptor> entries, Entries());
  for (const Descriptor& entry : entries) {
    if (TagOf(entry) == tag) return entry;
  }
  return absl::NotFoundError(
      StrCat(path_, " has no tag '", Printable(tag), "'; it has ", TagList(entries)));
}

absl::StatusOr<Descriptor> OciLayout::OnlyImage() const {
  ASSIGN_OR_RETURN(std::vector<Descriptor> entries, Entries());
  if (entries.size() == 1) return entries[0];
  if (entries.empty()) return absl::NotFoundError(path_ + " has no image");
  return absl::InvalidArgumentError(
      StrCat(path_, " has several images, say which: ", TagList(entries)));
}

absl::Status OciLayout::StreamBlob(const Descriptor& blob, OnBytes on_bytes) const {
  const std::string path = BlobPath(blob.digest);
  ASSIGN_OR_RETURN(UniqueFd file, OpenFile(path, O_RDONLY));
  DigestChecker checker(blob.digest);
  Bytes buffer(kPiece);
  uint64_t size = 0;
  while (true) {
    const ssize_t count = read(file.get(), buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return ErrnoStatus(errno, path);
    if (count == 0) break;
    const ByteView piece = ByteView(buffer).first(static_cast<size_t>(count));
    size += piece.size();
    checker.Update(piece);
    RETURN_IF_ERROR(on_bytes(piece));
  }
  if (size != blob.size) {
    return absl::DataLossError(
        StrCat(path, ": has ", size, " bytes, the manifest names ", blob.size));
  }
  return checker.Finish(path);
}

absl::StatusOr<std::string> OciLayout::ReadBlob(const Descriptor& blob, uint64_t max_size) const {
  if (blob.size > max_size) {
    return absl::ResourceExhaustedError(
        StrCat(blob.digest.text(), ": ", blob.size, " bytes, allowed are ", max_size));
  }
  std::string text;
  RETURN_IF_ERROR(StreamBlob(blob, [&](ByteView piece) {
    if (piece.size() > max_size - text.size()) return absl::DataLossError("blob is too long");
    text += AsText(piece);
    return absl::OkStatus();
  }));
  return text;
}

absl::StatusOr<Descriptor> OciLayout::AddBlob(Producer produce) {
  const std::string temporary =
      StrCat(path_, "/blobs/.incoming-", HexEncode(crypto::RandomBytes(8)));
  ASSIGN_OR_RETURN(UniqueFd file, OpenFile(temporary, O_WRONLY | O_CREAT | O_EXCL, 0644));
  crypto::Hasher hasher(crypto::HashAlgorithm::kSha256);
  uint64_t size = 0;
  absl::Status produced = produce([&](ByteView piece) {
    hasher.Update(piece);
    size += piece.size();
    return WriteAll(file.get(), piece);
  });
  if (!produced.ok()) {
    unlink(temporary.c_str());
    return produced;
  }
  ASSIGN_OR_RETURN(BlobDigest digest,
                   BlobDigest::Parse(StrCat("sha256:", HexEncode(hasher.Finish()))));
  if (std::rename(temporary.c_str(), BlobPath(digest).c_str()) != 0) {
    return ErrnoStatus(errno, BlobPath(digest));
  }
  return Descriptor{"", std::move(digest), size, {}};
}

absl::Status OciLayout::WriteIndex(const Descriptor& manifest, const std::string& tag) {
  const std::string path = path_ + "/index.json";
  Json index = {{"schemaVersion", 2}, {"mediaType", kOciIndex}, {"manifests", Json::array()}};
  if (PathExists(path)) {
    ASSIGN_OR_RETURN(std::vector<Descriptor> entries, Entries());
    ASSIGN_OR_RETURN(std::string text, ReadTextFile(path, limits_.max_manifest_size));
    ASSIGN_OR_RETURN(index, ParseJson(text), path);
    Json& manifests = index["manifests"];
    for (size_t i = entries.size(); i-- > 0;) {
      if (TagOf(entries[i]) == tag) manifests.erase(i);
    }
  }
  index["manifests"].push_back({{"mediaType", manifest.media_type},
                                {"digest", manifest.digest.text()},
                                {"size", manifest.size},
                                {"annotations", {{std::string(kTagAnnotation), tag}}}});
  ASSIGN_OR_RETURN(std::string text, DumpJson(index));
  return WriteFileAtomic(path, AsBytes(text));
}

}  // namespace nacre::image
