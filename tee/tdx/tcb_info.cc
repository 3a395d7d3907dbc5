#include "tee/tdx/tcb_info.h"

#include "base/encoding.h"
#include "base/strings.h"
#include "tee/common/refusal_class.h"
#include "tee/tdx/signed_json.h"

namespace nacre::tee::tdx {
namespace {

constexpr size_t kMaxLevels = 256;
constexpr size_t kMaxAdvisories = 256;
constexpr size_t kComponents = 16;

struct Name {
  TcbStatus status;
  std::string_view name;
};
constexpr Name kNames[] = {
    {TcbStatus::kUpToDate, "UpToDate"},
    {TcbStatus::kSwHardeningNeeded, "SWHardeningNeeded"},
    {TcbStatus::kConfigurationNeeded, "ConfigurationNeeded"},
    {TcbStatus::kConfigurationAndSwHardeningNeeded, "ConfigurationAndSWHardeningNeeded"},
    {TcbStatus::kOutOfDate, "OutOfDate"},
    {TcbStatus::kOutOfDateConfigurationNeeded, "OutOfDateConfigurationNeeded"},
    {TcbStatus::kTdRelaunchAdvised, "TDRelaunchAdvised"},
    {TcbStatus::kTdRelaunchAdvisedConfigurationNeeded, "TDRelaunchAdvisedConfigurationNeeded"},
    {TcbStatus::kRevoked, "Revoked"},
};

absl::StatusOr<const Json*> Levels(const Json& object, std::string_view where) {
  ASSIGN_OR_RETURN(const Json* levels, JsonArray(object, "tcbLevels", where));
  if (levels->empty() || levels->size() > kMaxLevels) {
    return absl::InvalidArgumentError(
        StrCat(where, ": ", levels->size(), " TCB levels, not 1 to ", kMaxLevels));
  }
  return levels;
}

absl::StatusOr<LevelVerdict> ParseVerdict(const Json& level, std::string_view where) {
  LevelVerdict out;
  ASSIGN_OR_RETURN(const std::string status, JsonString(level, "tcbStatus", where));
  ASSIGN_OR_RETURN(out.status, ParseTcbStatus(status), where);
  ASSIGN_OR_RETURN(out.date, JsonString(level, "tcbDate", where));
  RETURN_IF_ERROR(ParseCollateralTime(out.date).status(), where);
  if (!level.contains("advisoryIDs")) return out;
  ASSIGN_OR_RETURN(const Json* advisories, JsonArray(level, "advisoryIDs", where));
  if (advisories->size() > kMaxAdvisories) {
    return absl::InvalidArgumentError(StrCat(where, ": too many advisories"));
  }
  for (const Json& id : *advisories) {
    if (!id.is_string()) return absl::InvalidArgumentError(StrCat(where, ": advisory is no text"));
    out.advisories.push_back(id.get<std::string>());
  }
  return out;
}

absl::StatusOr<std::vector<SvnLevel>> ParseSvnLevels(const Json& object, std::string_view where) {
  std::vector<SvnLevel> out;
  ASSIGN_OR_RETURN(const Json* levels, Levels(object, where));
  for (const Json& level : *levels) {
    SvnLevel& parsed = out.emplace_back();
    ASSIGN_OR_RETURN(const Json* tcb, JsonObject(level, "tcb", where));
    ASSIGN_OR_RETURN(parsed.isv_svn, JsonNumber(*tcb, "isvsvn", 0xffff, where));
    ASSIGN_OR_RETURN(parsed.verdict, ParseVerdict(level, where));
  }
  return out;
}

// Version 3: an array of 16 objects with an SVN each.
absl::StatusOr<std::array<uint8_t, 16>> ParseComponents(const Json& tcb, std::string_view key,
                                                        std::string_view where) {
  ASSIGN_OR_RETURN(const Json* list, JsonArray(tcb, key, where));
  if (list->size() != kComponents) {
    return absl::InvalidArgumentError(
        StrCat(where, ": ", list->size(), " ", key, ", not ", kComponents));
  }
  std::array<uint8_t, 16> out{};
  for (size_t i = 0; i < kComponents; ++i) {
    ASSIGN_OR_RETURN(const uint32_t svn, JsonNumber((*list)[i], "svn", 0xff, where));
    out[i] = static_cast<uint8_t>(svn);
  }
  return out;
}

// Version 2: members sgxtcbcomp01svn to sgxtcbcomp16svn.
absl::StatusOr<std::array<uint8_t, 16>> ParseNumbered(const Json& tcb, std::string_view where) {
  std::array<uint8_t, 16> out{};
  for (size_t i = 0; i < kComponents; ++i) {
    const std::string key = StrCat("sgxtcbcomp", (i + 1) / 10, (i + 1) % 10, "svn");
    ASSIGN_OR_RETURN(const uint32_t svn, JsonNumber(tcb, key, 0xff, where));
    out[i] = static_cast<uint8_t>(svn);
  }
  return out;
}

absl::StatusOr<PlatformLevel> ParsePlatformLevel(const Json& level, const TcbInfo& info) {
  const std::string_view where = "TCB level";
  PlatformLevel out;
  ASSIGN_OR_RETURN(const Json* tcb, JsonObject(level, "tcb", where));
  ASSIGN_OR_RETURN(out.pce_svn, JsonNumber(*tcb, "pcesvn", 0xffff, where));
  if (info.version == 2) {
    ASSIGN_OR_RETURN(out.sgx_svn, ParseNumbered(*tcb, where));
  } else {
    ASSIGN_OR_RETURN(out.sgx_svn, ParseComponents(*tcb, "sgxtcbcomponents", where));
  }
  if (info.id == "TDX") {
    ASSIGN_OR_RETURN(out.tdx_svn, ParseComponents(*tcb, "tdxtcbcomponents", where));
  }
  ASSIGN_OR_RETURN(out.verdict, ParseVerdict(level, where));
  return out;
}

absl::StatusOr<TdxModule> ParseModule(const Json& module, std::string_view where) {
  TdxModule out;
  ASSIGN_OR_RETURN(out.mrsigner, JsonHex<48>(module, "mrsigner", where));
  ASSIGN_OR_RETURN(out.attributes, JsonHex<8>(module, "attributes", where));
  ASSIGN_OR_RETURN(out.attributes_mask, JsonHex<8>(module, "attributesMask", where));
  return out;
}

absl::Status ParseModules(const Json& body, TcbInfo* out) {
  if (body.contains("tdxModule")) {
    ASSIGN_OR_RETURN(const Json* module, JsonObject(body, "tdxModule", "TCB info"));
    ASSIGN_OR_RETURN(out->tdx_module, ParseModule(*module, "tdxModule"));
  }
  if (!body.contains("tdxModuleIdentities")) return absl::OkStatus();
  ASSIGN_OR_RETURN(const Json* list, JsonArray(body, "tdxModuleIdentities", "TCB info"));
  if (list->size() > kMaxLevels) return absl::InvalidArgumentError("too many TDX modules");
  for (const Json& entry : *list) {
    TdxModuleIdentity& identity = out->tdx_module_identities.emplace_back();
    ASSIGN_OR_RETURN(identity.id, JsonString(entry, "id", "TDX module identity"));
    ASSIGN_OR_RETURN(identity.module, ParseModule(entry, "TDX module identity"));
    ASSIGN_OR_RETURN(identity.levels, ParseSvnLevels(entry, "TDX module identity"));
  }
  return absl::OkStatus();
}

// What both documents begin with.
template <typename Document>
absl::Status ParseDates(const Json& body, std::string_view where, Document* out) {
  ASSIGN_OR_RETURN(out->version, JsonNumber(body, "version", 0xffff, where));
  ASSIGN_OR_RETURN(const std::string issued, JsonString(body, "issueDate", where));
  ASSIGN_OR_RETURN(out->issue_date, ParseCollateralTime(issued), where);
  ASSIGN_OR_RETURN(const std::string next, JsonString(body, "nextUpdate", where));
  ASSIGN_OR_RETURN(out->next_update, ParseCollateralTime(next), where);
  ASSIGN_OR_RETURN(out->evaluation_data_number,
                   JsonNumber(body, "tcbEvaluationDataNumber", 0x7fffffff, where));
  return absl::OkStatus();
}

absl::Status Parse(const Json& body, TcbInfo* out) {
  const std::string_view where = "TCB info";
  RETURN_IF_ERROR(ParseDates(body, where, out));
  if (out->version != 2 && out->version != 3) {
    return RefusedError(RefusalClass::kUnsupported,
                        StrCat(where, ": version ", out->version, ", not 2 or 3"));
  }
  out->id = "SGX";
  if (out->version == 3) {
    ASSIGN_OR_RETURN(out->id, JsonString(body, "id", where));
  }
  ASSIGN_OR_RETURN(out->fmspc, JsonHex<6>(body, "fmspc", where));
  ASSIGN_OR_RETURN(out->pce_id, JsonHex<2>(body, "pceId", where));
  ASSIGN_OR_RETURN(out->tcb_type, JsonNumber(body, "tcbType", 0xffff, where));
  RETURN_IF_ERROR(ParseModules(body, out));
  ASSIGN_OR_RETURN(const Json* levels, Levels(body, where));
  for (const Json& level : *levels) {
    ASSIGN_OR_RETURN(out->levels.emplace_back(), ParsePlatformLevel(level, *out));
  }
  return absl::OkStatus();
}

absl::Status Parse(const Json& body, QeIdentity* out) {
  const std::string_view where = "QE identity";
  RETURN_IF_ERROR(ParseDates(body, where, out));
  ASSIGN_OR_RETURN(out->id, JsonString(body, "id", where));
  ASSIGN_OR_RETURN(const auto miscselect, JsonHex<4>(body, "miscselect", where));
  ASSIGN_OR_RETURN(const auto mask, JsonHex<4>(body, "miscselectMask", where));
  ASSIGN_OR_RETURN(out->miscselect, ByteReader(miscselect).U32Le("miscselect"));
  ASSIGN_OR_RETURN(out->miscselect_mask, ByteReader(mask).U32Le("miscselectMask"));
  ASSIGN_OR_RETURN(out->attributes, JsonHex<16>(body, "attributes", where));
  ASSIGN_OR_RETURN(out->attributes_mask, JsonHex<16>(body, "attributesMask", where));
  ASSIGN_OR_RETURN(out->mrsigner, JsonHex<32>(body, "mrsigner", where));
  ASSIGN_OR_RETURN(out->isv_prod_id, JsonNumber(body, "isvprodid", 0xffff, where));
  ASSIGN_OR_RETURN(out->levels, ParseSvnLevels(body, where));
  return absl::OkStatus();
}

template <typename Document>
absl::StatusOr<Document> Parsed(const Json& body) {
  Document out;
  const absl::Status status = Parse(body, &out);
  if (status.ok()) return out;
  return WithClass(status, RefusalClass::kFormat);
}

}  // namespace

std::string_view TcbStatusName(TcbStatus status) {
  for (const Name& entry : kNames) {
    if (entry.status == status) return entry.name;
  }
  return "?";
}

absl::StatusOr<TcbStatus> ParseTcbStatus(std::string_view name) {
  for (const Name& entry : kNames) {
    if (entry.name == name) return entry.status;
  }
  return absl::InvalidArgumentError(StrCat("TCB status '", name, "' is not known"));
}

absl::StatusOr<TcbInfo> ParseTcbInfo(const Json& body) { return Parsed<TcbInfo>(body); }
absl::StatusOr<QeIdentity> ParseQeIdentity(const Json& body) { return Parsed<QeIdentity>(body); }

}  // namespace nacre::tee::tdx
