#include "image-rs-cpp/store/layer_index.h"

#include <algorithm>

#include "base/encoding.h"
#include "base/json.h"
#include "base/strings.h"

namespace nacre::image {
namespace {

constexpr std::string_view kWhat = "index entry";

std::string Encode(const std::string& path) { return Base64Encode(AsBytes(path)); }

absl::StatusOr<std::string> Decode(const Json& value) {
  if (!value.is_string()) return absl::InvalidArgumentError(StrCat(kWhat, ": not a path"));
  ASSIGN_OR_RETURN(Bytes path, Base64Decode(value.get_ref<const std::string&>()), kWhat);
  return ToString(path);
}

absl::StatusOr<uint64_t> Number(const Json& entry, const char* name) {
  auto found = entry.find(name);
  if (found == entry.end() || !found->is_number_unsigned()) {
    return absl::InvalidArgumentError(StrCat(kWhat, ": '", name, "' is not a number"));
  }
  return found->get<uint64_t>();
}

bool IsNumber(std::string_view text) {
  return !text.empty() && text.size() < 20 &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

}  // namespace

absl::StatusOr<std::string> FormatIndexEntry(const StoredLayer& layer, std::string_view folder) {
  Json folders = Json::array(), links = Json::array();
  for (const std::string& path : layer.facts.implicit_folders) folders.push_back(Encode(path));
  for (const auto& [path, target] : layer.facts.outside_links) {
    links.push_back(Json::array({Encode(path), Encode(target)}));
  }
  return DumpJson({{"diff_id", layer.diff_id},
                   {"folder", folder},
                   {"entries", layer.facts.entries},
                   {"bytes", layer.facts.bytes},
                   {"implicit_folders", std::move(folders)},
                   {"outside_links", std::move(links)}});
}

absl::StatusOr<StoredLayer> ParseIndexEntry(std::string_view text) {
  JsonLimits limits;
  limits.max_size = kMaxIndexEntry;
  limits.max_depth = 4;
  ASSIGN_OR_RETURN(Json entry, ParseJson(text, limits), kWhat);
  if (!entry.is_object()) return absl::InvalidArgumentError(StrCat(kWhat, ": not an object"));
  StoredLayer layer;
  ASSIGN_OR_RETURN(layer.diff_id, JsonString(entry, "diff_id", kWhat));
  RETURN_IF_ERROR(BlobDigest::Parse(layer.diff_id).status(), kWhat);
  ASSIGN_OR_RETURN(layer.path, JsonString(entry, "folder", kWhat));
  if (!IsNumber(layer.path)) return absl::InvalidArgumentError(StrCat(kWhat, ": bad folder"));
  ASSIGN_OR_RETURN(layer.facts.entries, Number(entry, "entries"));
  ASSIGN_OR_RETURN(layer.facts.bytes, Number(entry, "bytes"));
  const Json& folders = entry["implicit_folders"];
  const Json& links = entry["outside_links"];
  if (!folders.is_array() || !links.is_array()) {
    return absl::InvalidArgumentError(StrCat(kWhat, ": a list is missing"));
  }
  for (const Json& folder : folders) {
    ASSIGN_OR_RETURN(std::string path, Decode(folder));
    layer.facts.implicit_folders.insert(std::move(path));
  }
  for (const Json& link : links) {
    if (!link.is_array() || link.size() != 2) {
      return absl::InvalidArgumentError(StrCat(kWhat, ": a link is not a pair"));
    }
    ASSIGN_OR_RETURN(std::string path, Decode(link[0]));
    ASSIGN_OR_RETURN(layer.facts.outside_links[path], Decode(link[1]));
  }
  return layer;
}

}  // namespace nacre::image
