#include "cli/image_verify.h"

#include <cerrno>
#include <cstdio>

#include "base/strings.h"
#include "cli/image_registry.h"

namespace nacre::cli {
namespace {

struct VerifyFlags {
  std::string reference;
  std::string policy;
  std::string sigstore_config;
  std::string architecture = "amd64";
  ImageRegistryFlags registry;
};

absl::Status Verify(const VerifyFlags& flags) {
  image::ImageSettings settings;
  settings.image_security_policy_uri = FileName(flags.policy);
  settings.sigstore_config_uri = FileName(flags.sigstore_config);
  ASSIGN_OR_RETURN(const image::ImagePullerOptions options,
                   LoadImageOptions(flags.registry, std::move(settings)));
  if (options.trust == nullptr) return absl::InvalidArgumentError("the policy is empty");
  ASSIGN_OR_RETURN(const image::ImageReference reference,
                   image::ParseImageReference(flags.reference));
  ASSIGN_OR_RETURN(auto registry, image::RegistryClient::Create(options.registry, options.limits));
  ASSIGN_OR_RETURN(const image::ResolvedImage found,
                   image::ResolveImage(reference, {"", {"linux", flags.architecture, ""}},
                                       options.limits, registry.get()));
  image::ImageInQuestion image{reference, {found.reference_digest}};
  if (found.manifest_digest != found.reference_digest) {
    image.digests.push_back(found.manifest_digest);
  }
  RETURN_IF_ERROR(options.trust->Check(image, options.limits, registry.get()));
  const std::string line = StrCat("accepted: ", reference.ToString(), " ", found.reference_digest);
  if (std::printf("%s\n", line.c_str()) < 0 || std::fflush(stdout) != 0) {
    return ErrnoStatus(errno, "writing to standard output");
  }
  return absl::OkStatus();
}

}  // namespace

void AddImageVerify(CLI::App& parent, VerbResult* result) {
  CLI::App* verb = parent.add_subcommand(
      "verify", "Check an image in a registry against an image policy, as a guest does");
  auto flags = std::make_shared<VerifyFlags>();
  verb->add_option("image", flags->reference, "the image: registry/repository:tag")->required();
  verb->add_option("--policy", flags->policy, "policy.json; keys by path are files here")
      ->required();
  verb->add_option("--sigstore-config", flags->sigstore_config,
                   "where OpenPGP signatures are kept");
  verb->add_option("--architecture", flags->architecture, "of an index; amd64 by default");
  AddImageRegistryFlags(*verb, &flags->registry);
  verb->callback([flags, result] { result->status = Verify(*flags); });
}

}  // namespace nacre::cli
