// Every certificate and CRL of the shared folder, read by our reader and by OpenSSL's: both accept
// it and read the same, or both refuse it.
#include <filesystem>

#include "base/file.h"
#include "crypto/pem.h"
#include "crypto/x509_oracle_testing.h"
#include "tee/testing/outside.h"

namespace nacre::tee::outside {
namespace {

using crypto::Certificate;
using crypto::Crl;

bool OpensslReads(ByteView der, bool crl) {
  const uint8_t* cursor = der.data();
  bool good = false;
  if (crl) {
    X509_CRL* read = d2i_X509_CRL(nullptr, &cursor, static_cast<long>(der.size()));
    good = read != nullptr;
    X509_CRL_free(read);
  } else {
    X509* read = d2i_X509(nullptr, &cursor, static_cast<long>(der.size()));
    good = read != nullptr;
    X509_free(read);
  }
  ERR_clear_error();
  return good && cursor == der.data() + der.size();
}

// Calls `use` with what lies between the boundary lines of each block of this label, wherever in a
// file it stands; \n as JSON writes it is a line end too.
template <typename Use>
void ForEachPem(std::string text, const std::string& label, Use use) {
  for (size_t at = 0; (at = text.find("\\n", at)) != std::string::npos;) text.replace(at, 2, "\n");
  const std::string begin = "-----BEGIN " + label + "-----", end = "-----END " + label + "-----";
  for (size_t at = 0; (at = text.find(begin, at)) != std::string::npos;) {
    const size_t last = text.find(end, at);
    if (last == std::string::npos) return;
    const auto der = crypto::PemBlocks(text.substr(at, last + end.size() - at), label, 1, 1 << 20);
    if (der.ok()) use((*der)[0]);
    at = last;
  }
}

TEST_F(OutsideTest, CertificatesAndCrls) {
  Tally certificates("certificates read as OpenSSL reads them");
  Tally crls("CRLs read as OpenSSL reads them");
  for (const auto& entry : std::filesystem::recursive_directory_iterator(Folder())) {
    if (!entry.is_regular_file() || entry.file_size() > 4 << 20) continue;
    const Bytes file = ReadFile(entry.path().string(), 4 << 20).value();
    const std::string name = entry.path().filename().string();
    const auto certificate = [&](ByteView der) {
      const auto ours = Certificate::FromDer(der);
      const std::string difference = ours.ok() ? crypto::oracle::Compare(*ours) : "refused";
      certificates.Count(difference.empty(),
                         name + ": " + (ours.ok() ? difference : ours.status().ToString()));
    };
    const auto crl = [&](ByteView der) {
      const auto ours = Crl::FromDer(der);
      const std::string difference = ours.ok() ? crypto::oracle::Compare(*ours, der) : "refused";
      crls.Count(difference.empty(),
                 name + ": " + (ours.ok() ? difference : ours.status().ToString()));
    };
    if (OpensslReads(file, false)) certificate(file);
    if (OpensslReads(file, true)) crl(file);
    ForEachPem(ToString(file), "CERTIFICATE", certificate);
    ForEachPem(ToString(file), "X509 CRL", crl);
  }
}

}  // namespace
}  // namespace nacre::tee::outside
