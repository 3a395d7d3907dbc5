#include "image-rs-cpp/signature/simple_signing.h"

#include "base/json.h"
#include "base/strings.h"
#include "image-rs-cpp/json_object.h"
#include "image-rs-cpp/printable.h"
#include "image-rs-cpp/registry/digest.h"

namespace nacre::image {
namespace {

constexpr std::string_view kWhat = "signed payload";

absl::StatusOr<const Json*> OnlyObject(const Json& object, std::string_view key,
                                       std::initializer_list<std::string_view> members) {
  ASSIGN_OR_RETURN(const Json* found, JsonObject(object, key, kWhat));
  RETURN_IF_ERROR(JsonOnlyMembers(*found, members, StrCat(kWhat, ": '", key, "'")));
  return found;
}

absl::Status CheckOptional(const Json& document) {
  const auto found = document.find("optional");
  if (found == document.end() || found->is_null() || found->is_object()) return absl::OkStatus();
  return absl::InvalidArgumentError(StrCat(kWhat, ": 'optional' is not an object"));
}

}  // namespace

absl::StatusOr<SimpleSigning> ParseSimpleSigning(ByteView text, std::string_view type) {
  ASSIGN_OR_RETURN(
      const Json document,
      ParseJsonObject(AsText(text), kWhat, {.max_size = kMaxSimpleSigning, .max_depth = 8}));
  RETURN_IF_ERROR(JsonOnlyMembers(document, {"critical", "optional"}, kWhat));
  RETURN_IF_ERROR(CheckOptional(document));
  ASSIGN_OR_RETURN(const Json* critical,
                   OnlyObject(document, "critical", {"type", "image", "identity"}));
  ASSIGN_OR_RETURN(const Json* image, OnlyObject(*critical, "image", {"docker-manifest-digest"}));
  ASSIGN_OR_RETURN(const Json* identity, OnlyObject(*critical, "identity", {"docker-reference"}));
  SimpleSigning out;
  ASSIGN_OR_RETURN(out.type, JsonString(*critical, "type", kWhat));
  if (out.type != type) {
    return absl::InvalidArgumentError(
        StrCat(kWhat, ": type is '", Printable(out.type, 60), "', expected '", type, "'"));
  }
  ASSIGN_OR_RETURN(out.manifest_digest, JsonString(*image, "docker-manifest-digest", kWhat));
  RETURN_IF_ERROR(BlobDigest::Parse(out.manifest_digest).status(), kWhat);
  ASSIGN_OR_RETURN(out.docker_reference, JsonString(*identity, "docker-reference", kWhat));
  return out;
}

absl::StatusOr<std::string> FormatSimpleSigning(const SimpleSigning& payload) {
  const Json document = {{"critical",
                          {{"identity", {{"docker-reference", payload.docker_reference}}},
                           {"image", {{"docker-manifest-digest", payload.manifest_digest}}},
                           {"type", payload.type}}},
                         {"optional", nullptr}};
  return DumpJson(document);
}

}  // namespace nacre::image
