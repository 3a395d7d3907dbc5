// Genuine evidence with changes, through the whole verification. The input is a list of changes,
// four bytes each: where (u16), how, with what. Whatever passes must be the report that was signed,
// byte for byte.

#include <cstdlib>

#include "base/fuzz_testing.h"
#include "tee/sev/test_chip.h"

namespace nacre::tee::sev {
namespace {

struct Genuine {
  TestChip chip{{.leaf_serial = {0x51}}};
  SnpTrust trust = chip.Trust();
  Bytes report = chip.Report();
  Bytes table;  // with a CRL
};

const Genuine& Evidence1() {
  static const Genuine* genuine = [] {
    auto* out = new Genuine;
    auto certificates = out->chip.Evidence().certificates;
    certificates.push_back(out->chip.Crl({}));
    out->table = BuildCertificateTable(certificates).value();
    return out;
  }();
  return *genuine;
}

void Change(uint16_t where, uint8_t how, uint8_t what, Bytes* bytes) {
  if (bytes->empty()) return;
  uint8_t& at = (*bytes)[where % bytes->size()];
  switch (how % 4) {
    case 0:
      at ^= what;
      break;
    case 1:
      at = what;
      break;
    case 2:
      bytes->resize(bytes->size() - what % bytes->size());
      break;
    default:
      bytes->insert(bytes->begin() + where % static_cast<ptrdiff_t>(bytes->size()), what);
  }
}

void TryVerify(ByteView changes) {
  const Genuine& genuine = Evidence1();
  nacre::tee::Evidence evidence;
  evidence.report = genuine.report;
  evidence.auxiliary = genuine.table;
  for (int left = 16; left > 0 && changes.size() >= 4; --left, changes = changes.subspan(4)) {
    const auto where = static_cast<uint16_t>(changes[0] | changes[1] << 8);
    Bytes* target = (changes[2] & 0x80) != 0 ? &evidence.auxiliary : &evidence.report;
    Change(where, changes[2] & 0x7f, changes[3], target);
  }
  const auto read = SnpEvidenceFrom(evidence);
  if (!read.ok()) return;
  static auto* cache = new EndorsementCache;  // most changes leave the chain as it is
  Appraisal appraisal;
  const auto report = VerifySnp(*read, genuine.trust, {}, kTestNow, &appraisal, cache);
  if (report.has_value() != appraisal.refusal.empty()) std::abort();
  if (report && SerializeReport(*report) != genuine.report) std::abort();
  if (!report && appraisal.refusal_class == RefusalClass::kUnclassified) std::abort();
}

std::vector<std::string> Changes() {
  const auto list = [](std::initializer_list<int> bytes) {
    return std::string(bytes.begin(), bytes.end());
  };
  return {"",
          list({0x90, 0, 0, 1}),                      // measurement
          list({0, 0, 1, 4}),                         // version
          list({0xa0, 2, 0, 1, 0xe8, 2, 0, 1}),       // signature
          list({0x30, 3, 1, 1}),                      // behind the signature
          list({0x10, 0, 0x80, 1}),                   // table directory
          list({0, 4, 0x80, 0xff, 0, 5, 0x82, 200}),  // a certificate; a cut table
          list({0x48, 0, 1, 4, 0x80, 1, 3, 0x51})};   // signing key; a longer report
}

}  // namespace
}  // namespace nacre::tee::sev

NACRE_FUZZ_TARGET(SnpVerify, nacre::tee::sev::TryVerify, nacre::tee::sev::Changes)
