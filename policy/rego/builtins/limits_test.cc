// Hostile operands: what grows faster than its operands ends the evaluation; nothing runs away.
#include <gtest/gtest.h>

#include "base/strings.h"
#include "policy/rego/builtins/builtins_testing.h"
#include "policy/rego/builtins/go_layout.h"

namespace nacre::rego {
namespace {

std::string CallWithSteps(uint64_t steps, std::string_view name, std::string_view arguments) {
  TestContext context(steps);
  return Call(context, name, arguments);
}

TEST(RegoBuiltinLimits, GrowthIsCounted) {
  const std::pair<const char*, const char*> kHungry[] = {
      {"numbers.range", "[0, 1000000000000]"},
      {"numbers.range_step", "[0, 1000000000000, 2]"},
      {"net.cidr_expand", R"(["::/0"])"},
      {"net.cidr_expand", R"(["10.0.0.0/8"])"},
  };
  for (const auto& [name, arguments] : kHungry) {
    EXPECT_EQ(CallWithSteps(100'000, name, arguments), "ended: too many steps") << name;
  }
}

TEST(RegoBuiltinLimits, TextIsBounded) {
  std::string format;
  for (int i = 0; i < 40; ++i) format += "%1000000[1]d";
  std::string result = Call("sprintf", StrCat("[\"", format, "\", [1]]"));
  EXPECT_TRUE(result.starts_with("ended: ")) << result.substr(0, 100);
  EXPECT_TRUE(Call("bits.lsh", "[1, 100000000]").starts_with("ended: "));
  EXPECT_EQ(Call("bits.rsh", "[-1, 100000000]"), "-1");
  EXPECT_EQ(Call("units.parse", R"(["1e999999"])"), "error: exponent too large");
}

TEST(RegoBuiltinLimits, LongPatternsAreRefused) {
  std::string fits(64 << 10, 'a'), too_long((64 << 10) + 1, 'a');
  EXPECT_EQ(CallText("regex.is_valid", fits), "true");
  EXPECT_EQ(CallText("regex.is_valid", too_long), "false");
}

TEST(RegoBuiltinLimits, NestingIsBounded) {
  std::string yaml(10'000, '[');
  EXPECT_TRUE(CallText("yaml.unmarshal", yaml).starts_with("error: "));
  std::string dashes;
  for (int i = 0; i < 5000; ++i) dashes += "- ";
  EXPECT_TRUE(CallText("yaml.unmarshal", dashes).starts_with("error: "));
  std::string ifs;
  for (int i = 0; i < 1000; ++i) ifs += "{{if .a}}";
  EXPECT_TRUE(
      Call("strings.render_template", StrCat("[\"", ifs, "\", {}]")).starts_with("error: "));
  EXPECT_TRUE(Call("json.match_schema", R"([{}, {"$ref": "#"}])").starts_with("ended: "));
}

// Each line doubles the value. Sharing makes it cheap to hold, its weight says what walking it
// costs.
TEST(RegoBuiltinLimits, SharedAliasesAreBoundedByWeight) {
  const auto bomb = [](int lines) {
    std::string yaml = "a0: &a0 [x]\n";
    for (int i = 1; i < lines; ++i) {
      StrAppend(&yaml, "a", i, ": &a", i, " [*a", i - 1, ", *a", i - 1, "]\n");
    }
    return yaml;
  };
  EXPECT_EQ(CallText("yaml.is_valid", bomb(18)), "true");
  EXPECT_EQ(CallText("yaml.is_valid", bomb(30)), "ended: too much memory");
}

TEST(RegoBuiltinLimits, LongTextsAreFoundAndReplaced) {
  const std::string old(100, 'x');
  EXPECT_EQ(Call("replace", StrCat("[\"a", old, "b", old, "\", \"", old, "\", \"-\"]")),
            "\"a-b-\"");
  EXPECT_EQ(Call("indexof", StrCat("[\"", old, "a", old, "\", \"a", old, "\"]")), "100");
  EXPECT_EQ(Call("indexof", StrCat("[\"", old, "\", \"", old, "x\"]")), "-1");
  EXPECT_EQ(Call("strings.count", StrCat("[\"", old, "\", \"xx\"]")), "50");
  EXPECT_EQ(Call("split", R"(["a--b--", "--"])"), R"(["a", "b", ""])");
  EXPECT_EQ(Call("contains", R"(["", ""])"), "true");
  EXPECT_EQ(Call("contains", R"(["", "a"])"), "false");
  // U+2028 and U+2029 are escaped, their neighbours are not.
  EXPECT_EQ(Call("json.marshal", "[\"\xe2\x80\xa7\xe2\x80\xa8-\xe2\x80\xa9\xe2\x80\xaa\"]"),
            "\"\\\"\xe2\x80\xa7\\\\u2028-\\\\u2029\xe2\x80\xaa\\\"\"");
}

TEST(RegoBuiltinLimits, ZoneNamesStayInTheDatabase) {
  EXPECT_TRUE(LoadZone("UTC").ok());
  EXPECT_TRUE(LoadZone("").ok());
  for (const char* name : {"../../etc/passwd", "/etc/passwd", "file:x", "libc:localtime", "a\nb",
                           "Fixed/UTC+05:00:00", "Nowhere/Town", "America"}) {
    EXPECT_FALSE(LoadZone(name).ok()) << name;
  }
}

TEST(RegoBuiltinLimits, OneAnswerPerEvaluation) {
  TestContext context;
  std::string first = Call(context, "uuid.rfc4122", R"(["a"])");
  EXPECT_EQ(Call(context, "uuid.rfc4122", R"(["a"])"), first);
  EXPECT_NE(Call(context, "uuid.rfc4122", R"(["b"])"), first);
  std::string number = Call(context, "rand.intn", R"(["a", 1000])");
  EXPECT_EQ(Call(context, "rand.intn", R"(["a", 1000])"), number);
  EXPECT_EQ(Call(context, "rand.intn", R"(["a", 0])"), "0");
}

TEST(RegoBuiltinLimits, NoNetwork) {
  EXPECT_EQ(Call("http.send", R"([{"method": "get", "url": "http://a"}])"),
            "error: policies have no network");
  EXPECT_EQ(Call("net.lookup_ip_addr", R"(["::1"])"), "{\"::1\"}");
  EXPECT_EQ(Call("net.lookup_ip_addr", R"(["localhost"])"),
            "error: lookup localhost: policies have no network");
}

}  // namespace
}  // namespace nacre::rego
