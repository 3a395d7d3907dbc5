// Names of resources a broker keeps: kbs:///<repository>/<type>/<tag>, and the HTTP path they map
// to.
#pragma once

#include <string>
#include <string_view>

#include "base/status.h"

namespace nacre::attestation {

// Three names, each [A-Za-z0-9_-]+[A-Za-z0-9_.-]* and at most kMaxPathSegmentSize bytes; so no name
// can be "." or "..", empty, or hold a slash or an escape.
struct ResourcePath {
  std::string repository;
  std::string type;
  std::string tag;

  bool operator==(const ResourcePath&) const = default;
  std::string Text() const { return repository + "/" + type + "/" + tag; }
  std::string Uri() const { return "kbs:///" + Text(); }
};

// "repository/type/tag". kInvalidArgument naming the part that is wrong.
absl::StatusOr<ResourcePath> ParseResourcePath(std::string_view text);

// "kbs:///repository/type/tag", or "kbs://host[:port]/..." whose host is ignored, as peers do: a
// guest asks the one broker its measured configuration names. A plugin ("kbs+name:") or a query is
// kUnimplemented.
absl::StatusOr<ResourcePath> ParseKbsUri(std::string_view uri);

}  // namespace nacre::attestation
