#include "tee/testing/outside.h"

#include <cctype>
#include <cstdio>
#include <cstdlib>

#include "absl/time/time.h"
#include "base/file.h"
#include "base/strings.h"
#include "base/toml.h"

namespace nacre::tee::outside {
namespace {

constexpr size_t kMaxData = 64 << 20;

// The known remainder of a kind: [[known]] tables with kind, remainder and reason.
int64_t KnownRemainder(const std::string& kind) {
  const std::string path = NACRE_SOURCE_DIR "/tests/conformance/outside.toml";
  if (!PathExists(path)) return 0;
  const auto text = ReadTextFile(path, kMaxData);
  const auto known = ParseToml(text.value());
  if (!known.ok()) {
    ADD_FAILURE() << Message(known.status());
    return 0;
  }
  if (!known->contains("known")) return 0;
  for (const Json& entry : known->at("known")) {
    if (Text(entry, "kind") != kind) continue;
    EXPECT_FALSE(Text(entry, "reason").empty()) << kind;
    return entry.at("remainder").get<int64_t>();
  }
  return 0;
}

}  // namespace

std::string Folder() {
  const char* named = std::getenv("NACRE_SHARED_DATA");
  return StrCat(named != nullptr ? named : NACRE_SOURCE_DIR "/../shared/data", "/attestation");
}

Json ReadJson(const std::string& path) {
  const auto text = ReadTextFile(path, kMaxData);
  return ParseJson(text.value(), {.max_size = kMaxData, .max_depth = 64}).value();
}

Bytes ReadData(const std::string& path) {
  return ReadFile(StrCat(Folder(), "/", path), kMaxData).value();
}

std::string Text(const Json& object, const char* key) { return object.at(key).get<std::string>(); }

bool IsTrue(const Json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_boolean() && found->get<bool>();
}

int NumberOrZero(const Json& object, const char* key) {
  const Json& value = object.at(key);
  return value.is_null() ? 0 : value.get<int>();
}

int64_t Time(const std::string& text) {
  absl::Time time;
  std::string error;
  const bool iso = text.find('T') != std::string::npos;
  EXPECT_TRUE(
      absl::ParseTime(iso ? "%Y-%m-%dT%H:%M:%SZ" : "%Y-%m-%d %H:%M:%S", text, &time, &error))
      << text;
  return absl::ToUnixSeconds(time);
}

std::string FileOf(const Json& vector, std::string_view role) {
  for (const Json& file : vector.at("files")) {
    if (Text(file, "role").starts_with(role)) return Text(file, "path");
  }
  return "";
}

bool Admits(std::string_view expected_words, RefusalClass got) {
  const std::string_view wanted = got == RefusalClass::kNone ? "OK" : RefusalClassName(got);
  int brackets = 0;
  std::string word;
  for (size_t i = 0; i <= expected_words.size(); ++i) {
    const char c = i < expected_words.size() ? expected_words[i] : ' ';
    if (brackets == 0 && (std::isupper(static_cast<unsigned char>(c)) != 0 || c == '_')) {
      word += c;
      continue;
    }
    if (word == wanted) return true;
    word.clear();
    if (c == ';' || c == ':') return false;
    brackets += c == '(' ? 1 : c == ')' ? -1 : 0;
  }
  return false;
}

Tally::~Tally() {
  const int good = total_ - static_cast<int>(bad_.size());
  std::printf("outside %s: %d/%d\n", kind_.c_str(), good, total_);
  EXPECT_GT(total_, 0) << kind_ << ": the folder holds none";
  EXPECT_EQ(static_cast<int64_t>(bad_.size()), KnownRemainder(kind_))
      << kind_ << " not as stated:\n  " << StrJoin(bad_, "\n  ");
}

void Tally::Count(bool good, const std::string& name) {
  ++total_;
  if (!good) bad_.push_back(name);
}

void OutsideTest::SetUp() {
  if (!PathExists(Folder() + "/MANIFEST.json")) {
    GTEST_SKIP() << "no shared data: " << Folder() << "/MANIFEST.json is missing";
  }
}

const Json& OutsideTest::manifest() {
  static const Json* manifest = new Json(ReadJson(Folder() + "/MANIFEST.json"));
  return *manifest;
}

std::vector<Json> OutsideTest::OfKind(std::string_view kind) {
  std::vector<Json> out;
  for (const Json& vector : manifest().at("vectors")) {
    if (Text(vector, "kind") == kind) out.push_back(vector);
  }
  return out;
}

std::optional<Json> OutsideTest::VectorById(std::string_view id) {
  for (const Json& vector : manifest().at("vectors")) {
    if (Text(vector, "id") == id) return vector;
  }
  return std::nullopt;
}

std::vector<Json> OutsideTest::NegativeCases(std::string_view prefix) {
  std::vector<Json> out;
  for (const Json& test : manifest().at("negative_cases")) {
    if (Text(test, "id").starts_with(prefix)) out.push_back(test);
  }
  return out;
}

}  // namespace nacre::tee::outside
