// Requests of ../shared/data/kata-policy as protobuf messages, for tests.
#pragma once

#include <google/protobuf/message.h>

#include <memory>
#include <string>

#include "base/json.h"

namespace nacre::policy {

// ../shared/data/kata-policy, or NACRE_SHARED_DATA/kata-policy.
std::string KataPolicyFolder();

// A message as Kata's tools read such JSON: what is left out has its default, what the message does
// not know is passed over. nullptr when there is no such message.
std::unique_ptr<google::protobuf::Message> MakeRequest(const std::string& kind, const Json& json);

}  // namespace nacre::policy
