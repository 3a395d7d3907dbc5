// The shared folder's ways to break TDX evidence. Each is described there in words; here each such
// sentence has one recipe, found by the words, that makes every variant the sentence names. A
// sentence without a recipe counts as failed, and so does a recipe whose unbroken base is refused.

#include <gtest/gtest.h>

#include <functional>

#include "base/strings.h"
#include "crypto/x509_make.h"
#include "tee/emulator/tdx_platform.h"
#include "tee/tdx/outside_data.h"

namespace nacre::tee::tdx {
namespace {

using emulator::TdxFault;
using emulator::TdxPlatform;
using outside::FileOf;
using outside::ReadData;
using outside::Tally;
using outside::Text;
using outside::Time;

using Classes = std::vector<RefusalClass>;

// A vector's quote with collateral and a moment at which all of it is in force.
struct Base {
  Json vector;
  Bytes bytes;
  Quote quote;
  std::string tcb_info_id;
  std::string qe_identity_id;
  Collateral collateral;
  int64_t now = 0;
};

void PutLe(Bytes* bytes, size_t offset, uint64_t value, size_t size) {
  for (size_t i = 0; i < size; ++i) {
    (*bytes)[offset + i] = static_cast<uint8_t>(value >> (8 * i));
  }
}

std::string Replaced(const std::string& text, std::string_view from, std::string_view to) {
  const size_t at = text.find(from);
  if (at == std::string::npos) ADD_FAILURE() << from << " is not there";
  return StrCat(text.substr(0, at), to, text.substr(at + from.size()));
}

std::vector<std::string> PemBlocks(const Quote& quote) {
  const std::string_view pem = AsText(quote.signature.certification_data);
  const auto certificates = crypto::Certificate::AllFromPem(pem.substr(0, pem.find('\0')));
  std::vector<std::string> out;
  for (const auto& certificate : certificates.value()) out.push_back(certificate.ToPem());
  return out;
}

class TdxNegative : public OutsideTdx {
 protected:
  static Base MakeBase(const std::string& id) {
    Base base;
    base.vector = VectorById(id).value();
    base.bytes = QuoteBytes(base.vector);
    base.quote = ParseQuote(base.bytes).value();
    for (const Json& pair : base.vector.at("expected").at("tcb_evaluations")) {
      base.tcb_info_id = Text(pair, "tcb_info");
      base.qe_identity_id = Text(pair, "qe_identity");
      const auto now = Moment(base.vector, base.tcb_info_id, base.qe_identity_id);
      if (!now) continue;
      base.now = *now;
      break;
    }
    base.collateral = MakeCollateral(base.tcb_info_id, base.qe_identity_id);
    return base;
  }

  static RefusalClass Judge(ByteView quote, const Collateral& collateral, int64_t now,
                            const TdxPolicy& policy = AnyPolicy(), const TdxTrust& trust = {}) {
    Appraisal appraisal;
    const bool verified = VerifyTdx(quote, collateral, trust, policy, now, &appraisal).has_value();
    EXPECT_EQ(verified, appraisal.refusal_class == RefusalClass::kNone);
    EXPECT_EQ(verified, appraisal.affirmed());
    return appraisal.refusal_class;
  }
  static RefusalClass Judge(const Base& base, ByteView quote) {
    return Judge(quote, base.collateral, base.now);
  }
  // The parsed quote after `change`, with its lengths made to fit.
  static RefusalClass Changed(const Base& base, const std::function<void(Quote&)>& change) {
    Quote quote = base.quote;
    change(quote);
    return Judge(base, SerializeQuote(quote));
  }
  // The bytes after a number at `offset` is replaced.
  static RefusalClass Patched(const Base& base, size_t offset, uint64_t value, size_t size) {
    Bytes bytes = base.bytes;
    PutLe(&bytes, offset, value, size);
    return Judge(base, bytes);
  }
  static RefusalClass Rechained(const Base& base, const std::vector<std::string>& pem) {
    return Changed(base, [&](Quote& quote) {
      quote.signature.certification_data = ToBytes(StrJoin(pem, ""));
    });
  }

  // The base's TD on an emulated machine of the same kind, whose root is trusted: what only the
  // holder of the keys can make.
  struct Synthetic {
    TdxPlatform platform;
    TdxTrust trust;
    Quote quote;
    TcbInfo info;
    QeIdentity identity;
    int64_t now;

