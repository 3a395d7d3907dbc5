// The keys and certificates of an emulated TDX machine, in Intel's shape: SGX root CA, PCK CA, TCB
// signing certificate and PCK with Intel's extension, all P-256 with SHA-256. Only the keys differ
// from real ones, so a verifier trusts them only by configuration.
#pragma once

#include <cstdint>
#include <string>

#include "crypto/key.h"
#include "crypto/x509.h"
#include "tee/tdx/pck_extension.h"

namespace nacre::tee::emulator {

// A made-up kind of platform, registered as a whole.
tdx::PckExtension EmulatedPck();

struct TdxIdentityOptions {
  int64_t now = 0;  // seconds since 1970; certificates begin a day before
  tdx::PckExtension pck = EmulatedPck();
  bool processor_ca = false;  // the other of Intel's two intermediates
};

struct CertifiedKey {
  crypto::Certificate certificate;
  crypto::PrivateKey key;
};

struct TdxIdentity {
  CertifiedKey root;
  CertifiedKey intermediate;
  CertifiedKey signing;  // of TCB info and QE identity
  CertifiedKey pck;
  crypto::PrivateKey attestation_key;  // of the quoting enclave
  tdx::PckExtension extension;         // what `pck` says
};

// New keys: milliseconds.
absl::StatusOr<TdxIdentity> MakeTdxIdentity(const TdxIdentityOptions& options);

// tdx-{root,intermediate,signing,pck}.{pem,key} and tdx-attestation.key in `folder` (made when
// absent); keys have mode 0600. kAlreadyExists when it holds one.
absl::Status SaveTdxIdentity(const std::string& folder, const TdxIdentity& identity);
// kNotFound names the file that is missing; kInvalidArgument when a key and its certificate do not
// belong together.
absl::StatusOr<TdxIdentity> LoadTdxIdentity(const std::string& folder);

}  // namespace nacre::tee::emulator
