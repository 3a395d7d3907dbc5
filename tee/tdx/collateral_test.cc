// Documents of collateral: cut out, read, matched and merged.

#include "tee/tdx/collateral.h"

#include <gtest/gtest.h>

#include "base/status_testing.h"
#include "base/strings.h"
#include "tee/common/refusal_class.h"
#include "tee/emulator/tdx_platform.h"
#include "tee/tdx/tcb.h"

namespace nacre::tee::tdx {
namespace {

using Status = TcbStatus;
const std::string kSignature = std::string(128, '0');

std::string Signed(std::string_view inner) {
  return StrCat("{\"tcbInfo\":", inner, ",\"signature\":\"", kSignature, "\"}");
}

TEST(SignedJson, TheTextIsTakenAsItStands) {
  for (const std::string inner : {R"({"a":1})", R"({ "a" : [1, {"b":"}]\"\\"}] })", "{}"}) {
    const std::string document = Signed(inner);
    ASSERT_OK_AND_ASSIGN(const SignedJson parsed, ParseSignedJson(document, "tcbInfo"));
    EXPECT_EQ(parsed.signed_text, inner);
  }
  const std::string turned = StrCat(" {\"signature\" : \"", kSignature, "\" , \"tcbInfo\" : {} } ");
  EXPECT_EQ(ParseSignedJson(turned, "tcbInfo")->signed_text, "{}");
}

TEST(SignedJson, AnythingElseIsRefused) {
  for (const std::string& bad :
       {std::string("{}"), std::string("[]"), std::string(""), Signed("[]"), Signed("1"),
        Signed(R"({"a":1,"a":1})"), Signed("{}") + "x", Signed("{},\"tcbInfo\":{}"),
        Signed("{},\"more\":1"), StrCat("{\"tcbInfo\":{},\"signature\":\"00\"}"),
        StrCat("{\"tcb\\u0049nfo\":{},\"signature\":\"", kSignature, "\"}")}) {
    const auto parsed = ParseSignedJson(bad, "tcbInfo");
    EXPECT_EQ(ClassOf(parsed.status(), {}), RefusalClass::kFormat) << bad;
  }
}

TEST(CollateralTime, ReadsAndRefuses) {
  EXPECT_EQ(ParseCollateralTime("1970-01-01T00:00:00Z").value(), 0);
  EXPECT_EQ(ParseCollateralTime("2024-02-29T23:59:59Z").value(), 1709251199);
  EXPECT_EQ(ParseCollateralTime("2026-03-16T22:06:09Z").value(), 1773698769);
  for (const char* bad : {"", "2026-03-16", "2026-03-16T22:06:09", "2026-03-16 22:06:09Z",
                          "2023-02-29T00:00:00Z", "2026-13-01T00:00:00Z", "2026-00-01T00:00:00Z",
                          "2026-01-32T00:00:00Z", "2026-01-01T24:00:00Z", "2026-01-01T00:60:00Z",
                          "+026-01-01T00:00:00Z", "1969-12-31T23:59:59Z"}) {
    EXPECT_FALSE(ParseCollateralTime(bad).ok()) << bad;
  }
}

TEST(TcbStatus, NamesRoundTrip) {
  for (int i = 0; i <= static_cast<int>(Status::kRevoked); ++i) {
    const auto status = static_cast<Status>(i);
    EXPECT_EQ(ParseTcbStatus(TcbStatusName(status)).value(), status);
  }
  EXPECT_FALSE(ParseTcbStatus("uptodate").ok());
}

