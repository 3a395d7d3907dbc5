#include "policy/gate/request_json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "api/agent.pb.h"
#include "base/strings.h"
#include "policy/rego/json.h"

namespace nacre::policy {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

std::string InputJson(const google::protobuf::Message& request) {
  rego::Arena arena;
  const auto input = RequestInput(arena, request);
  return input.ok() ? rego::ToJson(*input) : std::string(Message(input.status()));
}

TEST(RequestInput, EmptyRequestsHaveEveryField) {
  EXPECT_EQ(InputJson(grpc::GetOOMEventRequest()), "{}");
  EXPECT_EQ(InputJson(grpc::ExecProcessRequest()),
            R"({"container_id":"","exec_id":"","process":null,"stderr_port":0,)"
            R"("stdin_port":0,"stdout_port":0,"string_user":null})");
  EXPECT_EQ(InputJson(grpc::UpdateRoutesRequest()), R"({"routes":null})");
  EXPECT_EQ(InputJson(grpc::SetPolicyRequest()), R"({"policy":""})");
}

TEST(RequestInput, NamesAreThoseOfTheProtoAndTypeIsEscaped) {
  grpc::UpdateInterfaceRequest request;
  types::Interface& interface = *request.mutable_interface();
  interface.set_device("eth0");
  interface.set_name("eth0");
  interface.set_hwaddr("02:00:00:00:00:01");
  interface.set_type("veth");
  interface.set_mtu(1500);
  interface.set_raw_flags(0x80);
  types::IPAddress& address = *interface.add_ipaddresses();
  address.set_family(types::v6);
  address.set_address("fd00::2");
  address.set_mask("64");
  EXPECT_EQ(InputJson(request),
            R"({"interface":{"IPAddresses":[{"address":"fd00::2","family":1,"mask":"64"}],)"
            R"("device":"eth0","devicePath":"","hwAddr":"02:00:00:00:00:01","mtu":1500,)"
            R"("name":"eth0","raw_flags":128,"type_":"veth"}})");
}

TEST(RequestInput, MapsOneofsAndAbsentMessages) {
  grpc::CreateContainerRequest request;
  request.set_container_id("c1");
  grpc::Spec& spec = *request.mutable_oci();
  (*spec.mutable_annotations())["z.last"] = "1";
  (*spec.mutable_annotations())["a.first"] = "\"quoted\" \u00fc";
  spec.mutable_process()->add_args("sh");
  spec.mutable_process()->set_oomscoreadj(-999);
  grpc::LinuxSyscall& with = *spec.mutable_linux()->mutable_seccomp()->add_syscalls();
  with.add_names("mount");
  with.set_errnoret(0);
  spec.mutable_linux()->mutable_seccomp()->add_syscalls()->set_action("SCMP_ACT_ALLOW");
  const std::string json = InputJson(request);
  EXPECT_THAT(json, HasSubstr(R"("Annotations":{"a.first":"\"quoted\" ü","z.last":"1"})"));
  EXPECT_THAT(json, HasSubstr(R"("Args":["sh"])"));
  EXPECT_THAT(json, HasSubstr(R"("OOMScoreAdj":-999)"));
  EXPECT_THAT(json, HasSubstr(R"("User":null)"));
  EXPECT_THAT(json, HasSubstr(R"("ErrnoRet":{"Errnoret":0},"Names":["mount"])"));
  EXPECT_THAT(json, HasSubstr(R"("Action":"SCMP_ACT_ALLOW","Args":[],"ErrnoRet":null)"));
  EXPECT_THAT(json, HasSubstr(R"("storages":[])"));
  EXPECT_THAT(json, Not(HasSubstr("errnoret")));
}

TEST(RequestInput, NumbersKeepAllTheirBits) {
  grpc::CreateContainerRequest request;
  grpc::Spec& spec = *request.mutable_oci();
  grpc::POSIXRlimit& limit = *spec.mutable_process()->add_rlimits();
  limit.set_hard(UINT64_MAX);
  limit.set_soft(uint64_t{1} << 63);
  spec.mutable_linux()->mutable_resources()->mutable_memory()->set_limit(INT64_MIN);
  const std::string json = InputJson(request);
  EXPECT_THAT(json, HasSubstr(R"("Hard":18446744073709551615,"Soft":9223372036854775808)"));
  EXPECT_THAT(json, HasSubstr(R"("Limit":-9223372036854775808)"));
}

TEST(RequestInput, OptionalScalarsAreNullOnlyWhenAbsent) {
  grpc::MemAgentMemcgConfig config;
  config.set_disabled(false);
  config.set_period_secs(0);
  const std::string json = InputJson(config);
  EXPECT_THAT(json, HasSubstr(R"("disabled":false)"));
  EXPECT_THAT(json, HasSubstr(R"("period_secs":0)"));
  EXPECT_THAT(json, HasSubstr(R"("swap":null)"));
}

TEST(RequestInput, BytesAreNumbers) {
  grpc::WriteStreamRequest request;
  request.set_data(std::string("\x00\x7f\xff", 3));
  EXPECT_THAT(InputJson(request), HasSubstr(R"("data":[0,127,255])"));
}

TEST(RequestInput, CopyFileHasTypeAndTargetInsteadOfData) {
  grpc::CopyFileRequest request;
  request.set_path("/run/a");
  request.set_file_mode(0100644);
  request.set_data("secret");
  request.set_uid(-1);
  EXPECT_EQ(InputJson(request),
            R"({"dir_mode":0,"file_mode":33188,"file_size":0,"file_type":"Regular","gid":0,)"
            R"("offset":0,"path":"/run/a","symlink_target":null,"uid":-1})");
  request.set_file_mode(0040755);
  EXPECT_THAT(InputJson(request), HasSubstr(R"("Directory")"));
  request.set_file_mode(0644);
  EXPECT_THAT(InputJson(request), HasSubstr(R"("Unknown")"));
  request.set_file_mode(0140644);  // a socket has both bits of others
  EXPECT_THAT(InputJson(request), HasSubstr(R"("Unknown")"));
  request.set_file_mode(0120777);
  EXPECT_THAT(InputJson(request), HasSubstr(R"("file_type":"Symlink")"));
  EXPECT_THAT(InputJson(request), HasSubstr(R"("symlink_target":"secret")"));
  request.set_data("\xff");
  EXPECT_THAT(InputJson(request), HasSubstr("not UTF-8"));
}

TEST(RequestInput, StopsAtTheArenasBudget) {
  grpc::WriteStreamRequest request;
  request.set_data(std::string(1 << 16, 'x'));
  rego::Arena enough(4 << 20);
  EXPECT_TRUE(RequestInput(enough, request).ok());
  rego::Arena small(1 << 16);
  EXPECT_EQ(RequestInput(small, request).status().code(), absl::StatusCode::kResourceExhausted);
}

// A field whose name is another word of Rust would have to be escaped as well.
TEST(RequestInput, NoOtherFieldIsAWordOfRust) {
  const std::set<std::string> words = {
      "as",   "async", "await",  "box",    "break", "const",  "continue", "crate", "do",
      "dyn",  "else",  "enum",   "extern", "false", "final",  "fn",       "for",   "if",
      "impl", "in",    "let",    "loop",   "macro", "match",  "mod",      "move",  "mut",
      "pub",  "ref",   "return", "self",   "Self",  "static", "struct",   "super", "trait",
      "true", "try",   "use",    "unsafe", "where", "while",  "yield"};
  std::set<const google::protobuf::Descriptor*> seen;
  const std::function<void(const google::protobuf::Descriptor*)> walk = [&](const auto* type) {
    if (!seen.insert(type).second) return;
    for (int i = 0; i < type->field_count(); ++i) {
      EXPECT_FALSE(words.contains(type->field(i)->name())) << type->field(i)->full_name();
      if (type->field(i)->message_type() != nullptr) walk(type->field(i)->message_type());
    }
  };
  const auto* service =
      grpc::CreateContainerRequest::descriptor()->file()->FindServiceByName("AgentService");
  for (int i = 0; i < service->method_count(); ++i) walk(service->method(i)->input_type());
  EXPECT_GT(seen.size(), 60u);
}

}  // namespace
}  // namespace nacre::policy
