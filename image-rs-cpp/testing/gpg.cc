#include "image-rs-cpp/testing/gpg.h"

#include "base/strings.h"
#include "base/subprocess.h"

namespace nacre::image::testing {

absl::StatusOr<std::unique_ptr<Gpg>> Gpg::Start() {
  for (const char* tool : {"gpg", "gpgv", "gpgconf", "skopeo"}) {
    if (!PathExists(StrCat("/usr/bin/", tool))) return absl::NotFoundError(tool);
  }
  ASSIGN_OR_RETURN(TemporaryDirectory home, TemporaryDirectory::Create("gpg"));
  return std::unique_ptr<Gpg>(new Gpg(std::move(home)));
}

Gpg::~Gpg() { (void)Run({"gpgconf", "--kill", "all"}); }

absl::StatusOr<Bytes> Gpg::Run(std::vector<std::string> argv, const std::string& input) {
  SubprocessOptions options;
  options.argv = std::move(argv);
  options.env = {"PATH=/usr/bin:/bin", "GNUPGHOME=" + home_.path(), "HOME=" + home_.path()};
  ASSIGN_OR_RETURN(CommandResult result, RunCommand(options, AsBytes(input)));
  if (result.exit.code != 0) return absl::InternalError(StrCat(options.argv[0], ": ", result.err));
  return ToBytes(result.out);
}

absl::StatusOr<std::string> Gpg::NewKey(const std::string& name, const std::string& expire) {
  RETURN_IF_ERROR(Run({"gpg", "--batch", "-q", "--pinentry-mode", "loopback", "--passphrase", "",
                       "--faked-system-time", "20260101T000000!", "--quick-gen-key", name,
                       "ed25519", "sign", expire})
                      .status());
  ASSIGN_OR_RETURN(const Bytes list, Run({"gpg", "--batch", "--with-colons", "-k", name}));
  for (std::string_view line : StrSplit(AsText(list), '\n')) {
    const auto fields = StrSplit(line, ':');
    if (fields[0] == "fpr") return std::string(fields.at(9));
  }
  return absl::InternalError("gpg made no key");
}

absl::StatusOr<Bytes> Gpg::Export(const std::string& fingerprint, bool armor) {
  std::vector<std::string> argv = {"gpg", "--batch", "--export", fingerprint};
  if (armor) argv.insert(argv.begin() + 1, "--armor");
  return Run(std::move(argv));
}

absl::StatusOr<Bytes> Gpg::Sign(const std::string& fingerprint, const std::string& text,
                                std::vector<std::string> options) {
  std::vector<std::string> argv = {"gpg", "--batch", "-q", "-u", fingerprint};
  argv.insert(argv.end(), options.begin(), options.end());
  argv.insert(argv.end(), {"--output", "-", "--sign"});
  return Run(std::move(argv), text);
}

absl::StatusOr<Bytes> Gpg::SignManifest(const std::string& fingerprint, const std::string& manifest,
                                        const std::string& reference) {
  const std::string in = home_.path() + "/manifest", out = home_.path() + "/signature";
  RETURN_IF_ERROR(WriteFile(in, AsBytes(manifest)));
  RETURN_IF_ERROR(
      Run({"skopeo", "standalone-sign", in, reference, fingerprint, "--output", out}).status());
  return ReadFile(out, 1 << 20);
}

}  // namespace nacre::image::testing
