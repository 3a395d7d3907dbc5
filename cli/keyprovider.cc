#include "cli/keyprovider.h"

#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "base/file.h"
#include "base/strings.h"
#include "cli/keyprovider_server.h"
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

absl::Status AnswerOne() {
  ASSIGN_OR_RETURN(SecretBytes request, ReadRequest());
  ASSIGN_OR_RETURN(std::string answer, image::AnswerKeyProvider(AsText(request.view())));
  const SecretBytes wiped = SecretBytes::TakeFrom(ToBytes(answer));
  absl::Status written = WriteAll(STDOUT_FILENO, wiped.view());
  SecureWipe({reinterpret_cast<uint8_t*>(answer.data()), answer.size()});
  return written;
}

absl::Status Serve(const std::string& address, std::vector<std::string> key_files) {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  image::KeyProviderOptions options;
  options.key_files = std::move(key_files);
  ASSIGN_OR_RETURN(auto server, KeyProviderServer::Start(address, std::move(options)));
  std::printf("listening on %s\n", server->address().c_str());
  std::fflush(stdout);
  int got = 0;
  while (sigwait(&signals, &got) != 0) {
  }
  return absl::OkStatus();
}

}  // namespace

void AddKeyProviderVerb(CLI::App& app, VerbResult* result) {
  CLI::App* verb = app.add_subcommand(
      "keyprovider", "Wrap and unwrap image layer keys for skopeo (request on standard input)");
  struct Arguments {
    std::string listen;
    std::vector<std::string> key_files;
  };
  auto arguments = std::make_shared<Arguments>();
  CLI::Option* listen = verb->add_option(
      "--listen", arguments->listen,
      "serve gRPC at unix:PATH, 127.0.0.1:PORT or [::1]:PORT until a signal ends it");
  verb->add_option("--key-file", arguments->key_files,
                   "with --listen: a file that requests may name as keypath")
      ->expected(1)
      ->take_all()
      ->needs(listen);
  verb->callback([arguments, result] {
    result->status = arguments->listen.empty()
                         ? AnswerOne()
                         : Serve(arguments->listen, std::move(arguments->key_files));
  });
}

}  // namespace nacre::cli
