#include "image-rs-cpp/decrypt/key_provider.h"

#include <algorithm>

#include "base/encoding.h"
#include "base/json.h"
#include "base/strings.h"
#include "image-rs-cpp/decrypt/annotation_packet.h"
#include "image-rs-cpp/decrypt/provider_parameters.h"
#include "image-rs-cpp/json_object.h"
#include "image-rs-cpp/printable.h"

namespace nacre::image {
namespace {

constexpr std::string_view kWhat = "key provider request";

absl::StatusOr<SecretBytes> ReadAllowed(const std::string& path,
                                        const KeyProviderOptions& options) {
  if (options.key_files.has_value() &&
      std::find(options.key_files->begin(), options.key_files->end(), path) ==
          options.key_files->end()) {
    return absl::PermissionDeniedError(
        StrCat("keypath ", Printable(path), " is not a --key-file of this key provider"));
  }
  return ReadKeyFile(path);
}

// {"Parameters": {"attestation-agent": ["<base64>"]}}, where Go may write null for an empty map.
absl::StatusOr<ProviderParameters> ParametersOf(const Json& params, const char* member) {
  auto config = params.find(member);
  if (config == params.end() || !config->is_object()) return ProviderParameters();
  auto all = config->find("Parameters");
  if (all == config->end() || !all->is_object()) return ProviderParameters();
  auto ours = all->find(std::string(kProviderName));
  if (ours == all->end()) return ProviderParameters();
  if (!ours->is_array() || ours->size() != 1 || !(*ours)[0].is_string()) {
    return absl::InvalidArgumentError(
        StrCat(kWhat, ": give the provider ", kProviderName, " exactly once"));
  }
  ASSIGN_OR_RETURN(Bytes text, Base64Decode((*ours)[0].get_ref<const std::string&>()), kWhat);
  return ParseProviderParameters(AsText(text));
}

absl::StatusOr<std::string> Wrap(const Json& params, const KeyProviderOptions& provider) {
  ASSIGN_OR_RETURN(ProviderParameters parameters, ParametersOf(params, "ec"));
  RETURN_IF_ERROR(NeedForWrapping(parameters));
  ASSIGN_OR_RETURN(SecretBytes kek, ReadAllowed(parameters.key_path, provider));
  ASSIGN_OR_RETURN(std::string text, JsonString(params, "optsdata", "keywrapparams"));
  ASSIGN_OR_RETURN(Bytes decoded, Base64Decode(text), "optsdata");
  const SecretBytes options = SecretBytes::TakeFrom(std::move(decoded));
  ASSIGN_OR_RETURN(AnnotationPacket packet,
                   WrapOptions(parameters.key_id, kek.view(), options.view()));
  ASSIGN_OR_RETURN(std::string json, FormatAnnotationPacket(packet));
  return DumpJson({{"keywrapresults", {{"annotation", Base64Encode(AsBytes(json))}}}});
}

absl::StatusOr<std::string> Unwrap(const Json& params, const KeyProviderOptions& provider) {
  ASSIGN_OR_RETURN(std::string text, JsonString(params, "annotation", "keyunwrapparams"));
  ASSIGN_OR_RETURN(Bytes json, Base64Decode(text), "annotation");
  ASSIGN_OR_RETURN(AnnotationPacket packet, ParseAnnotationPacket(AsText(json)));
  ASSIGN_OR_RETURN(ProviderParameters parameters, ParametersOf(params, "dc"));
  if (parameters.key_path.empty()) {
    return absl::FailedPreconditionError(
        StrCat("key ", Printable(packet.key_id),
               " is with the key broker, which gives it to attested guests; here it takes "
               "--decryption-key provider:attestation-agent:keypath=FILE"));
  }
  ASSIGN_OR_RETURN(SecretBytes kek, ReadAllowed(parameters.key_path, provider));
  ASSIGN_OR_RETURN(SecretBytes options, UnwrapOptions(packet, kek.view()));
  return DumpJson({{"keyunwrapresults", {{"optsdata", Base64Encode(options.view())}}}});
}

}  // namespace

absl::StatusOr<std::string> AnswerKeyProvider(std::string_view request,
                                              const KeyProviderOptions& options) {
  ASSIGN_OR_RETURN(
      Json json,
      ParseJsonObject(request, kWhat, {.max_size = kMaxKeyProviderRequest, .max_depth = 16}));
  // ocicrypt always writes both parameter members, the unused one full of nulls.
  ASSIGN_OR_RETURN(std::string operation, JsonString(json, "op", kWhat));
  if (operation == "keywrap") {
    ASSIGN_OR_RETURN(const Json* params, JsonObject(json, "keywrapparams", kWhat));
    return Wrap(*params, options);
  }
  if (operation == "keyunwrap") {
    ASSIGN_OR_RETURN(const Json* params, JsonObject(json, "keyunwrapparams", kWhat));
    return Unwrap(*params, options);
  }
  return absl::InvalidArgumentError(
      StrCat(kWhat, ": unknown operation '", Printable(operation, 40), "'"));
}

}  // namespace nacre::image
