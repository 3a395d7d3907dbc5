// Tells the owner what the policy denied and why: the host hears only "policy denied
// <request> (id <n>)", the owner reads the rest with `nacre kbs denials` at the broker this guest
// has attested to.
//
// The host can cause as many denials as it likes, and the broker may be slow or gone. So:
//   - Nothing waits for a report. Wake() sets a flag; one thread of its own does the rest, and an
//     error of it changes no answer to the host.
//   - There is no second queue. What waits to be reported is what the policy keeps anyway
//     (policy::kKeptDenials, the oldest goes first); the ids show what was lost.
//   - Denials during a report and during the pause after it go together in the next one. The pause
//     doubles with each failure. A broker that takes no denials is not asked again, and what it
//     calls malformed is not sent again.
//   - When the guest ends, what has not been reported gets one attempt of `last_wait_ms`.
//
// What a report may hold: an explanation has values of the request, which the host wrote, and of
// the policy, which is public by its measurement; the state a policy keeps is made of these two.
// Secrets enter the guest after the policy's word (keys and sealed values are fetched by handlers
// that were allowed to run), so no explanation can have one. It leaves over TLS to the
// broker that initdata pins, and to nobody else; without a broker in initdata there is no reporter.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "base/status.h"
#include "policy/gate/request_policy.h"

namespace nacre::guest_agent {

struct DenialReporterOptions {
  // The denials with ids above `after`, oldest first, at most policy::kKeptDenials.
  std::function<std::vector<policy::Denial>(uint64_t after)> denials;
  // Sends some; may take long. kPermissionDenied and kNotFound say that the broker takes none,
  // kInvalidArgument that it will never take these; after any other error they are sent again.
  // Both functions may outlive the reporter, with whatever they hold, when they do not return in
  // time.
  std::function<absl::Status(const std::vector<policy::Denial>&)> send;

  int64_t pause_ms = 1'000;        // between two reports, at least; half as much again by chance
  int64_t max_pause_ms = 300'000;  // after failures
  int64_t last_wait_ms = 2'000;
};

// Thread-safe.
class DenialReporter {
 public:
  explicit DenialReporter(DenialReporterOptions options);
  // Takes up to last_wait_ms.
  ~DenialReporter();
  DenialReporter(const DenialReporter&) = delete;
  DenialReporter& operator=(const DenialReporter&) = delete;

  // There is a new denial.
  void Wake();

 private:
  struct Shared;
  static void Run(Shared& shared);
  static bool Report(Shared& shared);

  std::shared_ptr<Shared> shared_;
};

}  // namespace nacre::guest_agent
