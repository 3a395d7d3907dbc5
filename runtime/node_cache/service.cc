#include "runtime/node_cache/service.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <list>
#include <mutex>
#include <system_error>
#include <thread>

#include "api/node_cache.pb.h"
#include "base/log.h"
#include "base/strings.h"
#include "net/stream.h"
#include "net/ttrpc/server.h"
#include "runtime/node_cache/limits.h"

namespace nacre::runtime {
namespace {

absl::Status CheckBounds(const nodecache::ReadRequest& request) {
  const auto refuse = [](std::string_view field, uint64_t got, uint64_t low, uint64_t high) {
    return absl::InvalidArgumentError(
        StrCat("node cache: ", field, " is ", got, ", expected ", low, " to ", high));
  };
  if (request.size() == 0 || request.size() > kMaxNodeCacheBlob) {
    return refuse("size", request.size(), 1, kMaxNodeCacheBlob);
  }
  if (request.offset() >= request.size()) {
    return refuse("offset", request.offset(), 0, request.size() - 1);
  }
  if (request.length() == 0 || request.length() > kMaxNodeCachePiece) {
    return refuse("length", request.length(), 1, kMaxNodeCachePiece);
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<GuestSession>> GuestSession::Create(const Admission& admission,
                                                                   BlobStore* store,
                                                                   Fetches* fetches) {
  ASSIGN_OR_RETURN(image::ImageReference image, image::ParseImageReference(admission.image),
                   "admission");
  return std::unique_ptr<GuestSession>(new GuestSession(std::move(image), store, fetches));
}

absl::StatusOr<std::string> GuestSession::Read(std::string_view text) {
  nodecache::ReadRequest request;
  if (!request.ParseFromArray(text.data(), static_cast<int>(text.size()))) {
    return absl::InvalidArgumentError("node cache: not a ReadRequest");
  }
  RETURN_IF_ERROR(CheckBounds(request));
  if (request.registry() != image_.registry || request.repository() != image_.repository) {
    return absl::PermissionDeniedError(
        StrCat("node cache: this pod's image is of ", image_.registry, "/", image_.repository));
  }
  ASSIGN_OR_RETURN(image::BlobDigest digest, image::BlobDigest::Parse(request.digest()));
  const BlobName name{StrCat(image_.registry, "/", image_.repository), std::move(digest),
                      request.size()};
  absl::StatusOr<std::string> data = store_->Read(name, request.offset(), request.length());
  if (absl::IsNotFound(data.status()) && fetches_ != nullptr) {
    data = fetches_->Read(image_, name, request.offset(), request.length());
  }
  RETURN_IF_ERROR(data.status());
  nodecache::ReadResponse response;
  response.set_data(*std::move(data));
  return response.SerializeAsString();
}

struct NodeCacheService::State {
  struct Connection {
    explicit Connection(UniqueFd from) : fd(std::move(from)) {}
    UniqueFd fd;  // kept, to be shut down
    ttrpc::Server server{{.max_calls = kMaxNodeCacheCalls, .max_connections = 1}};
    bool ended = false;  // guarded by mutex
    std::jthread thread;
  };

  void Run(Connection* connection);
  absl::Status Converse(Connection* connection);
  void Add(UniqueFd accepted);

  BlobStore* store;
  Fetches* fetches;
  UniqueFd stop;
  std::mutex mutex;
  std::list<Connection> connections;
};

NodeCacheService::NodeCacheService(BlobStore* store, Fetches* fetches)
    : state_(std::make_unique<State>()) {
  state_->store = store;
  state_->fetches = fetches;
  state_->stop = UniqueFd(::eventfd(0, EFD_CLOEXEC));
}

NodeCacheService::~NodeCacheService() = default;

void NodeCacheService::Stop() {
  const uint64_t one = 1;
  (void)!::write(state_->stop.get(), &one, sizeof one);
}

absl::Status NodeCacheService::State::Converse(Connection* connection) {
  ASSIGN_OR_RETURN(const Admission admission, ReadAdmission(connection->fd.get()));
  ASSIGN_OR_RETURN(const auto session, GuestSession::Create(admission, store, fetches));
  Log(LogLevel::kInfo, "guest_admitted",
      {{"sandbox", admission.sandbox}, {"image", admission.image}});
  connection->server.RegisterMethod(
      "nacre.nodecache.NodeCache", "Read",
      [&session](const ttrpc::CallContext&, std::string_view payload) {
        return session->Read(payload);
      });
  UniqueFd served(::fcntl(connection->fd.get(), F_DUPFD_CLOEXEC, 3));
  if (!served.valid()) return ErrnoStatus(errno, "node cache");
  return connection->server.ServeConnection(std::move(served));
}

void NodeCacheService::State::Run(Connection* connection) {
  const absl::Status status = Converse(connection);
  if (!status.ok()) Log(LogLevel::kWarning, "connection_ended", {{"error", Message(status)}});
  const std::lock_guard lock(mutex);
  connection->fd.Reset();
  connection->ended = true;
}

void NodeCacheService::State::Add(UniqueFd accepted) {
  const std::lock_guard lock(mutex);
  connections.remove_if([](const Connection& connection) { return connection.ended; });
  if (connections.size() >= kMaxNodeCacheConnections) {
    Log(LogLevel::kWarning, "connection_refused", {{"limit", kMaxNodeCacheConnections}});
    return;
  }
  Connection& connection = connections.emplace_back(std::move(accepted));
  try {
    connection.thread = std::jthread([this, &connection] { Run(&connection); });
  } catch (const std::system_error& error) {
    Log(LogLevel::kWarning, "connection_refused", {{"error", error.what()}});
    connections.pop_back();
  }
}

absl::Status NodeCacheService::Serve(UniqueFd listener) {
  for (;;) {
    pollfd fds[] = {{listener.get(), POLLIN, 0}, {state_->stop.get(), POLLIN, 0}};
    if (::poll(fds, 2, -1) < 0) continue;  // EINTR
    if (fds[1].revents != 0) break;
    UniqueFd accepted(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (accepted.valid()) state_->Add(std::move(accepted));
  }
  if (state_->fetches != nullptr) state_->fetches->Stop();
  {
    const std::lock_guard lock(state_->mutex);
    for (State::Connection& connection : state_->connections) {
      connection.server.Stop();
      if (connection.fd.valid()) ::shutdown(connection.fd.get(), SHUT_RDWR);
    }
  }
  state_->connections.clear();  // joins
  return absl::OkStatus();
}

}  // namespace nacre::runtime
