#include "tee/eventlog/claims.h"

#include "base/encoding.h"
#include "base/status_testing.h"
#include "tee/common/refusal_class.h"
#include "tee/eventlog/event_data.h"
#include "tee/eventlog/log_writer.h"

namespace nacre::tee::eventlog {
namespace {

const std::vector<Bank> kOne = {Bank::kSha256};
const Bytes kGlobal = *HexDecode("61dfe48bca93d211aa0d00e098032b8c");

class Log {
 public:
  Log() { bytes_ = LogHeader(kOne); }
  Log& Add(uint32_t index, uint32_t type, ByteView measured, ByteView data) {
    const Bytes event = EncodeMeasuredEvent(index, type, kOne, measured, data);
    bytes_.insert(bytes_.end(), event.begin(), event.end());
    return *this;
  }
  Log& Add(uint32_t index, uint32_t type, ByteView data) { return Add(index, type, data, data); }
  Log& Text(uint32_t index, uint32_t type, std::string_view measured, std::string_view data) {
    return Add(index, type, AsBytes(measured), AsBytes(data));
  }
  absl::StatusOr<BootClaims> Claims(Registers registers = Registers::kPcr) const {
    ASSIGN_OR_RETURN(EventLog log, EventLog::Parse(bytes_, registers));
    return ReadBootClaims(log, Bank::kSha256);
  }
  const Bytes& bytes() const { return bytes_; }

