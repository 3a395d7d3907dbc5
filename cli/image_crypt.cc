#include "cli/image_crypt.h"

#include <cstdio>

#include "base/strings.h"
#include "cli/image_registry.h"
#include "image-rs-cpp/encrypt/decrypt_image.h"
#include "image-rs-cpp/encrypt/encrypt_image.h"
#include "image-rs-cpp/encrypt/owner_keys.h"

namespace nacre::cli {
namespace {

struct Arguments {
  std::string source;
  std::string destination;
  std::string platform = "linux/amd64";
  ImageRegistryFlags registry;
  std::vector<std::string> encryption_keys;
  std::vector<std::string> decryption_keys;
  std::vector<int> layers;
};

absl::StatusOr<image::Platform> ParsePlatform(const std::string& text) {
  const size_t slash = text.find('/');
  if (slash == 0 || slash == std::string::npos || slash + 1 == text.size() ||
      text.find('/', slash + 1) != std::string::npos) {
    return absl::InvalidArgumentError(StrCat("--platform '", text, "' is not OS/ARCHITECTURE"));
  }
  return image::Platform{text.substr(0, slash), text.substr(slash + 1)};
}

absl::StatusOr<std::unique_ptr<image::ImageSource>> OpenSource(const Arguments& arguments,
                                                               image::RewriteRequest* request) {
  ASSIGN_OR_RETURN(image::ImagePullerOptions options, LoadImageOptions(arguments.registry));
  request->registry = options.registry;
  return image::OpenImageSource(arguments.source, {options.registry, options.limits});
}

absl::Status PrintDigest(const std::string& digest) {
  const int written = std::printf("%s\n", digest.c_str());
  if (written < 0 || std::fflush(stdout) != 0) {
    return ErrnoStatus(errno, "writing to standard output");
  }
  return absl::OkStatus();
}

absl::Status Encrypt(const Arguments& arguments) {
  image::EncryptRequest request;
  for (const std::string& recipient : arguments.encryption_keys) {
    RETURN_IF_ERROR(request.recipients.Add(recipient));
  }
  image::OwnerKeys keys;
  for (const std::string& key : arguments.decryption_keys) RETURN_IF_ERROR(keys.Add(key));
  if (!keys.empty()) request.known_keys = keys.TakeOptions();
  request.layers = arguments.layers;
  request.image.destination = arguments.destination;
  ASSIGN_OR_RETURN(request.image.platform, ParsePlatform(arguments.platform));
  ASSIGN_OR_RETURN(std::unique_ptr<image::ImageSource> source,
                   OpenSource(arguments, &request.image));
  request.image.source = source.get();
  ASSIGN_OR_RETURN(image::EncryptedImage image, image::EncryptImage(request));
  return PrintDigest(image.manifest_digest);
}

absl::Status Decrypt(const Arguments& arguments) {
  image::OwnerKeys keys;
  for (const std::string& key : arguments.decryption_keys) RETURN_IF_ERROR(keys.Add(key));
  const image::LayerKeyOptions options = keys.TakeOptions();
  image::RewriteRequest request;
  request.destination = arguments.destination;
  ASSIGN_OR_RETURN(request.platform, ParsePlatform(arguments.platform));
  ASSIGN_OR_RETURN(std::unique_ptr<image::ImageSource> source, OpenSource(arguments, &request));
  request.source = source.get();
  ASSIGN_OR_RETURN(image::DecryptedImage image, image::DecryptImage(request, options));
  if (image.layers == 0) std::fprintf(stderr, "no layer was encrypted\n");
  return PrintDigest(image.manifest_digest);
}

void AddPlaces(CLI::App* verb, Arguments* arguments) {
  verb->add_option("source", arguments->source, "oci:FOLDER[:TAG] or docker://NAME")->required();
  verb->add_option("destination", arguments->destination, "oci:FOLDER:TAG or docker://NAME:TAG")
      ->required();
  verb->add_option("--platform", arguments->platform, "which image of an index (OS/ARCHITECTURE)")
      ->capture_default_str();
  AddImageRegistryFlags(*verb, &arguments->registry);
}

CLI::Option* AddDecryptionKeys(CLI::App* verb, Arguments* arguments) {
  return verb
      ->add_option("--decryption-key", arguments->decryption_keys,
                   "private key FILE, or provider:attestation-agent:keypath=FILE")
      ->expected(1)
      ->take_all();
}

}  // namespace

void AddImageEncrypt(CLI::App& parent, VerbResult* result) {
  CLI::App* verb = parent.add_subcommand(
      "encrypt", "Encrypt an image's layers; prints the new manifest's digest");
  auto arguments = std::make_shared<Arguments>();
  AddPlaces(verb, arguments.get());
  verb->add_option("--encryption-key", arguments->encryption_keys,
                   "who may open it: jwe:FILE, pkcs7:FILE or "
                   "provider:attestation-agent:keyid=kbs:///REPO/TYPE/TAG::keypath=FILE")
      ->required()
      ->expected(1)
      ->take_all();
  verb->add_option("--encrypt-layer", arguments->layers,
                   "only this layer: 0 is the first, -1 the last")
      ->expected(1)
      ->take_all();
  AddDecryptionKeys(verb, arguments.get());
  verb->callback([arguments, result] { result->status = Encrypt(*arguments); });
}

void AddImageDecrypt(CLI::App& parent, VerbResult* result) {
  CLI::App* verb = parent.add_subcommand(
      "decrypt", "Decrypt an image's layers; prints the new manifest's digest");
  auto arguments = std::make_shared<Arguments>();
  AddPlaces(verb, arguments.get());
  AddDecryptionKeys(verb, arguments.get())->required();
  verb->callback([arguments, result] { result->status = Decrypt(*arguments); });
}

}  // namespace nacre::cli
