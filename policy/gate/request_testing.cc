#include "policy/gate/request_testing.h"

#include <google/protobuf/dynamic_message.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <map>

#include "api/agent.pb.h"
#include "base/strings.h"

namespace nacre::policy {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

void FillMessage(const Json& json, Message* message);

// Sets, or adds to a repeated field.
void PutValue(const Json& json, const FieldDescriptor& field, Message* message) {
  const auto& reflection = *message->GetReflection();
  const bool many = field.is_repeated();
  switch (field.cpp_type()) {
#define NACRE_PUT(Kind, Type, CppType)              \
  case FieldDescriptor::CPPTYPE_##Kind: {           \
    const auto value = json.get<CppType>();         \
    if (many) {                                     \
      reflection.Add##Type(message, &field, value); \
    } else {                                        \
      reflection.Set##Type(message, &field, value); \
    }                                               \
    break;                                          \
  }
    NACRE_PUT(BOOL, Bool, bool)
    NACRE_PUT(INT32, Int32, int32_t)
    NACRE_PUT(INT64, Int64, int64_t)
    NACRE_PUT(UINT32, UInt32, uint32_t)
    NACRE_PUT(UINT64, UInt64, uint64_t)
    NACRE_PUT(STRING, String, std::string)
    NACRE_PUT(ENUM, EnumValue, int)
#undef NACRE_PUT
    case FieldDescriptor::CPPTYPE_MESSAGE:
      FillMessage(json, many ? reflection.AddMessage(message, &field)
                             : reflection.MutableMessage(message, &field));
      break;
    default:
      ADD_FAILURE() << field.full_name();
  }
}

void FillField(const Json& json, const FieldDescriptor& field, Message* message) {
  if (json.is_null()) return;
  if (field.is_map()) {
    for (const auto& [key, value] : json.items()) {
      Message* entry = message->GetReflection()->AddMessage(message, &field);
      PutValue(key, *field.message_type()->map_key(), entry);
      PutValue(value, *field.message_type()->map_value(), entry);
    }
  } else if (field.is_repeated()) {
    for (const Json& element : json) PutValue(element, field, message);
  } else {
    PutValue(json, field, message);
  }
}

void FillMessage(const Json& json, Message* message) {
  for (const auto& [name, value] : json.items()) {
    const FieldDescriptor* field =
        message->GetDescriptor()->FindFieldByName(name == "type_" ? "type" : name);
    if (field != nullptr && field->name() != name + "_") FillField(value, *field, message);
  }
}

void FillCopyFile(const Json& json, grpc::CopyFileRequest* request) {
  const std::map<std::string, uint32_t> modes = {
      {"Regular", S_IFREG}, {"Directory", S_IFDIR}, {"Symlink", S_IFLNK}, {"Unknown", 0}};
  request->set_path(json.at("path"));
  request->set_file_mode(modes.at(json.at("file_type")));
  if (json.contains("symlink_target") && json.at("symlink_target").is_string())
    request->set_data(json.at("symlink_target").get<std::string>());
}

}  // namespace

std::string KataPolicyFolder() {
  const char* shared = std::getenv("NACRE_SHARED_DATA");
  return shared != nullptr ? StrCat(shared, "/kata-policy")
                           : NACRE_SOURCE_DIR "/../shared/data/kata-policy";
}

std::unique_ptr<Message> MakeRequest(const std::string& kind, const Json& json) {
  const auto* type =
      grpc::CreateContainerRequest::descriptor()->file()->FindMessageTypeByName(kind);
  if (type == nullptr) return nullptr;
  std::unique_ptr<Message> request(
      google::protobuf::MessageFactory::generated_factory()->GetPrototype(type)->New());
  if (auto* copy = dynamic_cast<grpc::CopyFileRequest*>(request.get())) {
    FillCopyFile(json, copy);
  } else {
    FillMessage(json, request.get());
  }
  return request;
}

}  // namespace nacre::policy
