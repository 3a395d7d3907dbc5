// Both directions go through one kind of session: salted with the storage root key, so that who
// listens on the bus between processor and TPM cannot read it, and encrypting the one parameter
// that is secret.
#include "tee/tpm/sealed_object.h"

#include <tss2/tss2_esys.h>
#include <tss2/tss2_mu.h>

#include <algorithm>

#include "base/strings.h"
#include "tee/tpm/esapi.h"
#include "tee/tpm/transport.h"

namespace nacre::tee::tpm {
namespace {

constexpr uint32_t kPcrCount = 24;

// Two failures of loading and unsealing say something about the object rather than about the TPM.
absl::Status UnsealFailure(std::string_view command, TSS2_RC code) {
  if (code == TSS2_RC_SUCCESS) return absl::OkStatus();
  const std::string message(Message(TpmFailure(command, code)));
  // Of format-one codes the low bits name the error, the others which parameter had it.
  const TSS2_RC bare = (code & 0x080u) != 0 ? code & 0x0bfu : code;
  if (bare == TPM2_RC_POLICY_FAIL || code == TPM2_RC_PCR_CHANGED) {
    return absl::FailedPreconditionError(StrCat(message, ": a PCR is not what it was"));
  }
  if (bare == TPM2_RC_INTEGRITY) {
    return absl::UnauthenticatedError(StrCat(message, ": another TPM made this object"));
  }
  return absl::InternalError(message);
}

// Flushed at the end: a TPM has room for three objects and as many sessions.
class Handle {
 public:
  explicit Handle(ESYS_CONTEXT* context) : context_(context) {}
  Handle(const Handle&) = delete;
  ~Handle() {
    if (value_ != ESYS_TR_NONE) Esys_FlushContext(context_, value_);
  }
  ESYS_TR* out() { return &value_; }
  ESYS_TR get() const { return value_; }

 private:
  ESYS_CONTEXT* context_;
  ESYS_TR value_ = ESYS_TR_NONE;
};

class Context {
 public:
  static absl::StatusOr<std::unique_ptr<Context>> Open(const std::string& device) {
    ASSIGN_OR_RETURN(Transport transport, OpenTransport(device));
    std::unique_ptr<Context> out(new Context(std::move(transport)));
    if (Esys_Initialize(&out->context_, out->transport_.get(), nullptr) != TSS2_RC_SUCCESS) {
      return absl::UnavailableError("TPM: ESAPI does not initialise");
    }
    return out;
  }
  Context(const Context&) = delete;
  ~Context() { Esys_Finalize(&context_); }
  ESYS_CONTEXT* get() { return context_; }

