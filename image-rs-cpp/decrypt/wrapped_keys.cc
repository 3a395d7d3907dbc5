#include "image-rs-cpp/decrypt/wrapped_keys.h"

#include "base/encoding.h"
#include "base/strings.h"
#include "image-rs-cpp/printable.h"

namespace nacre::image {
namespace {

absl::StatusOr<Bytes> Decode(std::string_view element) {
  if (element.size() / 4 * 3 > kMaxWrappedKey) {
    return absl::ResourceExhaustedError(
        StrCat("wrapped key of more than ", kMaxWrappedKey, " bytes"));
  }
  return Base64Decode(element);
}

absl::Status ReadElement(std::string_view annotation, std::string_view element, WrappedKeys* out) {
  ASSIGN_OR_RETURN(Bytes wrapped, Decode(element));
  if (annotation == kProviderAnnotation) {
    ASSIGN_OR_RETURN(AnnotationPacket packet, ParseAnnotationPacket(AsText(wrapped)));
    out->packets.push_back(std::move(packet));
  } else if (annotation == kJweAnnotation) {
    out->jwes.push_back(ToString(wrapped));
  } else {
    out->pkcs7.push_back(std::move(wrapped));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<WrappedKeys> ReadWrappedKeys(const Annotations& annotations) {
  WrappedKeys out;
  size_t count = 0;
  for (const auto& [name, list] : annotations) {
    if (!name.starts_with(kKeysAnnotationPrefix)) continue;
    const std::string scheme =
        Printable(std::string_view(name).substr(kKeysAnnotationPrefix.size()), 40);
    if (name != kProviderAnnotation && name != kJweAnnotation && name != kPkcs7Annotation) {
      out.unreadable.push_back(absl::UnimplementedError(
          StrCat(scheme, ": not supported, only provider.attestation-agent, jwe and pkcs7 are")));
      if (out.unreadable.size() > kMaxWrappedKeys) {
        return absl::ResourceExhaustedError(StrCat("more than ", kMaxWrappedKeys, " schemes"));
      }
      continue;
    }
    for (std::string_view element : StrSplit(list, ',')) {
      if (++count > kMaxWrappedKeys) {
        return absl::ResourceExhaustedError(StrCat("more than ", kMaxWrappedKeys, " wrapped keys"));
      }
      const absl::Status read = ReadElement(name, element, &out);
      if (!read.ok()) out.unreadable.push_back(Annotate(read, scheme));
    }
  }
  return out;
}

}  // namespace nacre::image
