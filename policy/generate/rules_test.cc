// The shipped rules: what they allow of Nacre's own runtime, and what they refuse.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "api/agent.pb.h"
#include "base/strings.h"
#include "policy/gate/request_policy.h"
#include "policy/generate/difference.h"
#include "policy/generate/testing.h"

namespace nacre::policy {
namespace {

using generate_testing::kDigest;
using generate_testing::Pod;
using testing::HasSubstr;

// What `nacre run` and the shim send for an image whose container says nothing of its own.
grpc::CreateContainerRequest RunRequest() {
  grpc::CreateContainerRequest request;
  request.set_container_id("pearl");
  request.set_exec_id("pearl");
  grpc::Storage& storage = *request.add_storages();
  storage.set_driver("image_guest_pull");
  storage.set_source(StrCat("registry.example/web:1@", kDigest));
  storage.set_fstype("overlay");
  storage.set_mount_point("/run/kata-containers/pearl/rootfs");
  grpc::Spec& spec = *request.mutable_oci();
  spec.set_version("1.0.2");
  spec.set_hostname("pearl");
  spec.mutable_root()->set_path("/run/kata-containers/pearl/rootfs");
  (*spec.mutable_annotations())["io.kubernetes.cri.image-name"] = storage.source();
  grpc::Process& process = *spec.mutable_process();
  process.mutable_user();
  process.set_cwd("/");
  process.set_nonewprivileges(true);
  for (auto* set : {process.mutable_capabilities()->mutable_bounding(),
                    process.mutable_capabilities()->mutable_effective(),
                    process.mutable_capabilities()->mutable_permitted()})
    set->Add("CAP_CHOWN");
  grpc::Linux& os = *spec.mutable_linux();
  for (const char* type : {"pid", "ipc", "uts", "mount"}) os.add_namespaces()->set_type(type);
  os.mutable_resources()->add_devices()->set_access("rwm");
  for (const std::string& path : Settings().masked_paths) os.add_maskedpaths(path);
  for (const std::string& path : Settings().readonly_paths) os.add_readonlypaths(path);
  grpc::Mount& proc = *spec.add_mounts();
  proc.set_destination("/proc");
  proc.set_type("proc");
  proc.set_source("proc");
  for (const char* option : {"nosuid", "noexec", "nodev"}) proc.add_options(option);
  return request;
}

std::unique_ptr<RequestPolicy> Compiled(std::string_view manifest, const Settings& settings = {}) {
  const auto text = generate_testing::Policy(manifest, settings);
  EXPECT_TRUE(text.ok()) << text.status();
  return text.ok() ? *RequestPolicy::Compile(*text) : std::make_unique<RequestPolicy>();
}

// "" or the explanation of the denial.
std::string Denied(RequestPolicy& policy, const google::protobuf::Message& request) {
  auto permit = policy.Check(request);
  if (permit.ok()) {
    permit->Commit();
    return "";
  }
  return policy.Denials().back().explanation;
}

TEST(Rules, WhatNacreRunSendsIsAllowed) {
  auto policy = Compiled(Pod());
  EXPECT_EQ(Denied(*policy, RunRequest()), "");
  grpc::StartContainerRequest start;
  start.set_container_id("pearl");
  EXPECT_EQ(Denied(*policy, start), "");
  start.set_container_id("other");
  EXPECT_NE(Denied(*policy, start), "");
}

TEST(Rules, OneChangeIsEnough) {
  using Request = grpc::CreateContainerRequest;
  struct Case {
    const char* says;
    void (*change)(Request&);
  };
  const Case cases[] = {
      {"images", [](Request& r) { r.mutable_storages(0)->set_source("registry.example/web:1"); }},
      {"mount", [](Request& r) { r.mutable_storages(0)->set_mount_point("/etc"); }},
      {"allow_storage", [](Request& r) { r.add_storages()->set_driver("local"); }},
      {"count(images)", [](Request& r) { *r.add_storages() = r.storages(0); }},
      {"Env", [](Request& r) { r.mutable_oci()->mutable_process()->add_env("LD_PRELOAD=/x"); }},
      {"Env", [](Request& r) { r.mutable_oci()->mutable_process()->add_env("MODE=other"); }},
      {"Args", [](Request& r) { r.mutable_oci()->mutable_process()->add_args("/bin/sh"); }},
      {"Cwd", [](Request& r) { r.mutable_oci()->mutable_process()->set_cwd("/tmp"); }},
      {"user", [](Request& r) { r.mutable_oci()->mutable_process()->mutable_user()->set_uid(5); }},
      {"Terminal", [](Request& r) { r.mutable_oci()->mutable_process()->set_terminal(true); }},
      {"Mounts", [](Request& r) { *r.mutable_oci()->add_mounts() = r.oci().mounts(0); }},
      {"Mounts", [](Request& r) { r.mutable_oci()->add_mounts()->set_destination("/etc"); }},
      {"Capabilities",
       [](Request& r) {
         r.mutable_oci()->mutable_process()->mutable_capabilities()->add_bounding("CAP_SYS_ADMIN");
       }},
      {"Sysctl",
       [](Request& r) { (*r.mutable_oci()->mutable_linux()->mutable_sysctl())["kernel.x"] = "1"; }},
      {"allow_paths", [](Request& r) { r.mutable_oci()->mutable_linux()->clear_maskedpaths(); }},
      {"allow_namespaces",
       [](Request& r) { r.mutable_oci()->mutable_linux()->mutable_namespaces()->RemoveLast(); }},
      {"allow_device_rule",
       [](Request& r) {
         r.mutable_oci()->mutable_linux()->mutable_resources()->mutable_devices(0)->set_allow(true);
       }},
      {"allow_seccomp", [](Request& r) { r.mutable_oci()->mutable_linux()->mutable_seccomp(); }},
      {"allow_annotation",
       [](Request& r) { (*r.mutable_oci()->mutable_annotations())["run.oci.x"] = "1"; }},
      {"Readonly", [](Request& r) { r.mutable_oci()->mutable_root()->set_readonly(true); }},
      {"plain_id", [](Request& r) { r.set_container_id("a/../b"); }},
      {"string_user", [](Request& r) { r.mutable_string_user()->set_uid("0"); }},
      {"devices", [](Request& r) { r.add_devices()->set_container_path("/dev/x"); }},
      {"sandbox_pidns", [](Request& r) { r.set_sandbox_pidns(true); }},
  };
  for (const Case& one : cases) {
    auto policy = Compiled(Pod());
    grpc::CreateContainerRequest request = RunRequest();
    one.change(request);
    EXPECT_THAT(Denied(*policy, request), HasSubstr(one.says));
  }
}

TEST(Rules, TheManifestsOwnVariablesMustBeThere) {
  auto policy = Compiled(Pod("    env: [{name: TLS, value: \"on\"}]\n"));
  grpc::CreateContainerRequest request = RunRequest();
  EXPECT_THAT(Denied(*policy, request), HasSubstr("env_required"));
  request.mutable_oci()->mutable_process()->add_env("TLS=on");
  EXPECT_EQ(Denied(*policy, request), "");
}

TEST(Rules, ProbesMayBeRunAndNothingElse) {
  auto policy = Compiled(Pod("    livenessProbe: {exec: {command: [/bin/true, deep]}}\n"));
  EXPECT_EQ(Denied(*policy, RunRequest()), "");
  grpc::ExecProcessRequest exec;
  exec.set_container_id("pearl");
  grpc::Process& process = *exec.mutable_process();
  process.add_args("/bin/true");
  process.add_args("deep");
  process.set_cwd("/");
  process.set_nonewprivileges(true);
  process.mutable_user();
  EXPECT_EQ(Denied(*policy, exec), "");
  process.set_args(1, "other");
  EXPECT_THAT(Denied(*policy, exec), HasSubstr("Args"));
}

TEST(Rules, EveryRequestHasARule) {
  const auto text = *generate_testing::Policy(Pod());
  const auto* service =
      grpc::CreateContainerRequest::descriptor()->file()->FindServiceByName("AgentService");
  ASSERT_NE(service, nullptr);
  for (int i = 0; i < service->method_count(); ++i) {
    const std::string name = service->method(i)->input_type()->name();
    EXPECT_THAT(text, HasSubstr(StrCat("\ndefault ", name, " := "))) << name;
  }
}

TEST(Rules, LogsAreDeniedForGoodUnlessSwitchedOn) {
  EXPECT_TRUE(Compiled(Pod())->NeverAllows("ReadStreamRequest"));
  const Settings settings = *ParseSettings("[requests]\nallow = [\"ReadStreamRequest\"]\n", "s");
  EXPECT_FALSE(Compiled(Pod(), settings)->NeverAllows("ReadStreamRequest"));
  EXPECT_FALSE(ParseSettings("[requests]\nallow = [\"CreateContainerRequest\"]\n", "s").ok());
  EXPECT_FALSE(ParseSettings("[requests]\nallows = []\n", "s").ok());
  EXPECT_FALSE(ParseSettings("[[env.also]]\nname = \"A\"\nvalue = \"^a$\"\n", "s").ok());
}

TEST(Difference, NamesTheField) {
  const auto before = *generate_testing::Policy(Pod());
  EXPECT_EQ(PolicyDifference(before, before)->size(), 0u);
  const auto after = *generate_testing::Policy(Pod("    workingDir: /x\n"));
  const auto lines = *PolicyDifference(before, after);
  EXPECT_THAT(lines, testing::Contains(HasSubstr("+ containers.web.cwd[]: \"/x\"")));
  EXPECT_FALSE(PolicyDifference("package a\n", after).ok());
}

}  // namespace
}  // namespace nacre::policy
