#include "cli/image_inspect.h"

#include <cerrno>
#include <cstdio>

#include "base/json.h"
#include "cli/image_registry.h"
#include "image-rs-cpp/signature/fulcio.h"
#include "image-rs-cpp/signature/registry_signatures.h"

namespace nacre::cli {
namespace {

using image::SigstoreSignature;

struct InspectFlags {
  std::string reference;
  std::string architecture = "amd64";
  ImageRegistryFlags registry;
};

Json LayersJson(const image::Manifest& manifest) {
  Json out = Json::array();
  for (const image::Descriptor& layer : manifest.layers) {
    const auto type = image::ParseLayerMediaType(layer.media_type);
    out.push_back({{"digest", layer.digest.text()},
                   {"mediaType", layer.media_type},
                   {"size", layer.size},
                   {"encrypted", type.ok() && type->encrypted}});
  }
  return out;
}

Json SignatureJson(const image::NamedSignature& item) {
  const bool statement = item.signature.form == SigstoreSignature::Form::kStatement;
  Json out = {{"name", item.name},
              {"form", statement ? "bundle" : "cosign"},
              {"logged", item.signature.log_entry.has_value()}};
  if (item.signature.certificates.empty()) return out;
  const auto identity = image::ReadSigningIdentity(item.signature.certificates.front());
  if (!identity.ok()) return out;
  out["issuer"] = identity->issuer;
  out["subject"] = identity->email.empty() ? identity->uri : identity->email;
  return out;
}

// Found, not verified: whose they are only a policy can say.
Json SignaturesJson(const image::FoundSignatures& found) {
  Json out = {{"found", Json::array()}, {"problems", found.problems}};
  for (const image::NamedSignature& item : found.signatures) {
    out["found"].push_back(SignatureJson(item));
  }
  return out;
}

absl::Status Inspect(const InspectFlags& flags) {
  ASSIGN_OR_RETURN(const image::ImagePullerOptions options, LoadImageOptions(flags.registry));
  ASSIGN_OR_RETURN(const image::ImageReference reference,
                   image::ParseImageReference(flags.reference));
  ASSIGN_OR_RETURN(auto registry, image::RegistryClient::Create(options.registry, options.limits));
  ASSIGN_OR_RETURN(const image::ResolvedImage resolved,
                   image::ResolveImage(reference, {"", {"linux", flags.architecture, ""}},
                                       options.limits, registry.get()));
  ASSIGN_OR_RETURN(const std::string text,
                   registry->GetBlobText(reference, resolved.manifest.config));
  ASSIGN_OR_RETURN(const image::ImageConfig config, image::ParseImageConfig(text, options.limits));
  image::ImageInQuestion image{reference, {resolved.reference_digest}};
  if (resolved.manifest_digest != resolved.reference_digest) {
    image.digests.push_back(resolved.manifest_digest);
  }
  const Json out = {{"reference", reference.ToString()},
                    {"digest", resolved.reference_digest},
                    {"manifest", resolved.manifest_digest},
                    {"platform", config.os + "/" + config.architecture},
                    {"config",
                     {{"entrypoint", config.entrypoint},
                      {"cmd", config.cmd},
                      {"env", config.env},
                      {"user", config.user},
                      {"workingDir", config.working_dir}}},
                    {"layers", LayersJson(resolved.manifest)},
                    {"signatures", SignaturesJson(image::FindSigstoreSignatures(
                                       image, options.limits, registry.get()))}};
  ASSIGN_OR_RETURN(const std::string json, DumpJson(out, 2));
  if (std::printf("%s\n", json.c_str()) < 0 || std::fflush(stdout) != 0) {
    return ErrnoStatus(errno, "writing to standard output");
  }
  return absl::OkStatus();
}

}  // namespace

void AddImageInspect(CLI::App& parent, VerbResult* result) {
  CLI::App* verb = parent.add_subcommand(
      "inspect", "Show digests, configuration, layers and signatures of an image, as JSON");
  auto flags = std::make_shared<InspectFlags>();
  verb->add_option("image", flags->reference, "the image: registry/repository:tag")->required();
  verb->add_option("--architecture", flags->architecture, "of an index; amd64 by default");
  AddImageRegistryFlags(*verb, &flags->registry);
  verb->callback([flags, result] { result->status = Inspect(*flags); });
}

}  // namespace nacre::cli
