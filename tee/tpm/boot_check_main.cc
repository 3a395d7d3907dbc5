// For tests/scenario/tpm_measured_boot.sh: the verifier's side of tee/tpm/exchange.h over QEMU's
// serial socket, with AK trust by a given CA and PCRs predicted from what QEMU was given. Prints
// one line a finding; exits 0 when all held, 1 when not.

#include <sys/socket.h>
#include <sys/un.h>

#include <chrono>
#include <cstdio>
#include <cstring>
#include <map>

#include "base/encoding.h"
#include "base/file.h"
#include "base/strings.h"
#include "crypto/random.h"
#include "tee/tpm/enrolment.h"
#include "tee/tpm/exchange.h"
#include "tee/tpm/predict.h"

namespace nacre::tee::tpm {
namespace {

constexpr int64_t kTimeoutMs = 200'000;
constexpr size_t kMaxImage = 256 << 20;

using Options = std::map<std::string, std::string>;

absl::StatusOr<UniqueFd> Connect(const std::string& path) {
  UniqueFd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) return absl::InvalidArgumentError("path too long");
  std::memcpy(address.sun_path, path.data(), path.size());
  if (connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return ErrnoStatus(errno, path);
  }
  return fd;
}

absl::StatusOr<EkTrust> ReadTrust(const Options& options) {
  EkTrust trust;
  ASSIGN_OR_RETURN(std::string root, ReadTextFile(options.at("--root"), 1 << 16));
  ASSIGN_OR_RETURN(trust.roots, crypto::Certificate::AllFromPem(root));
  ASSIGN_OR_RETURN(std::string issuer, ReadTextFile(options.at("--issuer"), 1 << 16));
  ASSIGN_OR_RETURN(trust.intermediates, crypto::Certificate::AllFromPem(issuer));
  return trust;
}

struct Found {
  TrustedAk ak;
  Bytes nonce;
  TpmDocument document;
};

absl::StatusOr<Found> Talk(const Options& options) {
  ASSIGN_OR_RETURN(EkTrust trust, ReadTrust(options));
  ASSIGN_OR_RETURN(UniqueFd port, Connect(options.at("--socket")));
  const Deadline deadline = Deadline::After(kTimeoutMs);
  ASSIGN_OR_RETURN(std::string first, ReadJsonLine(port.get(), kMaxTpmDocument, deadline), "hello");
  ASSIGN_OR_RETURN(Hello hello, ParseHello(first));
  const int64_t now = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
  ASSIGN_OR_RETURN(AkEnrolment enrolment,
                   AkEnrolment::Begin(hello.ek_certificate, hello.ak_public, trust, now));
  const Challenge challenge{enrolment.challenge(), crypto::RandomBytes(64)};
  RETURN_IF_ERROR(WriteAll(port.get(), AsBytes(FormatChallenge(challenge))));
  ASSIGN_OR_RETURN(std::string second, ReadJsonLine(port.get(), kMaxTpmDocument, deadline),
                   "answer");
  ASSIGN_OR_RETURN(Answer answer, ParseAnswer(second));
  ASSIGN_OR_RETURN(TrustedAk ak, std::move(enrolment).Finish(answer.secret));
  std::printf("enrolled: %s\n", ak.name().c_str());
  return Found{std::move(ak), challenge.nonce, std::move(answer.document)};
}

absl::StatusOr<PcrPrediction> Predict(const Options& options) {
  ASSIGN_OR_RETURN(Bytes kernel, ReadFile(options.at("--kernel"), kMaxImage));
  ASSIGN_OR_RETURN(Bytes initrd, ReadFile(options.at("--initrd"), kMaxImage));
  BootInputs inputs;
  inputs.kernel = kernel;
  inputs.initrd = initrd;
  inputs.command_line = options.at("--command-line");
  if (!ParseNumber(options.at("--memory"), &inputs.memory_bytes)) {
    return absl::InvalidArgumentError("--memory is no number");
  }
  return PredictPcrs(inputs, Bank::kSha256);
}

absl::Status Judge(const Options& options, const Found& found) {
  ASSIGN_OR_RETURN(PcrPrediction prediction, Predict(options));
  TpmPolicy policy;
  policy.require_event_log = true;
  policy.unlogged_pcrs = {10};  // IMA keeps a log of its own
  for (const auto& [pcr, value] : prediction.pcrs) policy.allowed_pcrs[pcr] = {value};
  if (options.contains("--initdata")) {
    ASSIGN_OR_RETURN(Bytes digest, HexDecode(options.at("--initdata")));
    policy.allowed_pcrs[8] = {PcrExtendedOnce(Bank::kSha256, digest)};
  }
  Appraisal appraisal;
  const auto report = VerifyTpm(found.document.evidence, found.ak, found.nonce, policy, &appraisal);
  for (const Check& check : appraisal.checks) {
    std::printf("%s: %s\n", check.passed ? "ok" : "FAILED", check.name.c_str());
  }
  for (const auto& [name, value] : appraisal.claims) {
    std::printf("claim %s: %s\n", name.c_str(), value.c_str());
  }
  ASSIGN_OR_RETURN(std::string difference,
                   FirstDifference(prediction, found.document.evidence.event_log));
  std::printf("prediction: %s\n",
              difference.empty() ? "every event is as predicted" : difference.c_str());
  if (!report) return absl::UnauthenticatedError(appraisal.refusal);
  std::printf("verified\n");
  return absl::OkStatus();
}

absl::Status Run(int argc, char** argv) {
  Options options;
  for (int i = 1; i + 1 < argc; i += 2) options[argv[i]] = argv[i + 1];
  for (const char* name :
       {"--socket", "--root", "--issuer", "--kernel", "--initrd", "--command-line", "--memory"}) {
    if (!options.contains(name)) return absl::InvalidArgumentError(StrCat(name, " is required"));
  }
  ASSIGN_OR_RETURN(Found found, Talk(options));
  RETURN_IF_ERROR(Judge(options, found));
  // The same evidence, had another command line been expected.
  options["--command-line"] += " changed=1";
  const absl::Status changed = Judge(options, found);
  std::printf("with another command line: %s\n", std::string(Message(changed)).c_str());
  return changed.ok() ? absl::InternalError("a changed command line was accepted")
                      : absl::OkStatus();
}

}  // namespace
}  // namespace nacre::tee::tpm

int main(int argc, char** argv) {
  const absl::Status status = nacre::tee::tpm::Run(argc, argv);
  if (status.ok()) return 0;
  std::printf("refused: %s\n", std::string(nacre::Message(status)).c_str());
  return 1;
}
