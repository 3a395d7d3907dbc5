// Writes a JSON text from front to back, without building a tree of it first.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/json.h"

namespace nacre {

// Appends `text` in quotes; false, and nothing useful appended, when it is not UTF-8.
bool AppendJsonText(std::string* out, std::string_view text);
// Appends what DumpJson writes; false when a string is not UTF-8.
bool AppendJson(std::string* out, const Json& value);

// The caller sees to it that keys and values take turns and that what is begun is ended; keys are
// not compared.
//
//   JsonWriter out;
//   out.BeginObject().Key("n").Number(1).Key("list").BeginArray().Text("x").EndArray().EndObject();
class JsonWriter {
 public:
  JsonWriter() { out_.reserve(kRoom); }
  JsonWriter& BeginObject() { return Begin('{'); }
  JsonWriter& EndObject() { return End('}'); }
  JsonWriter& BeginArray() { return Begin('['); }
  JsonWriter& EndArray() { return End(']'); }
  JsonWriter& Key(std::string_view name);
  JsonWriter& Text(std::string_view text);
  JsonWriter& Number(int64_t number);
  JsonWriter& Bool(bool value);
  JsonWriter& Tree(const Json& value);

  // kInvalidArgument when a string was not UTF-8.
  absl::StatusOr<std::string> Finish() &&;

 private:
  static constexpr size_t kRoom = 2 << 10;  // enough for most
  void Separate();
  JsonWriter& Begin(char bracket);
  JsonWriter& End(char bracket);

  std::string out_;
  bool follows_ = false;  // a value on the same level came before
  bool valid_ = true;
};

}  // namespace nacre
