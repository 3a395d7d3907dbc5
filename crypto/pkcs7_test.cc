// Messages are put together piece by piece here, so that each piece can be wrong.
#include "crypto/pkcs7.h"

#include <openssl/rsa.h>

#include "base/encoding.h"
#include "base/status_testing.h"
#include "crypto/aead.h"
#include "crypto/chain_testing.h"
#include "crypto/der.h"
#include "crypto/openssl_util.h"
#include "crypto/x509_fields.h"

namespace nacre::crypto {
namespace {

constexpr std::string_view kSecret = "{\"symkey\":\"...\"}";

Bytes Join(std::initializer_list<Bytes> parts) {
  Bytes out;
  for (const Bytes& part : parts) out.insert(out.end(), part.begin(), part.end());
  return out;
}

Bytes Der(uint8_t tag, const Bytes& value) {
  const size_t size = value.size();
  ByteWriter out;
  out.U8(tag);
  if (size < 0x80) {
    out.U8(static_cast<uint8_t>(size));
  } else if (size < 0x100) {
    out.U8(0x81).U8(static_cast<uint8_t>(size));
  } else {
    out.U8(0x82).U16Be(static_cast<uint16_t>(size));
  }
  return out.Put(value).Release();
}

Bytes Oid(const char* dotted) { return Der(der::kOid, *der::OidFromText(dotted)); }
Bytes Number(uint8_t number) { return Der(der::kInteger, {number}); }

// Raw RSA over a block as wide as the key.
Bytes RawRsa(const Bytes& block) {
  PkeyCtxPtr context(EVP_PKEY_CTX_new_from_pkey(nullptr, RsaKey().handle(), nullptr));
  Bytes out(block.size());
  size_t size = out.size();
  EXPECT_EQ(EVP_PKEY_encrypt_init(context.get()), 1);
  EXPECT_EQ(EVP_PKEY_CTX_set_rsa_padding(context.get(), RSA_NO_PADDING), 1);
  EXPECT_EQ(EVP_PKEY_encrypt(context.get(), out.data(), &size, block.data(), block.size()), 1);
  return out;
}

Bytes PaddedBlock(const Bytes& key) {
  Bytes block(256 - key.size() - 1, 0x77);
  block[0] = 0;
  block[1] = 2;
  block.push_back(0);
  block.insert(block.end(), key.begin(), key.end());
  return block;
}

// A good message by default.
struct Parts {
  Bytes content_key = Bytes(16, 0x21);
  Bytes iv = Bytes(12, 0x31);
  Bytes block = PaddedBlock(content_key);
  std::string type = "1.2.840.113549.1.7.3";
  std::string key_encryption = "1.2.840.113549.1.1.1";
  std::string content_encryption = "2.16.840.1.101.3.4.1.6";
  Bytes parameters;  // empty: the standard's form with `iv`
  bool in_pieces = false;
  int recipients = 1;

  Bytes Recipient() const {
    const Bytes who = Der(der::kSequence, Join({Der(der::kSequence, {}), Number(1)}));
    const Bytes algorithm =
        Der(der::kSequence, Join({Oid(key_encryption.c_str()), Der(der::kNull, {})}));
    return Der(der::kSequence,
               Join({Number(0), who, algorithm, Der(der::kOctetString, RawRsa(block))}));
  }

