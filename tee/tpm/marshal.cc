#include "tee/tpm/marshal.h"

#include "base/strings.h"
#include "tee/common/refusal_class.h"

namespace nacre::tee::tpm {

absl::StatusOr<Bytes> ReadSized(ByteReader& reader, size_t max_size, std::string_view what) {
  ASSIGN_OR_RETURN(uint16_t size, reader.U16Be(what));
  if (size > max_size) {
    return absl::InvalidArgumentError(StrCat(what, ": ", size, " bytes, more than ", max_size));
  }
  ASSIGN_OR_RETURN(ByteView bytes, reader.Take(size, what));
  return ToBytes(bytes);
}

void PutSized(ByteWriter& writer, ByteView bytes) {
  writer.U16Be(static_cast<uint16_t>(bytes.size())).Put(bytes);
}

absl::StatusOr<eventlog::Bank> ReadHash(ByteReader& reader, std::string_view what) {
  ASSIGN_OR_RETURN(uint16_t id, reader.U16Be(what));
  const std::optional<eventlog::Bank> bank = eventlog::BankFromId(id);
  if (bank) return *bank;
  return RefusedError(RefusalClass::kUnsupported, StrCat(what, ": hash algorithm ", id));
}

absl::Status CheckDone(const ByteReader& reader) {
  if (reader.done()) return absl::OkStatus();
  return absl::InvalidArgumentError(StrCat(reader.remaining(), " bytes left over"));
}

absl::Status FormatError(const absl::Status& status, std::string_view structure) {
  return RefusedError(ClassOf(status, RefusalClass::kFormat),
                      StrCat(structure, ": ", Message(status)));
}

}  // namespace nacre::tee::tpm
