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

absl::StatusOr<std::string> ReadAt(int file, uint64_t offset, uint32_t length, size_t headroom) {
  std::string out(headroom + length, '\0');
  size_t filled = headroom;
  while (filled < out.size()) {
    const ssize_t size = ::pread(file, out.data() + filled, out.size() - filled,
                                 static_cast<off_t>(offset + filled - headroom));
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

absl::StatusOr<std::string> IncomingBlob::Read(uint64_t offset, uint32_t length,
                                               size_t headroom) const {
  const uint64_t there = written();
  if (offset >= there) return std::string(headroom, '\0');
  return ReadAt(file_.get(), offset,
                static_cast<uint32_t>(std::min<uint64_t>(length, there - offset)), headroom);
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

IncomingTar::IncomingTar(BlobStore* store, std::string key, std::string folder, UniqueFd file,
                         UniqueFd blob)
    : store_(store),
      key_(std::move(key)),
      folder_(std::move(folder)),
      file_(std::move(file)),
      blob_(std::move(blob)) {}

IncomingTar::~IncomingTar() {
  (void)RemoveTree(folder_);
  store_->Release(written_);
}

absl::Status IncomingTar::Write(ByteView bytes) {
  RETURN_IF_ERROR(store_->Reserve(bytes.size()));
  written_ += bytes.size();
  return Annotate(WriteAll(file_.get(), bytes), "node cache");
}

absl::Status IncomingTar::Commit() {
  if (::fsync(file_.get()) != 0) return ErrnoStatus(errno, "node cache");
  RETURN_IF_ERROR(store_->PublishTar(key_, StrCat(folder_, "/tar"), written_));
  written_ = 0;  // the store's now
  return absl::OkStatus();
}

BlobStore::BlobStore(std::string folder, uint64_t max_bytes)
    : folder_(std::move(folder)), max_bytes_(max_bytes) {}

std::string BlobStore::BlobFolder(const std::string& key) const {
  return StrCat(folder_, "/blobs/", key);
}

std::string BlobStore::NewStaging() { return StrCat(folder_, "/staging/", ++staged_); }

absl::StatusOr<std::unique_ptr<BlobStore>> BlobStore::Open(const std::string& folder,
                                                           uint64_t max_bytes, bool keep_tars) {
  std::unique_ptr<BlobStore> store(new BlobStore(folder, max_bytes));
  RETURN_IF_ERROR(MakeDirectories(folder, 0700));
  RETURN_IF_ERROR(RemoveTree(StrCat(folder, "/staging")));
  RETURN_IF_ERROR(MakeDirectories(StrCat(folder, "/staging"), 0700));
  RETURN_IF_ERROR(MakeDirectories(StrCat(folder, "/blobs"), 0700));
  RETURN_IF_ERROR(store->Scan(keep_tars), folder);
  store->MakeRoom("");
  return store;
}

// The oldest first, so that it is the first to go. A folder without a blob is what a kill has left
// of one that went.
absl::Status BlobStore::Scan(bool keep_tars) {
  std::vector<std::tuple<int64_t, std::string, Entry>> found;
  std::vector<std::string> broken;
  std::error_code error;
  for (std::filesystem::directory_iterator it(StrCat(folder_, "/blobs"), error), end;
       !error && it != end; it.increment(error)) {
    struct stat data, tar;
    const std::string path = it->path().string(), tar_path = StrCat(path, "/tar");
    if (::stat(StrCat(path, "/data").c_str(), &data) != 0) {
      broken.push_back(path);
      continue;
    }
    Entry entry{.size = static_cast<uint64_t>(data.st_size)};
    if (::stat(tar_path.c_str(), &tar) == 0) {
      if (keep_tars || ::unlink(tar_path.c_str()) != 0) entry.tar_size = tar.st_size;
    }
    found.emplace_back(data.st_mtim.tv_sec, it->path().filename().string(), entry);
  }
  if (error) return absl::UnavailableError(error.message());
  for (const std::string& path : broken) RETURN_IF_ERROR(RemoveTree(path));
  std::sort(found.begin(), found.end(), [](const auto& a, const auto& b) {
    return std::tie(std::get<0>(a), std::get<1>(a)) < std::tie(std::get<0>(b), std::get<1>(b));
  });
  for (auto& [time, key, entry] : found) {
    entry.last_use = ++use_;
    blob_bytes_ += entry.size;
    total_ += entry.size + entry.tar_size;
    entries_[key] = entry;
  }
  return absl::OkStatus();
}

// With the mutex held; what is found has been used now.
absl::StatusOr<BlobStore::Entries::iterator> BlobStore::Find(const std::string& key,
                                                             const BlobName& name) {
  const auto entry = entries_.find(key);
  if (entry == entries_.end() || entry->second.size != name.size ||
      !PathExists(StrCat(BlobFolder(key), "/", GrantOf(name.repository)))) {
    return absl::NotFoundError(StrCat("blob ", name.digest.text(), " is not on this node"));
  }
  entry->second.last_use = ++use_;
  return entry;
}

absl::StatusOr<std::string> BlobStore::Read(const BlobName& name, uint64_t offset, uint32_t length,
                                            size_t headroom) {
  const std::string key = KeyOf(name.digest);
  {
    const std::lock_guard lock(mutex_);
    RETURN_IF_ERROR(Find(key, name).status());
  }
  ASSIGN_OR_RETURN(const UniqueFd file, OpenFile(StrCat(BlobFolder(key), "/data"), O_RDONLY));
  return ReadAt(file.get(), offset, length, headroom);
}

absl::StatusOr<TarPiece> BlobStore::ReadTar(const BlobName& name, uint64_t offset, uint32_t length,
                                            size_t headroom) {
  const std::string key = KeyOf(name.digest);
  TarPiece piece;
  {
    const std::lock_guard lock(mutex_);
    ASSIGN_OR_RETURN(const auto entry, Find(key, name));
    piece.size = entry->second.tar_size;
  }
  if (piece.size == 0) {
    return absl::NotFoundError(StrCat("blob ", name.digest.text(), " is not unpacked here"));
  }
  if (offset >= piece.size) {
    return absl::InvalidArgumentError(StrCat("blob ", name.digest.text(), " unpacks to ",
                                             piece.size, " bytes, asked for byte ", offset));
  }
  ASSIGN_OR_RETURN(const UniqueFd file, OpenFile(StrCat(BlobFolder(key), "/tar"), O_RDONLY));
  ASSIGN_OR_RETURN(piece.data, ReadAt(file.get(), offset, length, headroom));
  return piece;
}

absl::Status BlobStore::LacksTar(const BlobName& name) {
  const std::lock_guard lock(mutex_);
  ASSIGN_OR_RETURN(const auto entry, Find(KeyOf(name.digest), name));
  if (entry->second.tar_size == 0) return absl::OkStatus();
  return absl::AlreadyExistsError(StrCat("blob ", name.digest.text(), " is unpacked already"));
}

absl::StatusOr<std::unique_ptr<IncomingTar>> BlobStore::BeginTar(const BlobName& name) {
  RETURN_IF_ERROR(LacksTar(name));
  std::string key = KeyOf(name.digest);
  ASSIGN_OR_RETURN(UniqueFd blob, OpenFile(StrCat(BlobFolder(key), "/data"), O_RDONLY));
  std::string folder = NewStaging();
  RETURN_IF_ERROR(MakeDirectories(folder, 0700));
  ASSIGN_OR_RETURN(UniqueFd file,
                   OpenFile(StrCat(folder, "/tar"), O_RDWR | O_CREAT | O_EXCL, 0600));
  return std::unique_ptr<IncomingTar>(
      new IncomingTar(this, std::move(key), std::move(folder), std::move(file), std::move(blob)));
}

absl::StatusOr<std::shared_ptr<IncomingBlob>> BlobStore::Begin(const BlobName& name) {
  if (name.size > max_bytes_) {
    return absl::ResourceExhaustedError(StrCat("blob ", name.digest.text(), " has ", name.size,
                                               " bytes, the whole cache at most ", max_bytes_));
  }
  std::string folder = NewStaging();
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
  entries_[key] = {.size = name.size, .tar_size = 0, .last_use = ++use_};
  blob_bytes_ += name.size;
  total_ += name.size;
  MakeRoom(key);
  return absl::OkStatus();
}

absl::Status BlobStore::PublishTar(const std::string& key, const std::string& staged,
                                   uint64_t size) {
  const std::string folder = BlobFolder(key), target = StrCat(folder, "/tar");
  {
    const std::lock_guard lock(mutex_);
    const auto entry = entries_.find(key);
    if (entry == entries_.end()) return absl::NotFoundError("its blob has gone meanwhile");
    if (entry->second.tar_size != 0) return absl::AlreadyExistsError("it is unpacked already");
    if (::rename(staged.c_str(), target.c_str()) != 0) return ErrnoStatus(errno, target);
    entry->second.tar_size = size;
  }
  return SyncFolder(folder);
}

// Room for a tar on its way.
absl::Status BlobStore::Reserve(uint64_t bytes) {
  if (total_.fetch_add(bytes) + bytes <= max_bytes_) return absl::OkStatus();
  {
    const std::lock_guard lock(mutex_);
    while (total_ > max_bytes_ && DropOldest("", true)) {
    }
  }
  if (total_ <= max_bytes_) return absl::OkStatus();
  Release(bytes);
  return absl::ResourceExhaustedError(
      StrCat("the cache may have ", max_bytes_, " bytes, of which its blobs leave too few"));
}

// With the mutex held, or before anybody else knows the store. Who reads what is removed goes on
// with its open file, or with the registry.
void BlobStore::MakeRoom(const std::string& keep) {
  while (total_ > max_bytes_ && DropOldest(keep, true)) {
  }
  while (blob_bytes_ > max_bytes_ && DropOldest(keep, false)) {
  }
}

// A tar, or a blob with all it has; false when there is none but `keep`.
bool BlobStore::DropOldest(const std::string& keep, bool tar_only) {
  auto oldest = entries_.end();
  for (auto it = entries_.begin(); it != entries_.end(); ++it) {
    if (it->first == keep || (tar_only && it->second.tar_size == 0)) continue;
    if (oldest == entries_.end() || it->second.last_use < oldest->second.last_use) oldest = it;
  }
  if (oldest == entries_.end()) return false;
  const std::string folder = BlobFolder(oldest->first);
  const absl::Status removed = RemoveTree(tar_only ? StrCat(folder, "/tar") : folder);
  if (!removed.ok()) Log(LogLevel::kWarning, "blob_not_removed", {{"error", Message(removed)}});
  total_ -= oldest->second.tar_size;
  oldest->second.tar_size = 0;
  if (tar_only) return true;
  total_ -= oldest->second.size;
  blob_bytes_ -= oldest->second.size;
  entries_.erase(oldest);
  return true;
}

}  // namespace nacre::runtime
