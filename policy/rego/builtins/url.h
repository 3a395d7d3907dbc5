// URLs and their query parts as Go's net/url reads and writes them.
#pragma once

#include <string>
#include <string_view>

#include "base/status.h"

namespace nacre::rego {

// Space as "+", everything but letters, digits and -_.~ as %XX.
std::string QueryEscape(std::string_view text);
// kInvalidArgument: invalid URL escape "%zz"
absl::StatusOr<std::string> QueryUnescape(std::string_view text);

struct Url {
  std::string scheme;    // lower case
  std::string hostname;  // without brackets and port
  std::string port;
  std::string path;      // decoded
  std::string raw_path;  // as it was written
  std::string raw_query;
  std::string fragment;  // decoded
};
// kInvalidArgument: parse "...": first path segment in URL cannot contain colon
absl::StatusOr<Url> ParseUrl(std::string_view text);

}  // namespace nacre::rego
