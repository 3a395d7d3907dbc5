#include "runtime/shim/shim_fixture.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>

#include "api/containerd.h"
#include "base/json.h"
#include "base/strings.h"
#include "net/stream.h"

namespace nacre::runtime {
namespace {

namespace task = containerd::task::v2;

}  // namespace

void ShimTest::SetUp() {
  auto folder = TemporaryDirectory::Create("shim");
  ASSERT_TRUE(folder.ok()) << folder.status();
  folder_.emplace(std::move(*folder));
  bundle_ = folder_->path() + "/bundle";
  ASSERT_TRUE(MakeDirectories(bundle_).ok());
  ServeEvents();
}

void ShimTest::TearDown() {
  if (client_) {
    (void)Call("Kill", [&] {
      auto request = About<task::KillRequest>();
      request.set_signal(SIGKILL);
      return request;
    }());
    (void)Delete();
    (void)Shutdown();
  }
  (void)RunShim("delete");
  // A shim that never had a task, or lost its containerd, waits for somebody to ask it again.
  EXPECT_TRUE(RunCommand({.argv = {"pkill", "-KILL", "-f", StrCat("shim.*", folder_->path(), "/")}},
                         {}, 1 << 10, 20000)
                  .ok());
  events_server_.Stop();
  events_thread_.join();
}

void ShimTest::ServeEvents() {
  events_server_.RegisterMethod(
      "containerd.services.events.ttrpc.v1.Events", "Forward",
      ttrpc::ProtoHandler<containerd::services::events::ttrpc::v1::ForwardRequest>(
          [this](const auto&, const auto& request) -> absl::StatusOr<google::protobuf::Empty> {
            std::lock_guard lock(mutex_);
            EXPECT_EQ(request.envelope().namespace_(), "test");
            topics_.push_back(request.envelope().topic());
            changed_.notify_all();
            return google::protobuf::Empty();
          }));
  auto listener = net::ListenUnix(folder_->path() + "/events.sock");
  ASSERT_TRUE(listener.ok()) << listener.status();
  events_thread_ =
      std::thread([this, fd = listener->Release()] { (void)events_server_.Serve(UniqueFd(fd)); });
}

void ShimTest::Bundle(const std::vector<std::string>& args, const std::string& image) {
  const Json spec = {{"ociVersion", "1.0.2"},
                     {"process", {{"args", args}, {"cwd", "/"}}},
                     {"root", {{"path", "rootfs"}}},
                     {"annotations", {{"io.kubernetes.cri.image-name", image}}}};
  const std::string config = StrCat("[hypervisor]\npath = \"", FAKE_GUEST,
                                    "\"\naccelerator = \"tcg\"\nkernel = \"/none\"\n"
                                    "agent_channel = \"virtio-serial\"\n"
                                    "initrd = \"/none\"\n[runtime]\nstate_dir = \"",
                                    state_dir(), "\"\n", extra_config_);
  ASSERT_TRUE(WriteFile(bundle_ + "/config.json", AsBytes(spec.dump())).ok());
  ASSERT_TRUE(WriteFile(folder_->path() + "/runtime.toml", AsBytes(config)).ok());
}

absl::StatusOr<CommandResult> ShimTest::RunShim(const std::string& action) {
  SubprocessOptions options;
  options.argv = {SHIM, "-namespace",      "test",  "-address", folder_->path() + "/grpc", "-id",
                  id_,  "-publish-binary", "/none", action};
  options.working_directory = bundle_;
  options.env = {{"TTRPC_ADDRESS=" + folder_->path() + "/events.sock",
                  "NACRE_CONFIG=" + folder_->path() + "/runtime.toml",
                  "NACRE_SHIM_SOCKET_ROOT=" + folder_->path() + "/s", "PATH=/usr/bin:/bin"}};
  for (const char* name : {"ASAN_OPTIONS", "TSAN_OPTIONS"}) {
    if (const char* value = std::getenv(name)) options.env->push_back(StrCat(name, "=", value));
  }
  return RunCommand(options, {}, 1 << 20, 20000);
}

void ShimTest::StartShim() {
  const auto started = RunShim("start");
  ASSERT_TRUE(started.ok()) << started.status();
  ASSERT_EQ(started->exit.code, 0) << started->err;
  ASSERT_TRUE(started->out.starts_with("unix:///")) << started->out;
  auto socket = net::ConnectUnix(started->out.substr(7));
  ASSERT_TRUE(socket.ok()) << socket.status();
  auto client = ttrpc::Client::Create(std::move(*socket));
  ASSERT_TRUE(client.ok()) << client.status();
  client_ = std::move(*client);
}

absl::Status ShimTest::Create() {
  auto request = About<task::CreateTaskRequest>();
  request.set_bundle(bundle_);
  request.set_stdin(in_);
  request.set_stdout(out_);
  request.set_stderr(err_);
  return Call<task::CreateTaskResponse>("Create", request).status();
}

absl::Status ShimTest::Start(const std::string& exec_id) {
  return Call<task::StartResponse>("Start", About<task::StartRequest>(exec_id)).status();
}

int ShimTest::Wait(const std::string& exec_id) {
  const auto response = Call<task::WaitResponse>("Wait", About<task::WaitRequest>(exec_id));
  EXPECT_TRUE(response.ok()) << response.status();
  return response.ok() ? static_cast<int>(response->exit_status()) : -1;
}

absl::Status ShimTest::Delete(const std::string& exec_id) {
  return Call<task::DeleteResponse>("Delete", About<task::DeleteRequest>(exec_id)).status();
}

absl::Status ShimTest::Shutdown() {
  return Call("Shutdown", About<task::ShutdownRequest>()).status();
}

std::string ShimTest::MakeFifo(const std::string& name) {
  const std::string path = StrCat(folder_->path(), "/", name);
  EXPECT_EQ(::mkfifo(path.c_str(), 0600), 0);
  auto reader = OpenFile(path, O_RDONLY | O_NONBLOCK);
  EXPECT_TRUE(reader.ok());
  if (reader.ok()) fifos_[path] = std::move(*reader);
  return path;
}

std::string ShimTest::ReadFifo(const std::string& path) {
  std::string all;
  pollfd watched = {fifos_[path].get(), POLLIN, 0};
  while (::poll(&watched, 1, 10000) > 0) {
    char buffer[4096];
    const ssize_t size = ::read(watched.fd, buffer, sizeof buffer);
    if (size <= 0) return all;
    all.append(buffer, static_cast<size_t>(size));
  }
  ADD_FAILURE() << path << " was not closed";
  return all;
}

std::vector<std::string> ShimTest::Topics(size_t count) {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, std::chrono::seconds(10), [&] { return topics_.size() >= count; });
  return topics_;
}

// A process of another parent: its end is seen through a pidfd, or there is nothing to open.
bool ShimTest::Gone(pid_t pid) {
  if (pid <= 0) return false;
  const UniqueFd pidfd(static_cast<int>(::syscall(434 /* pidfd_open */, pid, 0)));
  if (!pidfd.valid()) return true;
  pollfd ended = {pidfd.get(), POLLIN, 0};
  return ::poll(&ended, 1, 10000) == 1;
}

pid_t ShimTest::VmPid() {
  const auto response = Call<task::ConnectResponse>("Connect", About<task::ConnectRequest>());
  return response.ok() ? static_cast<pid_t>(response->task_pid()) : 0;
}

pid_t ShimTest::ShimPid() {
  const auto response = Call<task::ConnectResponse>("Connect", About<task::ConnectRequest>());
  return response.ok() ? static_cast<pid_t>(response->shim_pid()) : 0;
}

}  // namespace nacre::runtime