    RefusalClass Judge(const TdxPlatform::QeChange& change = {},
                       const TdxPolicy& policy = AnyPolicy()) const {
      Collateral collateral = platform.MakeCollateral(now).value();
      collateral.tcb_info =
          platform.SignDocument("tcbInfo", emulator::FormatTcbInfo(info).value()).value();
      collateral.qe_identity =
          platform.SignDocument("enclaveIdentity", emulator::FormatQeIdentity(identity).value())
              .value();
      return TdxNegative::Judge(platform.Sign(quote, change).value(), collateral, now, policy,
                                trust);
    }
  };
  static Synthetic MakeSynthetic(const Base& base, std::set<TdxFault> faults = {}) {
    const auto pck = crypto::Certificate::FromPem(PemBlocks(base.quote)[0]).value();
    emulator::TdxIdentityOptions options;
    options.now = base.now;
    options.pck = ReadPckExtension(pck).value();
    auto platform = TdxPlatform::Create(emulator::MakeTdxIdentity(options).value(),
                                        {.quote_version = base.quote.header.version,
                                         .td = *base.quote.td,
                                         .faults = std::move(faults)})
                        .value();
    const std::string root = platform.identity().root.certificate.ToPem();
    TcbInfo info = ParseCollateral(base.collateral)->tcb_info;
    QeIdentity identity = platform.MakeQeIdentity(base.now);
    info.issue_date = identity.issue_date;
    info.next_update = identity.next_update;
    return {std::move(platform),
            {{EmulatedRootFromPem(root).value()}},
            base.quote,
            info,
            identity,
            base.now};
  }

  // The first quote of the folder that was good at a moment of its own.
  static Base AnyBase() {
    for (const Json& vector : OfKind("tdx-quote")) {
      Base base = MakeBase(Text(vector, "id"));
      if (base.now != 0) return base;
    }
    ADD_FAILURE() << "no quote was ever good";
    return {};
  }

