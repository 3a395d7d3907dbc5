// The wire is not ours to change. Each package below is written out, one line per message, field,
// enum value and method with its numbers and types, and the digest of the sorted lines is compared
// with that of the peer's own .proto files (Kata 4.1, containerd 1.6.20), computed the same way.
#include <google/protobuf/descriptor.h>
#include <gtest/gtest.h>

#include <set>

#include "api/agent.pb.h"
#include "api/containerd.h"
#include "api/containerd/events.pb.h"
#include "api/containerd/shim.pb.h"
#include "api/containerd/ttrpc_events.pb.h"
#include "api/health.pb.h"
#include "api/runtimeoptions.pb.h"
#include "base/strings.h"
#include "crypto/digest.h"

namespace nacre::api {
namespace {

using Lines = std::set<std::string>;

void Describe(const google::protobuf::EnumDescriptor& type, Lines& lines) {
  for (int i = 0; i < type.value_count(); ++i) {
    lines.insert(
        StrCat(type.full_name(), ".", type.value(i)->name(), " ", type.value(i)->number()));
  }
}

std::string TypeOf(const google::protobuf::FieldDescriptor& field) {
  if (field.message_type() != nullptr) return field.message_type()->full_name();
  if (field.enum_type() != nullptr) return field.enum_type()->full_name();
  return std::to_string(field.type());
}

void Describe(const google::protobuf::Descriptor& message, Lines& lines) {
  lines.insert(message.full_name());
  for (int i = 0; i < message.field_count(); ++i) {
    const google::protobuf::FieldDescriptor& field = *message.field(i);
    lines.insert(StrCat(message.full_name(), ".", field.name(), " ", field.number(), " ",
                        static_cast<int>(field.label()), " ", TypeOf(field), " ",
                        field.containing_oneof() != nullptr ? 1 : 0));
  }
  for (int i = 0; i < message.nested_type_count(); ++i) Describe(*message.nested_type(i), lines);
  for (int i = 0; i < message.enum_type_count(); ++i) Describe(*message.enum_type(i), lines);
}

void Describe(const google::protobuf::FileDescriptor& file, Lines& lines) {
  for (int i = 0; i < file.message_type_count(); ++i) Describe(*file.message_type(i), lines);
  for (int i = 0; i < file.enum_type_count(); ++i) Describe(*file.enum_type(i), lines);
  for (int i = 0; i < file.service_count(); ++i) {
    const google::protobuf::ServiceDescriptor& service = *file.service(i);
    for (int j = 0; j < service.method_count(); ++j) {
      const google::protobuf::MethodDescriptor& method = *service.method(j);
      lines.insert(StrCat(service.full_name(), "/", method.name(), " ",
                          method.input_type()->full_name(), " ", method.output_type()->full_name(),
                          " ", method.client_streaming() ? 1 : 0,
                          method.server_streaming() ? 1 : 0));
    }
  }
}

std::string DigestOf(std::initializer_list<const google::protobuf::Descriptor*> one_of_each_file) {
  Lines lines;
  for (const auto* message : one_of_each_file) Describe(*message->file(), lines);
  std::string text;
  for (const std::string& line : lines) StrAppend(&text, line, "\n");
  return crypto::OciDigest(AsBytes(text));
}

TEST(WireContractTest, KatasAgentProtocol) {
  EXPECT_EQ(
      DigestOf({grpc::CreateContainerRequest::descriptor(), grpc::VolumeStatsResponse::descriptor(),
                grpc::Spec::descriptor(), grpc::CheckRequest::descriptor()}),
      "sha256:cf91fb8ac596013503958e483123c584746e45eab13bc43e1af168807da6d4a7");
  EXPECT_EQ(DigestOf({types::Interface::descriptor()}),
            "sha256:6f82ec73fa13a9a9eee7b6ec7cdd8010a6fdd5a07339fa48ca70d2e4a81a63b3");
}

TEST(WireContractTest, AgentServiceIsComplete) {
  const auto* service =
      grpc::CreateContainerRequest::descriptor()->file()->FindServiceByName("AgentService");
  ASSERT_NE(service, nullptr);
  EXPECT_EQ(service->full_name(), "grpc.AgentService");
  std::set<std::string> requests;
  for (int i = 0; i < service->method_count(); ++i) {
    requests.insert(service->method(i)->input_type()->name());
  }
  EXPECT_EQ(service->method_count(), 42);
  EXPECT_EQ(requests.size(), 41u) << "ReadStdout and ReadStderr share one";
}

TEST(WireContractTest, ContainerdsTaskService) {
  EXPECT_EQ(DigestOf({containerd::task::v2::CreateTaskRequest::descriptor()}),
            "sha256:ce10cf7ac61dc89db0e5ed6c13c4601b04d7d50a3cad6ea82991d91e9bf346be");
  EXPECT_EQ(DigestOf({containerd::v1::types::Process::descriptor()}),
            "sha256:eece0bcb403bec10ac3729c14c20bf89a5025fa19ed48199f5ab0de204f4afed");
  EXPECT_EQ(DigestOf({containerd::types::Mount::descriptor()}),
            "sha256:aa88484fff2035fd3cf463f8f30eec92a02f740e0d8beb183da87d1639a1809e");
  EXPECT_EQ(DigestOf({runtimeoptions::v1::Options::descriptor()}),
            "sha256:b5d5ddbd6f370cc0fe2620b8c8d53ccc0a5ea437d748b254e652f2d58240cda4");
}

TEST(WireContractTest, ContainerdsEvents) {
  EXPECT_EQ(DigestOf({containerd::events::TaskExit::descriptor()}),
            "sha256:93bfe9d7f273f925fed95cfb8b580966e6aec13b492233e0be0270ce7a11860d");
  EXPECT_EQ(DigestOf({containerd::services::events::ttrpc::v1::Envelope::descriptor()}),
            "sha256:3a93230524f7dce1f08b882b8a5f53b025bf52f3e092b8740936976b02699b36");
}

TEST(ContainerdAnyTest, TypeUrlIsTheBareName) {
  containerd::events::TaskStart event;
  event.set_pid(7);
  const google::protobuf::Any any = PackForContainerd(event);
  EXPECT_EQ(any.type_url(), "containerd.events.TaskStart");
  EXPECT_EQ(any.value(), std::string("\x10\x07"));
}

TEST(ContainerdAnyTest, HoldsMessageWithAndWithoutPrefix) {
  google::protobuf::Any any;
  for (const char* url :
       {"runtimeoptions.v1.Options", "type.googleapis.com/runtimeoptions.v1.Options"}) {
    any.set_type_url(url);
    EXPECT_TRUE(HoldsMessage(any, "runtimeoptions.v1.Options")) << url;
  }
  for (const char* url :
       {"", "Options", "xruntimeoptions.v1.Options", "runtimeoptions.v1.Options/"}) {
    any.set_type_url(url);
    EXPECT_FALSE(HoldsMessage(any, "runtimeoptions.v1.Options")) << url;
  }
}

}  // namespace
}  // namespace nacre::api
