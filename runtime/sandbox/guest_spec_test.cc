#include "runtime/sandbox/guest_spec.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/strings.h"

namespace nacre::runtime {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

absl::StatusOr<grpc::Spec> Fill(std::string_view text) {
  ASSIGN_OR_RETURN(Json json, ParseJson(text));
  grpc::Spec spec;
  RETURN_IF_ERROR(FillGuestSpec(json, "/run/rootfs", &spec));
  return spec;
}

TEST(GuestSpec, WhatContainerdWritesArrives) {
  const auto spec = Fill(R"({
    "ociVersion": "1.0.2",
    "process": {"user": {"uid": 7, "gid": 8, "additionalGids": [9]}, "args": ["sh", "-c", "x"],
      "env": ["A=b"], "cwd": "/w", "noNewPrivileges": true, "oomScoreAdj": -5,
      "capabilities": {"bounding": ["CAP_KILL"], "effective": ["CAP_KILL"]},
      "rlimits": [{"type": "RLIMIT_NOFILE", "hard": 1024, "soft": 512}],
      "apparmorProfile": "cri-containerd.apparmor.d"},
    "root": {"path": "rootfs", "readonly": true},
    "hostname": "box",
    "mounts": [{"destination": "/proc", "type": "proc", "source": "proc", "options": ["nosuid"]}],
    "annotations": {"a": "b", "io.katacontainers.config.hypervisor.cc_init_data": "big"},
    "linux": {"resources": {"devices": [{"allow": false, "access": "rwm"}],
        "memory": {"limit": 1048576}, "cpu": {"shares": 1024, "cpus": "0-1"},
        "pids": {"limit": 10}, "blockIO": {"weight": 1}},
      "cgroupsPath": "/default/pod-1", "sysctl": {"net.ipv4.ip_forward": "1"},
      "namespaces": [{"type": "pid"}, {"type": "network", "path": "/var/run/netns/x"}],
      "maskedPaths": ["/proc/kcore"], "readonlyPaths": ["/proc/bus"],
      "seccomp": {"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [
        {"names": ["read"], "action": "SCMP_ACT_ALLOW", "errnoRet": 0}]}}})");
  ASSERT_TRUE(spec.ok()) << spec.status();
  EXPECT_EQ(spec->process().user().uid(), 7u);
  EXPECT_EQ(spec->process().user().additionalgids(0), 9u);
  EXPECT_THAT(spec->process().args(), ElementsAre("sh", "-c", "x"));
  EXPECT_EQ(spec->process().oomscoreadj(), -5);
  EXPECT_EQ(spec->process().apparmorprofile(), "");
  EXPECT_EQ(spec->process().rlimits(0).soft(), 512u);
  EXPECT_EQ(spec->root().path(), "/run/rootfs");
  EXPECT_TRUE(spec->root().readonly());
  EXPECT_EQ(spec->mounts(0).destination(), "/proc");
  EXPECT_EQ(spec->annotations().size(), 1u);
  EXPECT_EQ(spec->linux().resources().memory().limit(), 1048576);
  EXPECT_EQ(spec->linux().resources().cpu().cpus(), "");
  EXPECT_EQ(spec->linux().cgroupspath(), "");
  EXPECT_EQ(spec->linux().namespaces_size(), 1);
  EXPECT_EQ(spec->linux().namespaces(0).type(), "pid");
  EXPECT_TRUE(spec->linux().seccomp().syscalls(0).has_errnoret());
}

struct Refusal {
  const char* spec;
  const char* named;
};

TEST(GuestSpec, WhatCannotWorkIsRefusedByName) {
  const Refusal cases[] = {
      {R"({"mounts":[{"destination":"/d","source":"/s","type":"bind"}]})", "bind mount of /s"},
      {R"({"mounts":[{"destination":"/d","source":"/s","options":["rbind"]}]})", "mounts[0]"},
      {R"({"hooks":{"prestart":[{"path":"/x"}]}})", "config.json: hooks"},
      {R"({"linux":{"devices":[{"path":"/dev/x"}]}})", "linux.devices"},
      {R"({"linux":{"uidMappings":[{"hostID":1}]}})", "linux.uidMappings"},
      {R"({"linux":{"namespaces":[{"type":"pid","path":"/proc/1/ns/pid"}]}})", "pid namespace"},
      {R"({"windows":{"x":1}})", "windows"},
      {R"({"proces":{}})", "proces"},
      {R"({"process":{"arg":[]}})", "config.json: process: unknown member 'arg'"},
      {R"({"process":{"args":"sh"}})", "config.json: process.args"},
      {R"({"process":{"args":[1]}})", "process.args"},
      {R"({"process":{"user":{"uid":-1}}})", "process.user.uid"},
      {R"({"process":{"user":{"uid":4294967296}}})", "process.user.uid"},
      {R"({"process":{"user":[]}})", "process.user: expected an object"},
      {R"({"process":{"oomScoreAdj":9223372036854775808}})", "oomScoreAdj"},
      {R"({"process":{"terminal":"yes"}})", "process.terminal"},
      {R"({"annotations":{"a":[]}})", "annotations"},
      {R"({"linux":{"sysctl":{"a":1}}})", "linux.sysctl"},
      {R"([])", "expected an object"},
  };
  for (const Refusal& refusal : cases) {
    const auto spec = Fill(refusal.spec);
    ASSERT_FALSE(spec.ok()) << refusal.spec;
    EXPECT_THAT(std::string(Message(spec.status())), HasSubstr(refusal.named)) << refusal.spec;
  }
}

TEST(GuestSpec, EmptyListsAndNullsAreAbsent) {
  EXPECT_TRUE(Fill(R"({"hooks":{},"linux":{"devices":[],"uidMappings":null}})").ok());
}

TEST(GuestProcess, ExecRequest) {
  grpc::Process process;
  const auto json = ParseJson(R"({"args":["ls"],"cwd":"/","terminal":true})");
  ASSERT_TRUE(FillGuestProcess(*json, &process).ok());
  EXPECT_TRUE(process.terminal());
  const auto bad = ParseJson(R"({"args":["ls"],"shell":true})");
  EXPECT_THAT(std::string(Message(FillGuestProcess(*bad, &process))), HasSubstr("process: "));
}

}  // namespace
}  // namespace nacre::runtime
