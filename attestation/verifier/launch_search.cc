// The digest of a launch that differs in one part is a guess away when that part has few values: a
// machine has some dozens of vCPUs, QEMU knows a dozen models, kernels set two or three feature
// masks. Each guess is proven by the digest itself. Two parts at once are tried too, over a smaller
// range: a "large" instance of the same image often differs in vCPUs and model.

#include <functional>

#include "attestation/verifier/launch_difference.h"
#include "base/encoding.h"
#include "base/strings.h"
#include "crypto/digest.h"
#include "tee/common/hex_number.h"
#include "tee/sev/kernel_hashes.h"
#include "tee/sev/launch_digest.h"

namespace nacre::attestation {
namespace {

using tee::Measurement;

constexpr uint32_t kMaxVcpusAlone = 512;
constexpr uint32_t kMaxVcpusInPairs = 64;
constexpr size_t kMaxPairs = 20000;
// DEBUG_SWAP of Linux 6.6 and 6.7; restricted and alternate injection; secure TSC; SMT protection.
constexpr uint64_t kFeatures[] = {0x1, 0x21, 0x0, 0x20, 0x9, 0x11, 0x201, 0x221, 0x4001, 0x8001};

struct Variation {
  std::string part;  // two variations of one part are never combined
  std::string words;
  std::function<void(Measurement*)> apply;
};
using Variations = std::vector<Variation>;

void AddVcpus(const Measurement& expected, uint32_t maximum, Variations* out) {
  for (uint32_t count = 1; count <= maximum; ++count) {
    if (count == expected.vcpus) continue;
    out->push_back({"vcpus",
                    StrCat("number of vCPUs differs: expected ", expected.vcpus, ", got ", count),
                    [count](Measurement* parts) { parts->vcpus = count; }});
  }
}

void AddModels(const Measurement& expected, Variations* out) {
  uint32_t last = expected.vcpu_signature;
  for (const auto& [name, signature] : tee::sev::KnownVcpuModels()) {
    if (signature == expected.vcpu_signature || signature == last) continue;
    last = signature;
    const uint32_t value = signature;
    out->push_back({"model",
                    StrCat("vCPU model differs: expected ", expected.vcpu_type, " (",
                           tee::FormatHexNumber(expected.vcpu_signature), "), got ", name, " (",
                           tee::FormatHexNumber(value), ")"),
                    [value](Measurement* parts) { parts->vcpu_signature = value; }});
  }
}

void AddFeatures(const Measurement& expected, Variations* out) {
  for (const uint64_t features : kFeatures) {
    if (features == expected.guest_features) continue;
    out->push_back(
        {"features",
         StrCat("guest features differ: expected ", tee::FormatHexNumber(expected.guest_features),
                ", got ", tee::FormatHexNumber(features)),
         [features](Measurement* parts) { parts->guest_features = features; }});
  }
}

void AddProfiles(const Measurement& expected, Variations* out) {
  for (const auto vmm : {tee::VmmProfile::kQemu, tee::VmmProfile::kEc2, tee::VmmProfile::kEc2V1,
                         tee::VmmProfile::kGce}) {
    if (vmm == expected.vmm) continue;
    out->push_back({"vmm",
                    StrCat("VMM differs: expected ", tee::VmmProfileName(expected.vmm), ", got ",
                           tee::VmmProfileName(vmm)),
                    [vmm](Measurement* parts) { parts->vmm = vmm; }});
  }
}

void AddCommandLine(const Measurement& expected, const std::string& text, Variations* out) {
  if (text == expected.command_line) return;
  out->push_back({"command line", DescribeCommandLineDifference(expected.command_line, text),
                  [text](Measurement* parts) {
                    parts->command_line = text;
                    parts->kernel_hashes->command_line = tee::sev::CommandLineHash(text);
                  }});
}

// Without each argument in turn, without any, and with the spaces at its end gone.
void AddCommandLines(const Measurement& expected, const LaunchAlternatives& alternatives,
                     Variations* out) {
  for (const std::string& text : alternatives.command_lines) AddCommandLine(expected, text, out);
  std::vector<std::string_view> arguments;
  for (std::string_view word : StrSplit(expected.command_line, ' ')) {
    if (!word.empty()) arguments.push_back(word);
  }
  for (size_t skipped = 0; skipped < arguments.size() && skipped < 256; ++skipped) {
    std::vector<std::string_view> rest = arguments;
    rest.erase(rest.begin() + static_cast<ptrdiff_t>(skipped));
    AddCommandLine(expected, StrJoin(rest, " "), out);
  }
  AddCommandLine(expected, "", out);
  AddCommandLine(expected, std::string(StripSpace(expected.command_line)), out);
}

void AddFiles(const LaunchAlternatives& alternatives, Variations* out) {
  for (const LaunchAlternatives::File& file : alternatives.files) {
    out->push_back({"kernel", StrCat("kernel differs: got ", file.name),
                    [&file](Measurement* parts) { parts->kernel_hashes->kernel = file.sha256; }});
    out->push_back({"initrd", StrCat("initrd differs: got ", file.name),
                    [&file](Measurement* parts) { parts->kernel_hashes->initrd = file.sha256; }});
  }
  out->push_back({"initrd", "initrd differs: the guest has none", [](Measurement* parts) {
                    parts->kernel_hashes->initrd =
                        crypto::Digest(crypto::HashAlgorithm::kSha256, {});
                  }});
}

Variations AllVariations(const Measurement& expected, const LaunchAlternatives& alternatives,
                         uint32_t max_vcpus) {
  Variations out;
  for (const LaunchAlternatives::Firmware& firmware : alternatives.firmware) {
    out.push_back({"firmware", StrCat("firmware differs: got ", firmware.name),
                   [&firmware](Measurement* parts) { parts->firmware = firmware.measured; }});
  }
  if (expected.kernel_hashes) {
    AddFiles(alternatives, &out);
    AddCommandLines(expected, alternatives, &out);
    out.push_back({"kernel", "the guest was started without kernel hashes",
                   [](Measurement* parts) { parts->kernel_hashes.reset(); }});
  }
  AddModels(expected, &out);
  AddFeatures(expected, &out);
  AddProfiles(expected, &out);
  AddVcpus(expected, max_vcpus, &out);
  return out;
}

bool Gives(const Measurement& parts, ByteView reported) {
  const auto digest = tee::sev::ReplaySnpDigest(parts);
  return digest.ok() && ConstantTimeEqual(*digest, reported);
}

// A part that another has taken away, as kernel hashes can be, is not varied.
bool Applicable(const Variation& variation, const Measurement& parts) {
  const bool of_kernel =
      variation.part == "kernel" || variation.part == "initrd" || variation.part == "command line";
  return !of_kernel || parts.kernel_hashes.has_value();
}

}  // namespace

std::optional<std::string> SearchLaunchDifference(const Measurement& expected, ByteView reported,
                                                  const LaunchAlternatives& alternatives) {
  for (const Variation& one : AllVariations(expected, alternatives, kMaxVcpusAlone)) {
    Measurement parts = expected;
    one.apply(&parts);
    if (Gives(parts, reported)) return one.words;
  }
  const Variations few = AllVariations(expected, alternatives, kMaxVcpusInPairs);
  size_t tried = 0;
  for (size_t i = 0; i < few.size(); ++i) {
    Measurement parts = expected;
    few[i].apply(&parts);
    for (size_t j = i + 1; j < few.size() && tried < kMaxPairs; ++j) {
      if (few[j].part == few[i].part || !Applicable(few[j], parts)) continue;
      Measurement both = parts;
      few[j].apply(&both);
      ++tried;
      if (Gives(both, reported)) return StrCat(few[i].words, "; ", few[j].words);
    }
  }
  return std::nullopt;
}

}  // namespace nacre::attestation
