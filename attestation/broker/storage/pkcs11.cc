// The token's module is loaded into this process and spoken to through its function list (PKCS #11
// 2.40). One session stays open and logged in; calls on it are one after the other. When the token
// was unplugged or the module's daemon restarted, the session is made anew once.
//
// A wrapped data key is: 12 bytes IV, ciphertext, 16 bytes tag.
#include "attestation/broker/storage/pkcs11.h"

#include <dlfcn.h>
#include <p11-kit/pkcs11.h>
#include <sys/stat.h>

#include <map>
#include <mutex>

#include "base/encoding.h"
#include "base/file.h"
#include "base/strings.h"
#include "crypto/aead.h"
#include "crypto/random.h"

namespace nacre::attestation {
namespace {

constexpr size_t kMaxPin = 256;
constexpr unsigned long kMaxSlots = 256;

struct TokenUri {
  std::string token;
  std::string object;
  std::string module_path;
  std::string pin_source;
};

absl::Status BadUri(std::string_view what) {
  return absl::InvalidArgumentError(StrCat("master_key: pkcs11: ", what));
}

absl::StatusOr<std::string> PercentDecoded(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    const auto byte = HexDecode(text.substr(i + 1, 2));
    if (!byte.ok() || byte->size() != 1) return BadUri("want two hex digits after %");
    out += static_cast<char>(byte->front());
    i += 2;
  }
  return out;
}

absl::Status TakeAttribute(std::string_view attribute, TokenUri* out) {
  const size_t equals = attribute.find('=');
  if (equals == std::string_view::npos) return BadUri("want name=value");
  const std::string_view name = attribute.substr(0, equals);
  ASSIGN_OR_RETURN(std::string value, PercentDecoded(attribute.substr(equals + 1)));
  if (name == "token") {
    out->token = std::move(value);
  } else if (name == "object") {
    out->object = std::move(value);
  } else if (name == "module-path") {
    out->module_path = std::move(value);
  } else if (name == "pin-source") {
    out->pin_source = value.starts_with("file:") ? value.substr(5) : std::move(value);
  } else if (name == "pin-value") {
    return BadUri("a PIN does not belong into the configuration; use pin-source=FILE");
  } else {
    return BadUri(StrCat("attribute ", name, " is not understood"));
  }
  return absl::OkStatus();
}

absl::StatusOr<TokenUri> ParseUri(std::string_view uri, const std::string& folder) {
  TokenUri out;
  uri.remove_prefix(std::string_view("pkcs11:").size());
  const size_t question = uri.find('?');
  for (std::string_view attribute : StrSplit(uri.substr(0, question), ';')) {
    RETURN_IF_ERROR(TakeAttribute(attribute, &out));
  }
  if (question != std::string_view::npos) {
    for (std::string_view attribute : StrSplit(uri.substr(question + 1), '&')) {
      RETURN_IF_ERROR(TakeAttribute(attribute, &out));
    }
  }
  if (out.token.empty() || out.object.empty() || out.module_path.empty() ||
      out.pin_source.empty()) {
    return BadUri("want token, object, module-path and pin-source");
  }
  out.module_path = InFolder(out.module_path, folder);
  out.pin_source = InFolder(out.pin_source, folder);
  return out;
}

absl::Status Failed(std::string_view function, CK_RV code) {
  const std::string message = StrCat("PKCS#11: ", function, " failed with ", code);
  switch (code) {
    case CKR_PIN_INCORRECT:
    case CKR_PIN_LOCKED:
    case CKR_PIN_EXPIRED:
      return absl::PermissionDeniedError(StrCat("PKCS#11: the PIN is not accepted (", code, ")"));
    case CKR_ENCRYPTED_DATA_INVALID:
    case CKR_ENCRYPTED_DATA_LEN_RANGE:
    case CKR_GENERAL_ERROR:  // what softhsm2 says of a wrong tag
    case CKR_FUNCTION_FAILED:
      return absl::UnauthenticatedError(message);
    case CKR_SESSION_HANDLE_INVALID:
    case CKR_SESSION_CLOSED:
    case CKR_DEVICE_REMOVED:
    case CKR_TOKEN_NOT_PRESENT:
    case CKR_USER_NOT_LOGGED_IN:
    case CKR_KEY_HANDLE_INVALID:
      return absl::UnavailableError(message);
    default:
      return absl::InternalError(message);
  }
}

#define RETURN_IF_P11_ERROR(function, call)                      \
  do {                                                           \
    const CK_RV p11_code_ = (call);                              \
    if (p11_code_ != CKR_OK) return Failed(function, p11_code_); \
  } while (false)

absl::StatusOr<SecretBytes> ReadPin(const std::string& path) {
  ASSIGN_OR_RETURN(Bytes contents, ReadFile(path, kMaxPin), "PKCS#11 PIN");
  const SecretBytes text = SecretBytes::TakeFrom(std::move(contents));
  struct stat info {};
  if (stat(path.c_str(), &info) != 0) return ErrnoStatus(errno, path);
  if ((info.st_mode & 077) != 0) {
    return absl::FailedPreconditionError(
        StrCat("PKCS#11 PIN: ", path, " can be read by others; chmod it to 600"));
  }
  ByteView pin = text.view();
  while (!pin.empty() && (pin.back() == '\n' || pin.back() == '\r')) {
    pin = pin.first(pin.size() - 1);
  }
  return SecretBytes::CopyOf(pin);
}

// A module in this process. Initialised once however many keys use it, and never finalised: other
// users of the same module in this process would lose their sessions.
absl::StatusOr<CK_FUNCTION_LIST*> LoadModule(const std::string& path) {
  static std::mutex mutex;
  static std::map<std::string, CK_FUNCTION_LIST*> loaded;
  std::lock_guard lock(mutex);
  if (auto found = loaded.find(path); found != loaded.end()) return found->second;
  void* module = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (module == nullptr) return absl::NotFoundError(StrCat("PKCS#11 module: ", dlerror()));
  auto get_list = reinterpret_cast<CK_C_GetFunctionList>(dlsym(module, "C_GetFunctionList"));
  if (get_list == nullptr) {
    return absl::InvalidArgumentError(StrCat(path, " is not a PKCS#11 module"));
  }
  CK_FUNCTION_LIST* list = nullptr;
  RETURN_IF_P11_ERROR("C_GetFunctionList", get_list(&list));
  CK_C_INITIALIZE_ARGS arguments = {};
  arguments.flags = CKF_OS_LOCKING_OK;
  const CK_RV code = list->C_Initialize(&arguments);
  if (code != CKR_CRYPTOKI_ALREADY_INITIALIZED) RETURN_IF_P11_ERROR("C_Initialize", code);
  loaded[path] = list;
  return list;
}

// A field of the standard: text filled up with spaces.
bool IsLabel(const CK_UTF8CHAR (&label)[32], std::string_view name) {
  std::string_view text(reinterpret_cast<const char*>(label), sizeof label);
  while (text.ends_with(' ')) text.remove_suffix(1);
  return text == name;
}

CK_ATTRIBUTE Attribute(CK_ATTRIBUTE_TYPE type, void* value, size_t size) {
  return {type, value, static_cast<CK_ULONG>(size)};
}

class Token {
 public:
  explicit Token(TokenUri uri) : uri_(std::move(uri)) {}
  Token(const Token&) = delete;
  ~Token() { Close(); }

