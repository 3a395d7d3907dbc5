// TPM quotes and Azure HCL reports of a shared folder, compared with what its manifest states, and
// the ways it says to break them. The mutations are prose: each is looked up in a table of what it
// means, and one the table does not know counts as failed.

#include "tee/testing/outside.h"

#include <functional>

#include "base/encoding.h"
#include "base/strings.h"
#include "crypto/x509.h"
#include "tee/tdx/outside_data.h"
#include "tee/tpm/azure.h"
#include "tee/tpm/public_area.h"

namespace nacre::tee::tpm {
namespace {

using outside::Admits;
using outside::FileOf;
using outside::IsTrue;
using outside::ReadData;
using outside::Tally;
using outside::Text;

Bytes HexOf(const Json& object, const char* key) { return HexDecode(Text(object, key)).value(); }

PcrValues PcrsOf(const Json& stated) {
  PcrValues out;
  for (const auto& [pcr, value] : stated.items()) {
    out[static_cast<uint32_t>(std::stoul(pcr))] = HexDecode(value.get<std::string>()).value();
  }
  return out;
}

// 24 digests of 32 bytes.
PcrValues PcrsOf(const Bytes& file) {
  PcrValues out;
  for (uint32_t pcr = 0; pcr < file.size() / 32; ++pcr) {
    out[pcr] = ToBytes(ByteView(file).subspan(32 * pcr, 32));
  }
  return out;
}

bool SameAttest(const Bytes& bytes, const Json& stated) {
  const auto attest = ParseAttest(bytes);
  if (!attest.ok() || SerializeAttest(*attest) != bytes) return false;
  Json selections = Json::array();
  for (const PcrSelection& selection : attest->selections) {
    const bool sha1 = selection.bank == Bank::kSha1;
    const char* id = sha1 ? "0x4" : selection.bank == Bank::kSha256 ? "0xb" : "0xc";
    selections.push_back(Json::array({id, selection.Pcrs()}));
  }
  return HexOf(stated, "qualified_signer") == attest->qualified_signer &&
         HexOf(stated, "nonce") == attest->extra_data &&
         stated.at("clock").get<uint64_t>() == attest->clock &&
         stated.at("reset_count").get<uint32_t>() == attest->reset_count &&
         stated.at("restart_count").get<uint32_t>() == attest->restart_count &&
         (stated.at("safe").get<int>() == 1) == attest->safe &&
         HexOf(stated, "firmware_version") ==
             ByteWriter().U64Be(attest->firmware_version).Release() &&
         stated.at("pcr_selection") == selections &&
         HexOf(stated, "pcr_digest") == attest->pcr_digest;
}

class TpmOutside : public tdx::OutsideTdx {
 protected:
  static sev::SnpTrust AmdTrust() {
    sev::SnpTrust trust;
    for (const Json& vector : OfKind("snp-ca-cert")) {
      const Bytes der = ReadData(FileOf(vector, "certificate"));
      const auto name = crypto::Certificate::FromDer(der).value().subject_common_name().value();
      const bool root = name.starts_with("ARK-");
      trust.known_certificates.push_back(
          {root ? sev::CertificateKind::kArk : sev::CertificateKind::kAsk, der});
    }
    return trust;
  }

  static AzureEvidence EvidenceOf(const Json& vector) {
    AzureEvidence out;
    out.hcl_report = ReadData(FileOf(vector, FileOf(vector, "HCL").empty() ? "Azure HCL" : "HCL"));
    out.tpm.attest = ReadData(FileOf(vector, "TPMS_ATTEST"));
    const std::string raw = FileOf(vector, "RSASSA");
    out.tpm.signature =
        SerializeSignature(RawRsaSsa(ReadData(raw.empty() ? FileOf(vector, "signature") : raw)));
    const std::string pcrs = FileOf(vector, "24 x 32");
    out.tpm.pcrs[Bank::kSha256] = PcrsOf(ReadData(pcrs.empty() ? FileOf(vector, "PCRs") : pcrs));
    const std::string vcek = FileOf(vector, "VCEK");
    if (!vcek.empty()) out.certificates.push_back({sev::CertificateKind::kVcek, ReadData(vcek)});
    const std::string quote = FileOf(vector, "TD quote");
    if (!quote.empty()) out.td_quote = ReadData(quote);
    return out;
  }

