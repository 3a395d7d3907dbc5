#include "tee/common/initdata.h"

#include <zlib.h>

#include <memory>

#include "base/encoding.h"
#include "base/json.h"
#include "base/strings.h"
#include "base/toml.h"

namespace nacre::tee {
namespace {

constexpr std::string_view kMagic = "initdata";
constexpr size_t kSector = 512;

struct AlgorithmName {
  crypto::HashAlgorithm algorithm;
  std::string_view name;
};
constexpr AlgorithmName kAlgorithms[] = {{crypto::HashAlgorithm::kSha256, "sha256"},
                                         {crypto::HashAlgorithm::kSha384, "sha384"},
                                         {crypto::HashAlgorithm::kSha512, "sha512"}};

absl::StatusOr<crypto::HashAlgorithm> AlgorithmFromName(std::string_view name) {
  for (const AlgorithmName& known : kAlgorithms) {
    if (known.name == name) return known.algorithm;
  }
  return absl::InvalidArgumentError(
      StrCat("initdata: algorithm is '", name, "', expected sha256, sha384 or sha512"));
}

absl::Status CheckDocumentSize(size_t size) {
  if (size <= kMaxInitdataDocument) return absl::OkStatus();
  return absl::ResourceExhaustedError(
      StrCat("initdata: document is larger than ", kMaxInitdataDocument, " bytes"));
}

absl::Status CheckCompressedSize(uint64_t size) {
  if (size <= kMaxInitdataCompressed) return absl::OkStatus();
  return absl::ResourceExhaustedError(
      StrCat("initdata: compressed size ", size, " is larger than ", kMaxInitdataCompressed));
}

// One gzip member. zlib's default header carries no time and no name, so equal input gives equal
// bytes.
absl::StatusOr<Bytes> Gzip(std::string_view document) {
  RETURN_IF_ERROR(CheckDocumentSize(document.size()));
  z_stream stream = {};
  if (deflateInit2(&stream, Z_BEST_COMPRESSION, Z_DEFLATED, 15 + 16, 9, Z_DEFAULT_STRATEGY) != Z_OK)
    return absl::InternalError("initdata: zlib refused to start");
  Bytes out(deflateBound(&stream, document.size()));
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(document.data()));
  stream.avail_in = document.size();
  stream.next_out = out.data();
  stream.avail_out = out.size();
  const int result = deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  if (result != Z_STREAM_END) return absl::InternalError("initdata: zlib failed to compress");
  RETURN_IF_ERROR(CheckCompressedSize(out.size()));
  return out;
}

// Exactly one gzip member, nothing behind it. Output grows in steps and stops one byte past the
// cap, so a bomb costs at most the cap.
absl::StatusOr<std::string> Gunzip(ByteView member) {
  RETURN_IF_ERROR(CheckCompressedSize(member.size()));
  z_stream stream = {};
  if (inflateInit2(&stream, 15 + 16) != Z_OK)
    return absl::InternalError("initdata: zlib refused to start");
  const std::unique_ptr<z_stream, int (*)(z_stream*)> owner(&stream, inflateEnd);
  stream.next_in = const_cast<Bytef*>(member.data());
  stream.avail_in = member.size();
  std::string out;
  int result = Z_OK;
  while (result == Z_OK) {
    const size_t have = out.size();
    if (have > kMaxInitdataDocument) return CheckDocumentSize(have);
    const size_t grown = std::min(std::max<size_t>(have * 2, 8192), kMaxInitdataDocument + 1);
    out.resize(grown);
    stream.next_out = reinterpret_cast<Bytef*>(out.data()) + have;
    stream.avail_out = grown - have;
    result = inflate(&stream, Z_NO_FLUSH);
    out.resize(grown - stream.avail_out);
    if (result == Z_OK && out.size() == have && stream.avail_in == 0) result = Z_BUF_ERROR;
  }
  if (result != Z_STREAM_END)
    return absl::InvalidArgumentError("initdata: gzip data is damaged or cut short");
  if (stream.avail_in != 0)
    return absl::InvalidArgumentError("initdata: bytes follow the gzip member");
  RETURN_IF_ERROR(CheckDocumentSize(out.size()));
  return out;
}

template <size_t N>
std::array<uint8_t, N> Fit(ByteView digest) {
  std::array<uint8_t, N> out = {};
  std::copy_n(digest.begin(), std::min(N, digest.size()), out.begin());
  return out;
}

bool IsControl(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }

// Literal text is what people read in the annotation; text that a literal cannot hold (its own
// quotes, control characters, a carriage return that a reader may normalise) is escaped.
std::string TomlString(std::string_view text) {
  bool literal = text.find("''") == text.npos && !text.ends_with('\'');
  for (char c : text) literal = literal && (!IsControl(c) || c == '\n' || c == '\t');
  if (literal) return StrCat("'''\n", text, "'''");
  std::string out = "\"";
  for (char c : text) {
    if (c == '"' || c == '\\') {
      StrAppend(&out, "\\", std::string_view(&c, 1));
    } else if (IsControl(c)) {
      StrAppend(&out, "\\u00", HexEncode({reinterpret_cast<const uint8_t*>(&c), 1}));
    } else {
      out += c;
    }
  }
  return out + "\"";
}

}  // namespace

