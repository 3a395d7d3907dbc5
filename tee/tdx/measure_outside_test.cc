// The events this project expects of a TDX boot, compared with logs that others recorded on real
// hardware (tee/testing/outside.h). Only what does not depend on files that are not at hand: the
// variables, separators, boot entries and action strings of direct kernel boots, and TD HOBs of
// firmware with OVMF's usual ranges, whatever the memory size.

#include <gtest/gtest.h>

#include <set>

#include "crypto/digest.h"
#include "tee/eventlog/event_log.h"
#include "tee/tdx/rtmr.h"
#include "tee/tdx/td_hob.h"
#include "tee/tdx/test_firmware.h"
#include "tee/testing/outside.h"

namespace nacre::tee::tdx {
namespace {

using eventlog::Bank;
using eventlog::EventLog;
using outside::ReadData;
using outside::Tally;
using outside::Text;

constexpr uint32_t kEfiHandoffTables2 = 0x8000000b;

// What can be said without the inputs that a log does not come with.
bool Known(const std::string& name) {
  const bool variable = name.starts_with("variable ") && name != "variable store";
  return variable || name == "separator" || name.starts_with("action ") ||
         name.starts_with("boot ");
}

std::vector<RtmrEvent> Expected(const RtmrProfile& profile) {
  static const Bytes firmware = BuildTestTdvf();
  static const Bytes kernel = BuildTestKernel("6.12.0 ", Bytes(64));
  static const FwCfgFiles acpi = [] {
    ByteWriter loader;
    loader.U32Le(1).Put("etc/tables").Zeros(128 - 4 - 10);
    return FwCfgFiles{{std::string(kTableLoader), loader.bytes()}, {"etc/tables", {}}};
  }();
  const RtmrInputs inputs{firmware, kernel, std::nullopt, "", uint64_t{2} << 30, &acpi, profile};
  std::vector<RtmrEvent> out = ExpectedRtmr0(inputs, TestSections()).value();
  const std::vector<RtmrEvent> second = ExpectedRtmr1(inputs).value();
  out.insert(out.end(), second.begin(), second.end());
  std::erase_if(out, [](const RtmrEvent& event) { return !Known(event.name); });
  return out;
}

std::multiset<Bytes> Digests(const EventLog& log, uint32_t index) {
  std::multiset<Bytes> out;
  for (size_t i = 0; i < log.size(); ++i) {
    const eventlog::Event event = log.event(i);
    const auto digest = event.digest(Bank::kSha384);
    if (event.index == index && digest) out.insert(ToBytes(*digest));
  }
  return out;
}

// All of them, as often, in the right register.
bool HasAll(const EventLog& log, const std::vector<RtmrEvent>& expected) {
  std::multiset<Bytes> logged[2] = {Digests(log, 1), Digests(log, 2)};
  for (const RtmrEvent& event : expected) {
    std::multiset<Bytes>& own = logged[event.index];
    const auto found = own.find(event.digest);
    if (found == own.end()) return false;
    own.erase(found);
  }
  return true;
}

// A kernel that QEMU loads stands in the log by the device path ".../kernel".
bool IsDirectBoot(const EventLog& log) {
  const std::string path("k\0e\0r\0n\0e\0l\0\0\0", 14);
  for (size_t i = 0; i < log.size(); ++i) {
    const eventlog::Event event = log.event(i);
    if (event.type == eventlog::kEfiBootServicesApplication &&
        AsText(event.data).find(path) != std::string_view::npos) {
      return true;
    }
  }
  return false;
}

class TdxMeasureOutside : public outside::OutsideTest {
 protected:
  // Calls `judge` with every log of a direct kernel boot.
  template <typename Judge>
  static void ForEachDirectBoot(Judge judge) {
    for (const Json& vector : OfKind("eventlog-ccel")) {
      const Bytes bytes = ReadData(Text(vector.at("files")[0], "path"));
      const auto log = EventLog::Parse(bytes, eventlog::Registers::kRtmr);
      if (log.ok() && IsDirectBoot(*log)) judge(*log, Text(vector, "id"));
    }
  }
};

TEST_F(TdxMeasureOutside, EventsOfDirectBoots) {
  Tally tally("tdx direct boot events");
  ForEachDirectBoot([&tally](const EventLog& log, const std::string& id) {
    bool any = false;
    for (const char* profile :
         {"separator=rtmr1", "separator=rtmr0", "separator=rtmr1,secure-boot=off",
          "separator=rtmr0,secure-boot=off"}) {
      any = any || HasAll(log, Expected(ParseRtmrProfile(profile).value()));
    }
    tally.Count(any, id);
  });
}

TEST_F(TdxMeasureOutside, TdHobs) {
  Tally tally("tdx td hob of some memory size");
  ForEachDirectBoot([&tally](const EventLog& log, const std::string& id) {
    std::set<Bytes> hobs;
    for (size_t i = 0; i < log.size(); ++i) {
      const eventlog::Event event = log.event(i);
      const auto digest = event.digest(Bank::kSha384);
      if (event.type == kEfiHandoffTables2 && digest) hobs.insert(ToBytes(*digest));
    }
    bool found = false;
    for (uint64_t mib = 256; mib <= 256 * 1024 && !found; mib += 256) {
      const auto hob = BuildTdHob(TestSections(), mib << 20);
      found = hob.ok() && hobs.contains(crypto::Digest(crypto::HashAlgorithm::kSha384, *hob));
    }
    tally.Count(found, id);
  });
}

}  // namespace
}  // namespace nacre::tee::tdx
