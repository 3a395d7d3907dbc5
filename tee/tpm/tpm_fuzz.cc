// Every structure and document of this room that a guest or a cloud hands in. What is read well
// must come back the same when written.
#include <cstdlib>

#include "base/fuzz_testing.h"
#include "crypto/keys_testing.h"
#include "tee/tpm/azure.h"
#include "tee/tpm/evidence_json.h"
#include "tee/tpm/exchange.h"
#include "tee/tpm/public_area.h"

namespace nacre::tee::tpm {
namespace {

void Require(bool condition) {
  if (!condition) std::abort();
}

void Try(ByteView data) {
  const auto attest = ParseAttest(data);
  if (attest.ok()) Require(SerializeAttest(*attest) == ToBytes(data));
  const auto signature = ParseSignature(data);
  if (signature.ok()) Require(SerializeSignature(*signature) == ToBytes(data));
  const auto area = ParsePublicArea(data);
  if (area.ok()) Require(area->name.size() == 2 + BankSize(area->name_algorithm));
  const auto hcl = ParseHclReport(data);
  if (hcl.ok()) {
    Require(hcl->variable_data.size() <= data.size() && hcl->ReportData().size() == 64);
    (void)ParseHclRuntimeData(hcl->variable_data);
  }
  (void)ParseHclRuntimeData(data);
  (void)ParseAzureEvidence(AsText(data));
  const auto document = ParseTpmDocument(AsText(data));
  if (document.ok()) {
    const std::string text = FormatTpmDocument(*document);
    Require(FormatTpmDocument(ParseTpmDocument(text).value()) == text);
  }
  (void)ParseHello(AsText(data));
  (void)ParseChallenge(AsText(data));
  (void)ParseAnswer(AsText(data));
}

std::string HclSeed() {
  const std::string json =
      "{\"keys\":[{\"kid\":\"HCLAkPub\",\"kty\":\"RSA\",\"e\":\"AQAB\",\"n\":\"AA\"}],"
      "\"vm-configuration\":{\"secure-boot\":true},\"user-data\":\"00\"}";
  const auto size = static_cast<uint32_t>(json.size());
  ByteWriter out;
  out.Put("HCLA").U32Le(2).U32Le(0x4c0 + 20 + size).U32Le(2).Zeros(16).Zeros(1184);
  out.U32Le(20 + size).U32Le(1).U32Le(2).U32Le(1).U32Le(size).Put(json).Zeros(8);
  return ToString(out.bytes());
}

std::string PublicSeed() {
  const crypto::EcPoint point = *crypto::EcKey(crypto::Curve::kP256).public_key().ToEcPoint();
  ByteWriter out;
  out.U16Be(0x23).U16Be(0xb).U32Be(0x50072).U16Be(0).U16Be(0x10).U16Be(0x18).U16Be(0xb);
  out.U16Be(3).U16Be(0x10).U16Be(32).Put(point.x).U16Be(32).Put(point.y);
  return ToString(out.bytes());
}

std::vector<std::string> Seeds() {
  Attest attest;
  attest.selections = {PcrSelection::Of(Bank::kSha256, {0, 7})};
  attest.pcr_digest = Bytes(32);
  TpmDocument document;
  document.evidence.attest = SerializeAttest(attest);
  document.evidence.pcrs[Bank::kSha256][0] = Bytes(32);
  return {ToString(document.evidence.attest),
          ToString(SerializeSignature(RawRsaSsa(Bytes(256, 1)))),
          ToString(SerializeSignature(
              {SignatureKind::kEcdsa, Bank::kSha256, {}, Bytes(32, 1), Bytes(32, 2)})),
          PublicSeed(),
          HclSeed(),
          HclSeed().substr(0x4d4),
          FormatTpmDocument(document),
          FormatHello({{1}, {2}}),
          FormatChallenge({{{1}, {2}}, {3}}),
          FormatAnswer({{1}, document}),
          "{\"hcl_report\":\"SENMQQ\",\"vcek\":\"AA\",\"tpm_quote\":{\"message\":\"ff\","
          "\"signature\":\"00\",\"pcrs\":[\"00\",[1,2]]}}"};
}

NACRE_FUZZ_TARGET(Tpm, Try, Seeds)

}  // namespace
}  // namespace nacre::tee::tpm
