#include <algorithm>

#include "attestation/reference/reference_value.h"
#include "base/encoding.h"
#include "base/file.h"
#include "base/json.h"
#include "base/strings.h"
#include "cli/measure_modes.h"
#include "crypto/key.h"
#include "tee/common/hex_number.h"
#include "tee/sev/id_block.h"
#include "tee/sev/launch_digest.h"

namespace nacre::cli {
namespace {

constexpr size_t kMaxKeyFile = 64 * 1024;

absl::Status WriteReference(const MeasureOptions& options, const tee::Measurement& measurement,
                            int64_t now) {
  attestation::ReferenceValue reference{options.name, measurement, now, std::nullopt};
  if (options.valid_days > 0) reference.expires = now + options.valid_days * kSecondsPerDay;
  ASSIGN_OR_RETURN(const std::string text, attestation::SerializeReferenceValue(reference));
  return WriteReferenceFile(options, text);
}

absl::StatusOr<crypto::PrivateKey> ReadKey(const std::string& path) {
  ASSIGN_OR_RETURN(const Bytes pem, ReadFile(path, kMaxKeyFile));
  ASSIGN_OR_RETURN(crypto::PrivateKey key, crypto::PrivateKey::FromPem(pem), path);
  return key;
}

// Hex of up to 16 bytes, with zeros behind them.
absl::StatusOr<std::array<uint8_t, 16>> ShortId(const std::string& hex, std::string_view option) {
  ASSIGN_OR_RETURN(const Bytes bytes, HexDecode(hex), option);
  std::array<uint8_t, 16> out{};
  if (bytes.size() > out.size()) {
    return absl::InvalidArgumentError(StrCat(option, " is longer than 16 bytes"));
  }
  std::copy(bytes.begin(), bytes.end(), out.begin());
  return out;
}

absl::StatusOr<tee::sev::SignedIdBlock> MakeIdBlock(const MeasureOptions& options,
                                                    const tee::Measurement& measurement) {
  tee::sev::IdBlock block;
  std::copy(measurement.digest.begin(), measurement.digest.end(), block.launch_digest.begin());
  ASSIGN_OR_RETURN(block.family_id, ShortId(options.family_id, "--family-id"));
  ASSIGN_OR_RETURN(block.image_id, ShortId(options.image_id, "--image-id"));
  ASSIGN_OR_RETURN(block.policy, tee::ParseHexNumber(options.guest_policy, "--guest-policy"));
  block.guest_svn = options.guest_svn;
  ASSIGN_OR_RETURN(const crypto::PrivateKey id_key, ReadKey(options.id_key), "--id-key");
  if (options.author_key.empty()) return SignIdBlock(block, id_key, nullptr);
  ASSIGN_OR_RETURN(const crypto::PrivateKey author, ReadKey(options.author_key), "--author-key");
  return SignIdBlock(block, id_key, &author);
}

absl::StatusOr<std::string> AsJson(const tee::LaunchInputs& inputs,
                                   const tee::Measurement& measurement,
                                   const tee::sev::SignedIdBlock* block) {
  Json out = {{"mode", tee::LaunchModeName(measurement.mode)},
              {"vmm", tee::VmmProfileName(measurement.vmm)},
              {"digest", HexEncode(measurement.digest)},
              {"firmware_sha256", HexEncode(measurement.firmware.sha256)},
              {"vcpus", measurement.vcpus},
              {"vcpu_type", measurement.vcpu_type},
              {"vcpu_signature", tee::FormatHexNumber(measurement.vcpu_signature)},
              {"guest_features", tee::FormatHexNumber(measurement.guest_features)},
              {"host_data", HexEncode(inputs.host_data)}};
  if (measurement.kernel_hashes) {
    out["kernel_sha256"] = HexEncode(measurement.kernel_hashes->kernel);
    out["initrd_sha256"] = HexEncode(measurement.kernel_hashes->initrd);
    out["command_line"] = measurement.command_line;
  }
  if (block != nullptr) {
    out["id_block"] = Base64Encode(block->id_block);
    out["id_auth"] = Base64Encode(block->id_auth);
    out["id_key_digest"] = HexEncode(block->id_key_digest);
    out["author_key_digest"] = HexEncode(block->author_key_digest);
  }
  ASSIGN_OR_RETURN(std::string text, DumpJson(out, 2));
  return text + "\n";
}

std::string AsText(const tee::LaunchInputs& inputs, const tee::Measurement& measurement,
                   const tee::sev::SignedIdBlock* block) {
  std::string out = StrCat("launch measurement (", tee::LaunchModeName(measurement.mode),
                           "): ", HexEncode(measurement.digest), "\n");
  const auto file = [&out](std::string_view part, const std::string& path, const Bytes& sha256) {
    StrAppend(&out, "  ", part, path.empty() ? "none" : path, "\n");
    if (!path.empty()) StrAppend(&out, "                  sha256:", HexEncode(sha256), "\n");
  };
  file("firmware        ", inputs.firmware_path, measurement.firmware.sha256);
  if (measurement.kernel_hashes) {
    file("kernel          ", inputs.kernel_path, measurement.kernel_hashes->kernel);
    file("initrd          ", inputs.initrd_path, measurement.kernel_hashes->initrd);
    StrAppend(&out, "  command line    ", measurement.command_line, "\n");
  }
  StrAppend(&out, "  vCPUs           ", measurement.vcpus, " x ", measurement.vcpu_type, "\n");
  StrAppend(&out, "  guest features  ", tee::FormatHexNumber(measurement.guest_features), "\n");
  StrAppend(&out, "  VMM             ", tee::VmmProfileName(measurement.vmm), "\n");
  StrAppend(&out, "  host data       ", HexEncode(inputs.host_data), " (initdata; not measured)\n");
  if (block != nullptr) {
    StrAppend(&out, "  ID key digest   ", HexEncode(block->id_key_digest), "\n");
    StrAppend(&out, "  author key      ", HexEncode(block->author_key_digest), "\n");
  }
  return out;
}

}  // namespace

absl::StatusOr<std::string> MeasureSev(const MeasureOptions& options,
                                       const tee::LaunchInputs& inputs, int64_t now) {
  ASSIGN_OR_RETURN(const tee::Measurement measurement, tee::sev::MeasureLaunch(inputs));
  if (!options.reference.empty()) {
    RETURN_IF_ERROR(WriteReference(options, measurement, now));
  }
  std::optional<tee::sev::SignedIdBlock> block;
  if (!options.id_key.empty()) {
    ASSIGN_OR_RETURN(block, MakeIdBlock(options, measurement));
    RETURN_IF_ERROR(WriteFileAtomic(options.id_block, block->id_block));
    RETURN_IF_ERROR(WriteFileAtomic(options.id_auth, block->id_auth));
  }
  const tee::sev::SignedIdBlock* made = block ? &*block : nullptr;
  if (options.json) return AsJson(inputs, measurement, made);
  return AsText(inputs, measurement, made);
}

}  // namespace nacre::cli
