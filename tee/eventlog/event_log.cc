// A crypto-agile log begins with one event in the old SHA-1 form whose data names the banks; every
// event after it has one digest of each. A log without that beginning is in the old form
// throughout. Places of events are kept, not copies: an event is read again when it is asked for,
// and it cannot read differently, because everything was checked the first time.

#include "tee/eventlog/event_log.h"

#include <algorithm>

#include "base/strings.h"
#include "tee/common/refusal_class.h"

namespace nacre::tee::eventlog {
namespace {

constexpr std::string_view kSpecId("Spec ID Event03\0", 16);
constexpr std::string_view kStartupLocality("StartupLocality\0", 16);
constexpr size_t kLegacyDigestSize = 20;

absl::Status Bad(size_t offset, std::string_view what) {
  return RefusedError(RefusalClass::kFormat, StrCat("event log: at offset ", offset, ": ", what));
}

absl::Status AsFormat(const absl::Status& status) {
  return WithClass(Annotate(absl::InvalidArgumentError(status.message()), "event log"),
                   RefusalClass::kFormat);
}

bool StartsWith(ByteView data, std::string_view text) {
  return data.size() >= text.size() && AsText(data.first(text.size())) == text;
}

bool IsPadding(ByteView bytes) {
  return std::all_of(bytes.begin(), bytes.end(),
                     [](uint8_t byte) { return byte == 0x00 || byte == 0xff; });
}

// At the mark that ends the events, or where they end without one.
bool AtEnd(ByteView rest) {
  if (rest.size() < 8) return IsPadding(rest);
  return std::all_of(rest.begin(), rest.begin() + 8, [](uint8_t byte) { return byte == 0x00; }) ||
         std::all_of(rest.begin(), rest.begin() + 8, [](uint8_t byte) { return byte == 0xff; });
}

// The digest of `bank` among {u16 algorithm, digest} pairs that were checked before.
std::optional<ByteView> FindDigest(ByteView pairs, Bank bank) {
  while (pairs.size() >= 2) {
    const std::optional<Bank> at = BankFromId(static_cast<uint16_t>(pairs[0] | pairs[1] << 8));
    if (!at || pairs.size() < 2 + BankSize(*at)) return std::nullopt;
    if (*at == bank) return pairs.subspan(2, BankSize(*at));
    pairs = pairs.subspan(2 + BankSize(*at));
  }
  return std::nullopt;
}

}  // namespace

std::string RegisterName(Registers registers, uint32_t index) {
  if (registers == Registers::kPcr) return StrCat("PCR ", index);
  return index == 0 ? "MRTD" : StrCat("RTMR", index - 1);
}

std::optional<ByteView> Event::digest(Bank bank) const {
  if (crypto_agile) return FindDigest(digests, bank);
  if (bank == Bank::kSha1 && !digests.empty()) return digests;
  return std::nullopt;
}

bool EventLog::HasBank(Bank bank) const {
  return std::find(banks_.begin(), banks_.end(), bank) != banks_.end();
}

absl::StatusOr<EventLog> EventLog::Parse(ByteView log, Registers registers) {
  if (log.size() > kMaxLogSize) {
    return Bad(0, StrCat(log.size(), " bytes, more than ", kMaxLogSize));
  }
  EventLog out(log, registers);
  ByteReader reader(log);
  const absl::Status first = out.ReadFirst(reader);
  if (!first.ok()) return AsFormat(first);
  out.end_offset_ = reader.offset();
  while (!AtEnd(log.subspan(reader.offset()))) {
    const size_t offset = reader.offset();
    const absl::Status event = out.ReadEvent(reader);
    if (!event.ok()) return AsFormat(Annotate(event, StrCat("event at offset ", offset)));
    out.end_offset_ = reader.offset();
  }
  if (!IsPadding(log.subspan(out.end_offset_))) {
    return Bad(out.end_offset_, "something other than padding follows the end of the events");
  }
  return out;
}

absl::Status EventLog::ReadFirst(ByteReader& reader) {
  banks_ = {Bank::kSha1};
  ByteReader ahead(log_);
  RETURN_IF_ERROR(ahead.Skip(8 + kLegacyDigestSize, "the first event"));
  ASSIGN_OR_RETURN(uint32_t size, ahead.U32Le("the size of the first event"));
  ASSIGN_OR_RETURN(ByteView data, ahead.Take(size, "the data of the first event"));
  ByteReader header(log_);
  RETURN_IF_ERROR(header.Skip(4, "index"));
  ASSIGN_OR_RETURN(uint32_t type, header.U32Le("type"));
  if (type != kNoAction || !StartsWith(data, kSpecId)) return ReadEvent(reader);
  RETURN_IF_ERROR(ReadSpecification(data), "the specification in the first event");
  crypto_agile_ = true;
  places_.push_back({0, static_cast<uint32_t>(ahead.offset() - size)});
  return reader.Skip(ahead.offset(), "the first event");
}

// TCG_EfiSpecIdEvent (PFP section 10.4.5.1).
absl::Status EventLog::ReadSpecification(ByteView data) {
  ByteReader reader(data);
  RETURN_IF_ERROR(reader.Skip(kSpecId.size() + 8, "platform class and version"));
  ASSIGN_OR_RETURN(uint32_t count, reader.U32Le("number of algorithms"));
  if (count == 0 || count > kMaxBanks) {
    return absl::InvalidArgumentError(StrCat(count, " algorithms, must be 1 to ", kMaxBanks));
  }
  banks_.clear();
  for (uint32_t i = 0; i < count; ++i) {
    ASSIGN_OR_RETURN(uint16_t id, reader.U16Le("algorithm"));
    ASSIGN_OR_RETURN(uint16_t size, reader.U16Le("digest size"));
    const std::optional<Bank> bank = BankFromId(id);
    if (!bank) return absl::InvalidArgumentError(StrCat("algorithm ", id, " is not known"));
    if (HasBank(*bank)) return absl::InvalidArgumentError(StrCat(BankName(*bank), " named twice"));
    if (size != BankSize(*bank)) {
      return absl::InvalidArgumentError(
          StrCat("digests of ", size, " bytes for ", BankName(*bank)));
    }
    banks_.push_back(*bank);
  }
  ASSIGN_OR_RETURN(uint8_t vendor_size, reader.U8("vendor information size"));
  RETURN_IF_ERROR(reader.Skip(vendor_size, "vendor information"));
  if (!reader.done()) return absl::InvalidArgumentError("bytes after the vendor information");
  return absl::OkStatus();
}

absl::Status EventLog::ReadEvent(ByteReader& reader) {
  const size_t offset = reader.offset();
  ASSIGN_OR_RETURN(uint32_t index, reader.U32Le("event index"));
  ASSIGN_OR_RETURN(uint32_t type, reader.U32Le("event type"));
  if (crypto_agile_) {
    RETURN_IF_ERROR(SkipDigests(reader));
  } else {
    RETURN_IF_ERROR(reader.Skip(kLegacyDigestSize, "digest"));
  }
  ASSIGN_OR_RETURN(uint32_t size, reader.U32Le("event size"));
  const size_t data = reader.offset();
  ASSIGN_OR_RETURN(ByteView view, reader.Take(size, "data of the event"));
  places_.push_back({static_cast<uint32_t>(offset), static_cast<uint32_t>(data)});
  return CheckEvent({.index = index, .type = type, .offset = offset, .digests = {}, .data = view});
}

// One digest of each bank, in any order.
absl::Status EventLog::SkipDigests(ByteReader& reader) const {
  ASSIGN_OR_RETURN(uint32_t count, reader.U32Le("number of digests"));
  if (count != banks_.size()) {
    return absl::InvalidArgumentError(
        StrCat(count, " digests in a log of ", banks_.size(), " banks"));
  }
  std::array<Bank, kMaxBanks> seen{};
  for (uint32_t i = 0; i < count; ++i) {
    ASSIGN_OR_RETURN(uint16_t id, reader.U16Le("digest algorithm"));
    const std::optional<Bank> bank = BankFromId(id);
    if (!bank || !HasBank(*bank)) {
      return absl::InvalidArgumentError(StrCat("algorithm ", id, " is not one of the log's"));
    }
    if (std::find(seen.begin(), seen.begin() + i, *bank) != seen.begin() + i) {
      return absl::InvalidArgumentError(StrCat("two digests of ", BankName(*bank)));
    }
    seen[i] = *bank;
    RETURN_IF_ERROR(reader.Skip(BankSize(*bank), "digest"));
  }
  return absl::OkStatus();
}

absl::Status EventLog::CheckEvent(const Event& event) {
  if (event.type != kNoAction) {
    const bool known = registers_ == Registers::kPcr
                           ? event.index < kPcrCount
                           : event.index > 0 && event.index < kRtmrIndexCount;
    if (!known) {
      return absl::InvalidArgumentError(StrCat("event at ", event.offset, ": index ", event.index,
                                               " is no ",
                                               registers_ == Registers::kPcr ? "PCR" : "RTMR"));
    }
    pcr0_extended_ |= registers_ == Registers::kPcr && event.index == 0;
    return absl::OkStatus();
  }
  if (registers_ != Registers::kPcr || !StartsWith(event.data, kStartupLocality)) {
    return absl::OkStatus();
  }
  if (event.data.size() != kStartupLocality.size() + 1 || pcr0_extended_ || startup_locality_) {
    return absl::InvalidArgumentError(
        "startup locality of a wrong size, said twice, or after PCR 0 was extended");
  }
  startup_locality_ = event.data.back();
  return absl::OkStatus();
}

Event EventLog::event(size_t i) const {
  const Place& place = places_[i];
  ByteReader reader(log_.subspan(place.offset));
  Event out;
  out.offset = place.offset;
  out.index = reader.U32Le("index").value_or(0);
  out.type = reader.U32Le("type").value_or(0);
  const bool first_of_agile = crypto_agile_ && i == 0;
  out.crypto_agile = crypto_agile_;
  const size_t digests = place.offset + 8 + (crypto_agile_ ? 4 : 0);
  if (!first_of_agile) out.digests = log_.subspan(digests, place.data - 4 - digests);
  ByteReader size(log_.subspan(place.data - 4));
  out.data = log_.subspan(place.data, size.U32Le("size").value_or(0));
  return out;
}

absl::StatusOr<std::map<uint32_t, Bytes>> Replay(const EventLog& log, Bank bank) {
  if (!log.HasBank(bank)) {
    return WithClass(absl::NotFoundError(StrCat("event log: has no ", BankName(bank), " digests")),
                     RefusalClass::kNoBank);
  }
  std::array<Bytes, kPcrCount> values;  // Parse() lets no other index through
  if (log.startup_locality()) {
    values[0].resize(BankSize(bank));
    values[0].back() = *log.startup_locality();
  }
  for (size_t i = 0; i < log.size(); ++i) {
    const Event event = log.event(i);
    const std::optional<ByteView> digest = event.digest(bank);
    if (event.type == kNoAction || !digest) continue;
    Bytes& value = values.at(event.index);
    if (value.empty()) value.resize(BankSize(bank));
    value = Extended(bank, value, *digest);
  }
  std::map<uint32_t, Bytes> out;
  for (uint32_t index = 0; index < kPcrCount; ++index) {
    if (!values[index].empty()) out[index] = std::move(values[index]);
  }
  return out;
}

std::string EventTypeName(uint32_t type) {
  struct Name {
    uint32_t type;
    std::string_view name;
  };
  static constexpr Name kNames[] = {
      {kPostCode, "EV_POST_CODE"},
      {kNoAction, "EV_NO_ACTION"},
      {kSeparator, "EV_SEPARATOR"},
      {kAction, "EV_ACTION"},
      {kEventTag, "EV_EVENT_TAG"},
      {kCrtmContents, "EV_S_CRTM_CONTENTS"},
      {kCrtmVersion, "EV_S_CRTM_VERSION"},
      {kPlatformConfigFlags, "EV_PLATFORM_CONFIG_FLAGS"},
      {kIpl, "EV_IPL"},
      {kNonhostInfo, "EV_NONHOST_INFO"},
      {kEfiVariableDriverConfig, "EV_EFI_VARIABLE_DRIVER_CONFIG"},
      {kEfiVariableBoot, "EV_EFI_VARIABLE_BOOT"},
      {kEfiBootServicesApplication, "EV_EFI_BOOT_SERVICES_APPLICATION"},
      {kEfiGptEvent, "EV_EFI_GPT_EVENT"},
      {kEfiAction, "EV_EFI_ACTION"},
      {kEfiPlatformFirmwareBlob, "EV_EFI_PLATFORM_FIRMWARE_BLOB"},
      {kEfiVariableBoot2, "EV_EFI_VARIABLE_BOOT2"},
      {kEfiVariableAuthority, "EV_EFI_VARIABLE_AUTHORITY"},
  };
  for (const Name& name : kNames) {
    if (name.type == type) return std::string(name.name);
  }
  return StrCat("event type ", type);
}

}  // namespace nacre::tee::eventlog