 private:
  Bytes bytes_;
};

Bytes SecureBoot(std::initializer_list<uint8_t> value) {
  return EncodeUefiVariable(kGlobal, "SecureBoot", Bytes(value));
}

TEST(ClaimsTest, SecureBoot) {
  const Bytes separator(4);
  EXPECT_EQ(Log().Claims()->secure_boot, std::nullopt);
  EXPECT_EQ(Log().Add(7, kEfiVariableDriverConfig, SecureBoot({1})).Claims()->secure_boot, true);
  EXPECT_EQ(Log().Add(7, kEfiVariableDriverConfig, SecureBoot({0})).Claims()->secure_boot, false);
  EXPECT_EQ(Log().Add(7, kEfiVariableDriverConfig, SecureBoot({})).Claims()->secure_boot, false);
  // Another register, another vendor, or after the separator: anyone could have written it.
  EXPECT_EQ(Log().Add(8, kEfiVariableDriverConfig, SecureBoot({1})).Claims()->secure_boot,
            std::nullopt);
  EXPECT_EQ(
      Log()
          .Add(7, kEfiVariableDriverConfig, EncodeUefiVariable(Bytes(16), "SecureBoot", Bytes{1}))
          .Claims()
          ->secure_boot,
      std::nullopt);
  EXPECT_EQ(Log()
                .Add(7, kSeparator, separator)
                .Add(7, kEfiVariableDriverConfig, SecureBoot({1}))
                .Claims()
                ->secure_boot,
            std::nullopt);
  EXPECT_EQ(
      Log().Add(1, kEfiVariableDriverConfig, SecureBoot({1})).Claims(Registers::kRtmr)->secure_boot,
      true);
  const auto both = Log()
                        .Add(7, kEfiVariableDriverConfig, SecureBoot({1}))
                        .Add(7, kEfiVariableDriverConfig, SecureBoot({0}))
                        .Claims();
  EXPECT_STATUS(both, kUnauthenticated, "both on and off");
}

// Types are not measured: a separator that is called something else still ends the firmware's part.
TEST(ClaimsTest, SeparatorsAreKnownByTheirDigest) {
  for (uint8_t filled : {0x00, 0xff}) {
    for (uint32_t type : {kAction, kEventTag, kPostCode}) {
      const auto claims = Log()
                              .Add(7, type, Bytes(4, filled))
                              .Add(7, kEfiVariableDriverConfig, SecureBoot({1}))
                              .Claims();
      EXPECT_EQ(claims->secure_boot, std::nullopt);
      EXPECT_TRUE(claims->separators.contains(7));
    }
  }
  // Another register's separator ends nothing here.
  EXPECT_EQ(Log()
                .Add(6, kSeparator, Bytes(4))
                .Add(7, kEfiVariableDriverConfig, SecureBoot({1}))
                .Claims()
                ->secure_boot,
            true);
  const Bytes order = EncodeUefiVariable(kGlobal, "BootOrder", Bytes{2, 0});
  EXPECT_TRUE(Log()
                  .Add(1, kSeparator, Bytes(4))
                  .Add(1, kEfiVariableBoot, order)
                  .Claims()
                  ->boot_variables.empty());
}

TEST(ClaimsTest, DataThatMustHashToItsDigest) {
  for (uint32_t type : {kSeparator, kAction, kEfiAction, kCrtmVersion, kEfiGptEvent, kNonhostInfo,
                        kEfiVariableDriverConfig, kEfiVariableBoot, kEfiVariableAuthority}) {
    const auto claims = Log().Text(1, type, "measured", "said").Claims();
    EXPECT_STATUS(claims, kUnauthenticated, "does not hash to the sha256 digest");
    EXPECT_EQ(ClassOf(claims.status(), RefusalClass::kNone), RefusalClass::kEventDataMismatch);
    EXPECT_OK(Log().Text(1, type, "said", "said").Claims());
  }
  for (uint32_t type : {kPostCode, kIpl, kEventTag, kPlatformConfigFlags,
                        kEfiBootServicesApplication, kEfiPlatformFirmwareBlob}) {
    EXPECT_OK(Log().Text(1, type, "measured", "said").Claims());
  }
}

TEST(ClaimsTest, KernelCommandLineOfGrub) {
  const auto lines = [](const Log& log) { return log.Claims()->kernel_command_lines; };
  using Lines = std::vector<std::string>;
  EXPECT_EQ(lines(Log().Text(8, kIpl, "a b", {"kernel_cmdline: a b\0", 20})), Lines{"a b"});
  EXPECT_EQ(lines(Log().Text(8, kIpl, "a b", "kernel_cmdline: a b")), Lines{"a b"});
  EXPECT_EQ(lines(Log().Text(8, kIpl, {"a b\0", 4}, {"grub_kernel_cmdline a b\0\0", 25})),
            Lines{"a b"});
  EXPECT_EQ(lines(Log().Text(8, kIpl, "a b", {"kernel_cmdline: a c\0", 20})), Lines{});
  EXPECT_EQ(lines(Log().Text(9, kIpl, "a b", "kernel_cmdline: a b")), Lines{});
  EXPECT_EQ(lines(Log().Text(8, kIpl, "a b", "grub_cmd: a b")), Lines{});
  // The description is not proven: the whole hashes, so nothing came after the word.
  EXPECT_EQ(lines(Log().Text(8, kIpl, "kernel_cmdline: x", "kernel_cmdline: x")), Lines{});
}

TEST(ClaimsTest, BootVariablesActionsImagesAndVersion) {
  const Bytes order = EncodeUefiVariable(kGlobal, "BootOrder", Bytes{2, 0});
  const Bytes entry = EncodeUefiVariable(kGlobal, "Boot0002", Bytes{9});
  Log log;
  log.Add(1, kEfiVariableBoot, order)
      .Add(1, kEfiVariableBoot, Bytes{9}, entry)
      .Add(0, kCrtmVersion, Bytes{'v', 0, '1', 0, 0, 0})
      .Text(4, kEfiAction, "Calling", "Calling")
      .Text(4, kEfiBootServicesApplication, "image", "path")
      .Add(4, kSeparator, Bytes(4));
  ASSERT_OK_AND_ASSIGN(BootClaims claims, log.Claims());
  ASSERT_EQ(claims.boot_variables.size(), 2u);
  EXPECT_TRUE(claims.boot_variables[0].name_proven);
  EXPECT_FALSE(claims.boot_variables[1].name_proven);
  EXPECT_EQ(claims.firmware_version, "v1");
  Appraisal appraisal;
  AddBootClaims(claims, &appraisal);
  EXPECT_EQ(appraisal.claims["boot.variable.BootOrder"], "0200");
  EXPECT_FALSE(appraisal.claims.contains("boot.variable.Boot0002"));
  EXPECT_EQ(appraisal.claims["boot.action.1"], "Calling");
  EXPECT_EQ(appraisal.claims["boot.image.1"],
            HexEncode(BankDigest(Bank::kSha256, AsBytes("image"))));
  EXPECT_EQ(claims.separators, std::set<uint32_t>{4});
}

TEST(ClaimsTest, OldShimLogsOneByteTooMany) {
  Bytes logged = EncodeUefiVariable(kGlobal, "db", Bytes(30, 1));
  const Bytes measured = logged;
  logged.push_back(0xaf);
  EXPECT_OK(Log().Add(7, kEfiVariableAuthority, measured, logged).Claims());
  EXPECT_OK(Log().Add(7, kEfiVariableAuthority, Bytes(30, 1), logged).Claims());
  EXPECT_STATUS(Log().Add(7, kEfiVariableDriverConfig, measured, logged).Claims(), kUnauthenticated,
                "PCR 7, EV_EFI_VARIABLE_DRIVER_CONFIG");
}

TEST(ClaimsTest, AttestationAgentEvents) {
  const auto tag = [](std::string_view text) {
    return ByteWriter()
        .U32Le(0x4141454c)
        .U32Le(static_cast<uint32_t>(text.size()))
        .Put(text)
        .Release();
  };
  const Log log = Log()
                      .Add(4, kEventTag, tag("coco.com op {\"a\": 1}"))
                      .Add(3, kEventTag, tag("wrong register x"))
                      .Add(4, kEventTag, tag("nothing"))
                      .Add(4, kEventTag, Bytes(), tag("not measured x"));
  ASSERT_OK_AND_ASSIGN(BootClaims claims, log.Claims(Registers::kRtmr));
  ASSERT_EQ(claims.runtime_events.size(), 1u);
  EXPECT_EQ(claims.runtime_events[0].domain, "coco.com");
  EXPECT_EQ(claims.runtime_events[0].operation, "op");
  EXPECT_EQ(claims.runtime_events[0].content, "{\"a\": 1}");
}

TEST(ClaimsTest, RegistersMustEqualTheSignedOnes) {
  const Log log = Log().Add(4, kSeparator, Bytes(4));
  const Bytes value = Extended(Bank::kSha256, Bytes(32), BankDigest(Bank::kSha256, Bytes(4)));
  const auto verify = [&](const std::map<uint32_t, Bytes>& expected, Bank bank, Appraisal* out) {
    return VerifyEventLog(log.bytes(), Registers::kPcr, bank, expected, out);
  };
  Appraisal good;
  EXPECT_TRUE(verify({{4, value}, {5, Bytes(32)}}, Bank::kSha256, &good));
  EXPECT_TRUE(good.affirmed());
  Appraisal other;
  EXPECT_FALSE(verify({{4, value}, {5, value}}, Bank::kSha256, &other));
  EXPECT_EQ(other.refusal_class, RefusalClass::kPcrDigest);
  EXPECT_NE(other.refusal.find("PCR 5"), std::string::npos);
  EXPECT_TRUE(other.claims.empty());
  Appraisal bank;
  EXPECT_FALSE(verify({{4, value}}, Bank::kSha384, &bank));
  EXPECT_EQ(bank.refusal_class, RefusalClass::kNoBank);
  Appraisal rtmr;
  EXPECT_FALSE(
      VerifyEventLog(log.bytes(), Registers::kRtmr, Bank::kSha256, {{4, Bytes(32)}}, &rtmr));
  EXPECT_EQ(rtmr.refusal_class, RefusalClass::kRtmrMismatch);
  EXPECT_NE(rtmr.refusal.find("RTMR3"), std::string::npos);
}

TEST(EventDataTest, UefiVariables) {
  const Bytes good = EncodeUefiVariable(kGlobal, "Name", Bytes{1, 2});
  ASSERT_OK_AND_ASSIGN(UefiVariable variable, ParseUefiVariable(good));
  EXPECT_EQ(variable.name, "Name");
  EXPECT_EQ(ToBytes(variable.value), (Bytes{1, 2}));
  for (size_t size = 0; size < good.size(); ++size) {
    EXPECT_FALSE(ParseUefiVariable(ByteView(good).first(size)).ok()) << size;
  }
  Bytes huge = good;
  std::fill(huge.begin() + 16, huge.begin() + 24, 0xff);
  EXPECT_STATUS(ParseUefiVariable(huge), kInvalidArgument, "do not fit");
  huge = good;
  std::fill(huge.begin() + 24, huge.begin() + 32, 0xff);
  EXPECT_STATUS(ParseUefiVariable(huge), kInvalidArgument, "do not fit");
  EXPECT_EQ(*TextFromUtf16(Bytes{'a', 0, 0xe9, 0, 'b', 1, 0, 0}), "a??");
  EXPECT_STATUS(TextFromUtf16(Bytes{'a'}), kInvalidArgument, "odd");
}

}  // namespace
}  // namespace nacre::tee::eventlog
