// The owner's documents by name: image policy, keys, credentials, registry configuration. A name is
// a resource of the owner's broker ("kbs:///repository/type/tag", fetched through the one attested
// session) or a file ("file:///path" or "/path"), which in a guest is part of the measured image.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/secret_bytes.h"
#include "base/status.h"
#include "image-rs-cpp/decrypt/key_resolver.h"

namespace nacre::image {

inline constexpr size_t kMaxDocumentSize = 1 << 20;

class Documents {
 public:
  // `broker` outlives this; null: kbs names are refused (kFailedPrecondition).
  explicit Documents(KeyResolver* broker) : broker_(broker) {}

  // kInvalidArgument for another kind of name, kResourceExhausted past kMaxDocumentSize; the
  // broker's and the file system's own errors. All begin with the name.
  absl::StatusOr<SecretBytes> Load(std::string_view name) const;
  absl::StatusOr<std::string> LoadText(std::string_view name) const;

 private:
  KeyResolver* const broker_;
};

}  // namespace nacre::image
