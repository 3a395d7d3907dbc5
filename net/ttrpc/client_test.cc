// The client against a raw peer, and against our own server.
#include "net/ttrpc/client.h"

#include <gmock/gmock.h>
#include <google/protobuf/empty.pb.h>
#include <google/protobuf/wrappers.pb.h>
#include <gtest/gtest.h>

#include <latch>
#include <thread>

#include "net/ttrpc/proto.h"
#include "net/ttrpc/raw_peer.h"
#include "net/ttrpc/server.h"

namespace nacre::ttrpc {
namespace {

using std::chrono::steady_clock;
using ::testing::HasSubstr;

// A client on one end, raw bytes on the other.
class RawServerTest : public ::testing::Test {
 protected:
  explicit RawServerTest(ClientOptions options = {}) : RawServerTest(SocketPair(), options) {}
  RawServerTest(std::pair<UniqueFd, UniqueFd> pair, ClientOptions options)
      : peer_(std::move(pair.first)) {
    options.on_close = [this](const absl::Status& why) {
      closed_with_ = why;
      closed_.count_down();
    };
    client_ = *Client::Create(std::move(pair.second), std::move(options));
  }
  // The next request, which must have this stream id.
  Request NextRequest(uint32_t stream_id) {
    const Frame frame = peer_.Receive();
    EXPECT_EQ(frame.header.stream_id, stream_id);
    EXPECT_EQ(frame.header.type, FrameType::kRequest);
    return *DecodeRequest(frame.payload);
  }
  void Answer(uint32_t stream_id, const absl::StatusOr<std::string>& answer) {
    EXPECT_TRUE(peer_.Send(stream_id, FrameType::kResponse, EncodeResponse(answer)));
  }

