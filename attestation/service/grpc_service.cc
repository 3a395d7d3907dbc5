#include "attestation/service/grpc_service.h"

#include <grpcpp/grpcpp.h>

#include <thread>

#include "attestation/protocol/jwt.h"
#include "attestation/protocol/limits.h"
#include "attestation/service/attestation.grpc.pb.h"
#include "attestation/service/evaluate.h"
#include "attestation/service/only_tls13.h"
#include "base/encoding.h"
#include "base/strings.h"
#include "crypto/random.h"
#include "crypto/x509.h"
#include "net/url.h"

namespace nacre::attestation {
namespace {

constexpr size_t kCorrelationIdSize = 8;
constexpr int kMaxThreads = 4;
constexpr size_t kMaxMemory = 64 << 20;  // of messages in all connections
constexpr int64_t kMaxConnectionAgeMs = 10 * 60 * 1000;
constexpr int64_t kMaxCallsOfAConnection = 16;
constexpr std::chrono::milliseconds kGrace(5000);

int64_t SteadyMs() {
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
}

// "ipv4:127.0.0.1:5000" and "ipv6:%5B::1%5D:5000" as HTTP's side writes them.
std::string PeerOf(const grpc::ServerContext& call) {
  const std::string peer = call.peer();
  const size_t colon = peer.find(':');
  auto decoded = net::PercentDecode(std::string_view(peer).substr(colon + 1));
  return decoded.ok() ? *std::move(decoded) : peer;
}

// As net::PeerCertificate; empty without a certificate, which gRPC has verified.
struct ClientIdentity {
  std::string sha256;
  std::string subject;
};
ClientIdentity ClientOf(const grpc::ServerContext& call) {
  const auto tls = call.auth_context();
  if (tls == nullptr || !tls->IsPeerAuthenticated()) return {};
  const auto pem = tls->FindPropertyValues("x509_pem_cert");
  if (pem.size() != 1) return {};
  const auto certificates =
      crypto::Certificate::AllFromPem(std::string_view(pem[0].data(), pem[0].size()));
  if (!certificates.ok() || certificates->empty()) return {};
  const crypto::Certificate& leaf = certificates->front();
  return {HexEncode(leaf.Fingerprint(crypto::HashAlgorithm::kSha256)), leaf.subject_text()};
}

grpc::Status ToGrpc(const absl::Status& status) {
  if (status.ok()) return grpc::Status::OK;
  const bool ours = absl::IsInternal(status) || absl::IsDataLoss(status);
  return {static_cast<grpc::StatusCode>(status.code()),
          ours ? "the service failed" : std::string(Message(status))};
}

absl::StatusOr<VerificationRequest> ToRequest(
    const ::attestation::IndividualAttestationRequest& message) {
  using Message = ::attestation::IndividualAttestationRequest;
  VerificationRequest out;
  out.tee = message.tee();
  out.evidence = message.evidence();
  out.hash_algorithm = message.runtime_data_hash_algorithm();
  if (message.runtime_data_case() == Message::kRawRuntimeData) {
    out.raw_runtime_data = message.raw_runtime_data();
  } else if (message.runtime_data_case() == Message::kStructuredRuntimeData) {
    ASSIGN_OR_RETURN(out.structured_runtime_data,
                     ParseJson(message.structured_runtime_data(),
                               {.max_size = kMaxMessageSize, .max_depth = kMaxMessageDepth}),
                     "structured_runtime_data");
  }
  if (message.init_data_case() == Message::kInitDataDigest) {
    out.init_data_digest = message.init_data_digest();
  } else if (message.init_data_case() == Message::kInitDataToml) {
    out.init_data_toml = message.init_data_toml();
  }
  return out;
}

class Service final : public ::attestation::AttestationService::Service {
 public:
  Service(BrokerContext* context, RateLimiter* limiter) : context_(context), limiter_(limiter) {}

  grpc::Status AttestationEvaluate(grpc::ServerContext* call,
                                   const ::attestation::AttestationRequest* request,
                                   ::attestation::AttestationResponse* response) override {
    if (limiter_ != nullptr && !limiter_->Take(PeerHost(PeerOf(*call)), SteadyMs())) {
      return {grpc::StatusCode::RESOURCE_EXHAUSTED, "too many attestations from here"};
    }
    auto token = Evaluate(*call, *request);
    if (token.ok()) response->set_attestation_token(*std::move(token));
    return ToGrpc(token.status());
  }

