// Every kind of image in a real registry: each media type, plain and encrypted; indexes of both
// families with systems, architectures and variants; what buildah and skopeo make; and what
// `nacre image encrypt` puts there for skopeo to read, however large.
#include <gmock/gmock.h>

#include <fstream>
#include <mutex>
#include <random>

#include "image-rs-cpp/encrypt/decrypt_image.h"
#include "image-rs-cpp/encrypt/encrypt_image.h"
#include "image-rs-cpp/registry/blob_upload.h"
#include "image-rs-cpp/testing/conformance.h"
#include "image-rs-cpp/testing/cutting_proxy.h"
#include "image-rs-cpp/testing/file_tree.h"
#include "image-rs-cpp/testing/tar_builder.h"

namespace nacre::image {
namespace {

using testing::Buildah;
using testing::ConformanceTest;
using testing::EncryptionKey;
using testing::KeyTable;
using testing::RunTool;
using testing::TarBuilder;
using testing::TestImage;

class ConformingImagesTest : public ConformanceTest {
 protected:
  void SetUp() override {
    ConformanceTest::SetUp();
    if (IsSkipped()) return;
    Open({"plain"});
    keys_ = std::make_unique<KeyTable>(
        std::map<std::string, Bytes>{{EncryptionKey().key_id, EncryptionKey().kek}});
  }
  // The image's files as the container sees them.
  std::string Mounted(const PulledImage& image) {
    const RootfsPlace place{folder_->path() + "/upper", folder_->path() + "/work",
                            folder_->path() + "/root"};
    EXPECT_OK(MountRootfs(image, place));
    const std::string tree = testing::DescribeTree(place.target);
    EXPECT_OK(UnmountRootfs(place.target));
    return tree.substr(tree.find('\n'));  // the root's own time is that of the upper folder
  }
};

struct Kind {
  const char* name;
  Compression compression;
  const char* docker;  // Docker's name of the layer's type
};
constexpr Kind kKinds[] = {
    {"tar", Compression::kNone, "application/vnd.docker.image.rootfs.diff.tar"},
    {"gzip", Compression::kGzip, "application/vnd.docker.image.rootfs.diff.tar.gzip"},
    {"zstd", Compression::kZstd, "application/vnd.docker.image.rootfs.diff.tar.zstd"}};

TEST_F(ConformingImagesTest, EveryMediaType) {
  for (const Kind& kind : kKinds) {
    for (const bool encrypted : {false, true}) {
      for (const bool docker : {false, true}) {
        const std::string name =
            StrCat(docker ? "docker-" : "oci-", kind.name, encrypted ? "-encrypted" : "");
        SCOPED_TRACE(name);
        const Bytes tar = TarBuilder().File("name", name).Finish();
        TestImage image;
        if (encrypted) {
          image.AddEncryptedLayer(tar, {}, kind.compression);
        } else {
          image.AddLayer(tar, kind.compression);
        }
        if (docker) {
          image.manifest["layers"][0]["mediaType"] =
              StrCat(kind.docker, encrypted ? "+encrypted" : "");
          image.manifest["config"] = image.AddBlob(
              AsBytes(image.config.dump()), "application/vnd.docker.container.image.v1+json");
          image.manifest["mediaType"] = kDockerManifest;
          image.manifest_type = kDockerManifest;
        }
        ASSERT_OK(PushImage(image.Seal(), name));
        EXPECT_EQ(FileOf(Pull(Name(name)), "name"), name);
      }
    }
  }
}

struct Entry {
  Platform platform;
  const char* says;
};
const Entry kEntries[] = {{{"linux", "amd64", ""}, "amd64"},
                          {{"linux", "arm64", "v8"}, "arm64"},
                          {{"linux", "arm", "v6"}, "armv6"},
                          {{"linux", "arm", "v7"}, "armv7"},
                          {{"windows", "amd64", ""}, "windows"}};

TEST_F(ConformingImagesTest, IndexesOfBothFamiliesWithVariants) {
  for (const bool docker : {false, true}) {
    SCOPED_TRACE(docker ? "docker" : "oci");
    const std::string index_type(docker ? kDockerIndex : kOciIndex);
    Json index = {{"schemaVersion", 2}, {"mediaType", index_type}, {"manifests", Json::array()}};
    for (const Entry& entry : kEntries) {
      TestImage image;
      image.config["os"] = entry.platform.os;
      image.config["architecture"] = entry.platform.architecture;
      image.AddLayer(TarBuilder().File("says", entry.says).Finish());
      if (docker) {
        image.manifest["layers"][0]["mediaType"] = kKinds[1].docker;
        image.manifest["config"] = image.AddBlob(AsBytes(image.config.dump()),
                                                 "application/vnd.docker.container.image.v1+json");
        image.manifest["mediaType"] = image.manifest_type = kDockerManifest;
      }
      ASSERT_OK(PushImage(image.Seal()));
      Json platform = {{"os", entry.platform.os}, {"architecture", entry.platform.architecture}};
      if (!entry.platform.variant.empty()) platform["variant"] = entry.platform.variant;
      index["manifests"].push_back({{"mediaType", image.manifest_type},
                                    {"digest", image.manifest_digest},
                                    {"size", image.blobs.at(image.manifest_digest).size()},
                                    {"platform", platform}});
    }
    ASSERT_OK(Client()->PutManifest(*ParseImageReference(Name()), index.dump(), index_type, "all"));
    for (const Entry& entry : kEntries) {
      platform_ = entry.platform;
      const auto image = Pull(Name("all"));
      EXPECT_EQ(FileOf(image, "says"), entry.says);
      ASSERT_OK(image);
      EXPECT_NE(image->manifest_digest, image->reference_digest);
    }
    platform_ = {"linux", "arm64", ""};
    EXPECT_EQ(FileOf(Pull(Name("all")), "says"), "arm64");
    platform_ = {"linux", "arm", "v5"};
    EXPECT_STATUS(Pull(Name("all")), kNotFound, "it offers linux/amd64, linux/arm/v6");
    platform_ = {"linux", "s390x", ""};
    EXPECT_STATUS(Pull(Name("all")), kNotFound, "no image for linux/s390x");
  }
}

// Three layers: files, a link, an owner and modes; a change; a deletion.
constexpr const char* kContainerfile = R"(FROM scratch
COPY --chown=1000:1000 one /srv/one
COPY bin /bin
COPY two /srv/one
ENV PATH=/bin GREETING="hello there"
USER 1000:1000
WORKDIR /srv
ENTRYPOINT ["/bin/tool"]
CMD ["--serve"]
)";

class BuildahTest : public ConformingImagesTest {
 protected:
  void SetUp() override {
    ConformingImagesTest::SetUp();
    if (IsSkipped()) return;
    ASSERT_OK_AND_ASSIGN(buildah_, Buildah::Start());
    const std::string& context = buildah_->folder();
    ASSERT_OK(MakeDirectories(context + "/bin"));
    ASSERT_OK(WriteFile(context + "/one", AsBytes("one")));
    ASSERT_OK(WriteFile(context + "/two", AsBytes("two")));
    ASSERT_OK(WriteFile(context + "/bin/tool", Bytes(100'000, '#'), 0755));
  }
  absl::Status Push(const std::string& image, const std::string& tag,
                    std::vector<std::string> options = {}) {
    options.insert(options.begin(), {"push", "-q", "--tls-verify=false"});
    options.insert(options.end(), {image, "docker://" + Name(tag)});
    return buildah_->Run(std::move(options)).status();
  }
  void ExpectRight(const std::string& tag) {
    SCOPED_TRACE(tag);
    const auto image = Pull(Name(tag));
    ASSERT_OK(image);
    EXPECT_EQ(FileOf(image, "srv/one"), "two");
    EXPECT_EQ(image->layers.size(), 3u);
    EXPECT_EQ(image->config.user, "1000:1000");
    EXPECT_EQ(image->config.working_dir, "/srv");
    EXPECT_EQ(image->config.entrypoint, std::vector<std::string>{"/bin/tool"});
    EXPECT_EQ(image->config.cmd, std::vector<std::string>{"--serve"});
    EXPECT_THAT(image->config.env, ::testing::Contains("GREETING=hello there"));
    const std::string tree = Mounted(*image);
    if (tree_.empty()) tree_ = tree;
    EXPECT_EQ(tree, tree_) << "the same files, whatever way they came";
  }
  std::unique_ptr<Buildah> buildah_;
  std::string tree_;
};

TEST_F(BuildahTest, ImagesInEveryForm) {
  ASSERT_OK(buildah_->Build(kContainerfile, "app:oci", {"--format", "oci"}));
  ASSERT_OK(Push("app:oci", "gzip"));
  ExpectRight("gzip");
  ASSERT_OK(Push("app:oci", "tar", {"--disable-compression"}));
  ExpectRight("tar");
  ASSERT_OK(Push("app:oci", "docker", {"--format", "v2s2"}));
  ExpectRight("docker");
  ASSERT_OK(SkopeoPush("docker://" + Name("tar"), Name("zstd"),
                       {"--src-tls-verify=false", "--dest-compress-format", "zstd"}));
  ExpectRight("zstd");
}

TEST_F(BuildahTest, EncryptedByBuildahAndSkopeo) {
  ASSERT_OK(RunTool({"openssl", "genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048",
                     "-out", "owner.key"},
                    folder_->path()));
  ASSERT_OK(RunTool({"openssl", "pkey", "-in", "owner.key", "-pubout", "-out", "owner.pub"},
                    folder_->path()));
  const std::string recipient = "jwe:" + folder_->path() + "/owner.pub";
  private_keys_ = {"kbs:///default/owner/key"};
  auto keys = std::make_unique<KeyTable>(std::map<std::string, Bytes>{
      {private_keys_[0], *ReadFile(folder_->path() + "/owner.key", 1 << 16)}});
  KeyTable* table = keys.get();
  keys_ = std::move(keys);
  ASSERT_OK(buildah_->Build(kContainerfile, "app:1"));
  ASSERT_OK(Push("app:1", "plain"));
  ASSERT_OK(Push("app:1", "gzip", {"--encryption-key", recipient}));
  ASSERT_OK(SkopeoPush("docker://" + Name("plain"), Name("again"),
                       {"--src-tls-verify=false", "--encryption-key", recipient}));
  for (const char* tag : {"gzip", "again"}) {
    table->calls = 0;
    ExpectRight(tag);
    EXPECT_EQ(table->calls, 1) << "one question for all three layers";
  }
  keys_ = std::make_unique<KeyTable>(std::map<std::string, Bytes>{});
  EXPECT_STATUS(Pull(Name("gzip")), kPermissionDenied, "attestation refused");
}

TEST_F(BuildahTest, ManifestLists) {
  for (const char* machine : {"amd64", "arm64"}) {
    ASSERT_OK(WriteFile(buildah_->folder() + "/one", AsBytes(machine)));
    ASSERT_OK(buildah_->Build("FROM scratch\nCOPY one /one\n", StrCat("app:", machine),
                              {"--arch", machine}));
  }
  ASSERT_OK(buildah_->Run({"manifest", "create", "all", "app:amd64", "app:arm64"}));
  ASSERT_OK(buildah_->Run(
      {"manifest", "push", "-q", "--all", "--tls-verify=false", "all", "docker://" + Name("all")}));
  for (const char* machine : {"amd64", "arm64"}) {
    platform_.architecture = machine;
    EXPECT_EQ(FileOf(Pull(Name("all")), "one"), machine);
  }
}

// What `umoci insert` writes of one file is an archive without its last padding and end.
TEST_F(ConformingImagesTest, LayersInsertedByUmoci) {
  if (!testing::HaveTools({"umoci"})) GTEST_SKIP() << "needs umoci";
  const std::string& here = folder_->path();
  ASSERT_OK(MakeDirectories(here + "/etc"));
  ASSERT_OK(WriteFile(here + "/etc/first", AsBytes("first")));
  ASSERT_OK(WriteFile(here + "/second", AsBytes("second")));
  ASSERT_OK(RunTool({"umoci", "init", "--layout", "made"}, here));
  ASSERT_OK(RunTool({"umoci", "new", "--image", "made:1"}, here));
  ASSERT_OK(RunTool({"umoci", "insert", "--image", "made:1", "etc", "/etc"}, here));
  ASSERT_OK(RunTool({"umoci", "insert", "--image", "made:1", "second", "/etc/second"}, here));
  ASSERT_OK(SkopeoPush("oci:" + here + "/made:1", Name()));
  const auto image = Pull(Name());
  EXPECT_EQ(FileOf(image, "etc/first"), "first");
  EXPECT_EQ(FileOf(image, "etc/second"), "second");
}

// Peak resident memory of this process since the last call, in bytes.
class PeakMemory {
 public:
  PeakMemory() {
    std::ofstream("/proc/self/clear_refs") << "5";
    before_ = Read();
  }
  size_t Growth() const { return Read() - before_; }

 private:
  static size_t Read() {
    std::ifstream status("/proc/self/status");
    for (std::string line; std::getline(status, line);) {
      if (line.starts_with("VmHWM:")) return std::stoull(line.substr(6)) << 10;
    }
    return 0;
  }
  size_t before_ = 0;
};

class OwnersDeskTest : public ConformingImagesTest {
 protected:
  RewriteRequest From(ImageSource* source, const std::string& to) {
    return {source, to, {}, {}, options_};
  }
  absl::StatusOr<std::unique_ptr<ImageSource>> Source(const std::string& name) {
    return OpenImageSource(name, {options_, {}});
  }
  // An image of one plain layer with one large file; the layer's digest.
  absl::StatusOr<std::string> PutLarge(size_t size) {
    const ImageReference reference = *ParseImageReference(Name());
    const auto client = Client();
    char octal[16];
    std::snprintf(octal, sizeof octal, "%011zo", size);
    std::string block(1 << 20, 'x');
    ASSIGN_OR_RETURN(const Descriptor blob, client->AddBlob(reference, [&](auto write) {
      RETURN_IF_ERROR(write(testing::MakeHeader({.path = "large", .size_field = octal})));
      for (size_t at = 0; at < size; at += block.size()) {
        std::snprintf(block.data(), 32, "%zu", at);  // no two blocks are alike
        RETURN_IF_ERROR(write(AsBytes(block)));
      }
      return write(Bytes(1024));
    }));
    TestImage image;
    image.manifest["layers"].push_back({{"mediaType", "application/vnd.oci.image.layer.v1.tar"},
                                        {"digest", blob.digest.text()},
                                        {"size", blob.size}});
    image.config["rootfs"]["diff_ids"].push_back(blob.digest.text());
    RETURN_IF_ERROR(PushImage(image.Seal(), "large"));
    return blob.digest.text();
  }
  absl::StatusOr<std::string> LayersOf(const std::string& layout) {
    ASSIGN_OR_RETURN(auto source, OpenImageSource("oci:" + layout + ":1", {}));
    ASSIGN_OR_RETURN(const auto document, ReadManifest(source.get(), {}, {}));
    ASSIGN_OR_RETURN(const Manifest manifest, ParseManifest(document.text, {}));
    std::string out;
    for (const auto& layer : manifest.layers) StrAppend(&out, layer.digest.text(), " ");
    return out;
  }
};

// From the registry, encrypted, into the registry: 200 MB pass through a few pieces of 4 MiB, and
// skopeo opens what arrived.
TEST_F(OwnersDeskTest, LargeLayersStreamFromRegistryToRegistry) {
  constexpr size_t kSize = 200 << 20;
  const PeakMemory memory;
  ASSERT_OK_AND_ASSIGN(const std::string plain, PutLarge(kSize));
  ASSERT_OK(RunTool({"openssl", "genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048",
                     "-out", "owner.key"},
                    folder_->path()));
  ASSERT_OK(RunTool({"openssl", "pkey", "-in", "owner.key", "-pubout", "-out", "owner.pub"},
                    folder_->path()));
  ASSERT_OK_AND_ASSIGN(auto source, Source("docker://" + Name("large")));
  EncryptRequest request;
  request.image = From(source.get(), "docker://" + Name("locked"));
  ASSERT_OK(request.recipients.Add("jwe:" + folder_->path() + "/owner.pub"));
  ASSERT_OK_AND_ASSIGN(const EncryptedImage encrypted, EncryptImage(request));
  EXPECT_LT(memory.Growth(), size_t{48} << 20);
  EXPECT_EQ(encrypted.layers, 1u);
  ASSERT_OK(RunTool(
      {"skopeo", "--insecure-policy", "copy", "-q", "--src-tls-verify=false", "--decryption-key",
       folder_->path() + "/owner.key", "--dest-oci-accept-uncompressed-layers",
       "docker://" + Name("locked"), StrCat("oci:", folder_->path(), "/opened:1")},
      folder_->path()));
  EXPECT_EQ(*LayersOf(folder_->path() + "/opened"), plain + " ");
}

// The registry's answers are cut, again and again, at random places: before an upload has a name,
// between pieces, after the last. What arrives is right, or the owner is told.
TEST_F(OwnersDeskTest, UploadsSurviveCuts) {
  std::mt19937 random(20261122);
  std::mutex mutex;
  std::atomic<bool> calm = true;
  const std::string direct = registry_->host();
  auto proxy = *testing::CuttingProxy::Start(
      static_cast<uint16_t>(std::stoi(direct.substr(direct.find(':') + 1))), [&]() -> uint64_t {
        const std::lock_guard lock(mutex);
        if (calm) return UINT64_MAX;
        return std::uniform_int_distribution<uint64_t>(0, 5000)(random);
      });
  options_.insecure_registries.push_back(proxy->host());
  const ImageReference image = *ParseImageReference(proxy->host() + "/team/app:1");
  const std::string blob(BlobUpload::kPiece * 5 / 2, 'b');
  calm = false;
  int whole = 0;
  for (int i = 0; i < 12; ++i) {
    const std::string content = blob + std::to_string(i);
    const auto added = Client()->AddBlob(
        image, [&](RegistryClient::Sink write) { return write(AsBytes(content)); });
    if (!added.ok()) {
      EXPECT_TRUE(absl::IsUnavailable(added.status()) || absl::IsDataLoss(added.status()))
          << added.status();
      continue;
    }
    ++whole;
    EXPECT_EQ(added->digest.text(), crypto::OciDigest(AsBytes(content)));
    EXPECT_TRUE(Client()->HasBlob(*ParseImageReference(Name()), added->digest));
  }
  EXPECT_GT(proxy->cuts(), 6u);
  EXPECT_GT(whole, 0);
}

TEST_F(OwnersDeskTest, SmallOnesTooAndBackAgain) {
  TestImage image;
  image.AddLayer(TarBuilder().File("hello", "hello").Finish()).Seal();
  ASSERT_OK(PushImage(image, "plain"));
  ASSERT_OK(WriteFile(folder_->path() + "/kek", EncryptionKey().kek));
  ASSERT_OK_AND_ASSIGN(auto source, Source("docker://" + Name("plain")));
  EncryptRequest request;
  // Into another repository: the configuration is mounted there, not sent.
  const std::string locked = registry_->host() + "/team/locked:1";
  request.image = From(source.get(), "docker://" + locked);
  ASSERT_OK(
      request.recipients.Add(StrCat("provider:attestation-agent:keyid=", EncryptionKey().key_id,
                                    "::keypath=", folder_->path(), "/kek")));
  ASSERT_OK_AND_ASSIGN(const EncryptedImage encrypted, EncryptImage(request));
  EXPECT_EQ(FileOf(Pull(locked), "hello"), "hello");
  ASSERT_OK_AND_ASSIGN(source, Source("docker://" + locked));
  const LayerKeyOptions keys{keys_.get(), {}};
  ASSERT_OK_AND_ASSIGN(const DecryptedImage opened,
                       DecryptImage(From(source.get(), "docker://" + Name("opened")), keys));
  EXPECT_EQ(opened.layers, 1u);
  EXPECT_EQ(FileOf(Pull(Name("opened")), "hello"), "hello");
  EXPECT_NE(encrypted.manifest_digest, opened.manifest_digest);
  // A name with a digest is not one to put something under.
  EXPECT_STATUS(DecryptImage(From(source.get(), StrCat("docker://", registry_->host(), "/a@",
                                                       image.manifest_digest)),
                             keys),
                kInvalidArgument, "so give it a tag");
}

}  // namespace
}  // namespace nacre::image
