// GNU tar as the oracle: an archive it writes must unpack with us to the tree it unpacks itself.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <filesystem>
#include <random>
#include <thread>

#include "base/file.h"
#include "base/property_testing.h"
#include "base/strings.h"
#include "base/subprocess.h"
#include "image-rs-cpp/testing/file_tree.h"
#include "image-rs-cpp/unpack/acl.h"
#include "image-rs-cpp/unpack/folder_tree.h"
#include "image-rs-cpp/unpack/layer_applier.h"
#include "image-rs-cpp/unpack/tar_reader.h"
#include "image-rs-cpp/unpack/thread_umask.h"
#include "image-rs-cpp/unpack/xattrs.h"

namespace nacre::image {
namespace {

using testing::DescribeTree;

// Decisions of a test, taken from a list; zeros when it has ended, which are the simplest ones.
class Numbers {
 public:
  explicit Numbers(std::vector<uint32_t> numbers) : numbers_(std::move(numbers)) {}
  uint32_t operator()() { return next_ < numbers_.size() ? numbers_[next_++] : 0; }

 private:
  std::vector<uint32_t> numbers_;
  size_t next_ = 0;
};

struct Format {
  const char* name;
  size_t longest_name;
  bool devices;
  bool xattrs;
  std::vector<std::string> options = {};  // of tar, when it writes
  const char* label = name;
};

class TarDifferentialTest : public ::testing::TestWithParam<Format> {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "needs root: makes device nodes and changes owners";
    auto made = TemporaryDirectory::Create("differential");
    ASSERT_TRUE(made.ok());
    folder_.emplace(*std::move(made));
    for (const char* name : {"tree", "theirs", "ours"}) {
      ASSERT_TRUE(MakeDirectories(Path(name)).ok());
    }
  }

  std::string Path(const std::string& name) { return folder_->path() + "/" + name; }

  std::string Name(Numbers& random) {
    const size_t longest = std::min<size_t>(GetParam().longest_name, 200);
    const size_t size = random() % 4 == 0 ? 1 + random() % longest : 1 + random() % 12;
    std::minstd_rand letters(random());
    std::string name;
    while (name.size() < size) name += "abcXYZ-_. 09\xc3\xa9"[letters() % 14];
    if (name == "." || name == ".." || name.starts_with(".wh.")) return "dots";
    return name;
  }

