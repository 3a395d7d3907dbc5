#include "image-rs-cpp/registry/image_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/json.h"

namespace nacre::image {
namespace {

using ::testing::ElementsAre;

const std::string kDiffId = "sha256:" + std::string(64, 'b');

Json ConfigJson(size_t layers = 1) {
  Json ids = Json::array();
  for (size_t i = 0; i < layers; ++i) ids.push_back(kDiffId);
  return {{"os", "linux"},
          {"architecture", "amd64"},
          {"rootfs", {{"type", "layers"}, {"diff_ids", ids}}},
          {"config",
           {{"Env", {"PATH=/bin", "EMPTY="}},
            {"Entrypoint", {"/bin/sh", "-c"}},
            {"Cmd", {"echo hi"}},
            {"User", "1000:1000"},
            {"WorkingDir", "/srv"},
            {"StopSignal", "SIGINT"},
            {"Volumes", {{"/data", Json::object()}}}}}};
}

absl::Status With(const char* key, const Json& value) {
  Json json = ConfigJson();
  json["config"][key] = value;
  return ParseImageConfig(json.dump(), {}).status();
}

TEST(ImageConfig, IsRead) {
  auto config = ParseImageConfig(ConfigJson().dump(), {});
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->os, "linux");
  EXPECT_EQ(config->architecture, "amd64");
  EXPECT_THAT(config->env, ElementsAre("PATH=/bin", "EMPTY="));
  EXPECT_THAT(config->entrypoint, ElementsAre("/bin/sh", "-c"));
  EXPECT_THAT(config->cmd, ElementsAre("echo hi"));
  EXPECT_EQ(config->user, "1000:1000");
  EXPECT_EQ(config->working_dir, "/srv");
  EXPECT_EQ(config->stop_signal, "SIGINT");
  EXPECT_THAT(config->volumes, ElementsAre("/data"));
  ASSERT_EQ(config->diff_ids.size(), 1u);
  EXPECT_EQ(config->diff_ids[0].text(), kDiffId);
}

TEST(ImageConfig, TakesNullForAbsent) {
  for (const char* key : {"Env", "Entrypoint", "Cmd", "User", "WorkingDir", "Volumes"}) {
    EXPECT_TRUE(With(key, nullptr).ok()) << key;
  }
  Json json = ConfigJson();
  json["config"] = nullptr;
  EXPECT_TRUE(ParseImageConfig(json.dump(), {}).ok());
  json.erase("config");
  EXPECT_TRUE(ParseImageConfig(json.dump(), {}).ok());
}

TEST(ImageConfig, RefusesWrongTypesAndNuls) {
  EXPECT_FALSE(With("Env", "PATH=/bin").ok());
  EXPECT_FALSE(With("Env", {"NOVALUE"}).ok());
  EXPECT_FALSE(With("Env", {"=x"}).ok());
  EXPECT_FALSE(With("Env", {std::string("A=\0b", 4)}).ok());
  EXPECT_FALSE(With("Cmd", {1}).ok());
  EXPECT_FALSE(With("User", 0).ok());
  EXPECT_FALSE(With("WorkingDir", std::string("/a\0", 3)).ok());
  EXPECT_FALSE(With("Volumes", {"/data"}).ok());
  Json json = ConfigJson();
  json["config"] = "x";
  EXPECT_FALSE(ParseImageConfig(json.dump(), {}).ok());
  EXPECT_FALSE(ParseImageConfig("[]", {}).ok());
  EXPECT_FALSE(ParseImageConfig("", {}).ok());
}

TEST(ImageConfig, NeedsItsLayers) {
  Json json = ConfigJson();
  json["rootfs"]["type"] = "other";
  EXPECT_FALSE(ParseImageConfig(json.dump(), {}).ok());
  json = ConfigJson();
  json["rootfs"]["diff_ids"][0] = "sha256:xyz";
  EXPECT_FALSE(ParseImageConfig(json.dump(), {}).ok());
  json.erase("rootfs");
  EXPECT_FALSE(ParseImageConfig(json.dump(), {}).ok());
}

TEST(ImageConfig, IsBounded) {
  Limits limits;
  limits.max_layers = 2;
  EXPECT_TRUE(ParseImageConfig(ConfigJson(1).dump(), limits).ok());
  EXPECT_TRUE(ParseImageConfig(ConfigJson(2).dump(), limits).ok());
  EXPECT_TRUE(absl::IsResourceExhausted(ParseImageConfig(ConfigJson(3).dump(), limits).status()));
  limits.max_config_size = ConfigJson().dump().size();
  EXPECT_TRUE(ParseImageConfig(ConfigJson().dump(), limits).ok());
  --limits.max_config_size;
  EXPECT_TRUE(absl::IsResourceExhausted(ParseImageConfig(ConfigJson().dump(), limits).status()));
}

}  // namespace
}  // namespace nacre::image
