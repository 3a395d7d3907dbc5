// A whole pull from Debian's docker-registry, however it is locked: what the conformance tests
// share.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>

#include "base/encoding.h"
#include "base/file.h"
#include "base/status_testing.h"
#include "base/strings.h"
#include "image-rs-cpp/image_puller.h"
#include "image-rs-cpp/testing/key_table.h"
#include "image-rs-cpp/testing/real_registry.h"
#include "image-rs-cpp/testing/test_image.h"
#include "image-rs-cpp/testing/token_server.h"
#include "image-rs-cpp/testing/tools.h"

namespace nacre::image::testing {

// How a registry is reached.
enum class Auth { kNone, kPassword, kToken };
struct Door {
  const char* name;
  bool tls = false;
  Auth auth = Auth::kNone;
};

class ConformanceTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "needs root: layers keep their owners";
    if (!HaveTools({"docker-registry", "skopeo", "buildah"})) {
      GTEST_SKIP() << "needs docker-registry, skopeo and buildah";
    }
    folder_.emplace(*TemporaryDirectory::Create("conformance"));
  }

  // Starts the registry and fills in what a guest needs to be let in.
  void Open(const Door& door) {
    door_ = door;
    RealRegistryOptions options;
    if (door.tls) {
      options.tls_certificate_pem = tls_.certificate_pem();
      options.tls_private_key_pem = tls_.key_pem();
    }
    if (door.auth == Auth::kPassword) options.htpasswd = kHtpasswd;
    if (door.auth == Auth::kToken) {
      tokens_.emplace();
      options.token_realm = tokens_->url();
      options.token_root_pem = tokens_->root();
    }
    ASSERT_OK_AND_ASSIGN(registry_, RealRegistry::Start(options));
    options_.sleep = [](uint32_t) {};
    if (door.tls) {
      options_.extra_ca_pem = tls_.root_pem();
    } else {
      options_.insecure_registries = {registry_->host()};
    }
    if (tokens_) options_.insecure_registries.push_back(tokens_->host());
    if (door.auth != Auth::kNone) options_.credentials = Login("user:pass");
  }
  Credentials Login(const std::string& login) const {
    const std::string json = StrCat("{\"auths\": {\"", registry_->host(), "\": {\"auth\": \"",
                                    Base64Encode(AsBytes(login)), "\"}}}");
    return *Credentials::Parse(SecretBytes::CopyOf(AsBytes(json)));
  }
  std::string Name(const std::string& tag = "1") const {
    return StrCat(registry_->host(), "/team/app:", tag);
  }

  // skopeo's words for this door, on the side of the registry ("dest" or "src").
  std::vector<std::string> Words(const std::string& side) const {
    std::vector<std::string> words = {StrCat("--", side, "-tls-verify=false")};
    if (door_.auth != Auth::kNone) {
      words.insert(words.end(), {StrCat("--", side, "-creds"), "user:pass"});
    }
    return words;
  }
  absl::Status SkopeoPush(const std::string& from, const std::string& to,
                          const std::vector<std::string>& options = {},
                          const std::vector<std::string>& environment = {}) const {
    std::vector<std::string> argv = {"skopeo", "--insecure-policy"};
    // Options of skopeo itself come first.
    for (const std::string& option : options) {
      if (option.starts_with("--registries.d=")) argv.push_back(option);
    }
    argv.insert(argv.end(), {"copy", "-q"});
    const auto words = Words("dest");
    argv.insert(argv.end(), words.begin(), words.end());
    for (const std::string& option : options) {
      if (!option.starts_with("--registries.d=")) argv.push_back(option);
    }
    argv.insert(argv.end(), {from, "docker://" + to});
    return RunTool(std::move(argv), folder_->path(), environment).status();
  }

  std::unique_ptr<RegistryClient> Client() const {
    auto client = RegistryClient::Create(options_, limits_);
    EXPECT_TRUE(client.ok()) << client.status();
    return *std::move(client);
  }
  // By us, for what no tool makes. Under the tag, or without one its own digest.
  absl::Status PushImage(const TestImage& image, const std::string& tag = "") const {
    const ImageReference reference = *ParseImageReference(Name());
    const auto client = Client();
    for (const auto& [digest, blob] : image.blobs) {
      if (digest == image.manifest_digest) continue;
      RETURN_IF_ERROR(
          client
              ->AddBlob(reference, [&](RegistryClient::Sink write) { return write(AsBytes(blob)); })
              .status());
    }
    return client->PutManifest(reference, image.blobs.at(image.manifest_digest),
                               image.manifest_type, tag.empty() ? image.manifest_digest : tag);
  }

  absl::StatusOr<PulledImage> Pull(const std::string& name,
                                   std::shared_ptr<const TrustPolicy> trust = nullptr) {
    ImagePullerOptions options;
    options.work_dir = StrCat(folder_->path(), "/image", pulls_++);
    options.key_resolver = keys_.get();
    options.private_key_uris = private_keys_;
    options.registry = options_;
    options.platform = platform_;
    options.trust = trust != nullptr ? trust : TrustPolicy::AcceptAnything();
    options.limits = limits_;
    pullers_.push_back(*ImagePuller::Create(std::move(options)));
    return pullers_.back()->Pull(name);
  }
  // The topmost layer's file, or the error.
  static std::string FileOf(const absl::StatusOr<PulledImage>& image, const std::string& name) {
    if (!image.ok()) return image.status().ToString();
    for (size_t i = image->layers.size(); i-- > 0;) {
      auto text = ReadTextFile(StrCat(image->layers[i]->path, "/", name), 1 << 20);
      if (text.ok()) return *text;
    }
    return "no such file";
  }

  std::optional<TemporaryDirectory> folder_;
  Door door_ = {};
  TlsIdentity tls_;
  std::optional<TokenServer> tokens_;
  std::unique_ptr<RealRegistry> registry_;
  RegistryOptions options_;
  Limits limits_;
  Platform platform_;
  std::unique_ptr<KeyResolver> keys_;
  std::vector<std::string> private_keys_;
  int pulls_ = 0;
  std::vector<std::unique_ptr<ImagePuller>> pullers_;
};

}  // namespace nacre::image::testing
