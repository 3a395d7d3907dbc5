// A registry in this process, for what a well-behaved one never does. Serves images over HTTP on a
// free loopback port.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "image-rs-cpp/testing/test_image.h"
#include "net/http_server.h"

namespace nacre::image::testing {

class TestRegistry {
 public:
  // `options` may hold a certificate: then it serves https.
  static absl::StatusOr<std::unique_ptr<TestRegistry>> Start(net::HttpServerOptions options = {});

  // "127.0.0.1:41234".
  std::string host() const;
  // "127.0.0.1:41234/repo:tag".
  std::string Reference(const std::string& tag) const { return host() + "/demo/app:" + tag; }

  void Push(const TestImage& image, const std::string& tag);
  void PutBlob(const std::string& digest, const std::string& content);
  // A manifest or index under a tag and its own digest.
  void PutManifest(const std::string& tag, const std::string& text, const std::string& type);

  // Sees each request first; an answer from it is sent instead. Set before the first request.
  using Hook =
      std::function<std::optional<net::HttpResponse>(const net::HttpServerRequest& request)>;
  void SetHook(Hook hook) { hook_ = std::move(hook); }

  // Without them every answer is the whole blob.
  void SetRanges(bool ranges) { ranges_ = ranges; }

  // "path" or "path?query" of every request so far.
  std::vector<std::string> requests();
  size_t CountRequests(const std::string& part);

 private:
  TestRegistry() = default;
  net::HttpResponse Answer(const net::HttpServerRequest& request);
  net::HttpResponse AnswerBlob(const net::HttpServerRequest& request, const std::string& blob);

  std::mutex mutex_;
  std::map<std::string, std::string> blobs_;
  std::map<std::string, std::pair<std::string, std::string>> manifests_;  // text, media type
  std::vector<std::string> requests_;
  Hook hook_;
  bool ranges_ = true;
  std::unique_ptr<net::HttpServer> server_;
};

}  // namespace nacre::image::testing
