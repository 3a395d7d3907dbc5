#include "attestation/verifier/collateral_files.h"

#include <algorithm>
#include <filesystem>
#include <system_error>

#include "base/encoding.h"
#include "base/file.h"
#include "base/json.h"
#include "base/strings.h"

namespace nacre::attestation {
namespace {

using tee::sev::CertificateEntry;
using tee::sev::CertificateKind;

constexpr std::string_view kPemBegin = "-----BEGIN ";
constexpr std::string_view kPemEnd = "-----END ";

bool AddDer(ByteView der, CollateralFiles* out) {
  if (auto certificate = crypto::Certificate::FromDer(der); certificate.ok()) {
    out->certificates.push_back(*std::move(certificate));
    return true;
  }
  if (!crypto::Crl::FromDer(der).ok()) return false;
  out->crls.push_back(ToBytes(der));
  return true;
}

// The body of one PEM block, from after its first line to its end line.
bool AddPemBody(std::string_view body, CollateralFiles* out) {
  std::string base64;
  for (char c : body) {
    if (c != '\n' && c != '\r' && c != ' ' && c != '\t') base64 += c;
  }
  const auto der = Base64Decode(base64);
  return der.ok() && AddDer(*der, out);
}

bool AddPem(std::string_view text, CollateralFiles* out) {
  bool known = false;
  size_t at = 0;
  while ((at = text.find(kPemBegin, at)) != std::string_view::npos) {
    const size_t body = text.find('\n', at);
    const size_t end = text.find(kPemEnd, at);
    if (body == std::string_view::npos || end == std::string_view::npos || body > end) break;
    known |= AddPemBody(text.substr(body, end - body), out);
    at = end;
  }
  return known;
}

bool AddBytes(const Bytes& bytes, CollateralFiles* out) {
  if (AddDer(bytes, out)) return true;
  const std::string_view text = StripSpace(AsText(bytes));
  if (!text.starts_with("{")) return AddPem(text, out);
  const bool valid = ParseJson(text, {.max_size = kMaxCollateralFile}).ok();
  if (valid) out->documents.emplace_back(text);
  return valid;
}

absl::StatusOr<bool> AddFile(const std::string& path, CollateralFiles* out) {
  if (out->files == kMaxCollateralFiles) {
    return absl::ResourceExhaustedError(
        StrCat("collateral: more than ", kMaxCollateralFiles, " files"));
  }
  ASSIGN_OR_RETURN(const Bytes bytes, ReadFile(path, kMaxCollateralFile), "collateral");
  const bool known = AddBytes(bytes, out);
  if (known) ++out->files;
  return known;
}

absl::StatusOr<std::vector<std::string>> FilesOf(const std::string& folder) {
  std::vector<std::string> out;
  std::error_code error;
  auto entry = std::filesystem::directory_iterator(folder, error);
  const auto end = std::filesystem::directory_iterator();
  while (!error && entry != end) {
    if (entry->is_regular_file(error)) out.push_back(entry->path().string());
    entry.increment(error);
  }
  if (error) return absl::NotFoundError(StrCat("collateral: ", folder, ": ", error.message()));
  std::sort(out.begin(), out.end());
  return out;
}

// What AMD calls a certificate with this subject; kUnknown for one of another house.
CertificateKind AmdKind(const crypto::Certificate& certificate) {
  const auto subject = certificate.subject_common_name();
  if (!subject.ok()) return CertificateKind::kUnknown;
  if (*subject == "SEV-VCEK") return CertificateKind::kVcek;
  if (*subject == "SEV-VLEK") return CertificateKind::kVlek;
  if (subject->starts_with("ARK-")) return CertificateKind::kArk;
  if (subject->starts_with("SEV-VLEK-")) return CertificateKind::kAsvk;
  if (subject->starts_with("SEV-")) return CertificateKind::kAsk;
  return CertificateKind::kUnknown;
}

bool IsLeaf(CertificateKind kind) {
  return kind == CertificateKind::kVcek || kind == CertificateKind::kVlek;
}

std::vector<CertificateEntry> AmdCertificates(const CollateralFiles& collateral, bool leaves) {
  std::vector<CertificateEntry> out;
  for (const crypto::Certificate& certificate : collateral.certificates) {
    const CertificateKind kind = AmdKind(certificate);
    if (kind != CertificateKind::kUnknown && IsLeaf(kind) == leaves) {
      out.push_back({kind, certificate.der()});
    }
  }
  return out;
}

}  // namespace

absl::Status AddCollateral(const std::string& path, CollateralFiles* collateral) {
  std::error_code error;
  if (!std::filesystem::is_directory(path, error)) {
    ASSIGN_OR_RETURN(const bool known, AddFile(path, collateral));
    if (known) return absl::OkStatus();
    return absl::InvalidArgumentError(
        StrCat("collateral: ", path, " is no certificate, CRL or JSON document"));
  }
  ASSIGN_OR_RETURN(const std::vector<std::string> files, FilesOf(path));
  for (const std::string& file : files) {
    RETURN_IF_ERROR(AddFile(file, collateral).status());
  }
  return absl::OkStatus();
}

std::vector<CertificateEntry> AmdAuthorities(const CollateralFiles& collateral) {
  std::vector<CertificateEntry> out = AmdCertificates(collateral, false);
  for (const Bytes& der : collateral.crls) {
    const auto crl = crypto::Crl::FromDer(der);
    if (crl.ok() && crl->issuer_text().find("CN=ARK-") != std::string::npos) {
      out.push_back({CertificateKind::kCrl, der});
    }
  }
  return out;
}

std::vector<CertificateEntry> AmdLeaves(const CollateralFiles& collateral) {
  return AmdCertificates(collateral, true);
}

}  // namespace nacre::attestation
