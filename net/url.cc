#include "net/url.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "base/strings.h"

namespace nacre::net {
namespace {

constexpr size_t kMaxUrl = 8192;

absl::Status Bad(std::string_view what) {
  return absl::InvalidArgumentError(StrCat("URL: ", what));
}

std::string Lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), absl::ascii_tolower);
  return out;
}

uint16_t DefaultPort(std::string_view scheme) { return scheme == "https" ? 443 : 80; }

bool IsUnreserved(char c) {
  return absl::ascii_isalnum(c) || c == '-' || c == '.' || c == '_' || c == '~';
}

// Names, IPv4 addresses and (inside brackets) IPv6 addresses; the resolver judges the rest.
bool IsHost(std::string_view host, bool bracketed) {
  if (host.empty() || host.size() > 255) return false;
  return std::all_of(host.begin(), host.end(), [bracketed](char c) {
    if (bracketed) return absl::ascii_isxdigit(c) || c == ':' || c == '.';
    return absl::ascii_isalnum(c) || c == '-' || c == '.' || c == '_';
  });
}

absl::StatusOr<uint16_t> ParsePort(std::string_view text) {
  uint16_t port = 0;
  if (!ParseNumber(text, &port) || port == 0) return Bad(StrCat("'", text, "' is not a port"));
  return port;
}

absl::Status ParseAuthority(std::string_view authority, Url* url) {
  if (authority.find('@') != authority.npos) return Bad("user information is not allowed");
  std::string_view host = authority;
  std::string_view port;
  bool has_port = false;
  bool bracketed = authority.starts_with("[");
  size_t colon = authority.find(':');
  if (bracketed) {
    size_t close = authority.find(']');
    if (close == std::string_view::npos) return Bad("'[' without ']'");
    host = authority.substr(1, close - 1);
    std::string_view rest = authority.substr(close + 1);
    has_port = !rest.empty();
    if (has_port && rest[0] != ':') return Bad("text after ']' is not a port");
    if (has_port) port = rest.substr(1);
  } else if (colon != std::string_view::npos) {
    has_port = true;
    host = authority.substr(0, colon);
    port = authority.substr(colon + 1);
  }
  if (!IsHost(host, bracketed)) return Bad(StrCat("'", host, "' is not a host"));
  url->host = Lower(host);
  url->port = DefaultPort(url->scheme);
  if (has_port) {
    ASSIGN_OR_RETURN(url->port, ParsePort(port));
  }
  return absl::OkStatus();
}

// RFC 3986 section 5.2.4, on a path that starts with '/'.
std::string RemoveDotSegments(std::string_view path) {
  std::vector<std::string_view> kept;
  std::vector<std::string_view> segments = StrSplit(path.substr(1), '/');
  for (size_t i = 0; i < segments.size(); ++i) {
    bool last = i + 1 == segments.size();
    bool dots = segments[i] == "." || segments[i] == "..";
    if (segments[i] == ".." && !kept.empty()) kept.pop_back();
    if (!dots) kept.push_back(segments[i]);
    if (dots && last) kept.push_back("");
  }
  std::string out;
  for (std::string_view segment : kept) StrAppend(&out, "/", segment);
  return out;
}

}  // namespace

std::string Url::HostPort() const {
  bool ipv6 = host.find(':') != host.npos;
  return StrCat(ipv6 ? "[" : "", host, ipv6 ? "]" : "", ":", port);
}

std::string Url::Authority() const {
  std::string text = HostPort();
  if (port == DefaultPort(scheme)) text.resize(text.rfind(':'));
  return text;
}

std::string Url::Origin() const { return StrCat(scheme, "://", Authority()); }

std::string Url::ToString() const { return Origin() + target; }

