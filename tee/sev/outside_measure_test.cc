// Launch digests of a shared folder (tee/testing/outside.h), and how its negative cases break what
// they are made from.

#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>

#include "base/encoding.h"
#include "base/strings.h"
#include "tee/common/hex_number.h"
#include "tee/sev/firmware.h"
#include "tee/sev/guid.h"
#include "tee/sev/launch_digest.h"
#include "tee/sev/vmsa.h"
#include "tee/testing/outside.h"

namespace nacre::tee::sev {
namespace {

using outside::Admits;
using outside::Folder;
using outside::ReadData;
using outside::ReadJson;
using outside::Tally;
using outside::Text;
using OutsideMeasure = outside::OutsideTest;

// A file named by a launch case: "/dev/null" is present and empty, null absent.
Bytes LaunchFile(const Json& value) {
  if (value.is_null() || value.get<std::string>() == "/dev/null") return {};
  return ReadData(StrCat("measure/inputs/", value.get<std::string>()));
}

std::string Lower(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

LaunchInputs InputsOf(const Json& test) {
  LaunchInputs inputs;
  const std::string mode = Text(test, "mode");
  inputs.mode = ParseLaunchMode(mode == "seves" ? "sev-es" : mode).value();
  inputs.vmm = ParseVmmProfile(Lower(Text(test, "vmm_type"))).value();
  inputs.firmware_path = Text(test, "ovmf");
  if (!test.at("kernel").is_null()) inputs.kernel_path = Text(test, "kernel");
  if (!test.at("initrd").is_null()) inputs.initrd_path = Text(test, "initrd");
  if (!test.at("append").is_null()) inputs.command_line = Text(test, "append");
  inputs.vcpus = test.at("vcpus").get<uint32_t>();
  inputs.guest_features = test.at("guest_features").get<uint64_t>();
  if (!test.at("vcpu_type").is_null()) {
    inputs.vcpu_type = Text(test, "vcpu_type");
  } else if (!test.at("vcpu_sig_used").is_null()) {
    inputs.vcpu_type = FormatHexNumber(test.at("vcpu_sig_used").get<uint64_t>());
  }
  return inputs;
}

TEST_F(OutsideMeasure, LaunchDigests) {
  const Json table = ReadJson(Folder() + "/measure/launch_digests.json");
  Tally tally("launch-measurement-table");
  for (const Json& test : table.at("cases")) {
    const std::string expected = Text(test, "expected");
    auto measurement =
        MeasureLaunch(InputsOf(test), ReadData(StrCat("measure/inputs/", Text(test, "ovmf"))),
                      LaunchFile(test.at("kernel")), LaunchFile(test.at("initrd")));
    if (measurement.ok() && test.contains("snp_ovmf_hash")) {
      measurement->firmware.launch_prefix = HexDecode(Text(test, "snp_ovmf_hash")).value();
      measurement->digest = ReplaySnpDigest(*measurement).value();
    }
    const bool must_fail = expected.starts_with("ERROR");
    tally.Count(must_fail ? !measurement.ok()
                          : measurement.ok() && HexEncode(measurement->digest) == expected,
                Text(test, "name"));
  }
}

TEST_F(OutsideMeasure, FirmwarePrefixesAndVcpuSignatures) {
  const Json table = ReadJson(Folder() + "/measure/launch_digests.json");
  Tally tally("firmware prefix and vCPU signature");
  for (const auto& [name, digest] : table.at("ovmf_hash").items()) {
    LaunchInputs inputs;
    inputs.firmware_path = name;
    const auto measurement =
        MeasureLaunch(inputs, ReadData(StrCat("measure/inputs/", name)), {}, {});
    tally.Count(measurement.ok() &&
                    HexEncode(measurement->firmware.launch_prefix) == digest.get<std::string>(),
                name);
  }
  for (const auto& [name, signature] : table.at("vcpu_signatures").items()) {
    const auto value = VcpuSignature(name);
    tally.Count(value.ok() && FormatHexNumber(*value) == signature.get<std::string>(), name);
  }
}

// Where the entry of a GUID begins to be read: the u16 size before it.
size_t FindGuid(const Bytes& image, const Guid& guid) {
  const auto found = std::search(image.rbegin(), image.rend(), guid.rbegin(), guid.rend());
  EXPECT_NE(found, image.rend());
  return image.size() - static_cast<size_t>(found - image.rbegin()) - guid.size();
}

constexpr Guid kFooterGuid = MakeGuid("96b582de-1fb2-45f7-baea-a366c55a082d");
constexpr Guid kMetadataGuid = MakeGuid("dc886566-984a-4798-a75e-5585a7bf67cc");

// One way to break a firmware image, and what measuring it gives.
struct BrokenImage {
  std::string label;
  RefusalClass got;
};

class ImageBreaker {
 public:
  explicit ImageBreaker(Bytes image) : image_(std::move(image)) {
    const size_t entry = FindGuid(image_, kMetadataGuid);
    metadata_ = image_.size() - Word(entry - 2 - 4);
  }

  std::vector<BrokenImage> All() const {
    const size_t footer = FindGuid(image_, kFooterGuid);
    const size_t entry = FindGuid(image_, kMetadataGuid);
    const auto past = static_cast<uint32_t>(image_.size() + 1);
    return {Put("table length 0", footer - 2, 0, 2),
            Put("table length 17", footer - 2, 17, 2),
            Put("table length past the file", footer - 2, 0xffff, 2),
            Put("entry length 0", entry - 2, 0, 2),
            Put("entry length 17", entry - 2, 17, 2),
            Put("entry length past the table", entry - 2, 0xffff, 2),
            Put("metadata past the end", entry - 6, past, 4),
            Put("metadata at 0", entry - 6, 0, 4),
            Put("metadata version", metadata_ + 8, 2, 4),
            Put("metadata count", metadata_ + 12, 0xffffffff, 4),
            Put("section type", metadata_ + 16 + 8, 0x77, 4)};
  }

 private:
  uint32_t Word(size_t at) const {
    return image_[at] | image_[at + 1] << 8 | image_[at + 2] << 16 |
           static_cast<uint32_t>(image_[at + 3]) << 24;
  }
  BrokenImage Put(const char* label, size_t at, uint32_t value, int size) const {
    Bytes image = image_;
    for (int i = 0; i < size; ++i) image[at + i] = static_cast<uint8_t>(value >> (8 * i));
    LaunchInputs inputs;
    inputs.firmware_path = "firmware";
    const auto measured = MeasureLaunch(inputs, image, {}, {});
    return {label, ClassOf(measured.status(), RefusalClass::kNone)};
  }

  Bytes image_;
  size_t metadata_ = 0;
};

// The folder's firmware images with and without a section for kernel hashes.
Bytes FirmwareOf(const Json& vector, bool with_hashes) {
  for (const Json& file : vector.at("files")) {
    const std::string path = Text(file, "path");
    if (Text(file, "role") != "input" || path.find("ovmf") == std::string::npos) continue;
    Bytes image = ReadData(path);
    const auto layout = ParseFirmware(image).value();
    const bool has = std::any_of(layout.sections.begin(), layout.sections.end(), [](auto& section) {
      return section.type == kSectionKernelHashes;
    });
    if (has == with_hashes) return image;
  }
  return {};
}

std::vector<BrokenImage> BreakLaunch(const std::string& mutation, const Json& vector) {
  if (mutation.find("GUIDed table length") != std::string::npos) {
    return ImageBreaker(FirmwareOf(vector, true)).All();
  }
  LaunchInputs inputs;
  inputs.firmware_path = "firmware";
  if (mutation.find("lacking SNP_KERNEL_HASHES") != std::string::npos) {
    inputs.kernel_path = "kernel";
    const auto measured =
        MeasureLaunch(inputs, FirmwareOf(vector, false), AsBytes("kernel"), AsBytes("initrd"));
    return {{"snp", ClassOf(measured.status(), RefusalClass::kNone)}};
  }
  if (mutation == "vcpus 0") {
    inputs.vcpus = 0;
    const auto measured = MeasureLaunch(inputs, FirmwareOf(vector, true), {}, {});
    return {{"0", ClassOf(measured.status(), RefusalClass::kNone)}};
  }
  return {{"unknown phrase: " + mutation, RefusalClass::kNone}};
}

TEST_F(OutsideMeasure, MeasurementNegativeCases) {
  Tally tally("launch measurement negative case");
  for (const Json& test : NegativeCases("meas_")) {
    const auto vector = VectorById(test.at("base").at(0).get<std::string>());
    std::string wrong = vector ? "" : "unknown base";
    if (vector) {
      for (const BrokenImage& broken : BreakLaunch(Text(test, "mutation"), *vector)) {
        if (Admits(Text(test, "expected_error_class"), broken.got)) continue;
        StrAppend(&wrong, " [", broken.label, ": ", RefusalClassName(broken.got), "]");
      }
    }
    tally.Count(wrong.empty(), Text(test, "id") + ":" + wrong);
  }
}

}  // namespace
}  // namespace nacre::tee::sev
