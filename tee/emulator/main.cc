// nacre-tee-emulator: a software security processor for guests on machines without one. `init`
// makes a chip with its own root of trust, `firmware` the image an emulated guest is measured with,
// `serve` answers one guest, `quote` writes one piece of evidence and what verifies it. See kUsage
// in options.h.

#include <fcntl.h>
#include <signal.h>

#include <cstdio>
#include <ctime>

#include "base/encoding.h"
#include "base/file.h"
#include "base/strings.h"
#include "tee/emulator/firmware_image.h"
#include "tee/emulator/identity.h"
#include "tee/emulator/one_shot.h"
#include "tee/emulator/options.h"
#include "tee/emulator/platform.h"
#include "tee/emulator/server.h"

namespace nacre::tee::emulator {
namespace {

constexpr size_t kMaxLaunchDocument = 1 << 20;
constexpr size_t kMaxFaultsFile = 64 * 1024;
constexpr uint64_t kLatestTime = 253'402'300'799;  // the end of the year 9999

absl::Status Init(const CommandLine& command) {
  ASSIGN_OR_RETURN(const std::string folder, command.Required("--dir"));
  IdentityOptions options;
  ASSIGN_OR_RETURN(options.product, sev::ParseProductName(command.Get("--product", "Milan")));
  options.now = time(nullptr);
  return CreateIdentity(folder, options);
}

absl::Status Firmware(const CommandLine& command) {
  ASSIGN_OR_RETURN(const std::string path, command.Required("--out"));
  return WriteFileAtomic(path, BuildStandInFirmware(), 0644);
}

// The text of --faults or of the file --faults-file names.
absl::StatusOr<std::string> FaultText(const CommandLine& command) {
  const std::string file = command.Get("--faults-file");
  if (file.empty()) return command.Get("--faults");
  if (!command.Get("--faults").empty()) {
    return absl::InvalidArgumentError("give one of --faults and --faults-file");
  }
  return ReadTextFile(file, kMaxFaultsFile);
}

absl::Status Quote(const CommandLine& command) {
  OneShotOptions options;
  ASSIGN_OR_RETURN(options.folder, command.Required("--dir"));
  ASSIGN_OR_RETURN(const std::string out, command.Required("--out"));
  ASSIGN_OR_RETURN(const std::string collateral, command.Required("--collateral"));
  ASSIGN_OR_RETURN(const std::string hex, command.Required("--report-data"));
  ASSIGN_OR_RETURN(const Bytes report_data, HexDecode(hex), "--report-data");
  ASSIGN_OR_RETURN(options.report_data, ReportData::FromBytes(report_data));
  ASSIGN_OR_RETURN(options.tee, ParseTeeName(command.Get("--tee", "snp")));
  ASSIGN_OR_RETURN(options.endorsement, ParseEndorsement(command.Get("--endorsement", "vcek")));
  ASSIGN_OR_RETURN(options.version, command.Number("--version", 0, 5));
  ASSIGN_OR_RETURN(options.faults, FaultText(command));
  ASSIGN_OR_RETURN(const uint64_t now,
                   command.Number("--at", static_cast<uint64_t>(time(nullptr)), kLatestTime));
  options.now = static_cast<int64_t>(now);
  const std::string launch_path = command.Get("--launch");
  if (!launch_path.empty()) {
    ASSIGN_OR_RETURN(const std::string launch, ReadTextFile(launch_path, kMaxLaunchDocument));
    ASSIGN_OR_RETURN(options.launch, ParseLaunchInputs(launch), launch_path);
  }
  ASSIGN_OR_RETURN(const OneShot made, MakeOneShot(options));
  RETURN_IF_ERROR(WriteFileAtomic(out, made.evidence, 0644));
  RETURN_IF_ERROR(MakeDirectories(collateral));
  for (const auto& [name, bytes] : made.collateral) {
    RETURN_IF_ERROR(WriteFileAtomic(StrCat(collateral, "/", name), bytes, 0644));
  }
  return absl::OkStatus();
}

// So that a missing file is told before readiness is.
absl::Status CheckReadable(const LaunchInputs& inputs) {
  for (const std::string* path :
       {&inputs.firmware_path, &inputs.kernel_path, &inputs.initrd_path}) {
    if (!path->empty()) RETURN_IF_ERROR(OpenFile(*path, O_RDONLY).status());
  }
  return absl::OkStatus();
}

absl::Status Serve(const CommandLine& command) {
  ASSIGN_OR_RETURN(const std::string folder, command.Required("--dir"));
  ASSIGN_OR_RETURN(const std::string launch_path, command.Required("--launch"));
  ASSIGN_OR_RETURN(const int given_fd, command.Descriptor("--fd"));
  ASSIGN_OR_RETURN(const int ready_fd, command.Descriptor("--ready-fd"));
  const std::string socket_path = command.Get("--socket");
  if ((given_fd >= 0) == !socket_path.empty()) {
    return absl::InvalidArgumentError("serve: give one of --socket and --fd");
  }
  ASSIGN_OR_RETURN(const std::vector<UniqueFd> lifelines, LifelineFds());
  std::vector<int> stop_fds;
  for (const UniqueFd& fd : lifelines) stop_fds.push_back(fd.get());

  UniqueFd connection(given_fd);
  UniqueFd listener;
  if (!connection.valid()) {
    ASSIGN_OR_RETURN(listener, ListenUnix(socket_path));
  }
  ASSIGN_OR_RETURN(const std::string launch, ReadTextFile(launch_path, kMaxLaunchDocument));
  ASSIGN_OR_RETURN(const LaunchInputs inputs, ParseLaunchInputs(launch), launch_path);
  PlatformOptions options{.folder = folder, .now = time(nullptr)};
  ASSIGN_OR_RETURN(const uint64_t version, command.Number("--version", 3, 5));
  options.report_version = static_cast<uint32_t>(version);
  ASSIGN_OR_RETURN(const std::string faults, FaultText(command));
  ASSIGN_OR_RETURN(options.faults, ParseSnpFaults(faults));
  ASSIGN_OR_RETURN(const Endorsement endorsement,
                   ParseEndorsement(command.Get("--endorsement", "vcek")));
  if (endorsement == Endorsement::kVlek) RETURN_IF_ERROR(AddVlek(folder, options.now));
  ASSIGN_OR_RETURN(Identity identity, LoadIdentity(folder, endorsement));
  RETURN_IF_ERROR(CheckReadable(inputs));
  if (ready_fd >= 0) {
    const UniqueFd ready(ready_fd);
    RETURN_IF_ERROR(WriteAll(ready.get(), AsBytes("ready\n")), "--ready-fd");
  }
  // Hashing tens of megabytes overlaps with the guest's boot; requests wait in the socket.
  ASSIGN_OR_RETURN(const Platform platform, Platform::Create(std::move(identity), inputs, options));
  if (!connection.valid()) {
    auto accepted = AcceptOne(listener.get(), stop_fds);
    (void)unlink(socket_path.c_str());
    if (absl::IsCancelled(accepted.status())) return absl::OkStatus();
    RETURN_IF_ERROR(accepted.status());
    connection = *std::move(accepted);
    listener.Reset();
  }
  return ServeStream(connection.get(), stop_fds,
                     [&platform](const Frame& request) { return platform.Answer(request); });
}

absl::Status Run(const std::vector<std::string>& arguments) {
  ASSIGN_OR_RETURN(const CommandLine command, ParseCommandLine(arguments));
  if (command.verb == "init") return Init(command);
  if (command.verb == "firmware") return Firmware(command);
  if (command.verb == "quote") return Quote(command);
  return Serve(command);
}

}  // namespace
}  // namespace nacre::tee::emulator

int main(int argc, char** argv) {
  signal(SIGPIPE, SIG_IGN);
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  if (arguments.size() == 1 && (arguments[0] == "--help" || arguments[0] == "-h")) {
    std::fputs(std::string(nacre::tee::emulator::kUsage).c_str(), stdout);
    return 0;
  }
  const absl::Status status = nacre::tee::emulator::Run(arguments);
  if (status.ok()) return 0;
  std::fprintf(stderr, "nacre-tee-emulator: %s\n", std::string(nacre::Message(status)).c_str());
  return 1;
}
