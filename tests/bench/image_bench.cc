// One layer through the pipeline (digest, HMAC, AES-CTR, inflate, diffID, tar, files), beside each
// of its parts alone on the same bytes. All rates are per byte of unpacked tar, so the time of the
// pipeline can be set against the sum of its parts. Files land in $TMPDIR: a tmpfs, as in a guest.
#include <benchmark/benchmark.h>

#include <cstdlib>
#include <random>

#include "base/file.h"
#include "crypto/aes_ctr.h"
#include "crypto/digest.h"
#include "crypto/hmac.h"
#include "image-rs-cpp/decrypt/layer_keys.h"
#include "image-rs-cpp/erofs/volume_tree.h"
#include "image-rs-cpp/testing/key_table.h"
#include "image-rs-cpp/testing/tar_builder.h"
#include "image-rs-cpp/testing/test_image.h"
#include "image-rs-cpp/unpack/folder_tree.h"
#include "image-rs-cpp/unpack/layer_pipeline.h"

namespace nacre::image {
namespace {

using testing::EncryptionKey;
using testing::KeyTable;
using testing::TestImage;

constexpr size_t kPiece = 64 << 10;

// A folder tree of 2,000 files of source-like text, about 64 MiB.
const Bytes& LayerTar() {
  static const Bytes tar = [] {
    std::mt19937 random(7);
    std::vector<std::string> words;
    for (int i = 0; i < 4000; ++i) words.push_back(std::to_string(random()).substr(0, 3 + i % 6));
    testing::TarBuilder builder;
    for (int file = 0; file < 2000; ++file) {
      if (file % 20 == 0) builder.Folder("usr/d" + std::to_string(file));
      std::string text;
      while (text.size() < 32'000) {
        text += words[random() % words.size()];
        text += random() % 12 == 0 ? '\n' : ' ';
      }
      builder.File("usr/d" + std::to_string(file / 20 * 20) + "/f" + std::to_string(file), text);
    }
    return builder.Finish();
  }();
  return tar;
}

// The layer as a registry has it.
struct StoredBlob {
  std::optional<Descriptor> layer;
  std::optional<LayerKey> key;
  Bytes blob;
};

const StoredBlob& Blob(Compression compression, bool encrypted) {
  static std::map<std::pair<Compression, bool>, StoredBlob> made;
  StoredBlob& out = made[{compression, encrypted}];
  if (out.layer) return out;
  TestImage image;
  if (encrypted) {
    image.AddEncryptedLayer(LayerTar(), {}, compression);
  } else {
    image.AddLayer(LayerTar(), compression);
  }
  image.Seal();
  out.layer.emplace(ParseManifest(image.manifest.dump(), {})->layers[0]);
  out.blob = ToBytes(image.blobs.at(out.layer->digest.text()));
  KeyTable keys({{EncryptionKey().key_id, EncryptionKey().kek}});
  out.key = std::move((*UnwrapLayerKeys({*out.layer}, {&keys, {}}))[0]);
  return out;
}

template <typename Take>
void ForPieces(ByteView data, Take take) {
  while (!data.empty()) {
    const size_t count = std::min(kPiece, data.size());
    take(data.first(count));
    data = data.subspan(count);
  }
}

void SetRate(benchmark::State& state) {
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * LayerTar().size()));
}

void BM_Layer(benchmark::State& state) {
  const auto compression = static_cast<Compression>(state.range(0));
  const StoredBlob& stored = Blob(compression, state.range(1) != 0);
  const BlobDigest diff_id = BlobDigest::OfSha256(LayerTar());
  const Limits limits;
  for (auto _ : state) {
    state.PauseTiming();
    auto folder = TemporaryDirectory::Create("image_bench");
    state.ResumeTiming();
    UnpackBudget budget(limits);
    auto tree = FolderTree::Create(folder->path());
    auto pipeline =
        LayerPipeline::Create({&*stored.layer, &diff_id, stored.key ? &*stored.key : nullptr,
                               tree->get(), &limits, &budget});
    absl::Status status;
    ForPieces(stored.blob, [&](ByteView piece) {
      if (status.ok()) status = (*pipeline)->Write(piece);
    });
    if (status.ok()) status = (*pipeline)->Finish().status();
    if (!status.ok()) state.SkipWithError(status.ToString().c_str());
    state.PauseTiming();
    { auto gone = std::move(folder); }
    state.ResumeTiming();
  }
  SetRate(state);
}
BENCHMARK(BM_Layer)
    ->ArgNames({"compression", "encrypted"})
    ->ArgsProduct({{0, 1, 2}, {0, 1}})
    ->Unit(benchmark::kMillisecond);