  static Bytes NonceOf(const Json& vector) {
    return HexOf(vector.at("expected").at("attest"), "nonce");
  }

  // A day into the VCEK's time.
  static int64_t SnpTime(const AzureEvidence& evidence) {
    return crypto::Certificate::FromDer(evidence.certificates.at(0).data).value().not_before() +
           24 * 3600;
  }

  static RefusalClass VerifySnp(const AzureEvidence& evidence, const Bytes& nonce, int64_t now) {
    Appraisal appraisal;
    const sev::SnpPolicy any{.allow_debug = true, .allow_migration_agent = true, .max_vmpl = 3};
    const auto found = VerifyAzureSnp(evidence, AmdTrust(), any, nonce, {}, now, &appraisal);
    EXPECT_EQ(found.has_value(), appraisal.affirmed()) << appraisal.refusal;
    return appraisal.refusal_class;
  }

  // With each pair of documents that the quote's own vector lists and a moment when they hold.
  static bool VerifiesAsTdx(const AzureEvidence& evidence, const Json& vector) {
    for (const Json& id : vector.at("expected").at("td_quote")) {
      const Json quote = VectorById(id.get<std::string>()).value();
      for (const Json& pair : quote.at("expected").at("tcb_evaluations")) {
        const std::string info = Text(pair, "tcb_info");
        const std::string identity = Text(pair, "qe_identity");
        const auto now = Moment(quote, info, identity);
        if (!now) continue;
        const auto collateral = tdx::ParseCollateral(MakeCollateral(info, identity));
        Appraisal appraisal;
        if (VerifyAzureTdx(evidence, *collateral, {}, tdx::AnyPolicy(), NonceOf(vector), {}, *now,
                           &appraisal)) {
          return true;
        }
        ADD_FAILURE() << appraisal.refusal;
      }
    }
    return false;
  }

