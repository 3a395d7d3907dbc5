#include "runtime/node_cache/blob_store.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <tuple>
#include <vector>

#include "base/encoding.h"
#include "base/file.h"
#include "base/log.h"
#include "base/strings.h"

namespace nacre::runtime {
namespace {

// "sha256:ab..." -> "sha256-ab...": a file name.
std::string KeyOf(const image::BlobDigest& digest) {
  std::string key = digest.text();
  key[key.find(':')] = '-';
  return key;
}

std::string GrantOf(const std::string& repository) {
  return StrCat("from-",
                HexEncode(crypto::Digest(crypto::HashAlgorithm::kSha256, AsBytes(repository))));
}

absl::StatusOr<std::string> ReadAt(int file, uint64_t offset, uint32_t length) {
  std::string out(length, '\0');
  size_t filled = 0;
  while (filled < out.size()) {
    const ssize_t size = ::pread(file, out.data() + filled, out.size() - filled,
                                 static_cast<off_t>(offset + filled));
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return ErrnoStatus(errno, "reading a cached blob");
    if (size == 0) break;
    filled += static_cast<size_t>(size);
  }
  out.resize(filled);
  return out;
}

absl::Status SyncFolder(const std::string& path) {
  ASSIGN_OR_RETURN(const UniqueFd folder, OpenFile(path, O_RDONLY | O_DIRECTORY));
  if (::fsync(folder.get()) != 0) return ErrnoStatus(errno, path);
  return absl::OkStatus();
}

}  // namespace

bool BlobName::operator<(const BlobName& other) const {
  return std::tie(repository, digest.text(), size) <
         std::tie(other.repository, other.digest.text(), other.size);
}

IncomingBlob::IncomingBlob(BlobStore* store, BlobName name, std::string folder, UniqueFd file)
    : store_(store),
      name_(std::move(name)),
      folder_(std::move(folder)),
      file_(std::move(file)),
      digest_(name_.digest) {}

IncomingBlob::~IncomingBlob() { (void)RemoveTree(folder_); }

absl::Status IncomingBlob::Write(ByteView bytes) {
  if (bytes.size() > name_.size - written()) {
    return absl::DataLossError(StrCat("blob ", name_.digest.text(), " is longer than the ",
                                      name_.size, " bytes asked for"));
  }
  digest_.Update(bytes);
  RETURN_IF_ERROR(WriteAll(file_.get(), bytes), "node cache");
  written_.store(written() + bytes.size(), std::memory_order_release);
  return absl::OkStatus();
}

absl::StatusOr<std::string> IncomingBlob::Read(uint64_t offset, uint32_t length) const {
  const uint64_t there = written();
  if (offset >= there) return std::string();
  return ReadAt(file_.get(), offset,
                static_cast<uint32_t>(std::min<uint64_t>(length, there - offset)));
}

absl::Status IncomingBlob::Commit() {
  if (written() != name_.size) {
    return absl::DataLossError(StrCat("blob ", name_.digest.text(), " ended after ", written(),
                                      " of ", name_.size, " bytes"));
  }
  RETURN_IF_ERROR(digest_.Finish("blob"));
  if (::fsync(file_.get()) != 0) return ErrnoStatus(errno, "node cache");
  return store_->Publish(name_, folder_);
}

BlobStore::BlobStore(std::string folder, uint64_t max_bytes)
    : folder_(std::move(folder)), max_bytes_(max_bytes) {}

std::string BlobStore::BlobFolder(const std::string& key) const {
  return StrCat(folder_, "/blobs/", key);
}

absl::StatusOr<std::unique_ptr<BlobStore>> BlobStore::Open(const std::string& folder,
                                                           uint64_t max_bytes) {
  std::unique_ptr<BlobStore> store(new BlobStore(folder, max_bytes));
  RETURN_IF_ERROR(MakeDirectories(folder, 0700));
  RETURN_IF_ERROR(RemoveTree(StrCat(folder, "/staging")));
  RETURN_IF_ERROR(MakeDirectories(StrCat(folder, "/staging"), 0700));
  RETURN_IF_ERROR(MakeDirectories(StrCat(folder, "/blobs"), 0700));
  RETURN_IF_ERROR(store->Scan(), folder);
  store->MakeRoom("");
  return store;
}

// The oldest first, so that it is the first to go.
absl::Status BlobStore::Scan() {
  std::vector<std::tuple<int64_t, std::string, uint64_t>> found;
  std::error_code error;
  for (std::filesystem::directory_iterator it(StrCat(folder_, "/blobs"), error), end;
       !error && it != end; it.increment(error)) {
    struct stat data;
    const std::string path = it->path().string();
    if (::stat(StrCat(path, "/data").c_str(), &data) != 0) continue;
    found.emplace_back(data.st_mtim.tv_sec, it->path().filename().string(), data.st_size);
  }
  if (error) return absl::UnavailableError(error.message());
  std::sort(found.begin(), found.end());
  for (const auto& [time, key, size] : found) {
    entries_[key] = {size, ++use_};
    total_ += size;
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> BlobStore::Read(const BlobName& name, uint64_t offset,
                                            uint32_t length) {
  const std::string key = KeyOf(name.digest);
  {
    const std::lock_guard lock(mutex_);
    const auto entry = entries_.find(key);
    if (entry == entries_.end() || entry->second.size != name.size ||
        !PathExists(StrCat(BlobFolder(key), "/", GrantOf(name.repository)))) {
      return absl::NotFoundError(StrCat("blob ", name.digest.text(), " is not on this node"));
    }
    entry->second.last_use = ++use_;
  }
  ASSIGN_OR_RETURN(const UniqueFd file, OpenFile(StrCat(BlobFolder(key), "/data"), O_RDONLY));
  return ReadAt(file.get(), offset, length);
}

absl::StatusOr<std::shared_ptr<IncomingBlob>> BlobStore::Begin(const BlobName& name) {
  if (name.size > max_bytes_) {
    return absl::ResourceExhaustedError(StrCat("blob ", name.digest.text(), " has ", name.size,
                                               " bytes, the whole cache at most ", max_bytes_));
  }
  std::string folder;
  {
    const std::lock_guard lock(mutex_);
    folder = StrCat(folder_, "/staging/", ++staged_);
  }
  RETURN_IF_ERROR(MakeDirectories(folder, 0700));
  ASSIGN_OR_RETURN(UniqueFd file,
                   OpenFile(StrCat(folder, "/data"), O_RDWR | O_CREAT | O_EXCL, 0600));
  return std::shared_ptr<IncomingBlob>(
      new IncomingBlob(this, name, std::move(folder), std::move(file)));
}

absl::Status BlobStore::Publish(const BlobName& name, const std::string& staged) {
  const std::string key = KeyOf(name.digest);
  const std::string grant = GrantOf(name.repository);
  RETURN_IF_ERROR(WriteFile(StrCat(staged, "/", grant), {}, 0600));
  RETURN_IF_ERROR(SyncFolder(staged));
  const std::lock_guard lock(mutex_);
  const std::string target = BlobFolder(key);
  if (entries_.contains(key)) {
    // The same bytes by way of another repository.
    return WriteFile(StrCat(target, "/", grant), {}, 0600);
  }
  RETURN_IF_ERROR(RemoveTree(target));
  if (::rename(staged.c_str(), target.c_str()) != 0) return ErrnoStatus(errno, target);
  RETURN_IF_ERROR(SyncFolder(StrCat(folder_, "/blobs")));
  entries_[key] = {name.size, ++use_};
  total_ += name.size;
  MakeRoom(key);
  return absl::OkStatus();
}

// With the mutex held, or before anybody else knows the store. Who reads a removed blob goes on
// with its open file, or with the registry.
void BlobStore::MakeRoom(const std::string& keep) {
  while (total_ > max_bytes_) {
    auto oldest = entries_.end();
    for (auto it = entries_.begin(); it != entries_.end(); ++it) {
      if (it->first == keep) continue;
      if (oldest == entries_.end() || it->second.last_use < oldest->second.last_use) oldest = it;
    }
    if (oldest == entries_.end()) return;
    const absl::Status removed = RemoveTree(BlobFolder(oldest->first));
    if (!removed.ok()) {
      Log(LogLevel::kWarning, "blob_not_removed", {{"error", Message(removed)}});
    }
    total_ -= oldest->second.size;
    entries_.erase(oldest);
  }
}

uint64_t BlobStore::total_bytes() const {
  const std::lock_guard lock(mutex_);
  return total_;
}

}  // namespace nacre::runtime
