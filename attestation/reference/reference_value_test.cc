#include "attestation/reference/reference_value.h"

#include <gtest/gtest.h>

#include "base/json.h"
#include "base/status_testing.h"
#include "tee/emulator/firmware_image.h"
#include "tee/sev/launch_digest.h"

namespace nacre::attestation {
namespace {

ReferenceValue Value(bool with_kernel = true) {
  tee::LaunchInputs inputs;
  inputs.firmware_path = "fw";
  if (with_kernel) {
    inputs.kernel_path = "kernel";
    inputs.command_line = "console=ttyS0 quiet";
  }
  inputs.vcpus = 2;
  return {"demo",
          tee::sev::MeasureLaunch(inputs, tee::emulator::BuildStandInFirmware(),
                                  AsBytes("a kernel"), {})
              .value(),
          1'800'000'000, 1'900'000'000};
}

Json Document() { return *ParseJson(*SerializeReferenceValue(Value())); }

absl::Status ParseStatus(const Json& document) {
  return ParseReferenceValue(*DumpJson(document)).status();
}

TEST(ReferenceValue, RoundTrip) {
  for (bool with_kernel : {true, false}) {
    const ReferenceValue value = Value(with_kernel);
    ASSERT_OK_AND_ASSIGN(const std::string text, SerializeReferenceValue(value));
    ASSERT_OK_AND_ASSIGN(const ReferenceValue read, ParseReferenceValue(text));
    EXPECT_EQ(read.name, "demo");
    EXPECT_EQ(read.created, value.created);
    EXPECT_EQ(read.expires, value.expires);
    EXPECT_EQ(read.measurement.digest, value.measurement.digest);
    EXPECT_EQ(read.measurement.command_line, value.measurement.command_line);
    EXPECT_EQ(read.measurement.kernel_hashes, value.measurement.kernel_hashes);
    EXPECT_EQ(read.measurement.firmware.sections, value.measurement.firmware.sections);
    EXPECT_EQ(SerializeReferenceValue(read).value(), text);
  }
}

TEST(ReferenceValue, ExpiryIsOptional) {
  Json document = Document();
  document.erase("expires");
  ASSERT_OK_AND_ASSIGN(const ReferenceValue read, ParseReferenceValue(*DumpJson(document)));
  EXPECT_FALSE(read.expires);
}

TEST(ReferenceValue, EveryOtherMemberIsRequiredAndNoneUnknown) {
  const Json all = Document();
  for (const auto& [key, value] : all.items()) {
    if (key == "expires") continue;
    Json document = Document();
    document.erase(key);
    EXPECT_STATUS(ParseStatus(document), kInvalidArgument, "") << key;
  }
  Json document = Document();
  document["digests"] = "x";
  EXPECT_STATUS(ParseStatus(document), kInvalidArgument, "digests");
  document = Document();
  document["firmware"]["x"] = 1;
  EXPECT_STATUS(ParseStatus(document), kInvalidArgument, "'x'");
  document = Document();
  document["kernel"]["x"] = 1;
  EXPECT_STATUS(ParseStatus(document), kInvalidArgument, "'x'");
  document = Document();
  document["firmware"]["sections"][0]["x"] = 1;
  EXPECT_STATUS(ParseStatus(document), kInvalidArgument, "'x'");
}

TEST(ReferenceValue, DigestMustFollowFromTheParts) {
  const auto refused = [](const std::function<void(Json&)>& change) {
    Json document = Document();
    change(document);
    return ParseStatus(document);
  };
  EXPECT_STATUS(refused([](Json& d) { d["vcpus"] = 3; }), kInvalidArgument, "does not follow");
  EXPECT_STATUS(refused([](Json& d) { d["kernel"]["command_line"] = "other"; }), kInvalidArgument,
                "does not follow");
  EXPECT_STATUS(refused([](Json& d) { d["guest_features"] = "0x21"; }), kInvalidArgument,
                "does not follow");
  EXPECT_STATUS(refused([](Json& d) { d["digest"] = std::string(96, '0'); }), kInvalidArgument,
                "does not follow");
  EXPECT_STATUS(refused([](Json& d) { d.erase("kernel"); }), kInvalidArgument, "does not follow");
}

TEST(ReferenceValue, BadValuesAreRefused) {
  const auto refused = [](const char* key, Json value) {
    Json document = Document();
    document[key] = std::move(value);
    return ParseStatus(document);
  };
  EXPECT_STATUS(refused("schema", "nacre.reference/2"), kInvalidArgument, "schema");
  EXPECT_STATUS(refused("mode", "sev"), kInvalidArgument, "only mode snp");
  EXPECT_STATUS(refused("digest", "abcd"), kInvalidArgument, "2 bytes, not 48");
  EXPECT_STATUS(refused("digest", 5), kInvalidArgument, "digest");
  EXPECT_STATUS(refused("vcpus", 0), kInvalidArgument, "vcpus");
  EXPECT_STATUS(refused("vcpus", 5000), kInvalidArgument, "vcpus");
  EXPECT_STATUS(refused("vcpu_signature", "0x100000000"), kInvalidArgument, "too large");
  EXPECT_STATUS(refused("created", "yesterday"), kInvalidArgument, "created");
  EXPECT_STATUS(refused("expires", "2026-13-01T00:00:00Z"), kInvalidArgument, "expires");
  EXPECT_STATUS(refused("name", std::string(257, 'n')), kInvalidArgument, "name");
  Json document = Document();
  document["firmware"]["launch_prefix"] = std::string(94, '0');
  EXPECT_STATUS(ParseStatus(document), kInvalidArgument, "launch_prefix");
  document = Document();
  document["firmware"]["sections"] = Json::array();
  for (int i = 0; i < 257; ++i) document["firmware"]["sections"].push_back(Json::object());
  EXPECT_STATUS(ParseStatus(document), kInvalidArgument, "too many");
  EXPECT_FALSE(ParseReferenceValue("").ok());
  EXPECT_FALSE(ParseReferenceValue("[]").ok());
  EXPECT_FALSE(ParseReferenceValue(std::string(kMaxReferenceDocument + 1, ' ')).ok());
}

TEST(ReferenceValue, OnlySnpIsWritten) {
  ReferenceValue value = Value();
  value.measurement.mode = tee::LaunchMode::kSev;
  EXPECT_STATUS(SerializeReferenceValue(value), kInvalidArgument, "only mode snp");
}

}  // namespace
}  // namespace nacre::attestation
