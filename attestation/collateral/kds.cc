#include "attestation/collateral/kds.h"

#include <algorithm>

#include "base/encoding.h"
#include "base/file.h"
#include "base/strings.h"
#include "crypto/crl.h"
#include "crypto/x509.h"
#include "tee/sev/vek.h"

namespace nacre::attestation {
namespace {

using tee::sev::CertificateEntry;
using tee::sev::CertificateKind;
using tee::sev::Product;
using tee::sev::ProductName;

constexpr int64_t kDay = 24 * 3600;
constexpr int64_t kLongestKept = 90 * kDay;  // of chains, which AMD does not change
constexpr uint64_t kMaxBody = 1 << 20;

bool IsCrl(KdsDocument document) {
  return document == KdsDocument::kVcekCrl || document == KdsDocument::kVlekCrl;
}

std::string_view Family(KdsDocument document) {
  const bool vlek = document == KdsDocument::kVlekChain || document == KdsDocument::kVlekCrl;
  return vlek ? "vlek" : "vcek";
}

std::string TwoDigits(uint8_t value) { return StrCat(value < 10 ? "0" : "", value); }

// What is in `body`, and until when it may be kept.
struct Content {
  std::vector<Bytes> parts;  // DER
  int64_t expires = 0;
};

absl::StatusOr<Content> ReadContent(const KdsRequest& request, ByteView body, int64_t now) {
  Content out;
  if (IsCrl(request.document)) {
    ASSIGN_OR_RETURN(const crypto::Crl crl, crypto::Crl::FromDer(body));
    out.parts = {ToBytes(body)};
    out.expires = crl.next_update().value_or(now);
    return out;
  }
  std::vector<crypto::Certificate> certificates;
  if (request.document == KdsDocument::kVcek) {
    ASSIGN_OR_RETURN(auto certificate, crypto::Certificate::FromDer(body));
    certificates.push_back(std::move(certificate));
    out.expires = certificates[0].not_after();
  } else {
    ASSIGN_OR_RETURN(certificates, crypto::Certificate::AllFromPem(AsText(body)));
    out.expires = now + kLongestKept;
  }
  for (const crypto::Certificate& certificate : certificates) {
    out.parts.push_back(certificate.der());
    out.expires = std::min(out.expires, certificate.not_after());
  }
  return out;
}

bool Brings(const tee::sev::SnpEvidence& evidence, std::initializer_list<CertificateKind> kinds) {
  return std::any_of(evidence.certificates.begin(), evidence.certificates.end(),
                     [&](const CertificateEntry& entry) {
                       return std::find(kinds.begin(), kinds.end(), entry.kind) != kinds.end();
                     });
}

// ARK or intermediate, by whose name it bears.
CertificateKind KindOfAuthority(const Bytes& der) {
  const auto certificate = crypto::Certificate::FromDer(der);
  if (!certificate.ok()) return CertificateKind::kUnknown;
  const auto name = certificate->subject_common_name();
  return name.ok() && name->starts_with("ARK-") ? CertificateKind::kArk : CertificateKind::kAsk;
}

}  // namespace

std::string KdsPath(const KdsRequest& request) {
  std::string path =
      StrCat("/", Family(request.document), "/v1/", ProductName(request.product), "/");
  if (IsCrl(request.document)) return path + "crl";
  if (request.document != KdsDocument::kVcek) return path + "cert_chain";
  StrAppend(&path, HexEncode(request.hardware_id), "?");
  if (request.product == Product::kTurin) {
    StrAppend(&path, "fmcSPL=", TwoDigits(request.tcb.fmc), "&");
  }
  StrAppend(&path, "blSPL=", TwoDigits(request.tcb.bootloader),
            "&teeSPL=", TwoDigits(request.tcb.tee), "&snpSPL=", TwoDigits(request.tcb.snp),
            "&ucodeSPL=", TwoDigits(request.tcb.microcode));
  return path;
}

std::string KdsFileName(const KdsRequest& request) {
  std::string name = StrCat(ProductName(request.product), "-", Family(request.document));
  if (IsCrl(request.document)) return name + "-crl.der";
  if (request.document != KdsDocument::kVcek) return name + "-chain.pem";
  StrAppend(&name, "-", HexEncode(request.hardware_id));
  if (request.product == Product::kTurin) StrAppend(&name, "-", TwoDigits(request.tcb.fmc));
  for (uint8_t level :
       {request.tcb.bootloader, request.tcb.tee, request.tcb.snp, request.tcb.microcode}) {
    StrAppend(&name, "-", TwoDigits(level));
  }
  return name + ".der";
}

absl::StatusOr<KdsRequest> VcekRequestOf(const tee::sev::Report& report, Product product) {
  if (report.signing_key() != tee::sev::SigningKey::kVcek) {
    return absl::FailedPreconditionError("the report is not signed by a VCEK");
  }
  const ByteView id = ByteView(report.chip_id).first(tee::sev::HardwareIdSize(product));
  if (std::all_of(id.begin(), id.end(), [](uint8_t byte) { return byte == 0; })) {
    return absl::FailedPreconditionError("the report's chip id is masked");
  }
  return KdsRequest{KdsDocument::kVcek, product, ToBytes(id),
                    report.reported_tcb.Components(product)};
}

KdsClient::KdsClient(KdsOptions options, std::unique_ptr<net::HttpClient> http)
    : options_(std::move(options)), cache_(options_.cache_folder), http_(std::move(http)) {}

absl::StatusOr<std::unique_ptr<KdsClient>> KdsClient::Create(KdsOptions options) {
  net::HttpClientOptions http;
  http.trusted_ca_pem = options.trusted_ca_pem;
  http.allow_tls_1_2 = true;
  http.connect_timeout_ms = http.idle_timeout_ms = http.total_timeout_ms = options.timeout_ms;
  http.max_body = kMaxBody;
  ASSIGN_OR_RETURN(auto client, net::HttpClient::Create(std::move(http)));
  return std::unique_ptr<KdsClient>(new KdsClient(std::move(options), std::move(client)));
}

absl::StatusOr<Bytes> KdsClient::Fetch(const KdsRequest& request, int64_t now) {
  for (const std::string& folder : options_.folders) {
    const std::string path = StrCat(folder, "/", KdsFileName(request));
    if (!PathExists(path)) continue;
    ASSIGN_OR_RETURN(Bytes body, ReadFile(path, kMaxBody));
    const auto content = ReadContent(request, body, now);
    if (!content.ok()) return absl::DataLossError(StrCat(path, ": ", Message(content.status())));
    return body;
  }
  if (!options_.cache_folder.empty()) {
    if (auto kept = cache_.Get(KdsPath(request), now)) return *std::move(kept);
  }
  if (options_.url.empty()) {
    return absl::NotFoundError(StrCat("no ", KdsFileName(request),
                                      " at hand, and fetching it from AMD is not configured"));
  }
  return Download(request, now);
}

absl::StatusOr<Bytes> KdsClient::Download(const KdsRequest& request, int64_t now) {
  const std::string url = options_.url + KdsPath(request);
  ASSIGN_OR_RETURN(const net::HttpResponse response, http_->Send({.url = url}));
  if (response.status == 404) return absl::NotFoundError(StrCat(url, ": there is none"));
  if (response.status != 200) {
    const std::string_view retry = response.Header("Retry-After");
    return absl::UnavailableError(StrCat(url, ": status ", response.status,
                                         retry.empty() ? "" : StrCat(", retry after ", retry)));
  }
  Bytes body = ToBytes(response.body);
  const auto content = ReadContent(request, body, now);
  if (!content.ok()) return absl::DataLossError(StrCat(url, ": ", Message(content.status())));
  // A full disk is no reason to refuse a guest.
  if (!options_.cache_folder.empty()) {
    cache_.Put(KdsPath(request), body, content->expires).IgnoreError();
  }
  return body;
}

tee::sev::SnpEvidence KdsClient::Complete(const tee::sev::SnpEvidence& evidence,
                                          std::optional<Product> product, int64_t now,
                                          std::vector<std::string>* missing) {
  tee::sev::SnpEvidence out = evidence;
  const auto report = tee::sev::ParseReport(evidence.report);
  if (!report.ok()) return out;
  const auto known = tee::sev::ReportProduct(*report);
  if (known) product = known;
  if (!product) {
    missing->push_back("the report does not name its processor and no product is configured");
    return out;
  }
  const auto add = [&](const absl::StatusOr<KdsRequest>& request) {
    auto body = request.ok() ? Fetch(*request, now) : request.status();
    auto content = body.ok() ? ReadContent(*request, *body, now) : body.status();
    if (!content.ok()) {
      missing->push_back(std::string(Message(content.status())));
      return;
    }
    for (Bytes& part : content->parts) {
      const CertificateKind kind = IsCrl(request->document) ? CertificateKind::kCrl
                                   : request->document == KdsDocument::kVcek
                                       ? CertificateKind::kVcek
                                       : KindOfAuthority(part);
      out.certificates.push_back({kind, std::move(part)});
    }
  };
  const bool vlek = report->signing_key() == tee::sev::SigningKey::kVlek;
  if (!Brings(evidence, {CertificateKind::kVcek, CertificateKind::kVlek})) {
    add(VcekRequestOf(*report, *product));
  }
  if (!Brings(evidence, {CertificateKind::kArk}) ||
      !Brings(evidence, {CertificateKind::kAsk, CertificateKind::kAsvk})) {
    add(KdsRequest{vlek ? KdsDocument::kVlekChain : KdsDocument::kVcekChain, *product});
  }
  add(KdsRequest{vlek ? KdsDocument::kVlekCrl : KdsDocument::kVcekCrl, *product});
  return out;
}

}  // namespace nacre::attestation
