// A log's event types and descriptions are not measured: whoever carries the log may change them,
// and whoever runs the system after boot may extend registers with events of their own. What such a
// person can not do is put an event before the separator that the firmware ends its part of a
// register with. So that separator is found by its digest, whatever type the log gives it, and what
// only firmware may say is believed only before it.

#include "tee/eventlog/claims.h"

#include <algorithm>

#include "base/encoding.h"
#include "base/strings.h"
#include "tee/common/refusal_class.h"
#include "tee/eventlog/event_data.h"

namespace nacre::tee::eventlog {
namespace {

// EFI_GLOBAL_VARIABLE, 8be4df61-93ca-11d2-aa0d-00e098032b8c.
constexpr uint8_t kGlobalVariable[] = {0x61, 0xdf, 0xe4, 0x8b, 0xca, 0x93, 0xd2, 0x11,
                                       0xaa, 0x0d, 0x00, 0xe0, 0x98, 0x03, 0x2b, 0x8c};
constexpr uint32_t kAaelTag = 0x4141454c;  // "LEAA" on the wire

// Which registers hold what (PFP section 3.3.4; UEFI 2.10 table 38.3 for RTMRs).
struct Layout {
  uint32_t configuration;  // variables of Boot####
  uint32_t secure_boot;
  uint32_t boot_manager;           // EFI applications
  std::set<uint32_t> boot_loader;  // GRUB's command lines
};
Layout LayoutOf(Registers registers) {
  if (registers == Registers::kPcr) return {1, 7, 4, {8}};
  return {1, 1, 2, {3}};
}

class ClaimReader {
 public:
  ClaimReader(const EventLog& log, Bank bank, const std::set<uint32_t>& unproven)
      : log_(log), bank_(bank), unproven_(unproven), layout_(LayoutOf(log.registers())) {
    separators_ = {BankDigest(bank, Bytes(4)), BankDigest(bank, Bytes(4, 0xff))};
  }

  absl::StatusOr<BootClaims> Run() {
    for (size_t i = 0; i < log_.size(); ++i) {
      const Event event = log_.event(i);
      if (event.type == kNoAction || unproven_.contains(event.index)) continue;
      if (event.type == kEfiBootServicesApplication && event.index == layout_.boot_manager) {
        claims_.loaded_images.push_back(HexEncode(event.digest(bank_).value_or(ByteView())));
      }
      const std::optional<ByteView> bound = BoundData(event, bank_);
      if (bound) RETURN_IF_ERROR(ReadEvent(event, *bound));
      if (IsSeparator(event)) claims_.separators.insert(event.index);
    }
    return std::move(claims_);
  }

 private:
  bool IsSeparator(const Event& event) const {
    const ByteView digest = event.digest(bank_).value_or(ByteView());
    return std::ranges::any_of(
        separators_, [&](const Bytes& separator) { return std::ranges::equal(separator, digest); });
  }
  bool AfterFirmware(const Event& event) const { return claims_.separators.contains(event.index); }

  absl::Status ReadEvent(const Event& event, ByteView bound) {
    switch (event.type) {
      case kAction:
      case kEfiAction:
        claims_.actions.push_back(ToString(bound));
        break;
      case kCrtmVersion:
        ReadVersion(bound);
        break;
      case kEfiVariableDriverConfig:
        return ReadDriverVariable(event, bound);
      case kEfiVariableBoot:
      case kEfiVariableBoot2:
        ReadBootVariable(event, bound);
        break;
      case kIpl:
        ReadBootLoader(event, bound);
        break;
      case kEventTag:
        ReadTag(event, bound);
        break;
      default:
        break;
    }
    return absl::OkStatus();
  }

  void ReadVersion(ByteView bound) {
    const auto text = TextFromUtf16(bound);
    if (text.ok() && text->find('?') == std::string::npos) claims_.firmware_version = *text;
  }

  // PFP section 3.3.4.8: measured before the separator of its register.
  absl::Status ReadDriverVariable(const Event& event, ByteView bound) {
    const auto variable = ParseUefiVariable(bound);
    if (!variable.ok() || event.index != layout_.secure_boot || variable->name != "SecureBoot" ||
        !std::ranges::equal(variable->vendor, kGlobalVariable) || AfterFirmware(event)) {
      return absl::OkStatus();
    }
    const bool on = variable->value.size() == 1 && variable->value[0] == 1;
    if (claims_.secure_boot && *claims_.secure_boot != on) {
      return RefusedError(RefusalClass::kEventDataMismatch,
                          "event log: Secure Boot is said to be both on and off");
    }
    claims_.secure_boot = on;
    return absl::OkStatus();
  }

  void ReadBootVariable(const Event& event, ByteView bound) {
    if (event.index != layout_.configuration) return;
    // RTMR0 is both PCR 1 and PCR 7: the separator of the latter may come first.
    if (log_.registers() == Registers::kPcr && AfterFirmware(event)) return;
    const auto variable = ParseUefiVariable(event.data);
    if (!variable.ok()) return;
    const bool whole = bound.size() == event.data.size();
    claims_.boot_variables.push_back({variable->name, ToBytes(variable->value), whole});
  }

