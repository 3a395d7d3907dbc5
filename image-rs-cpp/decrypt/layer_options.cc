#include "image-rs-cpp/decrypt/layer_options.h"

#include "base/encoding.h"
#include "base/json.h"
#include "base/strings.h"
#include "image-rs-cpp/json_object.h"
#include "image-rs-cpp/printable.h"

namespace nacre::image {
namespace {

constexpr size_t kMaxOptions = 64 << 10;
constexpr JsonLimits kOptionsLimits{.max_size = kMaxOptions, .max_depth = 8};

// Wipes a string that went through the JSON library.
class StringWiper {
 public:
  explicit StringWiper(std::string& text) : text_(text) {}
  ~StringWiper() { SecureWipe({reinterpret_cast<uint8_t*>(text_.data()), text_.size()}); }
  StringWiper(const StringWiper&) = delete;
  StringWiper& operator=(const StringWiper&) = delete;

 private:
  std::string& text_;
};

}  // namespace

absl::StatusOr<Bytes> ParsePublicOptions(const Annotations& annotations) {
  constexpr std::string_view kWhat = "public layer options";
  auto found = annotations.find(std::string(kPublicOptionsAnnotation));
  if (found == annotations.end()) {
    return absl::InvalidArgumentError(StrCat("annotation ", kPublicOptionsAnnotation,
                                             " is missing: the layer cannot be authenticated"));
  }
  if (found->second.size() > 2 * kMaxOptions) {
    return absl::ResourceExhaustedError(StrCat(kWhat, ": ", found->second.size(), " bytes"));
  }
  ASSIGN_OR_RETURN(Bytes text, Base64Decode(found->second), kWhat);
  ASSIGN_OR_RETURN(Json options, ParseJsonObject(AsText(text), kWhat, kOptionsLimits));
  ASSIGN_OR_RETURN(std::string cipher, JsonString(options, "cipher", kWhat));
  if (cipher != kLayerCipher) {
    return absl::UnimplementedError(
        StrCat(kWhat, ": cipher '", Printable(cipher), "' is not supported, only ", kLayerCipher));
  }
  if (auto more = options.find("cipheroptions");
      more != options.end() && more->is_object() && more->contains("nonce")) {
    return absl::InvalidArgumentError(
        StrCat(kWhat, ": 'nonce' is given, which only the private options may"));
  }
  auto hmac = options.find("hmac");
  if (hmac == options.end() || !hmac->is_string() || hmac->get_ref<const std::string&>().empty()) {
    return absl::InvalidArgumentError(
        StrCat(kWhat, ": 'hmac' is missing: the layer cannot be authenticated"));
  }
  ASSIGN_OR_RETURN(Bytes value, Base64Decode(hmac->get_ref<const std::string&>()),
                   StrCat(kWhat, ": hmac"));
  if (value.size() != 32) {
    return absl::InvalidArgumentError(
        StrCat(kWhat, ": 'hmac' is ", value.size(), " bytes, expected 32"));
  }
  return value;
}

absl::StatusOr<LayerKey> ParsePrivateOptions(const SecretBytes& json, Bytes hmac) {
  constexpr std::string_view kWhat = "private layer options";
  ASSIGN_OR_RETURN(Json options, ParseJsonObject(AsText(json.view()), kWhat, kOptionsLimits));
  LayerKey key;
  key.hmac = std::move(hmac);
  if (auto symkey = options.find("symkey"); symkey != options.end() && symkey->is_string()) {
    std::string& text = symkey->get_ref<std::string&>();
    StringWiper wiper(text);
    ASSIGN_OR_RETURN(Bytes bytes, Base64Decode(text), StrCat(kWhat, ": symkey"));
    key.symmetric_key = SecretBytes::TakeFrom(std::move(bytes));
  }
  ASSIGN_OR_RETURN(const Json* cipher, JsonObject(options, "cipheroptions", kWhat));
  ASSIGN_OR_RETURN(std::string nonce, JsonString(*cipher, "nonce", kWhat));
  ASSIGN_OR_RETURN(key.nonce, Base64Decode(nonce), StrCat(kWhat, ": nonce"));
  if (auto digest = options.find("digest"); digest != options.end() && digest->is_string()) {
    key.plain_digest = digest->get<std::string>();
  }
  if (key.symmetric_key.size() != 32 || key.nonce.size() != 16) {
    return absl::InvalidArgumentError(
        StrCat(kWhat, ": expected a 'symkey' of 32 bytes and a 'nonce' of 16"));
  }
  return key;
}

absl::StatusOr<std::string> FormatPublicOptions(ByteView hmac) {
  return DumpJson(
      {{"cipher", kLayerCipher}, {"hmac", Base64Encode(hmac)}, {"cipheroptions", Json::object()}});
}

absl::StatusOr<SecretBytes> FormatPrivateOptions(const LayerKey& key) {
  // Put together by hand, so that no library keeps a copy of the key. The digest is the only part
  // that could need escaping, and a digest has no such characters.
  ASSIGN_OR_RETURN(std::string digest, DumpJson(key.plain_digest));
  std::string symmetric = Base64Encode(key.symmetric_key.view());
  StringWiper wipe_symmetric(symmetric);
  std::string text = StrCat("{\"symkey\":\"", symmetric, "\",\"digest\":", digest,
                            ",\"cipheroptions\":{\"nonce\":\"", Base64Encode(key.nonce), "\"}}");
  StringWiper wipe_text(text);
  return SecretBytes::CopyOf(AsBytes(text));
}

}  // namespace nacre::image
