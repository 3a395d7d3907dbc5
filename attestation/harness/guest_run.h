// What a guest does, step by step: challenge, evidence, token, resource. Every message is kept with
// its timing, to be read by somebody who wants to know why a handshake fails.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "attestation/harness/guest.h"
#include "attestation/harness/probe.h"
#include "base/json.h"

namespace nacre::attestation::harness {

struct RunOptions {
  std::string key = "P-256";  // see MakeTeeKey
  std::string resource{};     // "repository/type/tag"; empty: none is asked for
};

struct RunStep {
  std::string name{};  // "auth", "evidence", "attest", "token", "resource"
  // What went over the wire; "" for a step that is the guest's own.
  std::string method{};
  std::string path{};
  size_t sent = 0;  // bytes of the body
  int status = 0;   // HTTP; 0: no answer
  size_t received = 0;
  int64_t took_us = 0;
  std::string request{};  // bodies, evidence and tokens shortened
  std::string answer{};
  std::vector<std::pair<std::string, std::string>> facts{};
  std::string error{};  // one sentence; "" when the step worked
};

struct RunReport {
  std::string broker{};
  std::string guest{};
  std::string tee{};
  std::vector<RunStep> steps{};
  bool attested = false;  // a token was given
  bool released = false;  // the resource was given and could be decrypted
  int64_t total_us = 0;
  std::string sentence{};  // how it ended

  bool ok(const RunOptions& options) const {
    return options.resource.empty() ? attested : released;
  }
};

// Ends at the first step that fails. Secrets are never part of the report, only their sizes.
RunReport RunGuest(Probe& probe, Guest& guest, const RunOptions& options);

// For people, a few lines a step; and as one JSON object.
std::string FormatRun(const RunReport& report);
Json RunToJson(const RunReport& report);

}  // namespace nacre::attestation::harness
