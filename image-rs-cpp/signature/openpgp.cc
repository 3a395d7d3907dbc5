#include "image-rs-cpp/signature/openpgp.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <map>

#include "base/file.h"
#include "base/strings.h"
#include "base/subprocess.h"
#include "image-rs-cpp/printable.h"
#include "image-rs-cpp/signature/simple_signing.h"

namespace nacre::image {
namespace {

constexpr const char* kVerifier = "/usr/bin/gpgv";
constexpr size_t kMaxStatus = 64 << 10;
constexpr int kTimeoutMs = 20'000;
constexpr int kStatusFd = 3, kKeyringFd = 4;

absl::StatusOr<UniqueFd> MemoryFile(const char* name, ByteView content) {
  UniqueFd file(memfd_create(name, MFD_CLOEXEC));
  if (file.get() < 0) return ErrnoStatus(errno, name);
  RETURN_IF_ERROR(WriteAll(file.get(), content));
  if (lseek(file.get(), 0, SEEK_SET) != 0) return ErrnoStatus(errno, name);
  return file;
}

absl::StatusOr<std::string> ReadBack(const UniqueFd& file) {
  if (lseek(file.get(), 0, SEEK_SET) != 0) return ErrnoStatus(errno, "gpgv's status");
  std::string out(kMaxStatus, '\0');
  const ssize_t count = read(file.get(), out.data(), out.size());
  if (count < 0) return ErrnoStatus(errno, "gpgv's status");
  out.resize(static_cast<size_t>(count));
  return out;
}

absl::Status Refuse(std::string_view why) {
  return absl::UnauthenticatedError(StrCat("OpenPGP signature: ", why));
}

// "[GNUPG:] KEYWORD arguments", one a line, written by gpgv alone: what it says of the message goes
// to another stream.
std::map<std::string, int, std::less<>> CountKeywords(std::string_view status) {
  constexpr std::string_view kMark = "[GNUPG:] ";
  std::map<std::string, int, std::less<>> out;
  for (std::string_view line : StrSplit(status, '\n')) {
    if (!line.starts_with(kMark)) continue;
    line.remove_prefix(kMark.size());
    ++out[std::string(line.substr(0, line.find(' ')))];
  }
  return out;
}

absl::Status JudgeStatus(std::string_view status) {
  const auto seen = CountKeywords(status);
  const auto count = [&](std::string_view keyword) {
    const auto found = seen.find(keyword);
    return found == seen.end() ? 0 : found->second;
  };
  struct Fault {
    const char* keyword;
    const char* why;
  };
  constexpr Fault kFaults[] = {{"BADSIG", "is not over this payload"},
                               {"NO_PUBKEY", "is by none of the keys of the policy"},
                               {"ERRSIG", "cannot be checked"},
                               {"EXPSIG", "has expired"},
                               {"EXPKEYSIG", "is by a key that has expired"},
                               {"REVKEYSIG", "is by a key that was revoked"}};
  for (const Fault& fault : kFaults) {
    if (count(fault.keyword) > 0) return Refuse(fault.why);
  }
  if (count("NEWSIG") > 1 || count("VALIDSIG") > 1) return Refuse("is not the only one");
  if (count("NEWSIG") != 1 || count("GOODSIG") != 1 || count("VALIDSIG") != 1 ||
      count("PLAINTEXT") != 1) {
    return Refuse("is not there");
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Bytes> VerifyOpenPgp(ByteView message, ByteView keyring) {
  if (message.size() > kMaxOpenPgpMessage) {
    return absl::ResourceExhaustedError(
        StrCat("OpenPGP signature: ", message.size(), " bytes, allowed are ", kMaxOpenPgpMessage));
  }
  if (!PathExists(kVerifier)) {
    return absl::UnimplementedError(StrCat("OpenPGP signature: there is no ", kVerifier,
                                           " here (guest-image/build.sh --openpgp puts it in)"));
  }
  ASSIGN_OR_RETURN(const UniqueFd status, MemoryFile("gpgv-status", {}));
  ASSIGN_OR_RETURN(const UniqueFd keys, MemoryFile("gpgv-keyring", keyring));
  SubprocessOptions options;
  options.argv = {kVerifier,
                  "--homedir",
                  "/nonexistent",
                  "--quiet",
                  "--status-fd",
                  std::to_string(kStatusFd),
                  "--weak-digest",
                  "SHA1",
                  "--keyring",
                  StrCat("/proc/self/fd/", kKeyringFd),
                  "--output",
                  "-",
                  "-"};
  options.env.emplace();
  options.inherit = {{status.get(), kStatusFd}, {keys.get(), kKeyringFd}};
  absl::StatusOr<CommandResult> result =
      RunCommand(std::move(options), message, kMaxSimpleSigning, kTimeoutMs);
  RETURN_IF_ERROR(result.status(), "OpenPGP signature");
  ASSIGN_OR_RETURN(const std::string said, ReadBack(status));
  RETURN_IF_ERROR(JudgeStatus(said));
  // Its own verdict last, for whatever it knows and we do not.
  if (result->exit.code != 0) return Refuse(Printable(StripSpace(result->err), 200));
  return ToBytes(result->out);
}

}  // namespace nacre::image
