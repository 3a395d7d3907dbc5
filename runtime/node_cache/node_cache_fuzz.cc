// Any bytes as a shim's admission line and as a guest's request: nothing but errors may come of
// them.
#include <string>
#include <vector>

#include "api/node_cache.pb.h"
#include "base/file.h"
#include "base/fuzz_testing.h"
#include "runtime/node_cache/admission.h"
#include "runtime/node_cache/service.h"

namespace nacre::runtime {
namespace {

void TryNodeCache(ByteView data) {
  const auto admission = ParseAdmission(AsText(data));
  if (admission.ok() && admission->image.size() < 2000) (void)AdmissionLine(*admission);
  static const auto folder = *TemporaryDirectory::Create("node-cache");
  static const auto store = *BlobStore::Open(folder.path(), 1 << 20);
  static Unpacker unpacker(store.get());
  static const auto session = *GuestSession::Create({"pod", "127.0.0.1:5000/demo/app:1"},
                                                    {store.get(), nullptr, &unpacker});
  (void)session->Read(AsText(data));
  (void)session->ReadUnpacked(AsText(data));
}

std::vector<std::string> NodeCacheSeeds() {
  nodecache::ReadRequest request;
  request.set_registry("127.0.0.1:5000");
  request.set_repository("demo/app");
  request.set_digest("sha256:" + std::string(64, 'a'));
  request.set_size(1000);
  request.set_length(100);
  return {request.SerializeAsString(), R"({"sandbox":"pod","image":"docker.io/library/busybox:1"})",
          R"({"sandbox":1})"};
}

NACRE_FUZZ_TARGET(NodeCache, TryNodeCache, NodeCacheSeeds)

}  // namespace
}  // namespace nacre::runtime