  absl::Status Open();
  absl::StatusOr<CK_OBJECT_HANDLE> FindKey();
  absl::Status CheckKey(CK_OBJECT_HANDLE key);
  absl::Status Generate();
  // With the token's key, found anew when the session has gone.
  absl::StatusOr<Bytes> Crypt(bool encrypt, ByteView iv, std::string_view aad, ByteView input);
  std::string Describe() const {
    return StrCat("PKCS#11 token ", uri_.token, ", key ", uri_.object);
  }

 private:
  void Close() {
    if (open_) list_->C_CloseSession(session_);
    open_ = false;
  }
  absl::StatusOr<CK_SLOT_ID> FindSlot();
  absl::StatusOr<Bytes> CryptOnce(bool encrypt, ByteView iv, std::string_view aad, ByteView input);

  TokenUri uri_;
  CK_FUNCTION_LIST* list_ = nullptr;
  CK_SESSION_HANDLE session_ = 0;
  bool open_ = false;
};

absl::StatusOr<CK_SLOT_ID> Token::FindSlot() {
  CK_SLOT_ID slots[kMaxSlots];
  CK_ULONG count = kMaxSlots;
  RETURN_IF_P11_ERROR("C_GetSlotList", list_->C_GetSlotList(CK_TRUE, slots, &count));
  for (CK_ULONG i = 0; i < count; ++i) {
    CK_TOKEN_INFO info = {};
    if (list_->C_GetTokenInfo(slots[i], &info) != CKR_OK) continue;
    if (IsLabel(info.label, uri_.token)) return slots[i];
  }
  return absl::NotFoundError(StrCat("PKCS#11: no token ", uri_.token));
}

absl::Status Token::Open() {
  Close();
  ASSIGN_OR_RETURN(list_, LoadModule(uri_.module_path));
  ASSIGN_OR_RETURN(const CK_SLOT_ID slot, FindSlot());
  RETURN_IF_P11_ERROR(
      "C_OpenSession",
      list_->C_OpenSession(slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, nullptr, nullptr, &session_));
  open_ = true;
  ASSIGN_OR_RETURN(SecretBytes pin, ReadPin(uri_.pin_source));
  const CK_RV code = list_->C_Login(session_, CKU_USER, pin.mutable_view().data(),
                                    static_cast<CK_ULONG>(pin.size()));
  if (code != CKR_USER_ALREADY_LOGGED_IN) RETURN_IF_P11_ERROR("C_Login", code);
  return absl::OkStatus();
}

absl::StatusOr<CK_OBJECT_HANDLE> Token::FindKey() {
  CK_OBJECT_CLASS kind = CKO_SECRET_KEY;
  CK_ATTRIBUTE wanted[] = {Attribute(CKA_CLASS, &kind, sizeof kind),
                           Attribute(CKA_LABEL, uri_.object.data(), uri_.object.size())};
  RETURN_IF_P11_ERROR("C_FindObjectsInit", list_->C_FindObjectsInit(session_, wanted, 2));
  CK_OBJECT_HANDLE found[2];
  CK_ULONG count = 0;
  const CK_RV code = list_->C_FindObjects(session_, found, 2, &count);
  list_->C_FindObjectsFinal(session_);
  RETURN_IF_P11_ERROR("C_FindObjects", code);
  if (count == 1) return found[0];
  if (count == 0) return absl::NotFoundError(StrCat(Describe(), ": there is no such key"));
  return absl::FailedPreconditionError(StrCat(Describe(), ": several keys have that name"));
}

absl::Status Token::CheckKey(CK_OBJECT_HANDLE key) {
  CK_KEY_TYPE type = 0;
  CK_ULONG size = 0;
  CK_BBOOL sensitive = CK_FALSE, extractable = CK_TRUE;
  CK_ATTRIBUTE attributes[] = {Attribute(CKA_KEY_TYPE, &type, sizeof type),
                               Attribute(CKA_VALUE_LEN, &size, sizeof size),
                               Attribute(CKA_SENSITIVE, &sensitive, sizeof sensitive),
                               Attribute(CKA_EXTRACTABLE, &extractable, sizeof extractable)};
  RETURN_IF_P11_ERROR("C_GetAttributeValue",
                      list_->C_GetAttributeValue(session_, key, attributes, 4));
  if (type != CKK_AES || size != crypto::kAes256KeySize) {
    return absl::FailedPreconditionError(StrCat(Describe(), ": it is not an AES-256 key"));
  }
  if (sensitive != CK_TRUE || extractable != CK_FALSE) {
    return absl::FailedPreconditionError(
        StrCat(Describe(),
               ": it could leave the token; make one that is sensitive and not "
               "extractable"));
  }
  return absl::OkStatus();
}

absl::Status Token::Generate() {
  CK_OBJECT_CLASS kind = CKO_SECRET_KEY;
  CK_KEY_TYPE type = CKK_AES;
  CK_ULONG size = crypto::kAes256KeySize;
  CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
  CK_ATTRIBUTE attributes[] = {Attribute(CKA_CLASS, &kind, sizeof kind),
                               Attribute(CKA_KEY_TYPE, &type, sizeof type),
                               Attribute(CKA_VALUE_LEN, &size, sizeof size),
                               Attribute(CKA_LABEL, uri_.object.data(), uri_.object.size()),
                               Attribute(CKA_TOKEN, &yes, sizeof yes),
                               Attribute(CKA_PRIVATE, &yes, sizeof yes),
                               Attribute(CKA_SENSITIVE, &yes, sizeof yes),
                               Attribute(CKA_EXTRACTABLE, &no, sizeof no),
                               Attribute(CKA_ENCRYPT, &yes, sizeof yes),
                               Attribute(CKA_DECRYPT, &yes, sizeof yes)};
  CK_MECHANISM mechanism = {CKM_AES_KEY_GEN, nullptr, 0};
  CK_OBJECT_HANDLE made = 0;
  RETURN_IF_P11_ERROR("C_GenerateKey", list_->C_GenerateKey(session_, &mechanism, attributes,
                                                            std::size(attributes), &made));
  return absl::OkStatus();
}

absl::StatusOr<Bytes> Token::CryptOnce(bool encrypt, ByteView iv, std::string_view aad,
                                       ByteView input) {
  ASSIGN_OR_RETURN(const CK_OBJECT_HANDLE key, FindKey());
  Bytes iv_copy = ToBytes(iv);
  Bytes aad_copy = ToBytes(aad);
  Bytes in = ToBytes(input);
  CK_GCM_PARAMS parameters = {};
  parameters.pIv = iv_copy.data();
  parameters.ulIvLen = static_cast<CK_ULONG>(iv_copy.size());
  parameters.ulIvBits = parameters.ulIvLen * 8;
  parameters.pAAD = aad_copy.data();
  parameters.ulAADLen = static_cast<CK_ULONG>(aad_copy.size());
  parameters.ulTagBits = crypto::kGcmTagSize * 8;
  CK_MECHANISM mechanism = {CKM_AES_GCM, &parameters, sizeof parameters};
  Bytes out(in.size() + 64);
  auto size = static_cast<CK_ULONG>(out.size());
  const auto in_size = static_cast<CK_ULONG>(in.size());
  if (encrypt) {
    RETURN_IF_P11_ERROR("C_EncryptInit", list_->C_EncryptInit(session_, &mechanism, key));
    const CK_RV code = list_->C_Encrypt(session_, in.data(), in_size, out.data(), &size);
    SecureWipe(in);
    RETURN_IF_P11_ERROR("C_Encrypt", code);
  } else {
    RETURN_IF_P11_ERROR("C_DecryptInit", list_->C_DecryptInit(session_, &mechanism, key));
    RETURN_IF_P11_ERROR("C_Decrypt",
                        list_->C_Decrypt(session_, in.data(), in_size, out.data(), &size));
  }
  out.resize(size);
  return out;
}

absl::StatusOr<Bytes> Token::Crypt(bool encrypt, ByteView iv, std::string_view aad,
                                   ByteView input) {
  auto out = CryptOnce(encrypt, iv, aad, input);
  if (!absl::IsUnavailable(out.status())) return out;
  RETURN_IF_ERROR(Open());
  return CryptOnce(encrypt, iv, aad, input);
}

class Pkcs11MasterKey : public MasterKey {
 public:
  explicit Pkcs11MasterKey(std::unique_ptr<Token> token) : token_(std::move(token)) {}
  std::string Describe() const override { return token_->Describe(); }
  absl::StatusOr<Bytes> Wrap(std::string_view context, const SecretBytes& data_key) override {
    std::lock_guard lock(mutex_);
    Bytes out = crypto::RandomBytes(crypto::kGcmIvSize);
    ASSIGN_OR_RETURN(const Bytes sealed, token_->Crypt(true, out, context, data_key.view()));
    out.insert(out.end(), sealed.begin(), sealed.end());
    return out;
  }
  absl::StatusOr<SecretBytes> Unwrap(std::string_view context, ByteView wrapped) override {
    if (wrapped.size() < crypto::kGcmIvSize + crypto::kGcmTagSize) {
      return absl::UnauthenticatedError("a wrapped key is too short");
    }
    std::lock_guard lock(mutex_);
    ASSIGN_OR_RETURN(Bytes key, token_->Crypt(false, wrapped.first(crypto::kGcmIvSize), context,
                                              wrapped.subspan(crypto::kGcmIvSize)));
    return SecretBytes::TakeFrom(std::move(key));
  }

