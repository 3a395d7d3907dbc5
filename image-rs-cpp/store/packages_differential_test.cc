// Layers as people have them: what Debian's packages hold, as dpkg-deb gives it out, and on top of
// it a layer of what packages do not have. GNU tar is the oracle for each layer, umoci for all of
// them together.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <optional>

#include "base/file.h"
#include "base/status_testing.h"
#include "base/strings.h"
#include "base/subprocess.h"
#include "image-rs-cpp/testing/layered_tree.h"

namespace nacre::image {
namespace {

using testing::DescribeTree;

// With hard links, set-id files, odd owners and many small files among them.
constexpr const char* kPackages[] = {"base-files", "passwd", "perl-base", "tzdata", "cron"};

absl::Status Execute(const std::vector<std::string>& argv, const std::string& folder,
                     const std::string& out = "") {
  SubprocessOptions options;
  options.argv = argv;
  options.working_directory = folder;
  UniqueFd file;
  if (!out.empty()) {
    ASSIGN_OR_RETURN(file, OpenFile(out, O_WRONLY | O_CREAT | O_TRUNC, 0644));
    options.stdout_fd = file.get();
  }
  ASSIGN_OR_RETURN(Subprocess child, Subprocess::Start(options));
  ASSIGN_OR_RETURN(ExitStatus exit, child.WaitFor(20'000));
  if (exit.code == 0) return absl::OkStatus();
  return absl::UnknownError(StrCat(argv[0], " ended with ", exit.code));
}

// The file NAME_version_arch.deb in a folder.
std::string FindPackage(const std::string& folder, const std::string& name) {
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    const std::string file = entry.path().filename().string();
    if (file.starts_with(name + "_") && file.ends_with(".deb")) return entry.path().string();
  }
  return "";
}

class PackagesDifferentialTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "needs root: changes owners, mounts overlays";
    for (const char* tool : {"/usr/bin/umoci", "/usr/bin/dpkg-deb", "/usr/bin/apt-get"}) {
      if (access(tool, X_OK) != 0) GTEST_SKIP() << "needs " << tool;
    }
    folder_.emplace(*TemporaryDirectory::Create("packages"));
    ASSERT_OK(MakeDirectories(Path("debs")));
  }
  std::string Path(const std::string& name) { return folder_->path() + "/" + name; }

  // The package's archive of files: of apt's cache, or fetched, or made of the installed files.
  absl::StatusOr<Bytes> PackageTar(const std::string& name) {
    const std::string tar = Path(name + ".tar");
    std::string deb = FindPackage("/var/cache/apt/archives", name);
    if (deb.empty()) {
      (void)Execute({"apt-get", "download", "-q", "-o", "Acquire::Retries=0", "-o",
                     "Acquire::http::Timeout=5", "-o", "APT::Sandbox::User=root", name},
                    Path("debs"));
      deb = FindPackage(Path("debs"), name);
    }
    if (!deb.empty()) {
      RETURN_IF_ERROR(Execute({"dpkg-deb", "--fsys-tarfile", deb}, "/", tar));
    } else {
      RETURN_IF_ERROR(Execute({"dpkg", "-L", name}, "/", Path("list")), name);
      RETURN_IF_ERROR(Execute({"tar", "-cf", tar, "--numeric-owner", "--no-recursion",
                               "--ignore-failed-read", "--verbatim-files-from", "-T", Path("list")},
                              "/"));
    }
    return ReadFile(tar, 64 << 20);
  }

  // Devices, a fifo, attributes, capabilities; links and a file over what the packages have.
  absl::StatusOr<Bytes> OddTar() {
    const std::string tree = Path("odd"), tar = Path("odd.tar");
    RETURN_IF_ERROR(MakeDirectories(tree + "/usr/bin"));
    RETURN_IF_ERROR(WriteFile(tree + "/usr/bin/ping", AsBytes("not really")));
    RETURN_IF_ERROR(WriteFile(tree + "/noted", AsBytes("noted")));
    bool made = mknod((tree + "/null").c_str(), S_IFCHR | 0666, makedev(1, 3)) == 0 &&
                mknod((tree + "/loop").c_str(), S_IFBLK | 0660, makedev(7, 0)) == 0 &&
                mkfifo((tree + "/fifo").c_str(), 0600) == 0 &&
                chown((tree + "/fifo").c_str(), 70'000, 3'000'000) == 0 &&
                link((tree + "/noted").c_str(), (tree + "/again").c_str()) == 0 &&
                link((tree + "/fifo").c_str(), (tree + "/fifo2").c_str()) == 0 &&
                symlink("../nowhere", (tree + "/usr/dangling").c_str()) == 0;
    if (!made) return absl::InternalError("making odd files");
    // cap_net_raw=ep
    const std::string_view capability("\1\0\0\2\0\40\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 20);
    auto note = [&](const char* file, const char* name, std::string_view value) {
      return setxattr(StrCat(tree, file).c_str(), name, value.data(), value.size(), 0) == 0;
    };
    made = note("/usr/bin/ping", "security.capability", capability) &&
           note("/noted", "trusted.note", "text") && note("/usr", "trusted.note", "folder");
    if (!made) return absl::InternalError("giving odd files attributes");
    RETURN_IF_ERROR(
        Execute({"tar", "--format=pax", "--xattrs", "--xattrs-include=*", "-cf", tar, "."}, tree));
    return ReadFile(tar, 1 << 20);
  }

  // One layer by itself, with everything there is to see of it.
  void ComparesWithTar(const std::string& name, const Bytes& tar) {
    SCOPED_TRACE(name);
    const std::string theirs = Path("theirs-" + name);
    ASSERT_OK(MakeDirectories(theirs));
    // (Packages name links after all else, and folders then would not have the archive's times.)
    ASSERT_OK(Execute({"tar", "-xpf", Path(name + ".tar"), "--numeric-owner", "--same-owner",
                       "--delay-directory-restore", "--xattrs", "--xattrs-include=*", "-C", theirs},
                      "/"));
    ASSERT_OK_AND_ASSIGN(auto store, LayerStore::Create(Path("store-" + name)));
    ASSERT_OK_AND_ASSIGN(auto layer, testing::StoreLayer(store.get(), tar));
    const std::string wanted = DescribeTree(theirs);
    EXPECT_GT(std::count(wanted.begin(), wanted.end(), '\n'), 5);
    EXPECT_EQ(DescribeTree(layer->path), wanted);
  }

  std::optional<TemporaryDirectory> folder_;
};

TEST_F(PackagesDifferentialTest, UnpackAsWithTarAndUmoci) {
  std::vector<Bytes> tars;
  for (const char* name : kPackages) {
    auto tar = PackageTar(name);
    if (!tar.ok()) {
      std::printf("left out: %s: neither in apt's cache, nor to be fetched, nor installed\n", name);
      continue;
    }
    ComparesWithTar(name, *tar);
    tars.push_back(*std::move(tar));
  }
  if (tars.empty()) GTEST_SKIP() << "needs one of the packages, cached, fetched or installed";
  auto odd = OddTar();
  ASSERT_OK(odd.status());
  ComparesWithTar("odd", *odd);
  tars.push_back(*std::move(odd));
  ASSERT_OK_AND_ASSIGN(const std::string theirs, testing::TreeByUmoci(folder_->path(), tars));
  ASSERT_OK_AND_ASSIGN(const std::string ours, testing::TreeThroughOverlay(folder_->path(), tars));
  EXPECT_EQ(ours, theirs);
}

}  // namespace
}  // namespace nacre::image
