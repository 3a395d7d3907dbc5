// QMP, QEMU's control protocol, as lines: JSON objects that end in CRLF (qemu/docs/interop/
// qmp-spec). QEMU is ours, but it faces the guest; a QEMU taken over by its guest must not take the
// shim with it. So lines are bounded and parsed strictly, and an odd one ends the connection.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/bytes.h"
#include "base/json.h"
#include "base/status.h"

namespace nacre::runtime {

inline constexpr size_t kMaxQmpLine = 64 << 10;

struct QmpMessage {
  enum class Kind { kGreeting, kReturn, kError, kEvent };
  Kind kind = Kind::kReturn;
  uint64_t id = 0;   // of the command answered; 0 when QEMU could not read it
  std::string name;  // kEvent: "SHUTDOWN"; kError: the error's class
  std::string text;  // kError: description
  Json data;         // kReturn: the value; kEvent: its data; kGreeting: the version object
};

// One line without its line end. kInvalidArgument for anything that is none of the four kinds.
absl::StatusOr<QmpMessage> ParseQmpMessage(std::string_view line);

// {"execute":command,"arguments":...,"id":id} and a line end.
absl::StatusOr<std::string> FormatQmpCommand(std::string_view command, const Json& arguments,
                                             uint64_t id);

// Bytes as they arrive -> lines.
class QmpLines {
 public:
  // kResourceExhausted when a line grows past kMaxQmpLine.
  absl::Status Feed(ByteView bytes);
  // The next whole line, or nullopt.
  std::optional<std::string> Next();

 private:
  std::string pending_;
};

}  // namespace nacre::runtime
