#include "guest-agent/container/containers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <filesystem>

#include "base/file.h"
#include "base/strings.h"
#include "guest-agent/limits.h"

namespace nacre::guest_agent {
namespace {

using ::testing::HasSubstr;

constexpr char kBusybox[] = "/bin/busybox";

TEST(CheckId, Boundaries) {
  EXPECT_TRUE(CheckId("a", "id").ok());
  EXPECT_TRUE(CheckId("0a_.-Z", "id").ok());
  EXPECT_TRUE(CheckId(std::string(kMaxIdLength, 'a'), "id").ok());
  for (const std::string& bad :
       {std::string(), std::string(kMaxIdLength + 1, 'a'), std::string("../a"), std::string("a/b"),
        std::string(".a"), std::string("-a"), std::string("a b"), std::string("a\0b", 3)})
    EXPECT_EQ(CheckId(bad, "id").code(), absl::StatusCode::kInvalidArgument) << bad;
}

TEST(SafeCrunMessage, HidesQuotedWordsAndPaths) {
  EXPECT_EQ(SafeCrunMessage("executable file `/usr/secret` not found in $PATH: No such file\n"),
            "executable file ... not found in $PATH: No such file");
  EXPECT_EQ(SafeCrunMessage("first\nopen 'secret name': Permission denied"),
            "open ...: Permission denied");
  EXPECT_EQ(SafeCrunMessage("mount /run/secret: Invalid argument"), "mount ...: Invalid argument");
  EXPECT_EQ(SafeCrunMessage("can't \x01 \"secret"), "can't ? ...");
  EXPECT_EQ(SafeCrunMessage(""), "no reason given");
  EXPECT_EQ(SafeCrunMessage(std::string(1000, 'a')).size(), 200u);
}

// A root filesystem of one busybox, or a failure.
class FakeRootfs : public RootfsProvider {
 public:
  absl::StatusOr<ImageDefaults> Mount(const grpc::CreateContainerRequest&, const std::string&,
                                      const std::string& target) override {
    RETURN_IF_ERROR(fail);
    ++mounted;
    for (const char* name : {"/bin", "/etc", "/proc", "/dev", "/sys", "/tmp"})
      RETURN_IF_ERROR(MakeDirectories(target + name));
    ASSIGN_OR_RETURN(const Bytes busybox, ReadFile(kBusybox, 8 << 20));
    RETURN_IF_ERROR(WriteFile(target + "/bin/busybox", busybox, 0755));
    if (symlink("busybox", (target + "/bin/sh").c_str()) != 0) return ErrnoStatus(errno, "sh");
    RETURN_IF_ERROR(WriteFile(target + "/etc/passwd", AsBytes("app:x:1000:1000::/:/bin/sh\n")));
    return defaults;
  }
  absl::Status Unmount(const std::string& target) override {
    --mounted;
    return RemoveTree(target);
  }

