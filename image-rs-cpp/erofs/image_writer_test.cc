// Images as the kernel shows them, after fsck.erofs and veritysetup have found nothing wrong.
#include "image-rs-cpp/erofs/image_writer.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <malloc.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <filesystem>
#include <set>

#include "base/file.h"
#include "base/status_testing.h"
#include "base/strings.h"
#include "image-rs-cpp/erofs/file_content.h"
#include "image-rs-cpp/erofs/format.h"
#include "image-rs-cpp/erofs/xattr_body.h"
#include "image-rs-cpp/testing/file_volumes.h"

namespace nacre::image::erofs {
namespace {

std::string Pattern(size_t size) {
  std::string text(size, '\0');
  for (size_t i = 0; i < size; ++i) text[i] = static_cast<char>(i * 7 + i / 4096 + 1);
  return text;
}

class ImageWriterTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (const std::string why = testing::WhyNoVolumes(); !why.empty()) GTEST_SKIP() << why;
    folder_.emplace(*TemporaryDirectory::Create("erofs"));
    Start(1 << 30);
  }

  void Start(uint64_t capacity) {
    volumes_.emplace(folder_->path() + "/" + std::to_string(next_++), capacity);
    auto volume = volumes_->New();
    ASSERT_OK(volume.status());
    volume_ = *std::move(volume);
    out_.emplace(volume_.get());
    content_.emplace(&*out_);
    tree_ = std::make_unique<ImageTree>();
  }

  InodeId Add(InodeId folder, std::string_view name, uint16_t mode) {
    Inode inode;
    inode.mode = mode;
    return Add(folder, name, std::move(inode));
  }
  InodeId Add(InodeId folder, std::string_view name, Inode inode) {
    auto id = tree_->AddInode(std::move(inode));
    EXPECT_OK(id.status());
    EXPECT_OK(tree_->Put(folder, name, *id));
    return *id;
  }
  InodeId AddFolder(InodeId folder, std::string_view name) {
    return Add(folder, name, S_IFDIR | 0755);
  }
  // Parts are data, or a hole where one is a number.
  using Part = std::pair<std::string, uint64_t>;
  InodeId AddFile(std::string_view name, const std::vector<Part>& parts) {
    const InodeId id = Add(kRoot, name, S_IFREG | 0644);
    uint64_t size = 0;
    for (const auto& [data, hole] : parts) size += data.size() + hole;
    content_->Begin(size);
    for (const auto& [data, hole] : parts) {
      EXPECT_OK(content_->Data(AsBytes(data)));
      EXPECT_OK(content_->Hole(hole));
    }
    EXPECT_OK(content_->End(&tree_->inode(id)));
    return id;
  }
  InodeId AddFile(std::string_view name, const std::string& text) {
    return AddFile(name, {{text, 0}});
  }
  InodeId AddLink(std::string_view name, const std::string& target) {
    Inode link;
    link.mode = S_IFLNK | 0777;
    link.Extra().link_target = target;
    return Add(kRoot, name, std::move(link));
  }

  void Mount() {
    auto root = WriteImage(tree_.get(), &*out_);
    ASSERT_OK(root.status());
    root_ = *root;
    auto at = volume_->Mount(*root);
    ASSERT_OK(at.status());
    at_ = *at;
  }
  std::string Path(std::string_view name) { return StrCat(at_, "/", name); }
  struct stat Stat(std::string_view name) {
    struct stat info = {};
    EXPECT_EQ(lstat(Path(name).c_str(), &info), 0) << name;
    return info;
  }
  std::string Content(std::string_view name) {
    auto text = ReadTextFile(Path(name), 64 << 20);
    return text.ok() ? *text : text.status().ToString();
  }
  std::set<std::string> Names(std::string_view folder) {
    std::set<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(Path(folder))) {
      EXPECT_TRUE(names.insert(entry.path().filename().string()).second);
    }
    return names;
  }

  int next_ = 0;
  std::optional<TemporaryDirectory> folder_;
  std::optional<testing::FileVolumes> volumes_;
  std::unique_ptr<LayerVolume> volume_;
  std::optional<VolumeWriter> out_;
  std::optional<FileContent> content_;
  std::unique_ptr<ImageTree> tree_;
  VerityRoot root_;
  std::string at_;
};

