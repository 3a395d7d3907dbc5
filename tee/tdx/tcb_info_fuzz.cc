// Signed collateral as a service sends it: the signed text is cut out of the document, is an
// object, and means what was read; TCB info and QE identity that parse are written back to equal
// levels.
#include <cstdlib>

#include "base/fuzz_testing.h"
#include "tee/emulator/tdx_platform.h"
#include "tee/tdx/signed_json.h"
#include "tee/tdx/tcb_info.h"

namespace nacre::tee::tdx {
namespace {

void CheckText(std::string_view document, const SignedJson& parsed) {
  const char* begin = parsed.signed_text.data();
  const bool inside = begin >= document.data() &&
                      begin + parsed.signed_text.size() <= document.data() + document.size();
  if (!inside || parsed.signature.size() != 64) std::abort();
  const auto body = ParseJson(parsed.signed_text);
  if (!body.ok() || *body != parsed.body) std::abort();
}

void TryTcbInfo(std::string_view document) {
  const auto parsed = ParseSignedJson(document, "tcbInfo");
  if (!parsed.ok()) return;
  CheckText(document, *parsed);
  const auto info = ParseTcbInfo(parsed->body);
  if (!info.ok() || info->version != 3) return;
  const auto text = emulator::FormatTcbInfo(*info);
  if (!text.ok()) return;  // ids that are no UTF-8 never parse
  const auto again = ParseTcbInfo(ParseJson(*text).value_or(Json()));
  if (!again.ok() || again->levels.size() != info->levels.size() ||
      again->next_update != info->next_update || again->fmspc != info->fmspc) {
    std::abort();
  }
}

void TryQeIdentity(std::string_view document) {
  const auto parsed = ParseSignedJson(document, "enclaveIdentity");
  if (!parsed.ok()) return;
  CheckText(document, *parsed);
  const auto identity = ParseQeIdentity(parsed->body);
  if (!identity.ok()) return;
  const auto text = emulator::FormatQeIdentity(*identity);
  const auto again = ParseQeIdentity(ParseJson(text.value_or("")).value_or(Json()));
  if (!again.ok() || again->mrsigner != identity->mrsigner ||
      again->issue_date != identity->issue_date) {
    std::abort();
  }
}

void Try(ByteView data) {
  TryTcbInfo(AsText(data));
  TryQeIdentity(AsText(data));
}

std::vector<std::string> Seeds() {
  auto identity = emulator::MakeTdxIdentity({.now = 1'800'000'000});
  const auto platform =
      emulator::TdxPlatform::Create(*std::move(identity), {4, emulator::EmulatedTd(), {}});
  const auto collateral = platform->MakeCollateral(1'800'000'000).value();
  const std::string zeros(128, '0');
  return {collateral.tcb_info, collateral.qe_identity,
          R"({ "signature" : ")" + zeros + R"(" , "tcbInfo" : {"a":"}\"\\"} })",
          R"({"tcb\u0049nfo":{},"signature":")" + zeros + R"("})",
          R"({"enclaveIdentity":{},"signature":")" + zeros + R"("})"};
}

NACRE_FUZZ_TARGET(TcbInfo, Try, Seeds)

}  // namespace
}  // namespace nacre::tee::tdx
