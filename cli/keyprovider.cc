#include "cli/keyprovider.h"

#include <unistd.h>

#include <cerrno>

#include "base/file.h"
#include "base/strings.h"
#include "image-rs-cpp/decrypt/key_provider.h"

namespace nacre::cli {
namespace {

absl::StatusOr<SecretBytes> ReadRequest() {
  SecretBytes request(image::kMaxKeyProviderRequest + 1);
  size_t size = 0;
  while (size < request.size()) {
    const auto rest = request.mutable_view().subspan(size);
    const ssize_t count = read(STDIN_FILENO, rest.data(), rest.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return ErrnoStatus(errno, "reading standard input");
    if (count == 0) return SecretBytes::CopyOf(request.view().first(size));
    size += static_cast<size_t>(count);
  }
  return absl::ResourceExhaustedError(
      StrCat("the request is larger than ", image::kMaxKeyProviderRequest, " bytes"));
}

absl::Status Serve() {
  ASSIGN_OR_RETURN(SecretBytes request, ReadRequest());
  ASSIGN_OR_RETURN(std::string answer, image::AnswerKeyProvider(AsText(request.view())));
  const SecretBytes wiped = SecretBytes::TakeFrom(ToBytes(answer));
  absl::Status written = WriteAll(STDOUT_FILENO, wiped.view());
  SecureWipe({reinterpret_cast<uint8_t*>(answer.data()), answer.size()});
  return written;
}

}  // namespace

void AddKeyProviderVerb(CLI::App& app, VerbResult* result) {
  CLI::App* verb = app.add_subcommand(
      "keyprovider", "Wrap and unwrap image layer keys for skopeo (request on standard input)");
  verb->callback([result] { result->status = Serve(); });
}

}  // namespace nacre::cli
