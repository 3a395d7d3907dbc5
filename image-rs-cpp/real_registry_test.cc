// The whole way with real tools: umoci makes images, skopeo encrypts and pushes them, Debian's
// docker-registry serves them; umoci's own unpacking is the oracle for what a container sees.
#include "image-rs-cpp/testing/real_registry.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "base/file.h"
#include "base/strings.h"
#include "base/subprocess.h"
#include "crypto/key.h"
#include "image-rs-cpp/encrypt/encrypt_image.h"
#include "image-rs-cpp/image_puller.h"
#include "image-rs-cpp/testing/file_tree.h"
#include "image-rs-cpp/testing/key_table.h"

namespace nacre::image {
namespace {

using testing::DescribeTree;
using ::testing::HasSubstr;
using testing::KeyTable;
using testing::RealRegistry;

constexpr const char* kKeyId = "kbs:///default/image-key/1";
constexpr const char* kPrivateKeyId = "kbs:///default/private-key/1";

bool HaveTools() {
  for (const char* tool : {"docker-registry", "skopeo", "umoci"}) {
    if (!PathExists(std::string("/usr/bin/") + tool)) return false;
  }
  return true;
}

absl::Status RunTool(std::vector<std::string> argv) {
  SubprocessOptions options;
  options.argv = std::move(argv);
  const std::string name = options.argv[0];
  ASSIGN_OR_RETURN(CommandResult result, RunCommand(options));
  if (result.exit.code == 0) return absl::OkStatus();
  return absl::InternalError(StrCat(name, ": ", result.err));
}

absl::Status MakeFirstLayer(const std::string& root) {
  RETURN_IF_ERROR(MakeDirectories(root + "/etc/deep/er"));
  RETURN_IF_ERROR(MakeDirectories(root + "/replaced"));
  RETURN_IF_ERROR(MakeDirectories(root + "/tmp"));
  RETURN_IF_ERROR(WriteFile(root + "/etc/kept", AsBytes("kept")));
  RETURN_IF_ERROR(WriteFile(root + "/etc/gone", AsBytes("gone")));
  RETURN_IF_ERROR(WriteFile(root + "/etc/deep/er/x", Bytes(300'000, 'x')));
  RETURN_IF_ERROR(WriteFile(root + "/replaced/y", AsBytes("y")));
  chmod((root + "/tmp").c_str(), 01777);
  std::filesystem::create_hard_link(root + "/etc/kept", root + "/etc/same");
  std::filesystem::create_symlink("/etc/kept", root + "/link");
  return absl::OkStatus();
}

// Replaces, deletes, makes opaque, adds.
absl::Status MakeSecondLayer(const std::string& root) {
  RETURN_IF_ERROR(RemoveTree(root + "/replaced"));
  RETURN_IF_ERROR(WriteFile(root + "/replaced", AsBytes("now a file")));
  RETURN_IF_ERROR(RemoveTree(root + "/etc/gone"));
  RETURN_IF_ERROR(RemoveTree(root + "/etc/deep"));
  RETURN_IF_ERROR(MakeDirectories(root + "/etc/deep"));
  RETURN_IF_ERROR(WriteFile(root + "/etc/deep/new", AsBytes("new"), 0600));
  return WriteFile(root + "/tmp/z", AsBytes("z"));
}

// An image of two layers, the second changing the first in every way, made once for all tests.
class MadeImage {
 public:
  static absl::StatusOr<std::unique_ptr<MadeImage>> Make() {
    ASSIGN_OR_RETURN(TemporaryDirectory folder, TemporaryDirectory::Create("made"));
    std::unique_ptr<MadeImage> image(new MadeImage(std::move(folder)));
    RETURN_IF_ERROR(image->Build());
    return image;
  }
  std::string layout() const { return folder_.path() + "/layout"; }
  const std::string& tree() const { return tree_; }

 private:
  explicit MadeImage(TemporaryDirectory folder) : folder_(std::move(folder)) {}

  absl::Status Build() {
    const std::string tag = layout() + ":1";
    RETURN_IF_ERROR(RunTool({"umoci", "init", "--layout", layout()}));
    RETURN_IF_ERROR(RunTool({"umoci", "new", "--image", tag}));
    RETURN_IF_ERROR(Change("first", MakeFirstLayer));
    RETURN_IF_ERROR(Change("second", MakeSecondLayer));
    RETURN_IF_ERROR(
        RunTool({"umoci", "config", "--image", tag, "--config.cmd", "/bin/sh", "--config.env",
                 "PATH=/bin", "--config.user", "1000:1000", "--config.workingdir", "/tmp"}));
    RETURN_IF_ERROR(RunTool({"umoci", "unpack", "--image", tag, folder_.path() + "/final"}));
    tree_ = folder_.path() + "/final/rootfs";
    return absl::OkStatus();
  }

  absl::Status Change(const std::string& name,
                      const std::function<absl::Status(const std::string&)>& change) {
    const std::string bundle = StrCat(folder_.path(), "/", name);
    RETURN_IF_ERROR(RunTool({"umoci", "unpack", "--image", layout() + ":1", bundle}));
    RETURN_IF_ERROR(change(bundle + "/rootfs"));
    return RunTool({"umoci", "repack", "--image", layout() + ":1", bundle});
  }

  TemporaryDirectory folder_;
  std::string tree_;
};

class RealRegistryTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "needs root: mounts overlays";
    if (!HaveTools()) GTEST_SKIP() << "needs docker-registry, skopeo and umoci";
    auto made = TemporaryDirectory::Create("real");
    ASSERT_TRUE(made.ok());
    folder_.emplace(*std::move(made));
    auto registry = RealRegistry::Start();
    ASSERT_TRUE(registry.ok()) << registry.status();
    registry_ = *std::move(registry);
    auto image = MadeImage::Make();
    ASSERT_TRUE(image.ok()) << image.status();
    image_ = *std::move(image);
    auto private_key = crypto::PrivateKey::GenerateEc(crypto::Curve::kP256);
    ASSERT_TRUE(private_key.ok());
    ASSERT_TRUE(
        WriteFile(folder_->path() + "/pub.pem", AsBytes(*private_key->public_key().ToPem())).ok());
    keys_ = std::make_unique<KeyTable>(std::map<std::string, Bytes>{
        {kKeyId, Bytes(32, 0x21)}, {kPrivateKeyId, ToBytes(private_key->ToPem()->view())}});
  }

  std::string Reference() { return registry_->host() + "/demo/app:1"; }

  absl::Status Push(const std::string& layout, std::vector<std::string> options = {}) {
    std::vector<std::string> argv = {"skopeo", "--insecure-policy", "copy", "-q",
                                     "--dest-tls-verify=false"};
    argv.insert(argv.end(), options.begin(), options.end());
    argv.insert(argv.end(), {StrCat("oci:", layout, ":1"), "docker://" + Reference()});
    return RunTool(argv);
  }

  absl::StatusOr<PulledImage> Pull(const PullExpectations& expectations = {}) {
    ImagePullerOptions options;
    options.work_dir = folder_->path() + "/image";
    options.key_resolver = keys_.get();
    options.private_key_uris = {kPrivateKeyId};
    options.registry.insecure_registries = {registry_->host()};
    options.trust = TrustPolicy::AcceptAnything();
    ASSIGN_OR_RETURN(puller_, ImagePuller::Create(std::move(options)));
    return puller_->Pull(Reference(), expectations);
  }

  // Pulls, mounts, and compares with what umoci made of the same image.
  void ExpectTheSameTree(const PullExpectations& expectations = {}) {
    auto pulled = Pull(expectations);
    ASSERT_TRUE(pulled.ok()) << pulled.status();
    EXPECT_EQ(pulled->config.user, "1000:1000");
    EXPECT_EQ(pulled->config.working_dir, "/tmp");
    const RootfsPlace place{folder_->path() + "/upper", folder_->path() + "/work",
                            folder_->path() + "/root"};
    ASSERT_TRUE(MountRootfs(*pulled, place).ok());
    const std::string ours = DescribeTree(place.target);
    EXPECT_TRUE(UnmountRootfs(place.target).ok());
    // The root's own time is that of the fresh upper folder; link counts of files are the same.
    auto without_root = [](const std::string& text) { return text.substr(text.find('\n')); };
    EXPECT_EQ(without_root(ours), without_root(DescribeTree(image_->tree())));
  }

  std::optional<TemporaryDirectory> folder_;
  std::unique_ptr<RealRegistry> registry_;
  std::unique_ptr<MadeImage> image_;
  std::unique_ptr<KeyTable> keys_;
  std::unique_ptr<ImagePuller> puller_;
};

TEST_F(RealRegistryTest, PlainImage) {
  ASSERT_TRUE(Push(image_->layout()).ok());
  ExpectTheSameTree();
  EXPECT_EQ(keys_->calls, 0);
}

TEST_F(RealRegistryTest, DockersManifest) {
  ASSERT_TRUE(Push(image_->layout(), {"--format", "v2s2"}).ok());
  ExpectTheSameTree();
}

TEST_F(RealRegistryTest, ZstdLayers) {
  absl::Status pushed = Push(image_->layout(), {"--dest-compress-format", "zstd"});
  ASSERT_TRUE(pushed.ok()) << pushed;
  ExpectTheSameTree();
}

TEST_F(RealRegistryTest, EncryptedBySkopeoForAPublicKey) {
  absl::Status pushed =
      Push(image_->layout(), {"--encryption-key", "jwe:" + folder_->path() + "/pub.pem"});
  ASSERT_TRUE(pushed.ok()) << pushed;
  ExpectTheSameTree({"", true});
  EXPECT_EQ(keys_->calls, 1);
}

TEST_F(RealRegistryTest, EncryptedByUs) {
  const std::string output = folder_->path() + "/encrypted";
  const std::string key_file = folder_->path() + "/key";
  ASSERT_TRUE(WriteFile(key_file, Bytes(32, 0x21)).ok());
  auto source = OpenImageSource(StrCat("oci:", image_->layout(), ":1"), {});
  ASSERT_TRUE(source.ok()) << source.status();
  EncryptRequest request;
  request.image = {source->get(), StrCat("oci:", output, ":1"), {}, {}};
  ASSERT_TRUE(request.recipients
                  .Add(StrCat("provider:attestation-agent:keyid=", kKeyId, "::keypath=", key_file))
                  .ok());
  auto encrypted = EncryptImage(request);
  ASSERT_TRUE(encrypted.ok()) << encrypted.status();
  EXPECT_EQ(encrypted->layers, 2u);
  ASSERT_TRUE(Push(output).ok());
  ExpectTheSameTree({encrypted->manifest_digest, true});
  EXPECT_EQ(keys_->calls, 1);

  // The same image with a key the broker does not have.
  keys_ = std::make_unique<KeyTable>(std::map<std::string, Bytes>{{kKeyId, Bytes(32, 0x22)}});
  EXPECT_TRUE(absl::IsUnauthenticated(Pull().status()));
  EXPECT_TRUE(std::filesystem::is_empty(folder_->path() + "/image/layers"));
}

TEST_F(RealRegistryTest, AnImageThatIsNotThere) {
  absl::Status status = Pull().status();
  EXPECT_TRUE(absl::IsNotFound(status)) << status;
  EXPECT_THAT(std::string(Message(status)), HasSubstr("MANIFEST_UNKNOWN"));
}

// From the registry itself, for a certificate, and back.
TEST_F(RealRegistryTest, EncryptedByUsFromTheRegistry) {
  ASSERT_TRUE(Push(image_->layout(), {"--format", "v2s2"}).ok());
  SourceOptions options;
  options.registry.insecure_registries = {registry_->host()};
  auto source = OpenImageSource("docker://" + Reference(), options);
  ASSERT_TRUE(source.ok()) << source.status();
  const std::string output = folder_->path() + "/encrypted";
  EncryptRequest request;
  request.image = {source->get(), StrCat("oci:", output, ":1"), {}, {}};
  ASSERT_TRUE(request.recipients.Add("jwe:" + folder_->path() + "/pub.pem").ok());
  auto encrypted = EncryptImage(request);
  ASSERT_TRUE(encrypted.ok()) << encrypted.status();
  ASSERT_TRUE(Push(output).ok());
  ExpectTheSameTree({encrypted->manifest_digest, true});
  EXPECT_EQ(keys_->calls, 1);
}

}  // namespace
}  // namespace nacre::image
