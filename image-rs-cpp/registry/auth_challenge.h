// What a registry answers to a request without a right: "WWW-Authenticate: Bearer realm=...,
// service=..., scope=..." (RFC 9110 section 11.6.1, distribution token specification).
#pragma once

#include <string>
#include <string_view>

#include "base/status.h"

namespace nacre::image {

struct BearerChallenge {
  std::string realm;  // URL of the token server
  std::string service;
  std::string scope;
};

// kUnauthenticated for another scheme ("Basic": we have no password), kInvalidArgument for text
// that does not parse or names no realm.
absl::StatusOr<BearerChallenge> ParseBearerChallenge(std::string_view header);

// The token out of the token server's answer: member "token", or "access_token".
absl::StatusOr<std::string> ParseTokenAnswer(std::string_view json);

}  // namespace nacre::image
