// registries.conf as an owner writes it and as somebody in his place might: where images go must
// follow from it, and plain http only to where it says so.
#include <algorithm>
#include <cstdlib>

#include "base/fuzz_testing.h"
#include "base/strings.h"
#include "image-rs-cpp/registry/registries_conf.h"

namespace nacre::image {
namespace {

constexpr const char* kNames[] = {
    "q.io/team/app:1", "eu.q.io:5000/team/app", "app", "localhost/a/b/c",
    ("127.0.0.1:5000/app@sha256:"
     "0000000000000000000000000000000000000000000000000000000000000000")};

void Require(bool condition) {
  if (!condition) std::abort();
}

void Try(ByteView data) {
  const auto conf = RegistriesConf::Parse(AsText(data));
  if (!conf.ok()) return;
  const auto& plain = conf->insecure_hosts();
  for (const char* name : kNames) {
    const auto meanings = conf->Resolve(name);
    if (!meanings.ok()) continue;
    Require(!meanings->empty());
    for (const ImageReference& image : *meanings) {
      // What a short name means is a whole name.
      Require(ParseImageReference(image.ToString()).ok());
      const auto places = conf->Endpoints(image);
      if (!places.ok()) continue;
      Require(!places->empty() && places->size() <= 17);
      for (const Endpoint& place : *places) {
        Require(!place.registry.empty() && !place.repository.empty());
        Require(place.registry.find_first_of("/@ \n") == std::string::npos);
        Require(!place.insecure || !plain.empty());
      }
    }
  }
}

std::vector<std::string> Seeds() {
  return {"unqualified-search-registries = ['q.io', 'docker.io/library']\n",
          "[[registry]]\nlocation = 'q.io'\nblocked = true\n",
          "[[registry]]\nprefix = 'q.io/team'\nlocation = 'm.io:5000/mirror/team'\n"
          "insecure = true\n[[registry.mirror]]\nlocation = 'localhost:5001'\ninsecure = true\n"
          "[[registry.mirror]]\nlocation = 'n.io/x'\n",
          "[[registry]]\nprefix = '*.q.io'\nlocation = 'all.example/q'\n"
          "[[registry]]\nprefix = 'eu.q.io:5000'\n",
          "[[registry]]\nlocation = '127.0.0.1:5000'\ninsecure = true\n"};
}

NACRE_FUZZ_TARGET(ImageRegistriesConf, Try, Seeds)

}  // namespace
}  // namespace nacre::image
