#include "guest-agent/container/runtime_spec.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/json.h"
#include "base/strings.h"

namespace nacre::guest_agent {
namespace {

using ::testing::HasSubstr;

grpc::Spec GoodSpec() {
  grpc::Spec spec;
  spec.set_hostname("pod");
  grpc::Mount* proc = spec.add_mounts();
  proc->set_destination("/proc");
  proc->set_type("proc");
  proc->set_source("proc");
  for (const char* type : {"pid", "mount", "network", "uts"})
    spec.mutable_linux()->add_namespaces()->set_type(type);
  spec.mutable_linux()->add_maskedpaths("/proc/kcore");
  spec.mutable_linux()->add_readonlypaths("/proc/sys");
  return spec;
}

RuntimeSpecInputs GoodInputs() {
  RuntimeSpecInputs inputs = {"/run/rootfs", "/nacre/c1", "", {}};
  inputs.process.add_args("sh");
  inputs.process.set_cwd("/");
  return inputs;
}

Json Convert(const grpc::Spec& spec, const RuntimeSpecInputs& inputs = GoodInputs()) {
  const auto text = RuntimeSpecJson(spec, inputs);
  EXPECT_TRUE(text.ok()) << text.status();
  return text.ok() ? *ParseJson(*text) : Json();
}

TEST(RuntimeSpec, WhereTheContainerLivesIsNotTheHostsToSay) {
  grpc::Spec spec = GoodSpec();
  spec.mutable_root()->set_path("/host/rootfs");
  spec.mutable_root()->set_readonly(true);
  spec.mutable_linux()->set_cgroupspath("/sys/fs/cgroup/..");
  spec.mutable_linux()->mutable_namespaces(2)->set_path("/proc/1/ns/net");
  (*spec.mutable_annotations())["run.oci.handler"] = "wasm";
  spec.mutable_process()->add_args("of the request, not merged");
  const Json json = Convert(spec);
  EXPECT_EQ(json["root"]["path"], "/run/rootfs");
  EXPECT_EQ(json["root"]["readonly"], true);
  EXPECT_EQ(json["linux"]["cgroupsPath"], "/nacre/c1");
  EXPECT_FALSE(json.contains("annotations"));
  EXPECT_EQ(json["process"]["args"], Json::array({"sh"}));
  EXPECT_EQ(json["hostname"], "pod");
}

TEST(RuntimeSpec, PidAndMountNamespacesAreAlwaysOwnAndTheNetworkIsThePods) {
  const Json namespaces = Convert(grpc::Spec())["linux"]["namespaces"];
  EXPECT_EQ(namespaces, Json::parse(R"([{"type":"mount"},{"type":"pid"}])"));
  EXPECT_EQ(Convert(GoodSpec())["linux"]["namespaces"],
            Json::parse(R"([{"type":"mount"},{"type":"pid"},{"type":"uts"}])"));
}

TEST(RuntimeSpec, ProtectionsAreKept) {
  grpc::Spec spec = GoodSpec();
  grpc::LinuxSeccomp* seccomp = spec.mutable_linux()->mutable_seccomp();
  seccomp->set_defaultaction("SCMP_ACT_ERRNO");
  seccomp->add_architectures("SCMP_ARCH_X86_64");
  grpc::LinuxSyscall* syscall = seccomp->add_syscalls();
  syscall->add_names("read");
  syscall->set_action("SCMP_ACT_ALLOW");
  syscall->set_errnoret(38);
  syscall->add_args()->set_op("SCMP_CMP_EQ");
  const Json os = Convert(spec)["linux"];
  EXPECT_EQ(os["maskedPaths"], Json::array({"/proc/kcore"}));
  EXPECT_EQ(os["readonlyPaths"], Json::array({"/proc/sys"}));
  EXPECT_EQ(os["seccomp"]["defaultAction"], "SCMP_ACT_ERRNO");
  EXPECT_EQ(os["seccomp"]["syscalls"][0]["errnoRet"], 38);
  EXPECT_EQ(os["seccomp"]["syscalls"][0]["args"][0]["op"], "SCMP_CMP_EQ");
}

TEST(RuntimeSpec, ProcessGoesFieldByField) {
  RuntimeSpecInputs inputs = GoodInputs();
  grpc::Process& process = inputs.process;
  process.set_terminal(true);
  process.mutable_consolesize()->set_height(24);
  process.mutable_user()->set_uid(7);
  process.mutable_user()->add_additionalgids(8);
  process.mutable_capabilities()->add_effective("CAP_KILL");
  process.set_nonewprivileges(true);
  process.set_oomscoreadj(-5);
  process.set_apparmorprofile("host-profile");
  process.set_selinuxlabel("host-label");
  grpc::POSIXRlimit* limit = process.add_rlimits();
  limit->set_type("RLIMIT_NOFILE");
  limit->set_hard(2);
  limit->set_soft(1);
  const Json json = Convert(GoodSpec(), inputs)["process"];
  EXPECT_EQ(json["terminal"], true);
  EXPECT_EQ(json["consoleSize"]["height"], 24);
  EXPECT_EQ(json["user"], Json::parse(R"({"uid":7,"gid":0,"additionalGids":[8]})"));
  EXPECT_EQ(json["capabilities"]["effective"], Json::array({"CAP_KILL"}));
  EXPECT_EQ(json["capabilities"]["ambient"], Json::array());
  EXPECT_EQ(json["noNewPrivileges"], true);
  EXPECT_EQ(json["oomScoreAdj"], -5);
  EXPECT_EQ(json["rlimits"][0], Json::parse(R"({"type":"RLIMIT_NOFILE","hard":2,"soft":1})"));
  EXPECT_FALSE(json.contains("apparmorProfile"));
  EXPECT_FALSE(json.contains("selinuxLabel"));
}

TEST(RuntimeSpec, ResourcesLeaveOutWhatIsUnset) {
  grpc::Spec spec = GoodSpec();
  EXPECT_FALSE(Convert(spec)["linux"].contains("resources"));
  grpc::LinuxResources* resources = spec.mutable_linux()->mutable_resources();
  resources->mutable_memory()->set_limit(1 << 20);
  resources->mutable_cpu()->set_shares(512);
  resources->mutable_pids()->set_limit(10);
  resources->add_devices()->set_access("rwm");
  EXPECT_EQ(Convert(spec)["linux"]["resources"],
            Json::parse(R"({"memory":{"limit":1048576},"cpu":{"shares":512},"pids":{"limit":10},
                            "devices":[{"allow":false,"access":"rwm"}]})"));
}

TEST(RuntimeSpec, ResolvConfIsBoundUnlessTheSpecHasItsOwn) {
  RuntimeSpecInputs inputs = GoodInputs();
  inputs.resolv_conf = "/etc/resolv.conf";
  const Json mounts = Convert(GoodSpec(), inputs)["mounts"];
  ASSERT_EQ(mounts.size(), 2u);
  EXPECT_EQ(mounts[1]["destination"], "/etc/resolv.conf");
  EXPECT_EQ(mounts[1]["options"][1], "ro");
  grpc::Spec own = GoodSpec();
  *own.add_mounts() = own.mounts(0);
  own.mutable_mounts(1)->set_destination("/etc/resolv.conf");
  EXPECT_EQ(Convert(own, inputs)["mounts"].size(), 2u);
}

TEST(CheckSpec, RefusesWhatCannotBeHonoured) {
  const auto refusal = [](void (*change)(grpc::Spec*)) {
    grpc::Spec spec = GoodSpec();
    change(&spec);
    return std::string(Message(CheckSpec(spec)));
  };
  EXPECT_EQ(refusal([](grpc::Spec*) {}), "");
  EXPECT_THAT(refusal([](grpc::Spec* s) { s->mutable_hooks()->add_poststop()->set_path("/x"); }),
              HasSubstr("hooks"));
  EXPECT_THAT(refusal([](grpc::Spec* s) { s->mutable_mounts(0)->set_type("bind"); }),
              HasSubstr("mounts[0]: type 'bind'"));
  EXPECT_THAT(refusal([](grpc::Spec* s) { s->mutable_mounts(0)->set_type("ext4"); }),
              HasSubstr("mounts[0]"));
  EXPECT_THAT(refusal([](grpc::Spec* s) { s->mutable_mounts(0)->add_options("rbind"); }),
              HasSubstr("bind mounts"));
  EXPECT_THAT(refusal([](grpc::Spec* s) { s->mutable_mounts(0)->set_destination("proc"); }),
              HasSubstr("absolute"));
  EXPECT_THAT(refusal([](grpc::Spec* s) {
                s->mutable_linux()->mutable_namespaces(0)->set_path("/proc/1/ns/pid");
              }),
              HasSubstr("'pid'"));
  EXPECT_THAT(
      refusal([](grpc::Spec* s) { s->mutable_linux()->add_namespaces()->set_type("user"); }),
      HasSubstr("user namespaces"));
  EXPECT_THAT(refusal([](grpc::Spec* s) { s->mutable_linux()->add_namespaces()->set_type("pid"); }),
              HasSubstr("twice"));
  EXPECT_THAT(refusal([](grpc::Spec* s) { s->mutable_linux()->add_uidmappings()->set_size(1); }),
              HasSubstr("id mappings"));
}

TEST(CheckSpec, OnlyPlainDevicesExist) {
  grpc::Spec spec = GoodSpec();
  grpc::LinuxDevice* device = spec.mutable_linux()->add_devices();
  device->set_path("/dev/null");
  device->set_type("c");
  device->set_major(1);
  device->set_minor(3);
  EXPECT_TRUE(CheckSpec(spec).ok());
  device->set_minor(1);  // /dev/mem under a harmless name
  EXPECT_FALSE(CheckSpec(spec).ok());
  device->set_minor(3);
  device->set_type("b");
  EXPECT_FALSE(CheckSpec(spec).ok());
}

TEST(RuntimeSpec, TextThatIsNotUtf8IsRefused) {
  RuntimeSpecInputs inputs = GoodInputs();
  inputs.process.add_args("\xff");
  EXPECT_FALSE(RuntimeSpecJson(GoodSpec(), inputs).ok());
}

}  // namespace
}  // namespace nacre::guest_agent
