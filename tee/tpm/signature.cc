#include "tee/tpm/signature.h"

#include <algorithm>

#include "base/strings.h"
#include "tee/common/refusal_class.h"
#include "tee/tpm/marshal.h"

namespace nacre::tee::tpm {
namespace {

using eventlog::Bank;

constexpr size_t kMaxRsaBytes = crypto::kMaxRsaBits / 8;
constexpr size_t kMaxScalarBytes = 66;  // P-521

absl::StatusOr<Signature> ReadSignature(ByteView bytes) {
  ByteReader reader(bytes);
  Signature out;
  ASSIGN_OR_RETURN(uint16_t kind, reader.U16Be("algorithm"));
  out.kind = static_cast<SignatureKind>(kind);
  if (SignatureKindName(out.kind).empty()) {
    return RefusedError(RefusalClass::kUnsupported,
                        StrCat("algorithm ", kind, " is not RSASSA, RSAPSS or ECDSA"));
  }
  ASSIGN_OR_RETURN(out.hash, ReadHash(reader, "hash"));
  if (out.kind == SignatureKind::kEcdsa) {
    ASSIGN_OR_RETURN(out.r, ReadSized(reader, kMaxScalarBytes, "ECDSA r"));
    ASSIGN_OR_RETURN(out.s, ReadSized(reader, kMaxScalarBytes, "ECDSA s"));
  } else {
    ASSIGN_OR_RETURN(out.rsa, ReadSized(reader, kMaxRsaBytes, "RSA signature"));
  }
  RETURN_IF_ERROR(CheckDone(reader));
  return out;
}

// r and s at the full width of the curve.
absl::StatusOr<Bytes> RawEcdsa(const crypto::PublicKey& key, const Signature& signature) {
  ASSIGN_OR_RETURN(crypto::Curve curve, key.curve());
  const size_t width = crypto::CoordinateSize(curve);
  ByteWriter out;
  for (const Bytes* number : {&signature.r, &signature.s}) {
    const auto first =
        std::find_if(number->begin(), number->end(), [](uint8_t byte) { return byte != 0; });
    const ByteView digits(first, number->end());
    if (digits.size() > width) {
      return absl::UnauthenticatedError("a number of the signature is wider than the curve");
    }
    out.Zeros(width - digits.size()).Put(digits);
  }
  return out.Release();
}

absl::Status Verify(const crypto::PublicKey& key, const Signature& signature, ByteView message,
                    bool allow_sha1) {
  const std::optional<crypto::HashAlgorithm> hash = eventlog::Sha2OfBank(signature.hash);
  if (!hash) {
    if (!allow_sha1 || signature.kind != SignatureKind::kRsaSsa) {
      return absl::UnauthenticatedError("signature over a SHA-1 digest");
    }
    return key.VerifyRsaPkcs1Sha1(message, signature.rsa);
  }
  switch (signature.kind) {
    case SignatureKind::kRsaSsa:
      return key.VerifyRsaPkcs1(*hash, message, signature.rsa);
    case SignatureKind::kRsaPss:
      return key.VerifyRsaPss(*hash, message, signature.rsa, crypto::PssSalt::kAnyLength);
    case SignatureKind::kEcdsa: {
      ASSIGN_OR_RETURN(Bytes raw, RawEcdsa(key, signature));
      return key.VerifyEcdsa(*hash, message, raw);
    }
  }
  return absl::UnauthenticatedError("unknown signature scheme");
}

}  // namespace

std::string_view SignatureKindName(SignatureKind kind) {
  switch (kind) {
    case SignatureKind::kRsaSsa:
      return "RSASSA";
    case SignatureKind::kRsaPss:
      return "RSAPSS";
    case SignatureKind::kEcdsa:
      return "ECDSA";
  }
  return "";
}

absl::StatusOr<Signature> ParseSignature(ByteView bytes) {
  auto out = ReadSignature(bytes);
  if (!out.ok()) return FormatError(out.status(), "TPMT_SIGNATURE");
  return out;
}

Bytes SerializeSignature(const Signature& signature) {
  ByteWriter out;
  out.U16Be(static_cast<uint16_t>(signature.kind)).U16Be(static_cast<uint16_t>(signature.hash));
  if (signature.kind == SignatureKind::kEcdsa) {
    PutSized(out, signature.r);
    PutSized(out, signature.s);
  } else {
    PutSized(out, signature.rsa);
  }
  return out.Release();
}

Signature RawRsaSsa(ByteView bytes) {
  return {SignatureKind::kRsaSsa, Bank::kSha256, ToBytes(bytes), {}, {}};
}

absl::Status VerifySignature(const crypto::PublicKey& key, const Signature& signature,
                             ByteView message, bool allow_sha1) {
  const absl::Status status = Verify(key, signature, message, allow_sha1);
  return status.ok() ? status : RefusedError(RefusalClass::kSignature, Message(status));
}

}  // namespace nacre::tee::tpm
