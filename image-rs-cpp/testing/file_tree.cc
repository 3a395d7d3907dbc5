#include "image-rs-cpp/testing/file_tree.h"

#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include <filesystem>
#include <map>

#include "base/encoding.h"
#include "base/file.h"
#include "base/strings.h"
#include "crypto/digest.h"

namespace nacre::image::testing {
namespace {

std::string Xattrs(const std::string& path) {
  std::string names(4096, '\0');
  const ssize_t length = llistxattr(path.c_str(), names.data(), names.size());
  if (length <= 0) return "-";
  std::map<std::string, std::string> sorted;
  for (std::string_view name : StrSplit(std::string_view(names).substr(0, length), '\0')) {
    if (name.empty()) continue;
    std::string value(4096, '\0');
    const std::string key(name);
    const ssize_t size = lgetxattr(path.c_str(), key.c_str(), value.data(), value.size());
    sorted[key] = HexEncode(AsBytes(std::string_view(value).substr(0, size < 0 ? 0 : size)));
  }
  std::string out;
  for (const auto& [name, value] : sorted) StrAppend(&out, name, "=", value, ",");
  return out;
}

std::string Describe(const std::string& path, const struct stat& info, const TreeOptions& options) {
  const bool folder = S_ISDIR(info.st_mode);
  std::string out = StrCat(
      "mode ",
      HexEncode(Bytes{static_cast<uint8_t>(info.st_mode >> 8), static_cast<uint8_t>(info.st_mode)}),
      " owner ", info.st_uid, ":", info.st_gid);
  if (!folder || options.folder_times) {
    StrAppend(&out, " time ", info.st_mtim.tv_sec, ".", info.st_mtim.tv_nsec);
  }
  if (!folder && options.links) StrAppend(&out, " links ", info.st_nlink);
  if (S_ISCHR(info.st_mode) || S_ISBLK(info.st_mode)) {
    StrAppend(&out, " device ", major(info.st_rdev), ":", minor(info.st_rdev));
  }
  if (S_ISLNK(info.st_mode)) {
    StrAppend(&out, " -> ", std::filesystem::read_symlink(path).string());
  }
  if (S_ISREG(info.st_mode)) {
    auto content = ReadFile(path, 1 << 30);
    StrAppend(&out, " ", content.ok() ? crypto::OciDigest(*content) : "unreadable");
  }
  return StrCat(out, " xattrs ", Xattrs(path));
}

}  // namespace

std::string DescribeTree(const std::string& root, const TreeOptions& options) {
  std::map<std::string, std::string> lines;
  struct stat info;
  if (lstat(root.c_str(), &info) == 0) lines["."] = Describe(root, info, options);
  for (const auto& entry : std::filesystem::recursive_directory_iterator(root)) {
    const std::string path = entry.path().string();
    if (lstat(path.c_str(), &info) != 0) continue;
    lines[path.substr(root.size() + 1)] = Describe(path, info, options);
  }
  std::string out;
  for (const auto& [path, line] : lines) StrAppend(&out, path, " ", line, "\n");
  return out;
}

}  // namespace nacre::image::testing
