// What manifests become, and what is refused of them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/strings.h"
#include "policy/generate/annotate.h"
#include "policy/generate/reader.h"
#include "policy/generate/testing.h"

namespace nacre::policy {
namespace {

using generate_testing::Data;
using generate_testing::Pod;
using testing::HasSubstr;

Json Web(std::string_view manifest, const Settings& settings = {}) {
  const auto data = Data(manifest, settings);
  EXPECT_TRUE(data.ok()) << data.status();
  return data.ok() ? data->at("containers").at("web") : Json();
}

std::string Refusal(std::string_view manifest) {
  const auto data = Data(manifest);
  return data.ok() ? "taken" : std::string(Message(data.status()));
}

TEST(Manifest, AContainerTakesFromItsImageWhatItDoesNotSay) {
  const Json web = Web(Pod());
  EXPECT_EQ(web.at("args"), Json::parse(R"([["/bin/serve", "--port=80"], []])"));
  EXPECT_EQ(web.at("cwd"), Json::parse(R"(["/srv", "/"])"));
  EXPECT_EQ(web.at("env").at("MODE"), "image");
  EXPECT_EQ(web.at("env_required"), Json::array());
  EXPECT_EQ(web.at("users")[0], Json::parse(R"({"uid": 1000, "gid": 1001, "groups": [1001]})"));
  const std::string pinned = StrCat("registry.example/web@", generate_testing::kDigest);
  EXPECT_THAT(web.at("images"), testing::Contains(Json(pinned)));
}

TEST(Manifest, WhatItSaysGoesFirst) {
  const Json web = Web(
      Pod("    command: [/bin/sh]\n    workingDir: /tmp\n"
          "    env: [{name: MODE, value: own}, {name: B, value: \"$(MODE)-$$(MODE)-$(NONE)\"}]\n"
          "    args: [-c, 'echo $(MODE)']\n    securityContext: {runAsUser: 7, runAsGroup: 8}\n"));
  EXPECT_EQ(web.at("args"), Json::parse(R"([["/bin/sh", "-c", "echo own"]])"));
  EXPECT_EQ(web.at("cwd"), Json::parse(R"(["/tmp"])"));
  EXPECT_EQ(web.at("env").at("MODE"), "own");
  EXPECT_EQ(web.at("env").at("B"), "own-$(MODE)-$(NONE)");
  EXPECT_EQ(web.at("env_required"), Json::parse(R"(["B", "MODE"])"));
  EXPECT_EQ(web.at("users"), Json::parse(R"([{"uid": 7, "gid": 8, "groups": [8]}])"));
}

TEST(Manifest, ConfigMapsAndSecretsGiveTheirValues) {
  const std::string more =
      "    env:\n    - name: A\n      valueFrom: {configMapKeyRef: {name: c, key: a}}\n"
      "    - name: S\n      valueFrom: {secretKeyRef: {name: s, key: k}}\n";
  const Json web =
      Web(StrCat("kind: ConfigMap\nmetadata: {name: c}\ndata: {a: one}\n---\n"
                 "kind: Secret\nmetadata: {name: s}\nstringData: {k: hush}\n---\n",
                 Pod(more)));
  EXPECT_EQ(web.at("env").at("A"), "one");
  EXPECT_EQ(web.at("env_from").at("S").at("sha256").get<std::string>().size(), 64u);
  EXPECT_EQ(web.dump().find("hush"), std::string::npos);
  EXPECT_THAT(Refusal(Pod(more)), HasSubstr("spec.containers[0].env[0]"));
}

TEST(Manifest, EveryKindHasItsPodsName) {
  const std::pair<const char*, const char*> kinds[] = {
      {"Deployment", "^shop-[a-z0-9]{1,10}-[a-z0-9]{5}$"},
      {"StatefulSet", "^shop-[0-9]+$"},
      {"DaemonSet", "^shop-[a-z0-9]{5}$"},
      {"ReplicaSet", "^shop-[a-z0-9]{5}$"},
      {"Job", "^shop-([0-9]+-)?[a-z0-9]{5}$"}};
  for (const auto& [kind, pattern] : kinds) {
    const auto data = Data(StrCat("kind: ", kind, "\nmetadata: {name: shop}\nspec: {template: {",
                                  "spec: {containers: [{name: web, image: a.example/b}]}}}\n"));
    ASSERT_TRUE(data.ok()) << data.status();
    EXPECT_EQ(data->at("pod").at("name"), pattern) << kind;
  }
  EXPECT_TRUE(
      Data("kind: CronJob\nmetadata: {name: night}\nspec: {schedule: x, jobTemplate: {spec: "
           "{template: {spec: {containers: [{name: web, image: a.example/b}]}}}}}\n")
          .ok());
  EXPECT_TRUE(Data(StrCat("kind: List\nitems:\n- {kind: Service}\n- kind: Pod\n",
                          "  metadata: {name: p}\n  spec: {containers: [{name: a, image: b.c/d}]}"))
                  .ok());
}

TEST(Manifest, WhatIsNotUnderstoodIsRefusedWithItsPlace) {
  const std::pair<std::string, const char*> cases[] = {
      {Pod("    imagePul: Always\n"), "pod.yaml:9: spec.containers[0].imagePul: is not known"},
      {Pod("", "  hostNetwork: true\n"), "spec.hostNetwork"},
      {Pod("    securityContext: {privileged: true}\n"), "securityContext.privileged"},
      {Pod("    env: [{name: A, value: yes}]\n"), "'yes' is not text in every YAML"},
      {Pod("    env: [{name: A, value: 010}]\n"), "'010' is not text in every YAML"},
      {Pod("    securityContext: {runAsUser: 0x0}\n"), "is not a whole number"},
      {Pod("    tty: yes\n"), "is neither true nor false"},
      {Pod("    volumeMounts: [{name: v, mountPath: /x}]\n"), "which the pod does not have"},
      {Pod("", "  volumes: [{name: v, hostPath: {path: /}}]\n"), "spec.volumes[0].hostPath"},
      {Pod("", "  volumes: [{name: v, nfs: {}}]\n"), "spec.volumes[0].nfs: is not known"},
      {Pod("    securityContext: {runAsNonRoot: true, runAsUser: 0}\n"), "the user is root"},
      {Pod("    securityContext: {capabilities: {add: [FLY]}}\n"), "capability 'FLY'"},
      {Pod("    args: [$(POD_IP)]\n    env: [{name: POD_IP, valueFrom: {fieldRef: {fieldPath: "
           "status.podIP}}}]\n"),
       "$(POD_IP) is known only in the cluster"},
      {Pod("    image: b\n"), "key 'image' stands twice"},
      {"kind: Pod\nmetadata: {name: UPPER}\nspec: {containers: [{name: a, image: b}]}\n", "name"},
      {"kind: Pod\nmetadata:\n\nspec: {containers: [{name: a, image: b}]}\n",
       "metadata: is missing"},
      {"kind: Pod\nmetadata: ~\nspec: {containers: [{name: a, image: b}]}\n",
       "metadata: is missing"},
      {"kind: Pod\nmetadata: {}\nspec: {containers: [{name: a, image: b}]}\n", "metadata.name"},
      {"kind: Pod\nspec: {containers: [{name: a, image: b}]}\n", "metadata: is missing"},
      {"kind: Pot\n", "'Pot' is not known"},
      {"- a\n", "is a list where fields are expected"},
      {"a: [\n", "yaml: line"}};
  for (const auto& [manifest, wanted] : cases) {
    EXPECT_THAT(Refusal(manifest), HasSubstr(wanted)) << manifest;
  }
}

TEST(Manifest, AliasesAreBounded) {
  std::string text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 9; ++i) {
    StrAppend(&text, "a", i, ": &a", i, " [");
    for (int j = 0; j < 10; ++j) StrAppend(&text, j > 0 ? "," : "", "*a", i - 1);
    text += "]\n";
  }
  EXPECT_THAT(Refusal(text), HasSubstr("when its aliases are written out"));
}

TEST(Manifest, AmbiguousScalars) {
  for (const char* plain : {"yes", "No", "on", "~", "null", "1", "0x1f", "1e3", "1:30", "1_000",
                            "2024-01-01", ".5", "-3", "+1", ".inf"})
    EXPECT_TRUE(IsAmbiguous(plain)) << plain;
  for (const char* plain : {"a", "/bin/sh", "v1", "1.2.3-alpha", "10.0.0.1/8x", "yesterday", "-c",
                            "--port=80", "$(A)", "500m"})
    EXPECT_FALSE(IsAmbiguous(plain)) << plain;
}

std::string AnnotatedText(const std::string& text) {
  Manifests manifests;
  EXPECT_TRUE(ReadManifests("pod.yaml", text, &manifests).ok());
  auto out =
      AnnotateManifest(*manifests.files[0],
                       {{&manifests.workloads[0], "QUJD", {{"registry.example/web:1", "pinned"}}}});
  return out.ok() ? *out : std::string(Message(out.status()));
}

TEST(Annotate, KeepsEverythingElse) {
  const std::string note = "io.katacontainers.config.hypervisor.cc_init_data";
  const std::string pod = Pod("    # a comment\n");
  EXPECT_EQ(AnnotatedText(pod),
            StrCat("apiVersion: v1\nkind: Pod\nmetadata:\n  annotations:\n    ", note,
                   ": QUJD\n  name: shop\nspec:\n  containers:\n  - name: web\n    image: pinned\n",
                   "    # a comment\n"));
  // What it made, it can make again.
  const std::string once = AnnotatedText(pod);
  Manifests again;
  ASSERT_TRUE(ReadManifests("pod.yaml", once, &again).ok());
  EXPECT_EQ(again.workloads[0].annotations.at(note), "QUJD");
  const std::string flow = R"({"kind": "Pod", "metadata": {"name": "p", "annotations": {}},)"
                           R"( "spec": {"containers": [{"name": "a", "image": "b.c/d"}]}})";
  EXPECT_THAT(AnnotatedText(flow),
              HasSubstr(StrCat(R"("annotations": {")", note, "\": \"QUJD\"}")));
  EXPECT_THAT(AnnotatedText("kind: Pod\nmetadata:\n  name: p\n  annotations:\nspec:\n  containers: "
                            "[{name: a, image: b.c/d}]\n"),
              HasSubstr(StrCat("annotations:\n    ", note, ": QUJD\nspec:")));
}

