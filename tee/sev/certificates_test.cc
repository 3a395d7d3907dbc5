#include "tee/sev/certificates.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace nacre::tee::sev {
namespace {

using ::testing::HasSubstr;

constexpr size_t kEntry = 24;

Bytes TwoEntries() {
  return BuildCertificateTable(
             {{CertificateKind::kVcek, {1, 2, 3}}, {CertificateKind::kArk, {4, 5}}})
      .value();
}

void PutU32(Bytes& table, size_t offset, uint32_t value) {
  for (int i = 0; i < 4; ++i) table[offset + i] = static_cast<uint8_t>(value >> (8 * i));
}

std::string Refusal(const Bytes& table) {
  const auto parsed = ParseCertificateTable(table);
  return parsed.ok() ? "" : std::string(parsed.status().message());
}

TEST(CertificateTable, RoundTrip) {
  const std::vector<CertificateEntry> entries = {{CertificateKind::kVcek, Bytes(1000, 1)},
                                                 {CertificateKind::kVlek, {2}},
                                                 {CertificateKind::kAsk, {3}},
                                                 {CertificateKind::kArk, {4}},
                                                 {CertificateKind::kCrl, Bytes(5000, 5)}};
  EXPECT_EQ(ParseCertificateTable(BuildCertificateTable(entries).value()).value(), entries);
}

TEST(CertificateTable, EmptyIsEmpty) {
  EXPECT_TRUE(BuildCertificateTable({}).value().empty());
  EXPECT_TRUE(ParseCertificateTable({}).value().empty());
  EXPECT_TRUE(ParseCertificateTable(Bytes(kEntry)).value().empty());
}

TEST(CertificateTable, AsvkTravelsAsAsk) {
  const Bytes table = BuildCertificateTable({{CertificateKind::kAsvk, {7}}}).value();
  EXPECT_EQ(ParseCertificateTable(table).value()[0].kind, CertificateKind::kAsk);
}

TEST(CertificateTable, PagePaddingAndUnknownGuidsAreIgnored) {
  Bytes table = TwoEntries();
  table.resize(4096);
  table[0] ^= 0xff;
  const auto entries = ParseCertificateTable(table).value();
  ASSERT_EQ(entries.size(), 1u);
  EXPECT_EQ(entries[0].kind, CertificateKind::kArk);
}

TEST(CertificateTable, RefusesTruncationAtEverySize) {
  const Bytes table = TwoEntries();
  for (size_t size = 1; size < table.size(); ++size) {
    EXPECT_NE(Refusal(Bytes(table.begin(), table.begin() + static_cast<ptrdiff_t>(size))), "")
        << size;
  }
}

TEST(CertificateTable, RefusesEntriesOutsideOrOverlapping) {
  for (uint32_t offset : {0u, 23u, 71u, 76u, 78u, 0x80000000u, 0xffffffffu}) {
    Bytes table = TwoEntries();
    PutU32(table, 16, offset);
    EXPECT_NE(Refusal(table), "") << offset;
  }
  for (uint32_t length : {0u, 4u, 6u, 0xffffffffu}) {
    Bytes table = TwoEntries();
    PutU32(table, 20, length);
    EXPECT_NE(Refusal(table), "") << length;
  }
  Bytes same = TwoEntries();
  PutU32(same, kEntry + 16, 72);
  EXPECT_THAT(Refusal(same), HasSubstr("overlap"));
}

TEST(CertificateTable, RefusesMissingTerminator) {
  Bytes table = TwoEntries();
  table[2 * kEntry] = 1;  // the zero entry is one no more
  EXPECT_NE(Refusal(table), "");
}

TEST(CertificateTable, LimitsAtAndAbove) {
  std::vector<CertificateEntry> entries(kMaxCertificateEntries, {CertificateKind::kVcek, {1}});
  EXPECT_EQ(ParseCertificateTable(BuildCertificateTable(entries).value()).value().size(),
            kMaxCertificateEntries);
  entries.push_back(entries[0]);
  EXPECT_FALSE(BuildCertificateTable(entries).ok());

  const size_t room = kMaxCertificateTable - 2 * kEntry;
  EXPECT_TRUE(ParseCertificateTable(
                  BuildCertificateTable({{CertificateKind::kCrl, Bytes(room, 1)}}).value())
                  .ok());
  EXPECT_FALSE(BuildCertificateTable({{CertificateKind::kCrl, Bytes(room + 1, 1)}}).ok());
  EXPECT_NE(Refusal(Bytes(kMaxCertificateTable + 1)), "");
}

TEST(CertificateTable, BuildRefusesUnknownAndEmpty) {
  EXPECT_FALSE(BuildCertificateTable({{CertificateKind::kUnknown, {1}}}).ok());
  EXPECT_FALSE(BuildCertificateTable({{CertificateKind::kVcek, {}}}).ok());
}

TEST(CertificateKind, NamesRoundTrip) {
  for (auto kind : {CertificateKind::kArk, CertificateKind::kAsk, CertificateKind::kAsvk,
                    CertificateKind::kVcek, CertificateKind::kVlek, CertificateKind::kCrl}) {
    EXPECT_EQ(ParseCertificateKind(CertificateKindName(kind)), kind);
  }
  EXPECT_EQ(ParseCertificateKind("vcek"), CertificateKind::kUnknown);
  EXPECT_EQ(ParseCertificateKind(""), CertificateKind::kUnknown);
}

}  // namespace
}  // namespace nacre::tee::sev
