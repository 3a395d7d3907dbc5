// Opening tells nobody why it failed. RSAES-PKCS1-v1_5 is the padding whose errors have given away
// plaintexts (Bleichenbacher 1998), so there are none here: a key that does not unpad is replaced
// by random bytes, in constant time, and then AES-GCM refuses the content. The size of the content
// key is known from the algorithm, which fixes the place of every byte of the padding.
#include "crypto/pkcs7.h"

#include <openssl/rsa.h>

#include <algorithm>
#include <initializer_list>
#include <vector>

#include "base/strings.h"
#include "crypto/aead.h"
#include "crypto/der.h"
#include "crypto/openssl_util.h"
#include "crypto/random.h"
#include "crypto/rsa_pkcs1.h"
#include "crypto/x509_fields.h"

namespace nacre::crypto {
namespace {

constexpr std::string_view kWhat = "PKCS#7";
constexpr const char* kEnvelopedData = "1.2.840.113549.1.7.3";
constexpr const char* kData = "1.2.840.113549.1.7.1";
constexpr const char* kRsaEncryption = "1.2.840.113549.1.1.1";
constexpr const char* kAes128Gcm = "2.16.840.1.101.3.4.1.6";
constexpr uint8_t kPrimitiveSequence = 0x10;  // the tools' tag around the parameters

struct ContentCipher {
  const char* oid;
  size_t key_size;
};
constexpr ContentCipher kCiphers[] = {{kAes128Gcm, kAes128KeySize},
                                      {"2.16.840.1.101.3.4.1.26", kAes192KeySize},
                                      {"2.16.840.1.101.3.4.1.46", kAes256KeySize}};

absl::Status Bad(std::string_view why) {
  return absl::InvalidArgumentError(StrCat(kWhat, ": ", why));
}

struct Envelope {
  std::vector<ByteView> encrypted_keys;  // of RSA recipients
  size_t key_size = 0;                   // of the content key
  ByteView iv;
  Bytes sealed;  // ciphertext and tag
};

// --- reading ---

struct Algorithm {
  std::string oid;
  ByteView parameters;  // what stands behind the OID, with tag and length; may be empty
};

absl::StatusOr<Algorithm> ReadAlgorithm(der::Reader& from) {
  ASSIGN_OR_RETURN(const der::Element sequence, from.Next(der::kSequence, kWhat));
  der::Reader reader(sequence.value);
  ASSIGN_OR_RETURN(const der::Element oid, reader.Next(der::kOid, kWhat));
  RETURN_IF_ERROR(der::CheckOid(oid.value, kWhat));
  return Algorithm{der::OidText(oid.value), sequence.value.subspan(oid.whole.size())};
}

// KeyTransRecipientInfo; nothing when it is for something else than a plain RSA key.
absl::StatusOr<ByteView> ReadRsaRecipient(const der::Element& recipient) {
  der::Reader reader(recipient.value);
  ASSIGN_OR_RETURN(const der::Element version, reader.Next(der::kInteger, kWhat));
  RETURN_IF_ERROR(der::Small(version.value, 4, kWhat).status());
  RETURN_IF_ERROR(reader.Next(kWhat).status());  // who it is: any key may try
  ASSIGN_OR_RETURN(const Algorithm algorithm, ReadAlgorithm(reader));
  ASSIGN_OR_RETURN(const der::Element encrypted_key, reader.Next(der::kOctetString, kWhat));
  RETURN_IF_ERROR(reader.End(kWhat));
  return algorithm.oid == kRsaEncryption ? encrypted_key.value : ByteView();
}

absl::Status ReadRecipients(const der::Element& set, Envelope* envelope) {
  der::Reader reader(set.value);
  for (size_t count = 0; !reader.done(); ++count) {
    if (count == kMaxPkcs7Recipients) {
      return Bad(StrCat("more than ", kMaxPkcs7Recipients, " recipients"));
    }
    ASSIGN_OR_RETURN(const der::Element recipient, reader.Next(kWhat));
    if (recipient.tag != der::kSequence) continue;  // key agreement, shared keys, passwords
    ASSIGN_OR_RETURN(const ByteView encrypted_key, ReadRsaRecipient(recipient));
    if (!encrypted_key.empty()) envelope->encrypted_keys.push_back(encrypted_key);
  }
  if (!envelope->encrypted_keys.empty()) return absl::OkStatus();
  return absl::UnimplementedError(
      StrCat(kWhat, ": no recipient with an RSA key and PKCS#1 v1.5 encryption"));
}

// SEQUENCE { iv, size of the tag }, bare or once more wrapped; the iv an OCTET STRING or a [4].
absl::Status ReadGcmParameters(ByteView parameters, Envelope* envelope) {
  der::Reader outside(parameters);
  ASSIGN_OR_RETURN(der::Element sequence, outside.Next(kWhat));
  RETURN_IF_ERROR(outside.End(kWhat));
  if (sequence.tag != der::kSequence && sequence.tag != kPrimitiveSequence) {
    return Bad("parameters of AES-GCM are no SEQUENCE");
  }
  if (der::Reader(sequence.value).NextIs(der::kSequence)) {
    ASSIGN_OR_RETURN(sequence, der::Whole(sequence.value, der::kSequence, kWhat));
  }
  der::Reader reader(sequence.value);
  ASSIGN_OR_RETURN(const der::Element iv, reader.Next(kWhat));
  if (iv.tag != der::kOctetString && iv.tag != der::Context(4)) return Bad("AES-GCM has no iv");
  ASSIGN_OR_RETURN(const der::Element tag_size, reader.Next(der::kInteger, kWhat));
  RETURN_IF_ERROR(reader.End(kWhat));
  ASSIGN_OR_RETURN(const uint32_t size, der::Small(tag_size.value, 16, kWhat));
  if (iv.value.size() != kGcmIvSize || size != kGcmTagSize) {
    return Bad(StrCat("AES-GCM with an iv of ", iv.value.size(), " bytes and a tag of ", size,
                      ", must be 12 and 16"));
  }
  envelope->iv = iv.value;
  return absl::OkStatus();
}

// [0] IMPLICIT OCTET STRING, which may come in pieces.
absl::StatusOr<Bytes> ReadOctets(const der::Element& element) {
  if (element.tag == der::Context(0)) return ToBytes(element.value);
  if (element.tag != der::ContextConstructed(0)) return Bad("no encrypted content");
  Bytes out;
  der::Reader reader(element.value);
  while (!reader.done()) {
    ASSIGN_OR_RETURN(const der::Element piece, reader.Next(der::kOctetString, kWhat));
    out.insert(out.end(), piece.value.begin(), piece.value.end());
  }
  return out;
}

absl::Status ReadContent(const der::Element& sequence, Envelope* envelope) {
  der::Reader reader(sequence.value);
  RETURN_IF_ERROR(reader.Next(der::kOid, kWhat).status());  // what it is: the caller's business
  ASSIGN_OR_RETURN(const Algorithm algorithm, ReadAlgorithm(reader));
  for (const ContentCipher& cipher : kCiphers) {
    if (algorithm.oid == cipher.oid) envelope->key_size = cipher.key_size;
  }
  if (envelope->key_size == 0) {
    return absl::UnimplementedError(
        StrCat(kWhat, ": content encryption ", algorithm.oid, " is not AES-GCM"));
  }
  RETURN_IF_ERROR(ReadGcmParameters(algorithm.parameters, envelope));
  ASSIGN_OR_RETURN(const der::Element content, reader.Next(kWhat));
  RETURN_IF_ERROR(reader.End(kWhat));
  ASSIGN_OR_RETURN(envelope->sealed, ReadOctets(content));
  return absl::OkStatus();
}

absl::StatusOr<Envelope> ReadEnvelope(ByteView message) {
  if (message.size() > kMaxPkcs7Size) return Bad("too large");
  ASSIGN_OR_RETURN(const der::Element info, der::Whole(message, der::kSequence, kWhat));
  der::Reader outside(info.value);
  ASSIGN_OR_RETURN(const der::Element type, outside.Next(der::kOid, kWhat));
  RETURN_IF_ERROR(der::CheckOid(type.value, kWhat));
  if (der::OidText(type.value) != kEnvelopedData) {
    return absl::UnimplementedError(
        StrCat(kWhat, ": content of type ", der::OidText(type.value), " is not EnvelopedData"));
  }
  ASSIGN_OR_RETURN(const der::Element wrapper, outside.Next(der::ContextConstructed(0), kWhat));
  RETURN_IF_ERROR(outside.End(kWhat));
  ASSIGN_OR_RETURN(const der::Element data, der::Whole(wrapper.value, der::kSequence, kWhat));
  der::Reader reader(data.value);
  ASSIGN_OR_RETURN(const der::Element version, reader.Next(der::kInteger, kWhat));
  RETURN_IF_ERROR(der::Small(version.value, 4, kWhat).status());
  ASSIGN_OR_RETURN(const der::Element recipients, reader.Next(der::kSet, kWhat));
  ASSIGN_OR_RETURN(const der::Element content, reader.Next(der::kSequence, kWhat));
  RETURN_IF_ERROR(reader.End(kWhat));
  Envelope envelope;
  RETURN_IF_ERROR(ReadContent(content, &envelope));
  RETURN_IF_ERROR(ReadRecipients(recipients, &envelope));
  return envelope;
}

// --- keys ---

// 0xff when the byte is 0, else 0x00, without a branch.
uint8_t IsZero(uint8_t byte) { return static_cast<uint8_t>((uint32_t{byte} - 1) >> 8); }

// 00 02 <at least 8 bytes that are not 0> 00 <key>: the key, or else `size` random bytes.
SecretBytes Unpad(ByteView block, size_t size) {
  SecretBytes out = RandomSecret(size);
  if (block.size() < size + 11) return out;
  const size_t separator = block.size() - size - 1;
  uint8_t good = IsZero(block[0]) & IsZero(block[1] ^ 2) & IsZero(block[separator]);
  for (uint8_t byte : block.subspan(2, separator - 2)) {
    good &= static_cast<uint8_t>(~IsZero(byte));
  }
  const std::span<uint8_t> key = out.mutable_view();
  for (size_t i = 0; i < size; ++i) {
    const uint8_t bad = static_cast<uint8_t>(~good);
    key[i] = static_cast<uint8_t>((key[i] & bad) | (block[separator + 1 + i] & good));
  }
  return out;
}

absl::StatusOr<SecretBytes> DecryptContentKey(const PrivateKey& key, ByteView encrypted,
                                              size_t size) {
  PkeyCtxPtr context(EVP_PKEY_CTX_new_from_pkey(nullptr, key.handle(), nullptr));
  SecretBytes block(static_cast<size_t>(EVP_PKEY_get_size(key.handle())));
  size_t written = block.size();
  if (!context || EVP_PKEY_decrypt_init(context.get()) != 1 ||
      EVP_PKEY_CTX_set_rsa_padding(context.get(), RSA_NO_PADDING) != 1 ||
      EVP_PKEY_decrypt(context.get(), block.mutable_view().data(), &written, encrypted.data(),
                       encrypted.size()) != 1 ||
      written != block.size()) {
    return OpensslStatus(absl::StatusCode::kUnauthenticated, "PKCS#7: key of another size");
  }
  return Unpad(block.view(), size);
}

// --- writing ---

Bytes Der(uint8_t tag, std::initializer_list<ByteView> parts) {
  size_t size = 0;
  for (ByteView part : parts) size += part.size();
  ByteWriter out;
  out.U8(tag);
  if (size < 0x80) {
    out.U8(static_cast<uint8_t>(size));
  } else {
    Bytes length;  // the shortest form
    for (size_t left = size; left != 0; left >>= 8) length.push_back(static_cast<uint8_t>(left));
    std::reverse(length.begin(), length.end());
    out.U8(static_cast<uint8_t>(0x80 | length.size())).Put(length);
  }
  for (ByteView part : parts) out.Put(part);
  return out.Release();
}

Bytes Oid(const char* dotted) { return Der(der::kOid, {*der::OidFromText(dotted)}); }
Bytes Small(uint8_t number) { return Der(der::kInteger, {Bytes{number}}); }

// An INTEGER that is not negative, of bytes without leading zeros.
Bytes Unsigned(ByteView number) {
  const Bytes sign((number[0] & 0x80) != 0 ? 1 : 0);
  return Der(der::kInteger, {sign, number});
}

absl::StatusOr<Bytes> Recipient(const Certificate& certificate, ByteView content_key) {
  ASSIGN_OR_RETURN(const PublicKey key, certificate.public_key());
  if (key.kind() != KeyKind::kRsa) {
    return Bad(StrCat("the certificate of ", certificate.subject_text(), " has no RSA key"));
  }
  ASSIGN_OR_RETURN(const Bytes encrypted, EncryptRsaPkcs1(key, content_key));
  const CertificateFields& fields = certificate.fields();
  const Bytes who = Der(der::kSequence, {fields.issuer, Unsigned(fields.serial)});
  return Der(der::kSequence, {Small(0), who, Der(der::kSequence, {Oid(kRsaEncryption)}),
                              Der(der::kOctetString, {encrypted})});
}

Bytes GcmAlgorithm(ByteView iv) {
  const Bytes parameters =
      Der(der::kSequence, {Der(der::Context(4), {iv}), Small(static_cast<uint8_t>(kGcmTagSize))});
  return Der(der::kSequence, {Oid(kAes128Gcm), Der(kPrimitiveSequence, {parameters})});
}

}  // namespace

absl::StatusOr<Bytes> Pkcs7Seal(std::span<const Certificate> recipients, ByteView plaintext) {
  if (recipients.empty() || recipients.size() > kMaxPkcs7Recipients) {
    return Bad(StrCat(recipients.size(), " recipients, must be 1 to ", kMaxPkcs7Recipients));
  }
  const SecretBytes content_key = RandomSecret(kAes128KeySize);
  const Bytes iv = RandomBytes(kGcmIvSize);
  ASSIGN_OR_RETURN(const Bytes sealed, AesGcmSeal(content_key.view(), iv, {}, plaintext));
  std::vector<Bytes> infos;
  for (const Certificate& certificate : recipients) {
    ASSIGN_OR_RETURN(Bytes info, Recipient(certificate, content_key.view()));
    infos.push_back(std::move(info));
  }
  std::sort(infos.begin(), infos.end());  // the order DER gives a SET OF
  Bytes set;
  for (const Bytes& info : infos) set.insert(set.end(), info.begin(), info.end());
  const Bytes content =
      Der(der::kSequence, {Oid(kData), GcmAlgorithm(iv), Der(der::Context(0), {sealed})});
  const Bytes data = Der(der::kSequence, {Small(0), Der(der::kSet, {set}), content});
  Bytes message =
      Der(der::kSequence, {Oid(kEnvelopedData), Der(der::ContextConstructed(0), {data})});
  if (message.size() > kMaxPkcs7Size) return Bad("too large");
  return message;
}

absl::StatusOr<SecretBytes> Pkcs7Open(ByteView der, const PrivateKey& key) {
  ASSIGN_OR_RETURN(const Envelope envelope, ReadEnvelope(der));
  if (key.kind() == KeyKind::kRsa) {
    for (ByteView encrypted : envelope.encrypted_keys) {
      absl::StatusOr<SecretBytes> content_key =
          DecryptContentKey(key, encrypted, envelope.key_size);
      if (!content_key.ok()) continue;
      absl::StatusOr<SecretBytes> plaintext =
          AesGcmOpen(content_key->view(), envelope.iv, {}, envelope.sealed);
      if (plaintext.ok()) return plaintext;
    }
  }
  return absl::UnauthenticatedError(StrCat(kWhat, ": not for this key, or changed"));
}

}  // namespace nacre::crypto
