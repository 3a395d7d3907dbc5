// A reference matches or it does not; the work is in saying which register of the nearest one is
// another. Nearest is the one that shares most registers with the guest, then the newest.
#include "attestation/verifier/launch_registers.h"

#include <algorithm>
#include <optional>

#include "base/encoding.h"
#include "base/strings.h"
#include "crypto/x509.h"
#include "tee/eventlog/event_log.h"

namespace nacre::attestation {
namespace {

using tee::Appraisal;
using tee::RefusalClass;

constexpr std::string_view kCheck = "launch measurement";

// One register of the guest beside a reference's.
struct Register {
  std::string name;
  std::string covers;  // what it measures, for people
  std::optional<Bytes> expected;
  Bytes got;
  bool required = true;
  int rtmr = -1;  // index, or -1

  bool Matches() const { return expected ? ConstantTimeEqual(*expected, got) : !required; }
};
using RegisterList = std::vector<Register>;

struct Candidate {
  std::string name;
  int64_t created = 0;
  std::optional<int64_t> expires;
  RegisterList registers;
  const TdxReferenceValue* tdx = nullptr;

  bool Expired(int64_t now) const { return expires && now >= *expires; }
  int64_t Same() const { return std::ranges::count_if(registers, &Register::Matches); }
  bool Matches() const { return Same() == std::ssize(registers); }
};

// Where the guest's log and the reference's events first part.
std::string FirstEvent(const Register& differs, const TdxReferenceValue& reference,
                       ByteView bytes) {
  const auto log = tee::eventlog::EventLog::Parse(bytes, tee::eventlog::Registers::kRtmr);
  if (bytes.empty() || !log.ok()) return "";
  std::vector<Bytes> got;
  for (size_t i = 0; i < log->size(); ++i) {
    const tee::eventlog::Event event = log->event(i);
    if (event.type == tee::eventlog::kNoAction || !event.crypto_agile) continue;
    const auto digest = event.digest(tee::eventlog::Bank::kSha384);
    if (digest && event.index == static_cast<uint32_t>(differs.rtmr + 1)) {
      got.push_back(ToBytes(*digest));
    }
  }
  size_t at = 0;
  for (const tee::tdx::RtmrEvent& event : reference.events) {
    if (event.index != differs.rtmr) continue;
    if (at == got.size()) return StrCat("; its event '", event.name, "' is missing");
    if (got[at++] != event.digest) {
      return StrCat("; the first event that differs is '", event.name, "'");
    }
  }
  return at < got.size() ? "; it has more events than expected" : "";
}

std::string Difference(const Candidate& nearest, const Register& differs, ByteView log) {
  if (!differs.expected) {
    return StrCat("reference value '", nearest.name, "' does not say ", differs.name, " (",
                  differs.covers, "), which this broker demands");
  }
  std::string text =
      StrCat(differs.name, " is not that of '", nearest.name, "': ", differs.covers,
             differs.covers.find(" and ") == std::string::npos ? " differs" : " differ");
  if (differs.rtmr >= 0 && nearest.tdx != nullptr) {
    StrAppend(&text, FirstEvent(differs, *nearest.tdx, log));
  }
  return text;
}

bool Decide(const std::vector<Candidate>& candidates, ByteView log, std::string_view got,
            int64_t now, Appraisal* appraisal) {
  const Candidate* nearest = nullptr;
  const Candidate* expired = nullptr;
  for (const Candidate& candidate : candidates) {
    if (candidate.Expired(now)) {
      if (candidate.Matches()) expired = &candidate;
      continue;
    }
    if (candidate.Matches()) {
      appraisal->reference = candidate.name;
      return appraisal->Add(RefusalClass::kMeasurement, kCheck, true, candidate.name, got);
    }
    const auto rank = [](const Candidate& c) { return std::pair(c.Same(), c.created); };
    if (nearest == nullptr || rank(*nearest) < rank(candidate)) nearest = &candidate;
  }
  if (expired != nullptr) {
    return appraisal->Add(RefusalClass::kMeasurement, kCheck, false, "a current reference value",
                          got,
                          StrCat("its reference value '", expired->name, "' expired ",
                                 crypto::FormatTime(*expired->expires)));
  }
  if (nearest == nullptr) {
    return appraisal->Add(RefusalClass::kMeasurement, kCheck, false, "a reference value", got,
                          "no reference value of this kind is registered and in force");
  }
  appraisal->claims["nearest_reference"] = nearest->name;
  const auto differs = std::ranges::find_if_not(nearest->registers, &Register::Matches);
  return appraisal->Add(
      RefusalClass::kMeasurement, kCheck, false,
      StrCat(differs->name, " ", differs->expected ? HexEncode(*differs->expected) : "registered"),
      StrCat(differs->name, " ", HexEncode(differs->got)), Difference(*nearest, *differs, log));
}

RegisterList TdxRegisters(const tee::tdx::TdBody& td, const TdxReferenceValue& reference,
                          bool require_rtmr0) {
  return {{"MRTD", "the firmware", reference.mrtd, ToBytes(td.mrtd), true, -1},
          {"RTMR0", "the machine's configuration", reference.rtmr[0], ToBytes(td.rtmr[0]),
           require_rtmr0, 0},
          {"RTMR1", "the kernel", reference.rtmr[1], ToBytes(td.rtmr[1]), true, 1},
          {"RTMR2", "the command line and the initrd", reference.rtmr[2], ToBytes(td.rtmr[2]), true,
           2}};
}

}  // namespace

bool CheckTdxLaunch(const tee::tdx::TdBody& td, const std::vector<TdxReferenceValue>& references,
                    bool require_rtmr0, ByteView proven_log, int64_t now, Appraisal* appraisal) {
  std::vector<Candidate> candidates;
  for (const TdxReferenceValue& reference : references) {
    candidates.push_back({reference.name, reference.created, reference.expires,
                          TdxRegisters(td, reference, require_rtmr0), &reference});
  }
  return Decide(candidates, proven_log, HexEncode(td.mrtd), now, appraisal);
}

bool CheckTpmLaunch(tee::eventlog::Bank bank, const std::map<uint32_t, Bytes>& pcrs,
                    const std::vector<TpmReferenceValue>& references, int64_t now,
                    Appraisal* appraisal) {
  std::vector<Candidate> candidates;
  for (const TpmReferenceValue& reference : references) {
    if (reference.prediction.bank != bank || reference.prediction.pcrs.empty()) continue;
    Candidate candidate{reference.name, reference.created, reference.expires, {}, nullptr};
    for (const auto& [index, expected] : reference.prediction.pcrs) {
      const auto found = pcrs.find(index);
      candidate.registers.push_back({StrCat("PCR ", index), "what it measures", expected,
                                     found == pcrs.end() ? Bytes() : found->second, true, -1});
    }
    candidates.push_back(std::move(candidate));
  }
  return Decide(candidates, {}, StrCat(pcrs.size(), " PCRs"), now, appraisal);
}

}  // namespace nacre::attestation
