// The keys and certificates of an emulated chip, in AMD's shape: ARK and ASK with RSA-4096 keys, a
// VCEK with a P-384 key, every signature RSASSA-PSS with SHA-384, AMD's extensions, serial number 0
// on the leaf. Only the keys differ from real ones, so a verifier trusts them only by
// configuration.
#pragma once

#include <cstdint>
#include <string>

#include "base/bytes.h"
#include "crypto/key.h"
#include "crypto/x509.h"
#include "tee/sev/report.h"

namespace nacre::tee::emulator {

struct IdentityOptions {
  sev::Product product = sev::Product::kMilan;
  sev::TcbComponents tcb = {.fmc = 0, .bootloader = 4, .tee = 0, .snp = 24, .microcode = 219};
  int64_t now = 0;      // certificates begin a day before
  int rsa_bits = 4096;  // tests take less
};

// What one folder holds: ark.pem, ask.pem, vcek.pem, vcek.key (and ark.key, ask.key, which `serve`
// does not need). Keys have mode 0600.
struct Identity {
  sev::Product product = sev::Product::kMilan;
  sev::TcbVersion tcb;
  std::array<uint8_t, 64> chip_id{};
  crypto::Certificate ark;
  crypto::Certificate ask;
  crypto::Certificate vcek;
  crypto::PrivateKey vcek_key;
};

// Makes a new identity in `folder` (made when absent). kAlreadyExists when it holds one. Two RSA
// keys of 4096 bits: some seconds.
absl::Status CreateIdentity(const std::string& folder, const IdentityOptions& options);

// Reads what CreateIdentity wrote. kNotFound names the file that is missing; kInvalidArgument when
// key and certificate do not belong together.
absl::StatusOr<Identity> LoadIdentity(const std::string& folder);

// The GHCB certificate table with VCEK, ASK and ARK.
absl::StatusOr<Bytes> IdentityTable(const Identity& identity);

}  // namespace nacre::tee::emulator
