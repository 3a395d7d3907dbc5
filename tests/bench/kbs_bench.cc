// What a handshake costs the broker beyond the cryptography it must do, and what a connection costs
// in memory. nacre-kbs runs as a process of its own; its CPU time is the kernel's count.
//
//   cpu_per_handshake over bare                at most 1.5
//   p99 over median                            under 20
//   memory per idle connection                 under 32 KiB
//   1,000 connections held with 2 workers, resident memory under 64 MiB
//   policy and reference evaluation            under 100 us
//
//   ninja kbs_bench nacre-kbs && build/release/bin/kbs_bench build/release/bin/nacre-kbs
//   [handshakes [connections]]
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <functional>
#include <latch>
#include <thread>
#include <utility>

#include "attestation/broker/judgement.h"
#include "attestation/broker/policy_catalogue.h"
#include "attestation/broker/setup.h"
#include "attestation/protocol/binding.h"
#include "attestation/protocol/jwt.h"
#include "attestation/protocol/messages.h"
#include "attestation/protocol/snp_evidence.h"
#include "base/encoding.h"
#include "base/file.h"
#include "base/strings.h"
#include "base/subprocess.h"
#include "crypto/jwk.h"
#include "net/http_client.h"
#include "tee/emulator/identity.h"
#include "tee/emulator/platform.h"

