#include "tee/tpm/device.h"

#include <tss2/tss2_esys.h>
#include <tss2/tss2_mu.h>

#include <algorithm>

#include "base/strings.h"
#include "tee/eventlog/event_log.h"
#include "tee/tpm/esapi.h"
#include "tee/tpm/transport.h"

namespace nacre::tee::tpm {
namespace {

constexpr size_t kNvChunk = 512;  // every TPM reads as much at once
constexpr size_t kMaxNv = 16384;
constexpr int kQuoteAttempts = 5;

// Of the default endorsement key templates: PolicySecret(TPM_RH_ENDORSEMENT), SHA-256.
constexpr uint8_t kEkPolicy[] = {0x83, 0x71, 0x97, 0x67, 0x44, 0x84, 0xb3, 0xf8, 0x1a, 0x90, 0xcc,
                                 0x8d, 0x46, 0xa5, 0xd7, 0x24, 0xfd, 0x52, 0xd7, 0x6e, 0x06, 0x52,
                                 0x0b, 0x64, 0xf2, 0xa1, 0xda, 0x1b, 0x33, 0x14, 0x69, 0xaa};

TPM2B_PUBLIC EkTemplate() {
  TPM2B_PUBLIC out = {};
  TPMT_PUBLIC& area = out.publicArea;
  area.type = TPM2_ALG_RSA;
  area.nameAlg = TPM2_ALG_SHA256;
  area.objectAttributes = TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT |
                          TPMA_OBJECT_SENSITIVEDATAORIGIN | TPMA_OBJECT_ADMINWITHPOLICY |
                          TPMA_OBJECT_RESTRICTED | TPMA_OBJECT_DECRYPT;
  area.authPolicy.size = sizeof kEkPolicy;
  std::copy_n(kEkPolicy, sizeof kEkPolicy, area.authPolicy.buffer);
  area.parameters.rsaDetail.symmetric.algorithm = TPM2_ALG_AES;
  area.parameters.rsaDetail.symmetric.keyBits.aes = 128;
  area.parameters.rsaDetail.symmetric.mode.aes = TPM2_ALG_CFB;
  area.parameters.rsaDetail.scheme.scheme = TPM2_ALG_NULL;
  area.parameters.rsaDetail.keyBits = 2048;
  area.unique.rsa.size = 256;
  return out;
}

TPM2B_PUBLIC AkTemplate() {
  TPM2B_PUBLIC out = {};
  TPMT_PUBLIC& area = out.publicArea;
  area.type = TPM2_ALG_ECC;
  area.nameAlg = TPM2_ALG_SHA256;
  area.objectAttributes = TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT |
                          TPMA_OBJECT_SENSITIVEDATAORIGIN | TPMA_OBJECT_USERWITHAUTH |
                          TPMA_OBJECT_RESTRICTED | TPMA_OBJECT_SIGN_ENCRYPT;
  area.parameters.eccDetail.symmetric.algorithm = TPM2_ALG_NULL;
  area.parameters.eccDetail.scheme.scheme = TPM2_ALG_ECDSA;
  area.parameters.eccDetail.scheme.details.ecdsa.hashAlg = TPM2_ALG_SHA256;
  area.parameters.eccDetail.curveID = TPM2_ECC_NIST_P256;
  area.parameters.eccDetail.kdf.scheme = TPM2_ALG_NULL;
  return out;
}

TPML_PCR_SELECTION ToTss(const PcrSelection& selection) {
  TPML_PCR_SELECTION out = {};
  out.count = 1;
  out.pcrSelections[0].hash = static_cast<uint16_t>(selection.bank);
  out.pcrSelections[0].sizeofSelect = 3;
  std::copy_n(selection.bits.begin(), std::min<size_t>(3, selection.bits.size()),
              out.pcrSelections[0].pcrSelect);
  return out;
}

// A sized buffer of the TSS; false when `bytes` does not fit.
template <typename T, size_t N>
bool Fill(ByteView bytes, uint16_t* size, T (&buffer)[N]) {
  if (bytes.size() > N) return false;
  *size = static_cast<uint16_t>(bytes.size());
  std::copy(bytes.begin(), bytes.end(), buffer);
  return true;
}

}  // namespace

// The ESAPI context, and the keys loaded through it.
class TpmDevice::Esys {
 public:
  explicit Esys(Transport transport) : transport_(std::move(transport)) {}
  ~Esys() {
    for (ESYS_TR key : {ek_, ak_}) {
      if (key != ESYS_TR_NONE) Esys_FlushContext(context_, key);
    }
    Esys_Finalize(&context_);
  }
  Esys(const Esys&) = delete;
  Esys& operator=(const Esys&) = delete;

