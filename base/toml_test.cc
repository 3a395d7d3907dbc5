#include "base/toml.h"

#include "base/status_testing.h"

namespace nacre {
namespace {

TEST(ParseTomlTest, BecomesJson) {
  ASSERT_OK_AND_ASSIGN(Json value, ParseToml(R"(
name = "x"   # a comment
count = 3
below = -1
ratio = 0.5
on = true
day = 2024-02-29
moment = 2024-02-29T12:00:00Z
[table]
list = ["a", "b"]
[[rows]]
k = 1
[[rows]]
k = 2
)"));
  EXPECT_EQ(
      *DumpJson(value),
      R"({"below":-1,"count":3,"day":"2024-02-29","moment":"2024-02-29T12:00:00Z","name":"x",)"
      R"("on":true,"ratio":0.5,"rows":[{"k":1},{"k":2}],"table":{"list":["a","b"]}})");
}

TEST(ParseTomlTest, RefusesWhatIsNotToml) {
  for (std::string_view bad : {"a", "a =", "= 1", "a = 1\na = 2", "[t]\n[t]", "a = 'x", "a = 01",
                               "a = \"\xff\"", "a = 1 b = 2", "a.b = 1\na = 2"}) {
    EXPECT_STATUS(ParseToml(bad), kInvalidArgument, "TOML: ") << bad;
  }
  EXPECT_STATUS(ParseToml("ok = 1\nbad ="), kInvalidArgument, "line 2");
}

// Characters between the ranges of the library's table of white space, where white space may stand.
TEST(ParseTomlTest, EveryPlaneOfCharactersIsRefusedOutsideStrings) {
  for (const char* c : {"\u00a1", "\u00e9", "\u0416", "\u1681", "\u1e00", "\u2100", "\u3001",
                        "\ufe7f", "\ufefe", "\uff00", "\U0001f41a"}) {
    EXPECT_FALSE(ParseToml(std::string(c) + " = 1").ok()) << c;
    EXPECT_FALSE(ParseToml("a = " + std::string(c)).ok()) << c;
    EXPECT_FALSE(ParseToml("a = 1 " + std::string(c)).ok()) << c;
    const auto folded = ParseToml("a = \"\"\"\\\n  " + std::string(c) + "\"\"\"");
    ASSERT_TRUE(folded.ok()) << c << folded.status();
    EXPECT_EQ((*folded)["a"], c);
    EXPECT_TRUE(ParseToml("a = 1 # " + std::string(c)).ok()) << c;
  }
}

TEST(ParseTomlTest, RefusesNumbersJsonDoesNotHave) {
  EXPECT_STATUS(ParseToml("a = nan"), kInvalidArgument, "not finite at line 1");
  EXPECT_STATUS(ParseToml("a = -inf"), kInvalidArgument, "not finite");
}

TEST(ParseTomlTest, DepthAndSizeAreBounded) {
  JsonLimits limits{.max_size = 20, .max_depth = 3};
  EXPECT_OK(ParseToml("a = [[1]]", limits));
  EXPECT_STATUS(ParseToml("a = [[[1]]]", limits), kInvalidArgument, "nested too deep");
  EXPECT_OK(ParseToml("abcdefghijklmnop = 1", limits));
  EXPECT_STATUS(ParseToml("abcdefghijklmnopq = 1", limits), kInvalidArgument, "limit is 20");
  std::string deep = "a = " + std::string(100000, '[');
  EXPECT_STATUS(ParseToml(deep), kInvalidArgument, "TOML: ");
}

TEST(ParseTomlTest, DottedKeysAreBoundedAndStringsAreNotKeys) {
  const auto dotted = [](int parts, const std::string& part) {
    std::string key = part;
    for (int i = 1; i < parts; ++i) key += "." + part;
    return key;
  };
  EXPECT_OK(ParseToml(dotted(256, "a") + " = 1", {.max_depth = 1000}));
  for (const std::string part : {"a", " a ", "\"a\"", "'.'"}) {
    for (const std::string before : {"", "[", "x = {", "x = '''\n'''\n", "s = \"\\\"\"\n"}) {
      EXPECT_STATUS(ParseToml(before + dotted(257, part)), kInvalidArgument, "dotted key");
    }
  }
  const std::string dots(1000, '.');
  EXPECT_OK(ParseToml("a = '" + dots + "'\nb = \"" + dots + "\" # " + dots));
  EXPECT_OK(
      ParseToml("a = \"\"\"" + dots + "\\\"\"\"\"\"\"\nb = '''\n" + dots + "''" + dots + "'''\n"));
  std::string floats = "f = [0.5";
  for (int i = 0; i < 1000; ++i) floats += ", 0.5";
  EXPECT_OK(ParseToml(floats + "]"));
}

TEST(TableReaderTest, FillsWhatIsThereAndKeepsDefaults) {
  ASSERT_OK_AND_ASSIGN(Json table, ParseToml(R"(
path = "p"
vcpus = 4
quiet = true
mode = "kvm"
extra = ["x", "y"]
[inner]
)"));
  std::string path = "default", other = "default", mode;
  uint64_t vcpus = 1;
  bool quiet = false;
  std::vector<std::string> extra;
  TableReader reader(table, "config.toml");
  reader.String("path", &path)
      .String("other", &other)
      .Uint("vcpus", &vcpus, 1, 4)
      .Bool("quiet", &quiet)
      .Choice("mode", &mode, {"auto", "kvm"})
      .Strings("extra", &extra);
  EXPECT_NE(reader.Table("inner"), nullptr);
  EXPECT_EQ(reader.Table("absent"), nullptr);
  EXPECT_OK(reader.Finish());
  EXPECT_EQ(path, "p");
  EXPECT_EQ(other, "default");
  EXPECT_EQ(vcpus, 4u);
  EXPECT_TRUE(quiet);
  EXPECT_EQ(mode, "kvm");
  EXPECT_THAT(extra, ::testing::ElementsAre("x", "y"));
}

TEST(TableReaderTest, UnknownKeyNamesItsNeighbour) {
  Json table = {{"kernel_param", "x"}};
  std::string value;
  TableReader reader(table, "[hypervisor]");
  reader.String("kernel_params", &value).String("path", &value);
  EXPECT_STATUS(reader.Finish(), kInvalidArgument,
                "[hypervisor]: unknown key 'kernel_param', did you mean 'kernel_params'?");
  TableReader stranger(table, "[hypervisor]");
  stranger.String("path", &value);
  EXPECT_STATUS(stranger.Finish(), kInvalidArgument, "unknown key 'kernel_param'");
}

TEST(TableReaderTest, WrongTypesAndBoundsAreErrors) {
  Json table = {{"n", 5}, {"negative", -1}, {"s", "text"}, {"list", Json::array({1})}};
  uint64_t number = 1;
  std::string text = "kept";
  bool flag = false;
  std::vector<std::string> strings;
  EXPECT_STATUS(TableReader(table, "t").Uint("n", &number, 6, 9).Finish(), kInvalidArgument,
                "t: key 'n' must be from 6 to 9, is 5");
  EXPECT_STATUS(TableReader(table, "t").Uint("n", &number, 0, 4).Finish(), kInvalidArgument,
                "from 0 to 4");
  EXPECT_STATUS(TableReader(table, "t").Uint("negative", &number, 0, 9).Finish(), kInvalidArgument,
                "'negative' must be a whole number");
  EXPECT_STATUS(TableReader(table, "t").String("n", &text).Finish(), kInvalidArgument, "a string");
  EXPECT_STATUS(TableReader(table, "t").Bool("s", &flag).Finish(), kInvalidArgument,
                "true or false");
  EXPECT_STATUS(TableReader(table, "t").Strings("list", &strings).Finish(), kInvalidArgument,
                "array of strings");
  EXPECT_STATUS(TableReader(table, "t").Choice("s", &text, {"a", "b"}).Finish(), kInvalidArgument,
                "must be one of: a, b");
  TableReader with_table(table, "t");
  EXPECT_EQ(with_table.Table("s"), nullptr);
  EXPECT_STATUS(with_table.Finish(), kInvalidArgument, "must be a table");
  EXPECT_STATUS(TableReader(table["n"], "t").Finish(), kInvalidArgument, "t: must be a table");
  EXPECT_EQ(number, 1u);
  EXPECT_EQ(text, "kept");
}

TEST(NearestNameTest, NearOrNothing) {
  EXPECT_EQ(NearestName("vcpu", {"vcpus", "memory_mib"}), "vcpus");
  EXPECT_EQ(NearestName("memroy_mib", {"vcpus", "memory_mib"}), "memory_mib");
  EXPECT_EQ(NearestName("zzz", {"vcpus", "memory_mib"}), "");
  EXPECT_EQ(NearestName("x", {}), "");
  EXPECT_EQ(NearestName(std::string(100000, 'v'), {"vcpus"}), "");
}

}  // namespace
}  // namespace nacre