absl::StatusOr<Initdata> ParseInitdata(std::string_view document) {
  RETURN_IF_ERROR(CheckDocumentSize(document.size()));
  ASSIGN_OR_RETURN(const Json toml, ParseToml(document), "initdata");
  RETURN_IF_ERROR(JsonOnlyMembers(toml, {"version", "algorithm", "data"}, "initdata"));
  ASSIGN_OR_RETURN(const std::string version, JsonString(toml, "version", "initdata"));
  if (version != "0.1.0")
    return absl::InvalidArgumentError(
        StrCat("initdata: version is '", version, "', expected '0.1.0'"));
  ASSIGN_OR_RETURN(const std::string algorithm, JsonString(toml, "algorithm", "initdata"));
  Initdata out;
  ASSIGN_OR_RETURN(out.algorithm, AlgorithmFromName(algorithm));
  ASSIGN_OR_RETURN(const Json* data, JsonObject(toml, "data", "initdata"));
  for (const auto& [name, value] : data->items()) {
    ASSIGN_OR_RETURN(out.data[name], JsonString(*data, name, "initdata: [data]"));
  }
  return out;
}

absl::StatusOr<std::string> FormatInitdata(const Initdata& initdata) {
  std::string out = "version = \"0.1.0\"\n";
  for (const AlgorithmName& known : kAlgorithms) {
    if (known.algorithm == initdata.algorithm)
      StrAppend(&out, "algorithm = \"", known.name, "\"\n");
  }
  StrAppend(&out, "\n[data]\n");
  for (const auto& [name, value] : initdata.data) {
    std::string key = TomlString(name);
    if (key.starts_with('\'')) key = StrCat("\"", name, "\"");
    StrAppend(&out, key, " = ", TomlString(value), "\n");
  }
  ASSIGN_OR_RETURN(const Initdata again, ParseInitdata(out));
  if (again.data != initdata.data)
    return absl::InvalidArgumentError("initdata: a value cannot be written as TOML");
  return out;
}

absl::StatusOr<Bytes> InitdataDigest(std::string_view document) {
  ASSIGN_OR_RETURN(const Initdata initdata, ParseInitdata(document));
  return crypto::Digest(initdata.algorithm, AsBytes(document));
}

std::array<uint8_t, 32> InitdataHostData(ByteView digest) { return Fit<32>(digest); }
std::array<uint8_t, 48> InitdataMrConfigId(ByteView digest) { return Fit<48>(digest); }

absl::StatusOr<Bytes> EncodeInitdataImage(std::string_view document) {
  ASSIGN_OR_RETURN(const Bytes member, Gzip(document));
  ByteWriter out;
  out.Put(kMagic).U64Le(member.size()).Put(member);
  out.Zeros((kSector - out.size() % kSector) % kSector);
  return out.Release();
}

Bytes NoInitdataImage() { return ByteWriter().Put(kMagic).U64Le(0).Release(); }

absl::StatusOr<std::string> DecodeInitdataImage(ByteView image) {
  ByteReader reader(image);
  ASSIGN_OR_RETURN(const ByteView magic, reader.Take(kMagic.size(), "initdata image: magic"));
  if (AsText(magic) != kMagic)
    return absl::InvalidArgumentError("initdata image: magic is not 'initdata'");
  ASSIGN_OR_RETURN(const uint64_t size, reader.U64Le("initdata image: size"));
  if (size == 0) return absl::NotFoundError("the host gave this pod no initdata");
  RETURN_IF_ERROR(CheckCompressedSize(size));
  ASSIGN_OR_RETURN(const ByteView member, reader.Take(size, "initdata image: gzip member"));
  return Gunzip(member);
}

absl::StatusOr<std::string> EncodeInitdataAnnotation(std::string_view document) {
  ASSIGN_OR_RETURN(const Bytes member, Gzip(document));
  return Base64Encode(member);
}

absl::StatusOr<std::string> DecodeInitdataAnnotation(std::string_view annotation) {
  RETURN_IF_ERROR(CheckCompressedSize(annotation.size() / 4 * 3));
  ASSIGN_OR_RETURN(const Bytes member, Base64Decode(annotation), "initdata annotation");
  return Gunzip(member);
}

}  // namespace nacre::tee
