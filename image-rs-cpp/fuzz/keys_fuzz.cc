// Wrapped keys: annotation packets, private options, requests to the key provider.
#include <cstdlib>

#include "base/fuzz_testing.h"
#include "image-rs-cpp/decrypt/annotation_packet.h"
#include "image-rs-cpp/decrypt/key_provider.h"
#include "image-rs-cpp/decrypt/layer_options.h"

namespace nacre::image {
namespace {

void Require(bool condition) {
  if (!condition) std::abort();
}

void Try(ByteView data) {
  const std::string_view text = AsText(data);
  if (auto packet = ParseAnnotationPacket(text); packet.ok()) {
    Require(CheckKeyUri(packet->key_id).ok());
    (void)UnwrapOptions(*packet, Bytes(32, 1));
  }
  auto key = ParsePrivateOptions(SecretBytes::CopyOf(data), Bytes(32));
  if (key.ok()) Require(key->symmetric_key.size() == 32 && key->nonce.size() == 16);
  // Requests with parameters would read the key file they name.
  if (text.find("Parameters") == std::string_view::npos) (void)AnswerKeyProvider(text);
}

std::vector<std::string> Seeds() {
  auto packet = WrapOptions("kbs:///a/b/c", Bytes(32, 1), AsBytes("{}"));
  return {*FormatAnnotationPacket(*packet),
          R"({"symkey":"uZv9A8WjJs9rXeK7/teTzGcALmD46zpBFWV9R6LTCoc=","digest":"sha256:00",)"
          R"("cipheroptions":{"nonce":"hTCx/dn2Dc+00dsooBc5VQ=="}})",
          R"({"op":"keyunwrap","keyunwrapparams":{"dc":null,"annotation":"e30="}})"};
}

NACRE_FUZZ_TARGET(ImageKeys, Try, Seeds)

}  // namespace
}  // namespace nacre::image