void BM_Inflate(benchmark::State& state) {
  const auto compression = static_cast<Compression>(state.range(0));
  const StoredBlob& stored = Blob(compression, false);
  for (auto _ : state) {
    auto decompressor = Decompressor::Create(compression, {});
    ForPieces(stored.blob, [&](ByteView piece) {
      benchmark::DoNotOptimize(
          (*decompressor)->Write(piece, [](ByteView) { return absl::OkStatus(); }));
    });
  }
  SetRate(state);
}
BENCHMARK(BM_Inflate)->ArgName("compression")->Arg(1)->Arg(2)->Unit(benchmark::kMillisecond);

void BM_Sha256OfTar(benchmark::State& state) {
  for (auto _ : state) {
    benchmark::DoNotOptimize(crypto::Digest(crypto::HashAlgorithm::kSha256, LayerTar()));
  }
  SetRate(state);
}
BENCHMARK(BM_Sha256OfTar)->Unit(benchmark::kMillisecond);

void BM_Sha256OfBlob(benchmark::State& state) {
  const Bytes& blob = Blob(Compression::kGzip, true).blob;
  for (auto _ : state) {
    benchmark::DoNotOptimize(crypto::Digest(crypto::HashAlgorithm::kSha256, blob));
  }
  SetRate(state);
}
BENCHMARK(BM_Sha256OfBlob)->Unit(benchmark::kMillisecond);

void BM_HmacOfBlob(benchmark::State& state) {
  const Bytes& blob = Blob(Compression::kGzip, true).blob;
  for (auto _ : state) {
    crypto::HmacSha256 hmac(Bytes(32, 1));
    ForPieces(blob, [&](ByteView piece) { hmac.Update(piece); });
    benchmark::DoNotOptimize(hmac.Finish());
  }
  SetRate(state);
}
BENCHMARK(BM_HmacOfBlob)->Unit(benchmark::kMillisecond);

void BM_AesCtrOfBlob(benchmark::State& state) {
  const Bytes& blob = Blob(Compression::kGzip, true).blob;
  Bytes out(kPiece);
  for (auto _ : state) {
    auto cipher = crypto::Aes256Ctr::Create(Bytes(32, 1), Bytes(16));
    ForPieces(blob, [&](ByteView piece) {
      benchmark::DoNotOptimize(cipher->Update(piece, std::span(out).first(piece.size())));
    });
  }
  SetRate(state);
}
BENCHMARK(BM_AesCtrOfBlob)->Unit(benchmark::kMillisecond);

// Tar and files only: no compression, no hashes.
void BM_TarToFiles(benchmark::State& state) {
  const Limits limits;
  for (auto _ : state) {
    state.PauseTiming();
    auto folder = TemporaryDirectory::Create("image_bench");
    state.ResumeTiming();
    UnpackBudget budget(limits);
    auto tree = FolderTree::Create(folder->path());
    LayerApplier applier(tree->get(), limits, &budget);
    TarReader reader(&applier, limits);
    ForPieces(LayerTar(), [&](ByteView piece) { benchmark::DoNotOptimize(reader.Write(piece)); });
    benchmark::DoNotOptimize(applier.Finish());
    state.PauseTiming();
    { auto gone = std::move(folder); }
    state.ResumeTiming();
  }
  SetRate(state);
}
BENCHMARK(BM_TarToFiles)->Unit(benchmark::kMillisecond);

// The same into an EROFS image with its verity tree, and nobody keeps the blocks.
class NoVolume : public LayerVolume {
 public:
  absl::Status Write(VolumePart, uint64_t, ByteView) override { return absl::OkStatus(); }
  absl::StatusOr<std::string> Mount(const VerityRoot&) override { return ""; }
};

void BM_TarToVolume(benchmark::State& state) {
  const Limits limits;
  for (auto _ : state) {
    NoVolume volume;
    UnpackBudget budget(limits);
    erofs::VolumeTree tree(&volume);
    LayerApplier applier(&tree, limits, &budget);
    TarReader reader(&applier, limits);
    ForPieces(LayerTar(), [&](ByteView piece) { benchmark::DoNotOptimize(reader.Write(piece)); });
    benchmark::DoNotOptimize(applier.Finish());
  }
  SetRate(state);
}
BENCHMARK(BM_TarToVolume)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace nacre::image

BENCHMARK_MAIN();
