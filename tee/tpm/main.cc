// nacre-tpm: what a guest does with its TPM, as a program of its own (tpm2-tss comes as shared
// libraries only, and nacre-agent links none but the C library).

#include <fcntl.h>
#include <termios.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <map>

#include "base/encoding.h"
#include "base/file.h"
#include "base/strings.h"
#include "tee/eventlog/runtime_extend.h"
#include "tee/tpm/exchange.h"
#include "tee/tpm/source.h"

namespace nacre::tee::tpm {
namespace {

constexpr std::string_view kUsage =
    "usage: nacre-tpm VERB [OPTION VALUE]...\n"
    "  quote  --nonce HEX                  evidence as JSON on standard output\n"
    "  answer --port FILE                  enrol with, and be quoted by, a verifier at a serial "
    "port\n"
    "  extend --pcr N --sha256 HEX         extend a PCR with a digest; other banks get the digest\n"
    "                                      of it\n"
    "options of all: --tpm FILE (/dev/tpmrm0 or swtpm's socket), --firmware-log FILE,\n"
    "  --runtime-log FILE (extend appends to it, quote and answer join it), --bank NAME (sha256)\n";

constexpr int64_t kTimeoutMs = 120'000;
constexpr size_t kMaxLine = 64 << 10;

using Options = std::map<std::string, std::string, std::less<>>;

absl::StatusOr<std::string> Required(const Options& options, const std::string& name) {
  const auto found = options.find(name);
  if (found == options.end()) return absl::InvalidArgumentError(StrCat(name, " is required"));
  return found->second;
}

absl::StatusOr<TpmSourceOptions> SourceOptions(const Options& options) {
  TpmSourceOptions out;
  for (const auto& [name, value] : options) {
    if (name == "--tpm") out.tpm = value;
    if (name == "--firmware-log") out.firmware_log = value;
    if (name == "--runtime-log") out.runtime_log = value;
    if (name == "--bank") {
      ASSIGN_OR_RETURN(out.bank, eventlog::ParseBankName(value));
    }
  }
  return out;
}

absl::Status Quote(const Options& options, TpmSource& source) {
  ASSIGN_OR_RETURN(std::string text, Required(options, "--nonce"));
  ASSIGN_OR_RETURN(Bytes nonce, HexDecode(text), "--nonce");
  ASSIGN_OR_RETURN(TpmDocument document, source.QuoteDocument(nonce));
  std::printf("%s\n", FormatTpmDocument(document).c_str());
  return absl::OkStatus();
}

// A serial port passes bytes on as they are.
absl::StatusOr<UniqueFd> OpenPort(const std::string& path) {
  ASSIGN_OR_RETURN(UniqueFd fd, OpenFile(path, O_RDWR | O_NOCTTY));
  termios settings = {};
  if (tcgetattr(fd.get(), &settings) == 0) {
    cfmakeraw(&settings);
    tcsetattr(fd.get(), TCSANOW, &settings);
  }
  return fd;
}

absl::Status AnswerVerifier(const Options& options, TpmSource& source) {
  ASSIGN_OR_RETURN(std::string path, Required(options, "--port"));
  ASSIGN_OR_RETURN(UniqueFd port, OpenPort(path));
  Hello hello;
  ASSIGN_OR_RETURN(hello.ek_certificate, source.device().EkCertificate());
  ASSIGN_OR_RETURN(hello.ak_public, source.device().AkPublic());
  RETURN_IF_ERROR(WriteAll(port.get(), AsBytes(FormatHello(hello))));
  ASSIGN_OR_RETURN(std::string line,
                   ReadJsonLine(port.get(), kMaxLine, Deadline::After(kTimeoutMs)), path);
  ASSIGN_OR_RETURN(Challenge challenge, ParseChallenge(line));
  Answer answer;
  ASSIGN_OR_RETURN(answer.secret, source.device().ActivateCredential(challenge.credential));
  ASSIGN_OR_RETURN(answer.document, source.QuoteDocument(challenge.nonce));
  RETURN_IF_ERROR(WriteAll(port.get(), AsBytes(FormatAnswer(answer))));
  tcdrain(port.get());
  return absl::OkStatus();
}

absl::Status Extend(const Options& options, TpmSource& source) {
  ASSIGN_OR_RETURN(std::string pcr_text, Required(options, "--pcr"));
  ASSIGN_OR_RETURN(std::string text, Required(options, "--sha256"));
  ASSIGN_OR_RETURN(Bytes digest, HexDecode(text), "--sha256");
  uint32_t pcr = 0;
  if (!ParseNumber(pcr_text, &pcr)) return absl::InvalidArgumentError("--pcr is no number");
  ASSIGN_OR_RETURN(std::vector<Bank> banks, source.device().Banks());
  std::map<Bank, Bytes> digests;
  std::vector<Bytes> in_order;
  for (Bank bank : banks) {
    in_order.push_back(bank == Bank::kSha256 ? digest : eventlog::BankDigest(bank, digest));
    digests[bank] = in_order.back();
  }
  RETURN_IF_ERROR(source.device().Extend(pcr, digests));
  const auto log = options.find("--runtime-log");
  if (log == options.end()) return absl::OkStatus();
  return eventlog::AppendEvent(log->second, banks, pcr, eventlog::kEventTag, in_order, digest);
}

absl::StatusOr<Options> ParseOptions(int argc, char** argv) {
  static constexpr std::string_view kKnown[] = {"--tpm",  "--firmware-log", "--runtime-log",
                                                "--bank", "--nonce",        "--port",
                                                "--pcr",  "--sha256"};
  Options out;
  for (int i = 2; i < argc; i += 2) {
    if (std::ranges::find(kKnown, std::string_view(argv[i])) == std::end(kKnown)) {
      return absl::InvalidArgumentError(StrCat("unknown option '", argv[i], "'"));
    }
    if (i + 1 == argc) return absl::InvalidArgumentError(StrCat(argv[i], " needs a value"));
    out[argv[i]] = argv[i + 1];
  }
  return out;
}

absl::Status Run(int argc, char** argv) {
  const std::string_view verb = argc > 1 ? argv[1] : "";
  if (verb != "quote" && verb != "answer" && verb != "extend") {
    return absl::InvalidArgumentError(StrCat("unknown verb '", verb, "'\n", kUsage));
  }
  ASSIGN_OR_RETURN(Options options, ParseOptions(argc, argv));
  ASSIGN_OR_RETURN(TpmSourceOptions source_options, SourceOptions(options));
  ASSIGN_OR_RETURN(std::unique_ptr<TpmSource> source, TpmSource::Open(source_options));
  if (verb == "quote") return Quote(options, *source);
  if (verb == "answer") return AnswerVerifier(options, *source);
  return Extend(options, *source);
}

}  // namespace
}  // namespace nacre::tee::tpm

int main(int argc, char** argv) {
  setenv("TSS2_LOG", "all+NONE", 0);  // tpm2-tss would write to standard error
  const absl::Status status = nacre::tee::tpm::Run(argc, argv);
  if (status.ok()) return 0;
  std::fprintf(stderr, "nacre-tpm: %s\n", std::string(nacre::Message(status)).c_str());
  return status.code() == absl::StatusCode::kInvalidArgument ? 2 : 1;
}
