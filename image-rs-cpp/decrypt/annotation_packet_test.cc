#include "image-rs-cpp/decrypt/annotation_packet.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/encoding.h"
#include "base/json.h"
#include "base/strings.h"
#include "crypto/aead.h"

namespace nacre::image {
namespace {

using ::testing::HasSubstr;

const Bytes kKek(32, 0x11);
constexpr std::string_view kKeyId = "kbs:///default/image-key/1";

Json PacketJson() {
  auto packet = WrapOptions(kKeyId, kKek, AsBytes("options"));
  return *ParseJson(*FormatAnnotationPacket(*packet));
}

absl::Status With(const char* key, const Json& value) {
  Json json = PacketJson();
  json[key] = value;
  return ParseAnnotationPacket(json.dump()).status();
}

TEST(AnnotationPacket, SurvivesTheRoundTrip) {
  auto wrapped = WrapOptions(kKeyId, kKek, AsBytes("options"));
  ASSERT_TRUE(wrapped.ok());
  auto text = FormatAnnotationPacket(*wrapped);
  ASSERT_TRUE(text.ok());
  auto parsed = ParseAnnotationPacket(*text);
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  EXPECT_EQ(parsed->key_id, kKeyId);
  auto options = UnwrapOptions(*parsed, kKek);
  ASSERT_TRUE(options.ok()) << options.status();
  EXPECT_EQ(AsText(options->view()), "options");
}

// The shape other tools read (facts of the format: names, provider, version, wrap type).
TEST(AnnotationPacket, IsVersion2) {
  Json json = PacketJson();
  EXPECT_EQ(json["version"], "0.1.0");
  EXPECT_EQ(json["provider"], "kbs");
  EXPECT_EQ(json["wrap_type"], "A256GCM");
  EXPECT_EQ(json["kid"], kKeyId);
  EXPECT_EQ(Base64Decode(json["iv"].get<std::string>())->size(), 12u);
  EXPECT_EQ(Base64Decode(json["wrapped_data"].get<std::string>())->size(), 7u + 16u);
  EXPECT_TRUE(json["annotations"].is_object());
  EXPECT_TRUE(json["provider_settings"].is_object());
}

// Version 1, made apart from our writer: {kid, wrapped_data, iv, wrap_type} and no more.
TEST(AnnotationPacket, ReadsVersion1) {
  const Bytes iv(12, 0x22);
  auto sealed = crypto::Aes256GcmSeal(kKek, iv, {}, AsBytes("old"));
  ASSERT_TRUE(sealed.ok());
  auto parsed = ParseAnnotationPacket(StrCat(R"({"kid":"kbs://host:8080/a/b/c","wrapped_data":")",
                                             Base64Encode(*sealed), R"(","iv":")", Base64Encode(iv),
                                             R"(","wrap_type":"A256GCM"})"));
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  EXPECT_EQ(AsText(UnwrapOptions(*parsed, kKek)->view()), "old");
}

TEST(AnnotationPacket, NeverUsesAnIvTwice) {
  auto a = WrapOptions(kKeyId, kKek, AsBytes("x"));
  auto b = WrapOptions(kKeyId, kKek, AsBytes("x"));
  EXPECT_NE(a->iv, b->iv);
  EXPECT_NE(a->wrapped_data, b->wrapped_data);
}

TEST(AnnotationPacket, RefusesOtherKeysAndChanges) {
  auto packet = WrapOptions(kKeyId, kKek, AsBytes("options"));
  EXPECT_TRUE(absl::IsUnauthenticated(UnwrapOptions(*packet, Bytes(32, 0x12)).status()));
  for (size_t i = 0; i < packet->wrapped_data.size(); ++i) {
    AnnotationPacket changed = *packet;
    changed.wrapped_data[i] ^= 1;
    EXPECT_TRUE(absl::IsUnauthenticated(UnwrapOptions(changed, kKek).status())) << i;
  }
  AnnotationPacket changed = *packet;
  changed.iv[0] ^= 1;
  EXPECT_FALSE(UnwrapOptions(changed, kKek).ok());
  changed = *packet;
  changed.wrapped_data.resize(15);
  EXPECT_FALSE(UnwrapOptions(changed, kKek).ok());
  changed.iv.clear();
  EXPECT_FALSE(UnwrapOptions(changed, kKek).ok());
  EXPECT_FALSE(UnwrapOptions(*packet, Bytes(31)).ok());
  EXPECT_FALSE(WrapOptions(kKeyId, Bytes(33), AsBytes("x")).ok());
}

TEST(AnnotationPacket, RefusesOtherForms) {
  EXPECT_TRUE(absl::IsUnimplemented(With("version", "0.2.0")));
  EXPECT_TRUE(absl::IsUnimplemented(With("provider", "aliyun")));
  EXPECT_TRUE(absl::IsUnimplemented(With("wrap_type", "A256CTR")));
  EXPECT_FALSE(With("wrap_type", nullptr).ok());
  EXPECT_FALSE(With("iv", "not base64!").ok());
  EXPECT_FALSE(With("kid", "file:///etc/key").ok());
  EXPECT_FALSE(With("unknown", 1).ok());
  EXPECT_FALSE(ParseAnnotationPacket("").ok());
  EXPECT_FALSE(ParseAnnotationPacket("[]").ok());
  EXPECT_FALSE(ParseAnnotationPacket("{}").ok());
  EXPECT_FALSE(ParseAnnotationPacket(std::string(70000, ' ') + PacketJson().dump()).ok());
}

TEST(KeyUri, TakesBrokerResourcesOnly) {
  for (const char* uri : {"kbs:///default/key/1", "kbs://broker.example:8080/a/b/c",
                          "kbs+pkcs11:///key/1", "kbs:///a/b/c?version=2", "kbs:///a-b/c_d/e.f"}) {
    EXPECT_TRUE(CheckKeyUri(uri).ok()) << uri;
  }
  for (const char* uri : {"", "kbs:", "kbs://", "kbs://host", "kbs:///", "kbs:///a//b",
                          "kbs:///a/../b", "https://host/a", "kbs+:///a", "kbs:///a b/c",
                          "kbs:///a/b\n", "KBS:///a/b/c", "kbs:///a/%2e"}) {
    EXPECT_FALSE(CheckKeyUri(uri).ok()) << uri;
  }
  EXPECT_TRUE(CheckKeyUri("kbs:///" + std::string(1017, 'a')).ok());
  EXPECT_FALSE(CheckKeyUri("kbs:///" + std::string(1018, 'a')).ok());
}

}  // namespace
}  // namespace nacre::image
