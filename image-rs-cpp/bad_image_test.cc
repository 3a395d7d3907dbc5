// Images made to hurt: whatever is wrong with a manifest, a configuration or a layer, the puller
// refuses it as testing/refusal_scene.h says, each for its own reason.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "base/encoding.h"
#include "base/strings.h"
#include "crypto/digest.h"
#include "image-rs-cpp/testing/compress.h"
#include "image-rs-cpp/testing/refusal_scene.h"
#include "image-rs-cpp/testing/tar_builder.h"

namespace nacre::image {
namespace {

using testing::Member;
using testing::RefusalScene;
using testing::TarBuilder;
using enum absl::StatusCode;

constexpr const char* kTar = "application/vnd.oci.image.layer.v1.tar";
constexpr const char* kTarGzip = "application/vnd.oci.image.layer.v1.tar+gzip";
constexpr const char* kTarZstd = "application/vnd.oci.image.layer.v1.tar+zstd";

struct BadImage {
  const char* name;
  std::function<void(RefusalScene& scene)> make;
  RefusalScene::Refusal refusal;
};

void PrintTo(const BadImage& bad, std::ostream* out) { *out << bad.name; }

Bytes Tar() { return TarBuilder().File("file", std::string(5000, 'x')).Finish(); }

// A layer of this tar, honest in everything else.
std::function<void(RefusalScene&)> Layer(const TarBuilder& tar) {
  return [bytes = TarBuilder(tar).Finish()](RefusalScene& scene) { scene.BadLayer(bytes); };
}

// The layer arrives as `change` makes it; the manifest is honest.
std::function<void(RefusalScene&)> OnTheWay(std::function<std::string(std::string)> change) {
  return [change](RefusalScene& scene) {
    scene.BadLayer(Tar());
    scene.Replace(scene.layer, change(scene.image.blobs.at(scene.layer)));
  };
}

std::function<void(RefusalScene&)> Blob(const Bytes& blob, const char* media_type) {
  return [=](RefusalScene& scene) { scene.BadBlob(blob, media_type); };
}

// A member of the last layer's descriptor, as it should not be. The digest names the layer still.
std::function<void(RefusalScene&)> Descriptor(const char* member, const Json& value) {
  return [=](RefusalScene& scene) {
    scene.BadLayer(Tar());
    scene.layer.clear();
    scene.image.manifest["layers"][1][member] = value;
  };
}

Bytes Without(Bytes bytes, size_t end) {
  bytes.resize(bytes.size() - end);
  return bytes;
}

Bytes With(Bytes bytes, size_t position, uint8_t change) {
  bytes.at(position) ^= change;
  return bytes;
}

std::string DigestOf(std::string_view algorithm, size_t digits) {
  return StrCat(algorithm, ":", std::string(digits, '1'));
}

const BadImage kOnTheWay[] = {
    {"CutLayer",
     OnTheWay([](std::string blob) { return blob.pop_back(), blob; }),
     {kDataLoss, {"the manifest names"}}},
    {"EmptyLayer", OnTheWay([](std::string) { return ""; }), {kDataLoss, {"got 0 bytes"}}},
    {"OverLongLayer",
     OnTheWay([](std::string blob) { return blob + "x"; }),
     {kDataLoss, {"more bytes than the", "the manifest names"}}},
    {"FlippedBitAtTheBegin",
     OnTheWay([](std::string blob) { return blob[0] ^= 1, blob; }),
     {kDataLoss, {"digest is sha256:", "expected sha256:"}}},
    {"FlippedBitInTheMiddle",
     OnTheWay([](std::string blob) { return blob[blob.size() / 2] ^= 4, blob; }),
     {kDataLoss, {"digest is sha256:"}}},
    {"FlippedBitAtTheEnd",
     OnTheWay([](std::string blob) { return blob.back() ^= 64, blob; }),
     {kDataLoss, {"digest is sha256:"}}},
    {"AnotherLayerInItsPlace",
     OnTheWay([](std::string blob) { return std::string(blob.size(), 0); }),
     {kDataLoss, {"digest is sha256:"}}},
};

void ReplaceConfig(RefusalScene& scene, const std::function<void(std::string*)>& change) {
  scene.image.Seal();
  const std::string digest = scene.image.manifest["config"]["digest"];
  std::string text = scene.image.blobs.at(digest);
  change(&text);
  scene.Replace(digest, text);
  scene.layer = digest;  // the blob the refusal names
}

const BadImage kConfigurations[] = {
    {"FlippedBitInTheConfiguration",
     [](RefusalScene& scene) { ReplaceConfig(scene, [](std::string* text) { (*text)[20] ^= 1; }); },
     {kDataLoss, {"digest is sha256:"}}},
    {"CutConfiguration",
     [](RefusalScene& scene) { ReplaceConfig(scene, [](std::string* text) { text->pop_back(); }); },
     {kDataLoss, {"the manifest names"}}},
    {"OverLongConfiguration",
     [](RefusalScene& scene) { ReplaceConfig(scene, [](std::string* text) { *text += " "; }); },
     {kDataLoss, {"more bytes than the"}}},
    {"ConfigurationOfAnotherLayer",
     [](RefusalScene& scene) {
       scene.BadLayer(Tar());
       scene.image.config["rootfs"]["diff_ids"][1] = DigestOf("sha256", 64);
     },
     {kDataLoss, {"diffID"}}},
    {"ConfigurationOfFewerLayers",
     [](RefusalScene& scene) { scene.image.config["rootfs"]["diff_ids"].clear(); },
     {kInvalidArgument, {"1 layers, the image config 0"}}},
    {"ConfigurationForAnotherMachine",
     [](RefusalScene& scene) { scene.image.config["architecture"] = "riscv64"; },
     {kInvalidArgument, {"is for linux/riscv64, expected linux/amd64"}}},
    {"ConfigurationThatIsNoJson",
     [](RefusalScene& scene) {
       scene.image.manifest["config"] = scene.image.AddBlob(
           AsBytes("{\"os\": \"linux\""), "application/vnd.oci.image.config.v1+json");
     },
     {kInvalidArgument, {"image config"}}},
};

const BadImage kStreams[] = {
    {"GzipThatEndsEarly",
     Blob(Without(testing::GzipOf(Tar()), 9), kTarGzip),
     {kDataLoss, {"gzip: the compressed layer ends early"}}},
    {"GzipWithAWrongChecksum",
     Blob(With(testing::GzipOf(Tar()), testing::GzipOf(Tar()).size() - 6, 1), kTarGzip),
     {kInvalidArgument, {"gzip: "}}},
    {"GzipThatIsZstd", Blob(testing::ZstdOf(Tar()), kTarGzip), {kInvalidArgument, {"gzip: "}}},
    {"GzipThatIsPlain", Blob(Tar(), kTarGzip), {kInvalidArgument, {"gzip: "}}},
    {"ZstdThatIsGzip", Blob(testing::GzipOf(Tar()), kTarZstd), {kInvalidArgument, {"zstd: "}}},
    {"ZstdThatEndsEarly",
     Blob(Without(testing::ZstdOf(Tar()), 3), kTarZstd),
     {kDataLoss, {"zstd: the compressed layer ends early"}}},
    {"PlainThatIsGzip", Blob(testing::GzipOf(Tar()), kTar), {kDataLoss, {"tar: "}}},
    {"PlainThatIsText", Blob(ToBytes("not a tape archive"), kTar), {kDataLoss, {"tar: "}}},
    {"ABombOfZeros",
     [](RefusalScene& scene) {
       scene.limits.max_unpacked_size = 2 << 20;
       scene.BadLayer(TarBuilder().File("zeros", std::string(8 << 20, 0)).Finish());
     },
     {kResourceExhausted, {"unpack to more bytes than allowed"}}},
    {"ABombByItsRatio",
     [](RefusalScene& scene) {
       scene.limits.unpack_ratio_from = 1 << 20;
       scene.limits.max_unpack_ratio = 100;
       scene.BadLayer(TarBuilder().File("zeros", std::string(4 << 20, 0)).Finish());
     },
     {kResourceExhausted, {"unpack"}}},
    {"AStoreThatIsTooSmall",
     [](RefusalScene& scene) {
       scene.store.max_size = 64 << 10;
       scene.BadLayer(TarBuilder().File("f", std::string(100'000, 'x')).Finish());
     },
     {kResourceExhausted, {"the image store has room for: 65536"}}},
    {"ABombOfManyLayers",
     [](RefusalScene& scene) {
       scene.limits.max_unpacked_size = 64 << 10;
       scene.limits.parallel_layers = 1;
       for (char c = 'a'; c < 'z'; ++c) {
         scene.BadLayer(TarBuilder().File("f", std::string(6000, c)).Finish());
       }
       scene.layer = scene.image.manifest["layers"][9]["digest"];
     },
     {kResourceExhausted, {"unpack to more bytes than allowed"}}},
};

std::function<void(RefusalScene&)> Layers(size_t count) {
  return [count](RefusalScene& scene) {
    Json& layers = scene.image.manifest["layers"];
    while (layers.size() < count) layers.push_back(layers[0]);
  };
}

const BadImage kManifests[] = {
    {"TenThousandLayers",
     Layers(10'000),
     {kResourceExhausted, {"manifest: 10000 layers, allowed are 499"}}},
    {"OneLayerTooMany", Layers(500), {kResourceExhausted, {"500 layers, allowed are 499"}}},
    {"LayerOfAnUnknownType",
     Descriptor("mediaType", "application/x-iso9660-image"),
     {kUnimplemented, {"manifest layer 1", "'application/x-iso9660-image' is not supported"}}},
    {"LayerWithoutAType",
     Descriptor("mediaType", nullptr),
     {kInvalidArgument, {"manifest layer 1", "mediaType"}}},
    {"LayerThatIsAManifest",
     Descriptor("mediaType", kOciManifest),
     {kUnimplemented, {"manifest layer 1"}}},
    {"LayerByMd5",
     Descriptor("digest", DigestOf("md5", 32)),
     {kInvalidArgument, {"manifest layer 1", "md5"}}},
    {"LayerBySha384",
     Descriptor("digest", DigestOf("sha384", 96)),
     {kInvalidArgument, {"manifest layer 1", "sha384"}}},
    {"LayerBySha512ThatIsTooShort",
     Descriptor("digest", DigestOf("sha512", 64)),
     {kInvalidArgument, {"manifest layer 1", "sha512"}}},
    {"LayerByCapitals",
     Descriptor("digest", "sha256:" + std::string(64, 'A')),
     {kInvalidArgument, {"manifest layer 1"}}},
    {"LayerByAPath",
     Descriptor("digest", "sha256:../../../../../../../etc/passwd"),
     {kInvalidArgument, {"manifest layer 1"}}},
    {"LayerOfNegativeSize",
     Descriptor("size", -1),
     {kInvalidArgument, {"manifest layer 1", "size"}}},
    {"LayerOfHalfAByte", Descriptor("size", 1.5), {kInvalidArgument, {"manifest layer 1", "size"}}},
    {"LayerOverTheLimit",
     Descriptor("size", uint64_t{17} << 30),
     {kResourceExhausted, {"manifest layer 1", "18253611008 bytes, allowed are 17179869184"}}},
    {"LayersOverTheLimitTogether",
     [](RefusalScene& scene) {
       scene.BadLayer(Tar());
       scene.layer.clear();
       scene.limits.max_image_size = scene.image.manifest["layers"][1]["size"];
     },
     {kResourceExhausted, {"its first 2 layers have", "allowed are"}}},
    {"ConfigurationOfAnArtifact",
     [](RefusalScene& scene) {
       scene.image.manifest["config"] =
           scene.image.AddBlob(AsBytes("{}"), "application/vnd.cncf.helm.config.v1+json");
     },
     {kUnimplemented, {"manifest config", "is not that of a container image"}}},
    {"ManifestOfAnotherType",
     [](RefusalScene& scene) {
       scene.image.manifest["mediaType"] = "application/vnd.docker.distribution.manifest.v1+json";
       scene.image.manifest_type = scene.image.manifest["mediaType"];
     },
     {kUnimplemented, {"manifest.v1+json' is not supported"}}},
    {"ManifestThatDeniesItsType",
     [](RefusalScene& scene) { scene.image.manifest_type = kOciIndex; },
     {kInvalidArgument, {"says it is", "the registry says"}}},
    {"ManifestAndIndexAtOnce",
     [](RefusalScene& scene) { scene.image.manifest["manifests"] = Json::array(); },
     {kInvalidArgument, {"as an index and as a manifest at once"}}},
    {"ManifestOverTheLimit",
     [](RefusalScene& scene) {
       scene.image.manifest["annotations"]["x"] = std::string(5 << 20, 'x');
     },
     {kResourceExhausted, {"larger than the 4194304 bytes allowed"}}},
    {"EncryptedWithoutAKey",
     Descriptor("mediaType", "application/vnd.oci.image.layer.v1.tar+gzip+encrypted"),
     {kInvalidArgument, {"layer"}}},
};

TarBuilder Negative() {
  std::string field(12, '\xff');  // base-256, minus one
  return TarBuilder().Add({.path = "f", .size_field = field});
}

// One folder again and again: many entries, hardly anything on the disk.
TarBuilder ManyEntries(size_t count) {
  TarBuilder tar;
  while (count-- > 0) tar.Folder("d");
  return tar;
}

const BadImage kTars[] = {
    {"UpwardsPath",
     Layer(TarBuilder().File("a/../../../etc/passwd", "evil")),
     {kInvalidArgument, {"path 'a/../../../etc/passwd' leads upwards with '..'"}}},
    {"AbsolutePath",
     Layer(TarBuilder().File("/etc/passwd", "evil")),
     {kInvalidArgument, {"path '/etc/passwd' is absolute"}}},
    {"PathOverALink",
     Layer(TarBuilder().Symlink("l", "/etc").File("l/passwd", "evil")),
     {kInvalidArgument, {"tar entry 'l/passwd'", "leads over a symbolic link"}}},
    {"PathOverAFile",
     Layer(TarBuilder().File("f", "x").File("f/g", "y")),
     {kFailedPrecondition, {"is not a folder"}}},
    {"PathInAPaxHeader",
     Layer(TarBuilder().Pax({{"path", "../../etc/passwd"}}).File("innocent", "evil")),
     {kInvalidArgument, {"leads upwards"}}},
    {"HardLinkUpwards",
     Layer(TarBuilder().HardLink("h", "../../../etc/passwd")),
     {kInvalidArgument, {"hard link to '../../../etc/passwd'", "leads upwards"}}},
    {"HardLinkToAnAbsolutePath",
     Layer(TarBuilder().HardLink("h", "/etc/passwd")),
     {kInvalidArgument, {"hard link to '/etc/passwd'", "is absolute"}}},
    {"HardLinkOverALink",
     Layer(TarBuilder().Symlink("l", "/etc").HardLink("h", "l/passwd")),
     {kInvalidArgument, {"hard link to 'l/passwd'"}}},
    {"HardLinkToAFolder",
     Layer(TarBuilder().Folder("d").HardLink("h", "d")),
     {kInvalidArgument, {"which cannot be linked"}}},
    {"DeviceThatOverlayTakesForAWhiteout",
     Layer(TarBuilder().Device("w", '3', 0, 0)),
     {kInvalidArgument, {"'w'", "means a whiteout to overlayfs"}}},
    {"TooManyDevices",
     [](RefusalScene& scene) {
       scene.limits.max_device_nodes = 2;
       TarBuilder tar;
       for (uint32_t i = 0; i < 3; ++i) tar.Device(StrCat("d", i), '3', 1, i + 1);
       scene.BadLayer(tar.Finish());
     },
     {kResourceExhausted, {"2 device nodes"}}},
    {"TooManyEntries",
     [](RefusalScene& scene) {
       scene.limits.max_entries = 1'001;  // the good layer below has one
       scene.limits.parallel_layers = 1;
       scene.BadLayer(ManyEntries(1'001).Finish());
     },
     {kResourceExhausted, {"hold more files than allowed"}}},
    {"NegativeSize", Layer(Negative()), {kInvalidArgument, {"size"}}},
    {"SizeWithASign",
     Layer(TarBuilder().Add({.path = "f", .size_field = "-0000000001"})),
     {kInvalidArgument, {"size"}}},
    {"SizeBeyondTheArchive",
     Layer(TarBuilder().Add({.path = "f", .content = "x", .size_field = "77777777777"})),
     {kDataLoss, {"the archive ends inside a member"}}},
    {"SizeInAPaxHeader",
     Layer(TarBuilder().Pax({{"size", "-5"}}).File("f", "x")),
     {kInvalidArgument, {"size"}}},
    {"OverlaysOwnAttribute",
     Layer(TarBuilder().Pax({{"SCHILY.xattr.trusted.overlay.redirect", "/etc"}}).File("f", "x")),
     {kInvalidArgument, {"trusted.overlay.redirect"}}},
    {"LongExtendedHeader",
     Layer(TarBuilder().Pax({{"comment", std::string(2 << 20, 'x')}}).File("f", "x")),
     {kResourceExhausted, {"an extended header of"}}},
    {"LongName",
     Layer(TarBuilder().Pax({{"path", std::string(300, 'n')}}).File("f", "x")),
     {kResourceExhausted, {"a name over 255 bytes"}}},
    {"WrongChecksum",
     Layer(TarBuilder().Raw(With(testing::MakeHeader({.path = "f"}), 0, 1))),
     {kInvalidArgument, {"wrong checksum"}}},
};

class BadImageTest : public ::testing::TestWithParam<BadImage> {};

TEST_P(BadImageTest, IsRefused) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root: layers keep their owners";
  RefusalScene scene;
  GetParam().make(scene);
  scene.ExpectRefused(GetParam().refusal);
}

// A digest of the other algorithm that is allowed is checked as well as the usual one.
void NameBySha512(RefusalScene& scene, const std::string& content) {
  const Bytes digest =
      crypto::Digest(crypto::HashAlgorithm::kSha512, AsBytes(scene.image.blobs.at(scene.layer)));
  scene.layer = "sha512:" + HexEncode(digest);
  scene.image.manifest["layers"][1]["digest"] = scene.layer;
  scene.Replace(scene.layer, content);
}

TEST(BadDigestTest, Sha512IsCheckedToo) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root: layers keep their owners";
  RefusalScene changed;
  changed.BadLayer(Tar());
  std::string content = changed.image.blobs.at(changed.layer);
  content[content.size() / 2] ^= 1;
  NameBySha512(changed, content);
  changed.ExpectRefused({kDataLoss, {"digest is sha512:", "expected sha512:"}});
  // With the right bytes the next check is reached.
  RefusalScene right;
  right.BadLayer(Tar());
  right.image.config["rootfs"]["diff_ids"][1] = DigestOf("sha256", 64);
  NameBySha512(right, right.image.blobs.at(right.layer));
  right.ExpectRefused({kDataLoss, {"unpacked (diffID): digest is"}});
}

std::string NameOf(const ::testing::TestParamInfo<BadImage>& info) { return info.param.name; }

INSTANTIATE_TEST_SUITE_P(OnTheWay, BadImageTest, ::testing::ValuesIn(kOnTheWay), NameOf);
INSTANTIATE_TEST_SUITE_P(Config, BadImageTest, ::testing::ValuesIn(kConfigurations), NameOf);
INSTANTIATE_TEST_SUITE_P(Stream, BadImageTest, ::testing::ValuesIn(kStreams), NameOf);
INSTANTIATE_TEST_SUITE_P(Manifest, BadImageTest, ::testing::ValuesIn(kManifests), NameOf);
INSTANTIATE_TEST_SUITE_P(Tar, BadImageTest, ::testing::ValuesIn(kTars), NameOf);

}  // namespace
}  // namespace nacre::image
