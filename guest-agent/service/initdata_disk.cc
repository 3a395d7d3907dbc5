#include "guest-agent/service/initdata_disk.h"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <vector>

#include "base/bytes.h"
#include "base/file.h"
#include "base/strings.h"
#include "tee/common/initdata.h"

namespace nacre::guest_agent {
namespace {

constexpr std::string_view kSerial = "initdata";
constexpr size_t kMaxSerial = 64;  // virtio-blk serials have 20 bytes
constexpr size_t kHeader = 16;

absl::StatusOr<std::vector<std::string>> DisksWithSerial(const std::string& folder) {
  const std::unique_ptr<DIR, int (*)(DIR*)> dir(opendir(folder.c_str()), closedir);
  if (dir == nullptr) return ErrnoStatus(errno, folder);
  std::vector<std::string> names;
  while (const dirent* entry = readdir(dir.get())) {
    if (entry->d_name[0] == '.') continue;
    const auto serial = ReadTextFile(StrCat(folder, "/", entry->d_name, "/serial"), kMaxSerial);
    if (serial.ok() && StripSpace(*serial) == kSerial) names.emplace_back(entry->d_name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

// Header first, then only as many bytes as it announces (within the cap): the size of the disk
// itself is the host's word and costs nothing.
absl::StatusOr<Bytes> ReadImage(const std::string& path) {
  ASSIGN_OR_RETURN(const UniqueFd fd, OpenFile(path, O_RDONLY));
  Bytes image(kHeader);
  RETURN_IF_ERROR(ReadExact(fd.get(), image), path);
  ByteReader header(ByteView(image).subspan(8));
  ASSIGN_OR_RETURN(const uint64_t size, header.U64Le("initdata disk: size"));
  image.resize(kHeader + std::min<uint64_t>(size, tee::kMaxInitdataCompressed));
  RETURN_IF_ERROR(ReadExact(fd.get(), std::span(image).subspan(kHeader)), path);
  return image;
}

}  // namespace

absl::StatusOr<std::string> ReadInitdataDisk(const InitdataDiskOptions& options) {
  ASSIGN_OR_RETURN(const std::vector<std::string> names, DisksWithSerial(options.block_folder));
  if (names.empty())
    return absl::NotFoundError("initdata: no block device has the serial 'initdata'");
  if (names.size() > 1)
    return absl::InvalidArgumentError(StrCat(
        "initdata: several block devices have the serial 'initdata': ", StrJoin(names, ", ")));
  ASSIGN_OR_RETURN(const Bytes image, ReadImage(StrCat(options.device_folder, "/", names.front())));
  return tee::DecodeInitdataDisk(image);
}

}  // namespace nacre::guest_agent
