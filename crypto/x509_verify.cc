// A path is looked for from the leaf upwards by names and key identifiers, which cost nothing; one
// that reaches a root is then checked as a whole. Several certificates may bear one name (renewals,
// or the roots of several vendors and of our emulator), so every candidate is tried; how much one
// search may try is bounded, since a peer chooses the intermediates. Each root is tried by itself:
// of several refusals the telling one is that of the root which a path did reach.
#include <algorithm>

#include "base/strings.h"
#include "crypto/crl.h"
#include "crypto/der.h"
#include "crypto/x509.h"
#include "crypto/x509_internal.h"

namespace nacre::crypto {
namespace {

// Of one search.
constexpr int kMaxSteps = 1000;
constexpr int kMaxSignatureChecks = 64;

using Path = std::vector<const Certificate*>;

absl::Status Refusal(size_t index, const Certificate& certificate, std::string_view reason) {
  return absl::UnauthenticatedError(
      StrCat("certificate ", index, " (", certificate.subject_text(), "): ", reason));
}

bool Same(const std::optional<ByteView>& wanted, const std::optional<ByteView>& got) {
  return !wanted || !got || std::ranges::equal(*wanted, *got);
}

// That `issuer` is who `certificate` names as its issuer.
bool Names(const Certificate& certificate, const Certificate& issuer) {
  const CertificateFields& child = certificate.fields();
  const CertificateFields& parent = issuer.fields();
  return std::ranges::equal(child.issuer, parent.subject) &&
         Same(child.path.authority_key_id, parent.path.subject_key_id) &&
         Same(child.path.authority_serial, parent.serial) &&
         Same(child.path.authority_issuer, parent.issuer);
}

bool IsSelfIssued(const Certificate& certificate) {
  return std::ranges::equal(certificate.fields().issuer, certificate.fields().subject);
}

absl::Status CheckSignature(const Certificate& certificate, const Certificate& issuer) {
  ASSIGN_OR_RETURN(const PublicKey key, issuer.public_key());
  const CertificateFields& fields = certificate.fields();
  return VerifySignature(key, fields.algorithm, fields.signed_part, fields.signature);
}

// What a certificate must be to stand at `index` of a path with certificates below it, `below` of
// which are intermediates that count for the path length.
absl::Status CheckIssuer(const Certificate& certificate, size_t index, size_t below) {
  const PathFields& path = certificate.fields().path;
  if (!path.is_ca) return Refusal(index, certificate, "is no CA and cannot issue certificates");
  if (path.key_usage && (*path.key_usage & kUsageCertificateSign) == 0) {
    return Refusal(index, certificate, "its key usage does not allow signing certificates");
  }
  if (path.path_length && below > *path.path_length) {
    return Refusal(index, certificate, StrCat("path length ", *path.path_length, " is exceeded"));
  }
  return absl::OkStatus();
}

absl::Status CheckTime(const Certificate& certificate, size_t index, int64_t time) {
  if (time < certificate.not_before()) {
    return WithTimeProblem(
        Refusal(index, certificate, "not valid before " + FormatTime(certificate.not_before())),
        TimeProblem::kNotYetValid);
  }
  if (time >= certificate.not_after()) {
    return WithTimeProblem(
        Refusal(index, certificate, "expired " + FormatTime(certificate.not_after())),
        TimeProblem::kExpired);
  }
  return absl::OkStatus();
}

// All but signatures and dates of a path from a leaf to a root.
absl::Status CheckPurpose(const Path& path, const ChainOptions& options) {
  if (path.size() == 1 && !options.allow_leaf_as_root) {
    return Refusal(0, *path[0], "a root where a leaf belongs");
  }
  size_t below = 0;
  for (size_t i = 0; i < path.size(); ++i) {
    const Certificate& certificate = *path[i];
    if (const auto& unknown = certificate.fields().path.unknown_critical) {
      return Refusal(i, certificate,
                     StrCat("critical extension ", der::OidText(*unknown), " is not known here"));
    }
    if (i > 0) RETURN_IF_ERROR(CheckIssuer(certificate, i, below));
    if (i > 0 && !IsSelfIssued(certificate)) ++below;
  }
  const auto leaf_key = path[0]->public_key();
  return leaf_key.ok() ? absl::OkStatus() : Refusal(0, *path[0], Message(leaf_key.status()));
}

class Search {
 public:
  Search(const Certificate& leaf, const Certificate& root, const ChainOptions& options)
      : root_(root), options_(options), path_{&leaf} {}

  absl::StatusOr<std::vector<Certificate>> Run() {
    if (!Extend()) return failure_;
    std::vector<Certificate> out;
    for (const Certificate* certificate : path_) out.push_back(*certificate);
    return out;
  }
  bool reached_root() const { return reached_root_; }