  grpc::Status SetAttestationPolicy(grpc::ServerContext* call,
                                    const ::attestation::SetPolicyRequest* request,
                                    ::attestation::SetPolicyResponse*) override {
    return ToGrpc(SetPolicy(*call, *request));
  }

  grpc::Status GetAttestationChallenge(grpc::ServerContext*, const ::attestation::ChallengeRequest*,
                                       ::attestation::ChallengeResponse* response) override {
    response->set_attestation_challenge(NewChallenge());
    return grpc::Status::OK;
  }

 private:
  RequestOrigin Origin(const grpc::ServerContext& call) const {
    return {.id = HexEncode(crypto::RandomBytes(kCorrelationIdSize)),
            .peer = PeerOf(call),
            .time = context_->unix_time()};
  }

  absl::StatusOr<std::string> Evaluate(const grpc::ServerContext& call,
                                       const ::attestation::AttestationRequest& request) {
    std::vector<VerificationRequest> requests;
    for (const auto& one : request.verification_requests()) {
      ASSIGN_OR_RETURN(VerificationRequest read, ToRequest(one));
      requests.push_back(std::move(read));
    }
    return attestation::Evaluate(*context_, Origin(call), requests,
                                 {request.policy_ids().begin(), request.policy_ids().end()});
  }

  absl::Status SetPolicy(const grpc::ServerContext& call,
                         const ::attestation::SetPolicyRequest& request) {
    const RequestOrigin origin = Origin(call);
    const auto header = call.client_metadata().find("authorization");
    const std::string authorization =
        header == call.client_metadata().end()
            ? std::string()
            : std::string(header->second.data(), header->second.size());
    const ClientIdentity client = ClientOf(call);
    ASSIGN_OR_RETURN(const AdminIdentity identity,
                     context_->admins.Check({.bearer = BearerToken(authorization),
                                             .certificate = client.sha256,
                                             .subject = client.subject},
                                            "POST", "/kbs/v0/attestation-policy", origin.time));
    ASSIGN_OR_RETURN(const Bytes text, Base64UrlDecode(request.policy()), "policy");
    return context_->policies->Set(PolicyKind::kAttestation, request.policy_id(),
                                   std::string(AsText(text)),
                                   {identity.name, origin.peer, origin.id, origin.time});
  }

  BrokerContext* context_;
  RateLimiter* limiter_;
};

std::shared_ptr<grpc::ServerCredentials> CredentialsOf(const GrpcOptions& options) {
  if (options.certificate_chain_pem.empty()) return grpc::InsecureServerCredentials();
  grpc::SslServerCredentialsOptions tls(options.client_ca_pem.empty()
                                            ? GRPC_SSL_DONT_REQUEST_CLIENT_CERTIFICATE
                                            : GRPC_SSL_REQUEST_CLIENT_CERTIFICATE_AND_VERIFY);
  tls.pem_root_certs = options.client_ca_pem;
  tls.pem_key_cert_pairs.push_back({options.private_key_pem, options.certificate_chain_pem});
  return grpc::SslServerCredentials(tls);
}

void SetTimes(const GrpcOptions& options, grpc::ServerBuilder* builder) {
  const auto set = [builder](const char* name, int64_t value) {
    builder->AddChannelArgument(name, static_cast<int>(value));
  };
  set(GRPC_ARG_SERVER_HANDSHAKE_TIMEOUT_MS, options.head_timeout_ms);
  set(GRPC_ARG_MAX_CONNECTION_IDLE_MS, options.idle_timeout_ms);
  // A call whose message never arrives keeps no thread, but its connection: that ends with its age.
  set(GRPC_ARG_MAX_CONNECTION_AGE_MS, kMaxConnectionAgeMs);
  set(GRPC_ARG_MAX_CONNECTION_AGE_GRACE_MS, options.body_timeout_ms);
  set(GRPC_ARG_MAX_CONCURRENT_STREAMS, kMaxCallsOfAConnection);
  set(GRPC_ARG_MAX_METADATA_SIZE, options.max_head);
  // A peer that vanished is noticed as one that does not answer.
  set(GRPC_ARG_KEEPALIVE_TIME_MS, options.idle_timeout_ms);
  set(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, options.head_timeout_ms);
}

absl::Status CheckPair(const std::string& chain_pem, const std::string& key_pem) {
  ASSIGN_OR_RETURN(const auto chain, crypto::Certificate::AllFromPem(chain_pem), "certificate");
  if (chain.empty()) return absl::InvalidArgumentError("certificate: there is none");
  ASSIGN_OR_RETURN(const auto key, crypto::PrivateKey::FromPem(AsBytes(key_pem)), "key");
  ASSIGN_OR_RETURN(const auto certified, chain[0].public_key());
  if (certified == key.public_key()) return absl::OkStatus();
  return absl::InvalidArgumentError("the key does not belong to the certificate");
}

}  // namespace

class GrpcServer::Impl {
 public:
  Impl(BrokerContext* context, const GrpcOptions& options)
      : options_(options), service_(context, options.limiter) {}
  ~Impl() { Stop(std::chrono::milliseconds(0)); }

