// Image names: the canonical form of what is accepted is accepted too, and stays as it is.
#include <cstdlib>

#include "base/fuzz_testing.h"
#include "image-rs-cpp/registry/reference.h"

namespace nacre::image {
namespace {

void Require(bool condition) {
  if (!condition) std::abort();
}

void Try(ByteView data) {
  auto reference = ParseImageReference(AsText(data));
  if (!reference.ok()) return;
  auto again = ParseImageReference(reference->ToString());
  Require(again.ok() && again->ToString() == reference->ToString());
}

std::vector<std::string> Seeds() {
  return {"busybox", "127.0.0.1:5000/demo/app:v1@sha256:" + std::string(64, 'a'),
          "[fd00::1]:443/a/b__c:T-1", "registry.example/team/app@sha512:" + std::string(128, '0')};
}

NACRE_FUZZ_TARGET(ImageReference, Try, Seeds)

}  // namespace
}  // namespace nacre::image
