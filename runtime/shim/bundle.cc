#include "runtime/shim/bundle.h"

#include "base/encoding.h"
#include "base/file.h"
#include "base/strings.h"
#include "crypto/digest.h"

namespace nacre::runtime {
namespace {

constexpr size_t kMaxSmallFile = 8192;

std::string SandboxPathFile(const std::string& bundle) { return bundle + "/nacre-sandbox"; }

}  // namespace

std::string ShimSocketAddress(std::string_view root, std::string_view containerd_address,
                              std::string_view ns, std::string_view id) {
  const std::string name = StrCat(containerd_address, "/", ns, "/", id);
  const Bytes digest = crypto::Digest(crypto::HashAlgorithm::kSha256, AsBytes(name));
  return StrCat("unix://", root, "/", HexEncode(digest));
}

absl::Status WriteShimFiles(const std::string& bundle, std::string_view address, pid_t pid) {
  RETURN_IF_ERROR(WriteFileAtomic(bundle + "/shim.pid", AsBytes(StrCat(pid)), 0600));
  return WriteFileAtomic(bundle + "/address", AsBytes(address), 0600);
}

std::string ReadShimAddress(const std::string& bundle) {
  return ReadTextFile(bundle + "/address", kMaxSmallFile).value_or("");
}

absl::Status WriteSandboxPath(const std::string& bundle, std::string_view sandbox_dir) {
  return WriteFileAtomic(SandboxPathFile(bundle), AsBytes(sandbox_dir), 0600);
}

absl::StatusOr<std::string> ReadSandboxPath(const std::string& bundle, std::string_view ns,
                                            std::string_view id) {
  const auto path = ReadTextFile(SandboxPathFile(bundle), kMaxSmallFile);
  if (absl::IsNotFound(path.status())) return std::string();
  RETURN_IF_ERROR(path.status());
  // What is named here will be removed with all it holds: insist on our own naming.
  if (!path->starts_with('/') || !path->ends_with(StrCat("/", ns, "/", id)) ||
      path->find("/../") != std::string::npos) {
    return absl::InvalidArgumentError(StrCat("nacre-sandbox: '", *path, "' is no sandbox of ", id));
  }
  return *path;
}

}  // namespace nacre::runtime
