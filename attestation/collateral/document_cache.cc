// A file is one line, "nacre-cache/1 <expires> <key>", and the document. Its name is the digest of
// the key, which may hold anything; the key in the line makes a mix-up impossible.

#include "attestation/collateral/document_cache.h"

#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <vector>

#include "base/encoding.h"
#include "base/file.h"
#include "base/strings.h"
#include "crypto/digest.h"

namespace nacre::attestation {
namespace {

constexpr std::string_view kMagic = "nacre-cache/1 ";
constexpr std::string_view kSuffix = ".cached";
constexpr size_t kMaxKey = 4096;

struct Entry {
  int64_t expires = 0;
  std::string key;
  Bytes document;
};

std::optional<Entry> ReadEntry(const std::string& path) {
  auto bytes = ReadFile(path, kMaxCachedDocument + kMaxKey + 64);
  if (!bytes.ok()) return std::nullopt;
  const std::string_view text = AsText(*bytes);
  const size_t end = text.find('\n');
  if (!text.starts_with(kMagic) || end == std::string_view::npos) return std::nullopt;
  const std::string_view line = text.substr(kMagic.size(), end - kMagic.size());
  const size_t space = line.find(' ');
  Entry entry;
  if (space == std::string_view::npos || !ParseNumber(line.substr(0, space), &entry.expires)) {
    return std::nullopt;
  }
  entry.key = line.substr(space + 1);
  entry.document.assign(bytes->begin() + static_cast<ptrdiff_t>(end + 1), bytes->end());
  return entry;
}

}  // namespace

std::string DocumentCache::PathOf(std::string_view key) const {
  const Bytes digest = crypto::Digest(crypto::HashAlgorithm::kSha256, AsBytes(key));
  return StrCat(folder_, "/", HexEncode(digest), kSuffix);
}

std::optional<Bytes> DocumentCache::Get(std::string_view key, int64_t now) const {
  auto entry = ReadEntry(PathOf(key));
  if (!entry || entry->key != key || now >= entry->expires) return std::nullopt;
  return std::move(entry->document);
}

absl::Status DocumentCache::Put(std::string_view key, ByteView document, int64_t expires) const {
  if (document.size() > kMaxCachedDocument || key.size() > kMaxKey ||
      key.find('\n') != std::string_view::npos) {
    return absl::ResourceExhaustedError(
        StrCat("cache: a document of ", document.size(), " bytes cannot be kept"));
  }
  RETURN_IF_ERROR(MakeDirectories(folder_, 0700));
  RETURN_IF_ERROR(MakeRoom());
  ByteWriter out;
  out.Put(StrCat(kMagic, expires, " ", key, "\n")).Put(document);
  return WriteFileAtomic(PathOf(key), out.bytes(), 0600);
}

absl::Status DocumentCache::MakeRoom() const {
  std::error_code error;
  std::vector<std::string> paths;
  for (std::filesystem::directory_iterator it(folder_, error), end; !error && it != end;
       it.increment(error)) {
    const std::string path = it->path().string();
    if (path.ends_with(kSuffix)) paths.push_back(path);
  }
  if (error) return absl::UnavailableError(StrCat("cache ", folder_, ": ", error.message()));
  if (paths.size() < kMaxCachedDocuments) return absl::OkStatus();
  std::vector<std::pair<int64_t, std::string>> by_expiry;
  for (const std::string& path : paths) {
    const auto entry = ReadEntry(path);
    by_expiry.emplace_back(entry ? entry->expires : 0, path);
  }
  std::sort(by_expiry.begin(), by_expiry.end());
  by_expiry.resize(by_expiry.size() - kMaxCachedDocuments + kMaxCachedDocuments / 4);
  for (const auto& [expires, path] : by_expiry) (void)unlink(path.c_str());
  return absl::OkStatus();
}

}  // namespace nacre::attestation