TEST_F(ImageWriterTest, AnEmptyOneHasARoot) {
  Mount();
  EXPECT_EQ(Stat(".").st_mode, S_IFDIR | 0755u);
  EXPECT_EQ(Stat(".").st_nlink, 2u);
  EXPECT_TRUE(Names(".").empty());
  EXPECT_EQ(root_.data_blocks, 2u);
  EXPECT_EQ(root_.leaf_blocks, 1u);
  EXPECT_EQ(root_.inner_blocks, 0u);
}

TEST_F(ImageWriterTest, KeepsFilesOfAllSizes) {
  std::vector<size_t> sizes = {0,     1,     4095,   4096,   4097,   8192,    65535,
                               65536, 65537, 524287, 524288, 524289, 1 << 20, (3 << 20) + 5};
  for (const size_t size : sizes) AddFile(std::to_string(size), Pattern(size));
  Mount();
  for (const size_t size : sizes) {
    EXPECT_EQ(Content(std::to_string(size)), Pattern(size)) << size;
    EXPECT_EQ(Stat(std::to_string(size)).st_size, static_cast<off_t>(size));
  }
}

TEST_F(ImageWriterTest, TakesContentInPiecesOfAnySize) {
  const std::string text = Pattern(2 << 20);
  std::vector<Part> parts;
  size_t at = 0;
  for (size_t size = 1; at < text.size(); size = size * 3 % 200'003 + 1) {
    parts.push_back({text.substr(at, size), 0});
    at += size;
  }
  AddFile("first", "x");
  AddFile("pieces", parts);
  Mount();
  EXPECT_EQ(Content("first"), "x");
  EXPECT_TRUE(Content("pieces") == text);
}

