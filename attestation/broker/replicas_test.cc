// Two replicas over one PostgreSQL: guests take each step of their handshake at whichever replica
// comes, while one replica is killed in the middle of it. Only handshakes with a request under way
// at the killed one may fail.
#include <atomic>
#include <mutex>
#include <random>
#include <thread>

#include "attestation/broker/program_testing.h"
#include "attestation/broker/setup.h"
#include "attestation/broker/storage/testing.h"
#include "attestation/broker/testing.h"
#include "attestation/protocol/binding.h"
#include "attestation/protocol/snp_evidence.h"
#include "base/file.h"
#include "base/status_testing.h"
#include "base/strings.h"
#include "crypto/jwe.h"
#include "crypto/jwk.h"

namespace nacre::attestation {
namespace {

using testing::BrokerProcess;
using testing::Chip;

constexpr int kGuests = 3;
constexpr int kHandshakesBeforeTheKill = 6;
constexpr int kHandshakesAfterTheKill = 6;

// The replicas as a load balancer shows them: each request goes to the next one that takes it.
class Balancer {
 public:
  void Add(std::unique_ptr<BrokerProcess> replica) { replicas_.push_back(std::move(replica)); }
  BrokerProcess& replica(size_t i) { return *replicas_[i]; }
  int cut_off() const { return cut_off_; }
  int served(size_t i) const { return served_[i]; }

  // kAborted when the replica went away with the request: it is not known what became of it.
  absl::StatusOr<net::HttpResponse> Send(const std::string& method, const std::string& path,
                                         const std::string& cookie, const std::string& body) {
    const size_t first = next_++;
    for (size_t i = 0; i < replicas_.size(); ++i) {
      const size_t at = (first + i) % replicas_.size();
      net::HttpHeaders headers;
      if (!cookie.empty()) headers.emplace_back("Cookie", cookie);
      auto answer = replicas_[at]->Send(method, path, headers, body);
      if (answer.ok()) {
        ++served_[at];
        return answer;
      }
      // "connecting to ...": it never had the request.
      if (Message(answer.status()).find("connecting") == std::string_view::npos) {
        ++cut_off_;
        return absl::AbortedError(answer.status().message());
      }
    }
    return absl::UnavailableError("no replica answers");
  }

