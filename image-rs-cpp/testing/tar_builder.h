// Tar archives for tests, honest and hostile: every field can be set, nothing is checked.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "base/bytes.h"

namespace nacre::image::testing {

struct Member {
  std::string path = {};
  char type = '0';
  std::string content = {};      // of files; ignored by readers otherwise
  std::string link_target = {};  // at most 100 bytes here: longer ones through Pax or LongLink
  uint32_t mode = 0644;
  uint32_t uid = 0;
  uint32_t gid = 0;
  int64_t mtime = 1'700'000'000;
  uint32_t major = 0;
  uint32_t minor = 0;
  std::string size_field = {};  // raw 12 bytes instead of the content's size
};

class TarBuilder {
 public:
  TarBuilder& Add(const Member& member);
  TarBuilder& File(const std::string& path, const std::string& content, uint32_t mode = 0644);
  TarBuilder& Folder(const std::string& path, uint32_t mode = 0755);
  TarBuilder& Symlink(const std::string& path, const std::string& target);
  TarBuilder& HardLink(const std::string& path, const std::string& target);
  TarBuilder& Device(const std::string& path, char type, uint32_t major, uint32_t minor);

  // Extended headers for the member added next.
  TarBuilder& Pax(const std::vector<std::pair<std::string, std::string>>& records, char type = 'x');
  TarBuilder& GnuLong(char type, const std::string& name);

  TarBuilder& Raw(ByteView bytes);

  // With the end mark of two zero blocks.
  Bytes Finish();
  // Without.
  const Bytes& bytes() const { return out_; }

 private:
  Bytes out_;
};

// A 512-byte header with a right checksum.
Bytes MakeHeader(const Member& member);
void FixChecksum(Bytes* header);

}  // namespace nacre::image::testing
