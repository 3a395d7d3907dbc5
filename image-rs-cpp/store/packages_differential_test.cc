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
#include "image-rs-cpp/testing/file_volumes.h"
#include "image-rs-cpp/testing/layered_tree.h"

namespace nacre::image {
namespace {

using testing::DescribeTree;

// With hard links, set-id files, odd owners and many small files among them.
constexpr const char* kPackages[] = {"base-files", "passwd", "perl-base", "tzdata", "cron"};

constexpr const char* kCache = "/var/cache/apt/archives";
constexpr size_t kLargest = 64 << 20;

// What it prints.
absl::StatusOr<std::string> Execute(const std::vector<std::string>& argv,
                                    const std::string& folder) {
  SubprocessOptions options;
  options.argv = argv;
  options.working_directory = folder;
  ASSIGN_OR_RETURN(CommandResult result, RunCommand(options, {}, kLargest, 15'000));
  if (result.exit.code == 0) return std::move(result.out);
  return absl::UnknownError(StrCat(argv[0], " ended with ", result.exit.code, ": ", result.err));
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

  // Into Path("debs"), all in one go, where apt has none of them yet.
  void Fetch() {
    std::vector<std::string> argv = {"apt-get",
                                     "download",
                                     "-q",
                                     "-o",
                                     "Acquire::Retries=0",
                                     "-o",
                                     "Acquire::http::Timeout=5",
                                     "-o",
                                     "APT::Sandbox::User=root"};
    for (const char* name : kPackages) {
      if (FindPackage(kCache, name).empty()) argv.push_back(name);
    }
    (void)Execute(argv, Path("debs"));
  }

  // The package's archive of files: of apt's cache, or fetched, or made of the installed files.
  absl::StatusOr<Bytes> PackageTar(const std::string& name) {
    std::string deb = FindPackage(kCache, name);
    if (deb.empty()) deb = FindPackage(Path("debs"), name);
    std::string tar;
    if (!deb.empty()) {
      ASSIGN_OR_RETURN(tar, Execute({"dpkg-deb", "--fsys-tarfile", deb}, "/"));
    } else {
      ASSIGN_OR_RETURN(const std::string files, Execute({"dpkg", "-L", name}, "/"));
      RETURN_IF_ERROR(WriteFile(Path("list"), AsBytes(files)));
      ASSIGN_OR_RETURN(tar, Execute({"tar", "-cf", "-", "--numeric-owner", "--no-recursion",
                                     "--ignore-failed-read", "-T", Path("list")},
                                    "/"));
    }
    RETURN_IF_ERROR(WriteFile(Path(name + ".tar"), AsBytes(tar)));
    return ToBytes(tar);
  }

  // Devices, a fifo, attributes, capabilities; links and a file over what the packages have.
  absl::StatusOr<Bytes> OddTar() {
    const std::string tree = Path("odd");
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
    ASSIGN_OR_RETURN(
        const std::string tar,
        Execute({"tar", "--format=pax", "--xattrs", "--xattrs-include=*", "-cf", "-", "."}, tree));
    RETURN_IF_ERROR(WriteFile(Path("odd.tar"), AsBytes(tar)));
    return ToBytes(tar);
  }

  // One layer by itself, with everything there is to see of it.
  void ComparesWithTar(const std::string& name, const Bytes& tar) {
    SCOPED_TRACE(name);
    const std::string theirs = Path("theirs-" + name);
    ASSERT_OK(MakeDirectories(theirs));
    // (Packages name links after all else, and folders then would not have the archive's times.)
    ASSERT_OK(Execute({"tar", "-xpf", Path(name + ".tar"), "--numeric-owner", "--same-owner",
                       "--delay-directory-restore", "--xattrs", "--xattrs-include=*", "-C", theirs},
                      "/")
                  .status());
    ASSERT_OK_AND_ASSIGN(auto store, LayerStore::Create(Path("store-" + name)));
    ASSERT_OK_AND_ASSIGN(auto layer, testing::StoreLayer(store.get(), tar));
    const std::string wanted = DescribeTree(theirs);
    EXPECT_GT(std::count(wanted.begin(), wanted.end(), '\n'), 5);
    EXPECT_EQ(DescribeTree(layer->path), wanted);
    if (!testing::WhyNoVolumes().empty()) return;
    testing::FileVolumes volumes(Path("volumes-" + name), 1 << 30);
    ASSERT_OK_AND_ASSIGN(auto other,
                         LayerStore::Create(Path("image-" + name), {.volumes = &volumes}));
    ASSERT_OK_AND_ASSIGN(layer, testing::StoreLayer(other.get(), tar));
    EXPECT_EQ(DescribeTree(layer->path), wanted);
  }

  std::optional<TemporaryDirectory> folder_;
};

TEST_F(PackagesDifferentialTest, UnpackAsWithTarAndUmoci) {
  Fetch();
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
  if (const std::string why = testing::WhyNoVolumes(); !why.empty()) {
    std::printf("left out: volumes: %s\n", why.c_str());
    return;
  }
  testing::FileVolumes volumes(Path("volumes"), 1 << 30);
  ASSERT_OK_AND_ASSIGN(const std::string in_volumes,
                       testing::TreeThroughOverlay(folder_->path(), tars, &volumes));
  EXPECT_EQ(in_volumes, theirs);
}

}  // namespace
}  // namespace nacre::image
