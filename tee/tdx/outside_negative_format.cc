// Quotes that are cut or whose lengths and types are wrong.
#include "tee/tdx/outside_negative.h"

namespace nacre::tee::tdx::negative {
namespace {

constexpr size_t kSignatureLength = 4;  // u32 before the signature data
constexpr size_t kOuterSize = kSignatureLength + 64 + 64 + 2;
constexpr size_t kAuthSize = kOuterSize + 4 + kEnclaveReportSize + 64;

}  // namespace

TdxNegative::RecipeList TdxNegative::FormatRecipes() {
  return {
      {"v5 body_type 1/2/4/0 or body_size 584/647/0xffffffff",
       [](const Ids& ids) {
         const Base base = MakeBase(ids[0]);
         Classes out;
         for (uint64_t type : {1, 2, 4, 0}) {
           out.push_back(Patched(base, kQuoteHeaderSize, type, 2));
         }
         for (uint64_t size : {0x248u, 0x287u, 0xffffffffu}) {
           out.push_back(Patched(base, kQuoteHeaderSize + 2, size, 4));
         }
         return out;
       }},
      {"signature_data_len 0, +1, 0xffffffff, past end",
       [](const Ids& ids) {
         const Base base = MakeBase(ids[0]);
         const uint64_t genuine = base.quote.size - base.quote.signed_size - 4;
         Classes out;
         for (uint64_t size : {uint64_t{0}, genuine + 1, uint64_t{0xffffffff}, genuine + 4096}) {
           out.push_back(Patched(base, base.quote.signed_size, size, 4));
         }
         return out;
       }},
      {"qe_auth_data_len 0xffff",
       [](const Ids& ids) -> Classes {
         const Base base = MakeBase(ids[0]);
         return {Patched(base, base.quote.signed_size + kAuthSize, 0xffff, 2)};
       }},
      {"inner or outer certification data size past end / inner larger than outer / overflow",
       [](const Ids& ids) {
         const Base base = MakeBase(ids[0]);
         const size_t outer = base.quote.signed_size + kOuterSize;
         const size_t inner =
             base.quote.signed_size + kAuthSize + 2 + base.quote.signature.qe_auth_data.size() + 2;
         const size_t genuine = base.quote.signature.certification_data.size();
         Classes out;
         for (uint64_t size : {uint64_t{genuine} + 1, uint64_t{0xffffffff}, uint64_t{0x80000000},
                               uint64_t{genuine} - 1, uint64_t{0}}) {
           out.push_back(Patched(base, inner, size, 4));
         }
         const size_t whole = base.quote.size - outer - 4;
         for (uint64_t size : {uint64_t{whole} + 1, uint64_t{0xffffffff}, uint64_t{whole} - 1}) {
           out.push_back(Patched(base, outer, size, 4));
         }
         return out;
       }},
      {"inner certification data type 1,2,3,4,7",
       [](const Ids& ids) {
         const Base base = MakeBase(ids[0]);
         Classes out;
         for (uint16_t type : {1, 2, 3, 4, 7}) {
           out.push_back(
               Changed(base, [type](Quote& q) { q.signature.certification_type = type; }));
         }
         return out;
       }},
      {"every prefix length",
       [](const Ids& ids) {
         Classes out;
         for (const std::string& id : ids) {
           const Base base = MakeBase(id);
           const auto collateral = ParseCollateral(base.collateral);
           for (size_t size = 0; size < base.bytes.size(); ++size) {
             Appraisal appraisal;
             VerifyTdx(ByteView(base.bytes).first(size), *collateral, {}, AnyPolicy(), base.now,
                       &appraisal);
             out.push_back(appraisal.refusal_class);
           }
         }
         return out;
       }},
      {"padded.bin sibling",
       [](const Ids& ids) -> Classes {
         const Base base = MakeBase(ids[0]);
         const Bytes padded = ReadData(FileOf(base.vector, "same quote with the trailing bytes"));
         Appraisal appraisal;
         VerifyTdx(padded, base.collateral, {}, AnyPolicy(), base.now, &appraisal);
         EXPECT_EQ(appraisal.claims["trailing_bytes"], StrCat(padded.size() - base.quote.size));
         return {appraisal.refusal_class};
       }},
      {"version 3 with tee 0x81; version 4 with tee 0; version 6; att_key_type 3",
       [](const Ids& ids) -> Classes {
         const Base base = MakeBase(ids[0]);
         return {Patched(base, 0, 3, 2), Patched(base, 4, 0, 4), Patched(base, 0, 6, 2),
                 Patched(base, 2, 3, 2)};
       }},
      {"attestation key not on P-256 / zero",
       [](const Ids& ids) -> Classes {
         const Base base = MakeBase(ids[0]);
         return {Changed(base, [](Quote& q) { q.signature.attestation_key[5] ^= 1; }),
                 Changed(base, [](Quote& q) { q.signature.attestation_key = {}; })};
       }},
  };
}

}  // namespace nacre::tee::tdx::negative
