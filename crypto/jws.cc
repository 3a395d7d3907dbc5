#include "crypto/jws.h"

#include "base/encoding.h"
#include "base/strings.h"

namespace nacre::crypto {
namespace {

struct AlgorithmFacts {
  std::string_view name;
  HashAlgorithm hash;
  Curve curve;
};

AlgorithmFacts Facts(JwsAlgorithm algorithm) {
  if (algorithm == JwsAlgorithm::kEs256) return {"ES256", HashAlgorithm::kSha256, Curve::kP256};
  return {"ES384", HashAlgorithm::kSha384, Curve::kP384};
}

absl::Status CheckKeyFits(const PublicKey& key, const AlgorithmFacts& facts) {
  absl::StatusOr<Curve> curve = key.curve();
  if (curve.ok() && *curve == facts.curve) return absl::OkStatus();
  return absl::InvalidArgumentError(
      StrCat("JWS: ", facts.name, " needs a key on ", CurveName(facts.curve)));
}

// Header members that change what is signed or must be understood: this code offers none of them.
absl::Status CheckHeader(const Json& header) {
  if (!header.is_object()) return absl::InvalidArgumentError("JWS: header is not an object");
  for (const char* member : {"crit", "b64"}) {
    if (header.contains(member)) {
      return absl::InvalidArgumentError(StrCat("JWS: header member '", member, "' is refused"));
    }
  }
  return absl::OkStatus();
}

struct Parts {
  std::string_view header;
  std::string_view payload;
  std::string_view signature;
  std::string_view signed_text;  // header.payload
};

absl::StatusOr<Parts> Split(std::string_view text) {
  if (text.size() > kMaxJwsSize) {
    return absl::InvalidArgumentError(
        StrCat("JWS: ", text.size(), " bytes, the limit is ", kMaxJwsSize));
  }
  std::vector<std::string_view> parts = StrSplit(text, '.');
  if (parts.size() != 3) {
    return absl::InvalidArgumentError(StrCat("JWS: ", parts.size(), " parts, must be 3"));
  }
  return Parts{parts[0], parts[1], parts[2], text.substr(0, text.rfind('.'))};
}

absl::StatusOr<Json> DecodeHeader(const Parts& parts) {
  ASSIGN_OR_RETURN(Bytes header_bytes, Base64UrlDecode(parts.header), "JWS: header");
  ASSIGN_OR_RETURN(Json header, ParseJson(AsText(header_bytes)), "JWS: header");
  RETURN_IF_ERROR(CheckHeader(header));
  return header;
}

absl::StatusOr<Jws> Decode(const Parts& parts) {
  Jws jws;
  ASSIGN_OR_RETURN(jws.header, DecodeHeader(parts));
  ASSIGN_OR_RETURN(jws.payload, Base64UrlDecode(parts.payload), "JWS: payload");
  return jws;
}

}  // namespace

std::string_view JwsAlgorithmName(JwsAlgorithm algorithm) { return Facts(algorithm).name; }

absl::StatusOr<std::string> JwsSign(const PrivateKey& key, JwsAlgorithm algorithm, Json header,
                                    ByteView payload) {
  AlgorithmFacts facts = Facts(algorithm);
  RETURN_IF_ERROR(CheckHeader(header));
  RETURN_IF_ERROR(CheckKeyFits(key.public_key(), facts));
  std::string name(facts.name);
  if (header.contains("alg") && header["alg"] != name) {
    return absl::InvalidArgumentError(StrCat("JWS: header has another alg than ", name));
  }
  header["alg"] = name;
  ASSIGN_OR_RETURN(std::string header_text, DumpJson(header), "JWS: header");
  std::string out = StrCat(Base64UrlEncode(AsBytes(header_text)), ".", Base64UrlEncode(payload));
  ASSIGN_OR_RETURN(Bytes signature, key.SignEcdsa(facts.hash, AsBytes(out)), "JWS");
  StrAppend(&out, ".", Base64UrlEncode(signature));
  return out;
}

absl::StatusOr<Jws> JwsVerify(std::string_view text, const PublicKey& key, JwsAlgorithm expected) {
  AlgorithmFacts facts = Facts(expected);
  RETURN_IF_ERROR(CheckKeyFits(key, facts));
  ASSIGN_OR_RETURN(Parts parts, Split(text));
  ASSIGN_OR_RETURN(Jws jws, Decode(parts));
  ASSIGN_OR_RETURN(std::string algorithm, JsonString(jws.header, "alg", "JWS: header"));
  if (algorithm != facts.name) {
    return absl::UnauthenticatedError(StrCat("JWS: algorithm is not the expected ", facts.name));
  }
  ASSIGN_OR_RETURN(Bytes signature, Base64UrlDecode(parts.signature), "JWS: signature");
  RETURN_IF_ERROR(key.VerifyEcdsa(facts.hash, AsBytes(parts.signed_text), signature), "JWS");
  return jws;
}

absl::StatusOr<Json> UnverifiedJwsHeader(std::string_view text) {
  ASSIGN_OR_RETURN(Parts parts, Split(text));
  return DecodeHeader(parts);
}

absl::StatusOr<Jws> ParseUnverifiedJws(std::string_view text) {
  ASSIGN_OR_RETURN(Parts parts, Split(text));
  return Decode(parts);
}

}  // namespace nacre::crypto