  absl::Status fail;
  ImageDefaults defaults = {{}, {"/bin/sh", "-c", "exit 0"}, {"FROM_IMAGE=1"}, "/tmp", ""};
  int mounted = 0;
};

class ContainersTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "crun needs root";
    if (!PathExists("/usr/bin/crun") || !PathExists(kBusybox))
      GTEST_SKIP() << "crun or busybox-static is missing";
    if (!SeeUnifiedCgroups()) GTEST_SKIP() << "cgroup2 cannot be mounted here";
    ASSERT_EQ(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
    signal(SIGPIPE, SIG_IGN);
    Restart(false);
  }
  void TearDown() override {
    if (containers_ != nullptr) containers_->RemoveAll();
  }
  // crun refuses a host with both cgroup versions, so this process looks at a mount of its own.
  static bool SeeUnifiedCgroups() {
    static const bool seen = unshare(CLONE_NEWNS) == 0 &&
                             mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
                             mount("cgroup2", "/sys/fs/cgroup", "cgroup2", 0, nullptr) == 0;
    return seen;
  }
  void Restart(bool discard_output) {
    ContainersOptions options;
    options.folder = root_.path() + "/containers";
    options.cgroup_mount = root_.path() + "/cgroup";
    options.discard_output = discard_output;
    options.crun.state_folder = root_.path() + "/crun";
    options.crun.cgroup_manager = "disabled";
    containers_ = Containers::Create(options, &rootfs_).value();
  }
  grpc::CreateContainerRequest Request(const std::string& id, const std::string& script) {
    grpc::CreateContainerRequest request;
    request.set_container_id(id);
    grpc::Spec* spec = request.mutable_oci();
    const auto mount = [&](const char* type, const char* destination) {
      grpc::Mount* entry = spec->add_mounts();
      entry->set_type(type);
      entry->set_source(type);
      entry->set_destination(destination);
    };
    mount("proc", "/proc");
    mount("tmpfs", "/dev");
    mount("devpts", "/dev/pts");
    spec->mutable_mounts(2)->add_options("newinstance");
    spec->mutable_mounts(2)->add_options("ptmxmode=0666");
    if (!script.empty()) {
      for (const std::string& arg : {std::string("/bin/sh"), std::string("-c"), script})
        spec->mutable_process()->add_args(arg);
    }
    return request;
  }
  void Run(const grpc::CreateContainerRequest& request) {
    const absl::Status created = containers_->CreateContainer(request, "");
    ASSERT_TRUE(created.ok()) << created;
    const absl::Status started = containers_->StartContainer(request.container_id());
    ASSERT_TRUE(started.ok()) << started;
  }
  std::shared_ptr<Process> Find(const std::string& id, const std::string& exec = "") {
    return containers_->FindProcess(id, exec).value();
  }
  int FoldersLike(std::string_view beginning) {
    int count = 0;
    const std::string folder = root_.path() + "/containers";
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
      count += entry.path().filename().string().starts_with(beginning);
    }
    return count;
  }
  static std::string ReadAll(Stream& stream) {
    std::string out;
    while (true) {
      const auto part = stream.Read(4096);
      if (!part.ok()) return out;
      out += *part;
    }
  }

  TemporaryDirectory root_ = TemporaryDirectory::Create("containers").value();
  FakeRootfs rootfs_;
  std::unique_ptr<Containers> containers_;
};

TEST_F(ContainersTest, RunsToItsExitCodeWithItsOutput) {
  Run(Request("c1", "echo out; echo err >&2; exit 7"));
  const auto process = Find("c1");
  EXPECT_EQ(ReadAll(*process->output()), "out\n");
  EXPECT_EQ(ReadAll(*process->error()), "err\n");
  EXPECT_EQ(*process->Wait(), 7);
  EXPECT_EQ(*Find("c1", "c1")->Wait(), 7);
  ASSERT_TRUE(containers_->RemoveContainer("c1", {}, 5000).ok());
  EXPECT_EQ(rootfs_.mounted, 0);
  EXPECT_FALSE(containers_->FindProcess("c1", "").ok());
  Run(Request("c1", "exit 0"));  // the id is free again
}

TEST_F(ContainersTest, TheImageSaysWhatTheRequestLeavesOut) {
  rootfs_.defaults.command = {"/bin/sh", "-c", "echo $FROM_IMAGE $(pwd); /bin/busybox id -u"};
  rootfs_.defaults.user = "app";
  Run(Request("c1", ""));
  EXPECT_EQ(ReadAll(*Find("c1")->output()), "1 /tmp\n1000\n");
}

TEST_F(ContainersTest, ItIsPidOneOfItsOwnAndSeesItsOwnRoot) {
  Run(Request("c1", "echo $$; test -e /work && echo leak; test -e /usr && echo leak"));
  EXPECT_EQ(ReadAll(*Find("c1")->output()), "1\n");
}

TEST_F(ContainersTest, InputReachesItAndEnds) {
  Run(Request("c1", "read line; echo got $line; read more || echo end"));
  const auto process = Find("c1");
  EXPECT_EQ(*process->input()->Write("hello\n"), 6u);
  process->CloseInput();
  EXPECT_EQ(ReadAll(*process->output()), "got hello\nend\n");
}

