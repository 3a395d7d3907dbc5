// An object made member by member. An initializer list makes the same of an array for each member,
// which costs several allocations each.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "base/json.h"

namespace nacre {

//   Json point = JsonMembers().Set("x", 1).Set("y", 2).Build();
class JsonMembers {
 public:
  // Leaves what was set before under the same key.
  template <typename T>
  JsonMembers& Set(std::string_view key, T&& value) {
    members_.emplace(key, std::forward<T>(value));
    return *this;
  }
  Json Build() { return Json(std::move(members_)); }

 private:
  Json::object_t members_;
};

}  // namespace nacre