namespace nacre::attestation {
namespace {

void Must(const absl::Status& status) {
  if (status.ok()) return;
  std::fprintf(stderr, "kbs_bench: %s\n", std::string(Message(status)).c_str());
  std::exit(1);
}
template <typename T>
T Must(absl::StatusOr<T> result) {
  Must(result.status());
  return *std::move(result);
}

double Now() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

double ThreadCpu() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

// Seconds of CPU a process has used; clock ticks are its resolution.
struct Cpu {
  double user = 0, system = 0;
  double all() const { return user + system; }
};

Cpu CpuOf(pid_t pid) {
  const std::string text = Must(ReadTextFile(StrCat("/proc/", pid, "/stat"), 4096));
  unsigned long long user = 0, system = 0;
  const char* rest = text.c_str() + text.rfind(')') + 1;
  if (std::sscanf(rest, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu", &user, &system) !=
      2) {
    std::exit(1);
  }
  const auto ticks = static_cast<double>(sysconf(_SC_CLK_TCK));
  return {static_cast<double>(user) / ticks, static_cast<double>(system) / ticks};
}

double ResidentMiB(pid_t pid) {
  const std::string text = Must(ReadTextFile(StrCat("/proc/", pid, "/statm"), 4096));
  unsigned long long size = 0, resident = 0;
  if (std::sscanf(text.c_str(), "%llu %llu", &size, &resident) != 2) std::exit(1);
  return static_cast<double>(resident) * 4096 / (1 << 20);
}

std::string Replace(std::string text, std::string_view from, std::string_view to) {
  const size_t at = text.find(from);
  if (at == std::string::npos) std::exit(1);
  return text.substr(0, at) + std::string(to) + text.substr(at + from.size());
}

class Bench {
 public:
  explicit Bench(const std::string& program) : program_(program) {
    Must(tee::emulator::CreateIdentity(Path("chip"), {.now = std::time(nullptr)}));
    SetupOptions setup;
    setup.folder = Path("kbs");
    setup.emulated_root = Path("chip/ark.pem");
    setup.allow_emulated = true;
    Must(SetUpBroker(setup, std::time(nullptr)));
    std::string config = Must(ReadTextFile(Path("kbs/kbs.toml"), 1 << 16));
    config = Replace(config, "attestations_per_minute = 120", "attestations_per_minute = 1000000");
    config = Replace(config, "max_connections = 256", "max_connections = 1200");
    config = Replace(config, "level = \"info\"", "level = \"error\"");
    Must(WriteFile(Path("kbs/kbs.toml"), AsBytes(config)));
    Start();
    Admin("/kbs/v0/resource/default/key/1", "secret");
    const Json values = {{"snp_launch_measurement", {HexEncode(Bytes(48, 5))}}};
    Admin("/kbs/v0/reference-value", Json{{"version", "0.1.0"},
                                          {"type", "sample"},
                                          {"payload", Base64Encode(AsBytes(values.dump()))}}
                                         .dump());
  }
  ~Bench() {
    process_->Kill(SIGTERM).IgnoreError();
    process_->WaitFor(10'000).status().IgnoreError();
  }

  std::unique_ptr<net::HttpClient> Client() const {
    net::HttpClientOptions options;
    options.pinned_server_cert_pem = certificate_;
    return Must(net::HttpClient::Create(std::move(options)));
  }
  net::HttpResponse Send(net::HttpClient& client, const std::string& method,
                         const std::string& path, net::HttpHeaders headers = {},
                         std::string body = "") const {
    net::HttpRequest request;
    request.method = method;
    request.url = url_ + path;
    request.headers = std::move(headers);
    request.body = std::move(body);
    net::HttpResponse response = Must(client.Send(request));
    if (response.status != 200) Must(absl::InternalError(response.body));
    return response;
  }

  tee::emulator::Platform Platform() const {
    return Must(tee::emulator::Platform::Create(Must(tee::emulator::LoadIdentity(Path("chip"))),
                                                Bytes(48, 5), {}, {}));
  }
  pid_t pid() const { return process_->pid(); }

 private:
  std::string Path(const std::string& name) const { return folder_.path() + "/" + name; }

  void Start() {
    SubprocessOptions options;
    options.argv = {program_,      "--config",    Path("kbs/kbs.toml"), "--listen",
                    "127.0.0.1:0", "--port-file", Path("port")};
    options.parent_death_signal = SIGKILL;
    process_.emplace(Must(Subprocess::Start(options)));
    absl::StatusOr<std::string> port = absl::NotFoundError("no port");
    for (double end = Now() + 30; Now() < end && !port.ok();) {
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
      port = ReadTextFile(Path("port"), 64);
    }
    url_ = StrCat("https://127.0.0.1:", StripSpace(Must(std::move(port))));
    certificate_ = Must(ReadTextFile(Path("kbs/tls.pem"), 1 << 16));
  }

  void Admin(const std::string& path, const std::string& body) {
    const auto key = Must(crypto::PrivateKey::FromPem(Must(ReadFile(Path("kbs/admin.key"), 4096))));
    const std::string token = Must(SignAdminToken(key, "nacre-admin", std::time(nullptr), 60));
    Send(*Client(), "POST", path, {{"Authorization", "Bearer " + token}}, body);
  }

  const std::string program_;
  TemporaryDirectory folder_ = Must(TemporaryDirectory::Create("kbs_bench"));
  std::optional<Subprocess> process_;
  std::string url_, certificate_;
};

// Mean thread CPU of one call, in seconds.
double Cost(int times, const std::function<void()>& work) {
  work();
  const double start = ThreadCpu();
  for (int i = 0; i < times; ++i) work();
  return (ThreadCpu() - start) / times;
}

// The asymmetric operations of one handshake at the broker: the report's signature, the token
// signed and, for the resource, verified, and a key agreement with a fresh key.
class Asymmetric {
 public:
  void RunOnce() {
    double at = ThreadCpu();
    const auto took = [&at] {
      const double before = std::exchange(at, ThreadCpu());
      return at - before;
    };
    Must(vcek_.public_key().VerifyEcdsa(HashAlgorithm::kSha384, text_, report_));
    verify384_ += took();
    Must(token_.SignEcdsa(HashAlgorithm::kSha256, text_));
    sign256_ += took();
    Must(token_.public_key().VerifyEcdsa(HashAlgorithm::kSha256, text_, signature_));
    verify256_ += took();
    Must(Must(crypto::PrivateKey::GenerateEc(Curve::kP256)).Ecdh(guest_.public_key()));
    agree_ += took();
    ++times_;
  }
  void Add(const Asymmetric& other) {
    verify384_ += other.verify384_;
    sign256_ += other.sign256_;
    verify256_ += other.verify256_;
    agree_ += other.agree_;
    times_ += other.times_;
  }
  void Forget() { verify384_ = sign256_ = verify256_ = agree_ = times_ = 0; }
  // Mean thread CPU of all of them, in seconds.
  double Mean() const { return (verify384_ + sign256_ + verify256_ + agree_) / times_; }
  void Print(const char* where) const {
    std::printf(
        "bare %s: P-384 verify %.0f us, P-256 sign %.0f us, verify %.0f us, ECDH-ES %.0f us"
        ", sum %.0f us\n",
        where, verify384_ / times_ * 1e6, sign256_ / times_ * 1e6, verify256_ / times_ * 1e6,
        agree_ / times_ * 1e6, Mean() * 1e6);
  }

 private:
  using Curve = crypto::Curve;
  using HashAlgorithm = crypto::HashAlgorithm;
  const Bytes text_ = Bytes(700, 1);
  const crypto::PrivateKey vcek_ = Must(crypto::PrivateKey::GenerateEc(Curve::kP384));
  const crypto::PrivateKey token_ = Must(crypto::PrivateKey::GenerateEc(Curve::kP256));
  const crypto::PrivateKey guest_ = Must(crypto::PrivateKey::GenerateEc(Curve::kP256));
  const Bytes report_ = Must(vcek_.SignEcdsa(HashAlgorithm::kSha384, text_));
  const Bytes signature_ = Must(token_.SignEcdsa(HashAlgorithm::kSha256, text_));
  double verify384_ = 0, sign256_ = 0, verify256_ = 0, agree_ = 0, times_ = 0;
};

double BareAlone() {
  Asymmetric bare;
  for (int i = 0; i < 50; ++i) bare.RunOnce();
  bare.Forget();
  for (int i = 0; i < 400; ++i) bare.RunOnce();
  bare.Print("alone");
  return bare.Mean();
}

std::string Cookie(const net::HttpResponse& response) {
  const std::string text(response.Header("Set-Cookie"));
  return text.substr(0, text.find(';'));
}

class Guest {
 public:
  explicit Guest(const Bench& bench)
      : bench_(bench), client_(bench.Client()), platform_(bench.Platform()) {
    const auto guest = Must(crypto::PrivateKey::GenerateEc(crypto::Curve::kP256));
    key_ = Must(crypto::PublicKeyToJwk(guest.public_key()));
    key_["alg"] = "ECDH-ES+A256KW";
  }

  // Seconds of the three requests, without what the guest does between them.
  double Handshake() const {
    double start = Now();
    const auto auth = bench_.Send(*client_, "POST", "/kbs/v0/auth", {},
                                  R"({"version":"0.4.0","tee":"snp","extra-params":{}})");
    double spent = Now() - start;
    std::string body = Evidence(Must(ParseChallenge(auth.body)).nonce);
    start = Now();
    const auto attest = bench_.Send(*client_, "POST", "/kbs/v0/attest", {{"Cookie", Cookie(auth)}},
                                    std::move(body));
    bench_.Send(*client_, "GET", "/kbs/v0/resource/default/key/1", {{"Cookie", Cookie(attest)}});
    return spent + Now() - start;
  }

 private:
  std::string Evidence(const std::string& nonce) const {
    Attestation attestation;
    attestation.nonce = nonce;
    attestation.tee_pubkey = key_;
    const auto report_data = Must(BindReportData(nonce, key_, ""));
    tee::Evidence evidence;
    evidence.report = Must(platform_.SignReport(report_data));
    evidence.auxiliary = platform_.certificate_table();
    SnpEvidenceMessage message;
    message.evidence = Must(tee::sev::SnpEvidenceFrom(evidence));
    attestation.primary_evidence = Must(SnpEvidenceToJson(message));
    return Must(SerializeAttestation(attestation));
  }

  const Bench& bench_;
  const std::unique_ptr<net::HttpClient> client_;
  const tee::emulator::Platform platform_;
  Json key_;
};

// Each client keeps its connection and has a chip of its own at work; what they cost themselves is
// not the broker's, but takes the same two processors. How much a processor does in a microsecond
// depends on what else runs, so now and then each client also does the bare operations: those are
// as fast or as slow as the broker's.
void Handshakes(const Bench& bench, int clients, int count, double alone) {
  constexpr int kBetweenBare = 4;
  struct Client {
    std::vector<double> seconds;
    Asymmetric bare;
  };
  std::vector<Client> all(static_cast<size_t>(clients));
  std::latch warm(clients), begin(1);
  std::vector<std::jthread> threads;
  for (Client& client : all) {
    threads.emplace_back([&] {
      const Guest guest(bench);
      for (int i = 0; i < 20; ++i) guest.Handshake();
      warm.count_down();
      begin.wait();
      for (int i = 0; i < count / clients; ++i) {
        client.seconds.push_back(guest.Handshake());
        if (i % kBetweenBare == 0) client.bare.RunOnce();
      }
    });
  }
  warm.wait();
  const Cpu before = CpuOf(bench.pid());
  begin.count_down();
  threads.clear();
  const Cpu after = CpuOf(bench.pid());
  std::vector<double> seconds;
  Asymmetric bare;
  for (const Client& client : all) {
    seconds.insert(seconds.end(), client.seconds.begin(), client.seconds.end());
    bare.Add(client.bare);
  }
  const auto done = static_cast<double>(seconds.size());
  const double cpu = (after.all() - before.all()) / done;
  const double system = (after.system - before.system) / done;
  std::ranges::sort(seconds);
  const double median = seconds[seconds.size() / 2];
  const double p99 = seconds[seconds.size() * 99 / 100];
  bare.Print("beside");
  std::printf(
      "clients %d, cpu_per_handshake %.0f us (system %.0f us), over bare beside %.2f, over "
      "bare alone %.2f\n",
      clients, cpu * 1e6, system * 1e6, cpu / bare.Mean(), cpu / alone);
  std::printf("clients %d, median %.2f ms, p99 %.2f ms, ratio %.1f\n", clients, median * 1e3,
              p99 * 1e3, p99 / median);
}

void Connections(const Bench& bench, int count) {
  const double before = ResidentMiB(bench.pid());
  std::vector<std::unique_ptr<net::HttpClient>> held;
  for (int i = 0; i < count; ++i) {
    held.push_back(bench.Client());
    bench.Send(*held.back(), "GET", "/healthz");
  }
  const double after = ResidentMiB(bench.pid());
  std::printf("connections %zu, resident %.1f MiB, before %.1f MiB, each %.1f KiB\n", held.size(),
              after, before, (after - before) * 1024 / static_cast<double>(held.size()));
  const Guest guest(bench);
  for (int i = 0; i < 100; ++i) guest.Handshake();
  std::printf("resident under load beside them %.1f MiB\n", ResidentMiB(bench.pid()));
}

void Policies() {
  const auto policies = Must(PolicySet::Defaults());
  AppraisalOutcome outcome;
  outcome.genuine = true;
  outcome.appraisal.Add(kLaunchCheck, true, "x", "x");
  const std::string digest = HexEncode(Bytes(48, 5));
  outcome.claims = {{"measurement", digest}, {"policy_debug_allowed", false}, {"chip_id", digest}};
  const ReferenceQuery references = [&](std::string_view id) -> Json {
    return id == "snp_launch_measurement" ? Json::array({digest}) : Json(nullptr);
  };
  Attestation attestation;
  attestation.tee_pubkey = {{"kty", "EC"}};
  const double judge = Cost(
      2000, [&] { Must(JudgeAll({outcome}, attestation, policies->Attestation(), references)); });
  const Json token = {{"submods", {{"cpu0", {{"ear.status", "affirming"}}}}}};
  const Json data = {{"plugin", "resource"}, {"resource-path", {"a", "b", "c"}}};
  const double decide = Cost(2000, [&] {
    if (!policies->ForResource("a/b/c").Decide(token, data, references).allowed) std::exit(1);
  });
  std::printf("attestation policy with references %.1f us, resource policy %.1f us\n", judge * 1e6,
              decide * 1e6);
}

}  // namespace
}  // namespace nacre::attestation

int main(int argc, char** argv) {
  using namespace nacre::attestation;
  if (argc < 2) {
    std::fprintf(stderr, "usage: kbs_bench PATH_OF_NACRE_KBS [HANDSHAKES [CONNECTIONS]]\n");
    return 2;
  }
  Policies();
  const Bench bench(argv[1]);
  const int handshakes = argc > 2 ? std::atoi(argv[2]) : 1000;
  const double alone = BareAlone();
  for (const int clients : {1, 8}) Handshakes(bench, clients, handshakes, alone);
  const int connections = argc > 3 ? std::atoi(argv[3]) : 1000;
  if (connections > 0) Connections(bench, connections);
}
