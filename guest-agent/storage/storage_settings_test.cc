#include "guest-agent/storage/storage_settings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/strings.h"
#include "base/toml.h"

namespace nacre::guest_agent {
namespace {

using ::testing::HasSubstr;

absl::StatusOr<StorageSettings> Parse(std::string_view text) {
  ASSIGN_OR_RETURN(const Json table, ParseToml(text));
  return ParseStorageSettings(table, "[storage]");
}

TEST(StorageSettings, MemoryUnlessTheOwnerSaysDisk) {
  for (const char* text : {"", "images = \"memory\"\n"}) {
    const auto settings = Parse(text);
    ASSERT_TRUE(settings.ok()) << settings.status();
    EXPECT_EQ(settings->images, ImageStorage::kMemory);
  }
}

TEST(StorageSettings, ADiskHasIntegrityUnlessTheOwnerTurnsItOffByName) {
  const auto settings = Parse("images = \"encrypted-disk\"\n");
  ASSERT_TRUE(settings.ok()) << settings.status();
  EXPECT_EQ(settings->images, ImageStorage::kEncryptedDisk);
  EXPECT_TRUE(settings->disk_integrity);
  EXPECT_EQ(settings->disk_minimum_mib, 256u);
  const auto without = Parse("images = \"encrypted-disk\"\ndisk_integrity = false\n");
  ASSERT_TRUE(without.ok()) << without.status();
  EXPECT_FALSE(without->disk_integrity);
}

TEST(StorageSettings, TheMinimumIsWithinItsBounds) {
  for (const uint64_t mib : {uint64_t{64}, uint64_t{67108864}}) {
    const auto settings =
        Parse(StrCat("images = \"encrypted-disk\"\ndisk_minimum_mib = ", mib, "\n"));
    ASSERT_TRUE(settings.ok()) << settings.status();
    EXPECT_EQ(settings->disk_minimum_mib, mib);
  }
  for (const char* mib : {"63", "67108865", "-1", "\"1G\""})
    EXPECT_THAT(
        Parse(StrCat("images = \"encrypted-disk\"\ndisk_minimum_mib = ", mib)).status().message(),
        HasSubstr("disk_minimum_mib"))
        << mib;
}

TEST(StorageSettings, VolumesHaveAMinimumToo) {
  const auto settings = Parse("images = \"erofs-verity\"\n");
  ASSERT_TRUE(settings.ok()) << settings.status();
  EXPECT_EQ(settings->images, ImageStorage::kErofsVerity);
  EXPECT_EQ(settings->disk_minimum_mib, 256u);
  const auto larger = Parse("images = \"erofs-verity\"\ndisk_minimum_mib = 4096\n");
  ASSERT_TRUE(larger.ok()) << larger.status();
  EXPECT_EQ(larger->disk_minimum_mib, 4096u);
}

TEST(StorageSettings, NothingIsIgnored) {
  const std::pair<const char*, const char*> cases[] = {
      {"images = \"disk\"\n", "encrypted-disk"},
      {"images = true\n", "images"},
      {"image = \"memory\"\n", "images"},
      {"disk_minimum_mib = 512\n", "disk_minimum_mib needs images"},
      {"images = \"memory\"\ndisk_integrity = true\n", "disk_integrity needs images"},
      {"images = \"encrypted-disk\"\ndisk_integrity = \"off\"\n", "disk_integrity"},
      {"images = \"erofs\"\n", "erofs-verity"},
      {"images = \"erofs-verity\"\ndisk_integrity = true\n", "which checks every block"},
      {"images = \"erofs-verity\"\ndisk_integrity = false\n", "which checks every block"},
  };
  for (const auto& [text, named] : cases)
    EXPECT_THAT(std::string(Parse(text).status().message()), HasSubstr(named)) << text;
}

}  // namespace
}  // namespace nacre::guest_agent
