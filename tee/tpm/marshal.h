// Pieces that every TPM structure is made of (TPM 2.0 Library, part 2). For the sources of this
// folder only.
#pragma once

#include <string_view>

#include "base/bytes.h"
#include "tee/eventlog/bank.h"

namespace nacre::tee::tpm {

// A TPM2B: a size of 16 bits and that many bytes, at most `max_size`.
absl::StatusOr<Bytes> ReadSized(ByteReader& reader, size_t max_size, std::string_view what);
void PutSized(ByteWriter& writer, ByteView bytes);

// A TPM_ALG_ID of a hash; class UNSUPPORTED for one that is not known.
absl::StatusOr<eventlog::Bank> ReadHash(ByteReader& reader, std::string_view what);

// kInvalidArgument when bytes are left over.
absl::Status CheckDone(const ByteReader& reader);

// A failure to read a structure, with its name: of class FORMAT, unless it has a class.
absl::Status FormatError(const absl::Status& status, std::string_view structure);

}  // namespace nacre::tee::tpm
