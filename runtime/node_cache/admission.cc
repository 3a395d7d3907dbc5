#include "runtime/node_cache/admission.h"

#include <poll.h>
#include <sys/socket.h>

#include <cerrno>

#include "base/deadline.h"
#include "base/file.h"
#include "base/json.h"
#include "base/strings.h"
#include "net/stream.h"
#include "runtime/node_cache/limits.h"

namespace nacre::runtime {

absl::StatusOr<std::string> AdmissionLine(const Admission& admission) {
  ASSIGN_OR_RETURN(std::string line,
                   DumpJson({{"sandbox", admission.sandbox}, {"image", admission.image}}));
  line += '\n';
  if (line.size() <= kMaxAdmission) return line;
  return absl::InvalidArgumentError(StrCat("admission: longer than ", kMaxAdmission, " bytes"));
}

absl::StatusOr<Admission> ParseAdmission(std::string_view line) {
  ASSIGN_OR_RETURN(const Json object, ParseJson(line, {.max_size = kMaxAdmission, .max_depth = 2}),
                   "admission");
  RETURN_IF_ERROR(JsonOnlyMembers(object, {"sandbox", "image"}, "admission"));
  Admission admission;
  ASSIGN_OR_RETURN(admission.sandbox, JsonString(object, "sandbox", "admission"));
  ASSIGN_OR_RETURN(admission.image, JsonString(object, "image", "admission"));
  return admission;
}

absl::StatusOr<UniqueFd> ConnectNodeCache(const std::string& socket, const Admission& admission) {
  ASSIGN_OR_RETURN(const std::string line, AdmissionLine(admission));
  ASSIGN_OR_RETURN(UniqueFd connection, net::ConnectUnix(socket));
  // A new socket's buffer takes the whole line: this cannot wait for the cache.
  const ssize_t sent =
      ::send(connection.get(), line.data(), line.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  if (sent == static_cast<ssize_t>(line.size())) return connection;
  return absl::UnavailableError(StrCat(socket, ": the node cache does not take its admission"));
}

// A byte at a time, because the guest's first call may stand behind the line already.
absl::StatusOr<Admission> ReadAdmission(int connection) {
  const Deadline deadline = Deadline::After(kAdmissionTimeoutMs);
  std::string line;
  while (line.size() < kMaxAdmission) {
    pollfd ready = {connection, POLLIN, 0};
    const int count = ::poll(&ready, 1, deadline.RemainingMillis());
    if (count == 0) return absl::DeadlineExceededError("admission: it did not come in time");
    char byte;
    const ssize_t size = count < 0 ? -1 : ::recv(connection, &byte, 1, MSG_DONTWAIT);
    if (size < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (size < 0) return ErrnoStatus(errno, "admission");
    if (size == 0) return absl::DataLossError("admission: the connection ended inside it");
    if (byte == '\n') return ParseAdmission(line);
    line += byte;
  }
  return absl::InvalidArgumentError(StrCat("admission: longer than ", kMaxAdmission, " bytes"));
}

}  // namespace nacre::runtime
