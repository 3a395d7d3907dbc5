// A layer's tar in pieces of two sizes. Beside not crashing: the sink is called in order with right
// sizes, and no canonical path leads out of the root.
#include <cstdlib>

#include "base/fuzz_testing.h"
#include "image-rs-cpp/testing/tar_builder.h"
#include "image-rs-cpp/unpack/entry_path.h"
#include "image-rs-cpp/unpack/tar_reader.h"

namespace nacre::image {
namespace {

void Require(bool condition) {
  if (!condition) std::abort();
}

// Checks the order of calls, the sizes, and that canonical paths stay inside.
class CheckingSink : public TarSink {
 public:
  absl::Status BeginEntry(const TarEntry& entry) override {
    Require(!open_);
    open_ = true;
    left_ = entry.size;
    Require(entry.type == TarType::kFile || entry.size == 0);
    Require(entry.mode <= 07777 && entry.mtime_nanoseconds < 1'000'000'000);
    auto path = CanonicalEntryPath(entry.path, limits_);
    if (path.ok()) {
      const std::string slashes = "/" + *path + "/";
      Require(path->empty() || path->front() != '/');
      Require(slashes.find("/../") == std::string::npos);
      Require(slashes.find("/./") == std::string::npos);
      Require(path->find('\0') == std::string::npos);
    }
    return absl::OkStatus();
  }
  absl::Status EntryData(ByteView data) override {
    Require(open_ && data.size() <= left_);
    left_ -= data.size();
    return absl::OkStatus();
  }
  absl::Status EntryHole(uint64_t size) override {
    Require(open_ && size != 0 && size <= left_);
    left_ -= size;
    return absl::OkStatus();
  }
  absl::Status EndEntry() override {
    Require(open_ && left_ == 0);
    open_ = false;
    return absl::OkStatus();
  }

 private:
  Limits limits_;
  bool open_ = false;
  uint64_t left_ = 0;
};

void ReadPieces(ByteView data, size_t step) {
  const Limits limits;
  CheckingSink sink;
  TarReader reader(&sink, limits);
  while (!data.empty()) {
    const size_t count = std::min(step, data.size());
    if (!reader.Write(data.first(count)).ok()) return;
    data = data.subspan(count);
  }
  (void)reader.Finish();
}

void Try(ByteView data) {
  ReadPieces(data, 1 << 20);
  ReadPieces(data, 300);
  (void)ParsePaxRecords(data, {});
}

std::vector<std::string> Seeds() {
  testing::TarBuilder builder;
  builder.Folder("d")
      .Pax({{"path", "long/name"}, {"mtime", "1.5"}, {"SCHILY.xattr.user.a", "b"}})
      .File("x", "content")
      .GnuLong('L', "gnu/name")
      .Symlink("l", "d/x")
      .HardLink("h", "x")
      .Device("null", '3', 1, 3);
  return {ToString(builder.Finish()),
          "12 path=a/b\n11 uid=123\n15 mtime=-1.25\n",
          ToString(testing::TarBuilder().File("../x", "").File("/y", "").Finish()),
          ToString(testing::TarBuilder()
                       .Pax({{"GNU.sparse.size", "12"}, {"GNU.sparse.map", "2,3,9,2"}})
                       .File("sparse", "abcde")
                       .Finish()),
          ToString(testing::TarBuilder()
                       .Pax({{"GNU.sparse.major", "1"}, {"GNU.sparse.realsize", "9"}})
                       .File("sparse", "1\n0\n4\n" + std::string(504, '\0') + "abcd")
                       .Finish()),
          "43 SCHILY.acl.access=user::rwx,group:7:r-x\n"};
}

NACRE_FUZZ_TARGET(ImageTar, Try, Seeds)

}  // namespace
}  // namespace nacre::image
