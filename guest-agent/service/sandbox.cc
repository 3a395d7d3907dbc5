#include "guest-agent/service/sandbox.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "absl/strings/ascii.h"
#include "base/bytes.h"
#include "base/file.h"
#include "base/strings.h"
#include "guest-agent/limits.h"
#include "guest-agent/service/dispatcher.h"

namespace nacre::guest_agent {
namespace {

constexpr int64_t kEarliestTime = 1735689600;  // 2025-01-01
constexpr int64_t kLatestTime = 4102444800;    // 2100-01-01
constexpr int64_t kMaxStepAttested = 3600;
constexpr size_t kMaxHostname = 64;
constexpr size_t kMaxDnsLine = 256;

bool IsAddress(const std::string& text) {
  in6_addr buffer;
  return inet_pton(AF_INET, text.c_str(), &buffer) == 1 ||
         inet_pton(AF_INET6, text.c_str(), &buffer) == 1;
}

bool IsResolvConfLine(std::string_view line) {
  constexpr std::string_view kWords[] = {"nameserver ", "search ", "domain ", "options "};
  return line.size() <= kMaxDnsLine &&
         std::ranges::all_of(line, [](char c) { return c >= 0x20 && c < 0x7f; }) &&
         std::ranges::any_of(kWords, [&](std::string_view word) { return line.starts_with(word); });
}

}  // namespace

absl::Status CheckSandbox(const grpc::CreateSandboxRequest& request) {
  if (!request.storages().empty())
    return absl::UnimplementedError(StrCat("storages[0]: driver '", request.storages(0).driver(),
                                           "' is not known for a sandbox"));
  if (request.sandbox_pidns())
    return absl::UnimplementedError("sandbox_pidns: a shared pid namespace is not supported");
  if (!request.guest_hook_path().empty())
    return absl::UnimplementedError("guest_hook_path: hooks do not run in the guest");
  if (!request.kernel_modules().empty())
    return absl::UnimplementedError("kernel_modules: only measured modules are loaded");
  return absl::OkStatus();
}

absl::StatusOr<std::string> ResolvConf(const google::protobuf::RepeatedPtrField<std::string>& dns) {
  if (dns.size() > static_cast<int>(kMaxDnsLines))
    return absl::ResourceExhaustedError(StrCat("dns: more than ", kMaxDnsLines, " entries"));
  std::string out;
  for (const std::string& entry : dns) {
    if (entry.empty()) continue;
    if (IsAddress(entry)) {
      StrAppend(&out, "nameserver ", entry, "\n");
    } else if (IsResolvConfLine(entry)) {
      StrAppend(&out, entry, "\n");
    } else {
      return absl::InvalidArgumentError(
          "dns: an entry is neither an address nor a line of resolv.conf");
    }
  }
  return out;
}

absl::Status SetHostname(std::string_view name) {
  if (name.empty()) return absl::OkStatus();
  const auto allowed = [](char c) { return absl::ascii_isalnum(c) || c == '-' || c == '.'; };
  if (name.size() > kMaxHostname || !std::ranges::all_of(name, allowed))
    return absl::InvalidArgumentError("hostname is not a name of letters, digits, '-' and '.'");
  if (sethostname(name.data(), name.size()) != 0) return ErrnoStatus(errno, "hostname");
  return absl::OkStatus();
}

absl::Status CheckTime(int64_t seconds, int64_t microseconds, int64_t now_seconds, bool attested) {
  if (microseconds < 0 || microseconds >= 1000000)
    return absl::InvalidArgumentError("time: Usec is not 0 to 999999");
  if (seconds < kEarliestTime || seconds >= kLatestTime)
    return absl::InvalidArgumentError("time: Sec is not between the years 2025 and 2100");
  if (attested && std::abs(seconds - now_seconds) > kMaxStepAttested)
    return absl::FailedPreconditionError(StrCat("time: more than ", kMaxStepAttested,
                                                " s away from the clock of an attested guest"));
  return absl::OkStatus();
}

absl::Status SetTime(int64_t seconds, int64_t microseconds) {
  const timeval time = {seconds, microseconds};
  if (settimeofday(&time, nullptr) != 0) return ErrnoStatus(errno, "time");
  return absl::OkStatus();
}

absl::Status AddEntropy(std::string_view bytes) {
  if (bytes.empty() || bytes.size() > kMaxRandomSeed)
    return absl::InvalidArgumentError(StrCat("entropy: not 1 to ", kMaxRandomSeed, " bytes"));
  ASSIGN_OR_RETURN(const UniqueFd fd, OpenFile("/dev/urandom", O_WRONLY));
  return WriteAll(fd.get(), AsBytes(bytes));
}

grpc::GuestDetailsResponse GuestDetails(const grpc::GuestDetailsRequest& request) {
  grpc::GuestDetailsResponse out;
  if (request.mem_block_size()) {
    const auto text = ReadTextFile("/sys/devices/system/memory/block_size_bytes", 64);
    if (text.ok()) out.set_mem_block_size_bytes(std::strtoull(text->c_str(), nullptr, 16));
  }
  grpc::AgentDetails* agent = out.mutable_agent_details();
  agent->set_version(std::string(kAgentVersion));
  agent->set_init_daemon(true);
  agent->add_storage_handlers("image_guest_pull");
  agent->set_supports_seccomp(true);
  return out;
}

}  // namespace nacre::guest_agent
