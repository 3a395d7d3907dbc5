#include "cli/containerd_client.h"

#include "base/file.h"
#include "base/status_testing.h"

namespace nacre::cli {
namespace {

TEST(ReadableContainerdMessage, KeepsWhatHappenedAndDropsTheLayers) {
  EXPECT_EQ(ReadableContainerdMessage("failed to create shim task: OCI runtime create failed: "
                                      "policy denied CreateContainerRequest: unknown"),
            "policy denied CreateContainerRequest");
  EXPECT_EQ(ReadableContainerdMessage("container \"a\" in namespace \"nacre\": not found"),
            "container \"a\" in namespace \"nacre\"");
  EXPECT_EQ(ReadableContainerdMessage("a\nb"), "a b");
  EXPECT_EQ(ReadableContainerdMessage("plain"), "plain");
  EXPECT_EQ(ReadableContainerdMessage(""), "");
  EXPECT_EQ(ReadableContainerdMessage("the unknown: is kept inside"),
            "the unknown: is kept inside");
}

TEST(ReadableContainerdMessage, SaysAnUnknownRuntimeAndALostShimPlainly) {
  EXPECT_EQ(ReadableContainerdMessage(
                "failed to start shim: failed to resolve runtime path: runtime "
                "\"io.containerd.x.v2\" binary not installed \"containerd-shim-x-v2\": file does "
                "not exist: unknown"),
            "unknown runtime \"io.containerd.x.v2\": containerd finds no program "
            "\"containerd-shim-x-v2\" in its PATH");
  EXPECT_EQ(ReadableContainerdMessage("ttrpc: closed: unknown"),
            "the container's shim ended unexpectedly");
}

TEST(ContainerdClient, AMissingSocketIsNamed) {
  ASSERT_OK_AND_ASSIGN(TemporaryDirectory folder, TemporaryDirectory::Create("cli-test"));
  const std::string path = folder.path() + "/none.sock";
  EXPECT_STATUS(ContainerdClient::Connect(path, "n"), kNotFound,
                "containerd is not reachable at " + path + ": No such file or directory");
  ASSERT_OK(WriteFile(path, AsBytes("a file")));
  EXPECT_STATUS(ContainerdClient::Connect(path, "n"), kUnavailable, "Connection refused");
  EXPECT_STATUS(ContainerdClient::Connect("/" + std::string(200, 'x'), "n"), kInvalidArgument,
                "not the path of a socket");
  EXPECT_STATUS(ContainerdClient::Connect("", "n"), kInvalidArgument, "not the path of a socket");
}

}  // namespace
}  // namespace nacre::cli
