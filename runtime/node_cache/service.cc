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

absl::Status CheckBounds(const nodecache::ReadRequest& request, uint64_t end) {
  const auto refuse = [](std::string_view field, uint64_t got, uint64_t low, uint64_t high) {
    return absl::InvalidArgumentError(
        StrCat("node cache: ", field, " is ", got, ", expected ", low, " to ", high));
  };
  if (request.size() == 0 || request.size() > kMaxNodeCacheBlob) {
    return refuse("size", request.size(), 1, kMaxNodeCacheBlob);
  }
  if (request.offset() >= end) return refuse("offset", request.offset(), 0, end - 1);
  if (request.length() == 0 || request.length() > kMaxNodeCachePiece) {
    return refuse("length", request.length(), 1, kMaxNodeCachePiece);
  }
  return absl::OkStatus();
}

absl::StatusOr<nodecache::ReadRequest> ParseRequest(std::string_view text) {
  nodecache::ReadRequest request;
  if (request.ParseFromArray(text.data(), static_cast<int>(text.size()))) return request;
  return absl::InvalidArgumentError("node cache: not a ReadRequest");
}

absl::StatusOr<BlobName> NameOf(const nodecache::ReadRequest& request,
                                const image::ImageReference& image) {
  if (request.registry() != image.registry || request.repository() != image.repository) {
    return absl::PermissionDeniedError(
        StrCat("node cache: this pod's image is of ", image.registry, "/", image.repository));
  }
  ASSIGN_OR_RETURN(image::BlobDigest digest, image::BlobDigest::Parse(request.digest()));
  return BlobName{StrCat(image.registry, "/", image.repository), std::move(digest), request.size()};
}

// Answers are read from the disk into the message they are sent as, behind the head of its only or
// last field. Numbers there have a fixed length: a varint may be longer than it needs to be.
constexpr size_t kLengthBytes = 5, kSizeBytes = 10;
constexpr size_t kReadHead = 1 + kLengthBytes;
constexpr size_t kReadUnpackedHead = 1 + kSizeBytes + kReadHead;

constexpr uint8_t Tag(int field, int wire_type) {
  return static_cast<uint8_t>(field << 3 | wire_type);
}
constexpr int kVarint = 0, kLengthDelimited = 2;

char* PutVarint(uint64_t value, size_t bytes, char* out) {
  for (size_t i = 0; i + 1 < bytes; ++i, value >>= 7) {
    *out++ = static_cast<char>(0x80 | (value & 0x7f));
  }
  *out++ = static_cast<char>(value);
  return out;
}

char* PutLength(int field, uint64_t length, char* out) {
  *out++ = static_cast<char>(Tag(field, kLengthDelimited));
  return PutVarint(length, kLengthBytes, out);
}

}  // namespace

absl::StatusOr<std::unique_ptr<GuestSession>> GuestSession::Create(const Admission& admission,
                                                                   const NodeCacheParts& parts) {
  ASSIGN_OR_RETURN(image::ImageReference image, image::ParseImageReference(admission.image),
                   "admission");
  return std::unique_ptr<GuestSession>(new GuestSession(std::move(image), parts));
}

absl::StatusOr<std::string> GuestSession::Read(std::string_view text) {
  ASSIGN_OR_RETURN(const nodecache::ReadRequest request, ParseRequest(text));
  RETURN_IF_ERROR(CheckBounds(request, request.size()));
  ASSIGN_OR_RETURN(const BlobName name, NameOf(request, image_));
  const uint64_t offset = request.offset();
  absl::StatusOr<std::string> data = parts_.store->Read(name, offset, request.length(), kReadHead);
  if (absl::IsNotFound(data.status()) && parts_.fetches != nullptr) {
    data = parts_.fetches->Read(image_, name, offset, request.length(), kReadHead);
  }
  RETURN_IF_ERROR(data.status());
  PutLength(nodecache::ReadResponse::kDataFieldNumber, data->size() - kReadHead, data->data());
  return data;
}

absl::StatusOr<std::string> GuestSession::ReadUnpacked(std::string_view text) {
  if (parts_.unpacker == nullptr) {
    return absl::UnimplementedError("node cache: blobs are not kept unpacked here");
  }
  ASSIGN_OR_RETURN(const nodecache::ReadRequest request, ParseRequest(text));
  RETURN_IF_ERROR(CheckBounds(request, kMaxNodeCacheBlob));
  ASSIGN_OR_RETURN(const BlobName name, NameOf(request, image_));
  absl::StatusOr<TarPiece> piece =
      parts_.store->ReadTar(name, request.offset(), request.length(), kReadUnpackedHead);
  if (absl::IsNotFound(piece.status()) && request.offset() == 0) parts_.unpacker->Want(name);
  RETURN_IF_ERROR(piece.status());
  using Response = nodecache::ReadUnpackedResponse;
  char* head = piece->data.data();
  *head++ = static_cast<char>(Tag(Response::kSizeFieldNumber, kVarint));
  head = PutVarint(piece->size, kSizeBytes, head);
  PutLength(Response::kDataFieldNumber, piece->data.size() - kReadUnpackedHead, head);
  return std::move(piece->data);
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

  NodeCacheParts parts;
  UniqueFd stop;
  std::mutex mutex;
  std::list<Connection> connections;
};

NodeCacheService::NodeCacheService(const NodeCacheParts& parts)
    : state_(std::make_unique<State>()) {
  state_->parts = parts;
  state_->stop = UniqueFd(::eventfd(0, EFD_CLOEXEC));
}

NodeCacheService::~NodeCacheService() = default;

void NodeCacheService::Stop() {
  const uint64_t one = 1;
  (void)!::write(state_->stop.get(), &one, sizeof one);
}

absl::Status NodeCacheService::State::Converse(Connection* connection) {
  ASSIGN_OR_RETURN(const Admission admission, ReadAdmission(connection->fd.get()));
  ASSIGN_OR_RETURN(const auto session, GuestSession::Create(admission, parts));
  Log(LogLevel::kInfo, "guest_admitted",
      {{"sandbox", admission.sandbox}, {"image", admission.image}});
  connection->server.RegisterMethod(
      "nacre.nodecache.NodeCache", "Read",
      [&session](const ttrpc::CallContext&, std::string_view payload) {
        return session->Read(payload);
      });
  connection->server.RegisterMethod(
      "nacre.nodecache.NodeCache", "ReadUnpacked",
      [&session](const ttrpc::CallContext&, std::string_view payload) {
        return session->ReadUnpacked(payload);
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
  if (state_->parts.fetches != nullptr) state_->parts.fetches->Stop();
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
