#include "policy/rego/builtins/url.h"

#include "base/strings.h"
#include "policy/rego/builtins/go_quote.h"

namespace nacre::rego {
namespace {

enum class Part { kPath, kHost, kZone, kUser, kQuery, kFragment };

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f') return (c | 0x20) - 'a' + 10;
  return -1;
}

bool IsAlphanumeric(char c) {
  return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
}

// What a host may hold besides letters and digits.
bool IsHostByte(char c) {
  return static_cast<uint8_t>(c) >= 0x80 || IsAlphanumeric(c) ||
         std::string_view("-_.~!$&'()*+,;=:[]<>\"").find(c) != std::string_view::npos;
}

absl::StatusOr<std::string> Unescape(std::string_view text, Part part) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c == '%') {
      std::string_view escape = text.substr(i, 3);
      int high = escape.size() == 3 ? HexDigit(escape[1]) : -1;
      int low = escape.size() == 3 ? HexDigit(escape[2]) : -1;
      bool bad = high < 0 || low < 0;
      // In a host only bytes past ASCII may be escaped ("%25" apart, in an IPv6 zone).
      if (!bad && part == Part::kHost && high < 8 && escape != "%25") bad = true;
      if (bad) return absl::InvalidArgumentError(StrCat("invalid URL escape ", GoQuote(escape)));
      out.push_back(static_cast<char>(high << 4 | low));
      i += 2;
      continue;
    }
    if (part == Part::kHost && !IsHostByte(c)) {
      return absl::InvalidArgumentError(
          StrCat("invalid character ", GoQuote(text.substr(i, 1)), " in host name"));
    }
    out.push_back(part == Part::kQuery && c == '+' ? ' ' : c);
  }
  return out;
}

std::string Escape(std::string_view text, std::string_view allowed) {
  std::string out;
  for (char c : text) {
    if (IsAlphanumeric(c) || allowed.find(c) != allowed.npos) {
      out.push_back(c);
      continue;
    }
    out.push_back('%');
    out.push_back("0123456789ABCDEF"[static_cast<uint8_t>(c) >> 4]);
    out.push_back("0123456789ABCDEF"[static_cast<uint8_t>(c) & 15]);
  }
  return out;
}

std::string EscapePath(std::string_view path) { return Escape(path, "-_.~$&+,/:;=@"); }

// "scheme:rest" split; no scheme when the text does not begin with one.
absl::Status TakeScheme(std::string_view* rest, std::string* scheme) {
  for (size_t i = 0; i < rest->size(); ++i) {
    char c = (*rest)[i];
    bool letter = (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
    if (letter) continue;
    if (IsAlphanumeric(c) || c == '+' || c == '-' || c == '.') {
      if (i == 0) return absl::OkStatus();
      continue;
    }
    if (c != ':') return absl::OkStatus();
    if (i == 0) return absl::InvalidArgumentError("missing protocol scheme");
    for (char letter_or_digit : rest->substr(0, i)) {
      bool upper = letter_or_digit >= 'A' && letter_or_digit <= 'Z';
      scheme->push_back(static_cast<char>(upper ? letter_or_digit | 0x20 : letter_or_digit));
    }
    rest->remove_prefix(i + 1);
    return absl::OkStatus();
  }
  return absl::OkStatus();
}

bool IsPort(std::string_view text) { return text.find_first_not_of("0123456789") == text.npos; }

absl::Status ParseAuthority(std::string_view authority, Url* url) {
  if (size_t at = authority.rfind('@'); at != authority.npos) {
    std::string_view user = authority.substr(0, at);
    for (char c : user) {
      if (!IsAlphanumeric(c) &&
          std::string_view("-._:~!$&'()*+,;=%@").find(c) == std::string_view::npos) {
        return absl::InvalidArgumentError("net/url: invalid userinfo");
      }
    }
    RETURN_IF_ERROR(Unescape(user, Part::kUser).status());
    authority.remove_prefix(at + 1);
  }
  std::string_view host = authority;
  if (host.starts_with('[')) {
    size_t close = host.rfind(']');
    if (close == host.npos) return absl::InvalidArgumentError("missing ']' in host");
    std::string_view after = host.substr(close + 1);
    if (!after.empty() && (after[0] != ':' || !IsPort(after.substr(1)))) {
      return absl::InvalidArgumentError(StrCat("invalid port ", GoQuote(after), " after host"));
    }
    if (!after.empty()) url->port = after.substr(1);
    ASSIGN_OR_RETURN(url->hostname, Unescape(host.substr(1, close - 1), Part::kHost));
    return absl::OkStatus();
  }
  if (size_t colon = host.find(':'); colon != host.npos) {
    std::string_view port = host.substr(colon);
    if (!IsPort(port.substr(1))) {
      return absl::InvalidArgumentError(
          StrCat("invalid port ", GoQuote(host.substr(host.rfind(':'))), " after host"));
    }
    url->port = port.substr(1);
    host = host.substr(0, colon);
  }
  ASSIGN_OR_RETURN(url->hostname, Unescape(host, Part::kHost));
  return absl::OkStatus();
}

absl::Status ParseInto(std::string_view text, Url* url) {
  for (char c : text) {
    if (static_cast<uint8_t>(c) < 0x20 || c == 0x7f) {
      return absl::InvalidArgumentError("net/url: invalid control character in URL");
    }
  }
  size_t hash = text.find('#');
  if (hash != text.npos) {
    ASSIGN_OR_RETURN(url->fragment, Unescape(text.substr(hash + 1), Part::kFragment));
    text = text.substr(0, hash);
  }
  if (text == "*") {
    url->path = url->raw_path = "*";
    return absl::OkStatus();
  }
  RETURN_IF_ERROR(TakeScheme(&text, &url->scheme));
  if (size_t mark = text.find('?'); mark != text.npos) {
    url->raw_query = text.substr(mark + 1);
    text = text.substr(0, mark);
  }
  if (!text.starts_with('/')) {
    if (!url->scheme.empty()) return absl::OkStatus();  // opaque: "mailto:a@b"
    std::string_view segment = text.substr(0, text.find('/'));
    if (segment.find(':') != segment.npos) {
      return absl::InvalidArgumentError("first path segment in URL cannot contain colon");
    }
  }
  bool authority = text.starts_with("//") && (!url->scheme.empty() || !text.starts_with("///"));
  if (authority) {
    text.remove_prefix(2);
    size_t slash = std::min(text.find('/'), text.size());
    RETURN_IF_ERROR(ParseAuthority(text.substr(0, slash), url));
    text.remove_prefix(slash);
  }
  ASSIGN_OR_RETURN(url->path, Unescape(text, Part::kPath));
  // A path that is spelled as it would be spelled anyway is given decoded, as in Go.
  url->raw_path = EscapePath(url->path) == text ? url->path : std::string(text);
  return absl::OkStatus();
}

}  // namespace

std::string QueryEscape(std::string_view text) {
  std::string out = Escape(text, "-_.~ ");
  for (char& c : out) {
    if (c == ' ') c = '+';
  }
  return out;
}

absl::StatusOr<std::string> QueryUnescape(std::string_view text) {
  return Unescape(text, Part::kQuery);
}

absl::StatusOr<Url> ParseUrl(std::string_view text) {
  Url url;
  RETURN_IF_ERROR(ParseInto(text, &url), StrCat("parse ", GoQuote(text)));
  return url;
}

}  // namespace nacre::rego
