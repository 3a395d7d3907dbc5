// A policy and a request of the size a pod of ten containers has: for the test that an evaluation
// leaves the heap alone, and for the bench.
#pragma once

#include <string>

#include "base/strings.h"

namespace nacre::rego {

inline std::string GateContainer(int index, bool as_request) {
  std::string name = StrCat("worker-", index);
  std::string env, mounts;
  for (int i = 0; i < 24; ++i) {
    StrAppend(&env, i == 0 ? "" : ",", "\"SETTING_", i, "=value-", index, "-", i, "\"");
  }
  for (int i = 0; i < 8; ++i) {
    StrAppend(&mounts, i == 0 ? "" : ",", R"({"destination":"/mnt/)", i,
              R"(","source":"/run/shared/)", name, "-", i,
              R"(","type_":"bind","options":["rbind","rprivate","ro"]})");
  }
  std::string process = StrCat(R"({"Terminal":false,"Cwd":"/","Args":["/bin/serve","--name=)", name,
                               R"(","--port=80"],"Env":[)", env,
                               R"(],"User":{"UID":1000,"GID":1000},"NoNewPrivileges":true})");
  std::string image = StrCat("registry.example/team/", name,
                             "@sha256:", std::string(64, static_cast<char>('a' + index % 6)));
  std::string oci = StrCat(R"({"Version":"1.1.0","Process":)", process, R"(,"Mounts":[)", mounts,
                           R"(],"Root":{"Readonly":true}})");
  if (!as_request) return StrCat(R"({"image":")", image, R"(","OCI":)", oci, "}");
  return StrCat(R"({"container_id":")", std::string(64, '7'), R"(","storages":[{"driver":)",
                R"("image_guest_pull","source":")", image, R"(","fstype":"overlay"}],"OCI":)", oci,
                "}");
}

inline std::string GatePolicy(int containers) {
  std::string out = R"(package agent_policy

default CreateContainerRequest := false

CreateContainerRequest if {
  some container in policy_data.containers
  allow_image(container, input.storages)
  allow_process(container.OCI.Process, input.OCI.Process)
  allow_mounts(container.OCI.Mounts, input.OCI.Mounts)
  container.OCI.Root.Readonly == input.OCI.Root.Readonly
  input.OCI.Version == container.OCI.Version
}

allow_image(container, storages) if {
  count(storages) == 1
  storages[0].driver == "image_guest_pull"
  storages[0].source == container.image
}

allow_process(want, got) if {
  want.Terminal == got.Terminal
  want.Cwd == got.Cwd
  want.NoNewPrivileges == got.NoNewPrivileges
  want.User == got.User
  want.Args == got.Args
  every variable in got.Env { allow_variable(want.Env, variable) }
}

allow_variable(wanted, variable) if variable in wanted

allow_variable(_, variable) if startswith(variable, "KUBERNETES_")

allow_mounts(want, got) if {
  count(want) == count(got)
  every mount in got { some_mount(want, mount) }
}

some_mount(want, mount) if {
  some candidate in want
  candidate.destination == mount.destination
  candidate.type_ == mount.type_
  candidate.source == mount.source
  every option in mount.options { option in candidate.options }
}

policy_data := {"containers": [
)";
  for (int i = 0; i < containers; ++i) {
    StrAppend(&out, "  ", GateContainer(i, false), i + 1 < containers ? ",\n" : "\n");
  }
  return out + "]}\n";
}

}  // namespace nacre::rego
