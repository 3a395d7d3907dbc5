#include "attestation/verifier/verify_event_log.h"

#include "base/encoding.h"
#include "base/strings.h"
#include "tee/eventlog/event_data.h"
#include "tee/eventlog/event_log.h"

namespace nacre::attestation {
namespace {

using tee::Appraisal;
using tee::RefusalClass;
using tee::eventlog::Bank;
using tee::eventlog::EventLog;
using tee::eventlog::Registers;

constexpr std::string_view kFormat = "log format";
constexpr std::string_view kExpected = "a TCG event log";

// Confidential computing logs have SHA-384 alone and at most five registers; TPM logs a SHA-256 or
// SHA-1 bank.
Registers RegistersOf(ByteView log) {
  const auto as_cc = EventLog::Parse(log, Registers::kRtmr);
  const bool cc = as_cc.ok() && as_cc->banks() == std::vector<Bank>{Bank::kSha384};
  return cc ? Registers::kRtmr : Registers::kPcr;
}

std::string ClaimName(Registers registers, Bank bank, uint32_t index) {
  if (registers == Registers::kPcr) return StrCat(BankName(bank), ".pcr", index);
  return index == 0 ? std::string("mrtd") : StrCat("rtmr", index - 1);
}

bool AddBank(const EventLog& log, Bank bank, Appraisal* appraisal) {
  const auto values = tee::eventlog::Replay(log, bank);
  if (!values.ok()) {
    return appraisal->AddError(RefusalClass::kNoBank, "replay", "a value per register",
                               values.status());
  }
  for (const auto& [index, value] : *values) {
    appraisal->claims[ClaimName(log.registers(), bank, index)] = HexEncode(value);
  }
  const absl::Status data = tee::eventlog::CheckEventData(log, bank);
  const std::string name = StrCat("event data (", BankName(bank), ")");
  const std::string_view expected = "hashes to its digest where it must";
  if (data.ok()) return appraisal->Add(name, true, expected, "as the digests say");
  return appraisal->AddError(RefusalClass::kEventDataMismatch, name, expected, data);
}

}  // namespace

void ShowEventLog(ByteView bytes, Appraisal* appraisal) {
  const Registers registers = RegistersOf(bytes);
  appraisal->tee = registers == Registers::kRtmr ? tee::TeeKind::kTdx : tee::TeeKind::kTpm;
  const auto log = EventLog::Parse(bytes, registers);
  if (!log.ok()) {
    appraisal->AddError(RefusalClass::kFormat, kFormat, kExpected, log.status());
    return;
  }
  appraisal->Add(kFormat, true, kExpected, StrCat(log->size(), " events"));
  bool good = true;
  for (const Bank bank : log->banks()) good = AddBank(*log, bank, appraisal) && good;
  appraisal->Add(RefusalClass::kUnsupported, "signature", false, "a quote over the registers",
                 "a log by itself, which anyone can write",
                 "a log proves nothing by itself: verify the quote, with this log as --event-log");
}

}  // namespace nacre::attestation
