#include "base/file.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "base/status_testing.h"
#include "base/strings.h"

namespace nacre {
namespace {

class FileTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_OK_AND_ASSIGN(TemporaryDirectory made, TemporaryDirectory::Create("file-test"));
    folder_ = std::make_unique<TemporaryDirectory>(std::move(made));
  }
  std::string Path(std::string_view name) const { return StrCat(folder_->path(), "/", name); }
  std::unique_ptr<TemporaryDirectory> folder_;
};

mode_t ModeOf(const std::string& path) {
  struct stat info = {};
  EXPECT_EQ(::lstat(path.c_str(), &info), 0) << path;
  return info.st_mode & 07777;
}

TEST_F(FileTest, OpenFileIsCloseOnExec) {
  ASSERT_OK_AND_ASSIGN(UniqueFd fd, OpenFile(Path("new"), O_CREAT | O_RDWR, 0600));
  EXPECT_NE(::fcntl(fd.get(), F_GETFD) & FD_CLOEXEC, 0);
  EXPECT_STATUS(OpenFile(Path("missing"), O_RDONLY), kNotFound, Path("missing"));
}

TEST_F(FileTest, ReadFileBelowAtAndAboveTheLimit) {
  std::string path = Path("data");
  ASSERT_OK(WriteFile(path, AsBytes("12345")));
  EXPECT_EQ(*ReadTextFile(path, 6), "12345");
  EXPECT_EQ(*ReadTextFile(path, 5), "12345");
  EXPECT_STATUS(ReadTextFile(path, 4), kResourceExhausted, "larger than 4 bytes");
  ASSERT_OK(WriteFile(path, {}));
  EXPECT_EQ(*ReadTextFile(path, 0), "");
}

TEST_F(FileTest, ReadsFilesThatClaimToBeEmpty) {
  ASSERT_OK_AND_ASSIGN(std::string status, ReadTextFile("/proc/self/status", 1 << 20));
  EXPECT_NE(status.find("Pid:"), std::string::npos);
  EXPECT_STATUS(ReadTextFile("/proc/self/status", 10), kResourceExhausted, "/proc/self/status");
}

TEST_F(FileTest, ReadFileRefusesFolders) { EXPECT_FALSE(ReadFile(folder_->path(), 10).ok()); }

TEST_F(FileTest, WriteFileAtomicReplacesAndLeavesNoOtherFile) {
  std::string path = Path("state");
  ASSERT_OK(WriteFileAtomic(path, AsBytes("old"), 0600));
  ASSERT_OK(WriteFileAtomic(path, AsBytes("new"), 0640));
  EXPECT_EQ(*ReadTextFile(path, 10), "new");
  EXPECT_EQ(ModeOf(path), 0640u);
  ASSERT_EQ(::unlink(path.c_str()), 0);
  EXPECT_EQ(::rmdir(folder_->path().c_str()), 0) << "a temporary file stayed behind";
}

TEST_F(FileTest, WriteFileAtomicFailsCleanly) {
  EXPECT_STATUS(WriteFileAtomic(Path("no/such/folder"), {}), kNotFound, "no/such/folder");
  ASSERT_OK(MakeDirectories(Path("taken/inside")));
  EXPECT_FALSE(WriteFileAtomic(Path("taken"), AsBytes("x")).ok()) << "a folder is in the way";
  ASSERT_OK(RemoveTree(Path("taken")));
  EXPECT_EQ(::rmdir(folder_->path().c_str()), 0) << "a temporary file stayed behind";
}

TEST_F(FileTest, ReadExactSaysWhenItEndsEarly) {
  ASSERT_OK(WriteFile(Path("data"), AsBytes("abc")));
  ASSERT_OK_AND_ASSIGN(UniqueFd fd, OpenFile(Path("data"), O_RDONLY));
  Bytes two(2);
  EXPECT_OK(ReadExact(fd.get(), two));
  EXPECT_STATUS(ReadExact(fd.get(), two), kOutOfRange, "1 bytes early");
}

