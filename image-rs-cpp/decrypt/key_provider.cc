#include "image-rs-cpp/decrypt/key_provider.h"

#include <map>

#include "base/encoding.h"
#include "base/file.h"
#include "base/json.h"
#include "base/strings.h"
#include "image-rs-cpp/decrypt/annotation_packet.h"
#include "image-rs-cpp/printable.h"

namespace nacre::image {
namespace {

constexpr const char* kProviderName = "attestation-agent";
constexpr std::string_view kWhat = "key provider request";
constexpr size_t kKeySize = 32;

using Parameters = std::map<std::string, std::string, std::less<>>;

absl::Status BadParameter(std::string_view name, std::string_view why) {
  return absl::InvalidArgumentError(StrCat("parameter '", Printable(name, 60), "' ", why));
}

// "keyid=kbs:///a/b/c::keypath=/k" taken apart.
absl::StatusOr<Parameters> SplitParameters(std::string_view text) {
  Parameters out;
  if (text == "Enabled") return out;  // what ocicrypt says for a provider without parameters
  while (!text.empty()) {
    const size_t end = text.find("::");
    const std::string_view part = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 2);
    const size_t equals = part.find('=');
    if (equals == std::string_view::npos) return BadParameter(part, "is not name=value");
    const std::string_view name = part.substr(0, equals);
    if (name != "keyid" && name != "keypath" && name != "algorithm") {
      return BadParameter(name, "is unknown; known are keyid, keypath and algorithm");
    }
    if (!out.emplace(name, part.substr(equals + 1)).second) {
      return BadParameter(name, "is given twice");
    }
  }
  if (auto algorithm = out.find("algorithm");
      algorithm != out.end() && algorithm->second != "A256GCM") {
    return BadParameter("algorithm", "must be A256GCM");
  }
  return out;
}

absl::StatusOr<std::string> Take(const Parameters& parameters, std::string_view name) {
  auto found = parameters.find(name);
  if (found == parameters.end() || found->second.empty()) return BadParameter(name, "is missing");
  return found->second;
}

// {"Parameters": {"attestation-agent": ["<base64>"]}}, where Go may write null for an empty map.
absl::StatusOr<Parameters> ParametersOf(const Json& config) {
  if (!config.is_object()) return Parameters();
  auto all = config.find("Parameters");
  if (all == config.end() || !all->is_object()) return Parameters();
  auto ours = all->find(kProviderName);
  if (ours == all->end()) return Parameters();
  if (!ours->is_array() || ours->size() != 1 || !(*ours)[0].is_string()) {
    return absl::InvalidArgumentError(
        StrCat(kWhat, ": give the provider ", kProviderName, " exactly once"));
  }
  ASSIGN_OR_RETURN(Bytes text, Base64Decode((*ours)[0].get_ref<const std::string&>()), kWhat);
  return SplitParameters(AsText(text));
}

absl::StatusOr<std::string> Wrap(const Json& params) {
  constexpr std::string_view kWhere = "keywrapparams";
  auto config = params.find("ec");
  ASSIGN_OR_RETURN(Parameters parameters,
                   config == params.end() ? Parameters() : ParametersOf(*config));
  ASSIGN_OR_RETURN(std::string key_id, Take(parameters, "keyid"));
  ASSIGN_OR_RETURN(std::string key_path, Take(parameters, "keypath"));
  ASSIGN_OR_RETURN(SecretBytes kek, ReadKeyFile(key_path));
  ASSIGN_OR_RETURN(std::string text, JsonString(params, "optsdata", kWhere));
  ASSIGN_OR_RETURN(Bytes decoded, Base64Decode(text), "optsdata");
  const SecretBytes options = SecretBytes::TakeFrom(std::move(decoded));
  ASSIGN_OR_RETURN(AnnotationPacket packet, WrapOptions(key_id, kek.view(), options.view()));
  ASSIGN_OR_RETURN(std::string json, FormatAnnotationPacket(packet));
  return DumpJson({{"keywrapresults", {{"annotation", Base64Encode(AsBytes(json))}}}});
}

absl::StatusOr<std::string> Unwrap(const Json& params) {
  constexpr std::string_view kWhere = "keyunwrapparams";
  ASSIGN_OR_RETURN(std::string text, JsonString(params, "annotation", kWhere));
  ASSIGN_OR_RETURN(Bytes json, Base64Decode(text), "annotation");
  ASSIGN_OR_RETURN(AnnotationPacket packet, ParseAnnotationPacket(AsText(json)));
  auto config = params.find("dc");
  ASSIGN_OR_RETURN(Parameters parameters,
                   config == params.end() ? Parameters() : ParametersOf(*config));
  if (!parameters.contains("keypath")) {
    return absl::FailedPreconditionError(
        StrCat("key ", Printable(packet.key_id),
               " is with the key broker, which gives it to attested guests; here it takes "
               "--decryption-key provider:attestation-agent:keypath=FILE"));
  }
  ASSIGN_OR_RETURN(SecretBytes kek, ReadKeyFile(parameters.find("keypath")->second));
  ASSIGN_OR_RETURN(SecretBytes options, UnwrapOptions(packet, kek.view()));
  return DumpJson({{"keyunwrapresults", {{"optsdata", Base64Encode(options.view())}}}});
}

}  // namespace

absl::StatusOr<SecretBytes> ReadKeyFile(const std::string& path) {
  ASSIGN_OR_RETURN(Bytes bytes, ReadFile(path, 4096), "key file");
  SecretBytes key = SecretBytes::TakeFrom(std::move(bytes));
  if (key.size() != kKeySize) {
    return absl::InvalidArgumentError(StrCat("key file ", path, " has ", key.size(),
                                             " bytes, expected 32 (head -c 32 /dev/urandom)"));
  }
  return key;
}

absl::StatusOr<std::string> AnswerKeyProvider(std::string_view request) {
  JsonLimits limits;
  limits.max_size = kMaxKeyProviderRequest;
  limits.max_depth = 16;
  ASSIGN_OR_RETURN(Json json, ParseJson(request, limits), kWhat);
  if (!json.is_object()) return absl::InvalidArgumentError(StrCat(kWhat, ": not an object"));
  // ocicrypt always writes both parameter members, the unused one full of nulls.
  ASSIGN_OR_RETURN(std::string operation, JsonString(json, "op", kWhat));
  if (operation == "keywrap") {
    ASSIGN_OR_RETURN(const Json* params, JsonObject(json, "keywrapparams", kWhat));
    return Wrap(*params);
  }
  if (operation == "keyunwrap") {
    ASSIGN_OR_RETURN(const Json* params, JsonObject(json, "keyunwrapparams", kWhat));
    return Unwrap(*params);
  }
  return absl::InvalidArgumentError(
      StrCat(kWhat, ": unknown operation '", Printable(operation, 40), "'"));
}

}  // namespace nacre::image
