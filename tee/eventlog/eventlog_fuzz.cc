// Logs as a guest sends them: parsed, replayed, checked and drawn from; and that what one reader
// accepts does not read differently the second time.
#include <cstdlib>

#include "base/fuzz_testing.h"
#include "tee/eventlog/claims.h"
#include "tee/eventlog/event_data.h"
#include "tee/eventlog/log_writer.h"
#include "tee/eventlog/runtime_log.h"

namespace nacre::tee::eventlog {
namespace {

void TryLog(ByteView data, Registers registers) {
  const auto log = EventLog::Parse(data, registers);
  if (!log.ok()) return;
  size_t end = 0;
  for (size_t i = 0; i < log->size(); ++i) {
    const Event event = log->event(i);
    if (event.offset < end) std::abort();
    end = event.offset;
    (void)EventTypeName(event.type);
  }
  for (Bank bank : log->banks()) {
    const auto values = Replay(*log, bank);
    if (!values.ok()) std::abort();
    for (const auto& [index, value] : *values) {
      if (index >= kPcrCount || value.size() != BankSize(bank)) std::abort();
    }
    Appraisal appraisal;
    const bool good = VerifyEventLog(data, registers, bank, *values, &appraisal);
    if (good != appraisal.affirmed() || (!good && !appraisal.claims.empty())) std::abort();
  }
}

void Try(ByteView data) {
  TryLog(data, Registers::kPcr);
  TryLog(data, Registers::kRtmr);
  (void)ParseDstackLog(AsText(data));
  (void)ParseUefiVariable(data);
}

std::vector<std::string> Seeds() {
  const std::vector<Bank> banks = {Bank::kSha256, Bank::kSha1};
  const Bytes variable = EncodeUefiVariable(Bytes(16, 1), "SecureBoot", Bytes{1});
  std::string log = ToString(LogHeader(banks));
  std::string legacy(28, '\0');
  legacy[4] = 5;
  legacy += std::string("\4\0\0\0data", 8);
  log += ToString(EncodeMeasuredEvent(0, kNoAction, banks, {}, AsBytes("StartupLocality\0\3")));
  log += ToString(EncodeMeasuredEvent(1, kEfiVariableDriverConfig, banks, variable, variable));
  log += ToString(EncodeMeasuredEvent(1, kEfiVariableBoot, banks, Bytes{1}, variable));
  log += ToString(EncodeMeasuredEvent(3, kIpl, banks, AsBytes("a"), AsBytes("kernel_cmdline: a")));
  log += ToString(EncodeMeasuredEvent(4, kSeparator, banks, Bytes(4), Bytes(4)));
  return {log, log + std::string(64, '\xff'), legacy, ToString(variable),
          "[{\"imr\":3,\"event_type\":134217729,\"digest\":\"\",\"event\":\"a\","
          "\"event_payload\":\"00\"}]"};
}

NACRE_FUZZ_TARGET(EventLog, Try, Seeds)

}  // namespace
}  // namespace nacre::tee::eventlog
