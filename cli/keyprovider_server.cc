#include "cli/keyprovider_server.h"

#include <grpcpp/grpcpp.h>
#include <sys/stat.h>

#include "api/keyprovider.grpc.pb.h"
#include "base/strings.h"

namespace nacre::cli {
namespace {

constexpr int kMaxThreads = 4;
constexpr std::string_view kUnix = "unix:";

using Input = keyprovider::keyProviderKeyWrapProtocolInput;
using Output = keyprovider::keyProviderKeyWrapProtocolOutput;

class Service final : public keyprovider::KeyProviderService::Service {
 public:
  explicit Service(image::KeyProviderOptions options) : options_(std::move(options)) {}

  grpc::Status WrapKey(grpc::ServerContext*, const Input* input, Output* output) override {
    return Answer("keywrap", *input, output);
  }
  grpc::Status UnWrapKey(grpc::ServerContext*, const Input* input, Output* output) override {
    return Answer("keyunwrap", *input, output);
  }

 private:
  // The document says once more which operation it is: it may not be the other one.
  grpc::Status Answer(std::string_view operation, const Input& input, Output* output) const {
    absl::StatusOr<std::string> answer =
        image::AnswerKeyProvider(input.keyproviderkeywrapprotocolinput(), options_);
    const std::string result =
        StrCat("{\"", operation == "keywrap" ? "keywrapresults" : "keyunwrapresults", "\"");
    if (answer.ok() && !answer->starts_with(result)) {
      answer = absl::InvalidArgumentError(StrCat("the request's op is not ", operation));
    }
    if (!answer.ok()) {
      return {static_cast<grpc::StatusCode>(answer.status().code()),
              std::string(Message(answer.status()))};
    }
    output->set_keyproviderkeywrapprotocoloutput(*std::move(answer));
    return grpc::Status::OK;
  }

  const image::KeyProviderOptions options_;
};

bool IsLocal(std::string_view address) {
  if (address.starts_with(kUnix)) return address.size() > kUnix.size();
  for (std::string_view host : {"127.0.0.1:", "[::1]:"}) {
    uint16_t port = 0;
    if (address.starts_with(host) && ParseNumber(address.substr(host.size()), &port)) return true;
  }
  return false;
}

}  // namespace

class KeyProviderServer::Impl {
 public:
  explicit Impl(image::KeyProviderOptions options) : service_(std::move(options)) {}
  ~Impl() {
    if (server_ != nullptr) server_->Shutdown(std::chrono::system_clock::now());
  }

  absl::Status Start(const std::string& address) {
    int port = 0;
    grpc::ServerBuilder builder;
    builder.AddListeningPort(address, grpc::InsecureServerCredentials(), &port);
    builder.RegisterService(&service_);
    builder.SetMaxReceiveMessageSize(static_cast<int>(image::kMaxKeyProviderRequest));
    builder.SetResourceQuota(grpc::ResourceQuota("keyprovider").SetMaxThreads(kMaxThreads));
    builder.SetSyncServerOption(grpc::ServerBuilder::NUM_CQS, 1);
    builder.SetSyncServerOption(grpc::ServerBuilder::MAX_POLLERS, 2);
    builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
    const mode_t before = umask(0077);  // a socket is for its owner
    server_ = builder.BuildAndStart();
    umask(before);
    if (server_ == nullptr || port == 0) {
      return absl::UnavailableError(StrCat("cannot listen on ", address));
    }
    address_ = address;
    if (!address.starts_with(kUnix)) {
      address_.resize(address_.rfind(':') + 1);
      StrAppend(&address_, port);
    }
    return absl::OkStatus();
  }
  const std::string& address() const { return address_; }

 private:
  Service service_;
  std::string address_;
  std::unique_ptr<grpc::Server> server_;
};

KeyProviderServer::KeyProviderServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
KeyProviderServer::~KeyProviderServer() = default;
const std::string& KeyProviderServer::address() const { return impl_->address(); }

absl::StatusOr<std::unique_ptr<KeyProviderServer>> KeyProviderServer::Start(
    const std::string& address, image::KeyProviderOptions options) {
  if (!IsLocal(address)) {
    return absl::InvalidArgumentError(
        StrCat("address '", address, "' is not unix:PATH, 127.0.0.1:PORT or [::1]:PORT"));
  }
  auto impl = std::make_unique<Impl>(std::move(options));
  RETURN_IF_ERROR(impl->Start(address));
  return std::unique_ptr<KeyProviderServer>(new KeyProviderServer(std::move(impl)));
}

}  // namespace nacre::cli
