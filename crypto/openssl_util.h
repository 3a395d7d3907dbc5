// Owning pointers and error texts for OpenSSL objects. For the sources of this room and of
// the Rego builtins, whose keys are OPA's and not ours.
#pragma once

#include <openssl/asn1.h>
#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <memory>
#include <string_view>

#include "base/bytes.h"
#include "base/status.h"

namespace nacre::crypto {

template <auto Function>
struct Freer {
  template <typename T>
  void operator()(T* object) const {
    Function(object);
  }
};

using BioPtr = std::unique_ptr<BIO, Freer<BIO_free_all>>;
using BnPtr = std::unique_ptr<BIGNUM, Freer<BN_clear_free>>;
using CipherPtr = std::unique_ptr<EVP_CIPHER_CTX, Freer<EVP_CIPHER_CTX_free>>;
using EcdsaSigPtr = std::unique_ptr<ECDSA_SIG, Freer<ECDSA_SIG_free>>;
using MdCtxPtr = std::unique_ptr<EVP_MD_CTX, Freer<EVP_MD_CTX_free>>;
using ObjectPtr = std::unique_ptr<ASN1_OBJECT, Freer<ASN1_OBJECT_free>>;
using ParamBuilderPtr = std::unique_ptr<OSSL_PARAM_BLD, Freer<OSSL_PARAM_BLD_free>>;
using ParamsPtr = std::unique_ptr<OSSL_PARAM, Freer<OSSL_PARAM_free>>;
using PkeyCtxPtr = std::unique_ptr<EVP_PKEY_CTX, Freer<EVP_PKEY_CTX_free>>;
using PkeyPtr = std::unique_ptr<EVP_PKEY, Freer<EVP_PKEY_free>>;

// `code` with "context: reason of OpenSSL's last error"; empties the thread's error queue.
absl::Status OpensslStatus(absl::StatusCode code, std::string_view context);

// For calls that fail only when memory or OpenSSL itself is broken: says where and ends the
// program.
void Must(bool good, const char* what);

// A read-only BIO over memory that outlives it; nullptr when it is larger than BIOs can be.
BioPtr MemoryBio(ByteView data);
// All that was written to a memory BIO.
ByteView BioContents(BIO* bio);

}  // namespace nacre::crypto
