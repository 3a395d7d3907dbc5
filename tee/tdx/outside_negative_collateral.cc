// Collateral that is another one's, changed, or not in force.
#include "tee/tdx/outside_negative.h"

namespace nacre::tee::tdx::negative {
namespace {

std::string Replaced(const std::string& text, std::string_view from, std::string_view to) {
  const size_t at = text.find(from);
  if (at == std::string::npos) ADD_FAILURE() << from << " is not there";
  return StrCat(text.substr(0, at), to, text.substr(at + from.size()));
}

}  // namespace

TdxNegative::RecipeList TdxNegative::CollateralRecipes() {
  return {
      {"collateral of another FMSPC",
       [](const Ids& ids) -> Classes {
         Base base = MakeBase(ids[0]);
         base.collateral = MakeCollateral(ids[1], base.qe_identity_id);
         return {Judge(base, base.bytes)};
       }},
      {"id=SGX TCB info for a TDX quote",
       [](const Ids& ids) {
         Base base = MakeBase(ids[0]);
         Classes out;
         for (const Json& vector : OfKind("tdx-collateral-tcbinfo")) {
           if (vector.at("what").at("id") == "TDX") continue;
           base.collateral = MakeCollateral(Text(vector, "id"), base.qe_identity_id);
           out.push_back(Judge(base, base.bytes));
         }
         return out;
       }},
      {"id=QE identity for TD quote",
       [](const Ids& ids) {
         Base base = MakeBase(ids[0]);
         Classes out;
         for (const Json& vector : OfKind("tdx-collateral-qeidentity")) {
           if (vector.at("what").at("id") == "TD_QE") continue;
           base.collateral = MakeCollateral(base.tcb_info_id, Text(vector, "id"));
           out.push_back(Judge(base, base.bytes));
         }
         return out;
       }},
      {"change one tcbStatus in JSON",
       [](const Ids& ids) -> Classes {
         Base base = MakeBase(ids[0]);
         base.collateral.tcb_info = Replaced(base.collateral.tcb_info, "\"tcbStatus\":\"UpToDate\"",
                                             "\"tcbStatus\":\"SWHardeningNeeded\"");
         return {Judge(base, base.bytes)};
       }},
      {"re-serialise JSON with other whitespace",
       [](const Ids& ids) {
         Base base = MakeBase(ids[0]);
         const std::string genuine = base.collateral.tcb_info;
         Classes out;
         for (const std::string& text : {DumpJson(ParseJson(genuine).value(), 2).value(),
                                         Replaced(genuine, "\"version\":", "\"version\": ")}) {
           base.collateral.tcb_info = text;
           out.push_back(Judge(base, base.bytes));
         }
         return out;
       }},
  };
}

TdxNegative::RecipeList TdxNegative::DocumentRecipes() {
  return {
      {"duplicate \"tcbInfo\" or \"tcbStatus\" keys",
       [](const Ids& ids) {
         Base base = MakeBase(ids[0]);
         const std::string genuine = base.collateral.tcb_info;
         Classes out;
         for (const std::string& text :
              {Replaced(genuine, "{\"tcbInfo\":", "{\"tcbInfo\":{},\"tcbInfo\":"),
               Replaced(genuine, "\"tcbStatus\":", "\"tcbStatus\":\"UpToDate\",\"tcbStatus\":")}) {
           base.collateral.tcb_info = text;
           out.push_back(Judge(base, base.bytes));
         }
         return out;
       }},
      {"evaluate after nextUpdate",
       [](const Ids& ids) -> Classes {
         const Base base = MakeBase(ids[0]);
         const Json stated = VectorById(base.tcb_info_id).value().at("expected");
         return {Judge(base.bytes, base.collateral, Time(Text(stated, "nextUpdate")))};
       }},
      {"evaluate before issueDate",
       [](const Ids& ids) -> Classes {
         const Base base = MakeBase(ids[0]);
         const Json stated = VectorById(base.tcb_info_id).value().at("expected");
         return {Judge(base.bytes, base.collateral, Time(Text(stated, "issueDate")) - 1)};
       }},
      {"TCB info and QE identity with tcbEvaluationDataNumber below the policy minimum, or "
       "differing",
       [](const Ids& ids) -> Classes {
         const Base base = MakeBase(ids[0]);
         TdxPolicy minimum = AnyPolicy();
         minimum.min_tcb_evaluation_number =
             ParseCollateral(base.collateral)->tcb_info.evaluation_data_number + 1;
         TdxPolicy same = AnyPolicy();
         same.require_same_evaluation_number = true;
         Synthetic differing = MakeSynthetic(base);
         differing.identity.evaluation_data_number = differing.info.evaluation_data_number + 1;
         return {Judge(base.bytes, base.collateral, base.now, minimum), differing.Judge({}, same)};
       }},
      {"remove TDX_01 from tdxModuleIdentities",
       [](const Ids& ids) -> Classes {
         Synthetic synthetic = MakeSynthetic(MakeBase(ids[0]));
         EXPECT_EQ(std::erase_if(synthetic.info.tdx_module_identities,
                                 [](const auto& module) { return module.id == "TDX_01"; }),
                   1u);
         return {synthetic.Judge()};
       }},
      {"non-zero mrsignerseam",
       [](const Ids& ids) -> Classes {
         Synthetic synthetic = MakeSynthetic(MakeBase(ids[0]));
         synthetic.quote.td->mrsignerseam[47] = 1;
         return {synthetic.Judge()};
       }},
  };
}

}  // namespace nacre::tee::tdx::negative