 private:
  std::vector<std::unique_ptr<BrokerProcess>> replicas_;
  std::atomic<size_t> next_ = 0;
  std::atomic<int> cut_off_ = 0;
  std::atomic<int> served_[2] = {};
};

std::string CookieOf(const net::HttpResponse& answer, const std::string& before) {
  const std::string set(answer.Header("Set-Cookie"));
  return set.empty() ? before : set.substr(0, set.find(';'));
}

absl::Status Expect200(const absl::StatusOr<net::HttpResponse>& answer) {
  if (!answer.ok()) return answer.status();
  if (answer->status == 200) return absl::OkStatus();
  return absl::InternalError(StrCat(answer->status, " ", answer->body));
}

// A guest from its first word to the secret.
absl::Status Handshake(Balancer& balancer, const tee::LaunchInputs& launch) {
  ASSIGN_OR_RETURN(auto key, crypto::PrivateKey::GenerateEc(crypto::Curve::kP256));
  ASSIGN_OR_RETURN(const std::string hello,
                   SerializeRequest({.version = std::string(kProtocolVersion),
                                     .tee = "snp",
                                     .extra_params = Json::object()}));
  auto challenge = balancer.Send("POST", "/kbs/v0/auth", "", hello);
  RETURN_IF_ERROR(Expect200(challenge), "auth");
  std::string cookie = CookieOf(*challenge, "");
  ASSIGN_OR_RETURN(const Challenge parsed, ParseChallenge(challenge->body));
  Attestation attestation;
  attestation.nonce = parsed.nonce;
  ASSIGN_OR_RETURN(attestation.tee_pubkey, crypto::PublicKeyToJwk(key.public_key()));
  attestation.tee_pubkey["alg"] = "ECDH-ES+A256KW";
  ASSIGN_OR_RETURN(auto report_data, BindReportData(parsed.nonce, attestation.tee_pubkey, ""));
  SnpEvidenceMessage message;
  message.evidence = Chip::Get().Sign(launch, report_data);
  message.hint = LaunchHint{launch.command_line, launch.vcpus};
  ASSIGN_OR_RETURN(attestation.primary_evidence, SnpEvidenceToJson(message));
  ASSIGN_OR_RETURN(const std::string body, SerializeAttestation(attestation));
  auto token = balancer.Send("POST", "/kbs/v0/attest", cookie, body);
  RETURN_IF_ERROR(Expect200(token), "attest");
  cookie = CookieOf(*token, cookie);
  auto resource = balancer.Send("GET", "/kbs/v0/resource/default/key/1", cookie, "");
  RETURN_IF_ERROR(Expect200(resource), "resource");
  const crypto::JweAlgorithm allowed[] = {crypto::JweAlgorithm::kEcdhEsA256Kw};
  ASSIGN_OR_RETURN(const SecretBytes secret, crypto::JweDecrypt(resource->body, key, allowed));
  return AsText(secret.view()) == "secret" ? absl::OkStatus()
                                           : absl::InternalError("another secret");
}

class ReplicasTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto made = testing::TestDatabase::Create(sql::Engine::kPostgresql);
    if (absl::IsNotFound(made.status())) GTEST_SKIP() << made.status();
    ASSERT_OK(made);
    place.emplace(*std::move(made));
    ASSERT_OK(SetUpBroker({.folder = folder(),
                           .extra_names = {},
                           .emulated_root = Chip::Get().ark_path(),
                           .allow_emulated = true},
                          std::time(nullptr)));
    ASSERT_OK_AND_ASSIGN(std::string config, ReadTextFile(folder() + "/kbs.toml", 65536));
    const size_t begin = config.find("[storage]\n") + 10;
    const size_t end = config.find("\n[", begin);
    config.erase(begin, end - begin);
    config.insert(begin, place->ConfigText());
    const std::string limit = "attestations_per_minute = ";
    config.insert(config.find(limit) + limit.size(), "10");
    ASSERT_OK(WriteFile(folder() + "/kbs.toml", AsBytes(config)));
    for (int i = 0; i < 2; ++i) {
      ASSERT_OK_AND_ASSIGN(auto replica, BrokerProcess::Start(folder(), "kbs.toml"));
      balancer.Add(std::move(replica));
    }
  }
  std::string folder() const { return temporary.path() + "/kbs"; }
  TemporaryDirectory temporary = *TemporaryDirectory::Create("replicas");
  std::optional<testing::TestDatabase> place;
  Balancer balancer;
};

TEST_F(ReplicasTest, AnyStepAtAnyReplicaAndOneKilledInTheMiddle) {
  const tee::LaunchInputs launch = Chip::Get().Launch();
  // The owner speaks to one replica, and the other knows at once.
  for (const auto& [path, body] : {std::pair<std::string, std::string>{
                                       "reference-value", Chip::Get().Reference(launch, "pearl")},
                                   {"resource/default/key/1", "secret"}}) {
    ASSERT_OK_AND_ASSIGN(auto answer, balancer.replica(0).Admin("POST", "/kbs/v0/" + path, body));
    ASSERT_EQ(answer.status, 200) << answer.body;
  }
  std::atomic<int> finished = 0, failed = 0;
  std::mutex mutex;
  std::vector<std::string> errors;
  std::atomic<bool> killed = false;
  std::vector<std::jthread> guests;
  for (int guest = 0; guest < kGuests; ++guest) {
    guests.emplace_back([&] {
      int after = 0;
      while (after < kHandshakesAfterTheKill) {
        if (killed) ++after;
        const absl::Status status = Handshake(balancer, launch);
        ++finished;
        if (status.ok()) continue;
        ++failed;
        std::lock_guard lock(mutex);
        errors.push_back(status.ToString());
      }
    });
  }
  while (finished < kHandshakesBeforeTheKill) std::this_thread::yield();
  balancer.replica(1).Kill();
  killed = true;
  guests.clear();
  EXPECT_LE(failed, balancer.cut_off()) << StrJoin(errors, "\n");
  EXPECT_LE(balancer.cut_off(), kGuests);
  EXPECT_GE(finished, kHandshakesBeforeTheKill + kGuests * kHandshakesAfterTheKill);
  EXPECT_GT(balancer.served(0), 0);
  EXPECT_GT(balancer.served(1), 0);
  std::printf("%d handshakes, %d failed, %d requests under way at the kill\n", finished.load(),
              failed.load(), balancer.cut_off());
}

}  // namespace
}  // namespace nacre::attestation
