// The owner's word on what the host may ask of the agent: a Rego module, initdata's key
// "policy.rego", in the form of Kata's policies.
//
//   package agent_policy
//   default StartContainerRequest := true
//   ExecProcessRequest if input.process.Args == ["date"]
//
// A request is decided by the rule of package agent_policy that has the name of its protobuf
// message; `input` is the request (request_json.h), data.pstate what the policy remembers. The rule
// gives true or false, or {"allowed": ..., "ops": ...} where ops is a JSON patch of the state.
// Everything else denies: a rule that is undefined or missing, a value of another kind, an error, a
// spent budget, no policy at all.
//
// Why a request was denied is not told to the host but kept here, in memory that only the guest
// reads (its agent reports it to the owner's broker: guest-agent/service/denial_reporter.h).
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "policy/gate/state.h"
#include "policy/rego/engine.h"

namespace google::protobuf {
class Message;
}

namespace nacre::policy {

inline constexpr std::string_view kPolicyKey = "policy.rego";

struct Denial {
  uint64_t id = 0;          // counts from 1
  std::string request;      // "ExecProcessRequest"
  std::string explanation;  // holds values of the request and of the policy
};

// How many denials are kept, and how much of an explanation.
inline constexpr size_t kKeptDenials = 64;
inline constexpr size_t kMaxExplanation = 8 << 10;

// Thread-safe. Decisions are taken one at a time.
class RequestPolicy {
 public:
  // Denies everything.
  RequestPolicy();
  ~RequestPolicy();
  // `data` is initdata's [data] table; without the key everything is denied. Errors as Compile.
  static absl::StatusOr<std::unique_ptr<RequestPolicy>> FromInitdata(
      const std::map<std::string, std::string, std::less<>>& data);
  // Rego v1, or v0 where the text is none of v1. kInvalidArgument with the place when it is
  // neither, when it has no package agent_policy, or when it asks for Kata's debugging override
  // (AllowRequestsFailingPolicy), which there is none of.
  static absl::StatusOr<std::unique_ptr<RequestPolicy>> Compile(std::string_view text);

  // An allowed request. What its decision changes in the state is kept only by Commit(), to be
  // called once the request has succeeded; until then, no other request may change the state.
  class Permit {
   public:
    Permit() = default;
    Permit(Permit&& other) noexcept { *this = std::move(other); }
    Permit& operator=(Permit&& other) noexcept;
    ~Permit();
    void Commit();

   private:
    friend class RequestPolicy;
    RequestPolicy* policy_ = nullptr;  // set when there is a change
    std::shared_ptr<const PolicyState> next_;
    uint64_t generation_ = 0;
  };

  // kPermissionDenied "policy denied <request> (id <n>)", which is all the host may know;
  // kCancelled when `stop` was requested while another request was changing the state.
  absl::StatusOr<Permit> Check(const google::protobuf::Message& request,
                               const std::stop_token& stop = {});

  // No input and no state makes the policy allow this request.
  bool NeverAllows(std::string_view request_name);

  // A new policy with an empty state takes this one's place; errors as Compile, and then nothing
  // has changed. The denials stay.
  absl::Status Replace(std::string_view text);

  // The latest ones, of those with ids above `after`; oldest first.
  std::vector<Denial> Denials(uint64_t after = 0) const;

 private:
  struct Outcome {
    bool allowed = false;
    std::shared_ptr<const PolicyState> next;  // when the decision changes the state
    std::string why_not;
  };
  struct Rule {
    std::string path;  // "data.agent_policy.ExecProcessRequest"
    int32_t entry = -1;
  };
  const Rule& RuleOf(std::string_view request_name);
  Outcome Decide(const google::protobuf::Message& request);
  Outcome Judge(const rego::Value& decision, const std::string& rule);
  std::string Explain(const std::string& rule, const rego::Value& input);
  absl::Status Deny(std::string_view request_name, std::string explanation);

  mutable std::mutex mutex_;  // guards everything
  std::condition_variable_any turn_free_;
  bool turn_taken_ = false;  // a request that changes the state is running
  uint64_t generation_ = 0;  // of the policy
  std::shared_ptr<const rego::Policy> policy_;
  std::map<std::string, Rule, std::less<>> rules_;  // as they were asked for
  std::shared_ptr<const PolicyState> state_;
  rego::Evaluator evaluator_;
  rego::Arena input_;
  std::deque<Denial> denials_;
  uint64_t denials_ever_ = 0;
};

}  // namespace nacre::policy
