// Negative cases of a shared folder (tee/testing/outside.h) that start from SNP vectors. A case
// says in prose how to break its vector; each phrase known here is a function that does it, in all
// the ways the phrase names, and every way must be refused with a class the case admits. A phrase
// that is not known counts as a failed case. What can not be made from signed data is made with a
// chip of our own (TestChip).

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <regex>

#include "base/strings.h"
#include "crypto/x509_make.h"
#include "tee/common/report_data.h"
#include "tee/sev/outside_snp.h"
#include "tee/sev/test_chip.h"

namespace nacre::tee::sev {
namespace {

using outside::Admits;
using outside::Tally;
using outside::Text;
using outside::Time;

constexpr size_t kR = 0x2A0;
constexpr size_t kS = 0x2E8;
constexpr size_t kScalar = 48;

// One way to break the vector. `admitted`: instead of the case's own words, where these depend on
// a policy.
struct Outcome {
  std::string label;
  RefusalClass got;
  std::string admitted{};
};
using Outcomes = std::vector<Outcome>;

struct Case {
  std::string mutation;
  std::vector<SnpEvidence> bases;
  int64_t now = 0;
  std::vector<CertificateEntry> authorities;
  std::vector<SnpEvidence> others;  // genuine, of all machines with a VCEK

  RefusalClass Broken(const std::function<void(SnpEvidence&)>& change) const {
    SnpEvidence evidence = bases.at(0);
    change(evidence);
    return Verdict(evidence, now);
  }
  Outcome Way(std::string label, const std::function<void(SnpEvidence&)>& change) const {
    return {std::move(label), Broken(change)};
  }
};

// Every number of the phrase, "0x.." or decimal.
std::vector<uint64_t> Numbers(const std::string& text) {
  static const std::regex kNumber("0[xX][0-9a-fA-F]+|[0-9]+");
  std::vector<uint64_t> out;
  for (std::sregex_iterator it(text.begin(), text.end(), kNumber), end; it != end; ++it) {
    out.push_back(std::stoull(it->str(), nullptr, 0));
  }
  return out;
}

Outcomes FlipBits(const Case& c) {
  static const std::regex kOffset("0[xX][0-9a-fA-F]+");
  Outcomes out;
  for (const SnpEvidence& base : c.bases) {
    for (std::sregex_iterator it(c.mutation.begin(), c.mutation.end(), kOffset), end; it != end;
         ++it) {
      SnpEvidence evidence = base;
      evidence.report.at(std::stoull(it->str(), nullptr, 0)) ^= 1;
      out.push_back({it->str(), Verdict(evidence, c.now)});
    }
  }
  return out;
}

Outcomes BigEndian(const Case& c) {
  return {c.Way("both", [](SnpEvidence& e) {
    for (size_t at : {kR, kS}) {
      std::reverse(e.report.begin() + static_cast<ptrdiff_t>(at),
                   e.report.begin() + static_cast<ptrdiff_t>(at + kScalar));
    }
  })};
}

// Order of P-384, little-endian.
Bytes CurveOrder() {
  Bytes n = {0x73, 0x29, 0xc5, 0xcc, 0x6a, 0x19, 0xec, 0xec, 0x7a, 0xa7, 0xb0, 0x48,
             0xb2, 0x0d, 0x1a, 0x58, 0xdf, 0x2d, 0x37, 0xf4, 0x81, 0x4d, 0x63, 0xc7};
  n.resize(kScalar, 0xff);
  return n;
}

Outcomes ScalarsOutOfRange(const Case& c) {
  const auto put = [&c](const char* label, size_t at, const Bytes& value) {
    return c.Way(label, [at, &value](SnpEvidence& e) {
      std::copy(value.begin(), value.end(), e.report.begin() + static_cast<ptrdiff_t>(at));
    });
  };
  return {put("R=0", kR, Bytes(kScalar)), put("S=0", kS, Bytes(kScalar)),
          put("R=n", kR, CurveOrder()), put("S=n", kS, CurveOrder()),
          put("R=max", kR, Bytes(kScalar, 0xff))};
}

Outcomes HighBytes(const Case& c) {
  Outcomes out;
  for (size_t number : {kR, kS}) {
    for (size_t i = kScalar; i < 72; ++i) {
      out.push_back(c.Way(StrCat(number + i), [&](SnpEvidence& e) { e.report[number + i] = 1; }));
    }
  }
  return out;
}

Outcomes ReservedByte(const Case& c) {
  const auto numbers = Numbers(c.mutation);  // offset first, value last
  return {c.Way("", [&](SnpEvidence& e) {
    e.report.at(numbers.front()) = static_cast<uint8_t>(numbers.back());
  })};
}

Outcomes LeafOfTheSecond(const Case& c) {
  return {c.Way("", [&](SnpEvidence& e) { e.certificates[0] = c.bases.at(1).certificates[0]; })};
}

// Keeps the leaf and those authorities whose common name is one of `names`.
void OnlyAuthorities(const std::vector<std::string>& names, SnpEvidence* evidence) {
  std::erase_if(evidence->certificates, [&](const CertificateEntry& entry) {
    if (entry.kind != CertificateKind::kArk && entry.kind != CertificateKind::kAsk) return false;
    const auto name = crypto::Certificate::FromDer(entry.data)->subject_common_name().value();
    return std::find(names.begin(), names.end(), name) == names.end();
  });
}

Outcomes UnderOtherProduct(const Case& c) {
  const std::string product = c.mutation.substr(c.mutation.rfind('-') + 1);
  return {c.Way(product, [&](SnpEvidence& e) {
    OnlyAuthorities({"ARK-" + product, "SEV-" + product}, &e);
  })};
}

Outcomes UnderVlekAuthority(const Case& c) {
  const std::string name = c.mutation.substr(c.mutation.rfind(' ') + 1);
  const std::string product = name.substr(name.rfind('-') + 1);
  return {c.Way(name, [&](SnpEvidence& e) { OnlyAuthorities({"ARK-" + product, name}, &e); })};
}

Outcomes SwapRootAndIntermediate(const Case& c) {
  return {c.Way("", [](SnpEvidence& e) {
    for (CertificateEntry& entry : e.certificates) {
      if (entry.kind == CertificateKind::kArk) {
        entry.kind = CertificateKind::kAsk;
      } else if (entry.kind == CertificateKind::kAsk) {
        entry.kind = CertificateKind::kArk;
      }
    }
  })};
}

Outcomes VlekAsVcek(const Case& c) {
  const TestChip chip({.vlek = true});
  SnpEvidence claims_vcek = chip.Evidence([](Report& r) { r.key_info = 0; });
  claims_vcek.certificates[0].kind = CertificateKind::kVcek;
  return {
      c.Way("as reported", [](SnpEvidence& e) { e.certificates[0].kind = CertificateKind::kVcek; }),
      {"as a VCEK's", Verdict(claims_vcek, kTestNow, chip.Trust())}};
}

Outcomes RootOfTheSameName(const Case& c) {
  const auto key = crypto::PrivateKey::GenerateEc(crypto::Curve::kP384).value();
  crypto::CertificateRequest request;
  request.subject = {
      {"OU", "Engineering"},           {"C", "US"},        {"L", "Santa Clara"}, {"ST", "CA"},
      {"O", "Advanced Micro Devices"}, {"CN", "ARK-Milan"}};
  request.not_before = c.now - kOneDay;
  request.not_after = c.now + kOneDay;
  request.is_ca = true;
  const auto root = crypto::MakeCertificate(request, key.public_key(), nullptr, key,
                                            crypto::SignatureScheme::kEcdsaSha384)
                        .value();
  const bool same_name = std::any_of(c.authorities.begin(), c.authorities.end(), [&](auto& entry) {
    return crypto::Certificate::FromDer(entry.data)->subject_text() == root.subject_text();
  });
  const Outcome alone = c.Way("root replaced", [&](SnpEvidence& e) {
    std::erase_if(e.certificates, [](auto& x) { return x.kind == CertificateKind::kArk; });
    e.certificates.push_back({CertificateKind::kArk, root.der()});
  });
  return {alone,
          {"whole chain", Verdict(TestChip().Evidence(), kTestNow)},
          {"names are the same", same_name ? RefusalClass::kChain : RefusalClass::kNone}};
}

Outcomes EvaluateAt(const Case& c) {
  std::smatch date;
  if (!std::regex_search(c.mutation, date,
                         std::regex("evaluate at ([0-9]{4}-[0-9]{2}-[0-9]{2})"))) {
    return {};
  }
  return {{date[1], Verdict(c.bases.at(0), Time(date[1].str() + " 00:00:00"))}};
}

// The verdict on a chip of our own whose evidence also brings a CRL.
RefusalClass WithCrl(const TestChip& chip, CertificateEntry crl) {
  SnpEvidence evidence = chip.Evidence();
  evidence.certificates.push_back(std::move(crl));
  return Verdict(evidence, kTestNow, chip.Trust());
}

Outcomes CrlListsIntermediate(const Case&) {
  const TestChip chip;
  return {{"ASK", WithCrl(chip, chip.Crl({chip.intermediate().serial()}))},
          {"another serial", WithCrl(chip, chip.Crl({{0x7f}})), "OK"}};
}

Outcomes CrlListsLeaf(const Case&) {
  const TestChip chip({.leaf_serial = {0x51}});
  const TestChip zero;
  return {{"by the ARK", WithCrl(chip, chip.Crl({{0x51}}))},
          {"by the ASK", WithCrl(chip, chip.Crl({{0x51}}, /*by_root=*/false))},
          {"serial 0 by the ASK", WithCrl(zero, zero.Crl({{0}}, /*by_root=*/false))}};
}

Outcomes CrlOfAnotherKey(const Case&) { return {{"", WithCrl(TestChip(), TestChip().Crl({}))}}; }

Outcomes CrlOutOfDate(const Case&) {
  const TestChip chip;
  return {{"past", WithCrl(chip, chip.Crl({}, true, kTestNow - 1))},
          {"now", WithCrl(chip, chip.Crl({}, true, kTestNow))}};
}

Outcomes WrongReportData(const Case& c) {
  const auto report = ParseReport(c.bases.at(0).report).value();
  const auto verdict = [&](const ReportData& expected) {
    Appraisal appraisal;
    CheckReportData(report.report_data, expected, &appraisal);
    return appraisal.refusal_class;
  };
  ReportData right;
  right.bytes = report.report_data;
  ReportData flipped = right;
  flipped.bytes[63] ^= 1;
  size_t used = report.report_data.size();
  while (used > 0 && report.report_data[used - 1] == 0) --used;
  Outcomes out = {{"as signed", verdict(right), "OK"}, {"one bit", verdict(flipped)}};
  if (used > 0) {  // of zeros every prefix is the same
    out.push_back(
        {"a prefix",
         verdict(ReportData::FromBytes(ByteView(report.report_data).first(used - 1)).value())});
    ReportData behind;
    std::copy_n(report.report_data.begin(), 32, behind.bytes.begin() + 32);
    out.push_back({"zeros in front", verdict(behind)});
  }
  return out;
}

Outcomes DebugPolicy(const Case& c) {
  return {{"default", Verdict(c.bases.at(0), c.now, {}, {})},
          {"allowed", Verdict(c.bases.at(0), c.now, {}, {.allow_debug = true}), "OK"}};
}

Outcomes MinimumOneAbove(const Case& c) {
  const auto report = ParseReport(c.bases.at(0).report).value();
  const TcbComponents tcb = report.reported_tcb.Components(Product::kMilan);
  Outcomes out;
  for (uint8_t TcbComponents::*component : {&TcbComponents::bootloader, &TcbComponents::tee,
                                            &TcbComponents::snp, &TcbComponents::microcode}) {
    SnpPolicy policy = AnyPolicy();
    policy.min_reported_tcb = tcb;
    ++(policy.min_reported_tcb.value().*component);
    out.push_back({policy.min_reported_tcb->ToString(), Verdict(c.bases[0], c.now, {}, policy)});
    // All others at nought: an integer would see a larger number.
    policy.min_reported_tcb = TcbComponents{};
    policy.min_reported_tcb.value().*component = static_cast<uint8_t>(tcb.*component + 1);
    out.push_back({policy.min_reported_tcb->ToString(), Verdict(c.bases[0], c.now, {}, policy)});
  }
  SnpPolicy met = AnyPolicy();
  met.min_reported_tcb = tcb;
  out.push_back({"met", Verdict(c.bases[0], c.now, {}, met), "OK"});
  return out;
}

Outcomes LeafOfAnotherTcb(const Case&) {
  const TestChip chip;
  Outcomes out;
  for (size_t i = 0; i < 8; ++i) {
    const auto evidence = chip.Evidence([&](Report& r) {
      for (TcbVersion* tcb : {&r.reported_tcb, &r.committed_tcb, &r.current_tcb}) ++tcb->raw[i];
    });
    out.push_back({StrCat("byte ", i), Verdict(evidence, kTestNow, chip.Trust())});
  }
  return out;
}

Outcomes OtherTcbLayout(const Case&) {
  const auto relaid = [](Product chip_product, Product layout) {
    const TestChip chip({.product = chip_product});
    return Verdict(chip.Evidence([&](Report& r) {
      const auto tcb = TcbVersion::FromComponents(layout, r.reported_tcb.Components(chip_product));
      r.reported_tcb = r.committed_tcb = r.current_tcb = r.launch_tcb = tcb;
    }),
                   kTestNow, chip.Trust());
  };
  return {{"Turin's on Milan", relaid(Product::kMilan, Product::kTurin)},
          {"Milan's on Turin", relaid(Product::kTurin, Product::kMilan)},
          {"its own", relaid(Product::kTurin, Product::kTurin), "OK"}};
}

Outcomes OtherChipId(const Case&) {
  Outcomes out;
  for (Product product : {Product::kMilan, Product::kGenoa, Product::kTurin}) {
    const TestChip chip({.product = product});
    for (size_t i : {0, 7, 8, 63}) {
      const auto evidence = chip.Evidence([&](Report& r) { r.chip_id[i] ^= 1; });
      out.push_back(
          {StrCat(ProductName(product), " ", i), Verdict(evidence, kTestNow, chip.Trust())});
    }
  }
  return out;
}

Outcomes MaskedChipId(const Case&) {
  const TestChip chip;
  SnpEvidence masked = chip.Evidence([](Report& r) { r.chip_id.fill(0); });
  const SnpPolicy allowed{.allow_masked_chip_id = true};
  Outcomes out = {{"default", Verdict(masked, kTestNow, chip.Trust(), {}), "CHIP_ID"},
                  {"allowed", Verdict(masked, kTestNow, chip.Trust(), allowed), "OK"}};
  masked.report[0x90] ^= 1;
  out.push_back({"forged", Verdict(masked, kTestNow, chip.Trust(), allowed), "SIGNATURE"});
  return out;
}

// Version 4 is a published one; a report changed into it falls by its signature.
Outcomes OtherVersions(const Case& c) {
  Outcomes out;
  for (uint64_t version : Numbers(c.mutation)) {
    out.push_back(c.Way(StrCat(version), [&](SnpEvidence& e) {
      for (int i = 0; i < 4; ++i) e.report[i] = static_cast<uint8_t>(version >> (8 * i));
    }));
    if (version >= 2 && version <= 5) out.back().admitted = "SIGNATURE";
  }
  return out;
}

Outcomes Vmpl(const Case& c) {
  SnpPolicy vmpl0 = AnyPolicy();
  vmpl0.max_vmpl = 0;
  SnpPolicy vmpl1 = AnyPolicy();
  vmpl1.max_vmpl = 1;
  return {{"VMPL 0 only", Verdict(c.bases.at(0), c.now, {}, vmpl0)},
          {"VMPL 1", Verdict(c.bases.at(0), c.now, {}, vmpl1), "OK"}};
}

Outcomes OtherSizes(const Case& c) {
  Outcomes out;
  for (uint64_t size : Numbers(c.mutation)) {
    out.push_back(c.Way(StrCat(size), [&](SnpEvidence& e) { e.report.resize(size); }));
  }
  return out;
}

// A report whose own VCEK nobody has: refused for want of one, and under any other machine's.
Outcomes AsStored(const Case& c) {
  Outcomes out = {{"without a VCEK", Verdict(c.bases.at(0), c.now), "CHAIN"}};
  for (const SnpEvidence& other : c.others) {
    SnpEvidence evidence = c.bases.at(0);
    evidence.certificates.insert(evidence.certificates.begin(), other.certificates[0]);
    const auto leaf = crypto::Certificate::FromDer(other.certificates[0].data).value();
    out.push_back({leaf.issuer_text(), Verdict(evidence, leaf.not_before() + kOneDay)});
  }
  return out;
}

Outcomes ChainCheck(const Case& c) {
  const auto chain = VerifyVekChain(c.bases.at(0).certificates, CertificateKind::kVcek, {}, c.now);
  return {{"", ClassOf(chain.status(), RefusalClass::kNone)}};
}

Outcomes BadTables(const Case& c) {
  const Bytes good =
      BuildCertificateTable({c.bases.at(0).certificates[0], c.bases.at(0).certificates[1]}).value();
  const auto with = [&](const char* label, size_t at, uint32_t value) {
    Evidence evidence;
    evidence.report = c.bases[0].report;
    evidence.auxiliary = good;
    for (int i = 0; i < 4; ++i) {
      evidence.auxiliary[at + i] = static_cast<uint8_t>(value >> (8 * i));
    }
    return Outcome{label, ClassOf(SnpEvidenceFrom(evidence).status(), RefusalClass::kNone)};
  };
  const auto size = static_cast<uint32_t>(good.size());
  Outcomes out = {with("offset past the end", 16, size + 1),
                  with("offset huge", 16, 0xffffffff),
                  with("length past the end", 20, size),
                  with("length huge", 20, 0xffffffff),
                  with("on the directory", 16, 0),
                  with("on its neighbour", 40, 73),
                  with("no zero entry", 48, 1)};
  Evidence cut;
  cut.auxiliary = Bytes(good.begin(), good.begin() + 48);
  out.push_back({"cut", ClassOf(SnpEvidenceFrom(cut).status(), RefusalClass::kNone)});
  return out;
}

struct Phrase {
  std::string_view part;  // of the mutation
  Outcomes (*run)(const Case&);
};
constexpr Phrase kPhrases[] = {
    {"reverse the 48 significant bytes", BigEndian},
    {"R=0 or S=0 or R>=n", ScalarsOutOfRange},
    {"non-zero byte in R[48..71] or S[48..71]", HighBytes},
    {"set byte", ReservedByte},
    {"use the VCEK of the second", LeafOfTheSecond},
    {"under ARK/ASK-", UnderOtherProduct},
    {"under SEV-VLEK-", UnderVlekAuthority},
    {"pass ASK as root and ARK as intermediate", SwapRootAndIntermediate},
    {"present VLEK in the VCEK slot", VlekAsVcek},
    {"ARK with the same subject DN but a new key", RootOfTheSameName},
    {"evaluate at ", EvaluateAt},
    {"lists the ASK serial", CrlListsIntermediate},
    {"listing the VCEK serial", CrlListsLeaf},
    {"CRL signed by another key", CrlOfAnotherKey},
    {"nextUpdate in the past", CrlOutOfDate},
    {"expected report_data differs", WrongReportData},
    {"bit 19 DEBUG", DebugPolicy},
    {"one above each component", MinimumOneAbove},
    {"SPL extensions differ", LeafOfAnotherTcb},
    {"using Turin layout", OtherTcbLayout},
    {"chip_id != VCEK hwID", OtherChipId},
    {"chip_id all zero", MaskedChipId},
    {"version field", OtherVersions},
    {"genuine VMPL 1 report", Vmpl},
    {"lengths ", OtherSizes},
    {"4096 bytes", OtherSizes},
    {"as stored", AsStored},
    {"chain check", ChainCheck},
    {"GHCB certificate table", BadTables},
    {"flip", FlipBits},
};

class OutsideSnpNegative : public OutsideSnpTest {
 protected:
  // nullopt when a base is neither a vector of the folder nor in brackets ("(synthetic PKI)").
  std::optional<Case> Read(const Json& test) const {
    Case out{Text(test, "mutation"), {}, 0, authorities_, {}};
    for (const Json& vector : OfKind("snp-report")) {
      SnpEvidence evidence = EvidenceOf(vector);
      if (evidence.certificates[0].kind == CertificateKind::kVcek) out.others.push_back(evidence);
    }
    for (const Json& base : test.at("base")) {
      const std::string id = base.get<std::string>();
      const auto vector = VectorById(id);
      if (!vector && !id.starts_with("(")) return std::nullopt;
      if (!vector) continue;
      out.bases.push_back(EvidenceOf(*vector));
      // With several, a time at which all leaves are valid.
      out.now = std::max(out.now, ValidTime(*vector));
    }
    return out;
  }

