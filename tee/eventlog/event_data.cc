#include "tee/eventlog/event_data.h"

#include <algorithm>

#include "base/strings.h"
#include "tee/common/refusal_class.h"

namespace nacre::tee::eventlog {
namespace {

bool Hashes(ByteView data, Bank bank, ByteView digest) {
  const Bytes computed = BankDigest(bank, data);
  return std::equal(computed.begin(), computed.end(), digest.begin(), digest.end());
}

std::optional<ByteView> BoundValue(const Event& event, Bank bank, ByteView digest) {
  const auto variable = ParseUefiVariable(event.data);
  if (!variable.ok() || !Hashes(variable->value, bank, digest)) return std::nullopt;
  return variable->value;
}

// "grub_cmd: set x\0", "grub_cmd set x\0\0": the text after the first word, up to its NUL.
std::optional<ByteView> BoundText(const Event& event, Bank bank, ByteView digest) {
  const auto space = std::find(event.data.begin(), event.data.end(), ' ');
  if (space == event.data.end()) return std::nullopt;
  const ByteView text = event.data.subspan(static_cast<size_t>(space - event.data.begin()) + 1);
  const auto end = std::find(text.begin(), text.end(), 0);
  const ByteView without = text.first(static_cast<size_t>(end - text.begin()));
  if (Hashes(without, bank, digest)) return without;
  if (end != text.end() && Hashes(text.first(without.size() + 1), bank, digest)) return without;
  return std::nullopt;
}

}  // namespace

bool MustBeBound(uint32_t type) {
  switch (type) {
    case kSeparator:
    case kAction:
    case kCrtmVersion:
    case kNonhostInfo:
    case kEfiVariableDriverConfig:
    case kEfiVariableBoot:
    case kEfiVariableBoot2:
    case kEfiVariableAuthority:
    case kEfiGptEvent:
    case kEfiAction:
      return true;
    default:
      return false;
  }
}

std::optional<ByteView> BoundData(const Event& event, Bank bank) {
  const std::optional<ByteView> digest = event.digest(bank);
  if (!digest) return std::nullopt;
  if (Hashes(event.data, bank, *digest)) return event.data;
  switch (event.type) {
    case kEfiVariableBoot:
      return BoundValue(event, bank, *digest);
    case kEfiVariableAuthority:
      if (!event.data.empty() && Hashes(event.data.first(event.data.size() - 1), bank, *digest)) {
        return event.data.first(event.data.size() - 1);
      }
      return BoundValue(event, bank, *digest);
    case kIpl:
      return BoundText(event, bank, *digest);
    default:
      return std::nullopt;
  }
}

absl::Status CheckEventData(const EventLog& log, Bank bank) {
  if (!log.HasBank(bank)) return Replay(log, bank).status();
  for (size_t i = 0; i < log.size(); ++i) {
    const Event event = log.event(i);
    if (!MustBeBound(event.type) || !event.digest(bank) || BoundData(event, bank)) continue;
    return RefusedError(
        RefusalClass::kEventDataMismatch,
        StrCat("event log: event ", i, " (", RegisterName(log.registers(), event.index), ", ",
               EventTypeName(event.type), ", at offset ", event.offset,
               "): the data does not hash to the ", BankName(bank), " digest"));
  }
  return absl::OkStatus();
}

absl::StatusOr<UefiVariable> ParseUefiVariable(ByteView data) {
  ByteReader reader(data);
  UefiVariable out;
  ASSIGN_OR_RETURN(out.vendor, reader.Take(16, "UEFI variable: vendor"));
  ASSIGN_OR_RETURN(uint64_t name_units, reader.U64Le("UEFI variable: name length"));
  ASSIGN_OR_RETURN(uint64_t value_size, reader.U64Le("UEFI variable: value length"));
  if (name_units > kMaxVariableName || value_size > data.size()) {
    return absl::InvalidArgumentError(StrCat("UEFI variable: a name of ", name_units,
                                             " and a value of ", value_size, " do not fit"));
  }
  ASSIGN_OR_RETURN(ByteView name, reader.Take(2 * name_units, "UEFI variable: name"));
  ASSIGN_OR_RETURN(out.name, TextFromUtf16(name));
  ASSIGN_OR_RETURN(out.value, reader.Take(value_size, "UEFI variable: value"));
  return out;
}

absl::StatusOr<std::string> TextFromUtf16(ByteView data) {
  if (data.size() % 2 != 0) return absl::InvalidArgumentError("UTF-16 text of odd length");
  std::string out;
  for (size_t i = 0; i < data.size(); i += 2) {
    const bool ascii = data[i + 1] == 0 && data[i] < 0x7f;
    out.push_back(ascii ? static_cast<char>(data[i]) : '?');
  }
  if (!out.empty() && out.back() == '\0') out.pop_back();
  return out;
}

}  // namespace nacre::tee::eventlog