  static bool AzureAsStated(const Json& vector);
};

bool SameHcl(const Bytes& bytes, const Json& stated) {
  const auto report = ParseHclReport(bytes);
  if (!report.ok()) return false;
  const auto runtime = ParseHclRuntimeData(report->variable_data);
  if (!runtime.ok()) return false;
  const bool snp = report->type == HclReportType::kSnp;
  const size_t report_data = snp ? 0x50 : 128;
  const ByteView carried = ByteView(report->hardware_report).subspan(report_data, 64);
  bool good =
      stated.at("header_version").get<uint32_t>() == report->version &&
      stated.at("report_size").get<uint32_t>() == report->report_size &&
      stated.at("request_type").get<uint32_t>() == report->request_type &&
      stated.at("runtime_data_size").get<uint32_t>() == report->runtime_data_size &&
      stated.at("runtime_data_version").get<uint32_t>() == report->runtime_data_version &&
      stated.at("variable_data_size").get<size_t>() == report->variable_data.size() &&
      Text(stated, "report_type") == (snp ? "SNP" : "TDX") &&
      Text(stated, "variable_data_sha256") == HexEncode(ByteView(report->ReportData()).first(32)) &&
      std::ranges::equal(carried, report->ReportData()) == IsTrue(stated, "binding_valid");
  good = good && runtime->user_data == Text(stated, "user_data");
  for (const auto& [name, value] : stated.at("vm_configuration").items()) {
    const std::string text =
        value.is_boolean() ? (value.get<bool>() ? "true" : "false") : value.get<std::string>();
    good = good && runtime->vm_configuration.contains(name) &&
           runtime->vm_configuration.at(name) == text;
  }
  return good && runtime->vm_configuration.size() == stated.at("vm_configuration").size();
}

bool TpmOutside::AzureAsStated(const Json& vector) {
  const AzureEvidence evidence = EvidenceOf(vector);
  const Json& expected = vector.at("expected");
  if (!SameHcl(evidence.hcl_report, expected.at("hcl")) ||
      !SameAttest(evidence.tpm.attest, expected.at("attest")) ||
      (expected.contains("pcrs") &&
       evidence.tpm.pcrs.at(Bank::kSha256) != PcrsOf(expected.at("pcrs")))) {
    return false;
  }
  // The quote by itself, under the key the report names.
  const auto runtime = ParseHclRuntimeData(ParseHclReport(evidence.hcl_report)->variable_data);
  Appraisal alone;
  const auto ak = TrustedAk::Configured("HCLAkPub of the vector", runtime->attestation_key);
  const bool quoted = VerifyTpm(evidence.tpm, ak, NonceOf(vector), {}, &alone).has_value();
  if (quoted != (IsTrue(expected, "quote_signature_valid_under_HCLAkPub") &&
                 IsTrue(expected, "pcr_digest_matches"))) {
    return false;
  }
  // The document it came in says the same.
  const std::string document = FileOf(vector, "origin JSON");
  if (!document.empty()) {
    const auto read = ParseAzureEvidence(AsText(ReadData(document)));
    if (!read.ok() || read->hcl_report != evidence.hcl_report ||
        read->tpm.attest != evidence.tpm.attest || read->tpm.pcrs != evidence.tpm.pcrs ||
        read->tpm.signature != evidence.tpm.signature || read->td_quote != evidence.td_quote ||
        read->certificates != evidence.certificates) {
      return false;
    }
  }
  if (!evidence.certificates.empty()) {
    return VerifySnp(evidence, NonceOf(vector), SnpTime(evidence)) == RefusalClass::kNone;
  }
  return evidence.td_quote.empty() || VerifiesAsTdx(evidence, vector);
}

TEST_F(TpmOutside, AzureQuotes) {
  Tally tally("tpm-quote-azure-hcl");
  for (const Json& vector : OfKind("tpm-quote-azure-hcl")) {
    tally.Count(AzureAsStated(vector), Text(vector, "id"));
  }
}

TEST_F(TpmOutside, HclReports) {
  Tally tally("tpm-hcl-report");
  for (const Json& vector : OfKind("tpm-hcl-report")) {
    tally.Count(SameHcl(ReadData(FileOf(vector, "HCL report")), vector.at("expected")),
                Text(vector, "id"));
  }
}

TEST_F(TpmOutside, PlainQuotes) {
  Tally tally("tpm-quote");
  for (const Json& vector : OfKind("tpm-quote")) {
    const Json& expected = vector.at("expected");
    TpmEvidence evidence;
    evidence.attest = ReadData(FileOf(vector, "TPMS_ATTEST"));
    evidence.signature = ReadData(FileOf(vector, "TPMT_SIGNATURE"));
    evidence.pcrs[Bank::kSha256] = PcrsOf(expected.at("pcrs"));
    const auto signature = ParseSignature(evidence.signature);
    const auto ak = TrustedAk::Configured(
        "AK of the vector", crypto::PublicKey::FromSpkiDer(ReadData(FileOf(vector, "AK"))).value());
    Appraisal appraisal;
    tally.Count(SameAttest(evidence.attest, expected.at("attest")) && signature.ok() &&
                    SerializeSignature(*signature) == evidence.signature &&
                    VerifyTpm(evidence, ak, HexOf(expected.at("attest"), "nonce"), {}, &appraisal)
                        .has_value(),
                Text(vector, "id"));
  }
}

// The quotes of one vector, one a bank, in the order of its files.
std::vector<TpmEvidence> QuotesOf(const Json& vector) {
  std::vector<TpmEvidence> out;
  for (const Json& file : vector.at("files")) {
    if (Text(file, "role") == "TPMS_ATTEST") {
      out.emplace_back().attest = ReadData(Text(file, "path"));
    } else if (Text(file, "role") == "TPMT_SIGNATURE") {
      out.back().signature = ReadData(Text(file, "path"));
    }
  }
  const Json& stated = vector.at("expected").at("quotes");
  for (size_t i = 0; i < out.size(); ++i) {
    const Bank bank = eventlog::ParseBankName(Text(stated.at(i), "bank")).value();
    out[i].pcrs[bank] = PcrsOf(stated.at(i).at("pcrs"));
    out[i].event_log = ReadData(FileOf(vector, "TCG event log"));
  }
  return out;
}

TrustedAk AkOf(const Json& vector) {
  return TrustedAk::Configured("AK of the vector",
                               ParsePublicArea(ReadData(FileOf(vector, "AK TPMT_PUBLIC")))->key);
}

TEST_F(TpmOutside, QuotesWithTheirLogs) {
  Tally tally("tpm-quote+eventlog");
  for (const Json& vector : OfKind("tpm-quote+eventlog")) {
    const std::vector<TpmEvidence> quotes = QuotesOf(vector);
    const Json& expected = vector.at("expected");
    bool good = !quotes.empty();
    for (size_t i = 0; good && i < quotes.size(); ++i) {
      const Json& stated = expected.at("quotes").at(i);
      const Bank bank = quotes[i].pcrs.begin()->first;
      Appraisal appraisal;
      const bool verified = VerifyTpm(quotes[i], AkOf(vector), HexOf(stated.at("attest"), "nonce"),
                                      {.bank = bank, .require_event_log = true}, &appraisal)
                                .has_value();
      good =
          SameAttest(quotes[i].attest, stated.at("attest")) &&
          verified == (IsTrue(stated, "signature_valid") &&
                       IsTrue(expected.at("replay_matches_quote"), Text(stated, "bank").c_str()));
      EXPECT_TRUE(good) << appraisal.refusal;
    }
    tally.Count(good, Text(vector, "id"));
  }
}

// --- Mutations ---

struct Attempt {
  AzureEvidence evidence;
  Bytes nonce;
  int64_t now;
};
using Attempts = std::vector<Attempt>;
// Of the first base, with the second at hand when there is one.
using Mutation = std::function<Attempts(const Attempt& base, const Attempt& other)>;

constexpr size_t kVariableSize = 0x4d0;
constexpr size_t kVariableData = 0x4d4;

const std::map<std::string, Mutation>& Phrases() {
  static const auto* phrases = new std::map<std::string, Mutation>{
      {"change 0xff544347 or type 0x8018",
       [](const Attempt& base, const Attempt&) {
         Attempts out;
         for (size_t i = 0; i < 6; ++i) {
           out.push_back(base);
           out.back().evidence.tpm.attest[i] ^= 1;
         }
         return out;
       }},
      {"flip signature bit",
       [](const Attempt& base, const Attempt&) {
         Attempts out;
         for (size_t i = 6; i < base.evidence.tpm.signature.size(); i += 50) {
           out.push_back(base);
           out.back().evidence.tpm.signature[i] ^= 0x10;
         }
         return out;
       }},
      {"flip a bit in any selected PCR",
       [](const Attempt& base, const Attempt&) {
         Attempts out;
         for (uint32_t pcr : ParseAttest(base.evidence.tpm.attest)->selections.at(0).Pcrs()) {
           out.push_back(base);
           out.back().evidence.tpm.pcrs[Bank::kSha256].at(pcr)[pcr] ^= 0x80;
         }
         return out;
       }},
      // The other's report is genuine in its own right: its certificate comes with it.
      {"use the HCL report of the second",
       [](const Attempt& base, const Attempt& other) {
         Attempt out = base;
         out.evidence.hcl_report = other.evidence.hcl_report;
         out.evidence.certificates = other.evidence.certificates;
         out.now = std::max(base.now, other.now);
         return Attempts{out};
       }},
      {"change one byte in runtime JSON",
       [](const Attempt& base, const Attempt&) {
         Attempts out;
         const size_t size = ParseHclReport(base.evidence.hcl_report)->variable_data.size();
         for (size_t i = 0; i < size; i += 37) {
           out.push_back(base);
           out.back().evidence.hcl_report[kVariableData + i] ^= 1;
         }
         return out;
       }},
      {"variable_data_size 0 / past end / 0xffffffff; HCLA signature wrong",
       [](const Attempt& base, const Attempt&) {
         Attempts out;
         const uint32_t past = static_cast<uint32_t>(base.evidence.hcl_report.size());
         for (uint32_t size : {0u, past, 0xffffffffu}) {
           out.push_back(base);
           for (size_t i = 0; i < 4; ++i) {
             out.back().evidence.hcl_report[kVariableSize + i] =
                 static_cast<uint8_t>(size >> (8 * i));
           }
         }
         out.push_back(base);
         out.back().evidence.hcl_report[0] ^= 0x20;
         return out;
       }},
      {"TDX HCL report with SNP evidence",
       [](const Attempt& base, const Attempt& other) {
         Attempt out = other;
         out.evidence.hcl_report = base.evidence.hcl_report;
         return Attempts{out};
       }},
      {"VCEK of the other",
       [](const Attempt& base, const Attempt& other) {
         Attempt out = base;
         out.evidence.certificates = other.evidence.certificates;
         out.now = std::max(base.now, other.now);
         return Attempts{out};
       }},
  };
  return *phrases;
}

// "expected nonce "..."": the verifier wants this text.
std::optional<Attempts> Mutate(const std::string& phrase, const Attempt& base,
                               const Attempt& other) {
  const auto known = Phrases().find(phrase);
  if (known != Phrases().end()) return known->second(base, other);
  constexpr std::string_view kNonce = "expected nonce \"";
  if (phrase.starts_with(kNonce) && phrase.ends_with('"')) {
    Attempt out = base;
    out.nonce = ToBytes(phrase.substr(kNonce.size(), phrase.size() - kNonce.size() - 1));
    return Attempts{out};
  }
  return std::nullopt;
}

// The one phrase about quotes without an HCL report.
bool CutAttestsAreRefused(const Json& vector, const std::string& words) {
  bool good = true;
  for (const TpmEvidence& quote : QuotesOf(vector)) {
    std::vector<Bytes> broken;
    const Bytes& attest = quote.attest;
    for (size_t size = 0; size < attest.size(); ++size) {
      broken.emplace_back(attest.begin(), attest.begin() + static_cast<std::ptrdiff_t>(size));
    }
    const Attest parsed = *ParseAttest(attest);
    const size_t nonce = 6 + 2 + parsed.qualified_signer.size();
    const size_t list = nonce + 2 + parsed.extra_data.size() + 8 + 4 + 4 + 1 + 8;
    const size_t digest = attest.size() - parsed.pcr_digest.size() - 2;
    for (size_t sized : {size_t{6}, nonce, digest}) {
      for (uint8_t high : {0x01, 0xff}) {
        broken.push_back(attest);
        broken.back()[sized] = high;
      }
    }
    broken.push_back(attest);
    std::fill_n(broken.back().begin() + static_cast<std::ptrdiff_t>(list), 4, 0xff);
    for (const Bytes& one : broken) {
      TpmEvidence changed = quote;
      changed.attest = one;
      Appraisal appraisal;
      (void)VerifyTpm(changed, AkOf(vector), {}, {.bank = quote.pcrs.begin()->first}, &appraisal);
      good = good && Admits(words, appraisal.refusal_class);
    }
  }
  return good;
}

TEST_F(TpmOutside, NegativeCases) {
  Tally tally("tpm negative case");
  for (const Json& test : NegativeCases("tpm_")) {
    const std::string words = Text(test, "expected_error_class");
    const std::string phrase = Text(test, "mutation");
    std::vector<Json> bases;
    for (const auto& id : test.at("base").get<std::vector<std::string>>()) {
      bases.push_back(VectorById(id).value());
    }
    if (Text(bases[0], "kind") == "tpm-quote+eventlog") {
      const bool known =
          phrase == "every prefix; TPM2B sizes past end; pcr select count 0xffffffff";
      tally.Count(known && CutAttestsAreRefused(bases[0], words), Text(test, "id"));
      continue;
    }
    std::vector<Attempt> attempts;
    for (const Json& base : bases) {
      AzureEvidence evidence = EvidenceOf(base);
      const int64_t now = evidence.certificates.empty() ? 0 : SnpTime(evidence);
      attempts.push_back({std::move(evidence), NonceOf(base), now});
    }
    const auto mutants = Mutate(phrase, attempts.front(), attempts.back());
    EXPECT_TRUE(mutants) << "no meaning is known for '" << phrase << "'";
    bool good = mutants && !mutants->empty();
    for (size_t i = 0; good && i < mutants->size(); ++i) {
      const Attempt& mutant = (*mutants)[i];
      const RefusalClass got = VerifySnp(mutant.evidence, mutant.nonce, mutant.now);
      good = Admits(words, got);
      EXPECT_TRUE(good) << Text(test, "id") << ": mutant " << i << ": " << RefusalClassName(got);
    }
    tally.Count(good, Text(test, "id"));
  }
}

}  // namespace
}  // namespace nacre::tee::tpm
