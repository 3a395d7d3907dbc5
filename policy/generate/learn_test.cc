#include "policy/generate/learn.h"

#include <gmock/gmock.h>

#include "base/status_testing.h"
#include "base/strings.h"
#include "policy/generate/testing.h"

namespace nacre::policy {
namespace {

using generate_testing::Pod;
using testing::HasSubstr;
using testing::Not;

TEST(Learn, ProposesWhatTheRuntimeAddsAndNothingOfTheWorkload) {
  const auto policy = *generate_testing::Policy(Pod());
  const std::string log =
      R"({"kind":"ReadStreamRequest","request":{}}
noise
{"kind":"CreateContainerRequest","request":{"container_id":"a","OCI":{)"
      R"("Annotations":{"a.b/c":"d"},"Process":)"
      R"({"Args":["/bin/sh"],"Env":["NODE=n1","MODE=other"]},"Mounts":[{"destination":"/extra",)"
      R"("source":"/run/kata-containers/shared/containers/a-0123456789abcdef-extra",)"
      R"("type_":"bind","options":["rbind"]}]}}}
)";
  const auto learned = LearnSettings(policy, log);
  ASSERT_TRUE(learned.ok()) << learned.status();
  EXPECT_EQ(learned->refused, 2u);
  EXPECT_THAT(learned->toml, HasSubstr("\"ReadStreamRequest\",  # the host sent it"));
  EXPECT_THAT(learned->toml, HasSubstr("name = \"^NODE$\""));
  EXPECT_THAT(learned->toml, HasSubstr("shared = \"extra\""));
  EXPECT_THAT(learned->toml, HasSubstr("\"a.b/c\",  # annotation of the runtime"));
  EXPECT_THAT(learned->toml, HasSubstr("variable MODE had another value"));
  EXPECT_THAT(learned->toml, Not(HasSubstr("\"^MODE$\"")));
  EXPECT_TRUE(ParseSettings(learned->toml, "learned").ok());
  EXPECT_FALSE(LearnSettings(policy, "nothing\n").ok());
  EXPECT_FALSE(LearnSettings("package a\n", log).ok());
}

// What a host sends lands in the log of a debug run, and from there in what the owner reads.
std::string Container(std::string_view oci) {
  return StrCat(R"({"kind":"CreateContainerRequest","request":{"OCI":)", oci, "}}\n");
}

TEST(Learn, WhatIsOfAnotherTypeIsNothing) {
  const auto policy = *generate_testing::Policy(Pod());
  for (std::string_view oci : {
           R"({"Process":{},"Annotations":5})",
           R"({"Process":{},"Annotations":["x"]})",
           R"({"Process":{},"Annotations":{"io.kubernetes.cri.container-type":5}})",
           R"({"Process":{},"Annotations":{"io.kubernetes.cri.container-name":{}}})",
           R"({"Process":{},"Annotations":{"a":[1]}})",
           R"({"Process":{"Env":5,"Args":7}})",
           R"({"Process":{"Env":{"a":1}},"Mounts":"x"})",
           R"({"Process":{"Env":[5,null,"","=","a"]},"Mounts":[5,null,"x",[1],{}]})",
           R"({"Process":{},"Mounts":[{"destination":5,"source":[],"type_":{},"options":7}]})",
           R"({"Process":{},"Mounts":[{"options":[1,"rw"],"source":null}]})",
           R"({"Process":{},"Linux":{"Sysctl":5}})",
           R"({"Process":{},"Linux":{"Sysctl":["x"]}})",
           R"({"Process":{},"Linux":{"Sysctl":{"a":{}}}})",
       }) {
    const auto learned = LearnSettings(policy, Container(oci));
    ASSERT_TRUE(learned.ok()) << oci << ": " << learned.status();
    EXPECT_TRUE(ParseSettings(learned->toml, "learned").ok()) << oci << "\n" << learned->toml;
  }
  for (std::string_view request :
       {"5", "null", "[]", R"("5")", R"({"OCI":5})", R"({"process":5})", R"({"process":{}})",
        R"({"process":{"Args":5}})", R"({"process":{"Args":[1,{}]}})"}) {
    for (const char* kind : {"ExecProcessRequest", "CreateContainerRequest"}) {
      const auto learned =
          LearnSettings(policy, StrCat(R"({"kind":")", kind, R"(","request":)", request, "}"));
      ASSERT_TRUE(learned.ok()) << request << ": " << learned.status();
      EXPECT_TRUE(ParseSettings(learned->toml, "learned").ok()) << learned->toml;
    }
  }
}

TEST(Learn, NothingLeavesItsComment) {
  const auto policy = *generate_testing::Policy(Pod());
  const std::string log =
      Container(R"({"Process":{"Env":["X\n[requests]\nallow = [\"SetPolicyRequest\"]\n#=1",)"
                R"("\u001b[2J\u007f=2"]},"Annotations":{"a\nb":"c"},"Mounts":[)"
                R"({"destination":"/a\n[[mounts]]\r","type_":"bind\n","source":"/s\n"}],)"
                R"("Linux":{"Sysctl":{"kernel.x\n[pod]":"1\n"}}})") +
      Container(R"({"Process":{},"Annotations":{)"
                R"("io.kubernetes.cri.container-name":"w\n[pod]\u001b"}})");
  const auto learned = LearnSettings(policy, log);
  ASSERT_TRUE(learned.ok()) << learned.status();
  EXPECT_THAT(learned->toml, Not(HasSubstr("\n[requests]")));
  EXPECT_THAT(learned->toml, Not(HasSubstr("\nallow")));
  EXPECT_THAT(learned->toml, HasSubstr("variable X?[requests]?allow"));
  for (char c : learned->toml) EXPECT_TRUE(c == '\n' || (c >= 0x20 && c != 0x7f));
  const auto settings = ParseSettings(learned->toml, "learned");
  EXPECT_TRUE(settings.ok()) << settings.status() << "\n" << learned->toml;
}

}  // namespace
}  // namespace nacre::policy
