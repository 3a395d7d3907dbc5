#include "runtime/sandbox/annotations.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/strings.h"
#include "tee/common/initdata.h"

namespace nacre::runtime {
namespace {

using ::testing::HasSubstr;

constexpr char kPrefix[] = "io.katacontainers.config.hypervisor.";
constexpr char kDocument[] =
    "version = \"0.1.0\"\nalgorithm = \"sha256\"\n\n[data]\n\"nacre.toml\" = \"\"\n";
const std::vector<std::string> kBoth = {"cc_init_data", "kernel_params"};

Annotations Image() { return {{"io.kubernetes.cri.image-name", "registry.example/app:1"}}; }

std::string Prefixed(const char* name) { return std::string(kPrefix) + name; }

TEST(Annotations, ImageAloneIsEnough) {
  const auto settings = ReadAnnotations(Image(), {});
  ASSERT_TRUE(settings.ok()) << settings.status();
  EXPECT_EQ(settings->image_reference, "registry.example/app:1");
  EXPECT_FALSE(settings->initdata.has_value());
  EXPECT_EQ(settings->kernel_params, "");
}

TEST(Annotations, EnabledOnesAreRead) {
  Annotations annotations = Image();
  annotations[Prefixed("kernel_params")] = "nacre.demo=changed";
  annotations[Prefixed("cc_init_data")] = *tee::EncodeInitdataAnnotation(kDocument);
  const auto settings = ReadAnnotations(annotations, kBoth);
  ASSERT_TRUE(settings.ok()) << settings.status();
  EXPECT_EQ(settings->kernel_params, "nacre.demo=changed");
  EXPECT_EQ(settings->initdata, kDocument);
}

TEST(Annotations, OtherProjectsAnnotationsAreNotOurs) {
  Annotations annotations = Image();
  annotations["example.com/owner"] = "me";
  annotations["io.kubernetes.cri.sandbox-name"] = "x";
  EXPECT_TRUE(ReadAnnotations(annotations, {}).ok());
}

TEST(Annotations, NotEnabledIsPermissionDenied) {
  Annotations annotations = Image();
  annotations[Prefixed("kernel_params")] = "a=b";
  const auto settings = ReadAnnotations(annotations, {"cc_init_data"});
  EXPECT_EQ(settings.status().code(), absl::StatusCode::kPermissionDenied);
  EXPECT_THAT(std::string(Message(settings.status())), HasSubstr("kernel_params"));
}

TEST(Annotations, UnknownNamesAreRefusedWithTheNearest) {
  for (const std::string& name :
       {Prefixed("kernel_param"), Prefixed("path"), Prefixed(""),
        std::string("io.katacontainers.config.runtime.disable_guest_seccomp"),
        std::string("io.katacontainers.volume")}) {
    Annotations annotations = Image();
    annotations[name] = "x";
    const auto settings = ReadAnnotations(annotations, kBoth);
    EXPECT_EQ(settings.status().code(), absl::StatusCode::kInvalidArgument) << name;
    EXPECT_THAT(std::string(Message(settings.status())), HasSubstr(name));
  }
  Annotations annotations = Image();
  annotations[Prefixed("kernel_param")] = "x";
  EXPECT_THAT(std::string(Message(ReadAnnotations(annotations, kBoth).status())),
              HasSubstr("did you mean io.katacontainers.config.hypervisor.kernel_params?"));
}

TEST(Annotations, MissingOrBadImageIsRefused) {
  EXPECT_THAT(std::string(Message(ReadAnnotations({}, {}).status())),
              HasSubstr("io.kubernetes.cri.image-name is missing"));
  for (const std::string& bad : {std::string("a b"), std::string("a\nb"), std::string(4097, 'a')}) {
    EXPECT_FALSE(ReadAnnotations({{"io.kubernetes.cri.image-name", bad}}, {}).ok());
  }
  EXPECT_TRUE(ReadAnnotations({{"io.kubernetes.cri.image-name", std::string(4096, 'a')}}, {}).ok());
}

TEST(Annotations, DamagedInitdataIsRefused) {
  for (const char* value : {"", "%%%", "AAAA"}) {
    Annotations annotations = Image();
    annotations[Prefixed("cc_init_data")] = value;
    const auto settings = ReadAnnotations(annotations, kBoth);
    ASSERT_FALSE(settings.ok());
    EXPECT_THAT(std::string(Message(settings.status())), HasSubstr("cc_init_data"));
  }
}

TEST(Annotations, PodsOfSeveralContainersAreRefused) {
  Annotations annotations = Image();
  annotations["io.kubernetes.cri.container-type"] = "sandbox";
  EXPECT_EQ(ReadAnnotations(annotations, {}).status().code(), absl::StatusCode::kUnimplemented);
}

}  // namespace
}  // namespace nacre::runtime
