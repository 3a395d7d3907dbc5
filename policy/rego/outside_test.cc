// The compliance cases of ../shared/data/rego (or NACRE_SHARED_DATA/rego): one file a group, one
// line of result a group. NACRE_REGO_SHOW=1 prints what every other case gave.
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <set>

#include "base/file.h"
#include "base/json.h"
#include "base/strings.h"
#include "base/toml.h"
#include "policy/rego/engine.h"
#include "policy/rego/format.h"
#include "policy/rego/json.h"

namespace nacre::rego {
namespace {

std::string DataFolder() {
  const char* shared = std::getenv("NACRE_SHARED_DATA");
  return shared != nullptr ? StrCat(shared, "/rego") : NACRE_SOURCE_DIR "/../shared/data/rego";
}

// As tests/conformance/outside.toml states it for the kind "rego".
size_t KnownRemainder() {
  auto text = ReadTextFile(NACRE_SOURCE_DIR "/tests/conformance/outside.toml", 1 << 20);
  if (!text.ok()) return 0;
  auto known = ParseToml(*text);
  if (!known.ok() || !known->contains("known")) return 0;
  for (const Json& entry : known->at("known")) {
    if (entry.at("kind").get<std::string>() == "rego") return entry.at("remainder").get<size_t>();
  }
  return 0;
}

// Sets are arrays in the cases' JSON.
Value Plain(Arena& arena, const Value& value) {
  if (value.is_array() || value.is_set()) {
    ArrayBuilder out(arena);
    for (const Value& element : value.elements()) out.Add(Plain(arena, element));
    return out.Build();
  }
  if (value.is_object()) {
    ObjectBuilder out(arena);
    for (const Member& member : value.members()) {
      Value key = member.key.is_string() ? member.key : Value::String(arena, ToJson(member.key));
      out.Set(key, Plain(arena, member.value));
    }
    return out.Build();
  }
  return value;
}

Value Sorted(Arena& arena, const Value& value) {
  if (!value.is_array()) return value;
  std::vector<Value> all(value.elements().begin(), value.elements().end());
  std::sort(all.begin(), all.end());
  return Value::Array(arena, all);
}

// What a case gives: the list of its solutions as JSON, or "error CODE: MESSAGE".
class CaseRunner {
 public:
  enum class Modules { kAsWritten, kFormatted };
  CaseRunner(const Value& one, bool use_index, Modules modules = Modules::kAsWritten)
      : case_(one), use_index_(use_index), modules_(modules) {}

  bool Passes(std::string* got) {
    absl::StatusOr<Value> result = Run();
    Value want_code = case_.Get("want_error_code"), want_error = case_.Get("want_error");
    if (!result.ok()) {
      // As OPA words it: no column.
      Error error = ErrorOf(result.status())
                        .value_or(Error{"", std::string(Message(result.status())), "", {}});
      *got = StrCat(error.file, ":", error.location.line, ": ", error.code, ": ", error.message);
      if (want_code.defined() && want_code.string() != ErrorCode(result.status())) return false;
      if (want_error.defined() && got->find(want_error.string()) == std::string::npos) return false;
      return want_code.defined() || want_error.defined();
    }
    *got = ToJson(*result);
    Value want = case_.Get("want_result");
    if (!want.defined()) return !want_code.defined() && !want_error.defined();
    if (want.size() != result->size()) return false;
    if (!case_.Get("sort_bindings").is_true()) {
      return Sorted(arena_, want) == Sorted(arena_, *result);
    }
    return Sorted(arena_, Deep(want)) == Sorted(arena_, Deep(*result));
  }

 private:
  // Arrays of bindings in no particular order.
  Value Deep(const Value& rows) {
    ArrayBuilder out(arena_);
    for (const Value& row : rows.elements()) {
      ObjectBuilder object(arena_);
      for (const Member& member : row.members()) {
        object.Set(member.key, Sorted(arena_, member.value));
      }
      out.Add(object.Build());
    }
    return out.Build();
  }

  absl::StatusOr<Value> Run() {
    std::vector<ModuleSource> sources;
    if (case_.Get("modules").is_array()) {
      for (const Value& module : case_.Get("modules").elements()) {
        std::string name = StrCat("test-", sources.size(), ".rego");
        std::string text(module.string());
        if (modules_ == Modules::kFormatted) {
          ASSIGN_OR_RETURN(text, FormatModule(name, text));
        }
        sources.push_back({std::move(name), std::move(text)});
      }
    }
    ASSIGN_OR_RETURN(std::shared_ptr<const Policy> policy, Policy::Compile(sources));
    ASSIGN_OR_RETURN(std::shared_ptr<const Query> query,
                     policy->Prepare(case_.Get("query").string()));
    Value input = case_.Get("input");
    if (case_.Get("input_term").defined()) {
      ASSIGN_OR_RETURN(input, Term(case_.Get("input_term").string()));
    }
    EvaluateOptions options;
    options.strict_builtin_errors = case_.Get("strict_error").is_true();
    options.use_index = use_index_;
    ASSIGN_OR_RETURN(auto solutions,
                     evaluator_.Evaluate(*query, input, case_.Get("data"), options));
    ArrayBuilder out(arena_);
    for (const auto& solution : solutions) {
      ObjectBuilder row(arena_);
      for (const Binding& binding : solution) {
        row.Set(binding.name, Plain(arena_, binding.value));
      }
      out.Add(row.Build());
    }
    return DeepCopy(arena_, out.Build());
  }

