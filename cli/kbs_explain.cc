#include "cli/kbs_explain.h"

#include "base/strings.h"
#include "crypto/x509.h"

namespace nacre::cli {
namespace {

constexpr std::string_view kWhere = "explanation";

// Some of the text was the guest's: it must not move the cursor or colour the terminal.
std::string Printable(std::string_view text) {
  std::string out;
  for (char c : text) {
    auto byte = static_cast<unsigned char>(c);
    out += byte < 0x20 || byte == 0x7f ? '?' : c;
  }
  return out;
}

// Absent members are "": an early refusal has no root, an attestation no resource.
std::string Text(const Json& object, std::string_view key) {
  auto found = object.find(key);
  if (found == object.end() || !found->is_string()) return "";
  return Printable(found->get_ref<const std::string&>());
}

absl::Status AppendCheck(const Json& check, std::string* out) {
  ASSIGN_OR_RETURN(bool passed, JsonBool(check, "passed", kWhere));
  StrAppend(out, passed ? "  passed  " : "  FAILED  ", Text(check, "name"), "\n");
  if (passed) return absl::OkStatus();
  StrAppend(out, "            expected  ", Text(check, "expected"), "\n");
  StrAppend(out, "            got       ", Text(check, "got"), "\n");
  return absl::OkStatus();
}

// What came beside the evidence this is about.
void AppendOthers(const Json& explanation, std::string* out) {
  const auto others = explanation.find("additional");
  if (others == explanation.end() || !others->is_array()) return;
  for (const Json& other : *others) {
    StrAppend(out, "beside it   ", Text(other, "tee"), ", ", Text(other, "verdict"), "\n");
    const std::string refusal = Text(other, "refusal");
    if (!refusal.empty()) StrAppend(out, "            ", refusal, "\n");
  }
}

std::string Tee(const Json& explanation) {
  std::string text = Text(explanation, "tee");
  auto emulated = explanation.find("emulated");
  if (emulated != explanation.end() && emulated->is_boolean() && emulated->get<bool>()) {
    text += ", emulated";
  }
  std::string root = Text(explanation, "root");
  if (!root.empty()) StrAppend(&text, " (root: ", root, ")");
  return text;
}

// "launch measurement refused: why" -> "refused: launch measurement: why".
std::string Verdict(const Json& explanation) {
  std::string summary = Text(explanation, "summary");
  if (Text(explanation, "verdict") != "refused") return summary;
  constexpr std::string_view kMark = " refused: ";
  size_t mark = summary.find(kMark);
  if (mark == std::string::npos) return StrCat("refused: ", summary);
  return StrCat("refused: ", std::string_view(summary).substr(0, mark), ": ",
                std::string_view(summary).substr(mark + kMark.size()));
}

// What policies said, and the nearest launch that is registered.
void AppendPolicy(const Json& explanation, std::string* out) {
  const auto claims = explanation.find("claims");
  if (claims != explanation.end()) {
    const std::string nearest = Text(*claims, "nearest_reference");
    if (!nearest.empty()) StrAppend(out, "nearest     reference value '", nearest, "'\n");
  }
  const std::string policy = Text(explanation, "policy");
  if (!policy.empty()) {
    StrAppend(out, "policy      ", policy, ": ", Text(explanation, "status"), "\n");
  }
  const auto trace = explanation.find("trace");
  if (trace == explanation.end() || !trace->is_string()) return;
  for (const std::string_view line : StrSplit(trace->get_ref<const std::string&>(), '\n')) {
    if (!line.empty()) StrAppend(out, "            ", Printable(line), "\n");
  }
}

// By reason code; "" where the sentence above says it all.
std::string_view Advice(std::string_view code) {
  struct Entry {
    std::string_view code;
    std::string_view advice;
  };
  static constexpr Entry kAdvice[] = {
      {"launch-measurement",
       "if this launch is meant: nacre measure --reference FILE; nacre kbs reference register "
       "FILE. Else start the guest as it was registered"},
      {"attestation-policy",
       "register the values the policy asks for (nacre kbs reference set), or change it (nacre kbs "
       "policy set-attestation)"},
      {"resource-policy",
       "change the policy of this path (nacre kbs policy set-resource --prefix), or the guest"},
      {"emulated-not-allowed",
       "run the guest on real hardware; for tests set [policy] allow_emulated in kbs.toml"},
      {"not-affirming", "see the attestation it names: nacre kbs explain ID"},
      {"nonce-replayed", "the client must begin again with /auth for each attestation"},
      {"nonce-mismatch", "the client must send the nonce of its own session"},
      {"report-data", "the evidence is of another session, or the client binds it otherwise"},
      {"initdata", "give the guest the initdata its launch was made with"},
      {"debugging", "start the guest without debugging; [policy] allow_debug accepts it"},
      {"reported-tcb", "update the machine's firmware, or lower [policy.min_tcb]"},
      {"certificate-chain",
       "the evidence is signed by no trusted root: a forged guest, or an emulator's root that is "
       "not in [attestation]"},
      {"collateral", "see [attestation.tdx] in kbs.toml: a folder, a cache or a service"},
      {"malformed-evidence", "the client sends what is no evidence of the kind it names"}};
  for (const Entry& entry : kAdvice) {
    if (entry.code == code) return entry.advice;
  }
  return "";
}

}  // namespace

absl::StatusOr<std::string> FormatExplanation(const Json& explanation) {
  ASSIGN_OR_RETURN(std::string id, JsonString(explanation, "id", kWhere));
  ASSIGN_OR_RETURN(uint64_t time, JsonUint(explanation, "time", kWhere));
  ASSIGN_OR_RETURN(const Json* checks, JsonArray(explanation, "checks", kWhere));
  std::string resource = Text(explanation, "resource");
  std::string out = StrCat(resource.empty() ? "attestation " : "request     ", Printable(id), ", ",
                           crypto::FormatTime(static_cast<int64_t>(time)), ", from ",
                           Text(explanation, "peer"), "\n");
  if (!resource.empty()) {
    StrAppend(&out, "resource    ", resource, "\nattestation ", Text(explanation, "attestation"),
              "\n");
  }
  StrAppend(&out, "tee         ", Tee(explanation), "\n");
  std::string reference = Text(explanation, "reference");
  if (!reference.empty()) StrAppend(&out, "reference   ", reference, "\n");
  for (const Json& check : *checks) RETURN_IF_ERROR(AppendCheck(check, &out));
  AppendOthers(explanation, &out);
  const std::string refusal_class = Text(explanation, "class");
  if (!refusal_class.empty() && refusal_class != "NONE") {
    StrAppend(&out, "class       ", refusal_class, "\n");
  }
  AppendPolicy(explanation, &out);
  StrAppend(&out, Verdict(explanation), "\n");
  const std::string_view advice = Advice(Text(explanation, "code"));
  if (!advice.empty()) StrAppend(&out, "what to do  ", advice, "\n");
  return out;
}

}  // namespace nacre::cli
