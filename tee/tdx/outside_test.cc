// Data from elsewhere (tee/testing/outside.h): every TDX and SGX quote, every piece of Intel's
// collateral, and what they mean together.

#include <gtest/gtest.h>

#include <algorithm>

#include "base/encoding.h"
#include "base/strings.h"
#include "tee/common/hex_number.h"
#include "tee/tdx/outside_data.h"

namespace nacre::tee::tdx {
namespace {

using outside::FileOf;
using outside::IsTrue;
using outside::ReadData;
using outside::Tally;
using outside::Text;
using outside::Time;

bool Hex(const Json& stated, const char* key, ByteView got) {
  return Text(stated, key) == HexEncode(got);
}

bool SameHeader(const QuoteHeader& header, const Json& stated) {
  return header.version == stated.at("version").get<int>() &&
         header.attestation_key_type == stated.at("att_key_type").get<int>() &&
         FormatHexNumber(header.tee_type) == Text(stated, "tee_type") &&
         Hex(stated, "qe_svn_field", ByteWriter().U16Le(header.qe_svn).bytes()) &&
         Hex(stated, "pce_svn_field", ByteWriter().U16Le(header.pce_svn).bytes()) &&
         Hex(stated, "qe_vendor_id", header.qe_vendor_id) &&
         Hex(stated, "user_data", header.user_data);
}

bool SameTd(const TdBody& td, const Json& stated) {
  bool same = Hex(stated, "tee_tcb_svn", td.tee_tcb_svn) && Hex(stated, "mrseam", td.mrseam) &&
              Hex(stated, "mrsignerseam", td.mrsignerseam) &&
              Hex(stated, "seamattributes", td.seamattributes) &&
              Hex(stated, "tdattributes", ByteWriter().U64Le(td.td_attributes).bytes()) &&
              Hex(stated, "xfam", ByteWriter().U64Le(td.xfam).bytes()) &&
              Hex(stated, "mrtd", td.mrtd) && Hex(stated, "mrconfigid", td.mrconfigid) &&
              Hex(stated, "mrowner", td.mrowner) &&
              Hex(stated, "mrownerconfig", td.mrownerconfig) &&
              Hex(stated, "reportdata", td.report_data) && td.debug() == IsTrue(stated, "debug");
  for (size_t i = 0; i < td.rtmr.size(); ++i) {
    same = same && Hex(stated, StrCat("rtmr", i).c_str(), td.rtmr[i]);
  }
  if (stated.contains("tee_tcb_svn_2") != td.td15.has_value()) return false;
  return same && (!td.td15 || (Hex(stated, "tee_tcb_svn_2", td.td15->tee_tcb_svn_2) &&
                               Hex(stated, "mrservicetd", td.td15->mrservicetd)));
}

bool SameEnclave(const EnclaveReport& report, const Json& stated) {
  return Hex(stated, "cpusvn", report.cpu_svn) &&
         Hex(stated, "miscselect", ByteWriter().U32Le(report.miscselect).bytes()) &&
         Hex(stated, "attributes", report.attributes) &&
         Hex(stated, "mrenclave", report.mrenclave) && Hex(stated, "mrsigner", report.mrsigner) &&
         Hex(stated, "report_data", report.report_data) &&
         report.isv_prod_id == stated.at("isvprodid").get<int>() &&
         report.isv_svn == stated.at("isvsvn").get<int>();
}

bool SameFlag(const std::optional<bool>& flag, const Json& stated) {
  return stated.is_null() ? !flag : flag && *flag == stated.get<bool>();
}

bool SamePck(const PckExtension& pck, const Json& stated) {
  const Json& instance = stated.at("platform_instance_id");
  return Hex(stated, "ppid", pck.ppid) && Hex(stated, "cpusvn", pck.cpu_svn) &&
         Hex(stated, "pceid", pck.pce_id) && Hex(stated, "fmspc", pck.fmspc) &&
         stated.at("tcb_comp_svn") == Json(pck.sgx_svn) &&
         stated.at("pcesvn").get<int>() == pck.pce_svn &&
         stated.at("sgx_type").get<int>() == static_cast<int>(pck.sgx_type) &&
         (instance.is_null()
              ? !pck.platform_instance_id
              : pck.platform_instance_id && HexEncode(*pck.platform_instance_id) == instance) &&
         SameFlag(pck.dynamic_platform, stated.at("dynamic_platform")) &&
         SameFlag(pck.cached_keys, stated.at("cached_keys")) &&
         SameFlag(pck.smt_enabled, stated.at("smt_enabled"));
}

// Everything that can be said without collateral. The chain is judged in the middle of the PCK's
// time.
bool SameQuote(const Bytes& bytes, const Json& stated) {
  const auto quote = ParseQuote(bytes);
  if (!quote.ok() || SerializeQuote(*quote) != bytes || quote->trailing != 0 ||
      quote->size != stated.at("total_len").get<size_t>()) {
    return false;
  }
  const QuoteSignature& signature = quote->signature;
  const int64_t now = Time(Text(stated, "pck_not_before")) + 1;
  const auto chain = VerifyPckChain(signature.certification_data, {}, now);
  if (chain.ok() != IsTrue(stated, "pck_chain_valid_ignoring_time")) return false;
  const auto pck = ReadPckExtension(chain->pck);
  return SameHeader(quote->header, stated) &&
         (quote->td ? SameTd(*quote->td, stated.at("body"))
                    : SameEnclave(*quote->sgx, stated.at("body"))) &&
         SameEnclave(signature.qe_report, stated.at("qe_report")) &&
         signature.qe_auth_data.size() == stated.at("qe_auth_data_len").get<size_t>() &&
         signature.certification_type == stated.at("inner_cert_data_type").get<int>() &&
         signature.certification_data.size() == stated.at("inner_cert_data_size").get<size_t>() &&
         pck.ok() && SamePck(*pck, stated.at("pck")) &&
         ParsePckExtension(SerializePckExtension(*pck)).value() == *pck &&
         StrCat("0x", HexEncode(chain->pck.serial())) == Text(stated, "pck_serial");
}

// The same quote with bytes after it: read alike, the bytes counted.
bool SamePadded(const Json& vector) {
  const std::string path = FileOf(vector, "same quote with the trailing bytes");
  if (path.empty()) return true;
  const Bytes bytes = ReadData(path);
  const auto quote = ParseQuote(bytes);
  const size_t size = vector.at("expected").at("total_len").get<size_t>();
  return quote.ok() && quote->size == size && quote->trailing == bytes.size() - size &&
         ByteView(SerializeQuote(*quote)).size() == size &&
         std::ranges::equal(SerializeQuote(*quote), ByteView(bytes).first(size));
}

std::string StatusOr(const Json& value, std::string_view otherwise) {
  return value.is_null() ? std::string(otherwise) : value.get<std::string>();
}

class TdxVectors : public OutsideTdx {
 protected:
  // One pair of documents: each part's verdict and the whole.
  static bool EvaluationAsStated(const Quote& quote, const Json& stated) {
    const Collateral collateral =
        MakeCollateral(Text(stated, "tcb_info"), Text(stated, "qe_identity"));
    const auto parsed = ParseCollateral(collateral);
    if (!parsed.ok()) return false;
    const auto chain = crypto::Certificate::AllFromPem(
        StripSpace(AsText(quote.signature.certification_data)
                       .substr(0, AsText(quote.signature.certification_data).find('\0'))));
    const PckExtension pck = ReadPckExtension(chain.value()[0]).value();
    const auto qe = MatchQuotingEnclave(quote.signature.qe_report, parsed->qe_identity);
    const auto module = MatchModule(*quote.td, parsed->tcb_info);
    const auto platform = MatchPlatform(pck, *quote.td, parsed->tcb_info);
    const auto all = EvaluateTcb(pck, *quote.td, quote.signature.qe_report, parsed->tcb_info,
                                 parsed->qe_identity);
    const std::string overall = Text(stated, "overall_status");
    const bool unsupported = overall.starts_with("ERROR: TCB_NOT_SUPPORTED");
    bool same = qe.ok() == IsTrue(stated.at("qe"), "match") && module.ok() && qe.ok() &&
                TcbStatusName(qe->status) == Text(stated.at("qe"), "qe_tcb_status");
    same = same && platform.ok() == !stated.at("platform_tcb_status").is_null() &&
           (!platform.ok() ||
            (TcbStatusName(platform->status) == Text(stated, "platform_tcb_status") &&
             platform->date == Text(stated, "platform_tcb_date"))) &&
           (module->verdict ? TcbStatusName(module->verdict->status) : "none") ==
               StatusOr(stated.at("module_tcb_status"), "none");
    if (unsupported) return same && ClassOf(all.status(), {}) == RefusalClass::kTcbNotSupported;
    return same && all.ok() && TcbStatusName(all->status) == overall &&
           Json(all->advisories) == stated.at("advisories");
  }

