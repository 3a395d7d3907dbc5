#include "cli/image.h"

#include <cstdio>

#include "cli/image_inspect.h"
#include "cli/image_sign.h"
#include "cli/image_verify.h"
#include "image-rs-cpp/decrypt/key_provider.h"
#include "image-rs-cpp/encrypt/encrypt_image.h"

namespace nacre::cli {
namespace {

absl::Status Encrypt(image::EncryptRequest* request, const std::string& key_file) {
  ASSIGN_OR_RETURN(request->key, image::ReadKeyFile(key_file));
  ASSIGN_OR_RETURN(image::EncryptedImage image, image::EncryptImage(*request));
  const int written = std::printf("%s\n", image.manifest_digest.c_str());
  if (written < 0 || std::fflush(stdout) != 0) {
    return ErrnoStatus(errno, "writing to standard output");
  }
  return absl::OkStatus();
}

void AddEncrypt(CLI::App& parent, VerbResult* result) {
  CLI::App* verb = parent.add_subcommand(
      "encrypt", "Encrypt an image in an OCI layout; prints the new manifest's digest");
  auto request = std::make_shared<image::EncryptRequest>();
  auto key_file = std::make_shared<std::string>();
  verb->add_option("--layout", request->layout, "OCI layout folder to read")->required();
  verb->add_option("--tag", request->tag, "the image in it")->required();
  verb->add_option("--output", request->output, "new or empty folder to write")->required();
  verb->add_option("--key-uri", request->key_id, "kbs:///repository/type/tag of the key")
      ->required();
  verb->add_option("--key-file", *key_file, "the key: a file of 32 raw bytes")->required();
  verb->callback(
      [request, key_file, result] { result->status = Encrypt(request.get(), *key_file); });
}

}  // namespace

void AddImageVerb(CLI::App& app, VerbResult* result) {
  CLI::App* verb = app.add_subcommand("image", "Prepare images for attested guests");
  verb->require_subcommand(1);
  AddEncrypt(*verb, result);
  AddImageInspect(*verb, result);
  AddImageSign(*verb, result);
  AddImageVerify(*verb, result);
}

}  // namespace nacre::cli
