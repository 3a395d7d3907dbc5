// OpenSSL builds and checks the path. It looks for an issuer by name and would stop at the first
// root of that name, while several vendors' roots (and our emulator's) may share one; so each root
// is tried by itself, and the path it gives must end in that very certificate.
#include <openssl/x509_vfy.h>

#include "base/strings.h"
#include "crypto/crl.h"
#include "crypto/openssl_util.h"
#include "crypto/x509.h"
#include "crypto/x509_internal.h"

namespace nacre::crypto {
namespace {

using StorePtr = std::unique_ptr<X509_STORE, Freer<X509_STORE_free>>;
using StoreCtxPtr = std::unique_ptr<X509_STORE_CTX, Freer<X509_STORE_CTX_free>>;

constexpr int kSecurityLevel = 2;  // 112 bits: RSA-2048, P-256, SHA-256

struct FreeUnowned {
  void operator()(STACK_OF(X509) * stack) const { sk_X509_free(stack); }
};
using UnownedStackPtr = std::unique_ptr<STACK_OF(X509), FreeUnowned>;

absl::Status Refusal(size_t index, const Certificate& certificate, std::string_view reason) {
  return absl::UnauthenticatedError(
      StrCat("certificate ", index, " (", certificate.subject_text(), "): ", reason));
}

std::string Reason(int error, const X509* certificate) {
  auto time_of = [](const ASN1_TIME* time) {
    tm parts = {};
    return ASN1_TIME_to_tm(time, &parts) == 1 ? FormatTime(timegm(&parts)) : std::string("?");
  };
  if (certificate != nullptr && error == X509_V_ERR_CERT_HAS_EXPIRED) {
    return "expired " + time_of(X509_get0_notAfter(certificate));
  }
  if (certificate != nullptr && error == X509_V_ERR_CERT_NOT_YET_VALID) {
    return "not valid before " + time_of(X509_get0_notBefore(certificate));
  }
  return X509_verify_cert_error_string(error);
}

struct Attempt {
  absl::StatusOr<std::vector<Certificate>> path;
  bool reached_root = false;  // it failed (if it failed) for another reason than a missing issuer
};

absl::Status Failure(X509_STORE_CTX* context) {
  const X509* at = X509_STORE_CTX_get_current_cert(context);
  std::string name = at == nullptr ? "?" : "";
  if (at != nullptr) {
    BioPtr bio(BIO_new(BIO_s_mem()));
    X509_NAME_print_ex(bio.get(), X509_get_subject_name(at), 0, XN_FLAG_RFC2253);
    name = ToString(BioContents(bio.get()));
  }
  const int error = X509_STORE_CTX_get_error(context);
  return WithTimeProblem(
      absl::UnauthenticatedError(StrCat("certificate ", X509_STORE_CTX_get_error_depth(context),
                                        " (", name, "): ", Reason(error, at))),
      error == X509_V_ERR_CERT_HAS_EXPIRED     ? TimeProblem::kExpired
      : error == X509_V_ERR_CERT_NOT_YET_VALID ? TimeProblem::kNotYetValid
                                               : TimeProblem::kNone);
}

bool IsMissingIssuer(int error) {
  return error == X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT ||
         error == X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY ||
         error == X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE ||
         error == X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN ||
         error == X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT;
}

void SetParameters(X509_STORE_CTX* context, int64_t time) {
  X509_VERIFY_PARAM* parameters = X509_STORE_CTX_get0_param(context);
  X509_VERIFY_PARAM_set_time(parameters, time);
  X509_VERIFY_PARAM_set_depth(parameters, kMaxChainLength - 2);  // counts intermediates
  X509_VERIFY_PARAM_set_auth_level(parameters, kSecurityLevel);
  // A pinned certificate ends the path whether or not it is self-signed; one that is self-signed
  // must also bear its own signature.
  X509_VERIFY_PARAM_set_flags(parameters,
                              X509_V_FLAG_PARTIAL_CHAIN | X509_V_FLAG_CHECK_SS_SIGNATURE);
}

// OpenSSL's path consists of the very objects it was given: told by their addresses, none is parsed
// again.
absl::StatusOr<std::vector<Certificate>> PathOf(X509_STORE_CTX* context, const Certificate& leaf,
                                const Certificate& root,
                                const std::vector<Certificate>& intermediates) {
  std::vector<Certificate> path;
  STACK_OF(X509)* chain = X509_STORE_CTX_get0_chain(context);
  for (int i = 0; i < sk_X509_num(chain); ++i) {
    const X509* at = sk_X509_value(chain, i);
    const Certificate* found = at == leaf.handle() ? &leaf : at == root.handle() ? &root : nullptr;
    for (const Certificate& certificate : intermediates) {
      if (certificate.handle() == at) found = &certificate;
    }
    if (found == nullptr) {
      return absl::InternalError(StrCat("certificate ", i, " of the path is none that was given"));
    }
    path.push_back(*found);
  }
  return path;
}

Attempt TryRoot(const Certificate& leaf, const Certificate& root, const ChainOptions& options) {
  StorePtr store(X509_STORE_new());
  StoreCtxPtr context(X509_STORE_CTX_new());
  UnownedStackPtr untrusted(sk_X509_new_null());
  Must(store && context && untrusted && X509_STORE_add_cert(store.get(), root.handle()) == 1,
       "X509_STORE");
  for (const Certificate& certificate : options.intermediates) {
    Must(sk_X509_push(untrusted.get(), certificate.handle()) > 0, "sk_X509_push");
  }
  Must(X509_STORE_CTX_init(context.get(), store.get(), leaf.handle(), untrusted.get()) == 1,
       "X509_STORE_CTX_init");
  SetParameters(context.get(), options.time);
  if (X509_verify_cert(context.get()) != 1) {
    OpensslStatus(absl::StatusCode::kUnknown, "").IgnoreError();  // empties the error queue
    return {Failure(context.get()), !IsMissingIssuer(X509_STORE_CTX_get_error(context.get()))};
  }
  absl::StatusOr<std::vector<Certificate>> path =
      PathOf(context.get(), leaf, root, options.intermediates);
  if (path.ok() && !(path->back() == root)) {
    path = Refusal(path->size() - 1, path->back(), "not the pinned root");
  }
  if (path.ok() && path->size() == 1 && !options.allow_leaf_as_root) {
    path = Refusal(0, leaf, "a root where a leaf belongs");
  }
  return {std::move(path), true};
}

// Certificate i of a verified path against every CRL of its issuer.
absl::Status CheckRevocation(const std::vector<Certificate>& path, size_t i,
                             const ChainOptions& options) {
  const Certificate& issuer = path[i + 1];
  bool covered = false;
  for (const Crl& crl : options.crls) {
    if (!crl.IsFrom(issuer)) continue;
    RETURN_IF_ERROR(crl.Verify(issuer, options.time));
    covered = true;
    if (crl.IsRevoked(path[i].serial())) {
      return Refusal(i, path[i], StrCat("revoked by the CRL of ", FormatTime(crl.this_update())));
    }
  }
  if (!covered && options.require_crls) {
    return Refusal(i, path[i], StrCat("no CRL of its issuer ", issuer.subject_text()));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::vector<Certificate>> VerifyChain(const Certificate& leaf,
                                                     const ChainOptions& options) {
  if (options.roots.empty()) return absl::FailedPreconditionError("no root is pinned");
  if (options.intermediates.size() > kMaxCertificatesInPem) {
    return absl::UnauthenticatedError(
        StrCat("more than ", kMaxCertificatesInPem, " intermediate certificates"));
  }
  Attempt best = {absl::UnknownError("no root tried"), false};
  for (size_t i = 0; i < options.roots.size() && !best.path.ok(); ++i) {
    Attempt attempt = TryRoot(leaf, options.roots[i], options);
    // Of several refusals the telling one is that of the root that issued this path.
    bool telling = attempt.path.ok() || (attempt.reached_root && !best.reached_root);
    if (i == 0 || telling) best = std::move(attempt);
  }
  RETURN_IF_ERROR(best.path.status());
  for (size_t i = 0; i + 1 < best.path->size(); ++i) {
    RETURN_IF_ERROR(CheckRevocation(*best.path, i, options));
  }
  return std::move(best.path);
}

absl::Status VerifyIssuedBy(const Certificate& certificate, const Certificate& issuer) {
  if (X509_NAME_cmp(X509_get_issuer_name(certificate.handle()),
                    X509_get_subject_name(issuer.handle())) != 0) {
    return absl::UnauthenticatedError(StrCat("certificate (", certificate.subject_text(),
                                             "): issuer is ", certificate.issuer_text(), ", not ",
                                             issuer.subject_text()));
  }
  EVP_PKEY* key = X509_get0_pubkey(issuer.handle());
  if (key == nullptr || X509_verify(certificate.handle(), key) != 1) {
    return OpensslStatus(absl::StatusCode::kUnauthenticated,
                         StrCat("certificate (", certificate.subject_text(),
                                "): signature is not by ", issuer.subject_text()));
  }
  return absl::OkStatus();
}

}  // namespace nacre::crypto