  Bytes Message() const {
    const Bytes sealed = *AesGcmSeal(content_key, iv, {}, AsBytes(kSecret));
    const Bytes plain_parameters =
        Der(der::kSequence, Join({Der(der::kOctetString, iv), Number(16)}));
    const Bytes algorithm =
        Der(der::kSequence, Join({Oid(content_encryption.c_str()),
                                  parameters.empty() ? plain_parameters : parameters}));
    const Bytes pieces = Join({Der(der::kOctetString, Bytes(sealed.begin(), sealed.begin() + 5)),
                               Der(der::kOctetString, Bytes(sealed.begin() + 5, sealed.end()))});
    const Bytes content = Der(
        der::kSequence,
        Join({Oid("1.2.840.113549.1.7.1"), algorithm,
              in_pieces ? Der(der::ContextConstructed(0), pieces) : Der(der::Context(0), sealed)}));
    Bytes set;
    for (int i = 0; i < recipients; ++i) set = Join({set, Recipient()});
    const Bytes data = Der(der::kSequence, Join({Number(0), Der(der::kSet, set), content}));
    return Der(der::kSequence, Join({Oid(type.c_str()), Der(der::ContextConstructed(0), data)}));
  }
};

absl::StatusOr<std::string> Open(const Bytes& message, const PrivateKey& key = RsaKey()) {
  ASSIGN_OR_RETURN(const SecretBytes plaintext, Pkcs7Open(message, key));
  return ToString(plaintext.view());
}

Bytes Sealed() {
  const Certificate recipients[] = {TestChain().root};
  return *Pkcs7Seal(recipients, AsBytes(kSecret));
}

TEST(Pkcs7, OpensWhatItSealed) {
  EXPECT_EQ(*Open(Sealed()), kSecret);
  EXPECT_NE(Sealed(), Sealed());
  const Certificate both[] = {TestChain().intermediate, TestChain().root};
  for (std::string_view text : {"", "x"}) {
    const Bytes message = *Pkcs7Seal(both, AsBytes(text));
    EXPECT_EQ(*Open(message, RsaKey()), text);
    EXPECT_EQ(*Open(message, IntermediateKey()), text);
  }
  const std::string large(200'000, 'x');
  EXPECT_EQ(*Open(*Pkcs7Seal(both, AsBytes(large))), large);
}

// The form the tools write, which their readers insist on: seen in an image skopeo encrypted.
TEST(Pkcs7, WritesTheFormTheToolsRead) {
  const std::string hex = HexEncode(Sealed());
  EXPECT_THAT(hex, ::testing::HasSubstr("300b06092a864886f70d010101"));
  EXPECT_THAT(hex, ::testing::HasSubstr("302006096086480165030401061013301"
                                        "1840c"));
  const Bytes issuer = ToBytes(TestChain().root.fields().issuer);
  EXPECT_THAT(hex, ::testing::HasSubstr(HexEncode(issuer)));
}

TEST(Pkcs7, NeedsRecipientsWithRsaKeys) {
  EXPECT_STATUS(Pkcs7Seal({}, {}), kInvalidArgument, "0 recipients");
  const std::vector<Certificate> most(kMaxPkcs7Recipients, TestChain().root);
  EXPECT_OK(Open(*Pkcs7Seal(most, {})).status());
  const std::vector<Certificate> more(kMaxPkcs7Recipients + 1, TestChain().root);
  EXPECT_STATUS(Pkcs7Seal(more, {}), kInvalidArgument, "65 recipients");
  const Certificate leaf[] = {TestChain().leaf};
  EXPECT_STATUS(Pkcs7Seal(leaf, {}), kInvalidArgument, "has no RSA key");
}

TEST(Pkcs7, ReadsBothFormsOfParametersAndPieces) {
  Parts parts;
  EXPECT_EQ(*Open(parts.Message()), kSecret);
  parts.in_pieces = true;
  EXPECT_EQ(*Open(parts.Message()), kSecret);
  parts.parameters =
      Der(0x10, Der(der::kSequence, Join({Der(der::Context(4), parts.iv), Number(16)})));
  EXPECT_EQ(*Open(parts.Message()), kSecret);
  parts = Parts();
  parts.content_key = Bytes(32, 1);
  parts.block = PaddedBlock(parts.content_key);
  parts.content_encryption = "2.16.840.1.101.3.4.1.46";
  EXPECT_EQ(*Open(parts.Message()), kSecret);
}

TEST(Pkcs7, OtherKeysDoNotOpenIt) {
  const Bytes message = Sealed();
  EXPECT_STATUS(Open(message, IntermediateKey()), kUnauthenticated, "not for this key, or changed");
  EXPECT_STATUS(Open(message, EcKey(Curve::kP256)), kUnauthenticated, "not for this key");
}

// One answer for every way the padding can be wrong.
TEST(Pkcs7, APaddingThatIsWrongTellsNothing) {
  auto with_block = [](size_t at, uint8_t value) {
    Parts parts;
    parts.block[at] = value;
    return Open(parts.Message());
  };
  EXPECT_OK(with_block(2, 1).status());
  EXPECT_STATUS(with_block(1, 1), kUnauthenticated, "not for this key, or changed");
  EXPECT_STATUS(with_block(2, 0), kUnauthenticated, "not for this key, or changed");
  EXPECT_STATUS(with_block(238, 0), kUnauthenticated, "not for this key, or changed");
  EXPECT_STATUS(with_block(239, 1), kUnauthenticated, "not for this key, or changed");
  for (size_t size : {0, 15, 17, 32}) {
    Parts parts;
    parts.block = PaddedBlock(Bytes(size, 0x21));
    EXPECT_STATUS(Open(parts.Message()), kUnauthenticated, "not for this key, or changed");
  }
}

TEST(Pkcs7, RefusesOtherAlgorithms) {
  Parts parts;
  parts.content_encryption = "2.16.840.1.101.3.4.1.2";  // AES-128-CBC
  EXPECT_STATUS(Open(parts.Message()), kUnimplemented, "2.16.840.1.101.3.4.1.2 is not AES-GCM");
  parts = Parts();
  parts.content_encryption = "2.16.840.1.101.3.4.1.46";  // the key is for AES-128
  EXPECT_STATUS(Open(parts.Message()), kUnauthenticated, "");
  parts = Parts();
  parts.key_encryption = "1.2.840.113549.1.1.7";  // OAEP
  EXPECT_STATUS(Open(parts.Message()), kUnimplemented, "no recipient with an RSA key");
  parts = Parts();
  parts.type = "1.2.840.113549.1.7.2";
  EXPECT_STATUS(Open(parts.Message()), kUnimplemented, "1.2.840.113549.1.7.2 is not EnvelopedData");
}

TEST(Pkcs7, RefusesOtherSizesOfIvAndTag) {
  for (const Bytes& parameters :
       {Join({Der(der::kOctetString, Bytes(11)), Number(16)}),
        Join({Der(der::kOctetString, Bytes(13)), Number(16)}),
        Join({Der(der::kOctetString, Bytes(12)), Number(12)}),
        Join({Der(der::kOctetString, Bytes(12)), Number(17)}), Der(der::kOctetString, Bytes(12)),
        Join({Number(1), Number(16)}), Bytes()}) {
    Parts parts;
    parts.parameters = Der(der::kSequence, parameters);
    EXPECT_STATUS(Open(parts.Message()), kInvalidArgument, "PKCS#7") << HexEncode(parameters);
  }
  Parts parts;
  parts.parameters = Der(der::kOctetString, Bytes(16));
  EXPECT_STATUS(Open(parts.Message()), kInvalidArgument, "no SEQUENCE");
}

TEST(Pkcs7, RecipientsAreBounded) {
  Parts parts;
  parts.recipients = static_cast<int>(kMaxPkcs7Recipients);
  EXPECT_EQ(*Open(parts.Message()), kSecret);
  ++parts.recipients;
  EXPECT_STATUS(Open(parts.Message()), kInvalidArgument, "more than 64 recipients");
  parts.recipients = 0;
  EXPECT_STATUS(Open(parts.Message()), kUnimplemented, "no recipient");
}

// Names of recipients are not authenticated, and do not matter; everything else must be as it was.
TEST(Pkcs7, AChangedByteNeverOpensToSomethingElse) {
  const Bytes message = Parts().Message();
  for (size_t at = 0; at < message.size(); ++at) {
    Bytes changed = message;
    changed[at] ^= 0x04;
    const auto opened = Open(changed);
    EXPECT_EQ(opened.ok() ? *opened : kSecret, kSecret) << at;
  }
  for (size_t size = 0; size < message.size(); ++size) {
    EXPECT_STATUS(Open(Bytes(message.begin(), message.begin() + static_cast<long>(size))),
                  kInvalidArgument, "PKCS#7");
  }
  EXPECT_STATUS(Open(Join({message, Bytes(1)})), kInvalidArgument, "bytes after");
  EXPECT_STATUS(Open(Bytes(kMaxPkcs7Size + 1)), kInvalidArgument, "too large");
}

}  // namespace
}  // namespace nacre::crypto