TEST_F(ContainersTest, ExecRunsBesideIt) {
  Run(Request("c1", "read line"));
  grpc::ExecProcessRequest exec;
  exec.set_container_id("c1");
  exec.set_exec_id("e1");
  for (const char* arg : {"/bin/sh", "-c", "echo $FROM_IMAGE $EXTRA; exit 5"})
    exec.mutable_process()->add_args(arg);
  exec.mutable_process()->add_env("EXTRA=2");
  const absl::Status status = containers_->ExecProcess(exec);
  ASSERT_TRUE(status.ok()) << status;
  EXPECT_EQ(ReadAll(*Find("c1", "e1")->output()), "1 2\n");
  EXPECT_EQ(*Find("c1", "e1")->Wait(), 5);
  EXPECT_EQ(FoldersLike("exec-"), 0) << "a probe's files would fill the guest's memory";
  EXPECT_EQ(containers_->ExecProcess(exec).code(), absl::StatusCode::kAlreadyExists);
  exec.set_exec_id("../e2");
  EXPECT_EQ(containers_->ExecProcess(exec).code(), absl::StatusCode::kInvalidArgument);
  exec.set_exec_id("c1");
  EXPECT_EQ(containers_->ExecProcess(exec).code(), absl::StatusCode::kAlreadyExists);
  exec.set_exec_id("e2");
  exec.mutable_process()->set_args(0, "/no/such/program");
  EXPECT_FALSE(containers_->ExecProcess(exec).ok());
  EXPECT_EQ(FoldersLike("exec-"), 0);
  exec.set_exec_id("e3");
  exec.set_container_id("none");
  EXPECT_EQ(containers_->ExecProcess(exec).code(), absl::StatusCode::kNotFound);
}

TEST_F(ContainersTest, ATerminalIsOne) {
  grpc::CreateContainerRequest request =
      Request("c1", "test -t 0 && read line && /bin/busybox stty size");
  request.mutable_oci()->mutable_process()->set_terminal(true);
  Run(request);
  const auto process = Find("c1");
  ASSERT_TRUE(process->ResizeTerminal(33, 77).ok());
  EXPECT_EQ(*process->input()->Write("go\n"), 3u);
  EXPECT_THAT(ReadAll(*process->output()), HasSubstr("33 77"));
  EXPECT_EQ(process->error()->Read(1).status().code(), absl::StatusCode::kOutOfRange);
}

TEST_F(ContainersTest, SignalsReachIt) {
  Run(Request("c1", "trap 'exit 9' TERM; echo ready; while true; do read line; done"));
  const auto process = Find("c1");
  EXPECT_EQ(*process->output()->Read(100), "ready\n");
  ASSERT_TRUE(containers_->SignalProcess("c1", "c1", SIGTERM).ok());
  EXPECT_EQ(*process->Wait(), 9);
}

TEST_F(ContainersTest, RemoveKillsWhatRuns) {
  Run(Request("c1", "while true; do read line; done"));
  const auto process = Find("c1");
  ASSERT_TRUE(containers_->RemoveContainer("c1", {}, 5000).ok());
  EXPECT_EQ(*process->Wait(), 128 + SIGKILL);
}

TEST_F(ContainersTest, CreatedButNeverStartedCanBeRemoved) {
  ASSERT_TRUE(containers_->CreateContainer(Request("c1", "exit 0"), "").ok());
  // Crun::Start relies on it; without it starting still works, but slower.
  EXPECT_TRUE(PathExists(root_.path() + "/crun/c1/exec.fifo"));
  EXPECT_TRUE(containers_->RemoveContainer("c1", {}, 5000).ok());
  EXPECT_EQ(rootfs_.mounted, 0);
}

