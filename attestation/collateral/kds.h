// AMD's key distribution service (AMD 57230, "VCEK and VLEK interfaces"): the certificates and CRLs
// that SNP evidence needs and does not always bring. Found in folders first, then in a cache on
// disk, then over HTTP. Nothing that is found is trusted: the verifier checks it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "attestation/collateral/document_cache.h"
#include "net/http_client.h"
#include "tee/sev/certificates.h"
#include "tee/sev/report.h"
#include "tee/sev/verify.h"

namespace nacre::attestation {

enum class KdsDocument {
  kVcek,       // the certificate of one chip at one TCB, DER
  kVcekChain,  // ASK and ARK, PEM
  kVlekChain,  // ASVK and ARK, PEM
  kVcekCrl,    // of the ARK, DER
  kVlekCrl,
};

struct KdsRequest {
  KdsDocument document = KdsDocument::kVcek;
  tee::sev::Product product = tee::sev::Product::kMilan;
  Bytes hardware_id{};            // kVcek: 64 bytes, 8 on Turin
  tee::sev::TcbComponents tcb{};  // kVcek: the REPORTED one
};

// "/vcek/v1/Milan/<hwid>?blSPL=04&teeSPL=00&snpSPL=24&ucodeSPL=219"; Turin begins with fmcSPL.
std::string KdsPath(const KdsRequest& request);
// The same document's name in a folder: "Milan-vcek-<hwid>-04-00-24-219.der",
// "Milan-vcek-chain.pem", "Milan-vlek-crl.der".
std::string KdsFileName(const KdsRequest& request);

// The VCEK a report names. kFailedPrecondition when its chip id is masked or it is signed by a
// VLEK: no such certificate can be asked for.
absl::StatusOr<KdsRequest> VcekRequestOf(const tee::sev::Report& report, tee::sev::Product product);

struct KdsOptions {
  std::vector<std::string> folders{};  // looked into first, in this order
  std::string cache_folder{};          // empty: nothing is kept
  std::string url{};                   // "https://kdsintf.amd.com"; empty: never over the network
  // Of `url`, when it is not AMD's own.
  std::string trusted_ca_pem{};
  int64_t timeout_ms = 10'000;
};

// Thread-safe.
class KdsClient {
 public:
  static absl::StatusOr<std::unique_ptr<KdsClient>> Create(KdsOptions options);

  // The document, checked to be what its name says (a certificate or CRL; not whose). kNotFound
  // when nobody has it; kUnavailable when the service does not answer or throttles; kDataLoss for
  // an answer that is no such document.
  absl::StatusOr<Bytes> Fetch(const KdsRequest& request, int64_t now);

  // `evidence` with what it lacks of leaf, intermediate and ARK, and with the current CRL. Best
  // effort: what cannot be had is left out, with a sentence in `missing`, and the verifier will say
  // what it means. `product` is for version 2 reports, which do not name theirs.
  tee::sev::SnpEvidence Complete(const tee::sev::SnpEvidence& evidence,
                                 std::optional<tee::sev::Product> product, int64_t now,
                                 std::vector<std::string>* missing);

 private:
  KdsClient(KdsOptions options, std::unique_ptr<net::HttpClient> http);
  absl::StatusOr<Bytes> Download(const KdsRequest& request, int64_t now);

  const KdsOptions options_;
  const DocumentCache cache_;
  const std::unique_ptr<net::HttpClient> http_;
};

}  // namespace nacre::attestation
