// A registry of this process that gives what the test says, and counts.
#pragma once

#include <atomic>
#include <functional>
#include <string>

#include "image-rs-cpp/registry/blob_source.h"

namespace nacre::runtime::testing {

class ScriptedSource : public image::BlobSource {
 public:
  using Script = std::function<absl::Status(const image::Descriptor&, const OnBytes&)>;
  explicit ScriptedSource(Script script) : script_(std::move(script)) {}

  std::string_view name() const override { return "scripted"; }
  absl::Status Read(const image::ImageReference&, const image::Descriptor& blob, uint64_t,
                    const OnBytes& on_bytes) override {
    ++calls;
    return script_(blob, on_bytes);
  }

  std::atomic<int> calls = 0;

 private:
  const Script script_;
};

}  // namespace nacre::runtime::testing
