#include "policy/gate/request_json.h"

#include <sys/stat.h>

#include <string>

#include "api/agent.pb.h"
#include "base/utf8.h"
#include "policy/rego/number.h"

namespace nacre::policy {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::OneofDescriptor;
using google::protobuf::Reflection;
using rego::Arena;
using rego::Value;

Value MessageValue(Arena& arena, const Message& message);

Value BytesValue(Arena& arena, const std::string& bytes) {
  rego::ArrayBuilder out(arena, bytes.size());
  for (const char byte : bytes) out.Add(Value::Int(static_cast<uint8_t>(byte)));
  return out.Build();
}

Value TextValue(Arena& arena, const FieldDescriptor& field, const std::string& text) {
  return field.type() == FieldDescriptor::TYPE_BYTES ? BytesValue(arena, text)
                                                     : Value::BorrowString(text);
}

Value SingleValue(Arena& arena, const Message& message, const FieldDescriptor& field) {
  const Reflection& reflection = *message.GetReflection();
  std::string scratch;  // stays unused: strings of generated messages are referred to in place
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_BOOL:
      return Value::Bool(reflection.GetBool(message, &field));
    case FieldDescriptor::CPPTYPE_INT32:
      return Value::Int(reflection.GetInt32(message, &field));
    case FieldDescriptor::CPPTYPE_INT64:
      return Value::Int(reflection.GetInt64(message, &field));
    case FieldDescriptor::CPPTYPE_UINT32:
      return Value::Int(reflection.GetUInt32(message, &field));
    case FieldDescriptor::CPPTYPE_UINT64:
      return rego::NumberFromUint64(arena, reflection.GetUInt64(message, &field));
    case FieldDescriptor::CPPTYPE_FLOAT:
      return rego::NumberFromDouble(arena, reflection.GetFloat(message, &field));
    case FieldDescriptor::CPPTYPE_DOUBLE:
      return rego::NumberFromDouble(arena, reflection.GetDouble(message, &field));
    case FieldDescriptor::CPPTYPE_ENUM:
      return Value::Int(reflection.GetEnumValue(message, &field));
    case FieldDescriptor::CPPTYPE_STRING:
      return TextValue(arena, field, reflection.GetStringReference(message, &field, &scratch));
    case FieldDescriptor::CPPTYPE_MESSAGE:
      return MessageValue(arena, reflection.GetMessage(message, &field));
  }
  return Value::Null();
}

Value RepeatedElement(Arena& arena, const Message& message, const FieldDescriptor& field, int i) {
  const Reflection& reflection = *message.GetReflection();
  std::string scratch;
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_BOOL:
      return Value::Bool(reflection.GetRepeatedBool(message, &field, i));
    case FieldDescriptor::CPPTYPE_INT32:
      return Value::Int(reflection.GetRepeatedInt32(message, &field, i));
    case FieldDescriptor::CPPTYPE_INT64:
      return Value::Int(reflection.GetRepeatedInt64(message, &field, i));
    case FieldDescriptor::CPPTYPE_UINT32:
      return Value::Int(reflection.GetRepeatedUInt32(message, &field, i));
    case FieldDescriptor::CPPTYPE_UINT64:
      return rego::NumberFromUint64(arena, reflection.GetRepeatedUInt64(message, &field, i));
    case FieldDescriptor::CPPTYPE_FLOAT:
      return rego::NumberFromDouble(arena, reflection.GetRepeatedFloat(message, &field, i));
    case FieldDescriptor::CPPTYPE_DOUBLE:
      return rego::NumberFromDouble(arena, reflection.GetRepeatedDouble(message, &field, i));
    case FieldDescriptor::CPPTYPE_ENUM:
      return Value::Int(reflection.GetRepeatedEnumValue(message, &field, i));
    case FieldDescriptor::CPPTYPE_STRING:
      return TextValue(arena, field,
                       reflection.GetRepeatedStringReference(message, &field, i, &scratch));
    case FieldDescriptor::CPPTYPE_MESSAGE:
      return MessageValue(arena, reflection.GetRepeatedMessage(message, &field, i));
  }
  return Value::Null();
}

// Keys of maps in the agent API are strings.
Value MapValue(Arena& arena, const Message& message, const FieldDescriptor& field) {
  const Reflection& reflection = *message.GetReflection();
  const FieldDescriptor& key = *field.message_type()->map_key();
  const FieldDescriptor& value = *field.message_type()->map_value();
  const int size = reflection.FieldSize(message, &field);
  rego::ObjectBuilder out(arena, static_cast<size_t>(size));
  for (int i = 0; i < size; ++i) {
    const Message& entry = reflection.GetRepeatedMessage(message, &field, i);
    out.Set(SingleValue(arena, entry, key), SingleValue(arena, entry, value));
  }
  return out.Build();
}

