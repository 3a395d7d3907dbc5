#include "runtime/sandbox/spec_reader.h"

#include <limits>

#include "base/strings.h"

namespace nacre::runtime {
namespace {

constexpr size_t kMaxListItems = 65536;

// Paths read "config.json: process.user.uid": the document, then members joined with dots.
std::string Join(std::string_view where, std::string_view key) {
  const bool document = where.find(':') == std::string_view::npos;
  return StrCat(where, document ? ": " : ".", key);
}

}  // namespace

SpecReader::SpecReader(const Json& object, std::string where, absl::Status* error)
    : object_(object), where_(std::move(where)), error_(error) {
  if (!object_.is_object()) Fail("expected an object");
}

bool SpecReader::Has(std::string_view key) const {
  if (!object_.is_object()) return false;
  const auto found = object_.find(std::string(key));
  return found != object_.end() && !found->is_null();
}

const Json* SpecReader::Take(std::string_view key) {
  known_.emplace(key);
  if (!error_->ok() || !object_.is_object()) return nullptr;
  const auto found = object_.find(std::string(key));
  return found == object_.end() || found->is_null() ? nullptr : &*found;
}

void SpecReader::Record(const absl::Status& status) {
  if (error_->ok()) *error_ = status;
}

void SpecReader::Fail(std::string_view message) {
  Record(absl::InvalidArgumentError(StrCat(where_, ": ", message)));
}

void SpecReader::WrongType(std::string_view key, std::string_view expected) {
  Record(absl::InvalidArgumentError(StrCat(Join(where_, key), ": expected ", expected)));
}

std::string SpecReader::String(std::string_view key) {
  const Json* value = Take(key);
  if (!value) return "";
  if (value->is_string()) return value->get<std::string>();
  WrongType(key, "a string");
  return "";
}

bool SpecReader::Bool(std::string_view key) {
  const Json* value = Take(key);
  if (!value) return false;
  if (value->is_boolean()) return value->get<bool>();
  WrongType(key, "true or false");
  return false;
}

uint64_t SpecReader::U64(std::string_view key) {
  const Json* value = Take(key);
  if (!value) return 0;
  if (value->is_number_unsigned()) return value->get<uint64_t>();
  WrongType(key, "a number that is not negative");
  return 0;
}

uint32_t SpecReader::U32(std::string_view key) {
  const uint64_t value = U64(key);
  if (value <= std::numeric_limits<uint32_t>::max()) return static_cast<uint32_t>(value);
  WrongType(key, "a number of 32 bits");
  return 0;
}

int64_t SpecReader::I64(std::string_view key) {
  const Json* value = Take(key);
  if (!value) return 0;
  constexpr uint64_t kMax = std::numeric_limits<int64_t>::max();
  const bool fits = !value->is_number_unsigned() || value->get<uint64_t>() <= kMax;
  if (value->is_number_integer() && fits) return value->get<int64_t>();
  WrongType(key, "a whole number of 64 bits");
  return 0;
}

void SpecReader::Strings(std::string_view key,
                         google::protobuf::RepeatedPtrField<std::string>* out) {
  const Json* value = Take(key);
  if (!value) return;
  if (!value->is_array() || value->size() > kMaxListItems) {
    return WrongType(key, StrCat("a list of at most ", kMaxListItems, " strings"));
  }
  for (const Json& item : *value) {
    if (!item.is_string()) return WrongType(key, "a list of strings");
    *out->Add() = item.get<std::string>();
  }
}

void SpecReader::StringMap(std::string_view key,
                           google::protobuf::Map<std::string, std::string>* out) {
  const Json* value = Take(key);
  if (!value) return;
  if (!value->is_object()) return WrongType(key, "an object of strings");
  for (const auto& [name, item] : value->items()) {
    if (!item.is_string()) return WrongType(key, "an object of strings");
    (*out)[name] = item.get<std::string>();
  }
}

void SpecReader::EachNumber(std::string_view key, const std::function<void(uint64_t)>& visit) {
  const Json* value = Take(key);
  if (!value) return;
  if (!value->is_array() || value->size() > kMaxListItems) return WrongType(key, "a list");
  for (const Json& item : *value) {
    if (!item.is_number_unsigned() || item.get<uint64_t>() > std::numeric_limits<uint32_t>::max()) {
      return WrongType(key, "a list of numbers of 32 bits");
    }
    visit(item.get<uint64_t>());
  }
}

void SpecReader::Object(std::string_view key, const std::function<void(SpecReader)>& visit) {
  if (const Json* value = Take(key)) visit(SpecReader(*value, Join(where_, key), error_));
}

void SpecReader::Each(std::string_view key, const std::function<void(SpecReader)>& visit) {
  const Json* value = Take(key);
  if (!value) return;
  if (!value->is_array() || value->size() > kMaxListItems) return WrongType(key, "a list");
  size_t index = 0;
  for (const Json& item : *value) {
    visit(SpecReader(item, StrCat(Join(where_, key), "[", index++, "]"), error_));
  }
}

void SpecReader::Refuse(std::string_view key, std::string_view why) {
  const Json* value = Take(key);
  if (!value || value->empty()) return;
  Record(absl::UnimplementedError(StrCat(Join(where_, key), ": ", why)));
}

void SpecReader::Finish() {
  if (!object_.is_object()) return;
  for (const auto& [name, value] : object_.items()) {
    if (!known_.contains(name)) return Fail(StrCat("unknown member '", name, "'"));
  }
}

}  // namespace nacre::runtime
