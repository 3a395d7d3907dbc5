#include "image-rs-cpp/decrypt/provider_parameters.h"

#include <map>

#include "base/file.h"
#include "base/strings.h"
#include "image-rs-cpp/printable.h"

namespace nacre::image {
namespace {

constexpr size_t kKeySize = 32;

absl::Status BadParameter(std::string_view name, std::string_view why) {
  return absl::InvalidArgumentError(StrCat("parameter '", Printable(name, 60), "' ", why));
}

absl::Status Set(std::string* slot, std::string_view name, std::string_view value) {
  if (value.empty()) return BadParameter(name, "is empty");
  if (!slot->empty()) return BadParameter(name, "is given twice");
  *slot = value;
  return absl::OkStatus();
}

absl::Status SetOne(std::string_view part, ProviderParameters* out, std::string* algorithm) {
  const size_t equals = part.find('=');
  if (equals == std::string_view::npos) return BadParameter(part, "is not name=value");
  const std::string_view name = part.substr(0, equals), value = part.substr(equals + 1);
  if (name == "keyid") return Set(&out->key_id, name, value);
  if (name == "keypath") return Set(&out->key_path, name, value);
  if (name == "algorithm") return Set(algorithm, name, value);
  return BadParameter(name, "is unknown; known are keyid, keypath and algorithm");
}

}  // namespace

absl::StatusOr<ProviderParameters> ParseProviderParameters(std::string_view text) {
  ProviderParameters out;
  if (text == "Enabled") return out;  // what ocicrypt says for a provider without parameters
  std::string algorithm;
  while (!text.empty()) {
    const size_t end = text.find("::");
    RETURN_IF_ERROR(SetOne(text.substr(0, end), &out, &algorithm));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 2);
  }
  if (!algorithm.empty() && algorithm != "A256GCM") {
    return BadParameter("algorithm", "must be A256GCM");
  }
  return out;
}

absl::Status NeedForWrapping(const ProviderParameters& parameters) {
  if (parameters.key_id.empty()) return BadParameter("keyid", "is missing");
  if (parameters.key_path.empty()) return BadParameter("keypath", "is missing");
  return absl::OkStatus();
}

absl::StatusOr<SecretBytes> ReadKeyFile(const std::string& path) {
  ASSIGN_OR_RETURN(Bytes bytes, ReadFile(path, 4096), "key file");
  SecretBytes key = SecretBytes::TakeFrom(std::move(bytes));
  if (key.size() != kKeySize) {
    return absl::InvalidArgumentError(StrCat("key file ", path, " has ", key.size(),
                                             " bytes, expected 32 (head -c 32 /dev/urandom)"));
  }
  return key;
}

}  // namespace nacre::image
