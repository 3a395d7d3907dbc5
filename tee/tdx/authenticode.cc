// edk2 (DxeTpm2MeasureBootLib) and every signing tool hash, in this order: the headers around two
// holes, the sections by their place in the file, and whatever follows the last section except the
// certificates. Unlike signing tools, firmware adds no padding: the file is hashed as it is.

#include "tee/tdx/authenticode.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "base/strings.h"

namespace nacre::tee::tdx {
namespace {

constexpr size_t kChecksum = 64;         // in the optional header
constexpr size_t kSizeOfHeaders = 60;    // in the optional header
constexpr size_t kCertificateEntry = 4;  // index of the security data directory
constexpr size_t kSectionHeaderSize = 40;
constexpr size_t kMaxSections = 96;  // as the Windows loader allows

absl::Status Refuse(std::string_view message) {
  return absl::InvalidArgumentError(StrCat("PE image: ", message));
}

absl::StatusOr<uint16_t> Word(ByteView image, size_t offset, std::string_view what) {
  ByteReader reader(image);
  RETURN_IF_ERROR(reader.Skip(offset, what));
  return reader.U16Le(what);
}

absl::StatusOr<uint32_t> DoubleWord(ByteView image, size_t offset, std::string_view what) {
  ByteReader reader(image);
  RETURN_IF_ERROR(reader.Skip(offset, what));
  return reader.U32Le(what);
}

struct Headers {
  size_t checksum = 0;         // offset of the 4-byte field
  size_t certificate_row = 0;  // offset of the 8-byte directory entry; 0 = the image has none
  size_t size = 0;             // of all headers
  size_t certificates = 0;     // bytes at the end of the file
  std::vector<std::pair<size_t, size_t>> sections;  // offset, size; by offset
};

absl::Status ReadSections(ByteView image, size_t table, size_t count, Headers* out) {
  if (count > kMaxSections) return Refuse(StrCat(count, " sections, at most ", kMaxSections));
  for (size_t i = 0; i < count; ++i) {
    const size_t row = table + i * kSectionHeaderSize;
    ASSIGN_OR_RETURN(const uint32_t size, DoubleWord(image, row + 16, "PE section size"));
    ASSIGN_OR_RETURN(const uint32_t offset, DoubleWord(image, row + 20, "PE section offset"));
    if (size == 0) continue;
    if (offset > image.size() || size > image.size() - offset) {
      return Refuse(StrCat("section ", i + 1, " lies outside the file"));
    }
    out->sections.emplace_back(offset, size);
  }
  std::sort(out->sections.begin(), out->sections.end());
  return absl::OkStatus();
}

absl::Status ReadCertificateRow(ByteView image, size_t optional, bool plus, Headers* out) {
  const size_t count_at = optional + (plus ? 108 : 92);
  ASSIGN_OR_RETURN(const uint32_t rows, DoubleWord(image, count_at, "PE directory count"));
  if (rows <= kCertificateEntry) return absl::OkStatus();
  out->certificate_row = count_at + 4 + kCertificateEntry * 8;
  ASSIGN_OR_RETURN(const uint32_t offset,
                   DoubleWord(image, out->certificate_row, "PE certificates"));
  ASSIGN_OR_RETURN(const uint32_t size,
                   DoubleWord(image, out->certificate_row + 4, "PE certificates"));
  if (size == 0) return absl::OkStatus();
  if (offset > image.size() || size != image.size() - offset) {
    return Refuse("the certificates are not the last bytes of the file");
  }
  out->certificates = size;
  return absl::OkStatus();
}

absl::StatusOr<Headers> ReadHeaders(ByteView image) {
  ASSIGN_OR_RETURN(const uint16_t dos, Word(image, 0, "DOS header"), "PE image");
  if (dos != 0x5a4d) return Refuse("no 'MZ' signature");
  ASSIGN_OR_RETURN(const uint32_t pe, DoubleWord(image, 0x3c, "DOS header"), "PE image");
  ASSIGN_OR_RETURN(const uint32_t signature, DoubleWord(image, pe, "PE signature"), "PE image");
  if (signature != 0x4550) return Refuse("no 'PE' signature");
  const size_t coff = size_t{pe} + 4;
  ASSIGN_OR_RETURN(const uint16_t sections, Word(image, coff + 2, "COFF header"), "PE image");
  ASSIGN_OR_RETURN(const uint16_t optional_size, Word(image, coff + 16, "COFF header"), "PE image");
  const size_t optional = coff + 20;
  ASSIGN_OR_RETURN(const uint16_t magic, Word(image, optional, "optional header"), "PE image");
  if (magic != 0x10b && magic != 0x20b) return Refuse("neither PE32 nor PE32+");
  Headers out;
  out.checksum = optional + kChecksum;
  ASSIGN_OR_RETURN(out.size, DoubleWord(image, optional + kSizeOfHeaders, "size of headers"));
  RETURN_IF_ERROR(ReadCertificateRow(image, optional, magic == 0x20b, &out));
  RETURN_IF_ERROR(ReadSections(image, optional + optional_size, sections, &out));
  const size_t last_field = std::max(out.checksum + 4, out.certificate_row + 8);
  if (out.size < last_field || out.size > image.size()) return Refuse("the headers do not fit");
  return out;
}

}  // namespace

absl::StatusOr<Bytes> AuthenticodeDigest(crypto::HashAlgorithm algorithm, ByteView image) {
  ASSIGN_OR_RETURN(const Headers headers, ReadHeaders(image));
  crypto::Hasher hasher(algorithm);
  const auto update = [&](size_t from, size_t to) {
    hasher.Update(image.subspan(from, to - from));
  };
  update(0, headers.checksum);
  if (headers.certificate_row == 0) {
    update(headers.checksum + 4, headers.size);
  } else {
    update(headers.checksum + 4, headers.certificate_row);
    update(headers.certificate_row + 8, headers.size);
  }
  size_t hashed = headers.size;
  for (const auto& [offset, size] : headers.sections) {
    update(offset, offset + size);
    hashed += size;
  }
  // What no section covers, between the last one and the certificates.
  const size_t end = image.size() - headers.certificates;
  if (hashed < end) update(hashed, end);
  return hasher.Finish();
}

}  // namespace nacre::tee::tdx
