#include "attestation/reference/signed_reference.h"

#include <gtest/gtest.h>

#include "attestation/reference/reference_value.h"
#include "base/status_testing.h"
#include "crypto/jws.h"

namespace nacre::attestation {
namespace {

TEST(SignedReference, IsAJwsOfTheDocumentWithAType) {
  const auto p256 = *crypto::PrivateKey::GenerateEc(crypto::Curve::kP256);
  const auto p384 = *crypto::PrivateKey::GenerateEc(crypto::Curve::kP384);
  for (const auto& [key, algorithm] :
       {std::pair(&p256, crypto::JwsAlgorithm::kEs256), {&p384, crypto::JwsAlgorithm::kEs384}}) {
    ASSERT_OK_AND_ASSIGN(const std::string text, SignReference("{\"a\": 1}\n", *key));
    EXPECT_TRUE(IsSignedReference(text));
    EXPECT_TRUE(IsSignedReference("\n" + text + "\n"));
    ASSERT_OK_AND_ASSIGN(const crypto::Jws jws,
                         crypto::JwsVerify(text, key->public_key(), algorithm));
    EXPECT_EQ(AsText(jws.payload), "{\"a\": 1}\n");  // byte for byte
    EXPECT_EQ(jws.header["typ"], kReferenceJwsType);
    EXPECT_EQ(*UnverifiedReference(text + "\n"), "{\"a\": 1}\n");
  }
}

TEST(SignedReference, OtherKeysAndTooMuchAreRefused) {
  const auto p521 = *crypto::PrivateKey::GenerateEc(crypto::Curve::kP521);
  EXPECT_STATUS(SignReference("{}", p521), kInvalidArgument, "P-256 or P-384");
  const auto p256 = *crypto::PrivateKey::GenerateEc(crypto::Curve::kP256);
  EXPECT_OK(SignReference(std::string(kMaxReferenceDocument, ' '), p256));
  EXPECT_STATUS(SignReference(std::string(kMaxReferenceDocument + 1, ' '), p256), kInvalidArgument,
                "limit");
}

TEST(SignedReference, WhatIsNoneIsNotReadAsOne) {
  for (const char* text : {"", " ", "{}", " {\"a\": \"x.y.z\"}", "eyJ"}) {
    EXPECT_FALSE(IsSignedReference(text)) << text;
  }
  EXPECT_FALSE(UnverifiedReference("a.b.c").ok());
  EXPECT_FALSE(UnverifiedReference("a.b").ok());
}

}  // namespace
}  // namespace nacre::attestation