  // What came out otherwise than stated; empty when nothing did.
  static std::string Judge(const Json& test, const Case& c) {
    const auto phrase =
        std::find_if(std::begin(kPhrases), std::end(kPhrases),
                     [&](const Phrase& p) { return c.mutation.find(p.part) != std::string::npos; });
    if (phrase == std::end(kPhrases)) return "unknown phrase: " + c.mutation;
    const Outcomes outcomes = phrase->run(c);
    if (outcomes.empty()) return "the phrase gives nothing to try: " + c.mutation;
    std::string wrong;
    for (const Outcome& outcome : outcomes) {
      const std::string words =
          outcome.admitted.empty() ? Text(test, "expected_error_class") : outcome.admitted;
      if (Admits(words, outcome.got)) continue;
      StrAppend(&wrong, " [", outcome.label, ": ", RefusalClassName(outcome.got), ", not ", words,
                "]");
    }
    return wrong;
  }
};

TEST_F(OutsideSnpNegative, Cases) {
  Tally tally("snp negative case");
  for (const Json& test : NegativeCases("snp_")) {
    const auto c = Read(test);
    const std::string wrong = c ? Judge(test, *c) : "a base is unknown";
    tally.Count(wrong.empty(), Text(test, "id") + ": " + wrong);
  }
}

}  // namespace
}  // namespace nacre::tee::sev