  absl::Status Initialize() {
    if (Esys_Initialize(&context_, transport_.get(), nullptr) != TSS2_RC_SUCCESS) {
      return absl::UnavailableError("TPM: ESAPI does not initialise");
    }
    return absl::OkStatus();
  }
  ESYS_CONTEXT* get() { return context_; }

  absl::StatusOr<ESYS_TR> Ek() { return Primary(EkTemplate(), &ek_, nullptr); }
  absl::StatusOr<ESYS_TR> Ak() { return Primary(AkTemplate(), &ak_, &ak_public_); }
  const TPMT_PUBLIC& ak_public() const { return ak_public_; }

 private:
  absl::StatusOr<ESYS_TR> Primary(const TPM2B_PUBLIC& area, ESYS_TR* key, TPMT_PUBLIC* made) {
    if (*key != ESYS_TR_NONE) return *key;
    const TPM2B_SENSITIVE_CREATE sensitive = {};
    const TPM2B_DATA outside = {};
    const TPML_PCR_SELECTION none = {};
    Owned<TPM2B_PUBLIC> out;
    RETURN_IF_TPM_ERROR("TPM2_CreatePrimary",
                        Esys_CreatePrimary(context_, ESYS_TR_RH_ENDORSEMENT, ESYS_TR_PASSWORD,
                                           ESYS_TR_NONE, ESYS_TR_NONE, &sensitive, &area, &outside,
                                           &none, key, &out.value, nullptr, nullptr, nullptr));
    if (made != nullptr) *made = out.value->publicArea;
    return *key;
  }

