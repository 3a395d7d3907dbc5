#include "image-rs-cpp/decrypt/annotation_packet.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "base/encoding.h"
#include "base/json.h"
#include "base/strings.h"
#include "crypto/aead.h"
#include "crypto/random.h"
#include "image-rs-cpp/json_object.h"
#include "image-rs-cpp/printable.h"

namespace nacre::image {
namespace {

constexpr std::string_view kWhat = "annotation packet";
constexpr std::string_view kVersion = "0.1.0";
constexpr std::string_view kProvider = "kbs";
constexpr std::string_view kWrapType = "A256GCM";
constexpr size_t kMaxKeyUri = 1024;
constexpr size_t kMaxPacket = 64 << 10;

absl::Status Expect(std::string_view name, std::string_view actual, std::string_view expected) {
  if (actual == expected) return absl::OkStatus();
  return absl::UnimplementedError(StrCat(kWhat, ": ", name, " '", Printable(actual),
                                         "' is not supported, only '", expected, "'"));
}

// A member with a default, as the format's own readers treat it.
absl::Status ExpectMember(const Json& packet, std::string_view name, std::string_view expected) {
  if (!packet.contains(std::string(name))) return absl::OkStatus();
  ASSIGN_OR_RETURN(std::string value, JsonString(packet, name, kWhat));
  return Expect(name, value, expected);
}

absl::StatusOr<Bytes> Base64Member(const Json& packet, std::string_view name) {
  ASSIGN_OR_RETURN(std::string text, JsonString(packet, name, kWhat));
  ASSIGN_OR_RETURN(Bytes bytes, Base64Decode(text), StrCat(kWhat, ": ", name));
  return bytes;
}

bool IsUriSegment(std::string_view text) {
  return !text.empty() && text != "." && text != ".." &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '_' ||
                  c == '.';
         });
}

}  // namespace

absl::Status CheckKeyUri(std::string_view uri) {
  auto refuse = [&](std::string_view why) {
    return absl::InvalidArgumentError(StrCat("key URI '", Printable(uri), "' ", why));
  };
  if (uri.size() > kMaxKeyUri) return refuse("is longer than 1024 bytes");
  const size_t colon = uri.find("://");
  if (colon == std::string_view::npos) return refuse("is not kbs:///repository/type/tag");
  const std::string_view scheme = uri.substr(0, colon);
  if (scheme != "kbs" && !(scheme.starts_with("kbs+") && IsUriSegment(scheme.substr(4)))) {
    return refuse("does not start with kbs://");
  }
  std::string_view rest = uri.substr(colon + 3);
  rest = rest.substr(0, rest.find('?'));
  const size_t slash = rest.find('/');
  if (slash == std::string_view::npos) return refuse("names no resource");
  for (std::string_view segment : StrSplit(rest.substr(slash + 1), '/')) {
    if (!IsUriSegment(segment)) return refuse("has an empty or odd path segment");
  }
  return absl::OkStatus();
}

absl::StatusOr<AnnotationPacket> ParseAnnotationPacket(std::string_view json) {
  ASSIGN_OR_RETURN(Json packet,
                   ParseJsonObject(json, kWhat, {.max_size = kMaxPacket, .max_depth = 8}));
  RETURN_IF_ERROR(JsonOnlyMembers(packet,
                                  {"version", "kid", "wrapped_data", "provider", "iv", "wrap_type",
                                   "provider_settings", "annotations"},
                                  kWhat));
  RETURN_IF_ERROR(ExpectMember(packet, "version", kVersion));
  RETURN_IF_ERROR(ExpectMember(packet, "provider", kProvider));
  ASSIGN_OR_RETURN(std::string wrap_type, JsonString(packet, "wrap_type", kWhat));
  RETURN_IF_ERROR(Expect("wrap_type", wrap_type, kWrapType));
  AnnotationPacket out;
  ASSIGN_OR_RETURN(out.key_id, JsonString(packet, "kid", kWhat));
  RETURN_IF_ERROR(CheckKeyUri(out.key_id), kWhat);
  ASSIGN_OR_RETURN(out.wrapped_data, Base64Member(packet, "wrapped_data"));
  ASSIGN_OR_RETURN(out.iv, Base64Member(packet, "iv"));
  return out;
}

absl::StatusOr<std::string> FormatAnnotationPacket(const AnnotationPacket& packet) {
  return DumpJson({{"version", kVersion},
                   {"kid", packet.key_id},
                   {"wrapped_data", Base64Encode(packet.wrapped_data)},
                   {"provider", kProvider},
                   {"iv", Base64Encode(packet.iv)},
                   {"wrap_type", kWrapType},
                   {"provider_settings", Json::object()},
                   {"annotations", Json::object()}});
}

absl::StatusOr<AnnotationPacket> WrapOptions(std::string_view key_id, ByteView kek,
                                             ByteView options) {
  RETURN_IF_ERROR(CheckKeyUri(key_id));
  AnnotationPacket packet;
  packet.key_id = key_id;
  packet.iv = crypto::RandomBytes(crypto::kGcmIvSize);
  ASSIGN_OR_RETURN(packet.wrapped_data, crypto::Aes256GcmSeal(kek, packet.iv, {}, options),
                   "wrapping the layer key");
  return packet;
}

absl::StatusOr<SecretBytes> UnwrapOptions(const AnnotationPacket& packet, ByteView kek) {
  const std::string what = StrCat("unwrapping the layer key with ", Printable(packet.key_id));
  ASSIGN_OR_RETURN(SecretBytes options,
                   crypto::Aes256GcmOpen(kek, packet.iv, {}, packet.wrapped_data), what);
  return options;
}

}  // namespace nacre::image