TEST_F(ContainersTest, StatesAreKept) {
  ASSERT_TRUE(containers_->CreateContainer(Request("c1", "exit 0"), "").ok());
  EXPECT_EQ(containers_->CreateContainer(Request("c1", "exit 0"), "").code(),
            absl::StatusCode::kAlreadyExists);
  ASSERT_TRUE(containers_->StartContainer("c1").ok());
  EXPECT_EQ(containers_->StartContainer("c1").code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(containers_->StartContainer("c2").code(), absl::StatusCode::kNotFound);
}

TEST_F(ContainersTest, AFailedCreateLeavesNothing) {
  rootfs_.fail = absl::PermissionDeniedError("attestation refused: launch-measurement (id 1)");
  EXPECT_EQ(containers_->CreateContainer(Request("c1", "exit 0"), ""), rootfs_.fail);
  rootfs_.fail = absl::OkStatus();
  grpc::CreateContainerRequest missing = Request("c1", "");
  missing.mutable_oci()->mutable_process()->add_args("/bin/no-such-program");
  const absl::Status status = containers_->CreateContainer(missing, "");
  EXPECT_FALSE(status.ok());
  EXPECT_THAT(std::string(Message(status)), HasSubstr("crun create"));
  EXPECT_EQ(std::string(Message(status)).find("no-such-program"), std::string::npos);
  EXPECT_EQ(rootfs_.mounted, 0);
  Run(Request("c1", "exit 0"));
}

TEST_F(ContainersTest, DiscardedOutputNeverBlocksIt) {
  Restart(true);
  Run(Request("c1", "/bin/busybox dd if=/dev/zero bs=1k count=1000 2>/dev/null; exit 4"));
  EXPECT_EQ(*Find("c1")->Wait(), 4);
  EXPECT_EQ(Find("c1")->output()->Read(10).status().code(), absl::StatusCode::kOutOfRange);
  grpc::CreateContainerRequest terminal = Request("c2", "exit 0");
  terminal.mutable_oci()->mutable_process()->set_terminal(true);
  EXPECT_EQ(containers_->CreateContainer(terminal, "").code(),
            absl::StatusCode::kFailedPrecondition);
}

TEST_F(ContainersTest, WhatCannotBeHonouredIsRefusedBeforeThePull) {
  rootfs_.fail = absl::InternalError("reached the image");
  grpc::CreateContainerRequest request = Request("../c1", "exit 0");
  EXPECT_EQ(containers_->CreateContainer(request, "").code(), absl::StatusCode::kInvalidArgument);
  request = Request("c1", "exit 0");
  request.add_devices()->set_id("vfio");
  EXPECT_EQ(containers_->CreateContainer(request, "").code(), absl::StatusCode::kUnimplemented);
  request = Request("c1", "exit 0");
  request.set_sandbox_pidns(true);
  EXPECT_EQ(containers_->CreateContainer(request, "").code(), absl::StatusCode::kUnimplemented);
  request = Request("c1", "exit 0");
  request.mutable_oci()->mutable_hooks()->add_prestart()->set_path("/x");
  EXPECT_EQ(containers_->CreateContainer(request, "").code(), absl::StatusCode::kInvalidArgument);
}

TEST(ImageReference, ExactlyOneGuestPull) {
  grpc::CreateContainerRequest request;
  EXPECT_FALSE(ImageReferenceOf(request).ok());
  grpc::Storage* storage = request.add_storages();
  storage->set_driver("image_guest_pull");
  EXPECT_FALSE(ImageReferenceOf(request).ok());
  storage->set_source("10.0.2.2:5000/demo:1");
  EXPECT_EQ(*ImageReferenceOf(request), "10.0.2.2:5000/demo:1");
  storage->set_mount_point("relative");
  EXPECT_FALSE(ImageReferenceOf(request).ok());
  storage->set_mount_point("/run/rootfs");
  EXPECT_TRUE(ImageReferenceOf(request).ok());
  *request.add_storages() = request.storages(0);
  EXPECT_FALSE(ImageReferenceOf(request).ok());
  request.mutable_storages(1)->set_driver("local");
  EXPECT_EQ(ImageReferenceOf(request).status().code(), absl::StatusCode::kUnimplemented);
}

}  // namespace
}  // namespace nacre::guest_agent
