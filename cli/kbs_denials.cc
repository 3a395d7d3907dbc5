#include "cli/kbs_denials.h"

#include "base/strings.h"
#include "crypto/x509.h"

namespace nacre::cli {
namespace {

constexpr std::string_view kWhere = "denial";

// As JSON escapes it, but for quotes: explanations are full of them, and they move no cursor.
std::string Escaped(std::string_view text) {
  const std::string quoted = Json(text).dump(-1, ' ', true, Json::error_handler_t::replace);
  std::string out;
  for (size_t i = 1; i + 1 < quoted.size(); ++i) {
    if (quoted[i] == '\\' && quoted[i + 1] == '"') continue;
    out += quoted[i];
    if (quoted[i] == '\\') out += quoted[++i];
  }
  return out;
}

absl::StatusOr<std::string> Text(const Json& denial, std::string_view key) {
  ASSIGN_OR_RETURN(const std::string text, JsonString(denial, key, kWhere));
  return Escaped(text);
}

}  // namespace

absl::StatusOr<std::string> FormatDenial(const Json& denial) {
  ASSIGN_OR_RETURN(const uint64_t time, JsonUint(denial, "time", kWhere));
  ASSIGN_OR_RETURN(const uint64_t id, JsonUint(denial, "id", kWhere));
  ASSIGN_OR_RETURN(const std::string guest, Text(denial, "guest"));
  ASSIGN_OR_RETURN(const std::string request, Text(denial, "request"));
  ASSIGN_OR_RETURN(const std::string attestation, Text(denial, "attestation"));
  ASSIGN_OR_RETURN(const std::string tee, Text(denial, "tee"));
  ASSIGN_OR_RETURN(const std::string reference, Text(denial, "reference"));
  ASSIGN_OR_RETURN(const std::string explanation, JsonString(denial, "explanation", kWhere));
  std::string out =
      StrCat(crypto::FormatTime(static_cast<int64_t>(time)), "  ", request, " denied (id ", id,
             ")\n  guest        ", guest, "\n  attestation  ", attestation, " (", tee);
  if (!reference.empty()) StrAppend(&out, ", reference value '", reference, "'");
  StrAppend(&out, ")\n");
  for (const std::string_view line : StrSplit(StripSpace(explanation), '\n')) {
    StrAppend(&out, "    ", Escaped(line), "\n");
  }
  return out;
}

}  // namespace nacre::cli
