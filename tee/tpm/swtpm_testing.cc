#include "tee/tpm/swtpm_testing.h"

#include <signal.h>

#include "base/strings.h"
#include "base/subprocess.h"

namespace nacre::tee::tpm {
namespace {

absl::Status RunQuietly(std::vector<std::string> argv) {
  SubprocessOptions options;
  options.argv = std::move(argv);
  ASSIGN_OR_RETURN(CommandResult result, RunCommand(options));
  if (result.exit.code == 0) return absl::OkStatus();
  return absl::InternalError(StrCat(options.argv[0], ": ", result.out, result.err));
}

}  // namespace

absl::StatusOr<std::unique_ptr<SoftwareTpm>> SoftwareTpm::Start() {
  ASSIGN_OR_RETURN(TemporaryDirectory folder, TemporaryDirectory::Create("swtpm"));
  std::unique_ptr<SoftwareTpm> out(new SoftwareTpm(std::move(folder)));
  RETURN_IF_ERROR(out->Manufacture());
  RETURN_IF_ERROR(out->Run());
  return out;
}

absl::Status SoftwareTpm::Manufacture() const {
  const std::string& at = folder_.path();
  const std::string authority =
      StrCat("statedir = ", at, "/ca\nsigningkey = ", at, "/ca/signkey.pem\nissuercert = ", at,
             "/ca/issuercert.pem\ncertserial = ", at, "/ca/serial\n");
  const std::string setup =
      StrCat("create_certs_tool = swtpm_localca\ncreate_certs_tool_config = ", at,
             "/localca.conf\ncreate_certs_tool_options = ", at, "/localca.options\n");
  const std::string options =
      "--platform-manufacturer Nacre\n--platform-version 1\n--platform-model test\n";
  RETURN_IF_ERROR(MakeDirectories(at + "/state"));
  RETURN_IF_ERROR(MakeDirectories(at + "/ca"));
  RETURN_IF_ERROR(WriteFile(at + "/localca.conf", AsBytes(authority)));
  RETURN_IF_ERROR(WriteFile(at + "/localca.options", AsBytes(options)));
  RETURN_IF_ERROR(WriteFile(at + "/setup.conf", AsBytes(setup)));
  return RunQuietly({"swtpm_setup", "--tpm2", "--tpmstate", at + "/state", "--create-ek-cert",
                     "--pcr-banks", "sha256,sha384", "--config", at + "/setup.conf"});
}

// The daemon's parent ends once the socket is there.
absl::Status SoftwareTpm::Run() {
  const std::string& at = folder_.path();
  SubprocessOptions options;
  options.argv = {"swtpm",
                  "socket",
                  "--tpm2",
                  "--tpmstate",
                  "dir=" + at + "/state",
                  "--server",
                  "type=unixio,path=" + socket(),
                  "--ctrl",
                  "type=unixio,path=" + at + "/control.sock",
                  "--flags",
                  "not-need-init,startup-clear",
                  "--daemon",
                  "--pid",
                  "file=" + at + "/pid"};
  ASSIGN_OR_RETURN(Subprocess swtpm, Subprocess::Start(options));
  ASSIGN_OR_RETURN(ExitStatus status, swtpm.WaitFor(30'000));
  if (status.code != 0) return absl::InternalError("swtpm does not start");
  ASSIGN_OR_RETURN(std::string pid, ReadTextFile(at + "/pid", 100));
  if (!ParseNumber(StripSpace(pid), &pid_)) return absl::InternalError("swtpm: no pid");
  return absl::OkStatus();
}

SoftwareTpm::~SoftwareTpm() {
  if (pid_ > 0) kill(pid_, SIGTERM);
}

EkTrust SoftwareTpm::Trust() const {
  EkTrust trust;
  for (const char* name : {"/ca/swtpm-localca-rootca-cert.pem", "/ca/issuercert.pem"}) {
    const auto certificate =
        crypto::Certificate::FromPem(ReadTextFile(folder_.path() + name, 1 << 16).value()).value();
    (trust.roots.empty() ? trust.roots : trust.intermediates).push_back(certificate);
  }
  return trust;
}

}  // namespace nacre::tee::tpm