 private:
  std::mutex mutex_;
  std::unique_ptr<Token> token_;
};

absl::StatusOr<std::unique_ptr<Token>> OpenToken(const std::string& uri,
                                                 const std::string& folder) {
  ASSIGN_OR_RETURN(TokenUri parsed, ParseUri(uri, folder));
  auto token = std::make_unique<Token>(std::move(parsed));
  RETURN_IF_ERROR(token->Open());
  return token;
}

}  // namespace

absl::StatusOr<std::unique_ptr<MasterKey>> OpenPkcs11MasterKey(const std::string& uri,
                                                               const std::string& folder) {
  ASSIGN_OR_RETURN(std::unique_ptr<Token> token, OpenToken(uri, folder));
  ASSIGN_OR_RETURN(const CK_OBJECT_HANDLE key, token->FindKey());
  RETURN_IF_ERROR(token->CheckKey(key));
  return std::make_unique<Pkcs11MasterKey>(std::move(token));
}

absl::Status CreatePkcs11MasterKey(const std::string& uri, const std::string& folder) {
  ASSIGN_OR_RETURN(std::unique_ptr<Token> token, OpenToken(uri, folder));
  const auto key = token->FindKey();
  if (!absl::IsNotFound(key.status())) {
    return absl::AlreadyExistsError(StrCat(token->Describe(), ": it exists"));
  }
  return token->Generate();
}

}  // namespace nacre::attestation
