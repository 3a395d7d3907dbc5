#include "image-rs-cpp/signature/checkpoint.h"

#include "base/encoding.h"
#include "base/strings.h"

namespace nacre::image {
namespace {

constexpr size_t kMaxNote = 64 << 10;
constexpr size_t kMaxSignatures = 16;
constexpr size_t kKeyHashSize = 4;
constexpr std::string_view kSignatureMark = "\xe2\x80\x94 ";

absl::Status Bad(std::string_view why) {
  return absl::InvalidArgumentError(StrCat("checkpoint: ", why));
}

absl::StatusOr<Checkpoint> ParseBody(std::string_view body) {
  const std::vector<std::string_view> lines = StrSplit(body, '\n');
  if (lines.size() < 4) return Bad("has fewer than three lines");  // the last "line" is empty
  Checkpoint out;
  out.origin = lines[0];
  if (out.origin.empty()) return Bad("has no origin");
  if (!ParseNumber(lines[1], &out.tree_size)) return Bad("its tree size is not a number");
  absl::StatusOr<Bytes> root = Base64Decode(lines[2]);
  if (!root.ok() || root->size() != 32) return Bad("its root hash is not one");
  out.root = *std::move(root);
  return out;
}

// "<mark><name> <base64 of 4 bytes of key hash and the signature>"
absl::StatusOr<Bytes> ParseSignature(std::string_view line) {
  if (!line.starts_with(kSignatureMark)) return Bad("a signature line has no mark");
  line.remove_prefix(kSignatureMark.size());
  const size_t space = line.find(' ');
  if (space == line.npos || space == 0) return Bad("a signature line has no name");
  absl::StatusOr<Bytes> data = Base64Decode(line.substr(space + 1));
  if (!data.ok() || data->size() <= kKeyHashSize) return Bad("a signature does not parse");
  return data;
}

}  // namespace

absl::StatusOr<Checkpoint> VerifyCheckpoint(std::string_view note, const crypto::PublicKey& key) {
  if (note.size() > kMaxNote) return Bad("is larger than 64 KiB");
  const size_t gap = note.find("\n\n");
  if (gap == note.npos) return Bad("has no signatures");
  const std::string_view body = note.substr(0, gap + 1);  // with its last line end: signed too
  ASSIGN_OR_RETURN(Checkpoint checkpoint, ParseBody(body));
  ASSIGN_OR_RETURN(const Bytes spki, key.ToSpkiDer());
  const Bytes key_hash = crypto::Digest(crypto::HashAlgorithm::kSha256, spki);
  std::string_view rest = note.substr(gap + 2);
  if (!rest.ends_with('\n')) return Bad("does not end with a line end");
  rest.remove_suffix(1);
  const std::vector<std::string_view> lines = StrSplit(rest, '\n');
  if (lines.size() > kMaxSignatures) return Bad("has more than 16 signatures");
  std::vector<Bytes> signatures;
  for (std::string_view line : lines) {
    ASSIGN_OR_RETURN(Bytes data, ParseSignature(line));
    signatures.push_back(std::move(data));
  }
  for (const Bytes& data : signatures) {
    if (!std::equal(data.begin(), data.begin() + kKeyHashSize, key_hash.begin())) continue;
    const ByteView signature = ByteView(data).subspan(kKeyHashSize);
    RETURN_IF_ERROR(key.VerifyEcdsaDer(crypto::HashAlgorithm::kSha256, AsBytes(body), signature),
                    "checkpoint");
    return checkpoint;
  }
  return absl::UnauthenticatedError("checkpoint: not signed by this log");
}

}  // namespace nacre::image
