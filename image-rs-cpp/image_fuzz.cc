// Any bytes for every parser of this room. The first byte chooses the parser. Beside not crashing,
// what is accepted must hold what the code behind relies on.
#include <cstdlib>

#include "image-rs-cpp/decrypt/annotation_packet.h"
#include "image-rs-cpp/decrypt/key_provider.h"
#include "image-rs-cpp/decrypt/layer_options.h"
#include "image-rs-cpp/registry/auth_challenge.h"
#include "image-rs-cpp/registry/image_config.h"
#include "image-rs-cpp/registry/manifest.h"
#include "image-rs-cpp/registry/reference.h"
#include "image-rs-cpp/unpack/decompress.h"
#include "image-rs-cpp/unpack/entry_path.h"
#include "image-rs-cpp/unpack/tar_reader.h"

namespace {

using nacre::AsText;
using nacre::ByteView;
using namespace nacre::image;

void Require(bool condition) {
  if (!condition) abort();
}

// Checks the order of calls, the sizes, and that canonical paths stay inside.
class CheckingSink : public TarSink {
 public:
  absl::Status BeginEntry(const TarEntry& entry) override {
    Require(!open_);
    open_ = true;
    left_ = entry.size;
    Require(entry.type == TarType::kFile || entry.size == 0);
    Require(entry.mode <= 07777 && entry.mtime_nanoseconds < 1'000'000'000);
    auto path = CanonicalEntryPath(entry.path, limits_);
    if (path.ok()) {
      const std::string slashes = "/" + *path + "/";
      Require(path->empty() || path->front() != '/');
      Require(slashes.find("/../") == std::string::npos);
      Require(slashes.find("/./") == std::string::npos);
      Require(path->find('\0') == std::string::npos);
    }
    return absl::OkStatus();
  }
  absl::Status EntryData(ByteView data) override {
    Require(open_ && data.size() <= left_);
    left_ -= data.size();
    return absl::OkStatus();
  }
  absl::Status EndEntry() override {
    Require(open_ && left_ == 0);
    open_ = false;
    return absl::OkStatus();
  }

 private:
  Limits limits_;
  bool open_ = false;
  uint64_t left_ = 0;
};

void FuzzTar(ByteView data, size_t step) {
  const Limits limits;
  CheckingSink sink;
  TarReader reader(&sink, limits);
  while (!data.empty()) {
    const size_t count = std::min(step, data.size());
    if (!reader.Write(data.first(count)).ok()) return;
    data = data.subspan(count);
  }
  (void)reader.Finish();
}

void FuzzDecompress(ByteView data, Compression kind) {
  auto decompressor = Decompressor::Create(kind, {});
  Require(decompressor.ok());
  size_t total = 0;
  auto bounded = [&](ByteView plain) {
    total += plain.size();
    return total > (8 << 20) ? absl::ResourceExhaustedError("enough") : absl::OkStatus();
  };
  if ((*decompressor)->Write(data, bounded).ok()) (void)(*decompressor)->Finish();
}

void FuzzReference(std::string_view text) {
  auto reference = ParseImageReference(text);
  if (!reference.ok()) return;
  auto again = ParseImageReference(reference->ToString());
  Require(again.ok() && again->ToString() == reference->ToString());
}

void FuzzDocuments(std::string_view text) {
  (void)ClassifyDocument(text, kOciManifest, {});
  (void)ParseIndex(text, {});
  auto manifest = ParseManifest(text, {});
  if (manifest.ok()) {
    for (const Descriptor& layer : manifest->layers) {
      Require(ParseLayerMediaType(layer.media_type).ok());
      (void)ParsePublicOptions(layer.annotations);
      (void)ParseWrappedKeys(layer.annotations, kProviderAnnotation);
    }
  }
  (void)ParseImageConfig(text, {});
}

void FuzzKeys(std::string_view text) {
  auto packet = ParseAnnotationPacket(text);
  if (packet.ok()) Require(CheckKeyUri(packet->key_id).ok());
  (void)ParsePrivateOptions(nacre::SecretBytes::CopyOf(nacre::AsBytes(text)), nacre::Bytes(32));
  (void)ParseBearerChallenge(text);
  (void)ParseTokenAnswer(text);
  // Requests that name a key file would read the disk.
  if (text.find("Parameters") == std::string_view::npos) (void)AnswerKeyProvider(text);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const ByteView rest(data + 1, size - 1);
  switch (data[0] % 8) {
    case 0:
      FuzzTar(rest, 1 << 20);
      break;
    case 1:
      FuzzTar(rest, 300);
      break;
    case 2:
      FuzzReference(AsText(rest));
      break;
    case 3:
      FuzzDocuments(AsText(rest));
      break;
    case 4:
      FuzzKeys(AsText(rest));
      break;
    case 5:
      FuzzDecompress(rest, Compression::kGzip);
      break;
    case 6:
      FuzzDecompress(rest, Compression::kZstd);
      break;
    default:
      (void)ParsePaxRecords(rest, {});
  }
  return 0;
}
