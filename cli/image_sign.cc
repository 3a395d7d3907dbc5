#include "cli/image_sign.h"

#include <cerrno>
#include <cstdio>

#include "base/file.h"
#include "base/strings.h"
#include "cli/image_registry.h"
#include "image-rs-cpp/signature/sign.h"

namespace nacre::cli {
namespace {

constexpr size_t kMaxKeyFile = 64 << 10;

struct SignFlags {
  std::string reference;
  std::string key_file;
  std::string identity;
  ImageRegistryFlags registry;
};

// The signatures that are there already stay: the new one is added to them.
absl::StatusOr<std::string> PresentSignatures(image::RegistryClient& registry,
                                              const image::ImageReference& reference,
                                              const std::string& tag) {
  absl::StatusOr<image::RegistryDocument> found = registry.GetManifest(reference, tag);
  if (absl::IsNotFound(found.status())) return std::string();
  RETURN_IF_ERROR(found.status());
  return std::move(found->text);
}

absl::Status Sign(const SignFlags& flags) {
  ASSIGN_OR_RETURN(const Bytes pem, ReadFile(flags.key_file, kMaxKeyFile));
  ASSIGN_OR_RETURN(const crypto::PrivateKey key, crypto::PrivateKey::FromPem(pem), flags.key_file);
  ASSIGN_OR_RETURN(const image::ImagePullerOptions options, LoadImageOptions(flags.registry));
  ASSIGN_OR_RETURN(const image::ImageReference reference,
                   image::ParseImageReference(flags.reference));
  ASSIGN_OR_RETURN(auto registry, image::RegistryClient::Create(options.registry, options.limits));
  ASSIGN_OR_RETURN(const image::RegistryDocument document,
                   registry->GetManifest(reference, reference.Target()));
  const std::string digest = document.digest.text();
  const std::string name = flags.identity.empty()
                               ? StrCat(reference.registry, "/", reference.repository)
                               : flags.identity;
  ASSIGN_OR_RETURN(const std::string present,
                   PresentSignatures(*registry, reference, image::SignatureTag(digest)));
  ASSIGN_OR_RETURN(const image::SignatureArtifact made,
                   image::SignImage(digest, name, key, present));
  RETURN_IF_ERROR(registry->Push(reference, made.blobs, made.manifest, made.tag));
  if (std::printf("%s\n", digest.c_str()) < 0 || std::fflush(stdout) != 0) {
    return ErrnoStatus(errno, "writing to standard output");
  }
  return absl::OkStatus();
}

}  // namespace

void AddImageSign(CLI::App& parent, VerbResult* result) {
  CLI::App* verb = parent.add_subcommand(
      "sign", "Sign an image in a registry as cosign does; prints the digest that was signed");
  auto flags = std::make_shared<SignFlags>();
  verb->add_option("image", flags->reference, "the image: registry/repository:tag")->required();
  verb->add_option("--key", flags->key_file, "private key, unencrypted PEM (EC or RSA)")
      ->required();
  verb->add_option("--identity", flags->identity,
                   "the name the signature is for; the image's repository by default");
  AddImageRegistryFlags(*verb, &flags->registry);
  verb->callback([flags, result] { result->status = Sign(*flags); });
}

}  // namespace nacre::cli
