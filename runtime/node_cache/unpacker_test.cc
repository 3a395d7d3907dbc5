#include "runtime/node_cache/unpacker.h"

#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <filesystem>
#include <optional>

#include "base/file.h"
#include "base/status_testing.h"
#include "base/strings.h"
#include "image-rs-cpp/testing/compress.h"
#include "runtime/node_cache/limits.h"

namespace nacre::runtime {
namespace {

using image::Compression;
using image::testing::Compress;

// Does not compress to nothing: an archive of real files is of this kind.
Bytes Content(size_t size) {
  Bytes content(size);
  uint32_t state = 1;
  for (size_t i = 0; i < size; ++i) {
    state = state * 1664525 + 1013904223;
    content[i] = static_cast<uint8_t>("0123456789abcdef"[state >> 28]);
  }
  return content;
}

absl::StatusOr<BlobName> Put(BlobStore* store, ByteView blob) {
  const BlobName name{"r/a", image::BlobDigest::OfSha256(blob), blob.size()};
  ASSIGN_OR_RETURN(const auto incoming, store->Begin(name));
  RETURN_IF_ERROR(incoming->Write(blob));
  RETURN_IF_ERROR(incoming->Commit());
  return name;
}

absl::StatusOr<Bytes> GetTar(BlobStore* store, const BlobName& name) {
  Bytes tar;
  for (uint64_t size = 1; tar.size() < size;) {
    ASSIGN_OR_RETURN(const TarPiece piece, store->ReadTar(name, tar.size(), kMaxNodeCachePiece));
    const ByteView data = AsBytes(piece.data);
    tar.insert(tar.end(), data.begin(), data.end());
    size = piece.size;
  }
  return tar;
}

class UnpackerTest : public ::testing::Test {
 protected:
  static constexpr uint64_t kRoomy = 256 << 20;
  void SetUp() override {
    ASSERT_OK_AND_ASSIGN(folder_, TemporaryDirectory::Create("unpacker"));
    Open(folder_->path() + "/blobs", kRoomy);
  }
  void Open(const std::string& folder, uint64_t max_bytes) {
    unpacker_.reset();
    store_.reset();
    ASSERT_OK_AND_ASSIGN(store_, BlobStore::Open(folder, max_bytes));
    unpacker_.emplace(store_.get());
  }
  absl::Status UnpackOf(ByteView blob) {
    ASSIGN_OR_RETURN(const BlobName name, Put(store_.get(), blob));
    return unpacker_->Unpack(name, {});
  }
  // Waits for the other thread, which has little to do.
  void AwaitTar(const BlobName& name) {
    while (!absl::IsAlreadyExists(store_->LacksTar(name))) std::this_thread::yield();
  }
  bool NothingIsStaged() { return std::filesystem::is_empty(folder_->path() + "/blobs/staging"); }

