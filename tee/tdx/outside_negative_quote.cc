// What quote and certificates say, changed by somebody without the keys.
#include "crypto/x509_make.h"
#include "tee/tdx/outside_negative.h"

namespace nacre::tee::tdx::negative {
namespace {

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

}  // namespace

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

}  // namespace nacre::tee::tdx::negative
