#include "image-rs-cpp/testing/test_registry.h"

#include "base/strings.h"
#include "crypto/digest.h"

namespace nacre::image::testing {

absl::StatusOr<std::unique_ptr<TestRegistry>> TestRegistry::Start(net::HttpServerOptions options) {
  std::unique_ptr<TestRegistry> registry(new TestRegistry());
  ASSIGN_OR_RETURN(
      registry->server_,
      net::HttpServer::Start(std::move(options), [raw = registry.get()](const auto& request) {
        return raw->Answer(request);
      }));
  return registry;
}

std::string TestRegistry::host() const { return StrCat("127.0.0.1:", server_->port()); }

void TestRegistry::Push(const TestImage& image, const std::string& tag) {
  for (const auto& [digest, content] : image.blobs) PutBlob(digest, content);
  PutManifest(tag, image.blobs.at(image.manifest_digest), image.manifest_type);
}

void TestRegistry::PutBlob(const std::string& digest, const std::string& content) {
  std::lock_guard lock(mutex_);
  blobs_[digest] = content;
}

void TestRegistry::PutManifest(const std::string& tag, const std::string& text,
                               const std::string& type) {
  std::lock_guard lock(mutex_);
  manifests_[tag] = {text, type};
  manifests_[crypto::OciDigest(AsBytes(text))] = {text, type};
}

std::vector<std::string> TestRegistry::requests() {
  std::lock_guard lock(mutex_);
  return requests_;
}

size_t TestRegistry::CountRequests(const std::string& part) {
  size_t count = 0;
  for (const std::string& request : requests()) count += request.find(part) != std::string::npos;
  return count;
}

// Ranges as "bytes=N-" only, which is all the client asks for.
net::HttpResponse TestRegistry::AnswerBlob(const net::HttpServerRequest& request,
                                           const std::string& blob) {
  constexpr std::string_view kUnit = "bytes=";
  const std::string_view range = request.Header("Range");
  size_t begin = 0;
  if (!ranges_ || !range.starts_with(kUnit) ||
      !ParseNumber(range.substr(kUnit.size(), range.size() - kUnit.size() - 1), &begin) ||
      begin >= blob.size()) {
    return net::MakeResponse(200, "application/octet-stream", blob);
  }
  net::HttpResponse response =
      net::MakeResponse(206, "application/octet-stream", blob.substr(begin));
  response.headers.emplace_back("Content-Range",
                                StrCat("bytes ", begin, "-", blob.size() - 1, "/", blob.size()));
  return response;
}

net::HttpResponse TestRegistry::Answer(const net::HttpServerRequest& request) {
  {
    std::lock_guard lock(mutex_);
    requests_.push_back(request.query.empty() ? request.path
                                              : StrCat(request.path, "?", request.query));
  }
  if (hook_) {
    if (std::optional<net::HttpResponse> answer = hook_(request)) return *std::move(answer);
  }
  std::lock_guard lock(mutex_);
  const std::string last = request.path.substr(request.path.rfind('/') + 1);
  if (request.path.find("/manifests/") != std::string::npos) {
    if (auto found = manifests_.find(last); found != manifests_.end()) {
      return net::MakeResponse(200, found->second.second, found->second.first);
    }
  } else if (request.path.find("/referrers/") != std::string::npos) {
    // No "referrers": as older registries.
  } else if (auto found = blobs_.find(last); found != blobs_.end()) {
    return AnswerBlob(request, found->second);
  }
  return net::MakeResponse(404, "application/json", R"({"errors":[{"code":"UNKNOWN"}]})");
}

}  // namespace nacre::image::testing
