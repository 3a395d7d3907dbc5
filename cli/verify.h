// `nacre verify EVIDENCE`: is this file of evidence genuine, and what does it say?
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "cli/verb.h"

namespace nacre::cli {

// Exit codes: 0 verified, 1 refused, 2 unreadable (or a wrong command line).
inline constexpr int kExitRefused = 1;
inline constexpr int kExitUnreadable = 2;

struct VerifyOptions {
  std::string evidence;
  std::vector<std::string> collateral;   // files and folders
  std::vector<std::string> trust_roots;  // PEM or DER: an emulator's root
  std::vector<std::string> references;   // documents of `nacre measure --reference`
  std::string at;                        // see ParseTimeOption; empty = now
  std::string report_data;               // hex, up to 64 bytes; empty = any
  std::string event_log;                 // file: the log of a quote that does not bring one
  std::vector<std::string> accept_tcb;   // TDX TCB statuses beside UpToDate
  std::string ak;                        // TPM: file of the attestation key that is trusted
  std::string nonce;                     // TPM: hex; empty = any
  std::vector<std::string> paravisors;   // Azure: hex of 48 bytes each; none = any
  std::string signature;                 // of a bare TPMS_ATTEST: file of its TPMT_SIGNATURE
  std::string pcrs;                      // of a bare TPMS_ATTEST: file of its SHA-256 PCRs
  bool allow_debug = false;
  bool allow_migration = false;
  uint32_t max_vmpl = 0;
  bool json = false;
  bool color = false;
};

struct VerifyOutcome {
  std::string text;  // for stdout
  int exit_code = 0;
};

// "2026-03-16", "2026-03-16T22:06:09Z" or seconds since 1970.
absl::StatusOr<int64_t> ParseTimeOption(const std::string& text);

// An error is about the options or a file they name; evidence that cannot be read is one too, with
// exit code kExitUnreadable in both cases.
absl::StatusOr<VerifyOutcome> VerifyFile(const VerifyOptions& options, int64_t now);

void AddVerifyVerb(CLI::App& app, VerbResult* result);

}  // namespace nacre::cli