  Transport transport_;
  ESYS_CONTEXT* context_ = nullptr;
  ESYS_TR ek_ = ESYS_TR_NONE;
  ESYS_TR ak_ = ESYS_TR_NONE;
  TPMT_PUBLIC ak_public_ = {};
};

TpmDevice::TpmDevice(std::unique_ptr<Esys> esys) : esys_(std::move(esys)) {}
TpmDevice::~TpmDevice() = default;

absl::StatusOr<std::unique_ptr<TpmDevice>> TpmDevice::Open(const std::string& path) {
  ASSIGN_OR_RETURN(Transport transport, OpenTransport(path));
  auto esys = std::make_unique<Esys>(std::move(transport));
  RETURN_IF_ERROR(esys->Initialize());
  std::unique_ptr<TpmDevice> device(new TpmDevice(std::move(esys)));
  const auto banks = device->Banks();
  if (!banks.ok()) {
    return absl::UnavailableError(StrCat("TPM ", path, ": ", Message(banks.status())));
  }
  return device;
}

absl::StatusOr<Bytes> TpmDevice::ReadNv(uint32_t index) {
  ESYS_TR nv = ESYS_TR_NONE;
  if (Esys_TR_FromTPMPublic(esys_->get(), index, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, &nv) !=
      TSS2_RC_SUCCESS) {
    return absl::NotFoundError(StrCat("TPM: no NV index ", index));
  }
  Owned<TPM2B_NV_PUBLIC> area;
  RETURN_IF_TPM_ERROR("TPM2_NV_ReadPublic",
                      Esys_NV_ReadPublic(esys_->get(), nv, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE,
                                         &area.value, nullptr));
  const size_t size = area.value->nvPublic.dataSize;
  if (size > kMaxNv) return absl::InternalError(StrCat("TPM: NV index of ", size, " bytes"));
  Bytes out;
  while (out.size() < size) {
    Owned<TPM2B_MAX_NV_BUFFER> piece;
    const auto wanted = static_cast<uint16_t>(std::min(kNvChunk, size - out.size()));
    RETURN_IF_TPM_ERROR(
        "TPM2_NV_Read",
        Esys_NV_Read(esys_->get(), ESYS_TR_RH_OWNER, nv, ESYS_TR_PASSWORD, ESYS_TR_NONE,
                     ESYS_TR_NONE, wanted, static_cast<uint16_t>(out.size()), &piece.value));
    if (piece.value->size == 0) return absl::InternalError("TPM: NV index ends early");
    out.insert(out.end(), piece.value->buffer, piece.value->buffer + piece.value->size);
  }
  return out;
}

absl::StatusOr<Bytes> TpmDevice::AkPublic() {
  RETURN_IF_ERROR(esys_->Ak().status());
  Bytes out(sizeof(TPMT_PUBLIC));
  size_t size = 0;
  RETURN_IF_TPM_ERROR(
      "marshalling TPMT_PUBLIC",
      Tss2_MU_TPMT_PUBLIC_Marshal(&esys_->ak_public(), out.data(), out.size(), &size));
  out.resize(size);
  return out;
}

absl::StatusOr<Bytes> TpmDevice::ActivateCredential(const Credential& credential) {
  ASSIGN_OR_RETURN(ESYS_TR ek, esys_->Ek());
  ASSIGN_OR_RETURN(ESYS_TR ak, esys_->Ak());
  TPM2B_ID_OBJECT object = {};
  TPM2B_ENCRYPTED_SECRET secret = {};
  if (!Fill(credential.id_object, &object.size, object.credential) ||
      !Fill(credential.encrypted_secret, &secret.size, secret.secret)) {
    return absl::InvalidArgumentError("TPM: the credential is too large");
  }
  const TPMT_SYM_DEF no_encryption = {.algorithm = TPM2_ALG_NULL, .keyBits = {}, .mode = {}};
  ESYS_TR session = ESYS_TR_NONE;
  RETURN_IF_TPM_ERROR("TPM2_StartAuthSession",
                      Esys_StartAuthSession(esys_->get(), ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE,
                                            ESYS_TR_NONE, ESYS_TR_NONE, nullptr, TPM2_SE_POLICY,
                                            &no_encryption, TPM2_ALG_SHA256, &session));
  Owned<TPM2B_DIGEST> out;
  TSS2_RC code =
      Esys_PolicySecret(esys_->get(), ESYS_TR_RH_ENDORSEMENT, session, ESYS_TR_PASSWORD,
                        ESYS_TR_NONE, ESYS_TR_NONE, nullptr, nullptr, nullptr, 0, nullptr, nullptr);
  if (code == TSS2_RC_SUCCESS) {
    code = Esys_ActivateCredential(esys_->get(), ak, ek, ESYS_TR_PASSWORD, session, ESYS_TR_NONE,
                                   &object, &secret, &out.value);
  }
  // A used policy session is flushed by the TPM only when told so.
  Esys_FlushContext(esys_->get(), session);
  RETURN_IF_TPM_ERROR("TPM2_ActivateCredential", code);
  return Bytes(out.value->buffer, out.value->buffer + out.value->size);
}

absl::StatusOr<std::vector<Bank>> TpmDevice::Banks() {
  Owned<TPMS_CAPABILITY_DATA> data;
  TPMI_YES_NO more = 0;
  RETURN_IF_TPM_ERROR("TPM2_GetCapability",
                      Esys_GetCapability(esys_->get(), ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE,
                                         TPM2_CAP_PCRS, 0, 1, &more, &data.value));
  const TPML_PCR_SELECTION& assigned = data.value->data.assignedPCR;
  std::vector<Bank> out;
  for (uint32_t i = 0; i < std::min<uint32_t>(assigned.count, TPM2_NUM_PCR_BANKS); ++i) {
    const TPMS_PCR_SELECTION& one = assigned.pcrSelections[i];
    const auto bank = eventlog::BankFromId(one.hash);
    const bool used = std::any_of(one.pcrSelect, one.pcrSelect + one.sizeofSelect,
                                  [](uint8_t byte) { return byte != 0; });
    if (bank && used) out.push_back(*bank);
  }
  return out;
}

absl::StatusOr<PcrValues> TpmDevice::ReadPcrs(const PcrSelection& selection) {
  PcrValues out;
  std::vector<uint32_t> left = selection.Pcrs();
  while (!left.empty()) {
    const TPML_PCR_SELECTION wanted = ToTss(PcrSelection::Of(selection.bank, left));
    Owned<TPML_PCR_SELECTION> given;
    Owned<TPML_DIGEST> digests;
    RETURN_IF_TPM_ERROR("TPM2_PCR_Read",
                        Esys_PCR_Read(esys_->get(), ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE,
                                      &wanted, nullptr, &given.value, &digests.value));
    const uint32_t count = std::min<uint32_t>(digests.value->count, 8);
    if (count == 0 || count > left.size()) {
      return absl::InternalError(
          StrCat("TPM: PCR ", left[0], " of ", BankName(selection.bank), " can not be read"));
    }
    // The TPM gives the first ones of the selection.
    for (uint32_t i = 0; i < count; ++i) {
      const TPM2B_DIGEST& digest = digests.value->digests[i];
      out[left[i]] = Bytes(digest.buffer, digest.buffer + digest.size);
    }
    left.erase(left.begin(), left.begin() + count);
  }
  return out;
}

absl::StatusOr<TpmEvidence> TpmDevice::Quote(const PcrSelection& selection, ByteView nonce) {
  ASSIGN_OR_RETURN(ESYS_TR ak, esys_->Ak());
  TPM2B_DATA data = {};
  if (!Fill(nonce, &data.size, data.buffer)) {
    return absl::InvalidArgumentError(StrCat("TPM: nonce of ", nonce.size(), " bytes"));
  }
  const TPMT_SIG_SCHEME scheme = {.scheme = TPM2_ALG_NULL, .details = {}};
  const TPML_PCR_SELECTION pcrs = ToTss(selection);
  for (int attempt = 0; attempt < kQuoteAttempts; ++attempt) {
    Owned<TPM2B_ATTEST> attest;
    Owned<TPMT_SIGNATURE> signature;
    RETURN_IF_TPM_ERROR("TPM2_Quote",
                        Esys_Quote(esys_->get(), ak, ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE,
                                   &data, &scheme, &pcrs, &attest.value, &signature.value));
    TpmEvidence out;
    out.attest.assign(attest.value->attestationData,
                      attest.value->attestationData + attest.value->size);
    out.signature.resize(sizeof(TPMT_SIGNATURE));
    size_t size = 0;
    RETURN_IF_TPM_ERROR("marshalling TPMT_SIGNATURE",
                        Tss2_MU_TPMT_SIGNATURE_Marshal(signature.value, out.signature.data(),
                                                       out.signature.size(), &size));
    out.signature.resize(size);
    ASSIGN_OR_RETURN(out.pcrs[selection.bank], ReadPcrs(selection));
    ByteWriter values;
    for (const auto& [pcr, value] : out.pcrs[selection.bank]) values.Put(value);
    ASSIGN_OR_RETURN(Attest parsed, ParseAttest(out.attest));
    ASSIGN_OR_RETURN(Signature read, ParseSignature(out.signature));
    if (eventlog::BankDigest(read.hash, values.bytes()) == parsed.pcr_digest) return out;
  }
  return absl::UnavailableError("TPM: PCRs change faster than they can be quoted");
}

absl::Status TpmDevice::Extend(uint32_t pcr, const std::map<Bank, Bytes>& digests) {
  TPML_DIGEST_VALUES values = {};
  for (const auto& [bank, digest] : digests) {
    if (values.count == TPM2_NUM_PCR_BANKS || digest.size() != BankSize(bank)) {
      return absl::InvalidArgumentError(
          StrCat("TPM: digest of ", digest.size(), " bytes for ", BankName(bank)));
    }
    TPMT_HA& value = values.digests[values.count++];
    value.hashAlg = static_cast<uint16_t>(bank);
    std::copy(digest.begin(), digest.end(), value.digest.sha512);
  }
  if (pcr >= eventlog::kPcrCount) return absl::InvalidArgumentError(StrCat("TPM: PCR ", pcr));
  RETURN_IF_TPM_ERROR("TPM2_PCR_Extend",
                      Esys_PCR_Extend(esys_->get(), ESYS_TR_PCR0 + pcr, ESYS_TR_PASSWORD,
                                      ESYS_TR_NONE, ESYS_TR_NONE, &values));
  return absl::OkStatus();
}

}  // namespace nacre::tee::tpm
