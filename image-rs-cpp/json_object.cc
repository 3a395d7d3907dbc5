#include "image-rs-cpp/json_object.h"

#include "base/strings.h"

namespace nacre::image {

absl::StatusOr<Json> ParseJsonObject(std::string_view text, std::string_view what,
                                     const JsonLimits& limits) {
  ASSIGN_OR_RETURN(Json document, ParseJson(text, limits), what);
  if (document.is_object()) return document;
  return absl::InvalidArgumentError(
      StrCat(what, ": not an object but ", std::string_view(document.type_name())));
}

}  // namespace nacre::image
