#include "runtime/hypervisor/qmp_message.h"

#include "base/strings.h"

namespace nacre::runtime {
namespace {

constexpr JsonLimits kLimits = {.max_size = kMaxQmpLine, .max_depth = 16};

// The id is always a number we gave; on errors about unreadable commands QEMU leaves it out.
absl::Status ReadId(const Json& object, QmpMessage* out) {
  const auto found = object.find("id");
  if (found == object.end()) return absl::OkStatus();
  if (!found->is_number_unsigned()) return absl::InvalidArgumentError("QMP: id is not a number");
  out->id = found->get<uint64_t>();
  return absl::OkStatus();
}

absl::Status ReadError(const Json& error, QmpMessage* out) {
  out->kind = QmpMessage::Kind::kError;
  ASSIGN_OR_RETURN(out->name, JsonString(error, "class", "QMP error"));
  ASSIGN_OR_RETURN(out->text, JsonString(error, "desc", "QMP error"));
  return absl::OkStatus();
}

absl::Status ReadEvent(const Json& object, QmpMessage* out) {
  out->kind = QmpMessage::Kind::kEvent;
  ASSIGN_OR_RETURN(out->name, JsonString(object, "event", "QMP event"));
  if (const auto data = object.find("data"); data != object.end()) out->data = *data;
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<QmpMessage> ParseQmpMessage(std::string_view line) {
  ASSIGN_OR_RETURN(Json object, ParseJson(line, kLimits), "QMP");
  if (!object.is_object()) return absl::InvalidArgumentError("QMP: expected an object");
  QmpMessage message;
  RETURN_IF_ERROR(ReadId(object, &message));
  if (object.contains("QMP")) {
    message.kind = QmpMessage::Kind::kGreeting;
    message.data = object["QMP"];
  } else if (object.contains("return")) {
    message.data = object["return"];
  } else if (object.contains("error")) {
    RETURN_IF_ERROR(ReadError(object["error"], &message));
  } else if (object.contains("event")) {
    RETURN_IF_ERROR(ReadEvent(object, &message));
  } else {
    return absl::InvalidArgumentError("QMP: neither greeting, return, error nor event");
  }
  return message;
}

absl::StatusOr<std::string> FormatQmpCommand(std::string_view command, const Json& arguments,
                                             uint64_t id) {
  Json object = {{"execute", std::string(command)}, {"id", id}};
  if (!arguments.is_null()) object["arguments"] = arguments;
  ASSIGN_OR_RETURN(std::string text, DumpJson(object), "QMP command");
  return text + "\n";
}

absl::Status QmpLines::Feed(ByteView bytes) {
  const size_t last_end = pending_.rfind('\n');
  const size_t open = pending_.size() - (last_end == std::string::npos ? 0 : last_end + 1);
  size_t line = open;
  for (uint8_t byte : bytes) {
    line = byte == '\n' ? 0 : line + 1;
    if (line > kMaxQmpLine) {
      return absl::ResourceExhaustedError(StrCat("QMP: line over ", kMaxQmpLine, " bytes"));
    }
  }
  pending_.append(AsText(bytes));
  return absl::OkStatus();
}

std::optional<std::string> QmpLines::Next() {
  const size_t end = pending_.find('\n');
  if (end == std::string::npos) return std::nullopt;
  std::string line = pending_.substr(0, end);
  pending_.erase(0, end + 1);
  if (!line.empty() && line.back() == '\r') line.pop_back();
  return line;
}

}  // namespace nacre::runtime
