// What an HTTP client and an HTTP server both speak of.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace nacre::net {

// In the order of the wire; names in any case, repeated names allowed.
using HttpHeaders = std::vector<std::pair<std::string, std::string>>;

// The value of the first header of this name (compared without case), or "" when there is none.
std::string_view FindHeader(const HttpHeaders& headers, std::string_view name);

// Whether these can be sent as they are: a token for the name (RFC 9110 section 5.6.2), no CR, LF
// or NUL in the value.
bool IsValidToken(std::string_view text);
bool IsValidHeaderValue(std::string_view value);

struct HttpRequest {
  std::string method = "GET";
  std::string url = "";      // absolute, http or https
  HttpHeaders headers = {};  // Host, Content-Length and User-Agent are added by the client
  std::string body = "";
};

struct HttpResponse {
  int status = 200;
  HttpHeaders headers = {};  // Content-Length is added by the server
  std::string body = "";

  std::string_view Header(std::string_view name) const { return FindHeader(headers, name); }
};

// A response with this body and Content-Type.
HttpResponse MakeResponse(int status, std::string_view content_type, std::string body);

}  // namespace nacre::net