  // A tree of all kinds of files.
  void Grow(const std::string& at, Numbers& random, int depth) {
    std::vector<std::string> files;
    const int count = static_cast<int>(random() % 9);
    for (int i = 0; i < count; ++i) {
      const std::string path = at + "/" + Name(random);
      if (std::filesystem::symlink_status(path).type() != std::filesystem::file_type::not_found ||
          path.size() - Path("tree").size() > GetParam().longest_name) {
        continue;
      }
      switch (random() % 8) {
        case 1:
          ASSERT_EQ(symlink(Name(random).c_str(), path.c_str()), 0);
          break;
        case 2:
          if (files.empty()) break;
          ASSERT_EQ(link(files[random() % files.size()].c_str(), path.c_str()), 0);
          continue;
        case 3:
          if (!GetParam().devices) break;
          ASSERT_EQ(mknod(path.c_str(), S_IFCHR | 0600, makedev(random() % 200 + 1, 7)), 0);
          break;
        case 4:
          if (!GetParam().devices) break;
          ASSERT_EQ(mkfifo(path.c_str(), 0644), 0);
          break;
        case 5:
          ASSERT_NO_FATAL_FAILURE(MakeSparse(path, random()));
          files.push_back(path);
          break;
        case 6:
        case 7:
          if (depth == 0) break;
          ASSERT_EQ(mkdir(path.c_str(), 0700), 0);
          Grow(path, random, depth - 1);
          break;
        default: {
          const size_t sizes[] = {0, 1, 511, 512, 513, 70'000};
          ASSERT_TRUE(WriteFile(path, Bytes(sizes[random() % 6], 'c')).ok());
          files.push_back(path);
        }
      }
      Dress(path, random);
    }
  }

  // Data in a few places of a large file, which may begin or end with a hole.
  void MakeSparse(const std::string& path, uint32_t seed) {
    std::mt19937 random(seed);
    auto file = OpenFile(path, O_WRONLY | O_CREAT, 0644);
    ASSERT_TRUE(file.ok());
    const off_t size = static_cast<off_t>(random() % 3'000'000);
    ASSERT_EQ(ftruncate(file->get(), size), 0);
    for (uint32_t parts = random() % 30; parts > 0 && size > 0; --parts) {
      const std::string data(1 + random() % 9000, 's');
      const off_t at = random() % static_cast<uint32_t>(size);
      ASSERT_EQ(pwrite(file->get(), data.data(), data.size(), at), ssize_t(data.size()));
    }
  }

  // "user:1000:r--" and the like, with the mask that must go with it.
  void SetAcl(const std::string& path, const char* kind, Numbers& random) {
    auto acl = AclFromText(StrCat("user::rwx,user:", random() % 70000, ":r-x,group::r--,group:",
                                  random() % 70000, ":-wx,mask::rwx,other::--x"));
    ASSERT_TRUE(acl.ok()) << acl.status();
    ASSERT_EQ(lsetxattr(path.c_str(), kind, acl->data(), acl->size(), 0), 0);
  }

  void Dress(const std::string& path, Numbers& random) {
    struct stat info;
    if (lstat(path.c_str(), &info) != 0) return;
    const uid_t owners[] = {0, 1000, 65534, 3'000'000};
    const size_t known = GetParam().xattrs ? 4 : 3;  // ustar and v7 end at 2,097,151
    ASSERT_EQ(lchown(path.c_str(), owners[random() % known], owners[random() % known]), 0);
    if (!S_ISLNK(info.st_mode)) {
      ASSERT_EQ(chmod(path.c_str(), random() % 010000), 0);
      if (GetParam().xattrs && random() % 3 == 0) {
        ASSERT_EQ(lsetxattr(path.c_str(), "trusted.test", "value\n", 6, 0), 0);
      }
      if (Acls() && S_ISREG(info.st_mode) && random() % 2 == 0) {
        ASSERT_NO_FATAL_FAILURE(SetAcl(path, kAccessAcl.data(), random));
      }
      if (Acls() && S_ISDIR(info.st_mode) && random() % 2 == 0) {
        ASSERT_NO_FATAL_FAILURE(SetAcl(path, kDefaultAcl.data(), random));
      }
    }
    const long nanoseconds = GetParam().xattrs ? static_cast<long>(random() % 1'000'000'000) : 0;
    const timespec time = {static_cast<time_t>(random() % 2'000'000'000), nanoseconds};
    const timespec times[2] = {time, time};
    ASSERT_EQ(utimensat(AT_FDCWD, path.c_str(), times, AT_SYMLINK_NOFOLLOW), 0);
  }

  static bool Acls() { return std::string_view(GetParam().label) == "acls"; }

  void Tar(std::vector<std::string> arguments) {
    std::vector<std::string> argv = {"tar"};
    if (Acls()) argv.push_back("--acls");
    if (GetParam().xattrs) argv.insert(argv.end(), {"--xattrs", "--xattrs-include=*"});
    argv.insert(argv.end(), arguments.begin(), arguments.end());
    SubprocessOptions options;
    options.argv = argv;
    auto result = RunCommand(options);
    ASSERT_TRUE(result.ok()) << result.status();
    ASSERT_EQ(result->exit.code, 0) << result->err;
  }

  // On a thread with no umask, as in a pull, or on this one.
  absl::Status Unpack(bool own_umask) {
    absl::Status status;
    std::thread([&] {
      if (own_umask) ClearThreadUmask();
      status = UnpackHere();
    }).join();
    return status;
  }

  absl::Status UnpackHere() {
    Limits limits;
    UnpackBudget budget(limits);
    ASSIGN_OR_RETURN(Bytes tar, ReadFile(Path("a.tar"), 64 << 20));
    ASSIGN_OR_RETURN(auto tree, FolderTree::Create(Path("ours")));
    LayerApplier applier(tree.get(), limits, &budget);
    TarReader reader(&applier, limits);
    RETURN_IF_ERROR(reader.Write(tar));
    RETURN_IF_ERROR(reader.Finish());
    return applier.Finish().status();
  }

  // Of all files: holes take none.
  uint64_t BlocksOf(const char* name) {
    uint64_t blocks = 0;
    struct stat info;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(Path(name))) {
      const std::string path = entry.path().string();
      if (lstat(path.c_str(), &info) == 0 && S_ISREG(info.st_mode)) {
        blocks += static_cast<uint64_t>(info.st_blocks);
      }
    }
    return blocks;
  }

  std::optional<TemporaryDirectory> folder_;
};

TEST_P(TarDifferentialTest, UnpacksAsGnuTarDoes) {
  // Numbers of all sizes from the start: only the list is to grow.
  const auto number =
      rc::gen::resize(rc::kNominalSize, rc::gen::inRange<uint32_t>(0, 4'000'000'000));
  const auto numbers = rc::gen::scale(8, rc::gen::container<std::vector<uint32_t>>(number));
  CheckProperty(12, [&] {
    for (const char* name : {"tree", "theirs", "ours"}) {
      ASSERT_TRUE(RemoveTree(Path(name)).ok());
      ASSERT_TRUE(MakeDirectories(Path(name)).ok());
    }
    Numbers random(*numbers);
    const bool own_umask = random() % 2 == 1;
    ASSERT_NO_FATAL_FAILURE(Grow(Path("tree"), random, 3));
    std::vector<std::string> write = {StrCat("--format=", GetParam().name),
                                      "-cf",
                                      Path("a.tar"),
                                      "-C",
                                      Path("tree"),
                                      "--numeric-owner",
                                      "."};
    write.insert(write.begin(), GetParam().options.begin(), GetParam().options.end());
    ASSERT_NO_FATAL_FAILURE(Tar(write));
    ASSERT_NO_FATAL_FAILURE(
        Tar({"-xpf", Path("a.tar"), "-C", Path("theirs"), "--numeric-owner", "--same-owner"}));
    const absl::Status status = Unpack(own_umask);
    if (!status.ok()) RC_FAIL(std::string(Message(status)));
    RC_ASSERT(DescribeTree(Path("ours")) == DescribeTree(Path("theirs")));
    // A file system may need a block more or less for the map of a file, and says so late.
    RC_ASSERT(BlocksOf("ours") <= BlocksOf("theirs") * 11 / 10 + 200);
  });
}

Format Sparse(const char* version, const char* label) {
  return {"pax", 3000, true, true, {"-S", StrCat("--sparse-version=", version)}, label};
}

INSTANTIATE_TEST_SUITE_P(
    Formats, TarDifferentialTest,
    ::testing::Values(Format{"pax", 3000, true, true}, Format{"gnu", 3000, true, false},
                      Format{"oldgnu", 3000, true, false}, Format{"ustar", 90, true, false},
                      Format{"v7", 90, false, false},
                      Format{"gnu", 3000, true, false, {"-S"}, "gnu_sparse"},
                      Sparse("0.0", "sparse_0_0"), Sparse("0.1", "sparse_0_1"),
                      Sparse("1.0", "sparse_1_0"), Format{"pax", 3000, true, true, {}, "acls"}),
    [](const auto& param) { return std::string(param.param.label); });

}  // namespace
}  // namespace nacre::image
