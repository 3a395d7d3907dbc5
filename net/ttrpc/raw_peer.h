// For tests: a peer that writes any bytes it likes, right or wrong, and reads whole frames.
#pragma once

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <optional>
#include <string>
#include <utility>

#include "base/file.h"
#include "base/strings.h"
#include "net/ttrpc/frame.h"
#include "net/ttrpc/message.h"

namespace nacre::ttrpc {

inline std::pair<UniqueFd, UniqueFd> SocketPair() {
  int pair[2];
  EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
  return {UniqueFd(pair[0]), UniqueFd(pair[1])};
}

inline std::string FrameText(uint32_t stream_id, FrameType type, std::string_view payload) {
  return StrCat(AsText(EncodeHeader({static_cast<uint32_t>(payload.size()), stream_id, type})),
                payload);
}

class RawPeer {
 public:
  explicit RawPeer(UniqueFd fd) : fd_(std::move(fd)) {}

  // False when the other side is gone.
  bool Send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t sent = send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      bytes.remove_prefix(static_cast<size_t>(sent));
    }
    return true;
  }
  bool Send(uint32_t stream_id, FrameType type, std::string_view payload) {
    return Send(FrameText(stream_id, type, payload));
  }
  bool Request(uint32_t stream_id, const ttrpc::Request& request) {
    return Send(stream_id, FrameType::kRequest, EncodeRequest(request));
  }

  // The next frame; none at the end of the stream.
  std::optional<Frame> Next() {
    FrameParser parser;
    parser.set_max_payload(SIZE_MAX);
    while (!parser.ready()) {
      const std::span<uint8_t> space = parser.Space();
      const ssize_t got = read(fd_.get(), space.data(), space.size());
      if (got <= 0) return std::nullopt;
      parser.Filled(static_cast<size_t>(got));
    }
    return parser.Take();
  }
  Frame Receive() {
    std::optional<Frame> frame = Next();
    EXPECT_TRUE(frame.has_value()) << "end of stream";
    return frame ? *std::move(frame) : Frame();
  }
  // The answer on `stream_id`, which must be the next one to come.
  absl::StatusOr<std::string> Answer(uint32_t stream_id) {
    const Frame frame = Receive();
    EXPECT_EQ(frame.header.stream_id, stream_id);
    EXPECT_EQ(frame.header.type, FrameType::kResponse);
    return DecodeResponse(frame.payload);
  }
  bool AtEnd() { return !Next().has_value(); }

  void FinishWriting() { shutdown(fd_.get(), SHUT_WR); }
  void Close() { fd_.Reset(); }
  int fd() const { return fd_.get(); }

 private:
  UniqueFd fd_;
};

}  // namespace nacre::ttrpc
