// Initdata: the owner's document for one guest. A TOML text (version "0.1.0", a digest algorithm
// and a table of named strings) travels from the pod's annotation over a small disk into the
// guest; the hardware reports the digest of its exact bytes (SNP HOST_DATA, TDX MRCONFIGID), so
// the guest can tell the owner's document from the host's. Format: Confidential Containers
// initdata 0.1.0 and Kata's "initdata" block image.
#pragma once

#include <array>
#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/status.h"
#include "crypto/digest.h"

namespace nacre::tee {

// Both are checked before memory is spent: the compressed size when it is read, the document's
// while it is inflated.
inline constexpr size_t kMaxInitdataDocument = 2 << 20;
inline constexpr size_t kMaxInitdataCompressed = 1 << 20;

inline constexpr std::string_view kInitdataAnnotation =
    "io.katacontainers.config.hypervisor.cc_init_data";
// Entries of [data] that Nacre's guest reads.
inline constexpr std::string_view kInitdataConfig = "nacre.toml";

using InitdataEntries = std::map<std::string, std::string, std::less<>>;

struct Initdata {
  crypto::HashAlgorithm algorithm = crypto::HashAlgorithm::kSha256;
  InitdataEntries data;
};

// Strict: unknown top-level keys, another version, an algorithm that is not exactly "sha256",
// "sha384" or "sha512", a value that is not a string, or a document over kMaxInitdataDocument are
// kInvalidArgument.
absl::StatusOr<Initdata> ParseInitdata(std::string_view document);

// A document that ParseInitdata reads back to the same value. The same value always gives the same
// bytes. kInvalidArgument when it would be too large or a value is not UTF-8.
absl::StatusOr<std::string> FormatInitdata(const Initdata& initdata);

// Digest of the exact bytes of `document`, under the algorithm it names.
absl::StatusOr<Bytes> InitdataDigest(std::string_view document);

// The digest as a report field shows it: cut, or padded with zeros behind, to the field's size.
std::array<uint8_t, 32> InitdataHostData(ByteView digest);    // SNP HOST_DATA
std::array<uint8_t, 48> InitdataMrConfigId(ByteView digest);  // TDX MRCONFIGID

// How the host hands it to the guest: "initdata", u64 little-endian size of the gzip member, the
// member, zeros up to a multiple of 512 (elsewhere it is a disk). Deterministic.
absl::StatusOr<Bytes> EncodeInitdataImage(std::string_view document);
// The image that says there is no document: a size of zero.
Bytes NoInitdataImage();
// The document in an image, or in the beginning of something larger. kNotFound when it says
// there is none, kInvalidArgument for a wrong
// magic or damaged gzip, kResourceExhausted past either cap.
absl::StatusOr<std::string> DecodeInitdataImage(ByteView image);

// Annotation value: base64 of the gzip member.
absl::StatusOr<std::string> EncodeInitdataAnnotation(std::string_view document);
absl::StatusOr<std::string> DecodeInitdataAnnotation(std::string_view annotation);

}  // namespace nacre::tee