 private:
  explicit Context(Transport transport) : transport_(std::move(transport)) {}
  Transport transport_;
  ESYS_CONTEXT* context_ = nullptr;
};

// The storage root key's usual template (TCG TPM v2.0 Provisioning Guidance, section 7.5.1), on
// P-256: the same key each time, until the TPM is cleared.
TPM2B_PUBLIC StorageRootTemplate() {
  TPM2B_PUBLIC out = {};
  TPMT_PUBLIC& area = out.publicArea;
  area.type = TPM2_ALG_ECC;
  area.nameAlg = TPM2_ALG_SHA256;
  area.objectAttributes = TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT |
                          TPMA_OBJECT_SENSITIVEDATAORIGIN | TPMA_OBJECT_USERWITHAUTH |
                          TPMA_OBJECT_NODA | TPMA_OBJECT_RESTRICTED | TPMA_OBJECT_DECRYPT;
  area.parameters.eccDetail.symmetric.algorithm = TPM2_ALG_AES;
  area.parameters.eccDetail.symmetric.keyBits.aes = 128;
  area.parameters.eccDetail.symmetric.mode.aes = TPM2_ALG_CFB;
  area.parameters.eccDetail.scheme.scheme = TPM2_ALG_NULL;
  area.parameters.eccDetail.curveID = TPM2_ECC_NIST_P256;
  area.parameters.eccDetail.kdf.scheme = TPM2_ALG_NULL;
  return out;
}

absl::Status MakeStorageRoot(ESYS_CONTEXT* context, Handle& root) {
  const TPM2B_PUBLIC area = StorageRootTemplate();
  const TPM2B_SENSITIVE_CREATE sensitive = {};
  const TPM2B_DATA outside = {};
  const TPML_PCR_SELECTION none = {};
  RETURN_IF_TPM_ERROR("TPM2_CreatePrimary",
                      Esys_CreatePrimary(context, ESYS_TR_RH_OWNER, ESYS_TR_PASSWORD, ESYS_TR_NONE,
                                         ESYS_TR_NONE, &sensitive, &area, &outside, &none,
                                         root.out(), nullptr, nullptr, nullptr, nullptr));
  return absl::OkStatus();
}

absl::Status StartSession(ESYS_CONTEXT* context, const Handle& root, TPM2_SE kind,
                          Handle& session) {
  TPMT_SYM_DEF encryption = {};
  encryption.algorithm = TPM2_ALG_AES;
  encryption.keyBits.aes = 128;
  encryption.mode.aes = TPM2_ALG_CFB;
  RETURN_IF_TPM_ERROR("TPM2_StartAuthSession",
                      Esys_StartAuthSession(context, root.get(), ESYS_TR_NONE, ESYS_TR_NONE,
                                            ESYS_TR_NONE, ESYS_TR_NONE, nullptr, kind, &encryption,
                                            TPM2_ALG_SHA256, session.out()));
  const TPMA_SESSION use =
      TPMA_SESSION_CONTINUESESSION | TPMA_SESSION_ENCRYPT | TPMA_SESSION_DECRYPT;
  RETURN_IF_TPM_ERROR("Esys_TRSess_SetAttributes",
                      Esys_TRSess_SetAttributes(context, session.get(), use, 0xff));
  return absl::OkStatus();
}

absl::Status PolicyOfPcrs(ESYS_CONTEXT* context, const Handle& session,
                          const std::vector<uint32_t>& pcrs) {
  TPML_PCR_SELECTION selection = {};
  selection.count = 1;
  selection.pcrSelections[0].hash = TPM2_ALG_SHA256;
  selection.pcrSelections[0].sizeofSelect = 3;
  for (uint32_t pcr : pcrs) {
    if (pcr >= kPcrCount) return absl::InvalidArgumentError(StrCat("TPM: there is no PCR ", pcr));
    selection.pcrSelections[0].pcrSelect[pcr / 8] |= static_cast<uint8_t>(1u << (pcr % 8));
  }
  RETURN_IF_TPM_ERROR("TPM2_PolicyPCR",
                      Esys_PolicyPCR(context, session.get(), ESYS_TR_NONE, ESYS_TR_NONE,
                                     ESYS_TR_NONE, nullptr, &selection));
  return absl::OkStatus();
}

// The public area to be: without PCRs whoever may use the TPM may unseal, with them only a session
// that shows them.
absl::StatusOr<TPM2B_PUBLIC> SealedTemplate(ESYS_CONTEXT* context, const Handle& root,
                                            const std::vector<uint32_t>& pcrs) {
  TPM2B_PUBLIC out = {};
  TPMT_PUBLIC& area = out.publicArea;
  area.type = TPM2_ALG_KEYEDHASH;
  area.nameAlg = TPM2_ALG_SHA256;
  area.objectAttributes = TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT | TPMA_OBJECT_NODA;
  area.parameters.keyedHashDetail.scheme.scheme = TPM2_ALG_NULL;
  if (pcrs.empty()) {
    area.objectAttributes |= TPMA_OBJECT_USERWITHAUTH;
    return out;
  }
  Handle trial(context);
  RETURN_IF_ERROR(StartSession(context, root, TPM2_SE_TRIAL, trial));
  RETURN_IF_ERROR(PolicyOfPcrs(context, trial, pcrs));
  Owned<TPM2B_DIGEST> digest;
  RETURN_IF_TPM_ERROR("TPM2_PolicyGetDigest",
                      Esys_PolicyGetDigest(context, trial.get(), ESYS_TR_NONE, ESYS_TR_NONE,
                                           ESYS_TR_NONE, &digest.value));
  area.authPolicy = *digest.value;
  return out;
}

}  // namespace

absl::StatusOr<SealedObject> SealToTpm(const std::string& device, ByteView secret,
                                       const std::vector<uint32_t>& pcrs) {
  if (secret.empty() || secret.size() > kMaxSealedSecret) {
    return absl::InvalidArgumentError(StrCat("TPM: a secret of ", secret.size(), " bytes"));
  }
  ASSIGN_OR_RETURN(std::unique_ptr<Context> context, Context::Open(device));
  Handle root(context->get()), session(context->get());
  RETURN_IF_ERROR(MakeStorageRoot(context->get(), root));
  ASSIGN_OR_RETURN(const TPM2B_PUBLIC area, SealedTemplate(context->get(), root, pcrs));
  RETURN_IF_ERROR(StartSession(context->get(), root, TPM2_SE_HMAC, session));
  TPM2B_SENSITIVE_CREATE sensitive = {};
  sensitive.sensitive.data.size = static_cast<uint16_t>(secret.size());
  std::copy(secret.begin(), secret.end(), sensitive.sensitive.data.buffer);
  const TPM2B_DATA outside = {};
  const TPML_PCR_SELECTION none = {};
  Owned<TPM2B_PRIVATE> made_private;
  Owned<TPM2B_PUBLIC> made_public;
  const TSS2_RC code = Esys_Create(
      context->get(), root.get(), session.get(), ESYS_TR_NONE, ESYS_TR_NONE, &sensitive, &area,
      &outside, &none, &made_private.value, &made_public.value, nullptr, nullptr, nullptr);
  SecureWipe({sensitive.sensitive.data.buffer, sizeof sensitive.sensitive.data.buffer});
  RETURN_IF_TPM_ERROR("TPM2_Create", code);
  SealedObject out{Bytes(sizeof(TPM2B_PUBLIC)), Bytes(sizeof(TPM2B_PRIVATE)), pcrs};
  size_t size = 0;
  RETURN_IF_TPM_ERROR("marshalling TPM2B_PUBLIC",
                      Tss2_MU_TPM2B_PUBLIC_Marshal(made_public.value, out.public_area.data(),
                                                   out.public_area.size(), &size));
  out.public_area.resize(size);
  size = 0;
  RETURN_IF_TPM_ERROR("marshalling TPM2B_PRIVATE",
                      Tss2_MU_TPM2B_PRIVATE_Marshal(made_private.value, out.private_area.data(),
                                                    out.private_area.size(), &size));
  out.private_area.resize(size);
  return out;
}

absl::StatusOr<SecretBytes> UnsealFromTpm(const std::string& device, const SealedObject& object) {
  TPM2B_PUBLIC area = {};
  TPM2B_PRIVATE secret = {};
  size_t offset = 0;
  if (Tss2_MU_TPM2B_PUBLIC_Unmarshal(object.public_area.data(), object.public_area.size(), &offset,
                                     &area) != TSS2_RC_SUCCESS) {
    return absl::InvalidArgumentError("TPM: the sealed object's public area is malformed");
  }
  offset = 0;
  if (Tss2_MU_TPM2B_PRIVATE_Unmarshal(object.private_area.data(), object.private_area.size(),
                                      &offset, &secret) != TSS2_RC_SUCCESS) {
    return absl::InvalidArgumentError("TPM: the sealed object's private area is malformed");
  }
  ASSIGN_OR_RETURN(std::unique_ptr<Context> context, Context::Open(device));
  Handle root(context->get()), session(context->get()), loaded(context->get());
  RETURN_IF_ERROR(MakeStorageRoot(context->get(), root));
  RETURN_IF_ERROR(UnsealFailure(
      "TPM2_Load", Esys_Load(context->get(), root.get(), ESYS_TR_PASSWORD, ESYS_TR_NONE,
                             ESYS_TR_NONE, &secret, &area, loaded.out())));
  const bool policy = !object.pcrs.empty();
  RETURN_IF_ERROR(
      StartSession(context->get(), root, policy ? TPM2_SE_POLICY : TPM2_SE_HMAC, session));
  if (policy) RETURN_IF_ERROR(PolicyOfPcrs(context->get(), session, object.pcrs));
  RETURN_IF_TPM_ERROR(
      "Esys_TRSess_SetAttributes",
      Esys_TRSess_SetAttributes(context->get(), session.get(),
                                TPMA_SESSION_CONTINUESESSION | TPMA_SESSION_ENCRYPT, 0xff));
  Owned<TPM2B_SENSITIVE_DATA> out;
  RETURN_IF_ERROR(
      UnsealFailure("TPM2_Unseal", Esys_Unseal(context->get(), loaded.get(), session.get(),
                                               ESYS_TR_NONE, ESYS_TR_NONE, &out.value)));
  SecretBytes plain = SecretBytes::CopyOf(ByteView(out.value->buffer, out.value->size));
  SecureWipe({out.value->buffer, out.value->size});
  return plain;
}

}  // namespace nacre::tee::tpm
