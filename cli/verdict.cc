// The table is made of what every appraisal has: checks and claims. Claims named
// "<what>_tcb.<part>" become one row a <what>; long hex becomes the measurements, broken over
// lines; the rest are pairs.

#include "cli/verdict.h"

#include <algorithm>
#include <map>
#include <vector>

#include "base/json.h"
#include "base/strings.h"
#include "crypto/x509.h"

namespace nacre::cli {
namespace {

using attestation::EvidenceVerdict;
using Claims = std::map<std::string, std::string>;

constexpr std::string_view kSchema = "nacre.verify/1";
constexpr size_t kNameWidth = 26;
constexpr size_t kLine = 64;     // characters of a value on one line
constexpr size_t kLongHex = 40;  // from here on hex is a measurement
constexpr size_t kMaxValue = 4096;

// Some of the text comes out of the evidence: it must not move the cursor or colour the terminal.
std::string Printable(std::string_view text) {
  std::string out;
  for (char c : text.substr(0, kMaxValue)) {
    const auto byte = static_cast<unsigned char>(c);
    out += byte < 0x20 || byte >= 0x7f ? '?' : c;
  }
  return out;
}

std::string Padded(std::string_view text, size_t width) {
  std::string out(text);
  if (out.size() < width) out.append(width - out.size(), ' ');
  return out + (text.size() >= width ? "  " : "");
}

std::string Spoken(std::string name) {
  std::replace(name.begin(), name.end(), '_', ' ');
  return name;
}

bool IsHex(std::string_view text) {
  return text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

// Where a line of at most kLine characters ends: hex at half a SHA-384 or kLine, text at a space.
size_t Break(std::string_view text) {
  if (text.size() <= kLine) return text.size();
  if (IsHex(text)) return text.size() == 96 ? 48 : kLine;
  const size_t space = text.substr(0, kLine).rfind(' ');
  return space == std::string_view::npos || space == 0 ? kLine : space;
}

// Without terminal colours.
size_t PlainSize(std::string_view text) {
  size_t size = 0;
  for (bool escape = false; char c : text) {
    escape = escape || c == '\x1b';
    if (!escape) ++size;
    if (c == 'm') escape = false;
  }
  return size;
}

// "name  value", the value going on below itself; a long name gets a line of its own.
void Row(std::string_view lead, std::string_view name, std::string_view value, std::string* out) {
  std::string line = StrCat(lead, Padded(name, kNameWidth));
  const std::string indent(PlainSize(lead) + kNameWidth, ' ');
  if (name.size() >= kNameWidth) {
    StrAppend(out, lead, name, "\n");
    line = indent;
  }
  const std::string text = Printable(value);
  std::string_view rest = text;
  do {
    const size_t end = Break(rest);
    StrAppend(out, line, rest.substr(0, end), "\n");
    rest = rest.substr(end);
    if (rest.starts_with(" ")) rest = rest.substr(1);
    line = indent;
  } while (!rest.empty());
}

class Painter {
 public:
  explicit Painter(bool color) : color_(color) {}
  std::string Good(std::string_view text) const { return Paint("\x1b[32m", text); }
  std::string Bad(std::string_view text) const { return Paint("\x1b[1;31m", text); }

 private:
  std::string Paint(std::string_view code, std::string_view text) const {
    return color_ ? StrCat(code, text, "\x1b[0m") : std::string(text);
  }
  bool color_;
};

void ChecksText(const tee::Appraisal& appraisal, const Painter& painter, std::string* out) {
  StrAppend(out, "\nchecks\n");
  for (const tee::Check& check : appraisal.checks) {
    if (check.passed) {
      Row(StrCat("  ", painter.Good("ok"), "    "), check.name, check.got, out);
      continue;
    }
    StrAppend(out, "  ", painter.Bad("FAIL"), "  ", Printable(check.name), "\n");
    Row("          ", "  expected", check.expected, out);
    Row("          ", "  got", check.got, out);
  }
}

// In the order in which AMD names them; any other part follows.
std::vector<std::string> TcbColumns(const std::map<std::string, Claims>& rows) {
  std::vector<std::string> out;
  const auto add = [&](const std::string& part) {
    const bool known = std::find(out.begin(), out.end(), part) != out.end();
    if (!known) out.push_back(part);
  };
  for (const char* part : {"fmc", "bootloader", "tee", "snp", "microcode"}) {
    for (const auto& [what, parts] : rows) {
      if (parts.contains(part)) add(part);
    }
  }
  for (const auto& [what, parts] : rows) {
    for (const auto& [part, value] : parts) add(part);
  }
  return out;
}

// One row a "<what>_tcb", one column a part.
void TcbText(Claims* claims, std::string* out) {
  std::map<std::string, Claims> rows;
  for (auto it = claims->begin(); it != claims->end();) {
    const size_t mark = it->first.find("_tcb.");
    if (mark == std::string::npos) {
      ++it;
      continue;
    }
    rows[it->first.substr(0, mark)][it->first.substr(mark + 5)] = it->second;
    it = claims->erase(it);
  }
  Claims pairs;
  std::erase_if(*claims, [&pairs](const auto& claim) {
    const bool of_tcb = claim.first.starts_with("tcb.");
    if (of_tcb) pairs[claim.first.substr(4)] = claim.second;
    return of_tcb;
  });
  if (!pairs.empty()) StrAppend(out, "\nTCB\n");
  for (const auto& [name, value] : pairs) Row("  ", Spoken(Printable(name)), value, out);
  if (rows.empty()) return;
  const std::vector<std::string> columns = TcbColumns(rows);
  StrAppend(out, "\n", Padded("TCB", kNameWidth - 8));
  for (const std::string& column : columns) StrAppend(out, "  ", Printable(column));
  StrAppend(out, "\n");
  for (auto& [what, parts] : rows) {
    StrAppend(out, "  ", Padded(what, kNameWidth - 10));
    for (const std::string& column : columns) {
      const std::string value = Printable(parts[column]);
      const size_t width = column.size() + 2;
      if (value.size() < width) out->append(width - value.size(), ' ');
      out->append(value);
    }
    StrAppend(out, "\n");
  }
}

// "pcr2" before "pcr14": runs of digits are compared as numbers.
struct Naturally {
  static size_t Digits(std::string_view text) {
    const size_t end = text.find_first_not_of("0123456789");
    return end == std::string_view::npos ? text.size() : end;
  }
  bool operator()(std::string_view a, std::string_view b) const {
    while (!a.empty() && !b.empty()) {
      const size_t in_a = Digits(a);
      const size_t in_b = Digits(b);
      if (in_a > 0 && in_b > 0 && in_a != in_b) return in_a < in_b;
      if (a.front() != b.front()) return a.front() < b.front();
      a.remove_prefix(1);
      b.remove_prefix(1);
    }
    return a.size() < b.size();
  }
};

void ClaimsText(const Claims& claims, bool long_hex, std::string_view title, std::string* out) {
  bool first = true;
  const std::map<std::string, std::string, Naturally> ordered(claims.begin(), claims.end());
  for (const auto& [name, value] : ordered) {
    if ((value.size() >= kLongHex && IsHex(value)) != long_hex) continue;
    if (first) StrAppend(out, "\n", title, "\n");
    first = false;
    Row("  ", Spoken(Printable(name)), value, out);
  }
}

Json Optional(const std::string& text) { return text.empty() ? Json(nullptr) : Json(text); }

// The check that refused: the first that failed.
std::string RefusedBy(const tee::Appraisal& appraisal) {
  for (const tee::Check& check : appraisal.checks) {
    if (!check.passed) return check.name;
  }
  return "";
}

}  // namespace

std::string VerdictText(const EvidenceVerdict& verdict, int64_t now, bool color) {
  const Painter painter(color);
  const tee::Appraisal& appraisal = verdict.appraisal;
  std::string out =
      StrCat(attestation::EvidenceFormatTitle(verdict.format), ", ", verdict.size, " bytes\n");
  StrAppend(&out, "judged at ", crypto::FormatTime(now));
  if (!appraisal.root.empty()) StrAppend(&out, "; root ", Printable(appraisal.root));
  StrAppend(&out, "\n");
  ChecksText(appraisal, painter, &out);
  Claims claims = appraisal.claims;
  TcbText(&claims, &out);
  ClaimsText(claims, true, "measurements and identities", &out);
  ClaimsText(claims, false, "claims", &out);
  if (appraisal.emulated) {
    StrAppend(&out, "\nAn emulator signed this: it proves nothing about hardware.\n");
  }
  if (verdict.verified()) {
    StrAppend(&out, "\n", painter.Good("verified"));
    if (!appraisal.reference.empty()) {
      StrAppend(&out, "; reference value ", Printable(appraisal.reference));
    }
    return out + "\n";
  }
  StrAppend(&out, "\n", painter.Bad("refused"), ": ", Printable(appraisal.refusal), " (",
            tee::RefusalClassName(appraisal.refusal_class), ")\n");
  return out;
}

absl::StatusOr<std::string> VerdictJson(const EvidenceVerdict& verdict, int64_t now) {
  const tee::Appraisal& appraisal = verdict.appraisal;
  Json checks = Json::array();
  for (const tee::Check& check : appraisal.checks) {
    checks.push_back({{"name", check.name},
                      {"passed", check.passed},
                      {"expected", check.expected},
                      {"got", check.got}});
  }
  Json refusal = nullptr;
  if (!verdict.verified()) {
    refusal = {{"check", RefusedBy(appraisal)},
               {"class", tee::RefusalClassName(appraisal.refusal_class)},
               {"why", appraisal.refusal}};
  }
  const Json document = {{"schema", kSchema},
                         {"format", attestation::EvidenceFormatName(verdict.format)},
                         {"size", verdict.size},
                         {"time", crypto::FormatTime(now)},
                         {"verdict", verdict.verified() ? "verified" : "refused"},
                         {"refusal", std::move(refusal)},
                         {"tee", tee::TeeName(appraisal.tee)},
                         {"emulated", appraisal.emulated},
                         {"root", Optional(appraisal.root)},
                         {"reference", Optional(appraisal.reference)},
                         {"checks", std::move(checks)},
                         {"claims", appraisal.claims}};
  ASSIGN_OR_RETURN(std::string text, DumpJson(document, 2));
  return text + "\n";
}

absl::StatusOr<std::string> UnreadableJson(const absl::Status& why, int64_t now) {
  const Json document = {
      {"schema", kSchema},
      {"time", crypto::FormatTime(now)},
      {"verdict", "unreadable"},
      {"refusal",
       {{"check", "file"},
        {"class", tee::RefusalClassName(tee::ClassOf(why, tee::RefusalClass::kFormat))},
        {"why", Message(why)}}}};
  ASSIGN_OR_RETURN(std::string text, DumpJson(document, 2));
  return text + "\n";
}

}  // namespace nacre::cli