TEST_F(FileTest, PipesAreCloseOnExecAndJoined) {
  ASSERT_OK_AND_ASSIGN(Pipe pipe, MakePipe());
  EXPECT_NE(::fcntl(pipe.read_end.get(), F_GETFD) & FD_CLOEXEC, 0);
  EXPECT_NE(::fcntl(pipe.write_end.get(), F_GETFD) & FD_CLOEXEC, 0);
  EXPECT_OK(WriteAll(pipe.write_end.get(), AsBytes("ab")));
  Bytes two(2);
  EXPECT_OK(ReadExact(pipe.read_end.get(), two));
  EXPECT_EQ(AsText(two), "ab");
}

TEST_F(FileTest, MakeDirectories) {
  EXPECT_OK(MakeDirectories(Path("a/b//c/"), 0700));
  EXPECT_OK(MakeDirectories(Path("a/b/c")));
  EXPECT_EQ(ModeOf(Path("a/b")), 0700u);
  ASSERT_OK(WriteFile(Path("file"), {}));
  EXPECT_STATUS(MakeDirectories(Path("file")), kAlreadyExists, "something else");
  EXPECT_FALSE(MakeDirectories(Path("file/below")).ok());
  EXPECT_STATUS(MakeDirectories(""), kInvalidArgument, "empty path");
}

TEST_F(FileTest, RemoveTreeDoesNotFollowLinks) {
  ASSERT_OK(MakeDirectories(Path("kept")));
  ASSERT_OK(WriteFile(Path("kept/file"), {}));
  ASSERT_OK(MakeDirectories(Path("tree/inner")));
  ASSERT_EQ(::symlink(Path("kept").c_str(), Path("tree/inner/link").c_str()), 0);
  ASSERT_EQ(::symlink(Path("kept").c_str(), Path("link").c_str()), 0);
  EXPECT_OK(RemoveTree(Path("tree")));
  EXPECT_OK(RemoveTree(Path("link")));
  EXPECT_FALSE(PathExists(Path("tree")));
  EXPECT_TRUE(PathExists(Path("kept/file")));
}

TEST_F(FileTest, RemoveTreeTakesFilesAndMissingPaths) {
  ASSERT_OK(WriteFile(Path("file"), {}));
  EXPECT_OK(RemoveTree(Path("file")));
  EXPECT_OK(RemoveTree(Path("file")));
  EXPECT_OK(RemoveTree(Path("file/below")));
  EXPECT_STATUS(RemoveTree(""), kInvalidArgument, "empty path");
}

// A hostile archive can nest folders deeper than descriptors or stack allow.
TEST_F(FileTest, RemoveTreeTakesVeryDeepTrees) {
  ASSERT_OK(MakeDirectories(Path("deep")));
  ASSERT_OK_AND_ASSIGN(UniqueFd at, OpenFile(Path("deep"), O_RDONLY | O_DIRECTORY));
  for (int i = 0; i < 1500; ++i) {
    ASSERT_EQ(::mkdirat(at.get(), "d", 0755), 0);
    UniqueFd file(::openat(at.get(), "f", O_CREAT | O_WRONLY | O_CLOEXEC, 0644));
    ASSERT_TRUE(file.valid());
    UniqueFd next(::openat(at.get(), "d", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    ASSERT_TRUE(next.valid());
    at = std::move(next);
  }
  EXPECT_OK(RemoveTree(Path("deep")));
  EXPECT_FALSE(PathExists(Path("deep")));
}

TEST_F(FileTest, TemporaryDirectoryIsPrivateAndGoesAway) {
  std::string path;
  {
    ASSERT_OK_AND_ASSIGN(TemporaryDirectory first, TemporaryDirectory::Create("gone"));
    path = first.path();
    EXPECT_EQ(ModeOf(path), 0700u);
    ASSERT_OK(WriteFile(path + "/file", {}));
    TemporaryDirectory second = std::move(first);
    EXPECT_TRUE(PathExists(path));
  }
  EXPECT_FALSE(PathExists(path));
}

}  // namespace
}  // namespace nacre
