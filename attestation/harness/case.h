// One case of a suite: what is done to a broker, and what it must answer. A family is a small table
// of cases in a file of its own; suites.h runs them.
#pragma once

#include <functional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "net/http_message.h"

namespace nacre::attestation::harness {

class Lab;

// What a case cannot do without. A case whose needs are not met is not run, never passed.
enum class Need {
  kGuest,            // a guest whose evidence the broker accepts
  kSnp,              // the same, an emulated SNP machine: its reports can be spoilt
  kTdx,              // the same, TDX
  kRelease,          // a resource that the guest is given
  kAdmin,            // the owner's key
  kJwks,             // /.well-known/jwks.json: an addition of ours that peers' brokers lack
  kTls,              // the broker is reached over https
  kMinimumTcb,       // --assume minimum-tcb: its policy refuses TCBs below the emulated machine's
  kCollateral,       // --collateral: the folder of TDX collateral that the broker reads
  kEmulatedRefused,  // --assume emulated-refused: its policy gives emulated guests nothing
};

// What the message that decides a case came to.
struct Reply {
  int status = 0;         // HTTP; 0: no answer
  std::string failure{};  // why there is none: "connection closed without an answer"
  net::HttpHeaders headers{};
  std::string body{};
  std::string request{};  // what was sent, so that an echo is told from a leak

  std::string_view Header(std::string_view name) const { return net::FindHeader(headers, name); }
};

struct Expected {
  std::string text{};        // "401 and nothing released"
  std::set<int> statuses{};  // any of these
  bool may_close = false;    // or the connection is closed without an answer
  // For statuses of 400 and above: the body is the protocol's error JSON.
  bool error_body = false;
  // Looks at a reply whose status is right: "" when all is well, else what was got instead.
  std::function<std::string(const Reply&)> check{};
};

// A refusal by the broker itself, with the protocol's error JSON.
Expected Refused(std::set<int> statuses);
// A refusal that the HTTP server may give in its own words, or by hanging up.
Expected RefusedOrClosed(std::set<int> statuses = {400});
// 200 and whatever `check` wants.
Expected Accepted(std::string text, std::function<std::string(const Reply&)> check = {});

struct Case {
  std::string name{};  // "nonce-replayed"; unique in its suite
  std::string what{};  // one sentence, without a period: "an Attestation is sent a second time"
  std::set<Need> needs{};
  // An error means that the case could not come to its point, and counts as failed.
  std::function<absl::StatusOr<Reply>(Lab&)> steps{};
  Expected expected;
  bool slow = false;  // takes seconds: runs beside the others
};

struct Family {
  std::string suite{};  // "protocol" or "attack"
  std::string name{};
  std::vector<Case> cases{};
};

}  // namespace nacre::attestation::harness