struct Machine {
  Machine() {
    auto identity = emulator::MakeTdxIdentity({.now = 1'800'000'000});
    const auto platform = emulator::TdxPlatform::Create(*std::move(identity), {4, td, {}});
    info = platform->MakeTcbInfo(1'800'000'000);
    qe_identity = platform->MakeQeIdentity(1'800'000'000);
    qe.mrsigner = qe_identity.mrsigner;
    qe.isv_prod_id = 2;
    qe.isv_svn = 7;
    qe.attributes = {0x15};
    pck = emulator::EmulatedPck();
  }
  RefusalClass Evaluate() {
    const auto tcb = EvaluateTcb(pck, td, qe, info, qe_identity);
    if (tcb.ok()) status = tcb->status;
    return ClassOf(tcb.status(), RefusalClass::kNone);
  }
  TdBody td = emulator::EmulatedTd();
  TcbInfo info;
  QeIdentity qe_identity;
  EnclaveReport qe;
  PckExtension pck;
  Status status = Status::kRevoked;
};

TEST(TcbInfo, WrittenAndReadAgain) {
  const Machine machine;
  ASSERT_OK_AND_ASSIGN(const std::string text, emulator::FormatTcbInfo(machine.info));
  ASSERT_OK_AND_ASSIGN(const TcbInfo info, ParseTcbInfo(ParseJson(text).value()));
  EXPECT_EQ(info.id, "TDX");
  EXPECT_EQ(info.levels[0].sgx_svn, machine.pck.sgx_svn);
  EXPECT_EQ(info.tdx_module_identities[1].id, "TDX_01");
  for (const char* key : {"version", "issueDate", "nextUpdate", "fmspc", "pceId", "tcbType", "id",
                          "tcbEvaluationDataNumber", "tcbLevels"}) {
    Json body = ParseJson(text).value();
    body.erase(key);
    EXPECT_EQ(ClassOf(ParseTcbInfo(body).status(), {}), RefusalClass::kFormat) << key;
  }
  Json body = ParseJson(text).value();
  body["tcbLevels"][0]["tcb"]["tdxtcbcomponents"].erase(15);
  EXPECT_STATUS(ParseTcbInfo(body), kInvalidArgument, "15 tdxtcbcomponents, not 16");
  body = ParseJson(text).value();
  body["version"] = 4;
  EXPECT_EQ(ClassOf(ParseTcbInfo(body).status(), {}), RefusalClass::kUnsupported);
}

TEST(Tcb, SvnsAtBelowAndAboveALevel) {
  Machine machine;
  EXPECT_EQ(machine.Evaluate(), RefusalClass::kNone);
  EXPECT_EQ(machine.status, Status::kUpToDate);
  ++machine.pck.sgx_svn[7];
  EXPECT_EQ(machine.Evaluate(), RefusalClass::kNone);
  for (size_t i : {0, 5}) {
    Machine below;
    --below.pck.sgx_svn[i];
    EXPECT_EQ(below.Evaluate(), RefusalClass::kTcbNotSupported) << i;
  }
  Machine pce;
  --pce.pck.pce_svn;
  EXPECT_EQ(pce.Evaluate(), RefusalClass::kTcbNotSupported);
  Machine microcode;
  --microcode.td.tee_tcb_svn[2];
  EXPECT_EQ(microcode.Evaluate(), RefusalClass::kTcbNotSupported);
}

TEST(Tcb, Module10ComparesTdxComponentsFromTheFirst) {
  Machine machine;
  machine.td.tee_tcb_svn = {6, 0, 3};
  EXPECT_EQ(machine.Evaluate(), RefusalClass::kNone);
  machine.td.tee_tcb_svn[0] = 5;
  EXPECT_EQ(machine.Evaluate(), RefusalClass::kTcbNotSupported);
  machine.td.tee_tcb_svn = {5, 1, 3};  // here the module's own levels judge it
  EXPECT_EQ(machine.Evaluate(), RefusalClass::kNone);
  EXPECT_EQ(machine.status, Status::kOutOfDate);
  machine.info.tdx_module.reset();
  machine.td.tee_tcb_svn = {6, 0, 3};
  EXPECT_EQ(machine.Evaluate(), RefusalClass::kTdxModuleMismatch);
}

TEST(Tcb, ModulesAreFoundByVersion) {
  Machine machine;
  machine.td.tee_tcb_svn[1] = 3;
  EXPECT_EQ(machine.Evaluate(), RefusalClass::kNone);
  machine.td.tee_tcb_svn[1] = 2;
  EXPECT_EQ(machine.Evaluate(), RefusalClass::kTdxModuleMismatch);
  machine.td.tee_tcb_svn[1] = 1;
  machine.td.seamattributes[0] = 1;
  EXPECT_EQ(machine.Evaluate(), RefusalClass::kTdxModuleMismatch);
  machine.info.tdx_module_identities[1].module.attributes_mask[0] = 0xfe;
  EXPECT_EQ(machine.Evaluate(), RefusalClass::kNone);
}

TEST(Tcb, QuotingEnclaveUnderMasks) {
  const auto with = [](auto change) {
    Machine machine;
    change(machine.qe);
    return machine.Evaluate();
  };
  EXPECT_EQ(with([](EnclaveReport& qe) { qe.attributes[0] ^= 4; }), RefusalClass::kNone);
  EXPECT_EQ(with([](EnclaveReport& qe) { qe.attributes[8] = 0xe7; }), RefusalClass::kNone);
  constexpr auto kMismatch = RefusalClass::kQeIdentityMismatch;
  EXPECT_EQ(with([](EnclaveReport& qe) { qe.attributes[0] ^= 2; }), kMismatch);  // DEBUG
  EXPECT_EQ(with([](EnclaveReport& qe) { qe.mrsigner[0] ^= 1; }), kMismatch);
  EXPECT_EQ(with([](EnclaveReport& qe) { qe.isv_prod_id = 1; }), kMismatch);
  EXPECT_EQ(with([](EnclaveReport& qe) { qe.miscselect = 1; }), kMismatch);
  EXPECT_EQ(with([](EnclaveReport& qe) { qe.isv_svn = 6; }), RefusalClass::kTcbNotSupported);
  EXPECT_EQ(with([](EnclaveReport& qe) { qe.isv_svn = 8; }), RefusalClass::kNone);
}

TEST(Tcb, Merging) {
  EXPECT_EQ(MergeStatus(Status::kUpToDate, Status::kUpToDate), Status::kUpToDate);
  EXPECT_EQ(MergeStatus(Status::kUpToDate, Status::kOutOfDate), Status::kOutOfDate);
  EXPECT_EQ(MergeStatus(Status::kSwHardeningNeeded, Status::kOutOfDate), Status::kOutOfDate);
  EXPECT_EQ(MergeStatus(Status::kSwHardeningNeeded, Status::kUpToDate), Status::kSwHardeningNeeded);
  EXPECT_EQ(MergeStatus(Status::kConfigurationNeeded, Status::kOutOfDate),
            Status::kOutOfDateConfigurationNeeded);
  EXPECT_EQ(MergeStatus(Status::kConfigurationAndSwHardeningNeeded, Status::kOutOfDate),
            Status::kOutOfDateConfigurationNeeded);
  EXPECT_EQ(MergeStatus(Status::kOutOfDate, Status::kUpToDate), Status::kOutOfDate);
  for (int i = 0; i <= static_cast<int>(Status::kRevoked); ++i) {
    EXPECT_EQ(MergeStatus(static_cast<Status>(i), Status::kRevoked), Status::kRevoked);
    EXPECT_EQ(MergeStatus(Status::kRevoked, static_cast<Status>(i)), Status::kRevoked);
  }
}

TEST(Tcb, AdvisoriesAreTheUnion) {
  Machine machine;
  machine.info.levels[0].verdict.advisories = {"INTEL-SA-2", "INTEL-SA-1"};
  machine.qe_identity.levels[0].verdict.advisories = {"INTEL-SA-1", "INTEL-SA-3"};
  const auto tcb =
      EvaluateTcb(machine.pck, machine.td, machine.qe, machine.info, machine.qe_identity);
  EXPECT_EQ(tcb->advisories, (std::vector<std::string>{"INTEL-SA-1", "INTEL-SA-2", "INTEL-SA-3"}));
}

TEST(PckExtension, WrongDerIsNamed) {
  const Bytes der = SerializePckExtension(emulator::EmulatedPck());
  EXPECT_EQ(ParsePckExtension(der).value(), emulator::EmulatedPck());
  EXPECT_STATUS(ParsePckExtension({}), kInvalidArgument, "PCK extension");
  for (size_t size = 0; size < der.size(); ++size) {
    EXPECT_FALSE(ParsePckExtension(ByteView(der).first(size)).ok()) << size;
  }
  Bytes longer = der;
  longer.push_back(0);
  EXPECT_STATUS(ParsePckExtension(longer), kInvalidArgument, "not one SEQUENCE");
  EXPECT_STATUS(ParsePckExtension(Bytes{0x30, 0}), kInvalidArgument, "part 1 is missing");
}

}  // namespace
}  // namespace nacre::tee::tdx
