// A master key sealed to the machine's TPM.
#pragma once

#include <memory>
#include <string>

#include "attestation/broker/storage/master_key.h"

namespace nacre::attestation {

// `uri`: "tpm:FILE?device=DEVICE[&pcrs=0,7]": the sealed object, and /dev/tpmrm0 or the socket of a
// swtpm. The TPM releases the key only to this machine, and with `pcrs` only while these SHA-256
// PCRs are what they were when the key was made. A TPM has no authenticated encryption of its own,
// so unlike a token's key this one is in the broker's memory while it runs; what it guards against
// is the stolen disk, image or backup.
absl::StatusOr<std::unique_ptr<MasterKey>> OpenTpmMasterKey(const std::string& uri,
                                                            const std::string& folder);
// Makes a random key, seals it and writes FILE. kAlreadyExists when it is there.
absl::Status CreateTpmMasterKey(const std::string& uri, const std::string& folder);

}  // namespace nacre::attestation
