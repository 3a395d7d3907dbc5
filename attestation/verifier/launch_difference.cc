// A digest does not say what went into it. But the expected launch can be computed again with one
// part changed, and when the result is the reported digest, that change, and nothing else, is what
// happened: anything else would be a SHA-384 collision. So the guest's own word about its command
// line can be used without trusting it.

#include "attestation/verifier/launch_difference.h"

#include <vector>

#include "base/encoding.h"
#include "base/strings.h"
#include "tee/sev/kernel_hashes.h"
#include "tee/sev/launch_digest.h"

namespace nacre::attestation {
namespace {

constexpr size_t kMaxShown = 160;  // bytes of one argument in a sentence

std::vector<std::string_view> Arguments(std::string_view command_line) {
  std::vector<std::string_view> out;
  for (std::string_view part : StrSplit(command_line, ' ')) {
    if (!part.empty()) out.push_back(part);
  }
  return out;
}

std::string Show(const std::vector<std::string_view>& arguments, size_t index) {
  if (index >= arguments.size()) return "nothing";
  std::string text = "'";
  for (char c : arguments[index].substr(0, kMaxShown)) {
    const bool plain = c >= 0x20 && c <= 0x7e && c != '\'' && c != '\\';
    text += plain ? std::string(1, c) : StrCat("\\x", HexEncode(AsBytes(std::string_view(&c, 1))));
  }
  if (arguments[index].size() > kMaxShown) text += "...";
  return text + "'";
}

// Does the expected launch give `reported` once `changed` has been put in?
bool Proves(const tee::Measurement& changed, ByteView reported) {
  const auto digest = tee::sev::ReplaySnpDigest(changed);
  return digest.ok() && ConstantTimeEqual(*digest, reported);
}

tee::Measurement WithCommandLine(tee::Measurement measurement, const std::string& command_line) {
  measurement.command_line = command_line;
  if (measurement.kernel_hashes) {
    measurement.kernel_hashes->command_line = tee::sev::CommandLineHash(command_line);
  }
  return measurement;
}

tee::Measurement WithVcpus(tee::Measurement measurement, uint32_t vcpus) {
  measurement.vcpus = vcpus;
  return measurement;
}

std::string DescribeVcpus(uint32_t expected, uint32_t got) {
  return StrCat("number of vCPUs differs: expected ", expected, ", got ", got);
}

bool WithinBounds(const LaunchHint& hint) {
  return hint.command_line.size() <= tee::kMaxCommandLine && hint.vcpus >= 1 &&
         hint.vcpus <= tee::kMaxVcpus;
}

}  // namespace

std::string DescribeCommandLineDifference(std::string_view expected, std::string_view got) {
  const auto a = Arguments(expected);
  const auto b = Arguments(got);
  size_t index = 0;
  while (index < a.size() && index < b.size() && a[index] == b[index]) ++index;
  if (index == a.size() && index == b.size()) return "command line differs in its spaces";
  return StrCat("command line differs at argument ", index + 1, ": expected ", Show(a, index),
                ", got ", Show(b, index));
}

std::optional<std::string> ProvenDifference(const tee::Measurement& expected, ByteView reported,
                                            const LaunchHint& hint) {
  if (!WithinBounds(hint)) return std::nullopt;
  const bool same_vcpus = hint.vcpus == expected.vcpus;
  if (!same_vcpus && Proves(WithVcpus(expected, hint.vcpus), reported)) {
    return DescribeVcpus(expected.vcpus, hint.vcpus);
  }
  if (!expected.kernel_hashes || hint.command_line == expected.command_line) return std::nullopt;
  const tee::Measurement other = WithCommandLine(expected, hint.command_line);
  const std::string words = DescribeCommandLineDifference(expected.command_line, hint.command_line);
  if (Proves(other, reported)) return words;
  if (!same_vcpus && Proves(WithVcpus(other, hint.vcpus), reported)) {
    return StrCat(words, "; ", DescribeVcpus(expected.vcpus, hint.vcpus));
  }
  return std::nullopt;
}

std::string ExplainLaunchDifference(const tee::Measurement& expected, ByteView reported,
                                    const std::optional<LaunchHint>& hint) {
  const std::string digests =
      StrCat("expected ", HexEncode(expected.digest), ", got ", HexEncode(reported), "; ");
  if (!hint) return digests + "the guest does not say what it was started with";
  if (!WithinBounds(*hint)) return digests + "what the guest says of its start is out of bounds";
  if (auto proven = ProvenDifference(expected, reported, *hint)) return *std::move(proven);
  if (hint->command_line == expected.command_line && hint->vcpus == expected.vcpus) {
    return digests +
           "the command line and vCPUs the guest names are the expected ones, so kernel, initrd, "
           "firmware, vCPU type or guest features differ";
  }
  return digests +
         "the command line and vCPUs the guest names do not account for it: kernel, initrd, "
         "firmware, vCPU type and guest features could not be confirmed";
}

}  // namespace nacre::attestation