  absl::Status Replace(const std::string& chain_pem, const std::string& key_pem) {
    RETURN_IF_ERROR(CheckPair(chain_pem, key_pem));
    options_.certificate_chain_pem = chain_pem;
    options_.private_key_pem = key_pem;
    const size_t colon = options_.address.rfind(':');
    options_.address = StrCat(std::string_view(options_.address).substr(0, colon), ":", port_);
    Stop(kGrace);
    // The listener of before is closed by a thread of gRPC's own.
    const auto until = std::chrono::steady_clock::now() + kGrace;
    absl::Status started = Start();
    while (!started.ok() && std::chrono::steady_clock::now() < until) {
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
      started = Start();
    }
    return started;
  }

  absl::Status Start() {
    grpc::ServerBuilder builder;
    builder.AddListeningPort(options_.address, CredentialsOf(options_), &port_);
    builder.RegisterService(&service_);
    SetTimes(options_, &builder);
    builder.SetMaxReceiveMessageSize(static_cast<int>(kMaxMessageSize));
    builder.SetResourceQuota(
        grpc::ResourceQuota("service").SetMaxThreads(kMaxThreads).Resize(kMaxMemory));
    builder.SetSyncServerOption(grpc::ServerBuilder::NUM_CQS, 1);
    builder.SetSyncServerOption(grpc::ServerBuilder::MAX_POLLERS, 2);
    builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
    server_ = builder.BuildAndStart();
    if (server_ != nullptr && port_ != 0) return absl::OkStatus();
    return absl::UnavailableError(StrCat("cannot serve gRPC on ", options_.address));
  }
  int port() const { return port_; }

 private:
  void Stop(std::chrono::milliseconds grace) {
    if (server_ == nullptr) return;
    server_->Shutdown(std::chrono::system_clock::now() + grace);
    server_->Wait();
    server_.reset();
  }

  GrpcOptions options_;
  Service service_;
  int port_ = 0;
  std::unique_ptr<grpc::Server> server_;
};

GrpcServer::GrpcServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
GrpcServer::~GrpcServer() = default;
int GrpcServer::port() const { return impl_->port(); }

absl::Status GrpcServer::ReplaceCertificate(const std::string& certificate_chain_pem,
                                            const std::string& private_key_pem) {
  return impl_->Replace(certificate_chain_pem, private_key_pem);
}

GrpcOptions GrpcOptionsOf(const net::HttpServerOptions& http) {
  GrpcOptions out;
  out.certificate_chain_pem = http.tls_certificate_chain_pem;
  out.private_key_pem = std::string(AsText(http.tls_private_key_pem.view()));
  out.client_ca_pem = http.client_ca_pem;
  out.max_head = http.max_head;
  out.head_timeout_ms = http.head_timeout_ms;
  out.body_timeout_ms = http.body_timeout_ms;
  out.idle_timeout_ms = http.idle_timeout_ms;
  return out;
}

absl::StatusOr<std::unique_ptr<GrpcServer>> GrpcServer::Start(BrokerContext* context,
                                                              const GrpcOptions& options) {
  if (!options.certificate_chain_pem.empty()) {
    RETURN_IF_ERROR(CheckPair(options.certificate_chain_pem, options.private_key_pem));
    RETURN_IF_ERROR(AllowOnlyTls13());
  }
  auto impl = std::make_unique<Impl>(context, options);
  RETURN_IF_ERROR(impl->Start());
  return std::unique_ptr<GrpcServer>(new GrpcServer(std::move(impl)));
}

}  // namespace nacre::attestation
