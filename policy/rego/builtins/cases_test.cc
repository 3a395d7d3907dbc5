// Cases of our own whose results OPA itself gives, too: testdata/<family>.tsv, one a line: its
// name, its operands as a JSON array, and the result as Call (builtins_testing.h) tells it.
#include <gtest/gtest.h>

#include <filesystem>

#include "base/bytes.h"
#include "base/file.h"
#include "base/strings.h"
#include "policy/rego/builtins/builtins_testing.h"

namespace nacre::rego {
namespace {

TEST(RegoBuiltins, GiveWhatOpaGives) {
  size_t asked = 0;
  std::string folder = StrCat(NACRE_SOURCE_DIR, "/policy/rego/builtins/testdata");
  for (const auto& file : std::filesystem::directory_iterator(folder)) {
    auto text = ReadFile(file.path().string(), 1 << 20);
    ASSERT_TRUE(text.ok());
    for (std::string_view line : StrSplit(AsText(*text), '\n')) {
      if (line.empty()) continue;
      std::vector<std::string_view> fields = StrSplit(line, '\t');
      ASSERT_EQ(fields.size(), 3u) << line;
      EXPECT_EQ(Call(fields[0], fields[1]), fields[2]) << fields[0] << fields[1];
      ++asked;
    }
  }
  EXPECT_GE(asked, 400u);
}

}  // namespace
}  // namespace nacre::rego
