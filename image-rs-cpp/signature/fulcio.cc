#include "image-rs-cpp/signature/fulcio.h"

#include "base/strings.h"
#include "crypto/crl.h"
#include "crypto/der.h"
#include "image-rs-cpp/printable.h"

namespace nacre::image {
namespace {

namespace der = crypto::der;

constexpr std::string_view kSubjectAltName = "2.5.29.17";
constexpr std::string_view kExtendedKeyUsage = "2.5.29.37";
constexpr std::string_view kCodeSigning = "1.3.6.1.5.5.7.3.3";
constexpr std::string_view kIssuer = "1.3.6.1.4.1.57264.1.8";
constexpr std::string_view kRawIssuer = "1.3.6.1.4.1.57264.1.1";
constexpr uint8_t kEmailName = der::Context(1), kUriName = der::Context(6);

absl::Status Bad(std::string_view why) {
  return absl::InvalidArgumentError(StrCat("signing certificate: ", why));
}

absl::Status CheckCodeSigning(const crypto::Certificate& leaf) {
  absl::StatusOr<Bytes> usages = leaf.Extension(kExtendedKeyUsage);
  if (!usages.ok()) return Bad("is not for code signing");
  ASSIGN_OR_RETURN(const der::Element list,
                   der::Whole(*usages, der::kSequence, "extended key usage"));
  for (der::Reader reader(list.value); !reader.done();) {
    ASSIGN_OR_RETURN(const der::Element usage, reader.Next(der::kOid, "extended key usage"));
    if (der::OidText(usage.value) == kCodeSigning) return absl::OkStatus();
  }
  return Bad("is not for code signing");
}

absl::StatusOr<std::string> ReadIssuer(const crypto::Certificate& leaf) {
  const absl::StatusOr<Bytes> raw = leaf.Extension(kRawIssuer);
  const absl::StatusOr<Bytes> encoded = leaf.Extension(kIssuer);
  if (!encoded.ok()) {
    if (!raw.ok() || raw->empty()) return Bad("names no issuer of its identity");
    return ToString(*raw);
  }
  ASSIGN_OR_RETURN(const der::Element text, der::Whole(*encoded, der::kUtf8String, "OIDC issuer"));
  if (raw.ok() && AsText(*raw) != AsText(text.value)) return Bad("names two different issuers");
  return ToString(text.value);
}

absl::Status CheckIs(std::string_view what, const std::string& is, const std::string& wanted) {
  if (is == wanted) return absl::OkStatus();
  return absl::PermissionDeniedError(StrCat("signing certificate: ", what, " is '", Printable(is),
                                            "', expected '", Printable(wanted), "'"));
}

}  // namespace

absl::StatusOr<SigningIdentity> ReadSigningIdentity(const crypto::Certificate& leaf) {
  SigningIdentity out;
  ASSIGN_OR_RETURN(out.issuer, ReadIssuer(leaf));
  absl::StatusOr<Bytes> names = leaf.Extension(kSubjectAltName);
  if (!names.ok()) return Bad("names nobody");
  ASSIGN_OR_RETURN(const der::Element list, der::Whole(*names, der::kSequence, "subject name"));
  der::Reader reader(list.value);
  ASSIGN_OR_RETURN(const der::Element name, reader.Next("subject name"));
  if (!reader.done()) return Bad("names several subjects");
  if (name.value.empty()) return Bad("names nobody");
  if (name.tag == kEmailName) {
    out.email = ToString(name.value);
  } else if (name.tag == kUriName) {
    out.uri = ToString(name.value);
  } else {
    return Bad("its subject is neither an e-mail address nor a URI");
  }
  return out;
}

absl::Status CheckSigningCertificate(const std::vector<crypto::Certificate>& certificates,
                                     const FulcioRequirement& wanted, int64_t time) {
  if (certificates.empty()) {
    return absl::UnauthenticatedError("it has no certificate, and one is required");
  }
  const crypto::Certificate& leaf = certificates.front();
  crypto::ChainOptions chain;
  chain.roots = wanted.roots;
  chain.intermediates = wanted.intermediates;
  chain.intermediates.insert(chain.intermediates.end(), certificates.begin() + 1,
                             certificates.end());
  chain.time = time;
  RETURN_IF_ERROR(crypto::VerifyChain(leaf, chain).status(), "signing certificate");
  if (leaf.is_ca()) return Bad("is an authority's");
  RETURN_IF_ERROR(CheckCodeSigning(leaf));
  ASSIGN_OR_RETURN(const SigningIdentity identity, ReadSigningIdentity(leaf));
  RETURN_IF_ERROR(CheckIs("OIDC issuer", identity.issuer, wanted.oidc_issuer));
  if (!wanted.subject_email.empty()) {
    return CheckIs("e-mail", identity.email, wanted.subject_email);
  }
  return CheckIs("URI", identity.uri, wanted.subject_uri);
}

}  // namespace nacre::image