  RawPeer peer_;
  std::latch closed_{1};
  absl::Status closed_with_;
  std::unique_ptr<Client> client_;
};

TEST_F(RawServerTest, SendsWhatTheProtocolSays) {
  std::thread server([&] {
    Request request = NextRequest(1);
    EXPECT_EQ(request.service, "s.S");
    EXPECT_EQ(request.method, "M");
    EXPECT_EQ(request.payload, "in");
    EXPECT_EQ(request.timeout_ns, 0);
    EXPECT_EQ(request.metadata, (Metadata{{"a", "b"}}));
    Answer(1, std::string("out"));
    request = NextRequest(3);
    EXPECT_GT(request.timeout_ns, 0);
    EXPECT_LE(request.timeout_ns, 50'000'000'000);
    Answer(3, absl::NotFoundError("no such thing"));
  });
  EXPECT_EQ(*client_->Call("s.S", "M", "in", {.metadata = {{"a", "b"}}}), "out");
  EXPECT_EQ(client_->Call("s.S", "M", "in", {.timeout_ms = 50000}).status(),
            absl::NotFoundError("no such thing"));
  server.join();
}

TEST_F(RawServerTest, AnswersComeInAnyOrder) {
  std::thread server([&] {
    std::map<std::string, uint32_t> calls;
    for (uint32_t id = 1; id <= 5; id += 2) calls[NextRequest(id).payload] = id;
    for (const auto& [payload, id] : calls) Answer(id, payload);
  });
  std::vector<std::thread> callers;
  for (const char* text : {"c", "a", "b"}) {
    callers.emplace_back([this, text] { EXPECT_EQ(*client_->Call("s", "m", text), text); });
  }
  for (std::thread& caller : callers) caller.join();
  server.join();
}

TEST_F(RawServerTest, DeadlineEndsTheWaitAndALateAnswerIsThrownAway) {
  absl::Status status = client_->Call("s", "m", "", {.timeout_ms = 20}).status();
  EXPECT_TRUE(absl::IsDeadlineExceeded(status));
  EXPECT_THAT(std::string(Message(status)), HasSubstr("20 ms"));
  NextRequest(1);
  Answer(1, std::string("late"));
  std::thread server([&] {
    NextRequest(3);
    Answer(3, std::string("in time"));
  });
  EXPECT_EQ(*client_->Call("s", "m", ""), "in time");
  server.join();
}

TEST_F(RawServerTest, DeadlineHoldsWhileThePeerDoesNotRead) {
  // Fills the socket; the second write cannot even begin.
  const std::string large(3 << 20, 'x');
  std::thread first([&] {
    EXPECT_FALSE(client_->Call("s", "m", large).ok());  // ends when the client is closed
  });
  peer_.Receive();
  std::thread second([&] { EXPECT_FALSE(client_->Call("s", "m", large).ok()); });
  char byte;
  while (recv(peer_.fd(), &byte, 1, MSG_PEEK) != 1) sched_yield();  // the second one writes
  EXPECT_TRUE(absl::IsDeadlineExceeded(client_->Call("s", "m", "", {.timeout_ms = 20}).status()));
  client_->Close();
  first.join();
  second.join();
}

TEST_F(RawServerTest, CallerCanGiveUp) {
  std::stop_source stop;
  std::thread caller([&] {
    EXPECT_TRUE(
        absl::IsCancelled(client_->Call("s", "m", "", {.stop = stop.get_token()}).status()));
  });
  NextRequest(1);
  stop.request_stop();
  caller.join();
  EXPECT_TRUE(absl::IsCancelled(client_->Call("s", "m", "", {.stop = stop.get_token()}).status()));
}

TEST_F(RawServerTest, ClosedPeerFailsWaitingAndLaterCalls) {
  std::thread caller([&] {
    const absl::Status status = client_->Call("s", "m", "").status();
    EXPECT_TRUE(absl::IsUnavailable(status)) << status;
    EXPECT_THAT(std::string(Message(status)), HasSubstr("before it answered"));
  });
  NextRequest(1);
  peer_.Close();
  caller.join();
  closed_.wait();
  EXPECT_TRUE(absl::IsUnavailable(closed_with_));
  EXPECT_TRUE(absl::IsUnavailable(client_->Call("s", "m", "").status()));
}

TEST_F(RawServerTest, EndInsideAnAnswer) {
  std::thread caller(
      [&] { EXPECT_TRUE(absl::IsUnavailable(client_->Call("s", "m", "").status())); });
  NextRequest(1);
  peer_.Send(FrameText(1, FrameType::kResponse, "0123456789").substr(0, 15));
  peer_.Close();
  caller.join();
  closed_.wait();
  EXPECT_TRUE(absl::IsDataLoss(closed_with_));
}

TEST_F(RawServerTest, CloseEndsWaitingCalls) {
  std::thread caller([&] { EXPECT_TRUE(absl::IsCancelled(client_->Call("s", "m", "").status())); });
  NextRequest(1);
  client_->Close();
  caller.join();
  closed_.wait();
  EXPECT_TRUE(closed_with_.ok());
  EXPECT_TRUE(peer_.AtEnd());
  EXPECT_TRUE(absl::IsUnavailable(client_->Call("s", "m", "").status()));
}

TEST_F(RawServerTest, NonsenseAnswers) {
  std::thread server([&] {
    NextRequest(1);
    peer_.Send(99, FrameType::kResponse, "for nobody");
    peer_.Send(1, FrameType::kResponse, "\xff\xff");
    NextRequest(3);
    peer_.Send(3, FrameType::kData, "streaming");
    NextRequest(5);
    peer_.Send(5, FrameType::kResponse, std::string(kMaxPayload + 1, 'x'));
    NextRequest(7);
    Answer(7, std::string("ok"));
  });
  EXPECT_TRUE(absl::IsInternal(client_->Call("s", "m", "").status()));
  EXPECT_TRUE(absl::IsInternal(client_->Call("s", "m", "").status()));
  EXPECT_TRUE(absl::IsResourceExhausted(client_->Call("s", "m", "").status()));
  EXPECT_EQ(*client_->Call("s", "m", ""), "ok");
  server.join();
}

TEST_F(RawServerTest, RequestsOverTheSizeLimitStayHere) {
  const Request empty{"s", "m", std::string(4 << 20, 'x'), 0, {}};
  const size_t largest = kMaxPayload - (EncodeRequest(empty).size() - (4 << 20));
  std::thread server([&] {
    EXPECT_EQ(NextRequest(1).payload.size(), largest);
    Answer(1, std::string("fits"));
  });
  EXPECT_EQ(*client_->Call("s", "m", std::string(largest, 'x')), "fits");
  EXPECT_TRUE(
      absl::IsResourceExhausted(client_->Call("s", "m", std::string(largest + 1, 'x')).status()));
  server.join();
}

class TwoCallsTest : public RawServerTest {
 protected:
  TwoCallsTest() : RawServerTest({.max_calls = 2}) {}
};

TEST_F(TwoCallsTest, WaitingCallsAreBounded) {
  std::vector<std::thread> callers;
  for (int i = 0; i < 2; ++i) {
    callers.emplace_back([&] { EXPECT_EQ(*client_->Call("s", "m", ""), "ok"); });
  }
  NextRequest(1);
  NextRequest(3);
  EXPECT_TRUE(absl::IsResourceExhausted(client_->Call("s", "m", "").status()));
  Answer(1, std::string("ok"));
  Answer(3, std::string("ok"));
  for (std::thread& caller : callers) caller.join();
}

// Client and server of ours, together.
class CallTest : public ::testing::Test {
 protected:
  void Start(const ServerOptions& options = {}) {
    server_ = std::make_unique<Server>(options);
    server_->RegisterMethod("t.Test", "Echo", [](const CallContext&, std::string_view payload) {
      return absl::StatusOr<std::string>(std::string(payload));
    });
    server_->RegisterMethod("t.Test", "Length",
                            ProtoHandler<google::protobuf::StringValue>(
                                [](const CallContext&, const google::protobuf::StringValue& request)
                                    -> absl::StatusOr<google::protobuf::UInt64Value> {
                                  if (request.value().empty())
                                    return absl::InvalidArgumentError("empty");
                                  google::protobuf::UInt64Value length;
                                  length.set_value(request.value().size());
                                  return length;
                                }));
    auto [ours, theirs] = SocketPair();
    thread_ = std::thread([this, fd = std::move(theirs)]() mutable {
      EXPECT_TRUE(server_->ServeConnection(std::move(fd)).ok());
    });
    client_ = *Client::Create(std::move(ours));
  }
  ~CallTest() override {
    client_.reset();
    if (thread_.joinable()) thread_.join();
  }
  std::unique_ptr<Server> server_;
  std::thread thread_;
  std::unique_ptr<Client> client_;
};

TEST_F(CallTest, ManyCallersAtOnce) {
  Start();
  std::vector<std::thread> callers;
  for (int caller = 0; caller < 16; ++caller) {
    callers.emplace_back([this, caller] {
      for (int i = 0; i < 50; ++i) {
        const std::string text(static_cast<size_t>(caller * 977 + i),
                               static_cast<char>('a' + caller));
        absl::StatusOr<std::string> answer = client_->Call("t.Test", "Echo", text);
        ASSERT_TRUE(answer.ok()) << answer.status();
        ASSERT_EQ(*answer, text);
      }
    });
  }
  for (std::thread& caller : callers) caller.join();
}

TEST_F(CallTest, TypedCalls) {
  Start();
  google::protobuf::StringValue request;
  request.set_value("four");
  auto answer = CallProto<google::protobuf::UInt64Value>(*client_, "t.Test", "Length", request);
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_EQ(answer->value(), 4u);
  request.clear_value();
  EXPECT_EQ(CallProto<google::protobuf::Empty>(*client_, "t.Test", "Length", request).status(),
            absl::InvalidArgumentError("empty"));
}

TEST_F(CallTest, TypedCallsWithBytesThatAreNoMessage) {
  Start();
  absl::Status status = client_->Call("t.Test", "Length", "\xff").status();
  EXPECT_TRUE(absl::IsInvalidArgument(status));
  EXPECT_THAT(std::string(Message(status)), HasSubstr("google.protobuf.StringValue"));
  google::protobuf::BytesValue odd;
  odd.set_value("\xff");  // echoed: field 1 holds text that is not UTF-8
  EXPECT_TRUE(absl::IsInternal(
      CallProto<google::protobuf::StringValue>(*client_, "t.Test", "Echo", odd).status()));
}

}  // namespace
}  // namespace nacre::ttrpc