// However metadata and annotations are written, what comes out reads as what was meant, or is
// refused with a sentence.
TEST(Annotate, EveryLayoutOfMetadata) {
  const std::string note = "io.katacontainers.config.hypervisor.cc_init_data";
  const auto manifest = [](const std::string& metadata) {
    return StrCat("kind: Deployment\nmetadata: {name: d}\nspec:\n  template:\n", metadata,
                  "    spec:\n      containers:\n      - name: a\n        image: b.c/d\n");
  };
  for (const char* metadata : {"",
                               "    metadata:\n",
                               "    metadata:\n\n",
                               "    metadata: ~\n",
                               "    metadata: null\n",
                               "    metadata: # nothing\n",
                               "    metadata: {}\n",
                               "    metadata: { }\n",
                               "    metadata: {labels: {a: b}}\n",
                               "    metadata:\n      labels: {a: b}\n",
                               "    metadata:\n      annotations:\n",
                               "    metadata:\n      annotations: # nothing\n",
                               "    metadata:\n      annotations: {}\n",
                               "    metadata: {annotations: }\n",
                               "    metadata: {annotations: ~, labels: {}}\n",
                               "    metadata: {annotations: {a: b}}\n",
                               "    metadata:\n      annotations:\n        a: b # c\n",
                               "    metadata:\n    # c\n\n",
                               "    metadata:\n        labels:\n            a: b\n",
                               "    ? metadata\n    : labels: {}\n",
                               "    \"metadata\": {\"annotations\": null}\n",
                               "    metadata:\t{}\n",
                               "    metadata:   \n      labels:\n\n\n"}) {
    const std::string out = AnnotatedText(manifest(metadata));
    Manifests again;
    ASSERT_TRUE(ReadManifests("again.yaml", out, &again).ok()) << metadata << out;
    EXPECT_EQ(again.workloads[0].annotations[note], "QUJD") << metadata << out;
  }
  for (const char* metadata :
       {"    metadata: &m\n", "    metadata: &m {}\n", "    metadata: !!map {}\n",
        "    metadata: !!null ~\n", "    metadata: &m {annotations: &n {a: b}}\n"}) {
    Manifests manifests;
    if (!ReadManifests("pod.yaml", manifest(metadata), &manifests).ok()) continue;
    const std::string out = AnnotatedText(manifest(metadata));
    Manifests again;
    if (ReadManifests("again.yaml", out, &again).ok()) {
      EXPECT_EQ(again.workloads[0].annotations[note], "QUJD") << metadata << out;
    } else {
      EXPECT_THAT(out, HasSubstr("pod.yaml")) << metadata;
    }
  }
}

}  // namespace
}  // namespace nacre::policy
