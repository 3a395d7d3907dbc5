// The requests of ../shared/data/kata-policy (or NACRE_SHARED_DATA/kata-policy), each made into a
// protobuf message as Kata's tools read such JSON (what is left out has its default, what the
// message does not know is passed over), and back by RequestInput: everything the case states must
// stand in the result, everything else must be a default.
#include <google/protobuf/dynamic_message.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <map>

#include "api/agent.pb.h"
#include "base/file.h"
#include "base/json.h"
#include "base/strings.h"
#include "policy/gate/request_json.h"
#include "policy/rego/json.h"

namespace nacre::policy {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

std::string DataFolder() {
  const char* shared = std::getenv("NACRE_SHARED_DATA");
  return shared != nullptr ? StrCat(shared, "/kata-policy")
                           : NACRE_SOURCE_DIR "/../shared/data/kata-policy";
}

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

bool IsDefault(const Json& value) {
  return value.is_null() || value == false || value == 0 || value == "" ||
         (value.is_structured() && value.empty());
}

// "" or the first place where `input` does not say what `stated` says. Members a case leaves out
// have defaults.
std::string Differs(const std::string& path, const Json& stated, const Json& input) {
  if (stated.is_object() && input.is_object()) {
    for (const auto& [name, value] : stated.items()) {
      if (!input.contains(name)) continue;  // CountUnknown has it
      const std::string difference = Differs(path + "." + name, value, input.at(name));
      if (!difference.empty()) return difference;
    }
    for (const auto& [name, value] : input.items()) {
      if (!stated.contains(name) && !IsDefault(value)) return path + "." + name;
    }
    return "";
  }
  if (stated.is_array() && input.is_array() && stated.size() == input.size()) {
    for (size_t i = 0; i < stated.size(); ++i) {
      const std::string difference = Differs(StrCat(path, "[", i, "]"), stated.at(i), input.at(i));
      if (!difference.empty()) return difference;
    }
    return "";
  }
  return stated == input ? "" : path;
}

// Members stated and unknown to our messages, by name: seen on purpose, so that a renamed field of
// ours shows.
void CountUnknown(const Json& stated, const Json& input, std::map<std::string, int>* unknown) {
  if (stated.is_array() && input.is_array()) {
    for (size_t i = 0; i < std::min(stated.size(), input.size()); ++i)
      CountUnknown(stated.at(i), input.at(i), unknown);
  }
  if (!stated.is_object() || !input.is_object()) return;
  for (const auto& [name, value] : stated.items()) {
    if (!input.contains(name)) {
      ++(*unknown)[name];
    } else {
      CountUnknown(value, input.at(name), unknown);
    }
  }
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

TEST(RequestOutside, InputsAreThoseOfKatasCases) {
  if (!std::filesystem::exists(DataFolder())) GTEST_SKIP() << "no " << DataFolder();
  int total = 0;
  int good = 0;
  std::map<std::string, int> unknown;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(DataFolder())) {
    if (entry.path().filename() != "testcases.json") continue;
    const auto text = ReadTextFile(entry.path().string(), 4 << 20);
    ASSERT_TRUE(text.ok());
    const auto cases = ParseJson(*text);
    ASSERT_TRUE(cases.ok()) << cases.status();
    for (const Json& one : *cases) {
      ++total;
      const auto request = MakeRequest(one.at("kind"), one.at("request"));
      ASSERT_NE(request, nullptr) << one.at("kind");
      rego::Arena arena;
      const auto input = RequestInput(arena, *request);
      ASSERT_TRUE(input.ok()) << input.status();
      const Json back = *ParseJson(rego::ToJson(*input));
      Json stated = one.at("request");
      if (back.contains("file_type")) stated["file_mode"] = back.at("file_mode");
      CountUnknown(stated, back, &unknown);
      const std::string difference = Differs("input", stated, back);
      EXPECT_EQ(difference, "") << entry.path() << ": " << one.at("description");
      good += difference.empty();
    }
  }
  std::printf("outside kata-policy-input: %d/%d\n", good, total);
  EXPECT_EQ(good, total);
  EXPECT_GT(total, 0);
  // "type" repeats the kind; "pciPath" is devicePath in an older version; "additional_gids" is
  // written so in the cases but additionalGids in the .proto, and passed over by Kata too.
  for (const char* known : {"type", "pciPath", "additional_gids"}) unknown.erase(known);
  for (const auto& [name, count] : unknown) ADD_FAILURE() << name << " is unknown, " << count;
}

}  // namespace
}  // namespace nacre::policy
