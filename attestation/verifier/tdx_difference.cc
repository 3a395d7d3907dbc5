#include "attestation/verifier/tdx_difference.h"

#include <functional>
#include <optional>

#include "attestation/verifier/launch_difference.h"
#include "base/encoding.h"
#include "base/strings.h"
#include "tee/eventlog/event_log.h"

namespace nacre::attestation {
namespace {

using tee::tdx::RtmrEvent;
using tee::tdx::TdxMeasurement;

constexpr uint64_t kMib = uint64_t{1} << 20;
constexpr uint64_t kMaxMemoryTried = uint64_t{1} << 40;

// One change to a launch.
struct Change {
  std::string words;
  std::function<void(TdxLaunch*)> apply;
};

std::vector<RtmrEvent> EventsOf(const TdxMeasurement& measurement, int index) {
  std::vector<RtmrEvent> out;
  for (const RtmrEvent& event : measurement.events) {
    if (event.index == index) out.push_back(event);
  }
  return out;
}

// The digests a log says went into RTMR `index`, when they do lead to `value`.
std::optional<std::vector<Bytes>> LoggedDigests(ByteView log, int index, ByteView value) {
  const auto parsed = tee::eventlog::EventLog::Parse(log, tee::eventlog::Registers::kRtmr);
  if (!parsed.ok()) return std::nullopt;
  std::vector<RtmrEvent> events;
  std::vector<Bytes> out;
  for (size_t i = 0; i < parsed->size(); ++i) {
    const tee::eventlog::Event event = parsed->event(i);
    if (event.index != static_cast<uint32_t>(index) + 1) continue;
    if (event.type == tee::eventlog::kNoAction) continue;
    const auto digest = event.digest(tee::eventlog::Bank::kSha384);
    if (!digest) return std::nullopt;
    out.push_back(ToBytes(*digest));
    events.push_back({index, "", out.back()});
  }
  if (!ConstantTimeEqual(ReplayRtmr(events), value)) return std::nullopt;
  return out;
}

std::string FirstDifference(const std::vector<RtmrEvent>& expected,
                            const std::vector<Bytes>& logged) {
  for (size_t i = 0; i < expected.size(); ++i) {
    if (i >= logged.size()) {
      return StrCat("event ", i + 1, " (", expected[i].name, ") did not happen");
    }
    if (expected[i].digest == logged[i]) continue;
    return StrCat("event ", i + 1, " (", expected[i].name, ") differs: expected ",
                  HexEncode(expected[i].digest), ", got ", HexEncode(logged[i]));
  }
  return StrCat("event ", expected.size() + 1,
                " is not expected: ", HexEncode(logged[expected.size()]));
}

void AddProfiles(std::vector<Change>* out) {
  for (int bits = 0; bits < 16; ++bits) {
    tee::tdx::RtmrProfile profile;
    profile.separator_index = bits & 1;
    profile.secure_boot_variable = (bits & 2) != 0;
    profile.patched_kernel = (bits & 4) != 0;
    profile.entry_measures = (bits & 8) != 0;
    out->push_back({StrCat("the guest's firmware and kernel measure by another profile: ",
                           FormatRtmrProfile(profile)),
                    [profile](TdxLaunch* other) { other->options.profile = profile; }});
  }
}

void AddMemory(const TdxLaunch& launch, std::vector<Change>* out) {
  const uint64_t expected = launch.inputs.memory_bytes;
  for (uint64_t size = 256 * kMib; size <= kMaxMemoryTried;
       size += size < 16384 * kMib ? 128 * kMib : 1024 * kMib) {
    if (size == expected) continue;
    out->push_back({StrCat("memory size differs: expected ", expected / kMib, " MiB, got ",
                           size / kMib, " MiB"),
                    [size](TdxLaunch* other) { other->inputs.memory_bytes = size; }});
  }
}

void AddCommandLines(const TdxLaunch& launch, std::vector<Change>* out) {
  const std::string& expected = launch.inputs.command_line;
  std::vector<std::string_view> arguments;
  for (std::string_view word : StrSplit(expected, ' ')) {
    if (!word.empty()) arguments.push_back(word);
  }
  for (size_t skipped = 0; skipped < arguments.size() && skipped < 256; ++skipped) {
    std::vector<std::string_view> rest = arguments;
    rest.erase(rest.begin() + static_cast<ptrdiff_t>(skipped));
    const std::string text = StrJoin(rest, " ");
    out->push_back({DescribeCommandLineDifference(expected, text),
                    [text](TdxLaunch* other) { other->inputs.command_line = text; }});
  }
}

void AddFiles(const TdxLaunch& launch, std::vector<Change>* out) {
  out->push_back({"initrd differs: the guest has none", [](TdxLaunch* other) {
                    other->files.initrd.reset();
                    other->inputs.initrd_path.clear();
                  }});
  for (const auto& [name, bytes] : launch.also) {
    const Bytes* file = &bytes;
    out->push_back({StrCat("firmware differs: got ", name),
                    [file](TdxLaunch* other) { other->files.firmware = *file; }});
    out->push_back({StrCat("kernel differs: got ", name),
                    [file](TdxLaunch* other) { other->files.kernel = *file; }});
    out->push_back({StrCat("initrd differs: got ", name),
                    [file](TdxLaunch* other) { other->files.initrd = *file; }});
  }
}

// What matters to one register; cheap ones first. Only RTMR0 knows the memory size, beside the
// kernel when QEMU places the initrd by it.
std::vector<Change> ChangesFor(const TdxLaunch& launch, int index) {
  std::vector<Change> out;
  AddProfiles(&out);
  if (index != 0) AddCommandLines(launch, &out);
  AddFiles(launch, &out);
  if (index == 0) AddMemory(launch, &out);
  return out;
}

// RTMR `index` alone: the others cost hashing whole kernels.
std::optional<Bytes> Rtmr(const TdxLaunch& launch, int index) {
  tee::tdx::RtmrInputs inputs{launch.files.firmware,
                              launch.files.kernel,
                              std::nullopt,
                              launch.inputs.command_line,
                              launch.inputs.memory_bytes,
                              launch.files.acpi ? &*launch.files.acpi : nullptr,
                              launch.options.profile};
  if (launch.files.initrd) inputs.initrd = *launch.files.initrd;
  if (index == 2) return ReplayRtmr(ExpectedRtmr2(inputs));
  absl::StatusOr<std::vector<RtmrEvent>> events = absl::NotFoundError("");
  if (index == 1) {
    events = ExpectedRtmr1(inputs);
  } else if (const auto sections = tee::tdx::ParseTdvf(inputs.firmware); sections.ok()) {
    events = ExpectedRtmr0(inputs, *sections);
  }
  if (!events.ok()) return std::nullopt;
  return ReplayRtmr(*events);
}

std::string SearchRtmr(const TdxLaunch& launch, int index, ByteView got) {
  TdxLaunch base = launch;
  if (index == 0) {  // spares a thousand copies of a kernel
    base.files.kernel.clear();
    base.files.initrd.reset();
  }
  for (const Change& change : ChangesFor(launch, index)) {
    TdxLaunch other = base;
    change.apply(&other);
    const auto value = Rtmr(other, index);
    if (value && ConstantTimeEqual(*value, got)) return change.words;
  }
  return "nothing that was tried accounts for it; the guest's event log (--event-log) would say";
}

std::string SearchMrtd(const TdxLaunch& launch, ByteView got) {
  std::vector<std::pair<std::string, const Bytes*>> images = {{"", &launch.files.firmware}};
  for (const auto& [name, bytes] : launch.also) {
    images.emplace_back(StrCat("firmware differs: got ", name), &bytes);
  }
  for (const auto& [words, image] : images) {
    const auto sections = tee::tdx::ParseTdvf(*image);
    if (!sections.ok()) continue;
    for (const auto order : {tee::tdx::MrtdOrder::kPerPage, tee::tdx::MrtdOrder::kPerSection}) {
      if (!ConstantTimeEqual(ComputeMrtd(*image, *sections, order), got)) continue;
      if (!words.empty()) return words;
      return "the host adds pages in the other order (--mrtd-order)";
    }
  }
  return "firmware differs";
}

RegisterFinding FindRtmr(const TdxLaunch& launch, const TdxMeasurement& expected, int index,
                         ByteView got, ByteView event_log) {
  RegisterFinding out{StrCat("RTMR", index), false, ""};
  out.same = ConstantTimeEqual(*expected.rtmr[static_cast<size_t>(index)], got);
  if (out.same) return out;
  const auto logged = event_log.empty() ? std::nullopt : LoggedDigests(event_log, index, got);
  out.why =
      logged ? FirstDifference(EventsOf(expected, index), *logged) : SearchRtmr(launch, index, got);
  return out;
}

}  // namespace

absl::StatusOr<std::vector<RegisterFinding>> ExplainTdxDifference(const TdxLaunch& launch,
                                                                  const tee::tdx::TdBody& got,
                                                                  ByteView event_log) {
  ASSIGN_OR_RETURN(const TdxMeasurement expected,
                   MeasureTdxLaunch(launch.inputs, launch.options, launch.files));
  std::vector<RegisterFinding> out;
  RegisterFinding mrtd{"MRTD", ConstantTimeEqual(expected.mrtd, got.mrtd), ""};
  if (!mrtd.same) mrtd.why = SearchMrtd(launch, got.mrtd);
  out.push_back(std::move(mrtd));
  for (int index = 0; index < 3; ++index) {
    const auto at = static_cast<size_t>(index);
    if (!expected.rtmr[at]) continue;
    out.push_back(FindRtmr(launch, expected, index, got.rtmr[at], event_log));
  }
  return out;
}

}  // namespace nacre::attestation
