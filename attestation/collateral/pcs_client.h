// Intel's Provisioning Certification Service, API version 4, and the caching services (PCCS) that
// clouds run in its shape: what is published about a kind of TDX platform. Certificate chains come
// in headers, percent-encoded. Everything is checked against the pinned roots before it is
// returned, so that a service (or who stands in its place) can refuse to answer, but not fill a
// cache with what no verifier will take.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "attestation/collateral/tdx_bundle.h"
#include "net/http_client.h"
#include "tee/tdx/pck_chain.h"

namespace nacre::attestation {

struct PcsOptions {
  // Before "/tdx/certification/v4/...": "https://api.trustedservices.intel.com",
  // "https://pccs.example:8081".
  std::string url;
  // Of the root CA's CRL. Empty: `url` + "/sgx/certification/v4/rootcacrl", which a PCCS has;
  // Intel's own is kIntelRootCrlUrl.
  std::string root_crl_url;
  TcbUpdate update = TcbUpdate::kStandard;
  tee::tdx::TdxTrust trust;
  net::HttpClientOptions http = {.connect_timeout_ms = 5'000,
                                 .total_timeout_ms = 20'000,
                                 .max_body = tee::tdx::kMaxCollateralSize};
};

inline constexpr char kIntelPcsUrl[] = "https://api.trustedservices.intel.com";
inline constexpr char kIntelRootCrlUrl[] =
    "https://certificates.trustedservices.intel.com/IntelSGXRootCA.der";

// Thread-safe.
class PcsClient {
 public:
  // kInvalidArgument for a URL or certificate that does not parse.
  static absl::StatusOr<std::unique_ptr<PcsClient>> Create(PcsOptions options);

  // Four requests, one after the other. Errors are prefixed with the URL:
  //   kNotFound            the service does not know this kind of platform (404)
  //   kUnavailable, ...    as HttpClient::Send; any other status than 200 is kUnavailable
  //   kDataLoss            an answer without its issuer chain, or no JSON, certificate or CRL
  //   kUnauthenticated     signatures, chains, dates or the platform are not what they should be
  absl::StatusOr<tee::tdx::Collateral> Fetch(const tee::tdx::CollateralKey& key, int64_t now) const;

  const std::string& url() const { return options_.url; }
  TcbUpdate update() const { return options_.update; }

 private:
  PcsClient(PcsOptions options, std::unique_ptr<net::HttpClient> http)
      : options_(std::move(options)), http_(std::move(http)) {}
  absl::StatusOr<net::HttpResponse> Get(const std::string& url) const;
  absl::StatusOr<std::string> GetDocument(const std::string& path, std::string_view chain_header,
                                          std::string* chain) const;

  PcsOptions options_;
  std::unique_ptr<net::HttpClient> http_;
};

}  // namespace nacre::attestation
