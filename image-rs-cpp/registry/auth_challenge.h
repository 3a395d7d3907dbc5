// What a registry answers to a request without a right: "WWW-Authenticate: Bearer realm=...,
// service=..., scope=..." (RFC 9110 section 11.6.1, distribution token specification).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/status.h"
#include "net/http_message.h"

namespace nacre::image {

struct BearerChallenge {
  std::string realm;  // URL of the token server
  std::string service;
  std::string scope;
};

// Of an answer's challenges the one to take: Bearer before Basic, else the first; "" without any.
std::string ChooseChallenge(const net::HttpHeaders& headers);
bool IsBasicChallenge(std::string_view header);

// kUnauthenticated for another scheme, kInvalidArgument for text
// that does not parse or names no realm.
absl::StatusOr<BearerChallenge> ParseBearerChallenge(std::string_view header);

struct TokenAnswer {
  std::string token;        // member "token", or "access_token"
  uint32_t expires_in = 0;  // seconds; 60 when the answer does not say, at most a day
};
absl::StatusOr<TokenAnswer> ParseTokenAnswer(std::string_view json);

// The error for an answer that is not what was asked for, with the beginning of its text; `who`
// gave it. 401 kUnauthenticated, 403 kPermissionDenied, 404 kNotFound, 429 and 5xx kUnavailable.
absl::Status RegistryRefusal(const net::HttpResponse& response, std::string_view who);

}  // namespace nacre::image
