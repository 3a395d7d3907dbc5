// Is this report genuine, and does it meet a policy? Every step of AMD 56860/57230 in order:
// product, certificate chain to a pinned root, revocation, leaf kind, report signature, TCB and
// chip id against the leaf's extensions, then the owner's policy.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "tee/common/appraisal.h"
#include "tee/sev/certificates.h"
#include "tee/sev/report.h"

namespace nacre::tee::sev {

// A root key (ARK) that is trusted, by public key and never by name.
struct TrustedRoot {
  std::string name;  // "ARK-Milan"
  Product product = Product::kMilan;
  Bytes spki_sha384;  // of the DER SubjectPublicKeyInfo, 48 bytes
  bool emulated = false;
};

// AMD's own roots: Milan, Genoa, Turin.
std::vector<TrustedRoot> AmdRoots();
// A root from an ARK certificate (PEM) that an emulator made: subject "ARK-<Product>".
absl::StatusOr<TrustedRoot> EmulatedRootFromPem(std::string_view ark_pem);

struct SnpTrust {
  std::vector<TrustedRoot> roots = AmdRoots();
  // ARK, ASK, ASVK and CRL, DER, used when the evidence does not bring its own.
  std::vector<CertificateEntry> known_certificates;
  bool require_crl = false;  // refuse when no CRL is at hand
};

// What the owner demands of a genuine report. Defaults are the strict ones.
struct SnpPolicy {
  bool allow_debug = false;
  bool allow_migration_agent = false;
  bool allow_smt = true;
  bool require_single_socket = false;
  bool allow_masked_chip_id = false;  // a VCEK-signed report whose chip id is all zero
  uint32_t max_vmpl = 0;              // refuse reports asked for from a less privileged level
  uint8_t min_abi_major = 0;
  uint8_t min_abi_minor = 0;
  uint32_t min_guest_svn = 0;
  std::optional<TcbComponents> min_tcb;  // reported, committed and launch must each reach it
  std::vector<std::string> csp_ids;      // allowed VLEK cspID values; empty allows any
};

struct SnpEvidence {
  Bytes report;  // 1184 bytes
  std::vector<CertificateEntry> certificates;
};
// Report and GHCB table of an Evidence of kind snp.
absl::StatusOr<SnpEvidence> SnpEvidenceFrom(const Evidence& evidence);

// Appends its checks and claims to `appraisal` (which it also marks with root and emulated) and
// returns the report when it is genuine and within policy, or nullopt: appraisal->refusal says why.
// `now` is seconds since 1970.
std::optional<Report> VerifySnp(const SnpEvidence& evidence, const SnpTrust& trust,
                                const SnpPolicy& policy, int64_t now, Appraisal* appraisal);

}  // namespace nacre::tee::sev