  void ReadBootLoader(const Event& event, ByteView bound) {
    if (!layout_.boot_loader.contains(event.index)) return;
    // `bound` is the text after this word of description.
    const std::string_view all = AsText(event.data);
    for (std::string_view word : {"kernel_cmdline: ", "grub_kernel_cmdline "}) {
      if (all.starts_with(word) && bound.data() == event.data.data() + word.size()) {
        claims_.kernel_command_lines.push_back(ToString(bound));
      }
    }
  }

  // {u32 tag, u32 size, "domain operation content"}.
  void ReadTag(const Event& event, ByteView bound) {
    ByteReader reader(bound);
    const auto tag = reader.U32Le("tag");
    const auto size = reader.U32Le("size");
    if (log_.registers() != Registers::kRtmr || event.index != 4 || !tag.ok() || !size.ok() ||
        *tag != kAaelTag || *size != reader.remaining()) {
      return;
    }
    const std::string_view text = AsText(bound.subspan(reader.offset()));
    const size_t first = text.find(' ');
    const size_t second = first == text.npos ? first : text.find(' ', first + 1);
    if (second == text.npos) return;
    claims_.runtime_events.push_back({std::string(text.substr(0, first)),
                                      std::string(text.substr(first + 1, second - first - 1)),
                                      std::string(text.substr(second + 1))});
  }

  const EventLog& log_;
  Bank bank_;
  const std::set<uint32_t>& unproven_;
  Layout layout_;
  std::vector<Bytes> separators_;  // digests
  BootClaims claims_;
};

std::string Named(std::string_view name, size_t i) { return StrCat(name, ".", i + 1); }

}  // namespace

absl::StatusOr<BootClaims> ReadBootClaims(const EventLog& log, Bank bank,
                                          const std::set<uint32_t>& unproven) {
  RETURN_IF_ERROR(CheckEventData(log, bank));
  return ClaimReader(log, bank, unproven).Run();
}

void AddBootClaims(const BootClaims& claims, Appraisal* appraisal) {
  std::map<std::string, std::string>& out = appraisal->claims;
  if (claims.secure_boot) out["secure_boot"] = *claims.secure_boot ? "on" : "off";
  if (!claims.firmware_version.empty()) out["firmware_version"] = claims.firmware_version;
  for (size_t i = 0; i < claims.kernel_command_lines.size(); ++i) {
    out[i == 0 ? "kernel_command_line" : Named("kernel_command_line", i)] =
        claims.kernel_command_lines[i];
  }
  for (size_t i = 0; i < claims.actions.size(); ++i) {
    out[Named("boot.action", i)] = claims.actions[i];
  }
  for (size_t i = 0; i < claims.loaded_images.size(); ++i) {
    out[Named("boot.image", i)] = claims.loaded_images[i];
  }
  for (const BootVariable& variable : claims.boot_variables) {
    if (variable.name_proven) out["boot.variable." + variable.name] = HexEncode(variable.value);
  }
  for (size_t i = 0; i < claims.runtime_events.size(); ++i) {
    const RuntimeEvent& event = claims.runtime_events[i];
    out[Named("runtime_event", i)] =
        StrCat(event.domain, event.domain.empty() ? "" : " ", event.operation, " ", event.content);
  }
}

bool CheckRegisters(const EventLog& log, Bank bank, const std::map<uint32_t, Bytes>& signed_values,
                    Appraisal* appraisal) {
  const auto replayed = Replay(log, bank);
  if (!replayed.ok()) {
    return appraisal->AddError(RefusalClass::kFormat, "event log bank", BankName(bank),
                               replayed.status());
  }
  const RefusalClass on_failure =
      log.registers() == Registers::kPcr ? RefusalClass::kPcrDigest : RefusalClass::kRtmrMismatch;
  bool good = true;
  for (const auto& [index, value] : signed_values) {
    const auto found = replayed->find(index);
    const Bytes got = found == replayed->end() ? Bytes(BankSize(bank)) : found->second;
    const std::string name = RegisterName(log.registers(), index);
    good &= appraisal->Add(on_failure, StrCat("event log ", name), got == value, HexEncode(value),
                           HexEncode(got),
                           StrCat("the log replays ", name, " to ", HexEncode(got),
                                  ", the signed value is ", HexEncode(value)));
  }
  return good;
}

bool VerifyEventLog(ByteView log, Registers registers, Bank bank,
                    const std::map<uint32_t, Bytes>& signed_values, Appraisal* appraisal) {
  const auto parsed = EventLog::Parse(log, registers);
  if (!parsed.ok()) {
    return appraisal->AddError(RefusalClass::kFormat, "event log format", "a TCG event log",
                               parsed.status());
  }
  if (!CheckRegisters(*parsed, bank, signed_values, appraisal)) return false;
  std::set<uint32_t> unproven;
  for (uint32_t index = 0; index < kPcrCount; ++index) {
    if (!signed_values.contains(index)) unproven.insert(index);
  }
  const auto claims = ReadBootClaims(*parsed, bank, unproven);
  if (!claims.ok()) {
    return appraisal->AddError(RefusalClass::kEventDataMismatch, "event data",
                               "data that hashes to its digest", claims.status());
  }
  appraisal->Add("event data", true, "data that hashes to its digest",
                 StrCat(parsed->size(), " events"));
  AddBootClaims(*claims, appraisal);
  return true;
}

}  // namespace nacre::tee::eventlog
