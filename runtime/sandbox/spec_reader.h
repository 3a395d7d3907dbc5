// Takes one object of an OCI spec apart, member by member. Every accessor marks its member as
// known; Finish() refuses what is left. The first error of the whole walk is kept, with the path of
// its member, and everything after it reads as absent: so readers need no error handling of their
// own.
#pragma once

#include <google/protobuf/map.h>
#include <google/protobuf/repeated_field.h>

#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <string_view>

#include "base/json.h"
#include "base/status.h"

namespace nacre::runtime {

class SpecReader {
 public:
  // `where` is the object's path in errors, such as "config.json: process.user".
  SpecReader(const Json& object, std::string where, absl::Status* error);

  bool Has(std::string_view key) const;
  std::string String(std::string_view key);  // "" when absent
  bool Bool(std::string_view key);           // false when absent
  uint32_t U32(std::string_view key);        // 0 when absent; so the next two
  uint64_t U64(std::string_view key);
  int64_t I64(std::string_view key);
  void Strings(std::string_view key, google::protobuf::RepeatedPtrField<std::string>* out);
  void StringMap(std::string_view key, google::protobuf::Map<std::string, std::string>* out);
  void EachNumber(std::string_view key, const std::function<void(uint64_t)>& visit);  // each u32
  void Object(std::string_view key, const std::function<void(SpecReader)>& visit);
  void Each(std::string_view key, const std::function<void(SpecReader)>& visit);

  // Known, and of no meaning to a guest.
  void Ignore(std::string_view key) { Take(key); }
  // kUnimplemented when present and not empty.
  void Refuse(std::string_view key, std::string_view why);
  // Records an error about this object, kInvalidArgument.
  void Fail(std::string_view message);
  void Finish();

 private:
  const Json* Take(std::string_view key);  // nullptr when absent or null
  void Record(const absl::Status& status);
  void WrongType(std::string_view key, std::string_view expected);

  const Json& object_;
  std::string where_;
  absl::Status* error_;
  std::set<std::string, std::less<>> known_;
};

}  // namespace nacre::runtime
