#include "net/ttrpc/server.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/vm_sockets.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <map>
#include <mutex>
#include <set>

#include "base/strings.h"
#include "net/ttrpc/server_connection.h"

namespace nacre::ttrpc {
namespace {

constexpr int kAcceptRetryMs = 100;  // after running out of descriptors or memory

bool SameUser(int connection) {
  ucred peer{};
  socklen_t size = sizeof peer;
  return getsockopt(connection, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 &&
         peer.uid == geteuid();
}

bool FromMachine(int connection, uint32_t cid) {
  sockaddr_vm peer{};
  socklen_t size = sizeof peer;
  return getpeername(connection, reinterpret_cast<sockaddr*>(&peer), &size) == 0 &&
         peer.svm_family == AF_VSOCK && peer.svm_cid == cid;
}

// A connection that is not served still hears why: its first call has stream id 1.
void TurnAway(UniqueFd connection, const absl::Status& why) {
  const std::string payload = EncodeResponse(why);
  const HeaderBytes header = EncodeHeader({.length = static_cast<uint32_t>(payload.size()),
                                           .stream_id = 1,
                                           .type = FrameType::kResponse});
  const std::string frame = StrCat(AsText(header), payload);
  [[maybe_unused]] const ssize_t sent =
      send(connection.get(), frame.data(), frame.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
}

}  // namespace

CallContext::CallContext(Request request, std::optional<TimePoint> deadline, std::stop_token stop)
    : request_(std::move(request)), deadline_(deadline), stop_(std::move(stop)) {}

std::optional<std::string_view> CallContext::MetadataValue(std::string_view key) const {
  for (const auto& [name, value] : request_.metadata) {
    if (name == key) return value;
  }
  return std::nullopt;
}

bool CallContext::cancelled() const {
  return stop_.stop_requested() || (deadline_ && std::chrono::steady_clock::now() >= *deadline_);
}

struct Server::State {
  explicit State(const ServerOptions& options_arg)
      : options(options_arg),
        slots(options.max_calls),
        calls(options.max_calls, 2, options.stack_size),
        connection_threads(options.max_connections, 0) {}

  absl::StatusOr<std::string> Route(const CallContext& context, std::string_view payload) const;
  absl::Status RunConnection(UniqueFd fd);
  void TakeConnection(UniqueFd fd);

  const ServerOptions options;
  UniqueFd stop_event{eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
  std::map<std::pair<std::string, std::string>, Handler, std::less<>> methods;
  Handler dispatcher;
  Handler router;  // the dispatcher, or a look into `methods`

  std::mutex mutex;
  std::condition_variable connection_ended;
  std::set<ServerConnection*> connections;  // guarded by mutex
  size_t accepted = 0;                      // guarded by mutex: connections Serve() took
  bool stopping = false;                    // guarded by mutex

  CallSlots slots;
  WorkerPool calls;
  WorkerPool connection_threads;  // last: waited for first
};

Server::Server(const ServerOptions& options) : state_(std::make_unique<State>(options)) {
  state_->router = [state = state_.get()](const CallContext& context, std::string_view payload) {
    return state->Route(context, payload);
  };
}

Server::~Server() { Stop(); }

void Server::RegisterMethod(std::string_view service, std::string_view method, Handler handler) {
  state_->methods[{std::string(service), std::string(method)}] = std::move(handler);
}

void Server::SetDispatcher(Handler dispatcher) { state_->dispatcher = std::move(dispatcher); }

absl::StatusOr<std::string> Server::State::Route(const CallContext& context,
                                                 std::string_view payload) const {
  if (dispatcher) return dispatcher(context, payload);
  const auto found = methods.find(std::pair(context.service(), context.method()));
  if (found == methods.end()) {
    return absl::UnimplementedError(StrCat("no method ", context.service(), "/", context.method()));
  }
  return found->second(context, payload);
}

absl::Status Server::State::RunConnection(UniqueFd fd) {
  ASSIGN_OR_RETURN(std::unique_ptr<Channel> channel, Channel::Create(std::move(fd)));
  ServerConnection connection(std::move(channel), {options, router, slots, calls});
  {
    std::lock_guard lock(mutex);
    if (stopping) return absl::OkStatus();
    connections.insert(&connection);
  }
  const absl::Status ended = connection.Run();
  std::lock_guard lock(mutex);
  connections.erase(&connection);
  return ended;
}

absl::Status Server::ServeConnection(UniqueFd connection) {
  return state_->RunConnection(std::move(connection));
}

void Server::State::TakeConnection(UniqueFd fd) {
  if (options.require_same_user && !SameUser(fd.get())) {
    return TurnAway(std::move(fd), absl::PermissionDeniedError("peer is another user"));
  }
  if (options.require_cid && !FromMachine(fd.get(), *options.require_cid)) {
    return TurnAway(std::move(fd), absl::PermissionDeniedError(
                                       StrCat("peer is not vsock machine ", *options.require_cid)));
  }
  auto shared = std::make_shared<UniqueFd>(std::move(fd));
  {
    std::lock_guard lock(mutex);
    ++accepted;
  }
  const bool started = connection_threads.TryRun([this, shared] {
    // How one connection ended is its peer's business; the others go on.
    RunConnection(std::move(*shared)).IgnoreError();
    std::lock_guard lock(mutex);
    --accepted;
    connection_ended.notify_all();
  });
  if (started) return;
  {
    std::lock_guard lock(mutex);
    --accepted;
  }
  TurnAway(std::move(*shared),
           absl::ResourceExhaustedError(
               StrCat("the limit of ", options.max_connections, " connections is reached")));
}

absl::Status Server::Serve(UniqueFd listener) {
  int listens = 0;
  socklen_t size = sizeof listens;
  if (getsockopt(listener.get(), SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) != 0 || listens == 0) {
    return absl::InvalidArgumentError(
        "ttrpc was given a descriptor that is not a listening socket");
  }
  const int flags = fcntl(listener.get(), F_GETFL);
  if (flags < 0 || fcntl(listener.get(), F_SETFL, flags | O_NONBLOCK) < 0) {
    return ErrnoStatus(errno, "preparing a ttrpc listener");
  }
  absl::Status result;
  bool out_of_resources = false;
  for (;;) {
    pollfd polled[] = {{state_->stop_event.get(), POLLIN, 0}, {listener.get(), POLLIN, 0}};
    poll(polled, out_of_resources ? 1 : 2, out_of_resources ? kAcceptRetryMs : -1);
    out_of_resources = false;
    if (polled[0].revents != 0) break;
    UniqueFd connection(accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (connection.valid()) {
      state_->TakeConnection(std::move(connection));
    } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
      out_of_resources = true;
    } else if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED) {
      result = ErrnoStatus(errno, "accepting a ttrpc connection");
      Stop();
      break;
    }
  }
  listener.Reset();  // those in its queue hear at once
  std::unique_lock lock(state_->mutex);
  state_->connection_ended.wait(lock, [this] { return state_->accepted == 0; });
  return result;
}

void Server::Stop() {
  {
    std::lock_guard lock(state_->mutex);
    state_->stopping = true;
    for (ServerConnection* connection : state_->connections) connection->Stop();
  }
  const uint64_t one = 1;
  [[maybe_unused]] const ssize_t wrote = write(state_->stop_event.get(), &one, sizeof one);
}

}  // namespace nacre::ttrpc
