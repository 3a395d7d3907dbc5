#include "image-rs-cpp/testing/real_registry.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <cerrno>

#include "base/strings.h"

namespace nacre::image::testing {
namespace {

// Reads the log until it names the port the kernel chose.
absl::StatusOr<std::string> WaitForAddress(int log) {
  constexpr std::string_view kMark = "listening on ";
  std::string text;
  char buffer[4096];
  ssize_t count;
  while ((count = read(log, buffer, sizeof buffer)) > 0) {
    text.append(buffer, static_cast<size_t>(count));
    const size_t at = text.find(kMark);
    if (at == std::string::npos) continue;
    const size_t end = text.find_first_of("\", ", at + kMark.size());
    if (end == std::string::npos) continue;
    return text.substr(at + kMark.size(), end - at - kMark.size());
  }
  return absl::UnavailableError(StrCat("docker-registry ended: ", text));
}

absl::StatusOr<std::string> Configuration(const std::string& folder,
                                          const RealRegistryOptions& options) {
  std::string text = StrCat(
      "version: 0.1\nlog: {level: info, accesslog: {disabled: true}}\n"
      "storage: {filesystem: {rootdirectory: ",
      folder, "/data}}\nhttp:\n  addr: \"127.0.0.1:0\"\n");
  if (!options.tls_certificate_pem.empty()) {
    RETURN_IF_ERROR(WriteFile(folder + "/tls.pem", AsBytes(options.tls_certificate_pem)));
    RETURN_IF_ERROR(WriteFile(folder + "/tls.key", AsBytes(options.tls_private_key_pem), 0600));
    StrAppend(&text, "  tls: {certificate: ", folder, "/tls.pem, key: ", folder, "/tls.key}\n");
  }
  if (!options.htpasswd.empty()) {
    RETURN_IF_ERROR(WriteFile(folder + "/htpasswd", AsBytes(options.htpasswd)));
    StrAppend(&text, "auth: {htpasswd: {realm: test, path: ", folder, "/htpasswd}}\n");
  }
  if (!options.token_realm.empty()) {
    RETURN_IF_ERROR(WriteFile(folder + "/root.pem", AsBytes(options.token_root_pem)));
    StrAppend(&text, "auth: {token: {realm: \"", options.token_realm, "\", service: \"",
              kTokenService, "\", issuer: \"", kTokenIssuer, "\", rootcertbundle: ", folder,
              "/root.pem}}\n");
  }
  return text;
}

}  // namespace

absl::StatusOr<std::unique_ptr<RealRegistry>> RealRegistry::Start(
    const RealRegistryOptions& registry_options) {
  ASSIGN_OR_RETURN(TemporaryDirectory folder, TemporaryDirectory::Create("registry"));
  const std::string config = folder.path() + "/config.yml";
  ASSIGN_OR_RETURN(const std::string text, Configuration(folder.path(), registry_options));
  RETURN_IF_ERROR(WriteFile(config, AsBytes(text)));
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return ErrnoStatus(errno, "pipe");
  UniqueFd log(ends[0]), log_end(ends[1]);
  SubprocessOptions options;
  options.argv = {"docker-registry", "serve", config};
  options.stderr_fd = log_end.get();
  options.parent_death_signal = SIGKILL;
  ASSIGN_OR_RETURN(Subprocess process, Subprocess::Start(options));
  log_end.Reset();
  std::unique_ptr<RealRegistry> registry(new RealRegistry(std::move(folder), std::move(process)));
  ASSIGN_OR_RETURN(registry->host_, WaitForAddress(log.get()));
  registry->drain_ = std::jthread([fd = std::move(log)] {
    char buffer[4096];
    while (read(fd.get(), buffer, sizeof buffer) > 0) {
    }
  });
  return registry;
}

RealRegistry::~RealRegistry() {
  (void)process_.Kill(SIGKILL);
  (void)process_.Wait();
}

}  // namespace nacre::image::testing