  // Signed by Intel's key: the certificates differ in time only, so any of them tells.
  static bool SignatureAsStated(const SignedJson& document, const Json& stated) {
    bool valid = false;
    bool named = false;
    for (const Json& vector : OfKind("intel-ca-cert")) {
      const auto signer =
          crypto::Certificate::FromDer(ReadData(FileOf(vector, "certificate"))).value();
      named |= HexEncode(signer.Fingerprint(crypto::HashAlgorithm::kSha256))
                   .starts_with(Text(stated, "tcb_signing_cert_sha256_prefix"));
      valid |= signer.public_key()
                   ->VerifyEcdsa(crypto::HashAlgorithm::kSha256, AsBytes(document.signed_text),
                                 document.signature)
                   .ok();
    }
    const Bytes digest =
        crypto::Digest(crypto::HashAlgorithm::kSha256, AsBytes(document.signed_text));
    return named && valid == IsTrue(stated, "signature_valid") &&
           HexEncode(digest) == Text(stated, "signed_bytes_sha256");
  }

  // The whole verification, where a moment exists at which all its parts were in force.
  static bool VerdictAsStated(const Json& vector, const Json& stated, int* judged) {
    const auto now = Moment(vector, Text(stated, "tcb_info"), Text(stated, "qe_identity"));
    if (!now) return true;
    ++*judged;
    const Collateral collateral =
        MakeCollateral(Text(stated, "tcb_info"), Text(stated, "qe_identity"));
    const Bytes bytes = QuoteBytes(vector);
    Appraisal appraisal;
    const auto td = VerifyTdx(bytes, collateral, {}, AnyPolicy(), *now, &appraisal);
    const std::string overall = Text(stated, "overall_status");
    if (overall.starts_with("ERROR: TCB_NOT_SUPPORTED")) {
      return !td && appraisal.refusal_class == RefusalClass::kTcbNotSupported;
    }
    if (!td || appraisal.claims["tcb.status"] != overall || appraisal.emulated) {
      ADD_FAILURE() << appraisal.refusal;
      return false;
    }
    Appraisal strict;
    const bool accepted = VerifyTdx(bytes, collateral, {}, {}, *now, &strict).has_value();
    const bool debug = td->quote.td->debug();
    return accepted == (overall == "UpToDate" && !debug) &&
           (!debug || strict.refusal_class == RefusalClass::kTdDebug);
  }
};

TEST_F(TdxVectors, Quotes) {
  Tally tally("tdx-quote");
  int judged = 0;
  for (const Json& vector : OfKind("tdx-quote")) {
    const Json& stated = vector.at("expected");
    const Bytes bytes = QuoteBytes(vector);
    bool good = SameQuote(bytes, stated) && SamePadded(vector);
    const auto quote = ParseQuote(bytes);
    for (const Json& evaluation : stated.at("tcb_evaluations")) {
      good = good && EvaluationAsStated(*quote, evaluation) &&
             VerdictAsStated(vector, evaluation, &judged);
    }
    tally.Count(good, Text(vector, "id"));
  }
  std::printf("  of these %d pairs of quote and collateral verified at a moment of their own\n",
              judged);
  EXPECT_GT(judged, 0);
}

TEST_F(TdxVectors, SgxQuotesAreRecognisedAndRefused) {
  Tally tally("sgx-quote");
  for (const Json& vector : OfKind("sgx-quote")) {
    const Bytes bytes = QuoteBytes(vector);
    Appraisal appraisal;
    const auto quote = ParseQuote(bytes);
    const bool refused =
        !VerifyTdx(bytes, ParsedCollateral{}, {}, AnyPolicy(), 0, &appraisal).has_value() &&
        appraisal.refusal_class == RefusalClass::kTypeMismatch;
    tally.Count(SameQuote(bytes, vector.at("expected")) && quote->sgx && refused,
                Text(vector, "id"));
  }
}

template <typename Document>
bool DatesAsStated(const Document& document, const Json& stated) {
  std::vector<std::string> statuses;
  for (const auto& level : document.levels) {
    statuses.emplace_back(TcbStatusName(level.verdict.status));
  }
  return document.issue_date == Time(Text(stated, "issueDate")) &&
         document.next_update == Time(Text(stated, "nextUpdate")) &&
         document.evaluation_data_number == stated.at("tcbEvaluationDataNumber").get<uint32_t>() &&
         stated.at("tcb_level_statuses") == Json(statuses);
}

TEST_F(TdxVectors, TcbInfos) {
  Tally tally("tdx-collateral-tcbinfo");
  for (const Json& vector : OfKind("tdx-collateral-tcbinfo")) {
    const std::string text = Document(Text(vector, "id"));
    const auto document = ParseSignedJson(text, "tcbInfo");
    const auto info = ParseTcbInfo(document.value().body);
    const Json& what = vector.at("what");
    tally.Count(info.ok() && info->version == what.at("version").get<uint32_t>() &&
                    info->id == StatusOr(what.at("id"), "SGX") &&
                    HexDecode(Text(what, "fmspc")).value() == ToBytes(info->fmspc) &&
                    HexEncode(info->pce_id) == Text(what, "pceId") &&
                    DatesAsStated(*info, vector.at("expected")) &&
                    SignatureAsStated(*document, vector.at("expected")),
                Text(vector, "id"));
  }
}

TEST_F(TdxVectors, QeIdentities) {
  Tally tally("tdx-collateral-qeidentity");
  for (const Json& vector : OfKind("tdx-collateral-qeidentity")) {
    const std::string text = Document(Text(vector, "id"));
    const auto document = ParseSignedJson(text, "enclaveIdentity");
    const auto identity = ParseQeIdentity(document.value().body);
    const Json& what = vector.at("what");
    tally.Count(identity.ok() && identity->version == what.at("version").get<uint32_t>() &&
                    identity->id == Text(what, "id") &&
                    DatesAsStated(*identity, vector.at("expected")) &&
                    SignatureAsStated(*document, vector.at("expected")),
                Text(vector, "id"));
  }
}

class TdxAuthorities : public OutsideTdx {
 protected:
  static std::vector<crypto::Certificate> Authorities() {
    std::vector<crypto::Certificate> out;
    for (const Json& vector : OfKind("intel-ca-cert")) {
      out.push_back(crypto::Certificate::FromDer(ReadData(FileOf(vector, "certificate"))).value());
    }
    return out;
  }
};

TEST_F(TdxAuthorities, Crls) {
  Tally tally("tdx-collateral-crl");
  for (const Json& vector : OfKind("tdx-collateral-crl")) {
    const Json& stated = vector.at("expected");
    const auto crl = crypto::Crl::FromDer(ReadData(FileOf(vector, "X.509 CRL")));
    bool good = crl.ok() && crl->this_update() == Time(Text(stated, "this_update")) &&
                crl->next_update() == Time(Text(stated, "next_update")) &&
                crl->revoked_count() == stated.at("revoked_count").get<size_t>();
    bool valid = false;
    for (const auto& authority : Authorities()) {
      if (authority.subject_common_name().value() != Text(vector.at("what"), "issuer")) continue;
      valid |= crl->Verify(authority, crl->this_update()).ok();
    }
    const Json& serial = stated.at("first_revoked_serial");
    if (!serial.is_null()) {
      good = good && crl->IsRevoked(HexDecode(serial.get<std::string>().substr(2)).value());
    }
    tally.Count(good && valid == IsTrue(stated, "signature_valid"), Text(vector, "id"));
  }
}

TEST_F(TdxAuthorities, Certificates) {
  Tally tally("intel-ca-cert");
  for (const Json& vector : OfKind("intel-ca-cert")) {
    const Json& stated = vector.at("expected");
    const auto certificate =
        crypto::Certificate::FromDer(ReadData(FileOf(vector, "certificate"))).value();
    const bool is_root = Text(stated, "subject_cn") == Text(stated, "issuer_cn");
    bool by_root = false;
    for (const auto& authority : Authorities()) {
      if (FindRoot(authority, IntelRoots()) == nullptr) continue;
      by_root |= crypto::VerifyIssuedBy(certificate, authority).ok();
    }
    tally.Count(certificate.subject_common_name().value() == Text(stated, "subject_cn") &&
                    certificate.issuer_common_name().value() == Text(stated, "issuer_cn") &&
                    certificate.not_before() == Time(Text(stated, "not_before")) &&
                    certificate.not_after() == Time(Text(stated, "not_after")) &&
                    HexEncode(certificate.Fingerprint(crypto::HashAlgorithm::kSha256)) ==
                        Text(stated, "cert_sha256") &&
                    by_root == IsTrue(stated, "signed_by_root") &&
                    (FindRoot(certificate, IntelRoots()) != nullptr) == is_root,
                Text(vector, "id"));
  }
}

}  // namespace
}  // namespace nacre::tee::tdx
