#include "tee/tdx/outside_negative.h"

namespace nacre::tee::tdx::negative {

TdxNegative::RecipeList TdxNegative::Recipes() {
  RecipeList all;
  for (const RecipeList& list :
       {QuoteRecipes(), ChainRecipes(), CollateralRecipes(), DocumentRecipes(), FormatRecipes()}) {
    all.insert(all.end(), list.begin(), list.end());
  }
  return all;
}

TEST_F(TdxNegative, EveryBaseIsGoodBeforeItIsBroken) {
  int good = 0;
  for (const Json& test : NegativeCases("tdx_")) {
    for (const Json& id : test.at("base")) {
      const auto vector = VectorById(id.get<std::string>());
      if (!vector || Text(*vector, "kind") != "tdx-quote") continue;
      const Base base = MakeBase(id);
      if (base.now == 0) continue;  // no moment of its own: only parts of it are used
      EXPECT_EQ(Judge(base, base.bytes), RefusalClass::kNone) << id;
      EXPECT_EQ(MakeSynthetic(base).Judge(), RefusalClass::kNone) << id;
      ++good;
    }
  }
  EXPECT_GT(good, 0);
}

TEST_F(TdxNegative, EveryCaseIsRefusedAsStated) {
  Tally tally("tdx negative case");
  const RecipeList recipes = Recipes();
  for (const Json& test : NegativeCases("tdx_")) {
    const std::string mutation = Text(test, "mutation");
    const std::string expected = Text(test, "expected_error_class");
    const Recipe* recipe = nullptr;
    for (const auto& [words, made] : recipes) {
      if (mutation.starts_with(words)) recipe = &made;
    }
    if (recipe == nullptr) {
      tally.Count(false, StrCat(Text(test, "id"), ": no recipe for '", mutation, "'"));
      continue;
    }
    const Classes found = (*recipe)(test.at("base").get<std::vector<std::string>>());
    std::string wrong = found.empty() ? "no variant" : "";
    for (RefusalClass one : found) {
      if (!outside::Admits(expected, one)) StrAppend(&wrong, RefusalClassName(one), " ");
    }
    tally.Count(wrong.empty(), StrCat(Text(test, "id"), ": not ", expected, " but ", wrong));
  }
}

}  // namespace nacre::tee::tdx::negative
