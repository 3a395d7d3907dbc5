#include "policy/rego/builtins/x509_chain.h"

#include <openssl/err.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include <algorithm>

#include "base/strings.h"

namespace nacre::rego {
namespace {

struct StoreFree {
  void operator()(X509_STORE* store) const { X509_STORE_free(store); }
};
struct ContextFree {
  void operator()(X509_STORE_CTX* context) const { X509_STORE_CTX_free(context); }
};

constexpr std::pair<std::string_view, int> kUsages[] = {
    {"KeyUsageAny", NID_anyExtendedKeyUsage},
    {"KeyUsageServerAuth", NID_server_auth},
    {"KeyUsageClientAuth", NID_client_auth},
    {"KeyUsageCodeSigning", NID_code_sign},
    {"KeyUsageEmailProtection", NID_email_protect},
    {"KeyUsageIPSECEndSystem", NID_ipsecEndSystem},
    {"KeyUsageIPSECTunnel", NID_ipsecTunnel},
    {"KeyUsageIPSECUser", NID_ipsecUser},
    {"KeyUsageTimeStamping", NID_time_stamp},
    {"KeyUsageOCSPSigning", NID_OCSP_sign},
    {"KeyUsageMicrosoftServerGatedCrypto", NID_ms_sgc},
    {"KeyUsageNetscapeServerGatedCrypto", NID_ns_sgc},
    {"KeyUsageMicrosoftCommercialCodeSigning", NID_ms_code_com},
};

// A certificate that says nothing of its use may be used for anything.
bool MayBeUsedFor(X509* certificate, int usage) {
  auto* usages = static_cast<EXTENDED_KEY_USAGE*>(
      X509_get_ext_d2i(certificate, NID_ext_key_usage, nullptr, nullptr));
  bool may = sk_ASN1_OBJECT_num(usages) <= 0;
  for (int i = 0; i < sk_ASN1_OBJECT_num(usages); ++i) {
    int nid = OBJ_obj2nid(sk_ASN1_OBJECT_value(usages, i));
    may = may || nid == usage || nid == NID_anyExtendedKeyUsage;
  }
  EXTENDED_KEY_USAGE_free(usages);
  return may;
}

bool UsageFits(const X509List& chain, const ChainDemands& demands) {
  std::vector<int> usages = demands.key_usages;
  if (usages.empty()) usages.push_back(NID_server_auth);
  return std::any_of(usages.begin(), usages.end(), [&](int usage) {
    return usage == NID_anyExtendedKeyUsage ||
           std::all_of(chain.begin(), chain.end(), [&](const X509Ptr& certificate) {
             return MayBeUsedFor(certificate.get(), usage);
           });
  });
}

bool HostFits(X509* leaf, const std::string& host) {
  if (host.empty()) return true;
  if (X509_check_ip_asc(leaf, host.c_str(), 0) == 1) return true;
  return X509_check_host(leaf, host.data(), host.size(), X509_CHECK_FLAG_NEVER_CHECK_SUBJECT,
                         nullptr) == 1;
}

}  // namespace

bool AddKeyUsage(std::string_view name, ChainDemands* demands) {
  for (const auto& [known, nid] : kUsages) {
    if (known != name) continue;
    demands->key_usages.push_back(nid);
    return true;
  }
  return false;
}

absl::StatusOr<X509List> VerifyX509Chain(const X509List& certificates,
                                         const ChainDemands& demands) {
  if (certificates.size() < 2) {
    return absl::InvalidArgumentError("must supply at least two certificates to be able to verify");
  }
  std::unique_ptr<X509_STORE, StoreFree> store(X509_STORE_new());
  std::unique_ptr<X509_STORE_CTX, ContextFree> context(X509_STORE_CTX_new());
  X509_STORE_add_cert(store.get(), certificates.front().get());
  STACK_OF(X509)* between = sk_X509_new_null();
  for (size_t i = 1; i + 1 < certificates.size(); ++i) sk_X509_push(between, certificates[i].get());
  X509* leaf = certificates.back().get();
  X509List chain;
  absl::Status status = absl::UnauthenticatedError("certificate verification could not start");
  if (X509_STORE_CTX_init(context.get(), store.get(), leaf, between) == 1) {
    X509_STORE_CTX_set_time(context.get(), 0, static_cast<time_t>(demands.time));
    X509_STORE_CTX_set_flags(context.get(), X509_V_FLAG_PARTIAL_CHAIN);
    if (X509_verify_cert(context.get()) == 1) {
      status = absl::OkStatus();
      STACK_OF(X509)* found = X509_STORE_CTX_get0_chain(context.get());
      for (int i = 0; i < sk_X509_num(found); ++i) {
        X509* certificate = sk_X509_value(found, i);
        X509_up_ref(certificate);
        chain.emplace_back(certificate);
      }
    } else {
      status = absl::UnauthenticatedError(
          X509_verify_cert_error_string(X509_STORE_CTX_get_error(context.get())));
    }
  }
  context.reset();
  sk_X509_free(between);
  ERR_clear_error();
  RETURN_IF_ERROR(status);
  if (!UsageFits(chain, demands)) return absl::UnauthenticatedError("incompatible key usage");
  if (!HostFits(leaf, demands.host)) {
    return absl::UnauthenticatedError(StrCat("certificate is not valid for ", demands.host));
  }
  return chain;
}

}  // namespace nacre::rego
