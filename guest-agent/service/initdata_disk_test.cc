#include "guest-agent/service/initdata_disk.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/file.h"
#include "base/strings.h"
#include "tee/common/initdata.h"

namespace nacre::guest_agent {
namespace {

using ::testing::HasSubstr;
constexpr std::string_view kDocument = "version = \"0.1.0\"\nalgorithm = \"sha256\"\n[data]\n";

class InitdataDiskTest : public ::testing::Test {
 protected:
  void AddDisk(const std::string& name, std::string_view serial, ByteView image) {
    const std::string folder = StrCat(options_.block_folder, "/", name);
    ASSERT_TRUE(MakeDirectories(folder).ok());
    ASSERT_TRUE(MakeDirectories(options_.device_folder).ok());
    ASSERT_TRUE(WriteFile(folder + "/serial", AsBytes(serial)).ok());
    ASSERT_TRUE(WriteFile(StrCat(options_.device_folder, "/", name), image).ok());
  }
  TemporaryDirectory root_ = TemporaryDirectory::Create("initdata").value();
  BlockFolders options_{root_.path() + "/block", root_.path() + "/dev"};
};

TEST_F(InitdataDiskTest, FindsTheDiskBySerialNotByContent) {
  const Bytes image = *tee::EncodeInitdataDisk(kDocument);
  AddDisk("vda", "data", *tee::EncodeInitdataDisk("another document"));
  AddDisk("vdb", "initdata", image);
  ASSERT_TRUE(MakeDirectories(options_.block_folder + "/loop0").ok());
  const auto document = ReadInitdataDisk(options_);
  ASSERT_TRUE(document.ok()) << document.status();
  EXPECT_EQ(*document, kDocument);
}

TEST_F(InitdataDiskTest, NoDiskIsNotFound) {
  AddDisk("vda", "initdata2", *tee::EncodeInitdataDisk(kDocument));
  EXPECT_EQ(ReadInitdataDisk(options_).status().code(), absl::StatusCode::kNotFound);
}

TEST_F(InitdataDiskTest, TwoDisksAreRefusedByName) {
  const Bytes image = *tee::EncodeInitdataDisk(kDocument);
  AddDisk("vda", "initdata", image);
  AddDisk("vdb", "initdata\n", image);
  const auto status = ReadInitdataDisk(options_).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(status.message(), HasSubstr("vda, vdb"));
}

TEST_F(InitdataDiskTest, HostileLengthsAndShortDisksAreRefused) {
  AddDisk("vda", "initdata", AsBytes("initdata"));
  EXPECT_FALSE(ReadInitdataDisk(options_).ok());
  for (const uint64_t size : {uint64_t{497}, uint64_t{tee::kMaxInitdataCompressed}, UINT64_MAX}) {
    AddDisk("vda", "initdata", ByteWriter().Put("initdata").U64Le(size).Zeros(496).Release());
    EXPECT_FALSE(ReadInitdataDisk(options_).ok()) << size;
  }
}

}  // namespace
}  // namespace nacre::guest_agent
