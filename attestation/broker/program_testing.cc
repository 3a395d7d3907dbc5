#include "attestation/broker/program_testing.h"

#include <signal.h>
#include <unistd.h>

#include <ctime>

#include "attestation/protocol/jwt.h"
#include "base/file.h"
#include "base/strings.h"

namespace nacre::attestation::testing {
namespace {

constexpr size_t kMaxFile = 64 << 10;

// Reads until "ready" is logged. What the broker logs after that finds no reader, which it ignores.
absl::Status WaitUntilReady(int fd) {
  std::string output;
  char c;
  while (output.find("\"ready\"") == std::string::npos || output.back() != '\n') {
    if (::read(fd, &c, 1) != 1) return absl::InternalError(StrCat("nacre-kbs: ", output));
    output += c;
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<BrokerProcess>> BrokerProcess::Start(const std::string& folder,
                                                                    const std::string& config) {
  ASSIGN_OR_RETURN(const Bytes pem, ReadFile(folder + "/admin.key", kMaxFile));
  ASSIGN_OR_RETURN(crypto::PrivateKey admin_key, crypto::PrivateKey::FromPem(pem));
  std::string port_file = folder + "/port-XXXXXX";
  UniqueFd made(::mkstemp(port_file.data()));
  ASSIGN_OR_RETURN(Pipe pipe, MakePipe());
  SubprocessOptions options;
  options.argv = {std::string(NACRE_BIN_DIR) + "/nacre-kbs",
                  "--config",
                  folder + "/" + config,
                  "--listen",
                  "127.0.0.1:0",
                  "--port-file",
                  port_file};
  options.stderr_fd = pipe.write_end.get();
  options.parent_death_signal = SIGKILL;
  ASSIGN_OR_RETURN(Subprocess process, Subprocess::Start(options));
  pipe.write_end.Reset();
  std::unique_ptr<BrokerProcess> out(new BrokerProcess(std::move(process), std::move(admin_key)));
  RETURN_IF_ERROR(WaitUntilReady(pipe.read_end.get()));
  ASSIGN_OR_RETURN(const std::string port, ReadTextFile(port_file, 16));
  ::unlink(port_file.c_str());
  out->url_ = StrCat("https://127.0.0.1:", StripSpace(port));
  net::HttpClientOptions http;
  ASSIGN_OR_RETURN(http.pinned_server_cert_pem, ReadTextFile(folder + "/tls.pem", kMaxFile));
  ASSIGN_OR_RETURN(out->http_, net::HttpClient::Create(std::move(http)));
  return out;
}

BrokerProcess::~BrokerProcess() { Kill(); }

void BrokerProcess::Kill() {
  if (!running_) return;
  running_ = false;
  process_.Kill(SIGKILL).IgnoreError();
  process_.Wait().IgnoreError();
}

absl::StatusOr<net::HttpResponse> BrokerProcess::Send(const std::string& method,
                                                      const std::string& path,
                                                      net::HttpHeaders headers, std::string body) {
  net::HttpRequest request;
  request.method = method;
  request.url = url_ + path;
  request.headers = std::move(headers);
  request.body = std::move(body);
  return http_->Send(request);
}

absl::StatusOr<net::HttpResponse> BrokerProcess::Admin(const std::string& method,
                                                       const std::string& path, std::string body) {
  ASSIGN_OR_RETURN(const std::string token,
                   SignAdminToken(admin_key_, kAdminIssuer, std::time(nullptr), 60));
  return Send(method, path, {{"Authorization", "Bearer " + token}}, std::move(body));
}

}  // namespace nacre::attestation::testing