  absl::StatusOr<Value> Term(std::string_view text) {
    ASSIGN_OR_RETURN(std::shared_ptr<const Policy> empty,
                     Policy::Compile({{"term.rego", StrCat("package term\n\nvalue := ", text)}}));
    ASSIGN_OR_RETURN(Value value, evaluator_.Evaluate(*empty, "data.term.value", Value()));
    return DeepCopy(arena_, value);
  }

  Value case_;
  bool use_index_;
  Modules modules_;
  Arena arena_;
  Evaluator evaluator_;
};

std::vector<std::string> GroupFiles() {
  std::error_code ignored;
  std::vector<std::string> files;
  for (const auto& entry : std::filesystem::directory_iterator(DataFolder(), ignored)) {
    if (entry.path().extension() == ".json") files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

absl::StatusOr<Value> GroupDocument(Arena& arena, const std::string& file) {
  ASSIGN_OR_RETURN(const std::string text, ReadTextFile(file, 64 << 20));
  return ValueFromJson(arena, text);
}

TEST(RegoOutside, ComplianceCases) {
  const std::vector<std::string> files = GroupFiles();
  if (files.empty()) GTEST_SKIP() << "no folder " << DataFolder();
  bool show = std::getenv("NACRE_REGO_SHOW") != nullptr;
  const char* only = std::getenv("NACRE_REGO_ONLY");
  size_t passed = 0, total = 0;
  for (const std::string& file : files) {
    std::string group = std::filesystem::path(file).stem();
    if (only != nullptr && group != only) continue;
    Arena arena;
    auto document = GroupDocument(arena, file);
    ASSERT_TRUE(document.ok()) << file << ": " << document.status();
    size_t good = 0, count = 0;
    for (const Value& one : document->Get("cases").elements()) {
      std::string got, without_index;
      bool ok = CaseRunner(one, true).Passes(&got);
      CaseRunner(one, false).Passes(&without_index);
      bool random = group == "rand" || group == "uuid" || group == "time";
      if (!random) {
        EXPECT_EQ(got, without_index) << one.Get("note").string();
      }
      good += ok;
      ++count;
      if (!ok && show) {
        std::printf("-- %s/%s\n   got  %s\n   want %s %s %s\n", group.c_str(),
                    std::string(one.Get("note").string()).c_str(), got.c_str(),
                    ToJson(one.Get("want_result")).c_str(),
                    ToJson(one.Get("want_error_code")).c_str(),
                    ToJson(one.Get("want_error")).c_str());
      }
    }
    std::printf("outside rego %s: %zu/%zu\n", group.c_str(), good, count);
    passed += good;
    total += count;
  }
  std::printf("outside rego: %zu/%zu\n", passed, total);
  if (only == nullptr) {
    EXPECT_EQ(passed + KnownRemainder(), total);
  }
}

// `nacre policy fmt` on every module of the cases: what it gives formats to itself, and the case
// has the outcome it had.
TEST(RegoOutside, FormattedModulesMeanTheSame) {
  const std::vector<std::string> files = GroupFiles();
  if (files.empty()) GTEST_SKIP() << "no folder " << DataFolder();
  size_t same = 0, total = 0;
  for (const std::string& file : files) {
    Arena arena;
    auto document = GroupDocument(arena, file);
    ASSERT_TRUE(document.ok()) << file << ": " << document.status();
    for (const Value& one : document->Get("cases").elements()) {
      if (!one.Get("modules").is_array()) continue;
      bool good = true, parses = true;
      for (const Value& module : one.Get("modules").elements()) {
        auto once = FormatModule("m.rego", module.string());
        parses = parses && once.ok();
        if (!once.ok()) continue;
        auto twice = FormatModule("m.rego", *once);
        EXPECT_TRUE(twice.ok()) << *once << twice.status();
        if (twice.ok()) {
          EXPECT_EQ(*twice, *once);
        }
        good = good && twice.ok() && *twice == *once;
      }
      if (!parses) continue;  // the case is about that
      std::string got, formatted;
      using Modules = CaseRunner::Modules;
      const bool passes = CaseRunner(one, true, Modules::kAsWritten).Passes(&got);
      good = good && passes == CaseRunner(one, true, Modules::kFormatted).Passes(&formatted);
      EXPECT_TRUE(good) << one.Get("note").string() << "\n" << got << "\n" << formatted;
      same += good;
      ++total;
    }
  }
  std::printf("outside rego-format: %zu/%zu\n", same, total);
}

}  // namespace
}  // namespace nacre::rego