Value FieldValue(Arena& arena, const Message& message, const FieldDescriptor& field) {
  const Reflection& reflection = *message.GetReflection();
  if (field.is_map()) return MapValue(arena, message, field);
  if (field.is_repeated()) {
    const int size = reflection.FieldSize(message, &field);
    rego::ArrayBuilder out(arena, static_cast<size_t>(size));
    for (int i = 0; i < size; ++i) out.Add(RepeatedElement(arena, message, field, i));
    return out.Build();
  }
  if (field.has_presence() && !reflection.HasField(message, &field)) return Value::Null();
  return SingleValue(arena, message, field);
}

// "errnoret" -> "Errnoret", "a_b" -> "AB": a variant's name in Rust.
Value VariantName(Arena& arena, std::string_view field) {
  std::string name;
  bool upper = true;
  for (const char c : field) {
    if (c != '_') name += upper && c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    upper = c == '_';
  }
  return Value::String(arena, name);
}

Value OneofValue(Arena& arena, const Message& message, const OneofDescriptor& oneof) {
  const FieldDescriptor* set = message.GetReflection()->GetOneofFieldDescriptor(message, &oneof);
  if (set == nullptr) return Value::Null();
  rego::ObjectBuilder out(arena, 1);
  out.Set(VariantName(arena, set->name()), SingleValue(arena, message, *set));
  return out.Build();
}

// Descriptors live as long as the program, so keys view their names.
Value FieldKey(const FieldDescriptor& field) {
  if (field.name() == "type") return Value::BorrowString("type_");
  return Value::BorrowString(field.name());
}

Value MessageValue(Arena& arena, const Message& message) {
  const google::protobuf::Descriptor& type = *message.GetDescriptor();
  rego::ObjectBuilder out(arena, static_cast<size_t>(type.field_count()));
  for (int i = 0; i < type.field_count(); ++i) {
    const FieldDescriptor& field = *type.field(i);
    if (field.real_containing_oneof() != nullptr) continue;
    out.Set(FieldKey(field), FieldValue(arena, message, field));
  }
  for (int i = 0; i < type.real_oneof_decl_count(); ++i) {
    const OneofDescriptor& oneof = *type.oneof_decl(i);
    out.Set(Value::BorrowString(oneof.name()), OneofValue(arena, message, oneof));
  }
  return out.Build();
}

std::string_view FileType(uint32_t mode) {
  switch (mode & S_IFMT) {
    case S_IFREG:
      return "Regular";
    case S_IFDIR:
      return "Directory";
    case S_IFLNK:
      return "Symlink";
    default:
      return "Unknown";
  }
}

absl::StatusOr<Value> CopyFileInput(Arena& arena, const grpc::CopyFileRequest& request) {
  const bool link = (request.file_mode() & S_IFMT) == S_IFLNK;
  if (link && !IsUtf8(request.data()))
    return absl::InvalidArgumentError("CopyFileRequest: the symbolic link's target is not UTF-8");
  rego::ObjectBuilder out(arena, 9);
  out.Set("path", Value::BorrowString(request.path()));
  out.Set("file_type", Value::BorrowString(FileType(request.file_mode())));
  out.Set("symlink_target", link ? Value::BorrowString(request.data()) : Value::Null());
  out.Set("file_size", Value::Int(request.file_size()));
  out.Set("file_mode", Value::Int(request.file_mode()));
  out.Set("dir_mode", Value::Int(request.dir_mode()));
  out.Set("uid", Value::Int(request.uid()));
  out.Set("gid", Value::Int(request.gid()));
  out.Set("offset", Value::Int(request.offset()));
  return out.Build();
}

}  // namespace

absl::StatusOr<Value> RequestInput(Arena& arena, const Message& request) {
  Value input;
  if (request.GetDescriptor() == grpc::CopyFileRequest::descriptor()) {
    ASSIGN_OR_RETURN(input,
                     CopyFileInput(arena, dynamic_cast<const grpc::CopyFileRequest&>(request)));
  } else {
    input = MessageValue(arena, request);
  }
  if (arena.failure() != Arena::Failure::kNone)
    return absl::ResourceExhaustedError("the request is too large for the policy's input");
  return input;
}

}  // namespace nacre::policy
