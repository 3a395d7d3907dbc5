#include "attestation/service/grpc_service.h"

#include <grpcpp/grpcpp.h>

#include "attestation/protocol/jwt.h"
#include "attestation/protocol/limits.h"
#include "attestation/service/attestation.grpc.pb.h"
#include "attestation/service/evaluate.h"
#include "base/encoding.h"
#include "base/strings.h"
#include "crypto/random.h"

namespace nacre::attestation {
namespace {

constexpr size_t kCorrelationIdSize = 8;
constexpr int kMaxThreads = 4;

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
  explicit Service(BrokerContext* context) : context_(context) {}

  grpc::Status AttestationEvaluate(grpc::ServerContext* call,
                                   const ::attestation::AttestationRequest* request,
                                   ::attestation::AttestationResponse* response) override {
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
            .peer = call.peer(),
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
    ASSIGN_OR_RETURN(const AdminIdentity identity,
                     context_->admins.Check(
                         {.bearer = BearerToken(authorization), .certificate = {}, .subject = {}},
                         "POST", "/kbs/v0/attestation-policy", origin.time));
    ASSIGN_OR_RETURN(const Bytes text, Base64UrlDecode(request.policy()), "policy");
    return context_->policies->Set(PolicyKind::kAttestation, request.policy_id(),
                                   std::string(AsText(text)),
                                   {identity.name, origin.peer, origin.id, origin.time});
  }

  BrokerContext* context_;
};

}  // namespace

class GrpcServer::Impl {
 public:
  explicit Impl(BrokerContext* context) : service_(context) {}
  ~Impl() {
    if (server_ != nullptr) server_->Shutdown(std::chrono::system_clock::now());
  }

  absl::Status Start(const GrpcOptions& options) {
    std::shared_ptr<grpc::ServerCredentials> credentials = grpc::InsecureServerCredentials();
    if (!options.certificate_chain_pem.empty()) {
      grpc::SslServerCredentialsOptions tls;
      tls.pem_key_cert_pairs.push_back({options.private_key_pem, options.certificate_chain_pem});
      credentials = grpc::SslServerCredentials(tls);
    }
    grpc::ServerBuilder builder;
    builder.AddListeningPort(options.address, credentials, &port_);
    builder.RegisterService(&service_);
    builder.SetMaxReceiveMessageSize(static_cast<int>(kMaxMessageSize));
    builder.SetResourceQuota(grpc::ResourceQuota("service").SetMaxThreads(kMaxThreads));
    builder.SetSyncServerOption(grpc::ServerBuilder::NUM_CQS, 1);
    builder.SetSyncServerOption(grpc::ServerBuilder::MAX_POLLERS, 2);
    builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
    server_ = builder.BuildAndStart();
    if (server_ != nullptr && port_ != 0) return absl::OkStatus();
    return absl::UnavailableError(StrCat("cannot serve gRPC on ", options.address));
  }
  int port() const { return port_; }

 private:
  Service service_;
  int port_ = 0;
  std::unique_ptr<grpc::Server> server_;
};

GrpcServer::GrpcServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
GrpcServer::~GrpcServer() = default;
int GrpcServer::port() const { return impl_->port(); }

absl::StatusOr<std::unique_ptr<GrpcServer>> GrpcServer::Start(BrokerContext* context,
                                                              const GrpcOptions& options) {
  auto impl = std::make_unique<Impl>(context);
  RETURN_IF_ERROR(impl->Start(options));
  return std::unique_ptr<GrpcServer>(new GrpcServer(std::move(impl)));
}

}  // namespace nacre::attestation