TEST_F(ImageWriterTest, KeepsAttributes) {
  Inode odd;
  odd.mode = S_IFREG | 07755;
  odd.uid = 3'000'000'000;
  odd.gid = 70'000;
  odd.mtime_seconds = -5;
  odd.mtime_nanoseconds = 999'999'999;
  Add(kRoot, "odd", std::move(odd));
  Inode late;
  late.mode = S_IFIFO | 0600;
  late.mtime_seconds = 20'000'000'000;
  late.mtime_nanoseconds = 1;
  Add(kRoot, "late", std::move(late));
  tree_->inode(kRoot).uid = 5;
  tree_->inode(kRoot).mode = S_IFDIR | 01711;
  Mount();
  EXPECT_EQ(Stat("odd").st_mode, S_IFREG | 07755u);
  EXPECT_EQ(Stat("odd").st_uid, 3'000'000'000u);
  EXPECT_EQ(Stat("odd").st_gid, 70'000u);
  EXPECT_EQ(Stat("odd").st_mtim.tv_sec, -5);
  EXPECT_EQ(Stat("odd").st_mtim.tv_nsec, 999'999'999);
  EXPECT_EQ(Stat("late").st_mtim.tv_sec, 20'000'000'000);
  EXPECT_EQ(Stat("late").st_mtim.tv_nsec, 1);
  EXPECT_EQ(Stat(".").st_uid, 5u);
  EXPECT_EQ(Stat(".").st_mode & 07777, 01711u);
}

TEST_F(ImageWriterTest, KeepsDevicesFifosSocketsAndWhiteouts) {
  const std::pair<uint32_t, uint32_t> numbers[] = {
      {0, 0}, {1, 3}, {7, 255}, {8, 256}, {4095, 1048575}};
  for (const auto& [major, minor] : numbers) {
    ASSERT_TRUE(FitsDeviceNumber(major, minor));
    Inode device;
    device.mode = S_IFCHR | 0600;
    device.place = DeviceNumber(major, minor);
    Add(kRoot, StrCat(major, ".", minor), std::move(device));
  }
  Inode block;
  block.mode = S_IFBLK | 0660;
  block.place = DeviceNumber(7, 0);
  Add(kRoot, "block", std::move(block));
  Add(kRoot, "fifo", S_IFIFO | 0622);
  Add(kRoot, "socket", S_IFSOCK | 0777);
  Mount();
  for (const auto& [major, minor] : numbers) {
    const struct stat info = Stat(StrCat(major, ".", minor));
    EXPECT_TRUE(S_ISCHR(info.st_mode));
    EXPECT_EQ(info.st_rdev, makedev(major, minor));
  }
  EXPECT_TRUE(S_ISBLK(Stat("block").st_mode));
  EXPECT_EQ(Stat("block").st_rdev, makedev(7, 0));
  EXPECT_TRUE(S_ISFIFO(Stat("fifo").st_mode));
  EXPECT_TRUE(S_ISSOCK(Stat("socket").st_mode));
  EXPECT_FALSE(FitsDeviceNumber(4096, 0));
  EXPECT_FALSE(FitsDeviceNumber(0, 1048576));
}

TEST_F(ImageWriterTest, KeepsSymbolicLinksOfAllLengths) {
  const std::vector<size_t> sizes = {1, 59, 60, 3000, 4031, 4032, 4033, 4095};
  for (const size_t size : sizes) AddLink(StrCat("l", size), std::string(size, 'x'));
  tree_->inode(AddLink("noted", "target")).Extra().xattrs = {{"trusted.note", "n"}};
  tree_->inode(AddLink("much", std::string(3000, 't'))).Extra().xattrs = {
      {"trusted.note", std::string(2000, 'n')}};
  Mount();
  for (const size_t size : sizes) {
    EXPECT_EQ(std::filesystem::read_symlink(Path(StrCat("l", size))), std::string(size, 'x'));
  }
  EXPECT_EQ(std::filesystem::read_symlink(Path("noted")), "target");
  EXPECT_EQ(std::filesystem::read_symlink(Path("much")), std::string(3000, 't'));
  std::string value(4096, '\0');
  EXPECT_EQ(lgetxattr(Path("much").c_str(), "trusted.note", value.data(), value.size()), 2000);
}

TEST_F(ImageWriterTest, FindsEveryNameWhateverItsBytes) {
  std::set<std::string> names = {"!",
                                 "-",
                                 "+x",
                                 ".a",
                                 "..a",
                                 "...",
                                 ".\x01",
                                 "..\x01",
                                 "A",
                                 "a",
                                 "aa",
                                 "a\x7f",
                                 "a\x80",
                                 "\xff",
                                 "\xff\xff",
                                 "\x01",
                                 std::string(255, '.'),
                                 std::string(255, '\xff')};
  for (const std::string& name : names) AddFile(name, name);
  Mount();
  EXPECT_EQ(Names("."), names);
  for (const std::string& name : names) EXPECT_EQ(Content(name), name);
  for (const char* absent : {"b", "\x80", "....", "a\x81", "\x02"}) {
    EXPECT_FALSE(PathExists(Path(absent))) << absent;
  }
}

TEST_F(ImageWriterTest, KeepsFoldersAroundBlockBoundaries) {
  // 12 bytes an entry, names of 20 here: "." and ".." take 27 of the first block.
  std::vector<int> counts;
  for (int count = 120; count <= 132; ++count) counts.push_back(count);
  counts.insert(counts.end(), {254, 255, 256, 257, 1000, 20'000});
  const std::string nineteen(14, 'n');
  auto name_of = [&](int i) { return StrCat(nineteen, 100'000 + i); };
  for (const int count : counts) {
    const InodeId folder = AddFolder(kRoot, std::to_string(count));
    const InodeId file = Add(folder, name_of(0), S_IFREG | 0644);
    for (int i = 1; i < count; ++i) ASSERT_OK(tree_->Put(folder, name_of(i), file));
  }
  Mount();
  for (const int count : counts) {
    const std::string folder = std::to_string(count);
    EXPECT_EQ(Names(folder).size(), static_cast<size_t>(count));
    for (const int i : {0, 1, count / 2, count - 2, count - 1}) {
      EXPECT_EQ(Stat(StrCat(folder, "/", name_of(i))).st_nlink, static_cast<nlink_t>(count));
    }
    EXPECT_FALSE(PathExists(Path(StrCat(folder, "/", name_of(count)))));
    EXPECT_FALSE(PathExists(Path(StrCat(folder, "/", nineteen))));
  }
  EXPECT_EQ(Stat(".").st_nlink, 2 + counts.size());
}

TEST_F(ImageWriterTest, CountsMoreLinksThanSixteenBitsCan) {
  const InodeId file = AddFile("0", "one file");
  for (int i = 1; i < 65'540; ++i) ASSERT_OK(tree_->Put(kRoot, std::to_string(i), file));
  Mount();
  EXPECT_EQ(Stat("65539").st_nlink, 65'540u);
  EXPECT_EQ(Content("40000"), "one file");
}

TEST_F(ImageWriterTest, KeepsExtendedAttributes) {
  InodeExtra& few = tree_->inode(AddFile("few", "x")).Extra();
  few.xattrs = {
      {"user.note", "hi"},
      {"user.empty", ""},
      {"trusted.overlay.opaque", "y"},
      {"security.capability", std::string("\1\0\0\2\0\40\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 20)}};
  const std::string large(kMaxXattrValue, 'v');
  InodeExtra& huge = tree_->inode(AddFolder(kRoot, "large")).Extra();
  for (const char* name : {"user.a", "user.b", "user.c"}) huge.xattrs.push_back({name, large});
  InodeExtra& many = tree_->inode(AddFile("many", "y")).Extra();
  for (int i = 0; i < 128; ++i) many.xattrs.push_back({StrCat("trusted.", i), std::to_string(i)});
  Mount();
  std::string value(kMaxXattrValue + 1, '\0');
  auto get = [&](const char* file, const std::string& name) {
    const ssize_t size = lgetxattr(Path(file).c_str(), name.c_str(), value.data(), value.size());
    return size < 0 ? "none" : value.substr(0, static_cast<size_t>(size));
  };
  EXPECT_EQ(get("few", "user.note"), "hi");
  EXPECT_EQ(get("few", "user.empty"), "");
  EXPECT_EQ(get("few", "trusted.overlay.opaque"), "y");
  EXPECT_EQ(get("few", "security.capability").size(), 20u);
  EXPECT_EQ(get("few", "user.other"), "none");
  EXPECT_EQ(get("large", "user.c"), large);
  for (int i = 0; i < 128; ++i) EXPECT_EQ(get("many", StrCat("trusted.", i)), std::to_string(i));
}

TEST_F(ImageWriterTest, RefusesExtendedAttributesThatDoNotFit) {
  EXPECT_OK(EncodeXattrs({{"user.a", std::string(kMaxXattrValue, 'x')}}).status());
  EXPECT_STATUS(EncodeXattrs({{"user.a", std::string(kMaxXattrValue + 1, 'x')}}),
                kResourceExhausted, "has 65536 bytes");
  Xattrs much;
  for (const char* name : {"user.a", "user.b", "user.c", "user.d"}) {
    much.push_back({name, std::string(65'500, 'x')});
  }
  EXPECT_OK(EncodeXattrs(much).status());
  much.push_back({"user.e", std::string(1000, 'x')});
  EXPECT_STATUS(EncodeXattrs(much), kResourceExhausted, "more than 262148 bytes");
  for (const char* name :
       {"user.", "other.x", "system.x", "system.posix_acl_accessx", "user", ""}) {
    EXPECT_STATUS(EncodeXattrs({{name, "x"}}), kInvalidArgument, "none that Linux keeps");
  }
}

TEST_F(ImageWriterTest, LeavesHolesWhereChunksAreEmpty) {
  const std::string block = Pattern(4096), some = Pattern(100);
  AddFile("only", std::vector<Part>{{"", 10'000}});
  AddFile("small", std::vector<Part>{{some, 10'000}, {some, 0}});
  AddFile("first", std::vector<Part>{{"", 8192}, {block, 0}});
  AddFile("last", std::vector<Part>{{block, 8193}});
  AddFile("none", std::vector<Part>{{some, 50}, {some, 50}});
  AddFile("split", std::vector<Part>{{block, 5000}, {"", 5000}, {some, 4096}, {some, 1}});
  Mount();
  auto zeros = [](size_t size) { return std::string(size, '\0'); };
  EXPECT_EQ(Content("only"), zeros(10'000));
  EXPECT_EQ(Content("small"), some + zeros(10'000) + some);
  EXPECT_EQ(Content("first"), zeros(8192) + block);
  EXPECT_EQ(Content("last"), block + zeros(8193));
  EXPECT_EQ(Content("none"), some + zeros(50) + some + zeros(50));
  EXPECT_EQ(Content("split"), block + zeros(10'000) + some + zeros(4096) + some + zeros(1));
}

TEST_F(ImageWriterTest, AHoleCostsNextToNothing) {
  const uint64_t huge = uint64_t{5} << 30;
  const std::string some = Pattern(5000);
  AddFile("huge", std::vector<Part>{{some, huge}, {some, huge}, {some, 0}});
  EXPECT_LT(content_->filler(), 2u << 20);  // chunks are of 64 KiB here
  Mount();
  EXPECT_EQ(Stat("huge").st_size, static_cast<off_t>(2 * huge + 15'000));
  ASSERT_OK_AND_ASSIGN(UniqueFd file, OpenFile(Path("huge"), O_RDONLY));
  for (const uint64_t at : {uint64_t{0}, huge + 5000, 2 * huge + 10'000}) {
    std::string read(some.size(), '\0');
    EXPECT_EQ(pread(file.get(), read.data(), read.size(), static_cast<off_t>(at)), 5000);
    EXPECT_TRUE(read == some) << at;
    char before = 'x';
    if (at == 0) continue;
    EXPECT_EQ(pread(file.get(), &before, 1, static_cast<off_t>(at - 1)), 1);
    EXPECT_EQ(before, '\0');
  }
}

TEST_F(ImageWriterTest, ChunksGrowWithTheFile) {
  const uint64_t most = uint64_t{256 << 10} * kBlockSize;  // with chunks of one block
  std::vector<std::pair<std::string, uint64_t>> files;
  for (const uint64_t size : {most - 1, most, most + 1, 2 * most, 2 * most + 1}) {
    const uint64_t before = content_->filler();
    files.emplace_back(std::to_string(size), size);
    AddFile(files.back().first, std::vector<Part>{{"a", size - 2}, {"b", 0}});
    const uint64_t chunk = size <= most ? 4096 : size <= 2 * most ? 8192 : 16384;
    const uint64_t table = 4 * ((size + chunk - 1) / chunk);
    EXPECT_EQ(content_->filler() - before, chunk - 1 + table + (size - 1) % chunk) << size;
    EXPECT_LE(table, 1u << 20);
  }
  Mount();
  for (const auto& [name, size] : files) {
    ASSERT_OK_AND_ASSIGN(UniqueFd file, OpenFile(Path(name), O_RDONLY));
    EXPECT_EQ(Stat(name).st_size, static_cast<off_t>(size));
    char ends[4] = "xyz";
    EXPECT_EQ(pread(file.get(), ends, 2, 0), 2);
    EXPECT_EQ(pread(file.get(), ends + 2, 2, static_cast<off_t>(size - 2)), 2);
    EXPECT_EQ(std::string(ends, 4), std::string("a\0\0b", 4)) << size;
  }
}

TEST_F(ImageWriterTest, LeavesOutWhatNoNameLeadsTo) {
  const InodeId folder = AddFolder(kRoot, "gone");
  const InodeId file = AddFile("kept", "text");
  ASSERT_OK(tree_->Put(folder, "other", file));
  AddFolder(folder, "deeper");
  tree_->Remove(kRoot, "gone");
  EXPECT_EQ(tree_->Find(kRoot, "gone"), kNoInode);
  tree_->Remove(kRoot, "never");
  Mount();
  EXPECT_EQ(Names("."), std::set<std::string>{"kept"});
  EXPECT_EQ(Stat("kept").st_nlink, 1u);
  EXPECT_EQ(Stat(".").st_nlink, 2u);
}

TEST_F(ImageWriterTest, PassesOnThatTheVolumeIsFull) {
  for (const uint64_t blocks : {0, 1, 2, 3, 5, 6, 40}) {
    Start(blocks * kVolumeBlock);
    absl::Status status;
    content_->Begin(40 * kVolumeBlock);
    status = content_->Data(Bytes(40 * kVolumeBlock));
    if (status.ok()) status = WriteImage(tree_.get(), &*out_).status();
    EXPECT_STATUS(status, kResourceExhausted, "disk is full");
    out_.reset();
    volume_.reset();
    EXPECT_EQ(volumes_->used(), 0u);
    EXPECT_EQ(volumes_->count(), 0u);
  }
}

TEST(ImageTreeTest, BoundsItsMemory) {
  ImageTree tree(10'000);
  Inode inode;
  inode.mode = S_IFREG;
  int names = 0;
  absl::Status status;
  while (status.ok()) status = tree.Put(kRoot, StrCat("name", names++), kRoot);
  EXPECT_STATUS(status, kResourceExhausted, "more memory than allowed: 10000");
  EXPECT_GT(names, 100);
  EXPECT_OK(tree.Put(kRoot, "name1", kRoot));  // no new one
  inode.Extra().link_target = std::string(5000, 'x');
  EXPECT_STATUS(tree.AddInode(std::move(inode)), kResourceExhausted, "more memory");
}

TEST(ImageTreeTest, ManyFilesTakeLittleMemory) {
  constexpr uint64_t kFiles = 200'000;
  const auto in_use = [] { return static_cast<uint64_t>(mallinfo2().uordblks); };
  const uint64_t before = in_use();
  ImageTree tree;
  InodeId folder = kRoot;
  for (uint64_t i = 0; i < kFiles; ++i) {
    Inode inode;
    inode.mode = i % 1000 == 0 ? S_IFDIR : S_IFREG;
    ASSERT_OK_AND_ASSIGN(const InodeId id, tree.AddInode(std::move(inode)));
    ASSERT_OK(tree.Put(i % 1000 == 0 ? kRoot : folder, StrCat("file-with-a-name-", i), id));
    if (i % 1000 == 0) folder = id;
  }
  const uint64_t each = (in_use() - before) / kFiles;
  std::printf("%llu bytes a file\n", static_cast<unsigned long long>(each));
  EXPECT_LT(each, 140u);
  EXPECT_EQ(tree.Find(folder, "file-with-a-name-199999"), tree.inode_count() - 1);
}

TEST(ImageTreeTest, RefusesNamesThatCannotBe) {
  ImageTree tree;
  EXPECT_STATUS(tree.Put(kRoot, "", kRoot), kInvalidArgument, "1 to 255 bytes");
  EXPECT_STATUS(tree.Put(kRoot, std::string(256, 'x'), kRoot), kInvalidArgument, "1 to 255");
  EXPECT_OK(tree.Put(kRoot, std::string(255, 'x'), kRoot));
}

TEST(FormatTest, SumsAsCastagnoli) {
  // RFC 3720, B.4: 32 bytes of zeros; there the sum is inverted at the end.
  EXPECT_EQ(~Crc32c(Bytes(32)), 0x8a9136aau);
  EXPECT_EQ(~Crc32c(Bytes(32, 0xff)), 0x62a8ab43u);
}

}  // namespace
}  // namespace nacre::image::erofs
