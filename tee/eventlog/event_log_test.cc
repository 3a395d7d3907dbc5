#include "tee/eventlog/event_log.h"

#include "base/encoding.h"
#include "base/status_testing.h"
#include "tee/common/refusal_class.h"
#include "tee/eventlog/event_data.h"
#include "tee/eventlog/log_writer.h"

namespace nacre::tee::eventlog {
namespace {

const std::vector<Bank> kTwo = {Bank::kSha256, Bank::kSha384};

Bytes Joined(const std::vector<Bytes>& parts) {
  ByteWriter out;
  for (const Bytes& part : parts) out.Put(part);
  return out.Release();
}

Bytes Separator(uint32_t index, const std::vector<Bank>& banks = kTwo) {
  return EncodeMeasuredEvent(index, kSeparator, banks, Bytes(4), Bytes(4));
}

Bytes LegacyEvent(uint32_t index, uint32_t type, ByteView data) {
  return ByteWriter()
      .U32Le(index)
      .U32Le(type)
      .Put(BankDigest(Bank::kSha1, data))
      .U32Le(static_cast<uint32_t>(data.size()))
      .Put(data)
      .Release();
}

void ExpectFormat(ByteView log, std::string_view part, Registers registers = Registers::kPcr) {
  const auto parsed = EventLog::Parse(log, registers);
  EXPECT_STATUS(parsed, kInvalidArgument, part);
  EXPECT_EQ(ClassOf(parsed.status(), RefusalClass::kNone), RefusalClass::kFormat);
}

TEST(EventLogTest, CryptoAgile) {
  const Bytes log = Joined({LogHeader(kTwo), Separator(4), Separator(7)});
  ASSERT_OK_AND_ASSIGN(EventLog parsed, EventLog::Parse(log, Registers::kPcr));
  EXPECT_TRUE(parsed.crypto_agile());
  EXPECT_EQ(parsed.banks(), kTwo);
  ASSERT_EQ(parsed.size(), 3u);
  EXPECT_EQ(parsed.end_offset(), log.size());
  EXPECT_EQ(parsed.event(0).type, kNoAction);
  EXPECT_FALSE(parsed.event(0).digest(Bank::kSha256));
  EXPECT_EQ(parsed.event(1).index, 4u);
  EXPECT_EQ(parsed.event(2).index, 7u);
  EXPECT_EQ(ToBytes(*parsed.event(2).digest(Bank::kSha384)), BankDigest(Bank::kSha384, Bytes(4)));
  EXPECT_FALSE(parsed.event(2).digest(Bank::kSha1));
  EXPECT_EQ(parsed.event(2).data.size(), 4u);
}

TEST(EventLogTest, ReplayExtendsFromZero) {
  const Bytes log = Joined({LogHeader(kTwo), Separator(4), Separator(4), Separator(9)});
  ASSERT_OK_AND_ASSIGN(EventLog parsed, EventLog::Parse(log, Registers::kPcr));
  const Bytes digest = BankDigest(Bank::kSha384, Bytes(4));
  const Bytes once = Extended(Bank::kSha384, Bytes(48), digest);
  ASSERT_OK_AND_ASSIGN(auto values, Replay(parsed, Bank::kSha384));
  EXPECT_EQ(values.size(), 2u);
  EXPECT_EQ(values[9], once);
  EXPECT_EQ(values[4], Extended(Bank::kSha384, once, digest));
  const auto missing = Replay(parsed, Bank::kSha1);
  EXPECT_STATUS(missing, kNotFound, "no sha1 digests");
  EXPECT_EQ(ClassOf(missing.status(), RefusalClass::kNone), RefusalClass::kNoBank);
}

TEST(EventLogTest, LegacyForm) {
  const Bytes log = Joined({LegacyEvent(0, kAction, AsBytes("one")), LegacyEvent(5, kAction, {})});
  ASSERT_OK_AND_ASSIGN(EventLog parsed, EventLog::Parse(log, Registers::kPcr));
  EXPECT_FALSE(parsed.crypto_agile());
  ASSERT_EQ(parsed.size(), 2u);
  EXPECT_EQ(ToString(parsed.event(0).data), "one");
  ASSERT_OK_AND_ASSIGN(auto values, Replay(parsed, Bank::kSha1));
  EXPECT_EQ(values[0], Extended(Bank::kSha1, Bytes(20), BankDigest(Bank::kSha1, AsBytes("one"))));
  EXPECT_STATUS(Replay(parsed, Bank::kSha256), kNotFound, "sha256");
  EXPECT_OK(CheckEventData(parsed, Bank::kSha1));
}

TEST(EventLogTest, StartupLocality) {
  Bytes data = ToBytes("StartupLocality");
  data.insert(data.end(), {0, 3});
  const auto locality = [&](uint32_t index, ByteView said) {
    return EncodeMeasuredEvent(index, kNoAction, kTwo, {}, said);
  };
  const Bytes good = Joined({LogHeader(kTwo), locality(0, data), Separator(0)});
  ASSERT_OK_AND_ASSIGN(EventLog parsed, EventLog::Parse(good, Registers::kPcr));
  EXPECT_EQ(parsed.startup_locality(), 3);
  Bytes start(32);
  start.back() = 3;
  ASSERT_OK_AND_ASSIGN(auto values, Replay(parsed, Bank::kSha256));
  EXPECT_EQ(values[0], Extended(Bank::kSha256, start, BankDigest(Bank::kSha256, Bytes(4))));

  ExpectFormat(Joined({LogHeader(kTwo), locality(0, data), locality(0, data)}), "said twice");
  ExpectFormat(Joined({LogHeader(kTwo), Separator(0), locality(0, data)}), "after PCR 0");
  ExpectFormat(Joined({LogHeader(kTwo), locality(0, ByteView(data).first(16))}), "wrong size");
  // Another register's locality does not exist, and RTMRs have none.
  ASSERT_OK_AND_ASSIGN(EventLog rtmr, EventLog::Parse(Joined({LogHeader(kTwo), locality(0, data)}),
                                                      Registers::kRtmr));
  EXPECT_FALSE(rtmr.startup_locality());
}

TEST(EventLogTest, EndsAtMarksAndPadding) {
  const Bytes log = Joined({LogHeader(kTwo), Separator(4)});
  for (const Bytes& tail :
       {Bytes(), Bytes(3), Bytes(7, 0xff), Bytes(8), Bytes(8, 0xff), Bytes(1000), Bytes(1000, 0xff),
        Joined({Bytes(100, 0xff), Bytes(100)})}) {
    const Bytes padded = Joined({log, tail});
    ASSERT_OK_AND_ASSIGN(EventLog parsed, EventLog::Parse(padded, Registers::kPcr));
    EXPECT_EQ(parsed.end_offset(), log.size());
    EXPECT_EQ(parsed.size(), 2u);
  }
  ExpectFormat(Joined({log, Bytes(16), Separator(5)}), "something other than padding");
  ExpectFormat(Joined({log, {1}}), "needs 4 bytes");
  ExpectFormat(Joined({log, {0xff, 0xff, 0xff, 0xff, 1, 2, 3, 4}}), "");
}

TEST(EventLogTest, EveryCutIsRefusedOrShorter) {
  const Bytes log = Joined({LogHeader(kTwo), Separator(4), Separator(5)});
  const size_t first = LogHeader(kTwo).size();
  const size_t second = first + Separator(4).size();
  for (size_t size = 0; size < log.size(); ++size) {
    const auto parsed = EventLog::Parse(ByteView(log).first(size), Registers::kPcr);
    EXPECT_EQ(parsed.ok(), size == first || size == second) << size;
  }
}

TEST(EventLogTest, SpecificationIsStrict) {
  const Bytes good = LogHeader(kTwo);
  const size_t count = 32 + 24;  // in the first event's data
  const auto with = [&](size_t at, uint8_t value) {
    Bytes changed = good;
    changed[at] = value;
    return changed;
  };
  ExpectFormat(with(count, 0), "0 algorithms");
  ExpectFormat(with(count, 5), "5 algorithms");
  ExpectFormat(with(count + 3, 0xff), "algorithms");
  ExpectFormat(with(count + 4, 0x77), "is not known");
  ExpectFormat(with(count + 8, 0x0b), "named twice");
  ExpectFormat(with(count + 6, 31), "digests of 31 bytes");
  ExpectFormat(with(good.size() - 1, 1), "vendor information");
  Bytes longer = with(28, static_cast<uint8_t>(good[28] + 1));
  longer.push_back(0);
  ExpectFormat(longer, "after the vendor");
}

TEST(EventLogTest, HostileSizesCostNothing) {
  const Bytes event = Separator(4);
  Bytes log = Joined({LogHeader(kTwo), event});
  const size_t size_at = log.size() - 8;
  for (size_t i = 0; i < 4; ++i) log[size_at + i] = 0xff;
  ExpectFormat(log, "data of the event");
  log = Joined({LogHeader(kTwo), event});
  for (size_t i = 0; i < 4; ++i) log[LogHeader(kTwo).size() + 8 + i] = 0xff;
  ExpectFormat(log, "4294967295 digests");
  ExpectFormat(Bytes(kMaxLogSize + 1), "more than");
  ExpectFormat({}, "");
}

TEST(EventLogTest, EachBankOnce) {
  Bytes log =
      Joined({LogHeader(kTwo), EncodeMeasuredEvent(4, kSeparator, {Bank::kSha256}, {}, {})});
  ExpectFormat(log, "1 digests in a log of 2 banks");
  log = Joined({LogHeader(kTwo),
                EncodeMeasuredEvent(4, kSeparator, {Bank::kSha256, Bank::kSha256}, {}, {})});
  ExpectFormat(log, "two digests of sha256");
  log = Joined(
      {LogHeader(kTwo), EncodeMeasuredEvent(4, kSeparator, {Bank::kSha256, Bank::kSha1}, {}, {})});
  ExpectFormat(log, "is not one of the log's");
  log = Joined({LogHeader(kTwo),
                EncodeMeasuredEvent(4, kSeparator, {Bank::kSha384, Bank::kSha256}, {}, {})});
  EXPECT_OK(EventLog::Parse(log, Registers::kPcr));
}

TEST(EventLogTest, IndexesNameRegisters) {
  const auto parse = [](uint32_t index, Registers registers) {
    return EventLog::Parse(Joined({LogHeader(kTwo), Separator(index)}), registers).status();
  };
  EXPECT_OK(parse(0, Registers::kPcr));
  EXPECT_OK(parse(23, Registers::kPcr));
  EXPECT_STATUS(parse(24, Registers::kPcr), kInvalidArgument, "index 24 is no PCR");
  EXPECT_STATUS(parse(0xffffffff, Registers::kPcr), kInvalidArgument, "is no PCR");
  EXPECT_STATUS(parse(0, Registers::kRtmr), kInvalidArgument, "index 0 is no RTMR");
  EXPECT_OK(parse(1, Registers::kRtmr));
  EXPECT_OK(parse(4, Registers::kRtmr));
  EXPECT_STATUS(parse(5, Registers::kRtmr), kInvalidArgument, "index 5 is no RTMR");
  // Events that extend nothing may have any index (SP 800-155 events have -1).
  EXPECT_OK(EventLog::Parse(
      Joined({LogHeader(kTwo), EncodeMeasuredEvent(0xffffffff, kNoAction, kTwo, {}, {})}),
      Registers::kPcr));
}

TEST(EventLogTest, Names) {
  EXPECT_EQ(RegisterName(Registers::kPcr, 7), "PCR 7");
  EXPECT_EQ(RegisterName(Registers::kRtmr, 0), "MRTD");
  EXPECT_EQ(RegisterName(Registers::kRtmr, 4), "RTMR3");
  EXPECT_EQ(EventTypeName(kSeparator), "EV_SEPARATOR");
  EXPECT_EQ(EventTypeName(0x1234), "event type 4660");
  for (Bank bank : {Bank::kSha1, Bank::kSha256, Bank::kSha384, Bank::kSha512}) {
    EXPECT_EQ(*ParseBankName(BankName(bank)), bank);
    EXPECT_EQ(BankFromId(static_cast<uint16_t>(bank)), bank);
    EXPECT_EQ(BankDigest(bank, {}).size(), BankSize(bank));
  }
  EXPECT_STATUS(ParseBankName("md5"), kInvalidArgument, "'md5'");
  EXPECT_FALSE(BankFromId(0x12));
}

}  // namespace
}  // namespace nacre::tee::eventlog
