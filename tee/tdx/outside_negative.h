// The shared folder's ways to break TDX evidence. Each is described there in words; here each such
// sentence has one recipe, found by the words, that makes every variant the sentence names. A
// sentence without a recipe counts as failed, and so does a recipe whose unbroken base is refused.
//
// Here: unbroken evidence, how it is judged, and evidence that only the holder of the keys can
// make. The recipes are in outside_negative_{quote,format,collateral}.cc.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/strings.h"
#include "tee/emulator/tdx_platform.h"
#include "tee/tdx/outside_data.h"

namespace nacre::tee::tdx::negative {

using emulator::TdxFault;
using emulator::TdxPlatform;
using outside::FileOf;
using outside::ReadData;
using outside::Tally;
using outside::Text;
using outside::Time;

using Classes = std::vector<RefusalClass>;

// A vector's quote with collateral and a moment at which all of it is in force.
struct Base {
  Json vector;
  Bytes bytes;
  Quote quote;
  std::string tcb_info_id;
  std::string qe_identity_id;
  Collateral collateral;
  int64_t now = 0;
};

inline void PutLe(Bytes* bytes, size_t offset, uint64_t value, size_t size) {
  for (size_t i = 0; i < size; ++i) {
    (*bytes)[offset + i] = static_cast<uint8_t>(value >> (8 * i));
  }
}

// The certificates of its PCK chain.
inline std::vector<std::string> PemBlocks(const Quote& quote) {
  const std::string_view pem = AsText(quote.signature.certification_data);
  const auto certificates = crypto::Certificate::AllFromPem(pem.substr(0, pem.find('\0')));
  std::vector<std::string> out;
  for (const auto& certificate : certificates.value()) out.push_back(certificate.ToPem());
  return out;
}

class TdxNegative : public OutsideTdx {
 protected:
  static Base MakeBase(const std::string& id) {
    Base base;
    base.vector = VectorById(id).value();
    base.bytes = QuoteBytes(base.vector);
    base.quote = ParseQuote(base.bytes).value();
    for (const Json& pair : base.vector.at("expected").at("tcb_evaluations")) {
      base.tcb_info_id = Text(pair, "tcb_info");
      base.qe_identity_id = Text(pair, "qe_identity");
      const auto now = Moment(base.vector, base.tcb_info_id, base.qe_identity_id);
      if (!now) continue;
      base.now = *now;
      break;
    }
    base.collateral = MakeCollateral(base.tcb_info_id, base.qe_identity_id);
    return base;
  }

  static RefusalClass Judge(ByteView quote, const Collateral& collateral, int64_t now,
                            const TdxPolicy& policy = AnyPolicy(), const TdxTrust& trust = {}) {
    Appraisal appraisal;
    const bool verified = VerifyTdx(quote, collateral, trust, policy, now, &appraisal).has_value();
    EXPECT_EQ(verified, appraisal.refusal_class == RefusalClass::kNone);
    EXPECT_EQ(verified, appraisal.affirmed());
    return appraisal.refusal_class;
  }
  static RefusalClass Judge(const Base& base, ByteView quote) {
    return Judge(quote, base.collateral, base.now);
  }
  // The parsed quote after `change`, with its lengths made to fit.
  static RefusalClass Changed(const Base& base, const std::function<void(Quote&)>& change) {
    Quote quote = base.quote;
    change(quote);
    return Judge(base, SerializeQuote(quote));
  }
  // The bytes after a number at `offset` is replaced.
  static RefusalClass Patched(const Base& base, size_t offset, uint64_t value, size_t size) {
    Bytes bytes = base.bytes;
    PutLe(&bytes, offset, value, size);
    return Judge(base, bytes);
  }
  static RefusalClass Rechained(const Base& base, const std::vector<std::string>& pem) {
    return Changed(base, [&](Quote& quote) {
      quote.signature.certification_data = ToBytes(StrJoin(pem, ""));
    });
  }

  // The base's TD on an emulated machine of the same kind, whose root is trusted: what only the
  // holder of the keys can make.
  struct Synthetic {
    TdxPlatform platform;
    TdxTrust trust;
    Quote quote;
    TcbInfo info;
    QeIdentity identity;
    int64_t now;

    RefusalClass Judge(const TdxPlatform::QeChange& change = {},
                       const TdxPolicy& policy = AnyPolicy()) const {
      Collateral collateral = platform.MakeCollateral(now).value();
      collateral.tcb_info =
          platform.SignDocument("tcbInfo", emulator::FormatTcbInfo(info).value()).value();
      collateral.qe_identity =
          platform.SignDocument("enclaveIdentity", emulator::FormatQeIdentity(identity).value())
              .value();
      return TdxNegative::Judge(platform.Sign(quote, change).value(), collateral, now, policy,
                                trust);
    }
  };
  static Synthetic MakeSynthetic(const Base& base, std::set<TdxFault> faults = {}) {
    const auto pck = crypto::Certificate::FromPem(PemBlocks(base.quote)[0]).value();
    emulator::TdxIdentityOptions options;
    options.now = base.now;
    options.pck = ReadPckExtension(pck).value();
    auto platform = TdxPlatform::Create(emulator::MakeTdxIdentity(options).value(),
                                        {.quote_version = base.quote.header.version,
                                         .td = *base.quote.td,
                                         .faults = std::move(faults)})
                        .value();
    const std::string root = platform.identity().root.certificate.ToPem();
    TcbInfo info = ParseCollateral(base.collateral)->tcb_info;
    QeIdentity identity = platform.MakeQeIdentity(base.now);
    info.issue_date = identity.issue_date;
    info.next_update = identity.next_update;
    return {std::move(platform),
            {{EmulatedRootFromPem(root).value()}},
            base.quote,
            info,
            identity,
            base.now};
  }

  // The first quote of the folder that was good at a moment of its own.
  static Base AnyBase() {
    for (const Json& vector : OfKind("tdx-quote")) {
      Base base = MakeBase(Text(vector, "id"));
      if (base.now != 0) return base;
    }
    ADD_FAILURE() << "no quote was ever good";
    return {};
  }

  using Ids = std::vector<std::string>;
  using Recipe = std::function<Classes(const Ids& base)>;
  // By the beginning of the sentence.
  using RecipeList = std::vector<std::pair<std::string, Recipe>>;
  static RecipeList QuoteRecipes();
  static RecipeList ChainRecipes();
  static RecipeList CollateralRecipes();
  static RecipeList DocumentRecipes();
  static RecipeList FormatRecipes();
  static RecipeList Recipes();
};

}  // namespace nacre::tee::tdx::negative
