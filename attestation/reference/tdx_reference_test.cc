#include "attestation/reference/tdx_reference.h"

#include <gtest/gtest.h>

#include "base/json.h"
#include "base/status_testing.h"
#include "tee/tdx/test_firmware.h"

namespace nacre::attestation {
namespace {

TdxReferenceValue Value() {
  tee::LaunchInputs inputs;
  inputs.mode = tee::LaunchMode::kTdx;
  inputs.firmware_path = "f";
  inputs.kernel_path = "k";
  inputs.initrd_path = "i";
  inputs.command_line = "quiet";
  inputs.memory_bytes = uint64_t{1} << 30;
  const tee::tdx::TdxLaunchFiles files = {tee::tdx::BuildTestTdvf(),
                                          tee::tdx::BuildTestKernel("6.12.0 ", Bytes(64)),
                                          Bytes(10), std::nullopt};
  TdxReferenceValue out = MakeTdxReference(MeasureTdxLaunch(inputs, {}, files).value());
  out.name = "web";
  out.created = 1'800'000'000;
  return out;
}

absl::Status With(const char* key, const Json& value) {
  Json document = ParseJson(SerializeTdxReference(Value()).value()).value();
  document[key] = value;
  return ParseTdxReference(DumpJson(document).value()).status();
}

TEST(TdxReference, RoundTrip) {
  TdxReferenceValue value = Value();
  value.expires = value.created + 1;
  ASSERT_OK_AND_ASSIGN(const std::string text, SerializeTdxReference(value));
  ASSERT_OK_AND_ASSIGN(const TdxReferenceValue read, ParseTdxReference(text));
  EXPECT_EQ(SerializeTdxReference(read).value(), text);
  EXPECT_EQ(read.mrtd, value.mrtd);
  EXPECT_EQ(read.rtmr, value.rtmr);
  EXPECT_FALSE(read.rtmr[0].has_value());
  EXPECT_EQ(read.events.size(), value.events.size());
  EXPECT_EQ(read.expires, value.expires);
}

TEST(TdxReference, EveryWrongMemberIsNamed) {
  EXPECT_STATUS(With("schema", "nacre.reference/1"), kInvalidArgument, "schema");
  EXPECT_STATUS(With("rtmr1", std::string(96, '0')), kInvalidArgument, "rtmr1 does not follow");
  EXPECT_STATUS(With("rtmr0", std::string(96, '1')), kInvalidArgument, "rtmr0 does not follow");
  EXPECT_STATUS(With("mrtd", "00"), kInvalidArgument, "mrtd");
  EXPECT_STATUS(With("rtmr_profile", "x"), kInvalidArgument, "profile");
  EXPECT_STATUS(With("created", "now"), kInvalidArgument, "created");
  EXPECT_STATUS(With("surprise", 1), kInvalidArgument, "surprise");
  EXPECT_STATUS(With("name", std::string(257, 'n')), kInvalidArgument, "name");
  EXPECT_STATUS(With("events", Json::array({{{"rtmr", 3}}})), kInvalidArgument, "RTMR3");
  EXPECT_FALSE(ParseTdxReference("").ok());
}

TEST(TdxReference, RegistersThatDoNotFollowAreNotWritten) {
  TdxReferenceValue value = Value();
  value.rtmr[2] = Bytes(48, 1);
  EXPECT_STATUS(SerializeTdxReference(value).status(), kInvalidArgument, "rtmr2");
}

}  // namespace
}  // namespace nacre::attestation
