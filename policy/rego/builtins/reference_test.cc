// docs/reference/rego-builtins.md lists exactly the builtins of the table, with their operands.
#include <gtest/gtest.h>

#include <set>

#include "base/bytes.h"
#include "base/file.h"
#include "base/strings.h"
#include "policy/rego/builtins/builtins_testing.h"

namespace nacre::rego {
namespace {

std::string Line(const Builtin& builtin) {
  std::vector<std::string> operands;
  for (KindMask mask : builtin.args) operands.push_back(KindsText(mask));
  return StrCat("| `", builtin.name, "` | ", StrJoin(operands, ", "), " | ",
                KindsText(builtin.result), builtin.nondeterministic ? " *" : "", " |");
}

TEST(RegoReference, ListsTheTable) {
  auto text = ReadFile(StrCat(NACRE_SOURCE_DIR, "/docs/reference/rego-builtins.md"), 1 << 20);
  ASSERT_TRUE(text.ok());
  std::set<std::string> documented;
  for (std::string_view line : StrSplit(AsText(*text), '\n')) {
    if (line.starts_with("| `")) documented.emplace(line);
  }
  std::string missing;
  for (const auto& [name, builtin] : TestRegistry().all()) {
    if (documented.erase(Line(builtin)) == 0) StrAppend(&missing, Line(builtin), "\n");
  }
  EXPECT_EQ(missing, "") << "missing from the reference";
  EXPECT_EQ(StrJoin(documented, "\n"), "") << "in the reference, but not in the table";
}

}  // namespace
}  // namespace nacre::rego
