// crypto.md5, sha1, sha256, hmac.*.
#include "base/encoding.h"
#include "policy/rego/builtins/common.h"
#include "policy/rego/builtins/register.h"
#include "policy/rego/builtins/signature.h"

namespace nacre::rego {
namespace {

BuiltinFunction Digest(const char* name) {
  return [name](BuiltinContext& context, Args args) -> Result {
    ASSIGN_OR_RETURN(std::string_view text, StringArg(args, 1));
    RETURN_IF_ERROR(context.Step(text.size()));
    return Text(context, HexEncode(AsBytes(DigestBytes(name, text))));
  };
}

BuiltinFunction Hmac(const char* name) {
  return [name](BuiltinContext& context, Args args) -> Result {
    ASSIGN_OR_RETURN(std::string_view text, StringArg(args, 1));
    ASSIGN_OR_RETURN(std::string_view key, StringArg(args, 2));
    RETURN_IF_ERROR(context.Step(text.size() + key.size()));
    return Text(context, HexEncode(AsBytes(HmacBytes(name, key, text))));
  };
}

}  // namespace

void RegisterCrypto(BuiltinRegistry& registry) {
  auto equal = [](std::string_view a, std::string_view b) {
    return ConstantTimeEqual(AsBytes(a), AsBytes(b));
  };
  registry.Register({"crypto.md5", {kString}, kString, Digest("MD5")});
  registry.Register({"crypto.sha1", {kString}, kString, Digest("SHA1")});
  registry.Register({"crypto.sha256", {kString}, kString, Digest("SHA256")});
  registry.Register({"crypto.hmac.md5", {kString, kString}, kString, Hmac("MD5")});
  registry.Register({"crypto.hmac.sha1", {kString, kString}, kString, Hmac("SHA1")});
  registry.Register({"crypto.hmac.sha256", {kString, kString}, kString, Hmac("SHA256")});
  registry.Register({"crypto.hmac.sha512", {kString, kString}, kString, Hmac("SHA512")});
  registry.Register({"crypto.hmac.equal", {kString, kString}, kBoolean, TextTest(equal)});
}

}  // namespace nacre::rego
