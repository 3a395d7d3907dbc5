#include "tee/tpm/attest.h"

#include "base/strings.h"
#include "tee/tpm/marshal.h"

namespace nacre::tee::tpm {
namespace {

absl::StatusOr<std::vector<PcrSelection>> ReadSelections(ByteReader& reader) {
  ASSIGN_OR_RETURN(uint32_t count, reader.U32Be("number of PCR selections"));
  if (count > kMaxSelections) {
    return absl::InvalidArgumentError(StrCat(count, " PCR selections"));
  }
  std::vector<PcrSelection> out;
  for (uint32_t i = 0; i < count; ++i) {
    PcrSelection selection;
    ASSIGN_OR_RETURN(selection.bank, ReadHash(reader, "PCR selection"));
    ASSIGN_OR_RETURN(uint8_t size, reader.U8("PCR selection size"));
    if (size > kMaxSelectBytes) {
      return absl::InvalidArgumentError(StrCat("PCR selection of ", size, " bytes"));
    }
    ASSIGN_OR_RETURN(ByteView bits, reader.Take(size, "PCR selection"));
    selection.bits = ToBytes(bits);
    out.push_back(std::move(selection));
  }
  return out;
}

absl::StatusOr<Attest> ReadAttest(ByteView bytes) {
  ByteReader reader(bytes);
  ASSIGN_OR_RETURN(uint32_t magic, reader.U32Be("magic"));
  if (magic != kGeneratedMagic) {
    return absl::InvalidArgumentError("the magic is not TPM_GENERATED_VALUE");
  }
  ASSIGN_OR_RETURN(uint16_t type, reader.U16Be("type"));
  if (type != kAttestQuote) {
    return absl::InvalidArgumentError(StrCat("type ", type, " is not a quote"));
  }
  Attest out;
  ASSIGN_OR_RETURN(out.qualified_signer, ReadSized(reader, kMaxNameSize, "qualified signer"));
  ASSIGN_OR_RETURN(out.extra_data, ReadSized(reader, kMaxNonceSize, "extra data"));
  ASSIGN_OR_RETURN(out.clock, reader.U64Be("clock"));
  ASSIGN_OR_RETURN(out.reset_count, reader.U32Be("reset count"));
  ASSIGN_OR_RETURN(out.restart_count, reader.U32Be("restart count"));
  ASSIGN_OR_RETURN(uint8_t safe, reader.U8("safe"));
  if (safe > 1) return absl::InvalidArgumentError(StrCat("safe is ", safe));
  out.safe = safe == 1;
  ASSIGN_OR_RETURN(out.firmware_version, reader.U64Be("firmware version"));
  ASSIGN_OR_RETURN(out.selections, ReadSelections(reader));
  ASSIGN_OR_RETURN(out.pcr_digest, ReadSized(reader, eventlog::kMaxDigestSize, "PCR digest"));
  RETURN_IF_ERROR(CheckDone(reader));
  return out;
}

}  // namespace

bool PcrSelection::Has(uint32_t pcr) const {
  return pcr / 8 < bits.size() && (bits[pcr / 8] >> (pcr % 8) & 1) != 0;
}

std::vector<uint32_t> PcrSelection::Pcrs() const {
  std::vector<uint32_t> out;
  for (uint32_t pcr = 0; pcr < 8 * bits.size(); ++pcr) {
    if (Has(pcr)) out.push_back(pcr);
  }
  return out;
}

PcrSelection PcrSelection::Of(Bank bank, const std::vector<uint32_t>& pcrs) {
  PcrSelection out{bank, {0, 0, 0}};
  for (uint32_t pcr : pcrs) out.bits.at(pcr / 8) |= static_cast<uint8_t>(1u << pcr % 8);
  return out;
}

absl::StatusOr<Attest> ParseAttest(ByteView bytes) {
  auto out = ReadAttest(bytes);
  if (!out.ok()) return FormatError(out.status(), "TPMS_ATTEST");
  return out;
}

Bytes SerializeAttest(const Attest& attest) {
  ByteWriter out;
  out.U32Be(kGeneratedMagic).U16Be(kAttestQuote);
  PutSized(out, attest.qualified_signer);
  PutSized(out, attest.extra_data);
  out.U64Be(attest.clock).U32Be(attest.reset_count).U32Be(attest.restart_count);
  out.U8(attest.safe ? 1 : 0).U64Be(attest.firmware_version);
  out.U32Be(static_cast<uint32_t>(attest.selections.size()));
  for (const PcrSelection& selection : attest.selections) {
    out.U16Be(static_cast<uint16_t>(selection.bank));
    out.U8(static_cast<uint8_t>(selection.bits.size())).Put(selection.bits);
  }
  PutSized(out, attest.pcr_digest);
  return out.Release();
}

}  // namespace nacre::tee::tpm