 private:
  // Whether the path goes on from its last certificate to the root and is good. Leaves the path as
  // it was when not.
  bool Extend() {
    const Certificate& last = *path_.back();
    if (last == root_) return Accept();
    if (path_.size() == kMaxChainLength) return Fail("the path is too long");
    if (++steps_ > kMaxSteps) return Fail("too many certificates to try");
    if (Names(last, root_) && Through(root_)) return true;
    for (const Certificate& candidate : options_.intermediates) {
      if (Names(last, candidate) && !Contains(candidate) && Through(candidate)) return true;
    }
    return Fail("no issuer at hand that leads to the root");
  }
  bool Through(const Certificate& issuer) {
    path_.push_back(&issuer);
    if (Extend()) return true;
    path_.pop_back();
    return false;
  }

  bool Accept() {
    absl::Status status = CheckPurpose(path_, options_);
    // From the root down: a date says nothing before its certificate is known to be genuine.
    for (size_t i = path_.size(); i > 0 && status.ok(); --i) {
      status = CheckSigned(i - 1);
      if (status.ok()) status = CheckTime(*path_[i - 1], i - 1, options_.time);
    }
    if (status.ok()) return true;
    if (!reached_root_) failure_ = status;
    reached_root_ = true;
    return false;
  }

  absl::Status CheckSigned(size_t index) {
    const Certificate& certificate = *path_[index];
    const bool is_root = index + 1 == path_.size();
    if (is_root && (options_.roots_known_good || !Names(root_, root_))) return absl::OkStatus();
    if (++checks_ > kMaxSignatureChecks) {
      return Refusal(index, certificate, "too many certificates to try");
    }
    const absl::Status status = CheckSignature(certificate, is_root ? root_ : *path_[index + 1]);
    if (status.ok()) return status;
    return Refusal(index, certificate, StrCat("signature is not by its issuer: ", Message(status)));
  }

  bool Contains(const Certificate& certificate) const {
    return std::ranges::any_of(path_, [&](const Certificate* at) { return *at == certificate; });
  }

  // Keeps the first failure, which is the one farthest from the leaf.
  bool Fail(std::string_view reason) {
    if (failure_.ok()) failure_ = Refusal(path_.size() - 1, *path_.back(), reason);
    return false;
  }

  const Certificate& root_;
  const ChainOptions& options_;
  Path path_;
  int steps_ = 0;
  int checks_ = 0;
  bool reached_root_ = false;
  absl::Status failure_;
};

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

absl::StatusOr<std::vector<Certificate>> FindPath(const Certificate& leaf,
                                                  const ChainOptions& options) {
  absl::StatusOr<std::vector<Certificate>> best = absl::UnknownError("no root tried");
  bool best_reached_root = false;
  for (size_t i = 0; i < options.roots.size(); ++i) {
    Search search(leaf, options.roots[i], options);
    auto path = search.Run();
    if (path.ok()) return path;
    if (i > 0 && (!search.reached_root() || best_reached_root)) continue;
    best = std::move(path);
    best_reached_root = search.reached_root();
  }
  return best;
}

}  // namespace

absl::StatusOr<std::vector<Certificate>> VerifyChain(const Certificate& leaf,
                                                     const ChainOptions& options) {
  if (options.roots.empty()) return absl::FailedPreconditionError("no root is pinned");
  if (options.intermediates.size() > kMaxCertificatesInPem) {
    return absl::UnauthenticatedError(
        StrCat("more than ", kMaxCertificatesInPem, " intermediate certificates"));
  }
  ASSIGN_OR_RETURN(std::vector<Certificate> path, FindPath(leaf, options));
  for (size_t i = 0; i + 1 < path.size(); ++i) {
    RETURN_IF_ERROR(CheckRevocation(path, i, options));
  }
  return path;
}

absl::Status VerifyIssuedBy(const Certificate& certificate, const Certificate& issuer) {
  if (!std::ranges::equal(certificate.fields().issuer, issuer.fields().subject)) {
    return absl::UnauthenticatedError(StrCat("certificate (", certificate.subject_text(),
                                             "): issuer is ", certificate.issuer_text(), ", not ",
                                             issuer.subject_text()));
  }
  const absl::Status status = CheckSignature(certificate, issuer);
  if (status.ok()) return status;
  return absl::UnauthenticatedError(StrCat("certificate (", certificate.subject_text(),
                                           "): signature is not by ", issuer.subject_text(), ": ",
                                           Message(status)));
}

}  // namespace nacre::crypto
