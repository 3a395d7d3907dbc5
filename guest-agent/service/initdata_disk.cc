#include "guest-agent/service/initdata_disk.h"

#include <fcntl.h>

#include <algorithm>

#include "base/bytes.h"
#include "base/file.h"
#include "tee/common/initdata.h"

namespace nacre::guest_agent {
namespace {

constexpr std::string_view kSerial = "initdata";
constexpr size_t kHeader = 16;

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

absl::StatusOr<std::string> ReadInitdataDisk(const BlockFolders& folders) {
  ASSIGN_OR_RETURN(const BlockDevice disk, FindBlockDevice(kSerial, folders), "initdata");
  ASSIGN_OR_RETURN(const Bytes image, ReadImage(disk.path));
  return tee::DecodeInitdataDisk(image);
}

}  // namespace nacre::guest_agent
