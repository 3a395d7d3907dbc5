#include "image-rs-cpp/testing/file_volumes.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "base/encoding.h"
#include "base/file.h"
#include "base/strings.h"
#include "base/subprocess.h"

namespace nacre::image::testing {
namespace {

constexpr const char* kFiles[] = {"/data", "/leaf", "/inner"};

absl::Status Run(std::vector<std::string> argv) {
  SubprocessOptions options;
  options.argv = std::move(argv);
  ASSIGN_OR_RETURN(const CommandResult result, RunCommand(options));
  if (result.exit.code == 0) return absl::OkStatus();
  return absl::DataLossError(StrCat(options.argv[0], ": ", result.out, result.err));
}

// Kernels before 6.12 mount no files, and mount(8) then makes a loop device.
absl::Status MountFile(const std::string& file, const std::string& at) {
  if (mount(file.c_str(), at.c_str(), "erofs", MS_RDONLY, nullptr) == 0) return absl::OkStatus();
  if (errno != ENOTBLK) return ErrnoStatus(errno, StrCat("mounting ", file));
  return Run({"mount", "-t", "erofs", "-o", "loop,ro", file, at});
}

class FileVolume : public LayerVolume {
 public:
  FileVolume(std::shared_ptr<FileVolumes::State> state, std::string folder, std::string at)
      : state_(std::move(state)), folder_(std::move(folder)), at_(std::move(at)) {}

  ~FileVolume() override {
    if (mounted_ && umount2(at_.c_str(), MNT_DETACH) != 0) std::perror(at_.c_str());
    (void)RemoveTree(folder_);
    (void)RemoveTree(at_);
    std::lock_guard lock(state_->mutex);
    state_->used -= used_;
    --state_->count;
  }

  absl::Status Open() {
    RETURN_IF_ERROR(MakeDirectories(folder_));
    for (size_t i = 0; i < files_.size(); ++i) {
      ASSIGN_OR_RETURN(files_[i], OpenFile(folder_ + kFiles[i], O_RDWR | O_CREAT | O_EXCL, 0600));
    }
    return absl::OkStatus();
  }

  absl::Status Write(VolumePart part, uint64_t block, ByteView blocks) override {
    const size_t index = static_cast<size_t>(part);
    const bool first_comes_last = part != VolumePart::kInnerHashes;
    uint64_t& next = next_[index];
    const uint64_t expected = next == 0 && first_comes_last ? 1 : next;
    const bool last = first_comes_last && block == 0 && !done_[index];
    if (blocks.empty() || blocks.size() % kVolumeBlock != 0 || done_[index] ||
        (last ? blocks.size() != kVolumeBlock : block != expected)) {
      return absl::InternalError(StrCat("part ", index, " is written out of order: block ", block,
                                        " where ", expected, " was to come"));
    }
    {
      std::lock_guard lock(state_->mutex);
      if (blocks.size() > state_->capacity - state_->used) {
        return absl::ResourceExhaustedError("the volumes' disk is full");
      }
      state_->used += blocks.size();
      used_ += blocks.size();
    }
    if (last) {
      done_[index] = true;
    } else {
      next = block + blocks.size() / kVolumeBlock;
    }
    for (uint64_t at = block * kVolumeBlock; !blocks.empty();) {
      const ssize_t count =
          pwrite(files_[index].get(), blocks.data(), blocks.size(), static_cast<off_t>(at));
      if (count <= 0) return ErrnoStatus(errno, folder_);
      blocks = blocks.subspan(static_cast<size_t>(count));
      at += static_cast<uint64_t>(count);
    }
    return absl::OkStatus();
  }

  absl::StatusOr<std::string> Mount(const VerityRoot& root) override {
    if (state_->fail_mounts) return absl::InternalError("this volume does not mount");
    const uint64_t expected[] = {root.data_blocks, root.leaf_blocks, root.inner_blocks};
    for (size_t i = 0; i < files_.size(); ++i) {
      const uint64_t blocks = next_[i] == 0 && done_[i] ? 1 : next_[i];
      if (blocks == expected[i]) continue;
      return absl::InternalError(
          StrCat("part ", i, " has ", blocks, " blocks, the root names ", expected[i]));
    }
    if (!done_[0] || !done_[1]) return absl::InternalError("a first block was never written");
    if (state_->tools) RETURN_IF_ERROR(CheckVolumeFiles(folder_, root));
    RETURN_IF_ERROR(MakeDirectories(at_));
    RETURN_IF_ERROR(MountFile(folder_ + "/data", at_));
    mounted_ = true;
    return at_;
  }

 private:
  const std::shared_ptr<FileVolumes::State> state_;
  const std::string folder_, at_;
  std::array<UniqueFd, 3> files_;
  std::array<uint64_t, 3> next_ = {};
  std::array<bool, 3> done_ = {};
  uint64_t used_ = 0;
  bool mounted_ = false;
};

}  // namespace

absl::Status HidesMounts() {
  static const bool hidden =
      unshare(CLONE_NEWNS) == 0 && mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0;
  return hidden ? absl::OkStatus() : absl::InternalError("no mount namespace of our own");
}

std::string WhyNoVolumes() {
  if (geteuid() != 0) return "needs root: mounts EROFS images";
  for (const char* tool : {"/usr/sbin/veritysetup", "/usr/bin/fsck.erofs"}) {
    if (access(tool, X_OK) != 0) return StrCat("needs ", tool);
  }
  auto known = ReadTextFile("/proc/filesystems", 64 << 10);
  if (!known.ok() || known->find("\terofs\n") == std::string::npos) {
    return "needs a kernel with erofs";
  }
  return std::string(Message(HidesMounts()));
}

FileVolumes::FileVolumes(std::string folder, uint64_t capacity)
    : state_(std::make_shared<State>()) {
  state_->folder = std::move(folder);
  state_->capacity = capacity;
}

absl::StatusOr<std::unique_ptr<LayerVolume>> FileVolumes::New() {
  std::string number;
  {
    std::lock_guard lock(state_->mutex);
    number = std::to_string(state_->next++);
    ++state_->count;
  }
  auto volume = std::make_unique<FileVolume>(state_, StrCat(state_->folder, "/", number),
                                             StrCat(state_->folder, "/at/", number));
  RETURN_IF_ERROR(volume->Open());
  return volume;
}

uint64_t FileVolumes::used() const {
  std::lock_guard lock(state_->mutex);
  return state_->used;
}

size_t FileVolumes::count() const {
  std::lock_guard lock(state_->mutex);
  return state_->count;
}

absl::Status CheckVolumeFiles(const std::string& folder, const VerityRoot& root) {
  ASSIGN_OR_RETURN(Bytes hashes, ReadFile(folder + "/inner", 256 << 20));
  ASSIGN_OR_RETURN(const Bytes leaves, ReadFile(folder + "/leaf", 256 << 20));
  hashes.insert(hashes.end(), leaves.begin(), leaves.end());
  RETURN_IF_ERROR(WriteFile(folder + "/hashes", hashes));
  RETURN_IF_ERROR(
      Run({"veritysetup", "verify", "--no-superblock", "--hash=sha256", "--data-block-size=4096",
           "--hash-block-size=4096", StrCat("--data-blocks=", root.data_blocks),
           StrCat("--salt=", HexEncode(AsBytes(root.salt))), folder + "/data", folder + "/hashes",
           HexEncode(AsBytes(root.hash))}));
  return Run({"fsck.erofs", folder + "/data"});
}

}  // namespace nacre::image::testing