absl::StatusOr<Url> ParseUrl(std::string_view text) {
  if (text.size() > kMaxUrl) return Bad("longer than 8192 bytes");
  bool printable = std::all_of(text.begin(), text.end(), [](char c) {
    return absl::ascii_isgraph(static_cast<unsigned char>(c));
  });
  if (!printable) return Bad("white space, control or non-ASCII character");
  size_t colon = text.find("://");
  if (colon == std::string_view::npos) return Bad("no 'http://' or 'https://' in front");
  Url url;
  url.scheme = Lower(text.substr(0, colon));
  if (url.scheme != "http" && url.scheme != "https") {
    return Bad(StrCat("scheme '", url.scheme, "' is not http or https"));
  }
  std::string_view rest = text.substr(colon + 3);
  rest = rest.substr(0, rest.find('#'));
  size_t end = std::min(rest.find_first_of("/?"), rest.size());
  RETURN_IF_ERROR(ParseAuthority(rest.substr(0, end), &url));
  std::string_view target = rest.substr(end);
  url.target = StrCat(target.starts_with("/") ? "" : "/", target);
  return url;
}

absl::StatusOr<Url> ResolveUrl(const Url& base, std::string_view reference) {
  reference = reference.substr(0, reference.find('#'));
  size_t colon = reference.find(':');
  bool has_scheme = colon != std::string_view::npos && colon < reference.find_first_of("/?");
  if (has_scheme) return ParseUrl(reference);
  if (reference.starts_with("//")) {
    return ParseUrl(StrCat(base.scheme, ":", reference));
  }
  std::string_view base_path = std::string_view(base.target).substr(0, base.target.find('?'));
  if (reference.empty()) return ParseUrl(base.ToString());
  if (reference[0] == '?') return ParseUrl(StrCat(base.Origin(), base_path, reference));
  std::string_view path = reference.substr(0, reference.find('?'));
  std::string_view query = reference.substr(path.size());
  std::string merged(path);
  if (path[0] != '/') {
    merged = StrCat(base_path.substr(0, base_path.rfind('/') + 1), path);
  }
  return ParseUrl(StrCat(base.Origin(), RemoveDotSegments(merged), query));
}

std::string PercentEncode(std::string_view text, bool keep_slash) {
  static constexpr char kHex[] = "0123456789ABCDEF";
  std::string out;
  for (char c : text) {
    if (IsUnreserved(c) || (keep_slash && c == '/')) {
      out += c;
    } else {
      uint8_t byte = static_cast<uint8_t>(c);
      out += {'%', kHex[byte >> 4], kHex[byte & 15]};
    }
  }
  return out;
}

absl::StatusOr<std::string> PercentDecode(std::string_view text) {
  auto nibble = [](char c) { return c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10; };
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    if (text.size() - i < 3 || !absl::ascii_isxdigit(text[i + 1]) ||
        !absl::ascii_isxdigit(text[i + 2])) {
      return absl::InvalidArgumentError("percent escape is not two hexadecimal digits");
    }
    char byte = static_cast<char>(nibble(text[i + 1]) << 4 | nibble(text[i + 2]));
    if (byte == 0) return absl::InvalidArgumentError("percent escape of a NUL byte");
    out += byte;
    i += 2;
  }
  return out;
}

absl::StatusOr<std::vector<std::pair<std::string, std::string>>> ParseQuery(
    std::string_view query) {
  std::vector<std::pair<std::string, std::string>> out;
  for (std::string_view item : StrSplit(query, '&')) {
    if (item.empty()) continue;
    std::string text(item);
    std::replace(text.begin(), text.end(), '+', ' ');
    size_t equals = std::min(text.find('='), text.size());
    ASSIGN_OR_RETURN(std::string name, PercentDecode(std::string_view(text).substr(0, equals)));
    std::string_view rest = std::string_view(text).substr(equals);
    if (!rest.empty()) rest.remove_prefix(1);
    ASSIGN_OR_RETURN(std::string value, PercentDecode(rest));
    out.emplace_back(std::move(name), std::move(value));
  }
  return out;
}

}  // namespace nacre::net
