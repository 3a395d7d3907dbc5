// The gRPC form, called as ocicrypt calls it.
#include <grpcpp/grpcpp.h>
#include <sys/stat.h>

#include "api/keyprovider.grpc.pb.h"
#include "base/encoding.h"
#include "base/file.h"
#include "base/json.h"
#include "base/status_testing.h"
#include "cli/keyprovider_server.h"

namespace nacre::cli {
namespace {

class KeyProviderServerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_OK_AND_ASSIGN(TemporaryDirectory made, TemporaryDirectory::Create("provider"));
    folder_.emplace(std::move(made));
    ASSERT_OK(WriteFile(Path("key"), Bytes(32, 7)));
    ASSERT_OK(WriteFile(Path("other"), Bytes(32, 8)));
  }

  std::string Path(const std::string& name) const { return folder_->path() + "/" + name; }

  absl::Status Start(const std::string& address) {
    ASSIGN_OR_RETURN(server_, KeyProviderServer::Start(address, {{{Path("key")}}}));
    channel_ = grpc::CreateChannel(server_->address(), grpc::InsecureChannelCredentials());
    return absl::OkStatus();
  }

  static Json Config(const char* member, const std::string& parameters) {
    return {
        {member, {{"Parameters", {{"attestation-agent", {Base64Encode(AsBytes(parameters))}}}}}}};
  }

  grpc::Status Call(bool wrap, const std::string& document, Json* answer) {
    auto stub = keyprovider::KeyProviderService::NewStub(channel_);
    grpc::ClientContext context;
    keyprovider::keyProviderKeyWrapProtocolInput input;
    keyprovider::keyProviderKeyWrapProtocolOutput output;
    input.set_keyproviderkeywrapprotocolinput(document);
    const grpc::Status status =
        wrap ? stub->WrapKey(&context, input, &output) : stub->UnWrapKey(&context, input, &output);
    if (status.ok()) *answer = *ParseJson(output.keyproviderkeywrapprotocoloutput());
    return status;
  }

  std::string WrapRequest(const std::string& key) const {
    Json params = Config("ec", "keyid=kbs:///a/b/c::keypath=" + Path(key));
    params["optsdata"] = Base64Encode(AsBytes("{\"symkey\":\"\"}"));
    return Json{{"op", "keywrap"}, {"keywrapparams", params}}.dump();
  }

  std::optional<TemporaryDirectory> folder_;
  std::unique_ptr<KeyProviderServer> server_;
  std::shared_ptr<grpc::Channel> channel_;
};

TEST_F(KeyProviderServerTest, WrapsAndUnwraps) {
  for (const std::string& address : {std::string("127.0.0.1:0"), "unix:" + Path("socket")}) {
    ASSERT_OK(Start(address));
    Json wrapped, opened;
    grpc::Status status = Call(true, WrapRequest("key"), &wrapped);
    ASSERT_TRUE(status.ok()) << status.error_message();
    Json params = Config("dc", "keypath=" + Path("key"));
    params["annotation"] = wrapped["keywrapresults"]["annotation"];
    const std::string unwrap = Json{{"op", "keyunwrap"}, {"keyunwrapparams", params}}.dump();
    status = Call(false, unwrap, &opened);
    ASSERT_TRUE(status.ok()) << status.error_message();
    EXPECT_EQ(opened["keyunwrapresults"]["optsdata"], Base64Encode(AsBytes("{\"symkey\":\"\"}")));
    // Either call with the other's document.
    EXPECT_EQ(Call(true, unwrap, &opened).error_code(), grpc::StatusCode::INVALID_ARGUMENT);
    EXPECT_EQ(Call(false, WrapRequest("key"), &opened).error_code(),
              grpc::StatusCode::INVALID_ARGUMENT);
  }
}

TEST_F(KeyProviderServerTest, ReadsNoOtherFileThanItServes) {
  ASSERT_OK(Start("127.0.0.1:0"));
  Json answer;
  const grpc::Status status = Call(true, WrapRequest("other"), &answer);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::PERMISSION_DENIED);
  EXPECT_THAT(status.error_message(), ::testing::HasSubstr("is not a --key-file"));
  EXPECT_EQ(Call(true, "", &answer).error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_FALSE(Call(true, std::string(2 << 20, ' '), &answer).ok());
}

TEST_F(KeyProviderServerTest, ASocketIsForItsOwner) {
  ASSERT_OK(Start("unix:" + Path("socket")));
  struct stat info = {};
  ASSERT_EQ(stat(Path("socket").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0077, 0u);
}

TEST_F(KeyProviderServerTest, ListensOnThisMachineOnly) {
  for (const char* address : {"", "0.0.0.0:0", "[::]:0", "192.0.2.1:1", "localhost:1",
                              "unix:", "127.0.0.1", "127.0.0.1:x", "127.0.0.1:70000", "dns:///x"}) {
    EXPECT_STATUS(Start(address), kInvalidArgument, "is not unix:PATH") << address;
  }
  ASSERT_OK(Start("127.0.0.1:0"));
  EXPECT_STATUS(KeyProviderServer::Start(server_->address(), {}), kUnavailable, "cannot listen");
}

}  // namespace
}  // namespace nacre::cli
