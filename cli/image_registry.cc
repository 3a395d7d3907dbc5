#include "cli/image_registry.h"

#include <unistd.h>

#include <climits>

namespace nacre::cli {

std::string FileName(const std::string& path) {
  if (path.empty() || path.front() == '/' || path.starts_with("file://")) return path;
  char here[PATH_MAX];
  return getcwd(here, sizeof here) == nullptr ? path : std::string(here) + "/" + path;
}

void AddImageRegistryFlags(CLI::App& verb, ImageRegistryFlags* flags) {
  verb.add_option("--insecure", flags->insecure, "registry (host:port) that speaks plain http");
  verb.add_option("--authfile", flags->authfile, "credentials: {\"auths\": ...}");
  verb.add_option("--registries-conf", flags->registries_conf, "mirrors and other places");
  verb.add_option("--ca-file", flags->ca_file, "PEM roots besides the system's");
}

absl::StatusOr<image::ImagePullerOptions> LoadImageOptions(const ImageRegistryFlags& flags,
                                                           image::ImageSettings settings) {
  settings.insecure_registries = flags.insecure;
  settings.authenticated_registry_credentials_uri = FileName(flags.authfile);
  settings.registry_configuration_uri = FileName(flags.registries_conf);
  settings.extra_root_certificates_uri = FileName(flags.ca_file);
  image::ImagePullerOptions out;
  RETURN_IF_ERROR(image::LoadImageSettings(settings, image::Documents(nullptr), &out));
  return out;
}

}  // namespace nacre::cli
