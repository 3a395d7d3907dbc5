#include "image-rs-cpp/documents.h"

#include "base/file.h"
#include "base/strings.h"
#include "image-rs-cpp/printable.h"

namespace nacre::image {
namespace {

absl::StatusOr<SecretBytes> FromFile(std::string_view path) {
  ASSIGN_OR_RETURN(Bytes content, ReadFile(std::string(path), kMaxDocumentSize));
  SecretBytes out = SecretBytes::CopyOf(content);
  std::fill(content.begin(), content.end(), 0);
  return out;
}

absl::StatusOr<SecretBytes> FromBroker(KeyResolver* broker, std::string_view uri) {
  if (broker == nullptr) return absl::FailedPreconditionError("there is no key broker to ask");
  ASSIGN_OR_RETURN(SecretBytes content, broker->GetKey(uri));
  if (content.size() <= kMaxDocumentSize) return content;
  return absl::ResourceExhaustedError(
      StrCat("is ", content.size(), " bytes, allowed are ", kMaxDocumentSize));
}

}  // namespace

absl::StatusOr<SecretBytes> Documents::Load(std::string_view name) const {
  constexpr std::string_view kFile = "file://";
  absl::StatusOr<SecretBytes> content = absl::InvalidArgumentError(
      "is neither a broker's resource (kbs:///...) nor a file (file:///... or /...)");
  if (name.starts_with("kbs://")) content = FromBroker(broker_, name);
  if (name.starts_with("/")) content = FromFile(name);
  if (name.starts_with("file:///")) content = FromFile(name.substr(kFile.size()));
  if (!content.ok()) return Annotate(content.status(), StrCat("'", Printable(name), "'"));
  return content;
}

absl::StatusOr<std::string> Documents::LoadText(std::string_view name) const {
  ASSIGN_OR_RETURN(SecretBytes content, Load(name));
  return ToString(content.view());
}

}  // namespace nacre::image
