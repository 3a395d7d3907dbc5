// Other people's programs for tests: run them, and make images with buildah.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/status.h"

namespace nacre::image::testing {

// Every one of them is in /usr/bin.
bool HaveTools(const std::vector<std::string>& names);

// Standard output; kInternal with what the tool said when it fails. `environment` is added to a
// PATH and a HOME.
absl::StatusOr<std::string> RunTool(std::vector<std::string> argv, const std::string& folder = "/",
                                    const std::vector<std::string>& environment = {});

// buildah with a storage of its own (the vfs driver, so without mounts and namespaces).
class Buildah {
 public:
  static absl::StatusOr<std::unique_ptr<Buildah>> Start();
  absl::StatusOr<std::string> Run(std::vector<std::string> arguments);
  // Builds from a Containerfile whose context is `folder()`.
  absl::Status Build(const std::string& containerfile, const std::string& tag,
                     const std::vector<std::string>& options = {});
  const std::string& folder() const { return context_; }

 private:
  explicit Buildah(TemporaryDirectory storage)
      : storage_(std::move(storage)), context_(storage_.path() + "/context") {}
  const TemporaryDirectory storage_;
  const std::string context_;
};

}  // namespace nacre::image::testing
