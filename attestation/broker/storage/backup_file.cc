#include "attestation/broker/storage/backup_file.h"

#include <fcntl.h>
#include <unistd.h>

#include "base/encoding.h"
#include "base/file.h"
#include "base/json.h"
#include "base/strings.h"
#include "crypto/aead.h"
#include "crypto/digest.h"
#include "crypto/random.h"

namespace nacre::attestation {
namespace {

constexpr std::string_view kMagic = "nacre-kbs backup 1\n";
constexpr std::string_view kContext = "backup";
constexpr size_t kMaxHeader = 4096;
constexpr size_t kFlushAt = 1 << 20;
enum : uint8_t { kNumber = 1, kText = 2, kBytes = 3 };

absl::Status Damaged(std::string_view what) {
  return absl::DataLossError(StrCat("backup: ", what));
}

Bytes IvOf(uint64_t frame) {
  ByteWriter iv;
  return iv.Zeros(crypto::kGcmIvSize - 8).U64Be(frame).Release();
}

Bytes AadOf(const Bytes& header_digest, bool last) {
  ByteWriter aad;
  return aad.Put(ByteView(header_digest)).U8(last ? 1 : 0).Release();
}

absl::StatusOr<sql::Value> ParseValue(ByteReader& reader) {
  ASSIGN_OR_RETURN(const uint8_t type, reader.U8("type"));
  if (type == kNumber) {
    ASSIGN_OR_RETURN(const uint64_t number, reader.U64Be("number"));
    return static_cast<int64_t>(number);
  }
  if (type != kText && type != kBytes) return Damaged("a value has no type");
  ASSIGN_OR_RETURN(const uint32_t size, reader.U32Be("size"));
  ASSIGN_OR_RETURN(const ByteView bytes, reader.Take(size, "value"));
  if (type == kText) return ToString(bytes);
  return ToBytes(bytes);
}

absl::StatusOr<BackupRow> ParseRow(ByteReader& reader) {
  BackupRow row;
  ASSIGN_OR_RETURN(const uint8_t name_size, reader.U8("table"));
  ASSIGN_OR_RETURN(const ByteView name, reader.Take(name_size, "table"));
  row.table = ToString(name);
  ASSIGN_OR_RETURN(const uint8_t columns, reader.U8("columns"));
  for (int i = 0; i < columns; ++i) {
    ASSIGN_OR_RETURN(sql::Value value, ParseValue(reader));
    row.values.push_back(std::move(value));
  }
  return row;
}

}  // namespace

void PutBackupRow(std::string_view table, const std::vector<sql::Value>& values, ByteWriter* out) {
  out->U8(static_cast<uint8_t>(table.size())).Put(table);
  out->U8(static_cast<uint8_t>(values.size()));
  for (const sql::Value& value : values) {
    if (const auto* number = std::get_if<int64_t>(&value)) {
      out->U8(kNumber).U64Be(static_cast<uint64_t>(*number));
    } else if (const auto* text = std::get_if<std::string>(&value)) {
      out->U8(kText).U32Be(static_cast<uint32_t>(text->size())).Put(*text);
    } else {
      const Bytes& bytes = std::get<Bytes>(value);
      out->U8(kBytes).U32Be(static_cast<uint32_t>(bytes.size())).Put(ByteView(bytes));
    }
  }
}

absl::StatusOr<std::vector<BackupRow>> ParseBackupRows(ByteView frame) {
  ByteReader reader(frame);
  std::vector<BackupRow> rows;
  while (!reader.done()) {
    auto row = ParseRow(reader);
    if (!row.ok()) return Damaged(StrCat("a row ends early (", Message(row.status()), ")"));
    rows.push_back(*std::move(row));
  }
  return rows;
}

absl::StatusOr<BackupWriter> BackupWriter::Begin(int fd, MasterKey& master, int64_t made_at,
                                                 int64_t schema) {
  SecretBytes key = crypto::RandomSecret(crypto::kAes256KeySize);
  ASSIGN_OR_RETURN(const Bytes wrapped, master.Wrap(kContext, key), master.Describe());
  ASSIGN_OR_RETURN(
      const std::string header,
      DumpJson({{"made_at", made_at}, {"schema", schema}, {"key", Base64Encode(wrapped)}}));
  ByteWriter out;
  out.Put(kMagic).U32Be(static_cast<uint32_t>(header.size())).Put(header);
  RETURN_IF_ERROR(WriteAll(fd, out.bytes()), "backup");
  return BackupWriter(fd, std::move(key),
                      crypto::Digest(crypto::HashAlgorithm::kSha256, AsBytes(header)));
}

absl::Status BackupWriter::Add(std::string_view table, const std::vector<sql::Value>& values) {
  PutBackupRow(table, values, &rows_);
  return rows_.size() >= kFlushAt ? WriteFrame(false) : absl::OkStatus();
}

absl::Status BackupWriter::Finish() { return WriteFrame(true); }

absl::Status BackupWriter::WriteFrame(bool last) {
  const Bytes rows = rows_.Release();
  rows_ = ByteWriter();
  if (rows.size() > kMaxBackupFrame) return absl::InternalError("backup: a row is too large");
  ASSIGN_OR_RETURN(const Bytes sealed, crypto::Aes256GcmSeal(key_.view(), IvOf(frames_++),
                                                             AadOf(header_digest_, last), rows));
  ByteWriter head;
  head.U8(last ? 1 : 0).U32Be(static_cast<uint32_t>(sealed.size()));
  RETURN_IF_ERROR(WriteAll(fd_, head.bytes()), "backup");
  RETURN_IF_ERROR(WriteAll(fd_, sealed), "backup");
  return absl::OkStatus();
}

absl::StatusOr<BackupReader> BackupReader::Open(const std::string& path, MasterKey& master) {
  ASSIGN_OR_RETURN(UniqueFd fd, OpenFile(path, O_RDONLY), "backup");
  BackupReader out(std::move(fd));
  const absl::Status no_backup = absl::InvalidArgumentError(StrCat(path, " is not a backup"));
  Bytes head(kMagic.size() + 4);
  if (!ReadExact(out.fd_.get(), head).ok() || !AsText(head).starts_with(kMagic)) return no_backup;
  ASSIGN_OR_RETURN(const uint32_t size,
                   ByteReader(ByteView(head).subspan(kMagic.size())).U32Be("size"));
  if (size > kMaxHeader) return no_backup;
  std::string header(size, '\0');
  if (!ReadExact(out.fd_.get(), {reinterpret_cast<uint8_t*>(header.data()), header.size()}).ok()) {
    return no_backup;
  }
  ASSIGN_OR_RETURN(const Json json, ParseJson(header), path);
  ASSIGN_OR_RETURN(const uint64_t made_at, JsonUint(json, "made_at", path));
  ASSIGN_OR_RETURN(const uint64_t schema, JsonUint(json, "schema", path));
  ASSIGN_OR_RETURN(const std::string key, JsonString(json, "key", path));
  ASSIGN_OR_RETURN(const Bytes wrapped, Base64Decode(key), path);
  out.made_at_ = static_cast<int64_t>(made_at);
  out.schema_ = static_cast<int64_t>(schema);
  out.header_digest_ = crypto::Digest(crypto::HashAlgorithm::kSha256, AsBytes(header));
  auto opened = master.Unwrap(kContext, wrapped);
  if (absl::IsUnauthenticated(opened.status())) {
    return absl::FailedPreconditionError(
        StrCat(path, " was made under another master key than ", master.Describe()));
  }
  RETURN_IF_ERROR(opened.status(), master.Describe());
  out.key_ = *std::move(opened);
  return out;
}

absl::StatusOr<std::vector<BackupRow>> BackupReader::Next() {
  if (last_) return std::vector<BackupRow>();
  Bytes head(5);
  if (!ReadExact(fd_.get(), head).ok()) return Damaged("the file is cut off");
  ByteReader reader(head);
  ASSIGN_OR_RETURN(const uint8_t kind, reader.U8("kind"));
  ASSIGN_OR_RETURN(const uint32_t size, reader.U32Be("size"));
  if (kind > 1 || size > kMaxBackupFrame + crypto::kGcmTagSize) return Damaged("a frame is wrong");
  Bytes sealed(size);
  if (!ReadExact(fd_.get(), sealed).ok()) return Damaged("the file is cut off");
  last_ = kind == 1;
  const auto rows =
      crypto::Aes256GcmOpen(key_.view(), IvOf(frames_++), AadOf(header_digest_, last_), sealed);
  if (!rows.ok()) return Damaged("a frame is not what was written");
  uint8_t more = 0;
  if (last_ && ::read(fd_.get(), &more, 1) != 0) return Damaged("bytes were added to the file");
  ASSIGN_OR_RETURN(std::vector<BackupRow> out, ParseBackupRows(rows->view()));
  if (out.empty() && !last_) return Damaged("a frame is empty");
  return out;
}

}  // namespace nacre::attestation
