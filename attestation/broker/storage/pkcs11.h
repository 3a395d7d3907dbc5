// A master key that stays in a PKCS#11 token.
#pragma once

#include <memory>
#include <string>

#include "attestation/broker/storage/master_key.h"

namespace nacre::attestation {

// `uri`: RFC 7512, "pkcs11:token=NAME;object=NAME?module-path=FILE&pin-source=FILE";
// percent-encoded where the RFC says; other attributes are refused. The AES-256 key must be
// sensitive and not extractable: data keys are encrypted and decrypted by the token (CKM_AES_GCM),
// the master key never comes out of it. kNotFound: no such token or key; kFailedPrecondition: the
// key could leave the token; kPermissionDenied: the PIN is wrong.
absl::StatusOr<std::unique_ptr<MasterKey>> OpenPkcs11MasterKey(const std::string& uri,
                                                               const std::string& folder);
// Has the token make such a key. kAlreadyExists when there is one of that name.
absl::Status CreatePkcs11MasterKey(const std::string& uri, const std::string& folder);

}  // namespace nacre::attestation
