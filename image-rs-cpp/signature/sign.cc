#include "image-rs-cpp/signature/sign.h"

#include "base/encoding.h"
#include "base/json.h"
#include "base/strings.h"
#include "image-rs-cpp/registry/artifact.h"
#include "image-rs-cpp/registry/manifest.h"
#include "image-rs-cpp/registry/reference.h"
#include "image-rs-cpp/signature/cosign.h"
#include "image-rs-cpp/signature/simple_signing.h"

namespace nacre::image {
namespace {

// An INTEGER from a big-endian number: no zero bytes in front but one that keeps it positive.
Bytes DerInteger(ByteView number) {
  while (number.size() > 1 && number[0] == 0) number = number.subspan(1);
  Bytes out = {0x02, static_cast<uint8_t>(number.size())};
  if (number[0] & 0x80) {
    ++out[1];
    out.push_back(0);
  }
  out.insert(out.end(), number.begin(), number.end());
  return out;
}

// ECDSA-Sig-Value (RFC 3279 section 2.2.3) of r || s.
Bytes EcdsaSigValue(ByteView raw) {
  Bytes body = DerInteger(raw.first(raw.size() / 2));
  const Bytes s = DerInteger(raw.subspan(raw.size() / 2));
  body.insert(body.end(), s.begin(), s.end());
  Bytes out = {0x30};
  if (body.size() >= 0x80) out.push_back(0x81);
  out.push_back(static_cast<uint8_t>(body.size()));
  out.insert(out.end(), body.begin(), body.end());
  return out;
}

Json DescriptorOf(const std::string& blob, std::string_view media_type) {
  return {{"mediaType", media_type},
          {"digest", crypto::OciDigest(AsBytes(blob))},
          {"size", blob.size()}};
}

absl::StatusOr<Json> PresentLayers(std::string_view manifest) {
  if (manifest.empty()) return Json::array();
  const Limits limits;
  RETURN_IF_ERROR(ParseArtifact(manifest, limits).status(), "signatures there are");
  ASSIGN_OR_RETURN(const Json json, ParseJson(manifest));
  return json["layers"];
}

}  // namespace

absl::StatusOr<Bytes> SignPayload(const crypto::PrivateKey& key, ByteView payload) {
  constexpr auto kHash = crypto::HashAlgorithm::kSha256;
  if (key.kind() == crypto::KeyKind::kRsa) return key.SignRsaPkcs1(kHash, payload);
  ASSIGN_OR_RETURN(const Bytes raw, key.SignEcdsa(kHash, payload));
  return EcdsaSigValue(raw);
}

std::string SignatureTag(const std::string& manifest_digest) { return CosignTag(manifest_digest); }

absl::StatusOr<SignatureArtifact> SignImage(const std::string& manifest_digest,
                                            const std::string& docker_reference,
                                            const crypto::PrivateKey& key,
                                            std::string_view present_manifest) {
  RETURN_IF_ERROR(BlobDigest::Parse(manifest_digest).status());
  RETURN_IF_ERROR(ParseImageReference(docker_reference).status());
  ASSIGN_OR_RETURN(
      const std::string payload,
      FormatSimpleSigning({std::string(kCosignType), manifest_digest, docker_reference}));
  ASSIGN_OR_RETURN(const Bytes signature, SignPayload(key, AsBytes(payload)));
  Json layer = DescriptorOf(payload, kSimpleSigningMediaType);
  layer["annotations"] = {{std::string(kCosignSignature), Base64Encode(signature)}};
  ASSIGN_OR_RETURN(Json layers, PresentLayers(present_manifest));
  layers.push_back(std::move(layer));
  // Tools that copy images want a configuration that fits the layers.
  Json digests = Json::array();
  for (const Json& item : layers) digests.push_back(item["digest"]);
  const Json config = {{"architecture", ""},
                       {"os", ""},
                       {"config", Json::object()},
                       {"rootfs", {{"type", "layers"}, {"diff_ids", digests}}}};
  const std::string config_text = config.dump();
  const Json manifest = {
      {"schemaVersion", 2},
      {"mediaType", kOciManifest},
      {"config", DescriptorOf(config_text, "application/vnd.oci.image.config.v1+json")},
      {"layers", layers}};
  return SignatureArtifact{CosignTag(manifest_digest), manifest.dump(), {config_text, payload}};
}

}  // namespace nacre::image
