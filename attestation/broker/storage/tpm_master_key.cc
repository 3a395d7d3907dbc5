// The sealed object's file is JSON: {"schema":"nacre.tpm-sealed/1","public":BASE64,
// "private":BASE64,"pcrs":[7]}.
#include "attestation/broker/storage/tpm_master_key.h"

#include "base/encoding.h"
#include "base/file.h"
#include "base/json.h"
#include "base/strings.h"
#include "crypto/aead.h"
#include "crypto/random.h"
#include "tee/tpm/sealed_object.h"

namespace nacre::attestation {
namespace {

constexpr std::string_view kSchema = "nacre.tpm-sealed/1";
constexpr size_t kMaxFile = 16 << 10;

struct TpmUri {
  std::string file;
  std::string device = "/dev/tpmrm0";
  std::vector<uint32_t> pcrs;
};

absl::Status BadUri(std::string_view what) {
  return absl::InvalidArgumentError(StrCat("master_key: tpm: ", what));
}

absl::StatusOr<TpmUri> ParseUri(std::string_view uri, const std::string& folder) {
  TpmUri out;
  uri.remove_prefix(std::string_view("tpm:").size());
  const size_t question = uri.find('?');
  if (question == 0 || uri.empty()) return BadUri("want tpm:FILE?device=DEVICE");
  out.file = InFolder(std::string(uri.substr(0, question)), folder);
  if (question == std::string_view::npos) return out;
  for (std::string_view attribute : StrSplit(uri.substr(question + 1), '&')) {
    if (attribute.starts_with("device=")) {
      out.device = InFolder(std::string(attribute.substr(7)), folder);
    } else if (attribute.starts_with("pcrs=")) {
      for (std::string_view number : StrSplit(attribute.substr(5), ',')) {
        uint32_t pcr = 0;
        if (!ParseNumber(number, &pcr)) return BadUri(StrCat("'", number, "' is not a PCR"));
        out.pcrs.push_back(pcr);
      }
    } else {
      return BadUri(StrCat("'", attribute, "' is not understood"));
    }
  }
  return out;
}

absl::StatusOr<tee::tpm::SealedObject> ParseSealed(std::string_view text) {
  ASSIGN_OR_RETURN(const Json json, ParseJson(text));
  RETURN_IF_ERROR(JsonOnlyMembers(json, {"schema", "public", "private", "pcrs"}, "sealed object"));
  ASSIGN_OR_RETURN(const std::string schema, JsonString(json, "schema", "sealed object"));
  if (schema != kSchema) return absl::InvalidArgumentError(StrCat("schema is not ", kSchema));
  tee::tpm::SealedObject out;
  ASSIGN_OR_RETURN(const std::string public_area, JsonString(json, "public", "sealed object"));
  ASSIGN_OR_RETURN(const std::string private_area, JsonString(json, "private", "sealed object"));
  ASSIGN_OR_RETURN(out.public_area, Base64Decode(public_area));
  ASSIGN_OR_RETURN(out.private_area, Base64Decode(private_area));
  if (!json.contains("pcrs") || !json["pcrs"].is_array()) {
    return absl::InvalidArgumentError("pcrs is not a list");
  }
  for (const Json& pcr : json["pcrs"]) {
    if (!pcr.is_number_unsigned() || pcr.get<uint64_t>() > 23) {
      return absl::InvalidArgumentError("pcrs holds what is no PCR");
    }
    out.pcrs.push_back(pcr.get<uint32_t>());
  }
  return out;
}

}  // namespace

absl::StatusOr<std::unique_ptr<MasterKey>> OpenTpmMasterKey(const std::string& uri,
                                                            const std::string& folder) {
  ASSIGN_OR_RETURN(const TpmUri parsed, ParseUri(uri, folder));
  ASSIGN_OR_RETURN(const std::string text, ReadTextFile(parsed.file, kMaxFile), "master key");
  ASSIGN_OR_RETURN(const tee::tpm::SealedObject object, ParseSealed(text), parsed.file);
  ASSIGN_OR_RETURN(SecretBytes key, tee::tpm::UnsealFromTpm(parsed.device, object), parsed.file);
  return MasterKeyFromBytes(std::move(key), StrCat(parsed.file, " in the TPM ", parsed.device));
}

absl::Status CreateTpmMasterKey(const std::string& uri, const std::string& folder) {
  ASSIGN_OR_RETURN(const TpmUri parsed, ParseUri(uri, folder));
  if (PathExists(parsed.file)) {
    return absl::AlreadyExistsError(StrCat("master key: ", parsed.file, " exists"));
  }
  const SecretBytes key = crypto::RandomSecret(crypto::kAes256KeySize);
  ASSIGN_OR_RETURN(const tee::tpm::SealedObject object,
                   tee::tpm::SealToTpm(parsed.device, key.view(), parsed.pcrs));
  ASSIGN_OR_RETURN(const std::string text, DumpJson({{"schema", kSchema},
                                                     {"public", Base64Encode(object.public_area)},
                                                     {"private", Base64Encode(object.private_area)},
                                                     {"pcrs", object.pcrs}}));
  return WriteFileAtomic(parsed.file, AsBytes(text + "\n"), 0600);
}

}  // namespace nacre::attestation
