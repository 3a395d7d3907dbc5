#include "runtime/shim/event_publisher.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "api/containerd/events.pb.h"
#include "api/containerd/ttrpc_events.pb.h"
#include "base/file.h"
#include "base/strings.h"
#include "net/stream.h"
#include "net/ttrpc/proto.h"
#include "net/ttrpc/server.h"

namespace nacre::runtime {
namespace {

using ::testing::ElementsAre;

class Publisher : public ::testing::Test {
 protected:
  void SetUp() override {
    auto folder = TemporaryDirectory::Create("events");
    ASSERT_TRUE(folder.ok());
    folder_.emplace(std::move(*folder));
    options_.ns = "test";
    options_.ttrpc_address = folder_->path() + "/events.sock";
    options_.first_retry_ms = 1;
    options_.max_retry_ms = 5;
  }
  void TearDown() override { StopServer(); }
  void StartServer(absl::Status answer = absl::OkStatus()) {
    server_ = std::make_unique<ttrpc::Server>();
    server_->RegisterMethod(
        "containerd.services.events.ttrpc.v1.Events", "Forward",
        ttrpc::ProtoHandler<containerd::services::events::ttrpc::v1::ForwardRequest>(
            [this, answer](const auto&,
                           const auto& request) -> absl::StatusOr<google::protobuf::Empty> {
              containerd::events::TaskOOM event;
              EXPECT_TRUE(event.ParseFromString(request.envelope().event().value()));
              std::lock_guard lock(mutex_);
              seen_.push_back(event.container_id());
              RETURN_IF_ERROR(answer);
              return google::protobuf::Empty();
            }));
    net::ListenUnixOptions listen;
    listen.replace_dead = true;
    auto listener = net::ListenUnix(options_.ttrpc_address, listen);
    ASSERT_TRUE(listener.ok()) << listener.status();
    thread_ = std::thread([this, fd = listener->Release()] { (void)server_->Serve(UniqueFd(fd)); });
  }
  void StopServer() {
    if (!server_) return;
    server_->Stop();
    thread_.join();
    server_.reset();
  }
  static void Publish(EventPublisher& publisher, const std::string& id) {
    containerd::events::TaskOOM event;
    event.set_container_id(id);
    publisher.Publish("/tasks/oom", event);
  }
  std::vector<std::string> Seen() {
    std::lock_guard lock(mutex_);
    return seen_;
  }
  std::optional<TemporaryDirectory> folder_;
  EventPublisherOptions options_;
  std::unique_ptr<ttrpc::Server> server_;
  std::thread thread_;
  std::mutex mutex_;
  std::vector<std::string> seen_;
};

TEST_F(Publisher, KeepsOrder) {
  StartServer();
  EventPublisher publisher(options_);
  for (const char* id : {"a", "b", "c"}) Publish(publisher, id);
  EXPECT_TRUE(publisher.Flush(10000));
  EXPECT_THAT(Seen(), ElementsAre("a", "b", "c"));
}

TEST_F(Publisher, WaitsForAContainerdThatIsAway) {
  EventPublisher publisher(options_);
  Publish(publisher, "a");
  EXPECT_FALSE(publisher.Flush(20));
  StartServer();
  EXPECT_TRUE(publisher.Flush(10000));
  StopServer();
  Publish(publisher, "b");
  StartServer();
  EXPECT_TRUE(publisher.Flush(10000));
  EXPECT_THAT(Seen(), ElementsAre("a", "b"));
}

TEST_F(Publisher, RefusedEventsAreNotRepeated) {
  StartServer(absl::InvalidArgumentError("no"));
  EventPublisher publisher(options_);
  Publish(publisher, "a");
  EXPECT_TRUE(publisher.Flush(10000));
  EXPECT_THAT(Seen(), ElementsAre("a"));
}

TEST_F(Publisher, QueueIsBounded) {
  options_.max_queue = 2;
  EventPublisher publisher(options_);
  for (const char* id : {"a", "b", "c", "d"}) Publish(publisher, id);
  EXPECT_EQ(publisher.dropped(), 2u);
  StartServer();
  EXPECT_TRUE(publisher.Flush(10000));
  EXPECT_THAT(Seen(), ElementsAre("a", "b"));
}

TEST_F(Publisher, BinaryIsUsedWithoutATtrpcAddress) {
  options_.ttrpc_address.clear();
  options_.publish_binary = folder_->path() + "/containerd";
  options_.address = "/run/c.sock";
  const std::string script = StrCat("#!/bin/sh\necho \"$@\" >", folder_->path(), "/args\nwc -c >",
                                    folder_->path(), "/size\n");
  ASSERT_TRUE(WriteFile(options_.publish_binary, AsBytes(script), 0700).ok());
  EventPublisher publisher(options_);
  Publish(publisher, "a");
  EXPECT_TRUE(publisher.Flush(10000));
  EXPECT_EQ(*ReadTextFile(folder_->path() + "/args", 4096),
            "--address /run/c.sock publish --topic /tasks/oom --namespace test\n");
}

TEST_F(Publisher, NoWayToPublishDropsAndGoesOn) {
  options_.ttrpc_address.clear();
  EventPublisher publisher(options_);
  Publish(publisher, "a");
  EXPECT_TRUE(publisher.Flush(10000));
}

}  // namespace
}  // namespace nacre::runtime