  using Ids = std::vector<std::string>;
  using Recipe = std::function<Classes(const Ids& base)>;
  // By the beginning of the sentence.
  using RecipeList = std::vector<std::pair<std::string, Recipe>>;
  static RecipeList QuoteRecipes();
  static RecipeList ChainRecipes();
  static RecipeList CollateralRecipes();
  static RecipeList DocumentRecipes();
  static RecipeList FormatRecipes();
  static RecipeList Recipes();
};

Classes FlipBody(const Base& base, const auto& changed) {
  Classes out;
  out.push_back(changed(base, [](Quote& q) { q.td->mrtd[7] ^= 4; }));
  for (size_t i = 0; i < 4; ++i) {
    out.push_back(changed(base, [i](Quote& q) { q.td->rtmr[i][47] ^= 0x80; }));
  }
  out.push_back(changed(base, [](Quote& q) { q.td->report_data[63] ^= 1; }));
  out.push_back(changed(base, [](Quote& q) { q.td->td_attributes ^= kTdDebug; }));
  return out;
}

// A self-signed certificate with the subject of `like` and a key of its own.
std::string SelfMade(const crypto::Certificate& like) {
  crypto::CertificateRequest request;
  const std::string subject = like.subject_text();
  for (std::string_view part : StrSplit(subject, ',')) {
    const size_t equals = part.find('=');
    request.subject.insert(request.subject.begin(), {std::string(part.substr(0, equals)),
                                                     std::string(part.substr(equals + 1))});
  }
  request.not_before = like.not_before();
  request.not_after = like.not_after();
  request.is_ca = true;
  const auto key = crypto::PrivateKey::GenerateEc(crypto::Curve::kP256).value();
  const auto certificate = crypto::MakeCertificate(request, key.public_key(), nullptr, key,
                                                   crypto::SignatureScheme::kEcdsaSha256)
                               .value();
  EXPECT_EQ(certificate.subject_text(), like.subject_text());
  return certificate.ToPem();
}

constexpr size_t kSignatureLength = 4;  // u32 before the signature data
constexpr size_t kOuterSize = kSignatureLength + 64 + 64 + 2;
constexpr size_t kAuthSize = kOuterSize + 4 + kEnclaveReportSize + 64;

TdxNegative::RecipeList TdxNegative::QuoteRecipes() {
  return {
      {"flip one bit in MRTD / RTMR0..3 / reportdata / tdattributes",
       [](const Ids& ids) {
         Classes out;
         for (const std::string& id : ids) {
           const auto changed = [](const Base& b, const auto& c) { return Changed(b, c); };
           for (RefusalClass found : FlipBody(MakeBase(id), changed)) out.push_back(found);
         }
         return out;
       }},
      {"flip a bit in qe_vendor_id / user_data",
       [](const Ids& ids) -> Classes {
         const Base base = MakeBase(ids[0]);
         return {Changed(base, [](Quote& q) { q.header.qe_vendor_id[3] ^= 1; }),
                 Changed(base, [](Quote& q) { q.header.user_data[19] ^= 1; })};
       }},
      {"flip a bit of r or s",
       [](const Ids& ids) -> Classes {
         const Base base = MakeBase(ids[0]);
         return {Changed(base, [](Quote& q) { q.signature.signature[0] ^= 1; }),
                 Changed(base, [](Quote& q) { q.signature.signature[63] ^= 1; })};
       }},
      {"splice signature+attestation key of the second quote",
       [](const Ids& ids) -> Classes {
         const Quote second = MakeBase(ids[1]).quote;
         return {Changed(MakeBase(ids[0]), [&](Quote& q) {
           q.signature.signature = second.signature.signature;
           q.signature.attestation_key = second.signature.attestation_key;
         })};
       }},
      {"flip a bit in QE auth data",
       [](const Ids& ids) -> Classes {
         return {Changed(MakeBase(ids[0]), [](Quote& q) { q.signature.qe_auth_data[0] ^= 1; })};
       }},
      {"flip a bit in QE report",
       [](const Ids& ids) -> Classes {
         const Base base = MakeBase(ids[0]);
         return {Changed(base, [](Quote& q) { q.signature.qe_report.mrenclave[0] ^= 1; }),
                 Changed(base, [](Quote& q) { q.signature.qe_report.report_data[0] ^= 1; }),
                 Changed(base, [](Quote& q) { q.signature.qe_report.reserved4[59] ^= 1; })};
       }},
      {"non-zero bytes 32..63 of QE reportdata",
       [](const Ids& ids) {
         const Synthetic synthetic = MakeSynthetic(MakeBase(ids[0]));
         Classes out;
         for (size_t at : {32, 48, 63}) {
           out.push_back(synthetic.Judge([at](EnclaveReport& qe) { qe.report_data[at] = 1; }));
         }
         return out;
       }},
  };
}

TdxNegative::RecipeList TdxNegative::ChainRecipes() {
  return {
      {"replace the PEM chain by that of the second",
       [](const Ids& ids) -> Classes {
         Base base = MakeBase(ids[0]);
         const Base second = MakeBase(ids[1]);
         const auto begins = [](const Base& b) {
           return Time(Text(b.vector.at("expected"), "pck_not_before"));
         };
         base.now = std::max({base.now, begins(base), begins(second)}) + 1;
         return {Rechained(base, PemBlocks(second.quote))};
       }},
      {"chain ends in a self-made root with the same DN",
       [](const Ids& ids) -> Classes {
         const Base base = MakeBase(ids[0]);
         auto pem = PemBlocks(base.quote);
         pem[2] = SelfMade(crypto::Certificate::FromPem(pem[2]).value());
         return {Rechained(base, pem)};
       }},
      {"reverse PEM order / only leaf / 4 certs",
       [](const Ids& ids) -> Classes {
         const Base base = MakeBase(ids[0]);
         const auto pem = PemBlocks(base.quote);
         return {Rechained(base, {pem[2], pem[1], pem[0]}), Rechained(base, {pem[0]}),
                 Rechained(base, {pem[0], pem[1], pem[2], pem[2]})};
       }},
      {"check the PCK against the CRL of the other intermediate CA",
       [](const Ids& ids) {
         const Json vector = VectorById(ids[0]).value();
         const Quote quote = ParseQuote(QuoteBytes(vector)).value();
         const std::string issuer = vector.at("expected").at("pck_chain_subjects").at(1);
         std::vector<crypto::Crl> crls;
         int64_t now = 0;
         for (const Json& crl : OfKind("tdx-collateral-crl")) {
           if (Text(crl.at("what"), "issuer") == issuer) continue;
           crls.push_back(crypto::Crl::FromDer(ReadData(FileOf(crl, "X.509 CRL"))).value());
           now = std::max(now, Time(Text(crl.at("expected"), "this_update")));
         }
         const auto chain = VerifyPckChain(quote.signature.certification_data, {}, now);
         return Classes{ClassOf(RevocationChecks(crls, now).CheckPck(chain.value()), {})};
       }},
      {"PCK serial in CRL",
       [](const Ids&) -> Classes {
         return {MakeSynthetic(AnyBase(), {TdxFault::kRevokedPck}).Judge()};
       }},
      {"intermediate serial in root CRL",
       [](const Ids&) -> Classes {
         return {MakeSynthetic(AnyBase(), {TdxFault::kRevokedIntermediate}).Judge()};
       }},
      {"none: genuine debug TD",
       [](const Ids& ids) -> Classes {
         const Base base = MakeBase(ids[0]);
         return {Judge(base.bytes, base.collateral, base.now, TdxPolicy())};
       }},
  };
}

TdxNegative::RecipeList TdxNegative::CollateralRecipes() {
  return {
      {"collateral of another FMSPC",
       [](const Ids& ids) -> Classes {
         Base base = MakeBase(ids[0]);
         base.collateral = MakeCollateral(ids[1], base.qe_identity_id);
         return {Judge(base, base.bytes)};
       }},
      {"id=SGX TCB info for a TDX quote",
       [](const Ids& ids) {
         Base base = MakeBase(ids[0]);
         Classes out;
         for (const Json& vector : OfKind("tdx-collateral-tcbinfo")) {
           if (vector.at("what").at("id") == "TDX") continue;
           base.collateral = MakeCollateral(Text(vector, "id"), base.qe_identity_id);
           out.push_back(Judge(base, base.bytes));
         }
         return out;
       }},
      {"id=QE identity for TD quote",
       [](const Ids& ids) {
         Base base = MakeBase(ids[0]);
         Classes out;
         for (const Json& vector : OfKind("tdx-collateral-qeidentity")) {
           if (vector.at("what").at("id") == "TD_QE") continue;
           base.collateral = MakeCollateral(base.tcb_info_id, Text(vector, "id"));
           out.push_back(Judge(base, base.bytes));
         }
         return out;
       }},
      {"change one tcbStatus in JSON",
       [](const Ids& ids) -> Classes {
         Base base = MakeBase(ids[0]);
         base.collateral.tcb_info = Replaced(base.collateral.tcb_info, "\"tcbStatus\":\"UpToDate\"",
                                             "\"tcbStatus\":\"SWHardeningNeeded\"");
         return {Judge(base, base.bytes)};
       }},
      {"re-serialise JSON with other whitespace",
       [](const Ids& ids) {
         Base base = MakeBase(ids[0]);
         const std::string genuine = base.collateral.tcb_info;
         Classes out;
         for (const std::string& text : {DumpJson(ParseJson(genuine).value(), 2).value(),
                                         Replaced(genuine, "\"version\":", "\"version\": ")}) {
           base.collateral.tcb_info = text;
           out.push_back(Judge(base, base.bytes));
         }
         return out;
       }},
  };
}

TdxNegative::RecipeList TdxNegative::DocumentRecipes() {
  return {
      {"duplicate \"tcbInfo\" or \"tcbStatus\" keys",
       [](const Ids& ids) {
         Base base = MakeBase(ids[0]);
         const std::string genuine = base.collateral.tcb_info;
         Classes out;
         for (const std::string& text :
              {Replaced(genuine, "{\"tcbInfo\":", "{\"tcbInfo\":{},\"tcbInfo\":"),
               Replaced(genuine, "\"tcbStatus\":", "\"tcbStatus\":\"UpToDate\",\"tcbStatus\":")}) {
           base.collateral.tcb_info = text;
           out.push_back(Judge(base, base.bytes));
         }
         return out;
       }},
      {"evaluate after nextUpdate",
       [](const Ids& ids) -> Classes {
         const Base base = MakeBase(ids[0]);
         const Json stated = VectorById(base.tcb_info_id).value().at("expected");
         return {Judge(base.bytes, base.collateral, Time(Text(stated, "nextUpdate")))};
       }},
      {"evaluate before issueDate",
       [](const Ids& ids) -> Classes {
         const Base base = MakeBase(ids[0]);
         const Json stated = VectorById(base.tcb_info_id).value().at("expected");
         return {Judge(base.bytes, base.collateral, Time(Text(stated, "issueDate")) - 1)};
       }},
      {"TCB info and QE identity with tcbEvaluationDataNumber below the policy minimum, or "
       "differing",
       [](const Ids& ids) -> Classes {
         const Base base = MakeBase(ids[0]);
         TdxPolicy minimum = AnyPolicy();
         minimum.min_tcb_evaluation_number =
             ParseCollateral(base.collateral)->tcb_info.evaluation_data_number + 1;
         TdxPolicy same = AnyPolicy();
         same.require_same_evaluation_number = true;
         Synthetic differing = MakeSynthetic(base);
         differing.identity.evaluation_data_number = differing.info.evaluation_data_number + 1;
         return {Judge(base.bytes, base.collateral, base.now, minimum), differing.Judge({}, same)};
       }},
      {"remove TDX_01 from tdxModuleIdentities",
       [](const Ids& ids) -> Classes {
         Synthetic synthetic = MakeSynthetic(MakeBase(ids[0]));
         EXPECT_EQ(std::erase_if(synthetic.info.tdx_module_identities,
                                 [](const auto& module) { return module.id == "TDX_01"; }),
                   1u);
         return {synthetic.Judge()};
       }},
      {"non-zero mrsignerseam",
       [](const Ids& ids) -> Classes {
         Synthetic synthetic = MakeSynthetic(MakeBase(ids[0]));
         synthetic.quote.td->mrsignerseam[47] = 1;
         return {synthetic.Judge()};
       }},
  };
}

TdxNegative::RecipeList TdxNegative::FormatRecipes() {
  return {
      {"v5 body_type 1/2/4/0 or body_size 584/647/0xffffffff",
       [](const Ids& ids) {
         const Base base = MakeBase(ids[0]);
         Classes out;
         for (uint64_t type : {1, 2, 4, 0}) {
           out.push_back(Patched(base, kQuoteHeaderSize, type, 2));
         }
         for (uint64_t size : {0x248u, 0x287u, 0xffffffffu}) {
           out.push_back(Patched(base, kQuoteHeaderSize + 2, size, 4));
         }
         return out;
       }},
      {"signature_data_len 0, +1, 0xffffffff, past end",
       [](const Ids& ids) {
         const Base base = MakeBase(ids[0]);
         const uint64_t genuine = base.quote.size - base.quote.signed_size - 4;
         Classes out;
         for (uint64_t size : {uint64_t{0}, genuine + 1, uint64_t{0xffffffff}, genuine + 4096}) {
           out.push_back(Patched(base, base.quote.signed_size, size, 4));
         }
         return out;
       }},
      {"qe_auth_data_len 0xffff",
       [](const Ids& ids) -> Classes {
         const Base base = MakeBase(ids[0]);
         return {Patched(base, base.quote.signed_size + kAuthSize, 0xffff, 2)};
       }},
      {"inner or outer certification data size past end / inner larger than outer / overflow",
       [](const Ids& ids) {
         const Base base = MakeBase(ids[0]);
         const size_t outer = base.quote.signed_size + kOuterSize;
         const size_t inner =
             base.quote.signed_size + kAuthSize + 2 + base.quote.signature.qe_auth_data.size() + 2;
         const size_t genuine = base.quote.signature.certification_data.size();
         Classes out;
         for (uint64_t size : {uint64_t{genuine} + 1, uint64_t{0xffffffff}, uint64_t{0x80000000},
                               uint64_t{genuine} - 1, uint64_t{0}}) {
           out.push_back(Patched(base, inner, size, 4));
         }
         const size_t whole = base.quote.size - outer - 4;
         for (uint64_t size : {uint64_t{whole} + 1, uint64_t{0xffffffff}, uint64_t{whole} - 1}) {
           out.push_back(Patched(base, outer, size, 4));
         }
         return out;
       }},
      {"inner certification data type 1,2,3,4,7",
       [](const Ids& ids) {
         const Base base = MakeBase(ids[0]);
         Classes out;
         for (uint16_t type : {1, 2, 3, 4, 7}) {
           out.push_back(
               Changed(base, [type](Quote& q) { q.signature.certification_type = type; }));
         }
         return out;
       }},
      {"every prefix length",
       [](const Ids& ids) {
         Classes out;
         for (const std::string& id : ids) {
           const Base base = MakeBase(id);
           const auto collateral = ParseCollateral(base.collateral);
           for (size_t size = 0; size < base.bytes.size(); ++size) {
             Appraisal appraisal;
             VerifyTdx(ByteView(base.bytes).first(size), *collateral, {}, AnyPolicy(), base.now,
                       &appraisal);
             out.push_back(appraisal.refusal_class);
           }
         }
         return out;
       }},
      {"padded.bin sibling",
       [](const Ids& ids) -> Classes {
         const Base base = MakeBase(ids[0]);
         const Bytes padded = ReadData(FileOf(base.vector, "same quote with the trailing bytes"));
         Appraisal appraisal;
         VerifyTdx(padded, base.collateral, {}, AnyPolicy(), base.now, &appraisal);
         EXPECT_EQ(appraisal.claims["trailing_bytes"], StrCat(padded.size() - base.quote.size));
         return {appraisal.refusal_class};
       }},
      {"version 3 with tee 0x81; version 4 with tee 0; version 6; att_key_type 3",
       [](const Ids& ids) -> Classes {
         const Base base = MakeBase(ids[0]);
         return {Patched(base, 0, 3, 2), Patched(base, 4, 0, 4), Patched(base, 0, 6, 2),
                 Patched(base, 2, 3, 2)};
       }},
      {"attestation key not on P-256 / zero",
       [](const Ids& ids) -> Classes {
         const Base base = MakeBase(ids[0]);
         return {Changed(base, [](Quote& q) { q.signature.attestation_key[5] ^= 1; }),
                 Changed(base, [](Quote& q) { q.signature.attestation_key = {}; })};
       }},
  };
}

TdxNegative::RecipeList TdxNegative::Recipes() {
  RecipeList all;
  for (const RecipeList& list :
       {QuoteRecipes(), ChainRecipes(), CollateralRecipes(), DocumentRecipes(), FormatRecipes()}) {
    all.insert(all.end(), list.begin(), list.end());
  }
  return all;
}

TEST_F(TdxNegative, EveryBaseIsGoodBeforeItIsBroken) {
  int good = 0;
  for (const Json& test : NegativeCases("tdx_")) {
    for (const Json& id : test.at("base")) {
      const auto vector = VectorById(id.get<std::string>());
      if (!vector || Text(*vector, "kind") != "tdx-quote") continue;
      const Base base = MakeBase(id);
      if (base.now == 0) continue;  // no moment of its own: only parts of it are used
      EXPECT_EQ(Judge(base, base.bytes), RefusalClass::kNone) << id;
      EXPECT_EQ(MakeSynthetic(base).Judge(), RefusalClass::kNone) << id;
      ++good;
    }
  }
  EXPECT_GT(good, 0);
}

TEST_F(TdxNegative, EveryCaseIsRefusedAsStated) {
  Tally tally("tdx negative case");
  const RecipeList recipes = Recipes();
  for (const Json& test : NegativeCases("tdx_")) {
    const std::string mutation = Text(test, "mutation");
    const std::string expected = Text(test, "expected_error_class");
    const Recipe* recipe = nullptr;
    for (const auto& [words, made] : recipes) {
      if (mutation.starts_with(words)) recipe = &made;
    }
    if (recipe == nullptr) {
      tally.Count(false, StrCat(Text(test, "id"), ": no recipe for '", mutation, "'"));
      continue;
    }
    const Classes found = (*recipe)(test.at("base").get<std::vector<std::string>>());
    std::string wrong = found.empty() ? "no variant" : "";
    for (RefusalClass one : found) {
      if (!outside::Admits(expected, one)) StrAppend(&wrong, RefusalClassName(one), " ");
    }
    tally.Count(wrong.empty(), StrCat(Text(test, "id"), ": not ", expected, " but ", wrong));
  }
}

}  // namespace
}  // namespace nacre::tee::tdx
