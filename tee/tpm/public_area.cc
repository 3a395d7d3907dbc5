#include "tee/tpm/public_area.h"

#include <algorithm>

#include "base/strings.h"
#include "tee/common/refusal_class.h"
#include "tee/tpm/marshal.h"

namespace nacre::tee::tpm {
namespace {

using eventlog::Bank;

// TPM_ALG_ID.
constexpr uint16_t kRsaType = 0x0001;
constexpr uint16_t kAes = 0x0006;
constexpr uint16_t kNull = 0x0010;
constexpr uint16_t kRsaEs = 0x0015;
constexpr uint16_t kEcdaa = 0x001a;
constexpr uint16_t kEccType = 0x0023;
// TPM_ECC_CURVE.
constexpr uint16_t kNistP256 = 3;
constexpr uint16_t kNistP521 = 5;

constexpr uint32_t kDefaultExponent = 65537;  // what an exponent of 0 means
constexpr size_t kMaxRsaBytes = crypto::kMaxRsaBits / 8;

absl::Status Unsupported(std::string_view what, uint16_t id) {
  return RefusedError(RefusalClass::kUnsupported, StrCat(what, " ", id));
}

// TPMT_SYM_DEF_OBJECT: {algorithm [, key bits, mode]}.
absl::Status SkipSymmetric(ByteReader& reader) {
  ASSIGN_OR_RETURN(uint16_t algorithm, reader.U16Be("symmetric algorithm"));
  if (algorithm == kNull) return absl::OkStatus();
  if (algorithm != kAes) return Unsupported("symmetric algorithm", algorithm);
  return reader.Skip(4, "symmetric key bits and mode");
}

// TPMT_RSA_SCHEME, TPMT_ECC_SCHEME, TPMT_KDF_SCHEME: {scheme [, hash]}.
absl::Status SkipScheme(ByteReader& reader) {
  ASSIGN_OR_RETURN(uint16_t scheme, reader.U16Be("scheme"));
  if (scheme == kNull || scheme == kRsaEs) return absl::OkStatus();
  if (scheme == kEcdaa) return Unsupported("scheme", scheme);  // has a counter more
  return reader.Skip(2, "hash of the scheme");
}

absl::StatusOr<crypto::PublicKey> ReadRsa(ByteReader& reader) {
  ASSIGN_OR_RETURN(uint16_t bits, reader.U16Be("key bits"));
  ASSIGN_OR_RETURN(uint32_t exponent, reader.U32Be("exponent"));
  if (exponent == 0) exponent = kDefaultExponent;
  ASSIGN_OR_RETURN(Bytes modulus, ReadSized(reader, kMaxRsaBytes, "modulus"));
  if (modulus.empty() || modulus.size() * 8 != bits || modulus.front() < 0x80) {
    return absl::InvalidArgumentError(
        StrCat("a modulus of ", modulus.size(), " bytes for ", bits, " bits"));
  }
  const Bytes wide = ByteWriter().U32Be(exponent).Release();
  const auto first = std::find_if(wide.begin(), wide.end(), [](uint8_t byte) { return byte != 0; });
  return crypto::PublicKey::FromRsaNumbers({modulus, Bytes(first, wide.end())});
}

absl::StatusOr<crypto::PublicKey> ReadEcc(ByteReader& reader) {
  ASSIGN_OR_RETURN(uint16_t id, reader.U16Be("curve"));
  RETURN_IF_ERROR(SkipScheme(reader));
  if (id < kNistP256 || id > kNistP521) return Unsupported("curve", id);
  constexpr crypto::Curve kCurves[] = {crypto::Curve::kP256, crypto::Curve::kP384,
                                       crypto::Curve::kP521};
  crypto::EcPoint point{kCurves[id - kNistP256], {}, {}};
  const size_t width = crypto::CoordinateSize(point.curve);
  for (Bytes* coordinate : {&point.x, &point.y}) {
    ASSIGN_OR_RETURN(*coordinate, ReadSized(reader, width, "coordinate"));
    coordinate->insert(coordinate->begin(), width - coordinate->size(), 0);
  }
  return crypto::PublicKey::FromEcPoint(point);
}

absl::StatusOr<PublicArea> ReadPublicArea(ByteView bytes) {
  ByteReader reader(bytes);
  ASSIGN_OR_RETURN(uint16_t type, reader.U16Be("type"));
  ASSIGN_OR_RETURN(Bank name_algorithm, ReadHash(reader, "name algorithm"));
  ASSIGN_OR_RETURN(uint32_t attributes, reader.U32Be("attributes"));
  RETURN_IF_ERROR(ReadSized(reader, eventlog::kMaxDigestSize, "authorization policy").status());
  if (type != kRsaType && type != kEccType) return Unsupported("type", type);
  RETURN_IF_ERROR(SkipSymmetric(reader));
  RETURN_IF_ERROR(SkipScheme(reader));
  ASSIGN_OR_RETURN(crypto::PublicKey key, type == kRsaType ? ReadRsa(reader) : ReadEcc(reader));
  RETURN_IF_ERROR(CheckDone(reader));
  ByteWriter name;
  name.U16Be(static_cast<uint16_t>(name_algorithm));
  name.Put(eventlog::BankDigest(name_algorithm, bytes));
  return PublicArea{name_algorithm, attributes, std::move(key), name.Release()};
}

}  // namespace

absl::StatusOr<PublicArea> ParsePublicArea(ByteView bytes) {
  auto out = ReadPublicArea(bytes);
  if (!out.ok()) return FormatError(out.status(), "TPMT_PUBLIC");
  return out;
}

absl::Status CheckAttestationKey(const PublicArea& area) {
  constexpr uint32_t kNeeded =
      kFixedTpm | kFixedParent | kSensitiveDataOrigin | kRestricted | kSignEncrypt;
  if ((area.attributes & kNeeded) == kNeeded && (area.attributes & kDecrypt) == 0) {
    return absl::OkStatus();
  }
  return RefusedError(RefusalClass::kKeyType,
                      "attestation key: not a restricted signing key that was made in a TPM and is "
                      "fixed to it");
}

}  // namespace nacre::tee::tpm
