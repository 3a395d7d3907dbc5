#include "runtime/hypervisor/accelerator_probe.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>

#include "base/file.h"
#include "base/json.h"
#include "base/strings.h"
#include "base/subprocess.h"
#include "runtime/hypervisor/probe_image.h"

namespace nacre::runtime {
namespace {

constexpr size_t kMaxRecord = 4096;
constexpr size_t kMaxProbeOutput = 64 << 10;

// The answer is about this boot of this host with this QEMU and kernel; when one changes, it is
// asked again.
absl::StatusOr<Json> ProbeSubject(const ProbeOptions& options) {
  ASSIGN_OR_RETURN(std::string boot_id, ReadTextFile(options.boot_id_path, kMaxRecord));
  return Json{{"boot_id", std::string(StripSpace(boot_id))},
              {"hypervisor", options.hypervisor_path},
              {"kernel", options.kernel}};
}

absl::StatusOr<AcceleratorAnswer> ReadRecord(const std::string& path, const Json& subject) {
  ASSIGN_OR_RETURN(std::string text, ReadTextFile(path, kMaxRecord));
  ASSIGN_OR_RETURN(Json record, ParseJson(text), path);
  ASSIGN_OR_RETURN(std::string accelerator, JsonString(record, "accelerator", path));
  ASSIGN_OR_RETURN(std::string reason, JsonString(record, "reason", path));
  if (!record.contains("subject") || record["subject"] != subject) {
    return absl::NotFoundError("the remembered answer is about another boot");
  }
  return AcceleratorAnswer{accelerator == "kvm" ? Accelerator::kKvm : Accelerator::kTcg, reason};
}

absl::Status WriteRecord(const std::string& path, const Json& subject,
                         const AcceleratorAnswer& answer) {
  const Json record = {{"accelerator", std::string(AcceleratorName(answer.accelerator))},
                       {"reason", answer.reason},
                       {"subject", subject}};
  ASSIGN_OR_RETURN(std::string text, DumpJson(record), path);
  return WriteFileAtomic(path, AsBytes(text + "\n"), 0600);
}

// Reads `fd` until the marker, the end or the deadline. What was read is kept in `heard`.
bool HearMarker(int fd, int deadline_ms, std::string* heard) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(deadline_ms);
  while (heard->size() < kMaxProbeOutput) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        end - std::chrono::steady_clock::now());
    if (left.count() <= 0) return false;
    pollfd watched = {fd, POLLIN, 0};
    const int ready = ::poll(&watched, 1, static_cast<int>(left.count()));
    if (ready < 0 && errno == EINTR) continue;
    if (ready <= 0) return false;
    char buffer[4096];
    const ssize_t size = ::read(fd, buffer, sizeof buffer);
    if (size < 0 && errno == EINTR) continue;
    if (size <= 0) return false;
    heard->append(buffer, static_cast<size_t>(size));
    if (heard->find(kProbeMarker) != std::string::npos) return true;
  }
  return false;
}

SubprocessOptions ProbeGuest(const ProbeOptions& options, const std::string& initrd, int output) {
  SubprocessOptions child;
  child.argv = {options.hypervisor_path,
                "-nodefaults",
                "-no-user-config",
                "-no-reboot",
                "-display",
                "none",
                "-machine",
                "q35,accel=kvm,usb=off,sata=off,smm=off,hpet=off,vmport=off,i8042=off,graphics=off",
                "-cpu",
                "host,pmu=off",
                "-m",
                "256M",
                "-kernel",
                options.kernel,
                "-initrd",
                initrd,
                "-append",
                "console=ttyS0 quiet loglevel=3 panic=-1 no_timer_check cryptomgr.notests",
                "-serial",
                "stdio"};
  child.stdout_fd = output;
  child.stderr_fd = output;
  child.parent_death_signal = SIGKILL;
  return child;
}

absl::StatusOr<AcceleratorAnswer> Probe(const ProbeOptions& options) {
  const std::string initrd = StrCat(options.state_dir, "/accelerator-probe.initrd");
  RETURN_IF_ERROR(WriteFileAtomic(initrd, ProbeInitrd(), 0600));
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return ErrnoStatus(errno, "accelerator probe: pipe");
  UniqueFd reader(ends[0]), writer(ends[1]);
  ASSIGN_OR_RETURN(Subprocess guest, Subprocess::Start(ProbeGuest(options, initrd, writer.get())));
  writer.Reset();
  std::string heard;
  const bool alive = HearMarker(reader.get(), options.deadline_ms, &heard);
  const auto ended = guest.WaitFor(0);
  if (!ended.ok()) {
    RETURN_IF_ERROR(guest.Kill(SIGKILL), "accelerator probe");
    RETURN_IF_ERROR(guest.Wait().status(), "accelerator probe");
  }
  if (alive) return AcceleratorAnswer{Accelerator::kKvm, "a probe guest ran under KVM"};
  if (ended.ok()) {
    return AcceleratorAnswer{Accelerator::kTcg,
                             "a probe guest ended under KVM before its first line"};
  }
  return AcceleratorAnswer{Accelerator::kTcg, StrCat("a probe guest said nothing under KVM in ",
                                                     options.deadline_ms, " ms")};
}

}  // namespace

absl::StatusOr<AcceleratorAnswer> ChooseAccelerator(AcceleratorChoice choice,
                                                    const ProbeOptions& options) {
  if (choice == AcceleratorChoice::kKvm) {
    return AcceleratorAnswer{Accelerator::kKvm, "configured"};
  }
  if (choice == AcceleratorChoice::kTcg) {
    return AcceleratorAnswer{Accelerator::kTcg, "configured"};
  }
  if (::access(options.kvm_device.c_str(), R_OK | W_OK) != 0) {
    return AcceleratorAnswer{Accelerator::kTcg, StrCat(options.kvm_device, " cannot be opened")};
  }
  RETURN_IF_ERROR(MakeDirectories(options.state_dir, 0700));
  ASSIGN_OR_RETURN(UniqueFd lock, OpenFile(StrCat(options.state_dir, "/accelerator.lock"),
                                           O_RDWR | O_CREAT, 0600));
  while (::flock(lock.get(), LOCK_EX) != 0) {
    if (errno != EINTR) return ErrnoStatus(errno, "accelerator.lock");
  }
  ASSIGN_OR_RETURN(Json subject, ProbeSubject(options));
  const std::string record = StrCat(options.state_dir, "/accelerator.json");
  if (auto remembered = ReadRecord(record, subject); remembered.ok()) return remembered;
  ASSIGN_OR_RETURN(AcceleratorAnswer answer, Probe(options));
  RETURN_IF_ERROR(WriteRecord(record, subject, answer));
  return answer;
}

}  // namespace nacre::runtime