  std::optional<TemporaryDirectory> folder_;
  std::unique_ptr<BlobStore> store_;
  std::optional<Unpacker> unpacker_;
};

TEST_F(UnpackerTest, GzipAndZstd) {
  for (const size_t size : {size_t{1}, size_t{1000}, size_t{3} << 20}) {
    const Bytes content = Content(size);
    for (const Compression kind : {Compression::kGzip, Compression::kZstd}) {
      ASSERT_OK_AND_ASSIGN(const BlobName name, Put(store_.get(), Compress(kind, content)));
      EXPECT_OK(unpacker_->Unpack(name, {}));
      ASSERT_OK_AND_ASSIGN(const Bytes tar, GetTar(store_.get(), name));
      EXPECT_TRUE(tar == content);
    }
  }
}

TEST_F(UnpackerTest, SeveralMembersAndSkippableFrames) {
  const Bytes part = Content(10'000);
  Bytes whole = part, gzip = Compress(Compression::kGzip, part);
  whole.insert(whole.end(), part.begin(), part.end());
  const size_t member = gzip.size();
  gzip.reserve(2 * member);
  gzip.insert(gzip.end(), gzip.begin(), gzip.begin() + static_cast<ptrdiff_t>(member));
  Bytes zstd = {0x5a, 0x2a, 0x4d, 0x18, 2, 0, 0, 0, 'x', 'y'};
  const Bytes frame = Compress(Compression::kZstd, whole);
  zstd.insert(zstd.end(), frame.begin(), frame.end());
  for (const Bytes& blob : {gzip, zstd}) {
    ASSERT_OK_AND_ASSIGN(const BlobName name, Put(store_.get(), blob));
    EXPECT_OK(unpacker_->Unpack(name, {}));
    EXPECT_TRUE(GetTar(store_.get(), name).value_or(Bytes()) == whole);
  }
}

TEST_F(UnpackerTest, WhatIsNotAWholeCompressedStream) {
  const Bytes gzip = Compress(Compression::kGzip, Content(100'000));
  Bytes cut(gzip.begin(), gzip.end() - 1), changed = gzip, longer = gzip;
  changed[changed.size() / 2] ^= 0xff;
  longer.push_back(0);
  const Bytes ciphertext = {0x17, 0x03, 0x99, 0x11, 0x00};
  const Bytes empty = Compress(Compression::kGzip, {});
  for (const Bytes& blob : {cut, changed, longer, ciphertext, empty, Bytes(1, 0x1f)}) {
    const absl::Status status = UnpackOf(blob);
    EXPECT_TRUE(absl::IsInvalidArgument(status) || absl::IsDataLoss(status)) << status;
  }
  EXPECT_TRUE(NothingIsStaged());
}

TEST_F(UnpackerTest, ABombEndsAtTheRatio) {
  const Bytes below = Compress(Compression::kGzip, Bytes(kNodeCacheUnpackRatioFrom, 0));
  EXPECT_OK(UnpackOf(below));
  const uint64_t before = store_->total_bytes();
  for (const Compression kind : {Compression::kGzip, Compression::kZstd}) {
    const Bytes bomb = Compress(kind, Bytes(kNodeCacheUnpackRatioFrom + 1, 0));
    EXPECT_STATUS(UnpackOf(bomb), kResourceExhausted, "unpack to more than 16777216");
    EXPECT_TRUE(NothingIsStaged());
  }
  EXPECT_LT(store_->total_bytes(), before + (1 << 20));
}

TEST_F(UnpackerTest, WhatBlobsLeaveNoRoomFor) {
  const Bytes content = Content(1 << 20), gzip = Compress(Compression::kGzip, content);
  Open(folder_->path() + "/small", gzip.size() + content.size() - 1);
  EXPECT_STATUS(UnpackOf(gzip), kResourceExhausted, "leave too few");
  EXPECT_EQ(store_->total_bytes(), gzip.size());
  Open(folder_->path() + "/small", gzip.size() + content.size());
  EXPECT_OK(UnpackOf(gzip));
}

TEST_F(UnpackerTest, AFullDiskLeavesTheBlob) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root: mounts a small tmpfs";
  const Bytes gzip = Compress(Compression::kGzip, Content(4 << 20));
  std::thread([&] {
    ASSERT_EQ(unshare(CLONE_NEWNS), 0);
    ASSERT_EQ(mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr), 0);
    ASSERT_EQ(mount("tmpfs", folder_->path().c_str(), "tmpfs", 0, "size=5m"), 0);
    ASSERT_OK_AND_ASSIGN(const auto store, BlobStore::Open(folder_->path(), kRoomy));
    ASSERT_OK_AND_ASSIGN(const BlobName name, Put(store.get(), gzip));
    Unpacker unpacker(store.get());
    EXPECT_STATUS(unpacker.Unpack(name, {}), kResourceExhausted, "No space left");
    EXPECT_TRUE(std::filesystem::is_empty(folder_->path() + "/staging"));
    EXPECT_OK(store->Read(name, 0, 1));
    EXPECT_EQ(store->total_bytes(), gzip.size());
  }).join();
}

TEST_F(UnpackerTest, AWishIsGrantedWhetherTheBlobIsHereOrComes) {
  const Bytes content = Content(100'000);
  const Bytes here = Compress(Compression::kGzip, content);
  const Bytes comes = Compress(Compression::kZstd, content);
  ASSERT_OK_AND_ASSIGN(const BlobName first, Put(store_.get(), here));
  unpacker_->Want(first);
  AwaitTar(first);
  const BlobName second{"r/a", image::BlobDigest::OfSha256(comes), comes.size()};
  unpacker_->Want(second);
  unpacker_->FetchBegins();
  ASSERT_OK(Put(store_.get(), comes).status());
  unpacker_->FetchEnds(second, true);
  AwaitTar(second);
  EXPECT_TRUE(GetTar(store_.get(), second).value_or(Bytes()) == content);
}

TEST_F(UnpackerTest, WhatNobodyWantsIsLeftAsItIs) {
  ASSERT_OK_AND_ASSIGN(const BlobName name,
                       Put(store_.get(), Compress(Compression::kGzip, Content(100))));
  unpacker_->FetchBegins();
  unpacker_->FetchEnds(name, true);
  ASSERT_OK_AND_ASSIGN(const BlobName other,
                       Put(store_.get(), Compress(Compression::kGzip, Content(200))));
  unpacker_->Want(other);
  AwaitTar(other);
  EXPECT_OK(store_->LacksTar(name));
}

TEST_F(UnpackerTest, WaitsForFetchesToEnd) {
  ASSERT_OK_AND_ASSIGN(const BlobName name,
                       Put(store_.get(), Compress(Compression::kGzip, Content(100))));
  const BlobName other{"r/a", image::BlobDigest::OfSha256(AsBytes("x")), 1};
  unpacker_->FetchBegins();
  unpacker_->FetchBegins();
  std::atomic<bool> ended = false;
  std::jthread unpacking([&] {
    EXPECT_OK(unpacker_->Unpack(name, {}));
    EXPECT_TRUE(ended);
  });
  unpacker_->FetchEnds(other, false);
  unpacker_->FetchBegins();
  unpacker_->FetchEnds(other, true);
  ended = true;
  unpacker_->FetchEnds(other, false);
  unpacking.join();
  // A stop does not wait for the quiet, nor does the end of it all.
  unpacker_->FetchBegins();
  ASSERT_OK_AND_ASSIGN(const BlobName late,
                       Put(store_.get(), Compress(Compression::kGzip, Content(200))));
  unpacker_->Want(late);
  std::stop_source stop;
  stop.request_stop();
  EXPECT_TRUE(absl::IsCancelled(unpacker_->Unpack(late, stop.get_token())));
}

TEST_F(UnpackerTest, WishesForWhatNeverComesStandInNobodysWay) {
  BlobName absent{"r/a", image::BlobDigest::OfSha256(AsBytes("absent")), 1};
  for (; absent.size <= 2 * kMaxNodeCacheWishes; ++absent.size) unpacker_->Want(absent);
  ASSERT_OK_AND_ASSIGN(const BlobName name,
                       Put(store_.get(), Compress(Compression::kGzip, Content(100))));
  unpacker_->Want(name);
  AwaitTar(name);
}

TEST_F(UnpackerTest, AStopEndsIt) {
  ASSERT_OK_AND_ASSIGN(const BlobName name,
                       Put(store_.get(), Compress(Compression::kGzip, Content(1 << 20))));
  std::stop_source stop;
  stop.request_stop();
  EXPECT_TRUE(absl::IsCancelled(unpacker_->Unpack(name, stop.get_token())));
  EXPECT_OK(store_->LacksTar(name));
  EXPECT_TRUE(NothingIsStaged());
  // And the destructor, wherever its thread is.
  for (int i = 0; i < 5; ++i) {
    unpacker_->Want(name);
    unpacker_.reset();
    unpacker_.emplace(store_.get());
  }
}

// kill -9 at moments as they come: afterwards there is the blob, and its tar whole or not at all.
TEST_F(UnpackerTest, AKillAtAnyMoment) {
  const Bytes content = Content(2 << 20);
  ASSERT_OK_AND_ASSIGN(const BlobName name,
                       Put(store_.get(), Compress(Compression::kGzip, content)));
  unpacker_.reset();
  store_.reset();
  for (int round = 0; round < 20; ++round) {
    ASSERT_OK_AND_ASSIGN(Pipe pipe, MakePipe());
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      for (;;) {  // the tar is thrown away each time, and made again
        const auto store = BlobStore::Open(folder_->path() + "/blobs", kRoomy, false);
        if (!store.ok()) _exit(1);
        (void)!::write(pipe.write_end.get(), "x", 1);
        const auto tar = (*store)->BeginTar(name);
        if (!tar.ok() || !(*tar)->Write(ByteView(content).first(1 << 20)).ok()) _exit(1);
        (void)!::write(pipe.write_end.get(), "x", 1);
        if (!(*tar)->Write(ByteView(content).subspan(1 << 20)).ok()) _exit(1);
        (void)!::write(pipe.write_end.get(), "x", 1);
        if (!(*tar)->Commit().ok()) _exit(1);
      }
    }
    pipe.write_end.Reset();
    for (int i = 0; i <= round; ++i) {
      char byte;
      ASSERT_EQ(::read(pipe.read_end.get(), &byte, 1), 1);
    }
    ASSERT_EQ(::kill(child, SIGKILL), 0);
    ASSERT_EQ(::waitpid(child, nullptr, 0), child);
    ASSERT_OK_AND_ASSIGN(const auto store, BlobStore::Open(folder_->path() + "/blobs", kRoomy));
    EXPECT_TRUE(NothingIsStaged());
    const absl::StatusOr<Bytes> tar = GetTar(store.get(), name);
    EXPECT_TRUE(tar.ok() ? *tar == content : absl::IsNotFound(tar.status())) << round;
    EXPECT_EQ(store->total_bytes(), name.size + (tar.ok() ? content.size() : 0));
  }
}

}  // namespace
}  // namespace nacre::runtime
