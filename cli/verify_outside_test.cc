// `nacre verify` over every file of evidence of a shared folder: the verdict is what its manifest
// states, with the collateral that lies beside it.

#include <gtest/gtest.h>

#include "base/file.h"
#include "base/json.h"
#include "base/strings.h"
#include "cli/verify.h"
#include "tee/testing/outside.h"

namespace nacre::cli {
namespace {

using tee::outside::FileOf;
using tee::outside::Folder;
using tee::outside::IsTrue;
using tee::outside::Tally;
using tee::outside::Text;
using tee::outside::Time;

constexpr int64_t kDay = 24 * 3600;

class VerifyOutside : public tee::outside::OutsideTest {
 protected:
  static std::string Path(const std::string& relative) { return StrCat(Folder(), "/", relative); }

  // Files of vectors of this kind.
  static std::vector<std::string> Files(std::string_view kind) {
    std::vector<std::string> out;
    for (const Json& vector : OfKind(kind)) {
      out.push_back(Path(Text(vector.at("files")[0], "path")));
    }
    return out;
  }
  static VerifyOptions Options(const std::string& file, int64_t now) {
    VerifyOptions options;
    options.evidence = Path(file);
    options.at = StrCat(now);
    options.json = true;
    options.max_vmpl = 3;
    options.allow_debug = options.allow_migration = true;
    return options;
  }
  // The verdict, or how it failed.
  static Json Run(const VerifyOptions& options) {
    const auto outcome = VerifyFile(options, 0);
    if (!outcome.ok()) return {{"verdict", std::string(outcome.status().message())}};
    Json document = ParseJson(outcome->text).value();
    const int expected = document["verdict"] == "verified" ? 0 : kExitRefused;
    if (outcome->exit_code != expected) document["verdict"] = "wrong exit code";
    return document;
  }
};

TEST_F(VerifyOutside, SnpReports) {
  Tally tally("nacre verify: snp report");
  for (const Json& vector : OfKind("snp-report")) {
    const Json& stated = vector.at("expected");
    const bool endorsed = stated.contains("endorsement");
    VerifyOptions options = Options(
        FileOf(vector, "SNP"),
        endorsed ? Time(Text(stated.at("endorsement"), "not_before")) + kDay : 1'700'000'000);
    options.collateral = Files("snp-ca-cert");
    for (const char* leaf : {"VCEK", "VLEK"}) {
      if (!FileOf(vector, leaf).empty()) options.collateral.push_back(Path(FileOf(vector, leaf)));
    }
    const Json verdict = Run(options);
    const bool genuine = endorsed && IsTrue(stated, "report_signature_valid");
    tally.Count(verdict["verdict"] == (genuine ? "verified" : "refused") &&
                    verdict["format"] == "snp-report" &&
                    (!genuine || verdict["claims"]["measurement"] == Text(stated, "measurement")),
                Text(vector, "id"));
  }
}

// Each evaluation the manifest states: at its time, with its pair of documents and all certificates
// and CRLs. The PCK of some vectors is younger than the collateral: then the refusal is about time.
TEST_F(VerifyOutside, TdxQuotes) {
  Tally tally("nacre verify: tdx quote");
  for (const Json& vector : OfKind("tdx-quote")) {
    for (const Json& stated : vector.at("expected").at("tcb_evaluations")) {
      VerifyOptions options =
          Options(FileOf(vector, "quote"), Time(Text(stated, "evaluation_time")) + 1);
      options.collateral = Files("intel-ca-cert");
      for (const std::string& crl : Files("tdx-collateral-crl")) options.collateral.push_back(crl);
      for (const char* part : {"tcb_info", "qe_identity"}) {
        const auto document = VectorById(Text(stated, part));
        if (document) {
          options.collateral.push_back(Path(Text(document->at("files")[0], "path")));
        }
      }
      const Json verdict = Run(options);
      // Whether it is verified depends on dates; it never is unless its TCB is current.
      const bool current =
          stated.at("overall_status").is_string() && Text(stated, "overall_status") == "UpToDate";
      const bool verified = verdict["verdict"] == "verified";
      const std::string status =
          verified ? verdict["claims"].value("tcb.status", std::string()) : "";
      tally.Count((verified && current && status == "UpToDate") ||
                      (verdict["verdict"] == "refused" && verdict["refusal"]["class"] != "FORMAT"),
                  StrCat(Text(vector, "id"), ": ", verdict["verdict"].dump()));
    }
  }
}

TEST_F(VerifyOutside, SgxQuotesAreNotTdx) {
  Tally tally("nacre verify: sgx quote");
  for (const Json& vector : OfKind("sgx-quote")) {
    const Json verdict = Run(Options(FileOf(vector, "quote"), 1'700'000'000));
    tally.Count(verdict["verdict"] == "refused" && verdict["format"] == "sgx-quote",
                Text(vector, "id"));
  }
}

// A log alone is never verified, and leads to the registers that are stated.
TEST_F(VerifyOutside, EventLogs) {
  Tally tally("nacre verify: event log");
  for (const char* kind : {"eventlog-ccel", "eventlog-tpm"}) {
    for (const Json& vector : OfKind(kind)) {
      const Json verdict = Run(Options(Text(vector.at("files")[0], "path"), 1'700'000'000));
      bool good = verdict["verdict"] == "refused" && verdict["format"] == "event-log";
      const Json& stated = vector.at("expected");
      if (good && stated.contains("rtmrs")) {
        for (const auto& [name, value] : stated.at("rtmrs").items()) {
          good = good && verdict["claims"].value(name, std::string()) == value;
        }
      }
      tally.Count(good, StrCat(Text(vector, "id"), ": ", verdict["verdict"].dump(),
                               verdict.value("format", std::string())));
    }
  }
}

// The whole chain of Azure: the chip's report vouches for the key that signs the PCRs.
TEST_F(VerifyOutside, AzureEvidence) {
  Tally tally("nacre verify: azure evidence");
  for (const Json& vector : OfKind("tpm-quote-azure-hcl")) {
    const std::string file = FileOf(vector, "origin JSON");
    if (file.empty()) continue;
    const bool snp = !FileOf(vector, "VCEK").empty();
    VerifyOptions options = Options(file, 1'780'000'000);
    options.collateral = Files("snp-ca-cert");
    options.nonce = Text(vector.at("expected").at("attest"), "nonce");
    const Json verdict = Run(options);
    // The TD quotes come without collateral that was in force with them.
    tally.Count(snp ? verdict["verdict"] == "verified"
                    : verdict["verdict"] == "refused" &&
                          verdict["refusal"]["class"] == "COLLATERAL_MISSING",
                StrCat(Text(vector, "id"), ": ", verdict.dump().substr(0, 200)));
    options.nonce = "00";
    tally.Count(Run(options)["verdict"] == "refused", StrCat(Text(vector, "id"), ": wrong nonce"));
  }
}

TEST_F(VerifyOutside, TpmEvidence) {
  Tally tally("nacre verify: tpm evidence");
  for (const Json& vector : OfKind("tpm-quote")) {
    VerifyOptions options = Options(FileOf(vector, "origin JSON"), 1'780'000'000);
    tally.Count(Run(options)["refusal"]["class"] == "AK_BINDING", "without a trusted key");
    options.ak = Path(FileOf(vector, "AK"));
    options.nonce = Text(vector.at("expected").at("attest"), "nonce");
    const Json verdict = Run(options);
    tally.Count(verdict["verdict"] == "verified",
                StrCat(Text(vector, "id"), ": ", verdict.dump().substr(0, 300)));
  }
}

}  // namespace
}  // namespace nacre::cli
