#include "image-rs-cpp/registry/digest.h"

#include <algorithm>

#include "base/encoding.h"
#include "base/strings.h"

namespace nacre::image {
namespace {

bool IsLowerHex(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

std::string Text(crypto::HashAlgorithm algorithm, ByteView digest) {
  return StrCat(algorithm == crypto::HashAlgorithm::kSha512 ? "sha512:" : "sha256:",
                HexEncode(digest));
}

absl::Status Compare(const std::string& actual, const std::string& expected,
                     std::string_view what) {
  if (actual == expected) return absl::OkStatus();
  return absl::DataLossError(StrCat(what, ": digest is ", actual, ", expected ", expected));
}

}  // namespace

absl::StatusOr<BlobDigest> BlobDigest::Parse(std::string_view text) {
  struct Form {
    std::string_view prefix;
    size_t digits;
    crypto::HashAlgorithm algorithm;
  };
  constexpr Form kForms[] = {{"sha256:", 64, crypto::HashAlgorithm::kSha256},
                             {"sha512:", 128, crypto::HashAlgorithm::kSha512}};
  for (const Form& form : kForms) {
    if (!text.starts_with(form.prefix)) continue;
    std::string_view hex = text.substr(form.prefix.size());
    if (hex.size() != form.digits || !IsLowerHex(hex)) break;
    return BlobDigest(std::string(text), form.algorithm);
  }
  return absl::InvalidArgumentError(
      StrCat("'", text.substr(0, 140),
             "' is not a digest; expected 'sha256:' and 64 lower-case hex digits, or "
             "'sha512:' and 128"));
}

BlobDigest BlobDigest::OfSha256(ByteView content) {
  constexpr auto kSha256 = crypto::HashAlgorithm::kSha256;
  return BlobDigest(Text(kSha256, crypto::Digest(kSha256, content)), kSha256);
}

absl::Status BlobDigest::Check(ByteView content, std::string_view what) const {
  return Compare(Text(algorithm_, crypto::Digest(algorithm_, content)), text_, what);
}

absl::Status DigestChecker::Finish(std::string_view what) {
  return Compare(Text(expected_.algorithm(), hasher_.Finish()), expected_.text(), what);
}

}  // namespace nacre::image
